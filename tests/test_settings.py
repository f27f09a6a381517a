"""Settings: the defaults are valid, and what is out of range is refused with a line that names it."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields, replace
from fractions import Fraction
from typing import Any

import pytest

from dreamvideo.errors import SettingsError
from dreamvideo.settings import (
    CUT_METHODS,
    FLOW_METHODS,
    PRECISIONS,
    CarrySettings,
    DreamSettings,
    FilmSettings,
    GifSettings,
)
from dreamvideo.settings.dream import SHORTEST_SPLIT

KINDS = (DreamSettings, CarrySettings, FilmSettings, GifSettings)

BAD: list[tuple[type, str, tuple[Any, ...]]] = [
    (DreamSettings, "octaves", (0, -1, 21)),
    (DreamSettings, "octave_scale", (1.0, 0.5, 4.1, float("nan"))),
    (DreamSettings, "steps", (0, 1001)),
    (DreamSettings, "step_size", (0.0, -0.1, 0.3, float("nan"))),
    (DreamSettings, "natural", (-0.1, 1.1, float("nan"))),
    (DreamSettings, "smooth", (-0.1, 11.0, float("nan"))),
    (DreamSettings, "precision", ("quadruple", "")),
    (DreamSettings, "jitter", (-1, 513)),
    (DreamSettings, "look", ("faces", "")),
    (CarrySettings, "refresh", (-1, 1001)),
    (CarrySettings, "carry", (-0.01, 1.01, float("nan"))),
    (CarrySettings, "split", (-1, 1, SHORTEST_SPLIT - 1)),
    (CarrySettings, "cadence", (0, 101)),
    (CarrySettings, "flow", ("lk", "")),
    (CarrySettings, "cuts", ("yes", "")),
    (FilmSettings, "detail", (31, 8193)),
    (FilmSettings, "strength", (-0.1, 11.0, float("nan"), float("inf"))),
    (FilmSettings, "size", ((0, 10), (10, 0), (20000, 10))),
    (FilmSettings, "start", (-0.1, float("nan"))),
    (FilmSettings, "end", (0.0, -1.0, float("nan"))),
    (FilmSettings, "frames", (0, -1)),
    (FilmSettings, "fps", (Fraction(0), Fraction(-25), Fraction(1001))),
    (FilmSettings, "crf", (-1, 52)),
    (FilmSettings, "max_size", (0, -1, 999)),
    (GifSettings, "width", (0, 15, 8193)),
    (GifSettings, "start", (-0.1, float("nan"))),
    (GifSettings, "end", (0.0, -1.0, float("nan"))),
    (GifSettings, "fps", (Fraction(0), Fraction(-25), Fraction(1001))),
    (GifSettings, "colours", (1, 257)),
    (GifSettings, "dither", ("yes", "")),
    (GifSettings, "hold", (-0.1, 65.0, float("nan"))),
    (GifSettings, "crop", ("square", "1:0", "1:1:1", "", "-1:1")),
    (GifSettings, "speed", (0.0, -1.0, 101.0, float("nan"))),
    (GifSettings, "max_size", (0, -1, 999)),
]

EDGES: list[tuple[type, str, tuple[Any, ...]]] = [
    (DreamSettings, "octaves", (1, 20)),
    (DreamSettings, "octave_scale", (1.01, 4.0)),
    (DreamSettings, "jitter", (0, 512)),
    (DreamSettings, "precision", PRECISIONS),
    (DreamSettings, "layers", ((("conv4_3", -1.0),), (("conv4_3", 1.0), ("pool5", 0.5)))),
    (CarrySettings, "refresh", (0,)),
    (CarrySettings, "carry", (0.0, 1.0)),
    (CarrySettings, "cadence", (1, 100)),
    (CarrySettings, "split", (0, SHORTEST_SPLIT)),
    (CarrySettings, "flow", FLOW_METHODS),
    (CarrySettings, "cuts", CUT_METHODS),
    (FilmSettings, "detail", (32, 8192)),
    (FilmSettings, "strength", (0.0, 10.0)),
    (FilmSettings, "size", ((1, 1), (16384, 16384))),
    (FilmSettings, "fps", (Fraction(24000, 1001), Fraction(1000))),
    (FilmSettings, "crf", (0, 51)),
]


def each(cases: list[tuple[type, str, tuple[Any, ...]]]) -> list[Any]:
    return [
        pytest.param(kind, name, value, id=f"{name}={value}")
        for kind, name, values in cases
        for value in values
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_the_defaults_are_valid_and_cannot_be_changed(kind: type) -> None:
    settings = kind()
    with pytest.raises(FrozenInstanceError):
        setattr(settings, fields(settings)[0].name, None)


@pytest.mark.parametrize("kind, name, value", each(BAD))
def test_out_of_range_is_refused_by_name(kind: type, name: str, value: object) -> None:
    with pytest.raises(SettingsError, match=rf"^{name} must be [^\n]+, got [^\n]*$"):
        replace(kind(), **{name: value})


@pytest.mark.parametrize("kind, name, value", each(EDGES))
def test_the_edges_are_in_range(kind: type, name: str, value: object) -> None:
    assert getattr(replace(kind(), **{name: value}), name) == value


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), 1e7])
def test_the_weight_of_a_layer_is_a_number(weight: float) -> None:
    with pytest.raises(SettingsError, match="weight of layer conv4_3 must be a number"):
        DreamSettings(layers=(("conv4_3", weight),))


def test_the_end_lies_after_the_start() -> None:
    with pytest.raises(SettingsError, match="end must be later than start"):
        FilmSettings(start=2.0, end=2.0)
    assert FilmSettings(start=2.0, end=2.5).end == 2.5


def test_every_ranged_setting_is_tried() -> None:
    """A new setting gets a line in BAD, or a place among those that any value suits."""
    any_value = {"layers", "classes", "keep_colour", "seed", "audio", "platform", "boomerang", "find_loop"}
    tried = {(kind, name) for kind, name, _ in BAD}
    missing = [(kind.__name__, f.name) for kind in KINDS for f in fields(kind) if (kind, f.name) not in tried]
    assert [name for _, name in missing if name not in any_value] == []
