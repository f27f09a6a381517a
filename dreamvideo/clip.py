"""A clip, streaming: frames in, dreamed frames out, in constant memory.

A shot is cut into spans of `cadence` frames. The frame at the end of a span is a key: it is dreamed, from
its source plus the residual that was carried there; the frames inside take their residual from both
keys. Nothing crosses a cut.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dreamvideo.carry import Carried, Motion, blend, carry_backward, carry_forward
from dreamvideo.dream import Effort, activation_strength, dream_residual
from dreamvideo.images import fit_long_side, frame_from_image, image_from_frame, resize
from dreamvideo.motion.cuts import CutDetector
from dreamvideo.motion.flow import FlowEstimator, flow_estimator
from dreamvideo.motion.reliability import reliability
from dreamvideo.nets import Network
from dreamvideo.prefetch import prefetch
from dreamvideo.settings import CarrySettings, DreamSettings, FilmSettings
from dreamvideo.stages import Stages


SMALLEST_DETAIL = 32  # px; five poolings halve it to 1
AHEAD = 4  # frames decoded and looked at before the dream asks for them
MOST_LOST = 0.3  # share of a frame that may be newly seen since the last key before another is made early
SURE = 0.8  # a confidence that counts as certain; the rest is what light and noise do
LEAST_NEW = 0.2  # less new than this is left to the renewal
MOST_PACE = 3.0  # times the step size, in new areas only: elsewhere larger steps tear patterns apart
FINE_SHARE = 1.0  # of the steps for new areas, in the finest octave
RENEWAL = 3.0  # share of the steps taken everywhere, for each share of the level that faded on the way


@dataclass(frozen=True)
class Seen:
    """A source frame, the small copy it is dreamed at, and its motion from the frame before.

    `motion` is None on the first frame of a shot.
    """

    frame: np.ndarray
    small: np.ndarray
    motion: Motion | None


def add_residual(frame: np.ndarray, residual: np.ndarray, film: FilmSettings) -> np.ndarray:
    """The source at its own sharpness plus the residual, scaled up to it."""
    size = film.size or (frame.shape[1], frame.shape[0])
    image = image_from_frame(resize(frame, size))
    return frame_from_image(image + film.strength * resize(residual, size))


def dream_residuals(
    frames: Iterable[np.ndarray],
    network: Network,
    dream: DreamSettings,
    carry: CarrySettings,
    detail: int,
    stages: Stages | None = None,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Dream the frames of a clip, in order, up to `carry.cadence` frames late.

    Args:
        frames: uint8 RGB (H, W, 3), all of one size. They are taken in a thread of their own.
        detail: the long side, px, that flow and dream are computed at.

    Yields:
        (frame, residual) for each frame; the residual is float32 (h, w, 3) at the detail size.
    """
    stages = stages or Stages()
    shot = Shot(np.zeros((1, 1, 3), np.float32), 0.0)
    ahead = prefetch(observe(frames, carry, detail, stages), AHEAD)
    for span in spans(ahead, carry.cadence):
        if span[0].motion is None or carry.carry == 0:
            with stages.timed("dream"):
                residuals = [dream_residual(network, image_from_frame(seen.small), dream) for seen in span]
                first = image_from_frame(span[0].small) + residuals[0]
                shot = Shot(residuals[-1], activation_strength(network, first, dream))
        else:
            residuals = dream_span(span, shot, network, dream, carry, stages)
            shot = replace(shot, residual=residuals[-1])
        yield from zip((seen.frame for seen in span), residuals, strict=True)


@dataclass(frozen=True)
class Shot:
    """What the next key of a shot needs of those before.

    Attributes:
        residual: the last key's.
        level: the objective's value on the shot's first key, to be held.
    """

    residual: np.ndarray
    level: float


def observe(
    frames: Iterable[np.ndarray], carry: CarrySettings, detail: int, stages: Stages
) -> Iterator[Seen]:
    """Look at each frame at the detail size: its motion from the frame before, or None after a cut."""
    estimate = flow_estimator(carry.flow)
    detector = CutDetector()
    before: np.ndarray | None = None
    for frame in frames:
        with stages.timed("motion"):
            small = resize(frame, detail_size((frame.shape[1], frame.shape[0]), detail))
            motion = None if before is None else observe_motion(before, small, estimate)
            explained = 1.0 if motion is None else float(motion.backward_reliability.mean())
            is_cut = detector.is_cut(small, explained) and carry.cuts == "auto"
        yield Seen(frame, small, None if is_cut else motion)
        before = small


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
    span: Sequence[Seen], shot: Shot, network: Network, dream: DreamSettings, carry: CarrySettings, stages: Stages
) -> list[np.ndarray]:
    """The residuals of a span's frames: the last is dreamed, those before it are carried from both keys."""
    motions = [seen.motion for seen in span if seen.motion is not None]
    with stages.timed("carry"):
        forward = list(carry_forward(shot.residual, motions))
    with stages.timed("dream"):
        key = refresh(image_from_frame(span[-1].small), forward[-1], shot.level, network, dream, carry)
    with stages.timed("carry"):
        backward = list(carry_backward(key, motions[1:]))[::-1]
        between = [
            blend(earlier, later, position / len(span))
            for position, (earlier, later) in enumerate(zip(forward, backward, strict=False), start=1)
        ]
    return [*between, key]


def refresh(
    source: np.ndarray, arrived: Carried, level: float, network: Network, dream: DreamSettings, carry: CarrySettings
) -> np.ndarray:
    """Dream a key on: as many steps at each pixel as it lacks of the dream that should be there."""
    kept = carry.carry * np.minimum(1, arrived.confidence / SURE)
    residual = arrived.residual * kept[..., None]
    if carry.refresh == 0:
        return residual
    faded = 1 - activation_strength(network, source + arrived.residual, dream) / level
    return dream_residual(network, source, dream, residual, plan_efforts(1 - kept, faded, dream, carry))


def plan_efforts(new: np.ndarray, faded: float, dream: DreamSettings, carry: CarrySettings) -> list[Effort]:
    """The steps of a carried key in each octave, the smallest first.

    What is newly seen is dreamed in every octave, in fewer but larger steps than a shot's first frame.
    What has faded is renewed in the finest octave alone, over the whole frame: being carried costs the
    fine grain, hardly anything of the coarse.

    Args:
        new: (H, W), 0 to 1, how new each pixel is. faded: share of the level that was lost on the way.
    """
    new = np.where(new < LEAST_NEW, 0, new).astype(np.float32)
    pace = 1 + (min(MOST_PACE, dream.steps / carry.refresh) - 1) * new
    coarse = Effort(carry.refresh, new, pace)
    fine_steps = FINE_SHARE * carry.refresh
    renewal_steps = dream.steps * min(1.0, max(0.0, RENEWAL * faded))
    steps = math.ceil(max(fine_steps, renewal_steps))
    fine = Effort(steps, np.maximum(new * fine_steps, renewal_steps).astype(np.float32) / steps, pace)
    return [coarse] * (dream.octaves - 1) + [fine]
