"""Schedules: values worked out by hand, errors at their column, and texts that mean harm."""

from __future__ import annotations

import math
import random
from fractions import Fraction
from time import perf_counter

import numpy as np
import pytest

from dreamvideo.errors import ScheduleError
from dreamvideo.schedule import FilmClock, Schedule
from dreamvideo.schedule.eases import EASES, ease

FILM = FilmClock(240, Fraction(24), seed=7)  # 10 s

BY_HAND: list[tuple[str, int, float]] = [  # schedule, frame, value
    ("1.5", 100, 1.5),
    ("0:1, 100:2", 50, 1.5),
    ("0:1, 100:2", 200, 2.0),
    ("10:1, 20:2", 0, 1.0),
    ("100:2, 0:1", 25, 1.25),
    ("0s:0, 2.5s:1", 30, 0.5),
    ("0:0, .5s:12", 6, 6.0),
    ("0%:0, 50%:12", 60, 6.0),
    ("0:0, 100%:240", 239, 239.0),
    ("0:0, max_f:239", 100, 100.0),
    ("0:0, (n/2):120", 60, 60.0),
    ("0:0, 2*fps:48", 24, 24.0),
    ("0:1 ease:hold, 10:2", 9, 1.0),
    ("0:0 ease:inQuad, 10:1", 5, 0.25),
    ("0:0 ease:outQuad, 10:1", 5, 0.75),
    ("0:0 ease:inOutSine, 10:1", 5, 0.5),
    ("0:0 ease:easeInCubic, 10:8", 5, 1.0),
    ("0:0 ease: inQuad, 10:1", 5, 0.25),
    ("0:1, 100:t/100", 50, 1.0),
    ("0:t, 100:5", 99, 99.0),
    ("0:1, 9:2, 9.5:noise(3), 10:4, 999:noise(t)", 9, 2.0),  # keys that no frame belongs to
    ("0:t, 100:5", 100, 5.0),
    ("0:1.02, 2.5s:1.1 ease:inOutSine, 50%:sin(2*pi*p), 100%:1", 60, 1.1),
    ("0:1.02, 2.5s:1.1 ease:inOutSine, 50%:sin(2*pi*p), 100%:1", 180, -1.0),
    ("0:1.02, 2.5s:1.1 ease:inOutSine, 50%:sin(2*pi*p), 100%:1", 90, 0.55),
    ("1+2*3-4/2", 0, 5.0),
    ("2**3**2", 0, 512.0),
    ("-2**2", 0, -4.0),
    ("7%4", 0, 3.0),
    ("-1%4", 0, 3.0),
    ("1 if t<120 else 2", 119, 1.0),
    ("1 if t<120 else 2", 120, 2.0),
    ("1 if 10<=t<20 else 0", 15, 1.0),
    ("1 if 10<=t<20 else 0", 25, 0.0),
    ("(t>5)+(t>10)", 11, 2.0),
    ("where(t==3, 5, 6)", 3, 5.0),
    ("where(t!=3, 5, 6)", 3, 6.0),
    ("log(1) if t==0 else log(t)", 0, 0.0),
    ("min(3, 1, 2) + max(3, 9, 2)", 0, 10.0),
    ("clip(t, 10, 20)", 100, 20.0),
    ("floor(t/10)", 99, 9.0),
    ("sqrt(abs(-16))+exp(0)", 0, 5.0),
    ("log(e)+cos(0)+tan(0)", 0, 2.0),
    ("t/n + p", 120, 1.0),
    ("T*fps", 0, 240.0),
    ("s", 0, 7.0),
    ("noise(3)-noise(3)", 17, 0.0),
    ("\n0: 1,\n\t100: 2", 50, 1.5),
]

DEFORUM: list[tuple[str, int, float]] = [  # as people type them there: t is the frame, max_f the last one
    ("0:(0)", 100, 0.0),
    ("0: (0.65)", 100, 0.65),
    ("0:(-2), 100:(4)", 50, 1.0),
    ("0:(1.02), 60:(1.0+0.02*sin(2*3.14*t/max_f))", 30, (1.02 + 1 + 0.02 * math.sin(6.28 * 60 / 239)) / 2),
    ("0:(1.02), 60:(1.0+0.02*sin(2*3.14*t/max_f))", 100, 1 + 0.02 * math.sin(6.28 * 100 / 239)),
    ("0:(1.02+0.02*sin(2*3.14*t/20))", 5, 1.02 + 0.02 * math.sin(1.57)),
    ("0:(t%15)", 38, 8.0),
    ("0:(10*(cos(3.141*t/15)**100)+20)", 15, 10 * math.cos(3.141) ** 100 + 20),
    ("0:(1*(2-2.718**(-1*t/20)))", 20, 2 - 2.718**-1),
    ("0:(where(t<60, min(1,2), 3))", 59, 1.0),
    ("0:(max_f), max_f:(0)", 239, 0.0),
]


@pytest.mark.parametrize("text, frame, value", BY_HAND + DEFORUM)
def test_values_by_hand(text: str, frame: int, value: float) -> None:
    assert Schedule(text).curve(FILM)[frame] == pytest.approx(value, abs=1e-12)


WRONG: list[tuple[str, int, str]] = [  # schedule, column from 1, what is said
    ("", 1, "a value is missing"),
    ("0:", 3, "a value is missing"),
    ("0:1,", 5, "a key is missing"),
    ("0:1, 2", 5, "a key is missing"),
    ("0:1, 20:sin(tt)", 13, "no variable called 'tt'"),
    ("0:1, 20:sine(t)", 9, "did you mean sin"),
    ("0:1 ease:inSin, 20:2", 10, "did you mean inSine"),
    ("0:t ease:inSine, 20:2", 5, "moves by itself"),
    ("sin", 1, "needs brackets"),
    ("sin(1, 2)", 1, "sin takes 1 value"),
    ("clip(1)", 1, "clip takes 3 values"),
    ("min(1)", 1, "2 or more"),
    ("(1", 1, "not closed"),
    ("1+(2))", 6, "not opened"),
    ("1+*2", 3, "not arithmetic"),
    ("0:1+'a'", 5, "not used in schedules"),
    ("0:é", 3, "not used in schedules"),
    ("t.real", 1, "only arithmetic"),
    ("(1).real", 1, "only arithmetic"),
    ("(t:=1)", 2, "only arithmetic"),
    ("(1,2)", 1, "only arithmetic"),
    ("__import__(1)", 1, "no function called '__import__'"),
    ("sin(x=1)", 1, "sin takes 1 value"),
    ("min(*t)", 1, "2 or more"),
    ("t//2", 1, "only + - "),
    ("1j", 1, "only numbers"),
    ("True", 1, "only numbers"),
    ("1e999", 1, "too large"),
    ("1" + "0" * 400, 1, "too large"),
    ("-" * 60 + "1", 51, "in one another"),
    ("1" * 5000, 4001, "longer than"),
    ("t:1", 1, "no variable called 't'"),
    ("0:1, -5:2", 6, "before the film"),
    ("0:1, 1s:2, 24:3", 12, "two keys at frame 24"),
    ("0:1/t", 3, "inf at frame 0"),
    ("0:1, 10:sqrt(5-t)", 9, "nan at frame 10"),
    ("9**9**9", 1, "inf at frame 0"),
    ("0:1+beat", 5, "--audio FILE"),
    ("noise(t)", 1, "the seed of noise"),
    ("0:1, noise(1):2", 6, "noise has none"),
]


@pytest.mark.parametrize("text, column, said", WRONG)
def test_errors_point_at_the_column(text: str, column: int, said: str) -> None:
    with pytest.raises(ScheduleError) as error:
        Schedule(text).curve(FILM)
    assert error.value.column == column
    assert said in str(error.value) and f"column {column}" in str(error.value)
    assert "\n" not in str(error.value) and len(str(error.value)) < 300


@pytest.mark.parametrize("name", EASES)
def test_eases_lead_from_begin_to_end(name: str) -> None:
    share = np.linspace(0, 1, 201)
    way = ease(name, share)
    assert way[0] == pytest.approx(0, abs=2e-3)
    assert name == "hold" or way[-1] == pytest.approx(1, abs=2e-3)
    assert np.abs(np.diff(way)).max() < 0.15, "no jump"
    if name.startswith("inOut"):
        assert way == pytest.approx(1 - way[::-1], abs=1e-9)


def test_sound_drives_a_schedule() -> None:
    beat = np.zeros(240)
    beat[12] = 1
    clock = FilmClock(240, Fraction(24), sound={"loud": beat, "bass": beat, "beat": beat})
    schedule = Schedule("0:0.6+0.4*beat")
    assert schedule.uses_sound and not Schedule("0:0.6").uses_sound
    assert schedule.curve(clock)[[11, 12, 13]] == pytest.approx([0.6, 1.0, 0.6])


@pytest.mark.parametrize("text", ["1", "0:1, 50%:2, 100%:1", "sin(2*pi*p)", "noise(4)", "0:t%15"])
def test_what_closes(text: str) -> None:
    schedule = Schedule(text)
    schedule.check_closes(schedule.curve(FILM))


@pytest.mark.parametrize("text", ["0:1, 100%:2", "p", "sin(2*pi*t/max_f)"])
def test_what_does_not_close_is_told_how(text: str) -> None:
    schedule = Schedule(text)
    with pytest.raises(ScheduleError, match=r"end it with 100%:[-\d.]+, or write it with p"):
        schedule.check_closes(schedule.curve(FILM))


def test_noise_is_smooth_and_its_own_for_each_seed() -> None:
    one, other = Schedule("noise(1)").curve(FILM), Schedule("noise(2)").curve(FILM)
    assert np.abs(np.diff(one)).max() < 0.26 and np.ptp(one) > 0.5 and np.abs(one).max() <= 1
    assert np.abs(one - other).max() > 0.1


# --- texts that nobody would type ------------------------------------------------------------------------

PIECES = [
    *"0123456789.,:;()[]{}+-*/%<>=!&|^~@#$\\'\"`_ \n\té\0",
    *("sin(", "cos(", "min(", "max(", "clip(", "where(", "noise(", "exp(", "log(", "**", "//", ":=", "=="),
    *(
        "t",
        "n",
        "p",
        "s",
        "T",
        "max_f",
        "fps",
        "pi",
        "e",
        "beat",
        "1e9",
        "9**9**9",
        "0:",
        "2s:",
        "50%:",
        "100%:1",
    ),
    *(
        "1",
        "0.5",
        "t/n",
        ",",
        ", 20:",
        " ease:",
        "inOutSine",
        "if",
        "else",
        " if ",
        " else ",
        "not ",
        "lambda t:",
    ),
    *(
        "import os",
        "__class__",
        "().__class__",
        "[x for x in y]",
        "eval(",
        "open(",
        "0x",
        "1_0",
        "1j",
        "f'{t}'",
    ),
    *("True", "None", "...", "await ", "yield ", "((((((((", "))))))))", "----------"),
]


def fuzzed(generator: random.Random) -> str:
    """Pieces of schedules and of Python strung together, or a good schedule with some characters changed."""
    if generator.random() < 0.3:
        text = list(generator.choice(BY_HAND + DEFORUM)[0])
        for _ in range(generator.randint(1, 3)):
            text[generator.randrange(len(text))] = generator.choice(PIECES)
        return "".join(text)
    count = generator.choice((3, 8, 20, 60, 400))
    return "".join(generator.choice(PIECES) for _ in range(generator.randint(1, count)))


def fuzz(seed: int, count: int) -> tuple[int, float]:
    """Try random texts. Returns how many had values, and the longest that one took in seconds."""
    generator = random.Random(seed)
    good, slowest = 0, 0.0
    for _ in range(count):
        text = fuzzed(generator)
        begun = perf_counter()
        try:
            curve = Schedule(text).curve(FILM)
        except ScheduleError as error:
            assert 1 <= error.column <= len(text) + 1 and "\n" not in str(error), text
        else:
            good += 1
            assert curve.shape == (241,) and np.isfinite(curve).all(), text
        slowest = max(slowest, perf_counter() - begun)
    return good, slowest


def test_any_text_gives_a_value_or_a_clear_error() -> None:
    good, _ = fuzz(seed=0, count=2000)
    assert good > 50, "some of the texts should be schedules"


@pytest.mark.parametrize(
    "text",
    [
        "9**" * 1300 + "9",
        "(" * 4000,
        "(" * 1999 + "1" + ")" * 1999,
        "-" * 3999 + "1",
        "1" * 4000,
        "1+" * 1999 + "1",
        "sin(" * 900 + "t" + ")" * 900,
        ",".join(f"{k}:noise({k})" for k in range(300)),
        "min(" + ",".join("t" * 1900) + ")",
        "t" + ".a" * 1900,
        "1 if t else " * 300 + "1",
        "0:" + "1<" * 1900 + "2",
        "\0",
        "\ud800",
        "0x" + "f" * 3000,
    ],
    ids=lambda text: text[:12].encode("ascii", "replace").decode(),
)
def test_texts_that_mean_harm(text: str) -> None:
    try:
        assert np.isfinite(Schedule(text).curve(FILM)).all()
    except ScheduleError as error:
        assert len(str(error)) < 300
