"""What is written by people and read by us, and inputs for it that people would not write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import typer
from hypothesis import strategies as st

from dreamvideo.cli import options
from dreamvideo.errors import DreamVideoError
from dreamvideo.recipe import written_from_dict, written_from_toml
from dreamvideo.schedule import FilmClock, Schedule
from dreamvideo.settings import Recipe
from dreamvideo.targets import class_index, parse_layer

REFUSALS = (DreamVideoError, typer.BadParameter)


FLOATS = st.floats(allow_subnormal=False)  # loading a network makes the processor flush them


@dataclass(frozen=True)
class Parser:
    """Reads any `inputs`, or raises one of `REFUSALS`."""

    read: Callable[[Any], object]
    inputs: st.SearchStrategy[Any]


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
settings = {
    part: [name for name in getattr(Recipe(), part).__dataclass_fields__]
    for part in ("dream", "carry", "film")
}
recipes = st.fixed_dictionaries(
    {},
    optional={
        "dreamvideo": st.one_of(st.just("0.1.0"), plain),
        "network": st.one_of(
            plain, st.fixed_dictionaries({"name": plain, "sha256": st.one_of(plain, st.just("0" * 64))})
        ),
        "files": st.one_of(plain, st.dictionaries(st.text(max_size=5), st.just("f" * 64), max_size=2)),
        **{
            part: st.dictionaries(st.sampled_from(names), plain, max_size=4)
            for part, names in settings.items()
        },
    },
)
toml_line = st.one_of(
    st.sampled_from(
        ["[dream]", "[film]", "[[carry]]", "[a.b.c]", 'dreamvideo = "0.1.0"', "steps = 3", "size = [1, 2]"]
    ),
    st.builds(
        "{} = {}".format,
        st.sampled_from([*(name for names in settings.values() for name in names), "a.b", '"x y"']),
        pieces("[", "]", '"', "{", "}"),
    ),
)


def read_schedule(text: str) -> np.ndarray:
    """Its curve over a short film; any number in it must be one."""
    curve = Schedule(text).curve(FilmClock(9, Fraction(25), 3))
    assert curve.shape == (10,) and np.isfinite(curve).all()
    return curve


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
PARSERS = {
    "schedule": Parser(read_schedule, pieces(*SCHEDULE_WORDS)),
    "layer": Parser(parse_layer, pieces("conv4_3", "relu5_1", ":", "@", ",", "-", "0.5", "=", "0-8")),
    "weight": Parser(
        lambda text: options.parse_weighted([text], "--layer"), pieces("conv4_3", "=", "0.5", "==")
    ),
    "class": Parser(class_index, pieces("sea snake", "lion", "-", ",")),
    "size": Parser(
        lambda text: options.parse_size(text, "--size"), pieces("1280", "x", "X", "720", " ", "-")
    ),
    "fps": Parser(
        lambda text: options.parse_fps(text, "--fps"), pieces("30000", "/", "1001", "e", ".", "29.97", "-")
    ),
    "time": Parser(
        lambda text: options.parse_seconds(text, "--start"), pieces("1", ":", "02.5", "-", "e", "59")
    ),
    "recipe": Parser(written_from_dict, recipes),
    "recipe as TOML": Parser(written_from_toml, st.lists(toml_line, max_size=8).map("\n".join)),
}
