"""A clip, streaming: frames in, dreamed frames out, in constant memory.

A shot is cut into spans of `cadence` frames. The frame at the end of a span is a key: it is dreamed, from
its source plus the residual that was carried there; the frames inside take their residual from both
keys. Nothing crosses a cut.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial

import numpy as np

from dreamvideo.carry import Motion, blend, carry_backward, carry_forward
from dreamvideo.images import fit_long_side, frame_from_image, image_from_frame, resize
from dreamvideo.keys import SURE, Shot, begin_shot, refresh
from dreamvideo.motion.cuts import CutDetector
from dreamvideo.motion.flow import FlowEstimator, flow_estimator
from dreamvideo.motion.reliability import reliability
from dreamvideo.objectives import Objective
from dreamvideo.prefetch import prefetch
from dreamvideo.settings import CarrySettings, DreamSettings, FilmSettings
from dreamvideo.stages import Stages

SMALLEST_DETAIL = 32  # px; five poolings halve it to 1
AHEAD = 4  # frames decoded and looked at before the dream asks for them
MOST_LOST = 0.27  # share of a frame that may be newly seen since the last key before another is made early
MASK_BLACK = 0.03  # what is darker counts as black, as far from white as white: encoders miss both a little


@dataclass(frozen=True)
class Seen:
    """A source frame, the small copy it is dreamed at, and its motion from the frame before.

    `index` is its place in the clip, from 0; `motion` is None on the first frame of a shot; `changes` is what
    the cut detector remembers after it.
    """

    index: int
    frame: np.ndarray
    small: np.ndarray
    motion: Motion | None
    changes: tuple[float, ...] = ()


def add_residual(
    frame: np.ndarray, residual: np.ndarray, film: FilmSettings, mask: np.ndarray | None = None
) -> np.ndarray:
    """The source at its own sharpness plus the residual, scaled up to it.

    Args:
        mask: a frame of any size; the dream is added where it is white, and nothing at all where black.
    """
    size = film.size or (frame.shape[1], frame.shape[0])
    image, added = image_from_frame(resize(frame, size)), film.strength * resize(residual, size)
    if mask is not None:
        added *= mask_weights(resize(mask, size))[..., None]
    return frame_from_image(image + added)


def mask_weights(mask: np.ndarray) -> np.ndarray:
    """A mask as uint8 RGB (H, W, 3) -> how much of the dream each pixel gets, (H, W), 0 to 1."""
    grey = image_from_frame(mask).mean(axis=2)
    return np.clip((grey - MASK_BLACK) / (1 - 2 * MASK_BLACK), 0, 1)


def dream_residuals(
    frames: Iterable[np.ndarray],
    objective: Objective,
    dream: DreamSettings,
    carry: CarrySettings,
    detail: int,
    stages: Stages | None = None,
) -> Generator[tuple[np.ndarray, np.ndarray], None, None]:
    """Dream the frames of a clip, in order, up to `carry.cadence` frames late.

    Args:
        frames: uint8 RGB (H, W, 3), all of one size. They are taken in a thread of their own.
        detail: the long side, px, that flow and dream are computed at.

    Yields:
        (frame, residual) for each frame; the residual is float32 (h, w, 3) at the detail size.
    """
    with closing(dream_spans(frames, objective, dream, carry, detail, stages)) as dreamed:
        for pairs, _ in dreamed:
            yield from pairs


def dream_spans(
    frames: Iterable[np.ndarray],
    objective: Objective,
    dream: DreamSettings,
    carry: CarrySettings,
    detail: int,
    stages: Stages | None = None,
    after: Place | None = None,
) -> Generator[tuple[list[tuple[np.ndarray, np.ndarray]], Place], None, None]:
    """`dream_residuals` span by span: what was dreamed, and the place where it can be taken up again.

    Args:
        after: go on from here; `frames` then begins behind it. What follows is the same to the last bit.
    """
    stages = stages or Stages()
    shot = after.shot if after else None
    ahead = prefetch(observe(frames, carry, detail, stages, after), AHEAD)
    with closing(ahead):  # its thread ends before whoever reads the clip closes it
        for span in spans(ahead, carry.cadence):
            if shot is None or span[0].motion is None or carry.carry == 0:
                with stages.timed("dream"):
                    shots = [
                        begin_shot(image_from_frame(seen.small), objective.at(seen.index), dream)
                        for seen in span
                    ]
                shot, residuals = shots[-1], [one.residual for one in shots]
            else:
                shot, residuals = dream_span(span, shot, objective, dream, carry, stages)
            last = span[-1]
            place = Place(last.index + 1, shot, last.small, last.changes)
            yield list(zip((seen.frame for seen in span), residuals, strict=True)), place


@dataclass(frozen=True)
class Place:
    """Where a dream can be taken up again: between two spans.

    `Place(n)` is where a shot begins with frame n: it needs nothing of those before it.

    Attributes:
        frames: how many of the clip lie before it.
        shot: the last key. small: the last frame, uint8 RGB (h, w, 3) at the detail size.
        changes: what the cut detector remembers.
    """

    frames: int
    shot: Shot | None = None
    small: np.ndarray | None = None
    changes: tuple[float, ...] = ()


def observe(
    frames: Iterable[np.ndarray],
    carry: CarrySettings,
    detail: int,
    stages: Stages,
    after: Place | None = None,
) -> Iterator[Seen]:
    """Look at each frame at the detail size: its motion from the frame before, or None after a cut."""
    estimate = flow_estimator(carry.flow)
    before = after.small if after else None
    detector = CutDetector(before, after.changes if after else ())
    for index, frame in enumerate(frames, after.frames if after else 0):
        with stages.timed("motion"):
            small = resize(frame, detail_size((frame.shape[1], frame.shape[0]), detail))
            motion = None if before is None else observe_motion(before, small, estimate)
            is_cut = detector.is_cut(small, partial(explained_by, motion)) and carry.cuts == "auto"
        yield Seen(index, frame, small, None if is_cut else motion, detector.changes)
        before = small


def explained_by(motion: Motion | None) -> float:
    """How much of what changed the motion explains, 0 to 1: what the cut detector asks."""
    return 1.0 if motion is None else float(motion.backward_reliability.mean())


def detail_size(size: tuple[int, int], detail: int) -> tuple[int, int]:
    """(width, height) that a frame of `size` is dreamed at: no side under what the network can see."""
    width, height = fit_long_side(size, detail)
    return max(width, SMALLEST_DETAIL), max(height, SMALLEST_DETAIL)


def observe_motion(before: np.ndarray, after: np.ndarray, estimate: FlowEstimator) -> Motion:
    """Both flows between two neighbouring frames, uint8 RGB, and how far to trust them."""
    backward, forward = estimate(after, before), estimate(before, after)
    return Motion(
        backward,
        forward,
        reliability(after, before, backward, forward),
        reliability(before, after, forward, backward),
    )


def spans(seen: Iterable[Seen], cadence: int) -> Iterator[list[Seen]]:
    """The first frame of each shot by itself, the others in groups of `cadence`.

    A group is shorter at the end of a shot, and where so much comes into sight that the frames inside
    would be thin: the picture changes faster than the keys.
    """
    span: list[Seen] = []
    kept = 1.0
    for frame in seen:
        if frame.motion is None:
            if span:
                yield span
            span, kept = [], 1.0
            yield [frame]
            continue
        span.append(frame)
        kept *= float(np.minimum(1, frame.motion.backward_reliability / SURE).mean())
        if len(span) == cadence or kept < 1 - MOST_LOST:
            yield span
            span, kept = [], 1.0
    if span:
        yield span


def dream_span(
    span: Sequence[Seen],
    shot: Shot,
    objective: Objective,
    dream: DreamSettings,
    carry: CarrySettings,
    stages: Stages,
) -> tuple[Shot, list[np.ndarray]]:
    """The residuals of a span's frames: the last is dreamed, those before it are carried from both keys."""
    motions, key = [seen.motion for seen in span if seen.motion is not None], span[-1]
    with stages.timed("carry"):
        forward = list(carry_forward(shot.residual, motions))
    with stages.timed("dream"):
        shot = refresh(shot, image_from_frame(key.small), forward[-1], objective.at(key.index), dream, carry)
    with stages.timed("carry"):
        backward = list(carry_backward(shot.residual, motions[1:]))[::-1]
        between = [
            blend(earlier, later, position / len(span))
            for position, (earlier, later) in enumerate(zip(forward, backward, strict=False), start=1)
        ]
    return shot, [*between, shot.residual]
