"""The best animation that is not larger than so many bytes, found in at most four encodings.

Given up are, in this order: width (down to 320 px), frames per second (down to 10), colours or quality, and
at last width again. The bytes of a plan are foretold from those of the last one: they go with the frames,
and with a power of the width that two encodings tell.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from dreamvideo.errors import UsageError
from dreamvideo.images import resize
from dreamvideo.media import gifsicle
from dreamvideo.media.comments import with_comment
from dreamvideo.media.encoding import QUALITIES, animation_args, muxer
from dreamvideo.media.ffmpeg import file_url, run
from dreamvideo.media.gif import GifStyle, constant_delays, exact_rates, gif_rate, write_gif
from dreamvideo.media.reader import ClipReader

ENCODINGS = 4
ENOUGH = 0.88  # of the limit: then the search ends
AIM = 0.95  # of the limit, where the next encoding shall come out; the power is a guess,
SAFE_AIM = 0.8  # and the last chance is used with care
MIN_WIDTH = 320  # px: below this, other things are given up first
MIN_SHARE = 0.8  # of the width of a clip that is hardly wider: the steps of the rest are too coarse alone
SMALLEST = 48  # px
POWER = 1.8  # bytes go with width ** power, at first
BITS_PER_PIXEL = {".gif": 2.5, ".webp": 0.8, ".avif": 0.15, ".apng": 12.0}  # a first guess

QUALITY_SHARES: dict[str, Sequence[float]] = {
    ".webp": (1.0, 0.7, 0.55, 0.4),
    ".avif": (1.0, 0.55, 0.3, 0.15),
    ".apng": (1.0,),
}
"""Bytes beside the first, of each of `encoding.QUALITIES`."""
STYLES: Sequence[tuple[int, float, float]] = (
    (256, 0.0, 1.0),
    (128, 0.0, 0.8),
    (64, 0.0, 0.65),
    (32, 12.0, 0.4),
)
"""(colours at most, hold at least, bytes beside the first), for GIFs."""


@dataclass(frozen=True)
class Wish:
    """What a file must keep to, and how it is made; `platforms` tells why."""

    limit: int | None = None
    """Bytes."""
    style: GifStyle = field(default_factory=GifStyle)
    edit_lists: bool = True
    """mp4 and mov may have them."""
    bits_per_second: int | None = None
    """Of the picture, on average."""
    plain_sound: bool = False
    """AAC in mp4 and mov, whatever the clip has."""


@dataclass(frozen=True)
class Plan:
    """How an animation is encoded."""

    width: int
    fps: Fraction
    step: int
    """Of quality; 0 is the best."""
    share: float
    """Bytes beside the best step, roughly."""


@dataclass(frozen=True)
class Fitted:
    """What came of a search."""

    plan: Plan
    size: tuple[int, int]
    bytes: int
    encodings: int
    given_up: str
    """In words; "" if nothing was."""


class AnimationFitter:
    """Encodes a lossless clip as gif, webp, avif or apng.

    Args:
        picture: The clip, at a constant rate and at the largest size and rate that are wanted.
        ending: Of the file to make.
        style: Of a GIF, at its best.
    """

    def __init__(self, picture: Path, ending: str, style: GifStyle, comment: str) -> None:
        self._picture, self._ending, self._style, self._comment = picture, ending, style, comment
        with closing(ClipReader(picture)) as reader:
            self._size, self._fps, self._seconds = reader.size, reader.fps, float(reader.duration)

    def fit(self, target: Path, limit: int) -> Fitted:
        """Write the largest file found that has at most `limit` bytes.

        Raises:
            UsageError: The limit is too small for any.
        """
        plans = self._plans()
        search = _Search(plans, self._guess(plans[0]), limit)
        trial, best = target.with_name("trial" + self._ending), None
        while (plan := search.next()) is not None:
            kept_exactly = self.encode(trial, plan)
            length = trial.stat().st_size
            if kept_exactly and length > limit:
                self._style = replace(self._style, exact=False)
                search.skip()  # it says nothing of what follows
            elif search.note(plan, length):
                best = plan
                os.replace(trial, target)
        if best is None:
            raise UsageError(self._too_small(search, limit))
        size, length = self._size_of(best), target.stat().st_size
        return Fitted(best, size, length, search.encodings, self._given_up(plans[0], best))

    def encode(self, target: Path, plan: Plan) -> bool:
        """Write one file; returns whether some of it was kept exactly at the cost of bytes."""
        if self._ending == ".gif":
            return self._encode_gif(target, plan)
        width, height = self._size_of(plan)
        filters = f"fps={plan.fps},scale={width}:{height}:flags=area"
        args = animation_args(self._ending, QUALITIES[self._ending][plan.step], filters)
        run(["-y", "-i", file_url(self._picture), *args, "-f", muxer(self._ending), file_url(target)])
        if self._comment:
            target.write_bytes(with_comment(target.read_bytes(), self._comment))
        return False

    def _encode_gif(self, target: Path, plan: Plan) -> bool:
        colours, hold, _ = STYLES[plan.step]
        style = replace(
            self._style, colours=min(colours, self._style.colours), hold=max(hold, self._style.hold)
        )
        size = self._size_of(plan)
        with closing(ClipReader(self._picture, fps=plan.fps)) as reader:

            def frames() -> Iterator[np.ndarray]:
                return (resize(frame, size) for frame, _ in reader)

            delays = constant_delays(reader.frames, plan.fps)
            kept_exactly = write_gif(target, size, frames, delays, style, self._comment)
        gifsicle.shrink(target)
        return kept_exactly

    def _plans(self) -> list[Plan]:
        """One for each rate and step, in the order in which things are given up, all at full width."""
        top = gif_rate(self._fps, self._fps) if self._ending == ".gif" else self._fps
        rates = [top, *(rate for rate in exact_rates(top) if rate < top and rate <= 20)]
        is_gif = self._ending == ".gif"
        shares = [share for _, _, share in STYLES] if is_gif else QUALITY_SHARES[self._ending]
        first = [Plan(self._size[0], rate, 0, 1.0) for rate in rates]
        rest = [Plan(self._size[0], rates[-1], step, share) for step, share in enumerate(shares)]
        return first + rest[1:]

    def _guess(self, top: Plan) -> float:
        """Bytes of a plan before anything is known."""
        pixels = self._size[0] * self._size[1] * self._seconds * float(top.fps)
        return BITS_PER_PIXEL[self._ending] * pixels / 8

    def _size_of(self, plan: Plan) -> tuple[int, int]:
        width, height = self._size
        return plan.width, max(1, round(height * plan.width / width))

    def _given_up(self, top: Plan, best: Plan) -> str:
        words = []
        if best.width < top.width:
            words.append(f"{best.width} px wide instead of {top.width}")
        if best.fps < top.fps:
            words.append(f"{float(best.fps):.4g} frames a second instead of {float(top.fps):.4g}")
        if best.step and self._ending == ".gif":
            words.append(f"{STYLES[best.step][0]} colours")
        elif best.step:
            words.append(f"quality {QUALITIES[self._ending][best.step]}")
        return ", ".join(words)

    def _too_small(self, search: _Search, limit: int) -> str:
        width, fps = search.smallest.width, float(search.smallest.fps)
        seconds = self._seconds * limit / search.bytes_of_smallest * 0.9
        needed = search.bytes_of_smallest / 1e6
        return (
            f"{limit / 1e6:.3g} MB are too little: {self._seconds:.1f} s at {width} px and {fps:.3g} frames "
            f"a second take about {needed:.2g} MB; allow that much, or keep {seconds:.1f} s of it"
        )


class _Search:
    """Which plan to try next."""

    def __init__(self, plans: Sequence[Plan], guess: float, limit: int) -> None:
        self._plans, self._limit = plans, limit
        self._power = POWER
        self._density = guess / self._weight(plans[0])
        self._tried: list[tuple[Plan, int]] = []
        self._best = self._skipped = 0

    @property
    def encodings(self) -> int:
        return len(self._tried) + self._skipped

    def skip(self) -> None:
        """Count an encoding that there is nothing to learn from."""
        self._skipped += 1

    @property
    def smallest(self) -> Plan:
        last = self._plans[-1]
        return replace(last, width=min(SMALLEST, last.width))

    @property
    def bytes_of_smallest(self) -> float:
        """Foretold; at least what the smallest that was made took."""
        made = [length for plan, length in self._tried if plan == self.smallest]
        return max([self._foretold(self.smallest), *made])

    def next(self) -> Plan | None:
        """The next plan; None at the end."""
        if self.encodings == ENCODINGS or self._best >= ENOUGH * self._limit:
            return None
        last_chance = self.encodings == ENCODINGS - 1 and not self._best
        plan = self._choose(self._limit * (SAFE_AIM if last_chance else AIM))
        return None if plan is None or plan in (tried for tried, _ in self._tried) else plan

    def note(self, plan: Plan, length: int) -> bool:
        """Learn from an encoding; returns whether it is the best so far."""
        for other, its_length in self._tried:
            if (other.fps, other.step) == (plan.fps, plan.step) and other.width != plan.width:
                slope = math.log(length / its_length) / math.log(plan.width / other.width)
                self._power = min(2.3, max(0.8, slope))
        self._density = length / self._weight(plan)
        self._tried.append((plan, length))
        is_best = self._best < length <= self._limit
        if is_best:
            self._best = length
        return is_best

    def _weight(self, plan: Plan) -> float:
        return float(plan.fps) * plan.share * plan.width**self._power

    def _foretold(self, plan: Plan) -> float:
        return self._density * self._weight(plan)

    def _choose(self, aim: float) -> Plan | None:
        """The first plan that keeps its width, scaled so that it is foretold to have `aim` bytes."""
        for plan in self._plans:
            scaled = self._scaled(plan, aim)
            if scaled.width >= min(MIN_WIDTH, MIN_SHARE * plan.width):
                return scaled
        return scaled if scaled.width >= self.smallest.width else self._last_resort()

    def _last_resort(self) -> Plan | None:
        """The smallest of all, unless it is known to be too large."""
        hopeless = self.encodings and self._foretold(self.smallest) > 2 * self._limit
        return None if hopeless else self.smallest

    def _scaled(self, plan: Plan, aim: float) -> Plan:
        """`plan` at the width that `aim` asks for, between those known to fit and not to."""
        width = math.floor(plan.width * (aim / self._foretold(plan)) ** (1 / self._power))
        same = [
            (tried.width, length)
            for tried, length in self._tried
            if (tried.fps, tried.step) == (plan.fps, plan.step)
        ]
        fits = [tried for tried, length in same if length <= self._limit]
        fails = [tried for tried, length in same if length > self._limit]
        if fails:
            width = min(width, min(fails) - 1)
        if fits:
            width = max(width, max(fits))
        return replace(plan, width=min(plan.width, width))
