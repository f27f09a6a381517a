"""What is seen of a clip before it is dreamed: how its frames hang together, and where keys should be.

A shot is cut into *spans* of `cadence` frames; the frame at the end of each is a key.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from dreamvideo.carry import Motion, certainty
from dreamvideo.images import fit_long_side, resize
from dreamvideo.motion.cuts import CutDetector
from dreamvideo.motion.fades import NO_FADE, Fade
from dreamvideo.motion.flow import FlowEstimator, flow_estimator
from dreamvideo.motion.reliability import reliability
from dreamvideo.prefetch import map_ahead
from dreamvideo.seams import hands_over, opens
from dreamvideo.settings import DISSOLVE, CarrySettings
from dreamvideo.stages import Stages

SMALLEST_DETAIL = 32  # px; five poolings halve it to 1
MOST_LOST = 0.4  # share of a frame that may be newly seen since the last key before another is made early
MOST_LOST_FIRST = 0.3  # since a shot's first frame, whose dream fades fastest


@dataclass(frozen=True)
class Seen:
    """A source frame, the small copy it is dreamed at, and its motion from the frame before.

    `index` is its place in the clip, `age` that in its shot, both from 0; `motion` is None on the first frame
    of a shot. `takes_over` tells that the next dream has done so, and `since`, where it has begun but not yet
    taken over, how many frames ago that was. `changes` is what the cut detector remembers after it, `fade`
    what is remembered of fades.
    """

    index: int
    age: int
    frame: np.ndarray
    small: np.ndarray
    motion: Motion | None
    takes_over: bool = False
    since: int | None = None
    changes: tuple[float, ...] = ()
    fade: Fade = NO_FADE


def observe(
    frames: Iterable[np.ndarray],
    carry: CarrySettings,
    detail: int,
    stages: Stages,
    begin: int = 0,
    begun: int | None = None,
    before: np.ndarray | None = None,
    changes: tuple[float, ...] = (),
    opened: int | None = None,
    fade: Fade = NO_FADE,
    is_one_shot: bool = False,
) -> Generator[Seen, None, None]:
    """Look at each frame at the detail size: its motion from the frame before, or None after a cut.

    Args:
        begin: the first frame's number. begun: that with which its shot began; None: it does so itself.
        before: the frame before it, small.
        changes: what the cut detector remembers. fade: what is remembered of fades.
        opened: the frame with which a dream began that has not taken over yet.
        is_one_shot: no cut is looked for.
    """
    estimate = flow_estimator(carry.flow)
    detector = CutDetector(before, changes)
    begun = begin if begun is None else begun
    looks_for_cuts = carry.cuts == "auto" and not is_one_shot

    def pairs() -> Iterator[tuple[np.ndarray | None, np.ndarray, np.ndarray]]:
        earlier = before
        for frame in frames:
            with stages.timed("motion"):
                small = resize(frame, detail_size((frame.shape[1], frame.shape[0]), detail))
            yield earlier, small, frame
            earlier = small

    def look(
        pair: tuple[np.ndarray | None, np.ndarray, np.ndarray],
    ) -> tuple[Motion | None, np.ndarray, np.ndarray]:
        earlier, small, frame = pair
        with stages.timed("motion"):
            return None if earlier is None else observe_motion(earlier, small, estimate), small, frame

    with closing(map_ahead(look, pairs())) as looked:
        for index, (motion, small, frame) in enumerate(looked, begin):
            with stages.timed("motion"):
                is_cut = detector.is_cut(small, partial(explained_by, motion)) and looks_for_cuts
            if is_cut:
                begun, opened, fade, motion = index, None, NO_FADE, None
            if carry.cuts == "auto" and not carry.split:  # pieces begin anew by themselves
                fade = fade.after(small)
            age = index - begun
            takes_over = index - DISSOLVE == opened or hands_over(age, carry.split)
            opened = None if takes_over else opened
            if opened is None and motion is not None and (fade.has_grown or opens(age, carry.split)):
                opened, fade = index, replace(fade, has_grown=False)
            since = None if opened is None else index - opened
            yield Seen(index, age, frame, small, motion, takes_over, since, detector.changes, fade)


def explained_by(motion: Motion | None) -> float:
    """How much of what changed the motion explains, 0 to 1: what the cut detector asks."""
    return 1.0 if motion is None else float(motion.backward_reliability.mean())


def observe_motion(before: np.ndarray, after: np.ndarray, estimate: FlowEstimator) -> Motion:
    """Both flows between two neighbouring frames, uint8 RGB, and how far to trust them."""
    backward, forward = estimate(after, before), estimate(before, after)
    return Motion(
        backward,
        forward,
        reliability(after, before, backward, forward),
        reliability(before, after, forward, backward),
    )


def detail_size(size: tuple[int, int], detail: int) -> tuple[int, int]:
    """(width, height) that a frame of `size` is dreamed at: no side under what the network can see."""
    width, height = fit_long_side(size, detail)
    return max(width, SMALLEST_DETAIL), max(height, SMALLEST_DETAIL)


def spans(seen: Iterable[Seen], carry: CarrySettings) -> Iterator[list[Seen]]:
    """The first frame of each shot by itself, the others in groups of `cadence`.

    A group is shorter at the end of a shot, and where so much comes into sight that the frames inside
    would be thin: the picture changes faster than the keys. None reaches over a seam, or beyond the frame
    with which the next dream begins.
    """
    span: list[Seen] = []
    kept = 1.0
    for frame in seen:
        if span and (frame.motion is None or frame.takes_over):
            yield span
            span, kept = [], 1.0
        if frame.motion is None:
            yield [frame]
            continue
        span.append(frame)
        kept *= float(certainty(frame.motion.backward_reliability).mean())
        most_lost = MOST_LOST_FIRST if span[0].age == 1 else MOST_LOST
        is_full = len(span) == carry.cadence or kept < 1 - most_lost
        if is_full or frame.since == 0:
            yield span
            span, kept = [], 1.0
    if span:
        yield span
