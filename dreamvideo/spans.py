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


@dataclass(frozen=True, eq=False)
class Past:
    """What must be known of the frames before, to look at those behind as who has seen them.

    Attributes:
        frames: how many there are. small: the last one, uint8 RGB (h, w, 3) at the detail size.
        begun: the frame with which the shot began, or a multiple of `split` later; None: with the next one.
        opened: that with which a dream began that has not taken over yet; None: there is none.
        changes: what the cut detector remembers. fade: what is remembered of fades.
    """

    frames: int = 0
    begun: int | None = None
    small: np.ndarray | None = None
    opened: int | None = None
    changes: tuple[float, ...] = ()
    fade: Fade = NO_FADE


@dataclass(frozen=True, eq=False)
class Seen:
    """A source frame, and how it hangs together with those before.

    Attributes:
        index: its place in the clip. age: that in its shot. Both from 0.
        frame: uint8 RGB (H, W, 3). small: at the detail size, where it is dreamed.
        motion: from the frame before; None on the first frame of a shot.
        since: how many frames ago the dream began that grows in; None: none does.
        takes_over: whether that dream alone is shown from this frame on.
        changes: what the cut detector remembers. fade: what is remembered of fades.
    """

    index: int
    age: int
    frame: np.ndarray
    small: np.ndarray
    motion: Motion | None
    since: int | None
    takes_over: bool
    changes: tuple[float, ...]
    fade: Fade

    @property
    def past(self) -> Past:
        """What must be known behind this frame."""
        opened = None if self.since is None else self.index - self.since
        return Past(self.index + 1, self.index - self.age, self.small, opened, self.changes, self.fade)


FIRST = Past()


def observe(
    frames: Iterable[np.ndarray],
    carry: CarrySettings,
    detail: int,
    stages: Stages,
    past: Past = FIRST,
    is_one_shot: bool = False,
) -> Generator[Seen, None, None]:
    """Look at each frame at the detail size: its motion from the frame before, or None after a cut.

    Args:
        past: what is known of those before. is_one_shot: no cut is looked for, whatever `carry` says.
    """
    estimate = flow_estimator(carry.flow)
    detector = CutDetector(past.small, past.changes)
    begun, opened, fade = past.frames if past.begun is None else past.begun, past.opened, past.fade
    looks_for_cuts = carry.cuts == "auto" and not is_one_shot

    def pairs() -> Iterator[tuple[np.ndarray | None, np.ndarray, np.ndarray]]:
        earlier = past.small
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
        for index, (motion, small, frame) in enumerate(looked, past.frames):
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
            yield Seen(index, age, frame, small, motion, since, takes_over, detector.changes, fade)


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
