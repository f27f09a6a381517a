"""Whatever is typed, or stands in a recipe, is read or refused: never a crash, never a long wait."""

from __future__ import annotations

from typing import Any

import pytest
import typer
from fuzzed import PARSERS, REFUSALS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dreamvideo.cli import typed


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=300, deadline=1000, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_anything_is_read_or_refused(name: str, data: Any) -> None:
    """The short form of scripts/fuzz.py."""
    text = data.draw(PARSERS[name].inputs)
    try:
        PARSERS[name].read(text)
    except REFUSALS as refusal:
        assert str(refusal)


@pytest.mark.parametrize("text", ["1e999999999", "1/1e9", "9" * 6000, "1e-999999999", "0", "nan", "1/0"])
def test_rates_that_would_take_for_ever(text: str) -> None:
    try:
        rate = typed.parse_fps(text, "--fps")
    except typer.BadParameter:
        return
    assert rate == 0  # refused by the settings


@pytest.mark.parametrize("text", ["9" * 6000 + "x1", "1x" + "9" * 6000, "-1x1", "1x1x1", "", "x"])
def test_sizes_that_are_none(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        typed.parse_size(text, "--size")
