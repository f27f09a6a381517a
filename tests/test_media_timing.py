"""Rounded times give back the exact rate."""

from __future__ import annotations

from fractions import Fraction

import pytest

from dreamvideo.media.timing import (
    frame_at,
    make_timeline,
    nearest_frame,
    rate_from_print,
    without_ragged_end,
)

MS = Fraction(1, 1000)
RATES = [
    Fraction(24000, 1001),
    Fraction(30000, 1001),
    Fraction(60000, 1001),
    *map(Fraction, (10, 12, 24, 25, 30, 50, 60, 120)),
]


@pytest.mark.parametrize("fps", RATES, ids=str)
@pytest.mark.parametrize("count", [2, 3, 24, 5000])
@pytest.mark.parametrize("tick", [MS, Fraction(1, 90_000), Fraction(1, 600)], ids=str)
def test_rounded_times_give_the_exact_rate(fps: Fraction, count: int, tick: Fraction) -> None:
    ticks = [round(n / fps / tick) for n in range(count)]
    hint = rate_from_print(f"{float(fps):.2f}")
    assert hint == fps
    timeline = make_timeline(ticks, tick, 0, [hint], True)
    assert (timeline.fps, timeline.is_variable) == (fps, False)
    assert timeline.duration == count / fps
    assert all(timeline.time(n) == n / fps for n in range(0, count, 7))


@pytest.mark.parametrize("fps", RATES, ids=str)
def test_long_clips_need_no_hint(fps: Fraction) -> None:
    ticks = [round(n / fps / MS) for n in range(3000)]
    assert make_timeline(ticks, MS, 0, [], True).fps == fps


def test_an_unusual_rate_is_kept_exactly() -> None:
    timeline = make_timeline(
        [2998 * n for n in range(36)], Fraction(1, 90_000), 2998, [Fraction(3002, 100)], True
    )
    assert timeline.fps == Fraction(45000, 1499)


def test_a_step_of_the_rate_is_variable() -> None:
    ticks = [40 * n for n in range(10)] + [400 + 20 * n for n in range(30)]
    timeline = make_timeline(ticks, MS, 20, [], True)
    assert timeline.is_variable and timeline.fps == 50
    assert timeline.duration == 1
    assert timeline.time(12) == Fraction(440, 1000)


def test_one_frame_lasts_as_its_container_says() -> None:
    assert make_timeline([0], Fraction(1, 12800), 512, [], True).fps == 25
    assert make_timeline([0], MS, 0, [Fraction(30)], True).fps == 30
    assert make_timeline([0], MS, 0, [], True).fps == 25


@pytest.mark.parametrize("constant", [True, False])
def test_frames_are_found_by_their_time(constant: bool) -> None:
    ticks = [0, 40, 80, 120] if constant else [0, 10, 80, 120]
    timeline = make_timeline(ticks, MS, 40, [], True)
    assert timeline.is_variable is not constant
    for index, tick in enumerate(ticks):
        assert frame_at(timeline, tick * MS) == index
        assert nearest_frame(timeline, tick * MS + Fraction(3, 1000)) == index
    assert frame_at(timeline, Fraction(79, 1000)) == 1
    assert frame_at(timeline, Fraction(99)) == 3
    assert frame_at(timeline, Fraction(-1)) == 0


def test_frames_after_the_first_missing_one_are_dropped_at_a_ragged_end() -> None:
    assert without_ragged_end([0, 1, 2, 3, 4, 7, 9]) == [0, 1, 2, 3, 4]
    assert without_ragged_end([0, 1, 2, 3]) == [0, 1, 2, 3]
    assert without_ragged_end([5]) == [5]


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("23.98", Fraction(24000, 1001)),
        ("29.97", Fraction(30000, 1001)),
        ("12.50", Fraction(25, 2)),
        ("1k", Fraction(1000)),
        ("30.02", Fraction(3002, 100)),
        ("0", None),
    ],
)
def test_printed_rates_are_understood(text: str, rate: Fraction | None) -> None:
    assert rate_from_print(text) == rate
