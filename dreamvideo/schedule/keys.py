"""Keys with their values -> a value for every frame.

A key is a frame (``60``), a time (``2.5s``), a share of the film (``50%``) or arithmetic in frames
(``max_f/2``). Its value is arithmetic, in brackets or not: Deforum's form works as typed. Between two numbers
a value goes straight, or by the ease that stands after the first; arithmetic that changes from frame to frame
runs until the next key. Before the first key its value holds, and after the last.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

from dreamvideo.errors import ScheduleError
from dreamvideo.schedule.clock import FILM_VARIABLES, FRAME_VARIABLES, SOUND_VARIABLES, FilmClock
from dreamvideo.schedule.eases import EASES, ease
from dreamvideo.schedule.expression import CHARACTERS, Expression, parse_expression

if TYPE_CHECKING:
    import numpy as np

MOST_CHARACTERS = 4000
CLOSE = 1e-6  # how far the end of a loop may be from its begin, in shares of the schedule's range

_UNIT = re.compile(r"\s*(\d+\.?\d*|\.\d+)\s*(s|%)\s*")
_EASE = re.compile(r"\sease\s*:\s*(\w*)\s*$")


@dataclass(frozen=True)
class Key:
    """One key of a schedule.

    Attributes:
        place: where it is, in `unit`: "" for frames, "s" or "%".
        value: what holds there. ease: how it goes on to the next key; None: straight.
    """

    place: Expression
    unit: str
    value: Expression
    ease: str | None

    @property
    def is_number(self) -> bool:
        """It does not change from frame to frame."""
        return not self.value.names & {*FRAME_VARIABLES, "noise"}

    def frame(self, clock: FilmClock) -> float:
        """The frame where it is; it may lie between two.

        Raises:
            ScheduleError: before the film, or nowhere.
        """
        place = float(self.place.evaluate(clock.film_variables()))
        frame = place * {"": 1.0, "s": float(clock.fps), "%": clock.frames / 100}[self.unit]
        if not 0 <= frame < float("inf"):
            raise ScheduleError(
                self.place.text, self.place.start, "this key lies before the film, or nowhere"
            )
        return frame

    def values(self, frames: np.ndarray, clock: FilmClock) -> np.ndarray:
        """The value's own course over some frames, float64.

        Raises:
            ScheduleError: it is infinite, or no number.
        """
        import numpy as np

        values = np.broadcast_to(self.value.evaluate(clock.variables(frames)), frames.shape)
        wrong = ~np.isfinite(values)
        if wrong.any():
            problem = f"this is {values[wrong][0]:g} at frame {frames[wrong][0]:g}, not a number to use"
            raise ScheduleError(self.value.text, self.value.start, problem)
        return values


@dataclass(frozen=True)
class Schedule:
    """A number that changes over a film. The text is read when it is made.

    Raises:
        ScheduleError: a text that is no schedule.

    >>> from fractions import Fraction
    >>> Schedule("0:1, 50%:2").curve(FilmClock(4, Fraction(25))).tolist()
    [1.0, 1.5, 2.0, 2.0, 2.0]
    """

    text: str

    def __post_init__(self) -> None:
        _ = self.keys  # read now: what is wrong shows when it is made

    def __str__(self) -> str:
        return self.text

    @classmethod
    def parse(cls, text: str) -> Schedule:
        """The inverse of `str`: a recipe holds a schedule as its text."""
        return cls(text)

    @cached_property
    def keys(self) -> tuple[Key, ...]:
        if len(self.text) > MOST_CHARACTERS:
            raise ScheduleError(self.text, MOST_CHARACTERS, f"longer than {MOST_CHARACTERS} characters")
        plain = re.sub(r"\s", " ", self.text)
        for column, character in enumerate(plain):
            if character not in CHARACTERS:
                raise ScheduleError(self.text, column, f"{character!a} is not used in schedules")
        return tuple(_keys(plain))

    @property
    def uses_sound(self) -> bool:
        return any(key.value.names & set(SOUND_VARIABLES) for key in self.keys)

    def curve(self, clock: FilmClock) -> np.ndarray:
        """Its value at every frame and at the one that would follow the last: float64 (frames + 1,).

        Raises:
            ScheduleError: a key before the film, two at one frame, a value that is no finite number, or a
                sound that is missing.
        """
        import numpy as np

        keys = sorted(((key.frame(clock), key) for key in self.keys), key=lambda pair: pair[0])
        for (one, _), (other, key) in pairwise(keys):
            if one == other:
                raise ScheduleError(self.text, key.place.start, f"two keys at frame {other:g}")
        frames, curve = np.arange(clock.frames + 1.0), np.empty(clock.frames + 1)
        ends = [frame for frame, _ in keys[1:]]
        for number, (begin, key) in enumerate(keys):
            here = frames < (ends[number] if number < len(ends) else np.inf)
            here &= frames >= (begin if number else 0)
            if key.is_number and number < len(ends):
                first, last = (k.values(np.array([at]), clock)[0] for at, k in keys[number : number + 2])
                share = np.clip((frames[here] - begin) / (ends[number] - begin), 0, 1)
                curve[here] = first + (last - first) * ease(key.ease or "linear", share)
            elif here.any():  # not where the key lies behind the film, or between two frames with another
                curve[here] = key.values(np.maximum(frames[here], begin), clock)
        return curve

    def check_closes(self, curve: np.ndarray) -> None:
        """Raises ScheduleError if its curve (`curve`) ends elsewhere than it began: a loop would jump."""
        first, last = curve[0], curve[-1]
        if abs(last - first) > CLOSE * max(1.0, abs(curve).max()):
            raise ScheduleError(
                self.text,
                self.keys[-1].value.start,
                f"a loop must end as it begins, and this goes from {first:.6g} to {last:.6g}: "
                f"end it with 100%:{first:.6g}, or write it with p, as in sin(2*pi*p)",
            )


def _keys(text: str) -> Iterator[Key]:
    """The keys of a schedule; a text without any is one value for the whole film."""
    if (
        _outside_brackets(text, 0, len(text), ":") is None
        and _outside_brackets(text, 0, len(text), ",") is None
    ):
        yield Key(parse_expression("0", 0, 1, ()), "", _value(text, 0, len(text)), None)
        return
    for start, stop in _between_commas(text):
        colon = _outside_brackets(text, start, stop, ":")
        if colon is None:
            raise ScheduleError(text, start, "a key is missing: write 0:1, 2s:1.5, 100%:1")
        yield _key(text, start, colon, stop)


def _key(text: str, start: int, colon: int, stop: int) -> Key:
    if unit := _UNIT.fullmatch(text, start, colon):
        place = parse_expression(text, unit.start(1), unit.end(1), ())
    else:
        place = parse_expression(text, start, colon, FILM_VARIABLES)
        if "noise" in place.names:
            raise ScheduleError(text, place.start, "a key stands at one frame, and noise has none")
    name = _EASE.search(text, colon, stop)
    key = Key(
        place,
        unit[2] if unit else "",
        _value(text, colon + 1, name.start() if name else stop),
        _ease_name(text, name.start(1), name[1]) if name else None,
    )
    if name and not key.is_number:
        raise ScheduleError(
            text, name.start() + 1, "an ease goes on from a number, and this value moves by itself"
        )
    return key


def _value(text: str, start: int, stop: int) -> Expression:
    return parse_expression(text, start, stop, (*FILM_VARIABLES, *FRAME_VARIABLES))


def _ease_name(text: str, column: int, name: str) -> str:
    """An ease by its name, with or without the `ease` that easings.net puts before it."""
    plain = name[4:5].lower() + name[5:] if name.startswith("ease") else name
    if plain not in EASES:
        near = difflib.get_close_matches(plain, EASES, n=1, cutoff=0.4)
        raise ScheduleError(text, column, f"no ease called '{name}': did you mean {(near or EASES)[0]}?")
    return plain


def _between_commas(text: str) -> list[tuple[int, int]]:
    """Where the entries of a schedule begin and end."""
    spans, start = [], 0
    while (comma := _outside_brackets(text, start, len(text), ",")) is not None:
        spans.append((start, comma))
        start = comma + 1
    spans.append((start, len(text)))
    return spans


def _outside_brackets(text: str, start: int, stop: int, wanted: str) -> int | None:
    """Where `wanted` stands first, if not in brackets.

    Raises:
        ScheduleError: a bracket that was not opened, or not closed.
    """
    opened: list[int] = []
    for column in range(start, stop):
        if text[column] == "(":
            opened.append(column)
        elif text[column] == ")":
            if not opened:
                raise ScheduleError(text, column, "this bracket was not opened")
            opened.pop()
        elif text[column] == wanted and not opened:
            return column
    if opened:
        raise ScheduleError(text, opened[-1], "this bracket is not closed")
    return None
