"""Packet times -> the exact frame rate, and whether there is one.

Containers round: Matroska to 1 ms, GIF to 10 ms, and ``ffmpeg -i`` prints 24000/1001 as 23.98. The rate is
found again as the fraction that explains every time in the file to within its own rounding.
"""

from __future__ import annotations

import itertools
import math
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

FINE_TICK = Fraction(1, 5000)  # a time base this fine holds frame durations exactly, not rounded
GENERAL_CLOCKS = (10_000, 90_000, 100_000, 1_000_000)  # ticks per second that containers use for any rate
TOLERANCE = Fraction(1, 1000)  # s: times this near to a constant rate are one
MAX_DRIFT = Fraction(5, 1000)  # s: from the first to the last frame, unnoticed beside sound
DEFAULT_FPS = Fraction(25)

_NTSC = tuple(Fraction(rate * 1000, 1001) for rate in (24, 30, 48, 60, 120, 15, 12, 240))
_WHOLE = tuple(Fraction(rate) for rate in range(1, 241))
_HALVES = tuple(Fraction(rate, 2) for rate in (5, 15, 25, 35, 45))
STANDARD_RATES = _NTSC + _WHOLE + _HALVES


@dataclass(frozen=True)
class Timeline:
    """When each frame of a clip is shown, in display order."""

    ticks: Sequence[int] = field(repr=False)
    """Time of each frame in units of `tick`, from the clip's own zero (which sound shares)."""
    tick: Fraction
    """Seconds."""
    last_duration: Fraction
    """How long the last frame is shown, in seconds."""
    fps: Fraction
    """The constant rate; of a variable clip its most usual one."""
    is_variable: bool
    is_trusted: bool
    """False: the container leaves times out, frames are counted instead of timed."""

    def __len__(self) -> int:
        return len(self.ticks)

    @property
    def start(self) -> Fraction:
        """Time of the first frame on the clip's own clock."""
        return self.ticks[0] * self.tick

    @property
    def duration(self) -> Fraction:
        """Seconds from the first frame's begin to the last frame's end."""
        if not self.is_variable:
            return len(self) / self.fps
        return self.time(len(self) - 1) + self.last_duration

    def time(self, index: int) -> Fraction:
        """Seconds from the first frame to frame `index`."""
        if not self.is_variable:
            return index / self.fps
        return (self.ticks[index] - self.ticks[0]) * self.tick

    def times(self) -> Iterator[Fraction]:
        return (self.time(index) for index in range(len(self)))


MAX_REORDER = 16  # frames: the most that H.264 and HEVC store ahead of their turn


def without_ragged_end(ticks: list[int]) -> list[int]:
    """`ticks` of a clip that was cut short, without the frames after the first one missing at its end.

    Frames are stored ahead of those that refer to them, so where the file breaks off some are missing
    between the last ones.
    """
    steps = [after - before for before, after in itertools.pairwise(ticks)]
    usual = sorted(steps)[len(steps) // 2] if steps else 0
    first_at_risk = max(0, len(steps) - MAX_REORDER)
    gap = next((n for n in range(first_at_risk, len(steps)) if steps[n] > 1.5 * usual), None)
    return ticks if gap is None else ticks[: gap + 1]


def make_timeline(
    ticks: list[int], tick: Fraction, last_ticks: int, hints: Sequence[Fraction], is_trusted: bool
) -> Timeline:
    """Find the rate of packet times.

    Args:
        ticks: Presentation times, in order, not empty.
        tick: Seconds per unit.
        last_ticks: Duration of the frame shown last, 0 if the container does not say.
        hints: Rates that ffmpeg prints, likeliest first.
        is_trusted: Whether each packet has its presentation time.
    """
    fps = _constant_rate(ticks, tick, last_ticks, hints)
    is_variable = fps is None
    usual = fps or _usual_rate(ticks, tick, hints)
    last = last_ticks * tick if last_ticks > 0 else 1 / usual
    return Timeline(array("q", ticks), tick, last, usual, is_variable, is_trusted)


def nearest_standard(rate: Fraction, within: Fraction) -> Fraction | None:
    """The usual frame rate nearest to `rate`, or None if none is `within` (frames per second)."""
    best = min(STANDARD_RATES, key=lambda standard: abs(standard - rate))
    return best if abs(best - rate) <= within else None


def rate_from_print(text: str) -> Fraction | None:
    """What ffmpeg meant by a rate printed with at most two decimals, e.g. "23.98" or "90k".

    >>> rate_from_print("23.98")
    Fraction(24000, 1001)
    >>> rate_from_print("12.50")
    Fraction(25, 2)
    """
    factor = 1000 if text.endswith("k") else 1
    rate = Fraction(text.rstrip("k")) * factor
    if rate <= 0:
        return None
    return nearest_standard(rate, Fraction(51, 10000)) or rate


def _constant_rate(
    ticks: Sequence[int], tick: Fraction, last_ticks: int, hints: Sequence[Fraction]
) -> Fraction | None:
    """The rate that explains all times to within rounding, or None."""
    if len(ticks) == 1:
        return _rate_of_one(tick, last_ticks, hints)
    steps = {after - before for before, after in itertools.pairwise(ticks)}
    if len(steps) == 1 and tick <= FINE_TICK and min(steps) > 0:
        return _rate_of_step(steps.pop(), tick, len(ticks))
    span = (ticks[-1] - ticks[0]) * tick
    if span <= 0:
        return None
    return next(
        (rate for rate in _candidates(len(ticks), span, tick, hints) if _fits(rate, ticks, tick)), None
    )


def _rate_of_step(step: int, tick: Fraction, count: int) -> Fraction:
    """The rate whose period is `step`: a usual one if `step` is that rounded, and it does not drift apart."""
    rate = 1 / (step * tick)
    if tick.denominator not in GENERAL_CLOCKS:  # chosen to hold this very rate
        return rate
    usual = min(STANDARD_RATES, key=lambda standard: abs(1 / standard / tick - step))
    error = abs(1 / usual / tick - step)
    return usual if error <= Fraction(1, 2) and error * tick * count < MAX_DRIFT else rate


def _candidates(count: int, span: Fraction, tick: Fraction, hints: Sequence[Fraction]) -> Iterator[Fraction]:
    """Rates worth trying, the likeliest first."""
    mean = (count - 1) / span
    yield from hints
    near = nearest_standard(mean, mean * max(tick, TOLERANCE) / span)
    if near is not None:
        yield near
    for limit in (1, 2, 10, 100, 1001, 100_000):
        yield mean.limit_denominator(limit)


def _fits(rate: Fraction, ticks: Sequence[int], tick: Fraction) -> bool:
    """Whether every time is within rounding of a constant `rate` (of any phase)."""
    if rate <= 0:
        return False
    allowed = max(float(tick) * 1.01, float(TOLERANCE)) + 1e-9
    since_first = np.asarray(ticks, np.int64) - ticks[0]
    late = since_first * float(tick) - np.arange(len(ticks)) / float(rate)
    return bool(late.max() - late.min() <= allowed)


def _rate_of_one(tick: Fraction, last_ticks: int, hints: Sequence[Fraction]) -> Fraction:
    """The rate of a clip of one frame: from its duration where that is exact."""
    if last_ticks > 0 and tick <= FINE_TICK:
        return 1 / (last_ticks * tick)
    if hints:
        return hints[0]
    return 1 / (last_ticks * tick) if last_ticks > 0 else DEFAULT_FPS


def _usual_rate(ticks: Sequence[int], tick: Fraction, hints: Sequence[Fraction]) -> Fraction:
    """Of a variable clip: one over the median time between frames, as a whole rate if it is near one."""
    steps = sorted(after - before for before, after in itertools.pairwise(ticks) if after > before)
    if not steps:
        return DEFAULT_FPS
    rate = 1 / (steps[len(steps) // 2] * tick)
    rounding = rate * rate * max(tick, TOLERANCE)
    likely = (*hints, Fraction(round(rate)), nearest_standard(rate, rounding), rate.limit_denominator(1001))
    return next(one for one in likely if one and abs(one - rate) <= rounding)


def frame_at(timeline: Timeline, seconds: Fraction) -> int:
    """Index of the frame on display `seconds` after the first began (the last one after the end)."""
    if not timeline.is_variable:
        return max(0, min(len(timeline) - 1, math.floor(seconds * timeline.fps + Fraction(1, 1000))))
    low, high = 0, len(timeline) - 1
    while low < high:
        middle = (low + high + 1) // 2
        if timeline.time(middle) <= seconds + TOLERANCE / 2:
            low = middle
        else:
            high = middle - 1
    return low


def nearest_frame(timeline: Timeline, seconds: Fraction) -> int:
    """Index of the frame whose begin is nearest to `seconds` after the first one's."""
    if not timeline.is_variable:
        return max(0, min(len(timeline) - 1, round(seconds * timeline.fps)))
    before = frame_at(timeline, seconds)
    after = min(before + 1, len(timeline) - 1)
    return min(before, after, key=lambda index: abs(timeline.time(index) - seconds))
