"""What a user types after an option -> what the settings take."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from fractions import Fraction

import typer

from dreamvideo.errors import ScheduleError
from dreamvideo.schedule import Schedule
from dreamvideo.settings import MOST_DETAIL
from dreamvideo.targets import split_weight

MOST_DIGITS = 9  # of a whole number; and no exponents in a rate: 1e999999999 is a long wait
_RATE = re.compile(r"\d{1,9}(\.\d{0,9}|/\d{1,9})?|\.\d{1,9}")


def number(text: str | float) -> float:
    """`1.5`, or a schedule like `0:1, 2s:1.5`: a setting of type `settings.Number`."""
    try:
        return float(text)
    except ValueError:
        return schedule(str(text))  # type: ignore[return-value]  # what `settings.Number` is when it runs


def whole(text: str | int) -> int:
    """`10`, or a schedule, whose values are rounded: a setting of type `settings.Whole`."""
    if isinstance(text, int) or _is_count(text.strip().removeprefix("-")):
        return int(text)
    return schedule(text)  # type: ignore[return-value]  # as above


def long_side(text: str | int) -> int:
    """`640`, or `native`: as large as can be, for a picture is never enlarged."""
    if text == "native":
        return MOST_DETAIL
    if isinstance(text, int) or _is_count(text):
        return int(text)
    raise typer.BadParameter(f"{text!r} is not a number of px, nor native.")


def schedule(text: str) -> Schedule:
    try:
        return Schedule(text)
    except ScheduleError as error:
        raise typer.BadParameter(str(error)) from None


def parse_weighted(texts: Sequence[str] | None, option: str) -> tuple[tuple[str, float], ...]:
    """`conv4_3` or `conv4_3=0.5` -> (what, weight) pairs."""
    pairs = []
    for text in texts or ():
        what, weight = split_weight(text)
        try:
            pairs.append((what, number(weight)))
        except typer.BadParameter as error:
            raise typer.BadParameter(error.message, param_hint=option) from None
    return tuple(pairs)


def parse_pair(text: str, option: str) -> tuple[float, float]:
    """`0.5,0.4`, or two numbers or schedules with a semicolon between: `0:0.1, 2s:0; 0.2`."""
    first, mark, second = text.partition(";" if ";" in text else ",")
    if not mark:
        raise _bad(option, text, "two numbers like 0.5,0.4, or two schedules as in '0:0.1, 2s:0; 0.2'")
    try:
        return number(first), number(second)
    except typer.BadParameter as error:
        raise typer.BadParameter(error.message, param_hint=option) from None


def parse_size(text: str | None, option: str) -> tuple[int, int] | None:
    """`1280x720` -> (1280, 720)."""
    if text is None:
        return None
    width, cross, height = text.lower().partition("x")
    if not (cross and _is_count(width) and _is_count(height)):
        raise _bad(option, text, "a size like 1280x720")
    return int(width), int(height)


def parse_fps(text: str | None, option: str) -> Fraction | None:
    """`25`, `29.97` or `30000/1001` -> exactly that fraction."""
    if text is None:
        return None
    try:
        if _RATE.fullmatch(text.strip()):
            return Fraction(text.strip())
    except ZeroDivisionError:
        pass
    raise _bad(option, text, "frames per second like 25 or 30000/1001")


def parse_bytes(text: str | None, option: str) -> int | None:
    """`8MB`, `500 kB`, `9.5MiB` or `8000000` -> bytes."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,6})?) *([kKmMgG]?)(i?)[bB]?", text.strip())
    if match is None:
        raise _bad(option, text, "a size like 8MB or 500kB")
    step = 1024 if match[3] else 1000
    return int(Fraction(match[1]) * step ** " kmg".index(match[2].lower() or " "))


def parse_seconds(text: str | None, option: str) -> float | None:
    """`12.5`, `12.5s` (as in schedules), `1:02.5` or `1:00:00` -> seconds.

    >>> parse_seconds("3s", "--end"), parse_seconds("1:02.5", "--end")
    (3.0, 62.5)
    """
    if text is None:
        return None
    seconds = 0.0
    try:
        for part in text.removesuffix("s").split(":"):
            seconds = seconds * 60 + float(part)
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds):
        raise _bad(option, text, "seconds like 12.5, or 1:02.5")
    return seconds


def _is_count(text: str) -> bool:
    return text.isdecimal() and len(text) <= MOST_DIGITS


def _bad(option: str, text: str, wanted: str) -> typer.BadParameter:
    return typer.BadParameter(f"'{text[:60]}': write {wanted}", param_hint=option)
