"""What is written by people and read by us, and inputs for it that people would not write."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import typer
from hypothesis import strategies as st

from dreamvideo.cli import typed
from dreamvideo.errors import DreamVideoError
from dreamvideo.media import comments
from dreamvideo.recipe import settings_to_dict, written_from_dict, written_from_toml
from dreamvideo.schedule import FilmClock, Schedule
from dreamvideo.settings import ZoomRecipe
from dreamvideo.studio.wishes import read_wish
from dreamvideo.targets import class_index, parse_choice, parse_layer

REFUSALS = (DreamVideoError, typer.BadParameter)


FLOATS = st.floats(allow_subnormal=False)  # loading a network makes the processor flush them


@dataclass(frozen=True)
class Parser:
    """Reads any `inputs`, or raises one of `REFUSALS`."""

    read: Callable[[Any], object]
    inputs: st.SearchStrategy[Any]
    words: tuple[str, ...] = ()
    """Of its language, if it reads text."""

    def long_texts(self, length: int) -> Iterator[str]:
        """Each word, and each pair of words, again and again behind each word."""
        for head, one, two in itertools.product(("", *self.words), self.words, ("", *self.words)):
            yield head + (one + two) * (length // len(one + two))


def reads_text(read: Callable[[str], object], *words: str) -> Parser:
    return Parser(read, pieces(*words), words)


def pieces(*tokens: str) -> st.SearchStrategy[str]:
    """Text from the words of a language, with anything between them; and any text at all."""
    word = st.one_of(st.sampled_from(tokens), numbers, st.text(max_size=3))
    return st.one_of(st.lists(word, max_size=14).map("".join), st.text(max_size=60))


numbers = st.one_of(
    st.integers(-10, 1000).map(str),
    FLOATS.map(repr),
    st.sampled_from(
        ["1e999", "9" * 5000, "-0", "1_000", "٣", "²", "0x10", "1e-400", "nan", "inf", ".", "1."]
    ),
)
plain = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), FLOATS, st.text(max_size=8), st.sampled_from(["dis"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)
few_schedules = st.sampled_from(["0:1, 2s:3 ease:inOutSine", "1+sin(2*pi*p)", "loud*3", "1/t", "0:"])


def tables(part: str) -> st.SearchStrategy[dict[str, Any]]:
    """A part of a recipe: some settings as they usually are, and often one that is not."""
    usual = settings_to_dict(getattr(ZoomRecipe(), part))
    names = sorted(getattr(ZoomRecipe(), part).__dataclass_fields__)
    value = st.one_of(plain, few_schedules, st.sampled_from([1, 0.5, [1, 2], [["conv4_3", 1.0]]]))
    strange = st.dictionaries(st.sampled_from(names), value, max_size=1)
    return st.builds(dict.__or__, st.sampled_from([{}, usual]), strange)


recipes = st.fixed_dictionaries(
    {"dreamvideo": st.one_of(st.just("0.1.0"), st.just("0.2.0"), plain)},
    optional={
        "network": st.one_of(
            plain, st.fixed_dictionaries({"name": plain, "sha256": st.one_of(plain, st.just("0" * 64))})
        ),
        "files": st.one_of(plain, st.dictionaries(st.text(max_size=5), st.just("f" * 64), max_size=2)),
        **{part: tables(part) for part in ("dream", "carry", "film", "zoom")},
    },
)
toml_line = st.one_of(
    st.sampled_from(
        ["[dream]", "[film]", "[[carry]]", "[a.b.c]", 'dreamvideo = "0.1.0"', "steps = 3", "size = [1, 2]"]
    ),
    st.builds(
        "{} = {}".format,
        st.sampled_from(["octaves", "layers", "size", "fps", "zoom", "audio", "dream.steps", "a.b", '"x y"']),
        pieces("[", "]", '"', "{", "}"),
    ),
)


def read_schedule(text: str) -> np.ndarray:
    """Its curve over a short film; any number in it must be one."""
    curve = Schedule(text).curve(FilmClock(9, Fraction(25), 3))
    assert curve.shape == (10,) and np.isfinite(curve).all()
    return curve


# schedules that are nearly right
term = st.one_of(numbers, st.sampled_from(["t", "p", "n", "max_f", "fps", "T", "s", "pi", "e", "loud"]))
arithmetic = st.recursive(
    term,
    lambda inner: st.one_of(
        st.builds(
            "{} {} {}".format, inner, st.sampled_from(["+", "-", "*", "/", "%", "**", "<", "=="]), inner
        ),
        st.builds("{}({})".format, st.sampled_from(["sin", "sqrt", "log", "noise", "abs", "-", ""]), inner),
        st.builds("{}({},{})".format, st.sampled_from(["min", "max", "where"]), inner, inner),
        st.builds("({} if {} else {})".format, inner, inner, inner),
    ),
    max_leaves=8,
)
key = st.builds(
    "{}{}:{}{}".format,
    st.one_of(st.integers(0, 9), arithmetic),
    st.sampled_from(["", "s", "%"]),
    arithmetic,
    st.sampled_from(["", "", " ease:inOutSine", " ease:hold", " ease:"]),
)
schedules = st.one_of(arithmetic, st.lists(key, min_size=1, max_size=5).map(", ".join))


SCHEDULE_WORDS = (
    *(
        "0:",
        "2s:",
        "50%:",
        "100%:",
        ",",
        " ",
        "ease:",
        "inOutSine",
        "hold",
        "sin(",
        "max(",
        "(",
        ")",
        "pi",
        "p",
        "t",
    ),
    *(
        "n",
        "s",
        "**",
        "*",
        "/",
        "//",
        "%",
        "+",
        "-",
        "<",
        "if",
        "else",
        "__class__",
        "lambda",
        "[",
        ".",
        "!",
        "#",
        "\n",
    ),
)
chunk = st.one_of(
    st.binary(max_size=12),
    st.sampled_from(
        [
            *(b"iTXt", b"Comment\0\0\0\0\0", b"XMP ", b"uuid", b"dreamvideorecipe", b"\xff\xfe", b"\xff\xda"),
            *(b"\0\0\0\x10", b"\x10\0\0\0", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\x08", b"\x21\xfe"),
            b"<dc:description><rdf:li>a</rdf:li>",
        ]
    ),
)
KINDS = {
    b"\x89PNG\r\n\x1a\n\0\0\0\0": comments._read_png,
    b"RIFF\0\0\0\0WEBP": comments._read_webp,
    b"\0\0\0\x10ftypavif": comments._read_avif,
    b"\xff\xd8": comments._read_jpeg,
    b"GIF89a\1\0\1\0\0\0\0": lambda file: next(comments.comments_of(file.read()), None),
}


def read_text_in(file: tuple[bytes, list[bytes]]) -> object:
    """The comment that a picture holds."""
    head, chunks = file
    return KINDS[head](io.BytesIO(head + b"".join(chunks)))


PARSERS = {
    "schedule": Parser(read_schedule, st.one_of(schedules, pieces(*SCHEDULE_WORDS)), SCHEDULE_WORDS),
    "layer": reads_text(parse_layer, "conv4_3", "relu5_1", ":", "@", ",", "-", "0.5", "=", "0-8", "0-65535"),
    "channels": reads_text(parse_choice, "all", "random", ":", ",", "-", "0-8", "0-65535", " "),
    "weight": reads_text(lambda text: typed.parse_weighted([text], "--layer"), "conv4_3", "=", "0.5", "=="),
    "class": reads_text(class_index, "sea snake", "lion", "-", ","),
    "size": reads_text(lambda text: typed.parse_size(text, "--size"), "1280", "x", "X", "720", " ", "-"),
    "bytes": reads_text(lambda text: typed.parse_bytes(text, "--max-size"), "8", ".", "Mi", "kB", "b", " "),
    "fps": reads_text(
        lambda text: typed.parse_fps(text, "--fps"), "30000", "/", "1001", "e", ".", "29.97", "-"
    ),
    "time": reads_text(lambda text: typed.parse_seconds(text, "--start"), "1", ":", "02.5", "-", "e", "59"),
    "pair": reads_text(lambda text: typed.parse_pair(text, "--pan"), ",", ";", "0:1", "2s:", "0.5", "p"),
    "recipe": Parser(written_from_dict, recipes),
    "zoom recipe": Parser(lambda data: written_from_dict(data, ZoomRecipe), recipes),
    "recipe as TOML": Parser(written_from_toml, st.lists(toml_line, max_size=8).map("\n".join)),
    "wish": Parser(
        lambda data: read_wish(data, from_still=False),
        st.one_of(
            plain,
            st.fixed_dictionaries(
                {"recipe": recipes, "command": st.sampled_from(["dream", "zoom", "x"])},
                optional={"upload": plain, "model": plain, "ending": plain},
            ),
        ),
    ),
    "comment": Parser(read_text_in, st.tuples(st.sampled_from(sorted(KINDS)), st.lists(chunk, max_size=12))),
}
