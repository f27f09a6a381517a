"""What the user types -> settings. The defaults come from the settings and stand nowhere else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import typer


def parse_layers(texts: Sequence[str], option: str) -> tuple[tuple[str, float], ...]:
    """`conv4_3` or `conv4_3=0.5` -> (layer, weight) pairs."""
    pairs = []
    for text in texts:
        name, equals, weight = text.partition("=")
        try:
            pairs.append((name.strip(), float(weight) if equals else 1.0))
        except ValueError:
            raise _bad(option, text, "a layer and a weight like conv4_3=0.5") from None
    return tuple(pairs)


def parse_size(text: str | None, option: str) -> tuple[int, int] | None:
    """`1280x720` -> (1280, 720)."""
    if text is None:
        return None
    width, cross, height = text.lower().partition("x")
    if not (cross and width.isdecimal() and height.isdecimal()):
        raise _bad(option, text, "a size like 1280x720")
    return int(width), int(height)


def parse_fps(text: str | None, option: str) -> Fraction | None:
    """`25`, `29.97` or `30000/1001` -> exactly that fraction."""
    if text is None:
        return None
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise _bad(option, text, "frames per second like 25 or 30000/1001") from None


def parse_seconds(text: str | None, option: str) -> float | None:
    """`12.5`, `1:02.5` or `1:00:00` -> seconds."""
    if text is None:
        return None
    seconds = 0.0
    try:
        for part in text.split(":"):
            seconds = seconds * 60 + float(part)
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds):
        raise _bad(option, text, "seconds like 12.5, or 1:02.5")
    return seconds


def _bad(option: str, text: str, wanted: str) -> typer.BadParameter:
    return typer.BadParameter(f"'{text}': write {wanted}", param_hint=option)
