"""A clip, streaming: frames in, dreamed frames out, in constant memory.

A shot is cut into spans of `cadence` frames. The frame at the end of a span is a key: it is dreamed, from
its source plus the residual that was carried there; the frames inside take their residual from both
keys. Nothing crosses a cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dreamvideo.carry import Carried, Motion, blend, carry_backward, carry_forward
from dreamvideo.dream import activation_strength, dream_residual
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
LEAST_NEED = 0.05  # of the steps; less is not worth computing
RENEWAL = 1.0  # share of the steps taken everywhere, for each share of the level that was lost on the way


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
    """The first frame of each shot by itself, the others in groups of `cadence` (the last may be shorter)."""
    span: list[Seen] = []
    for frame in seen:
        if frame.motion is None:
            if span:
                yield span
            span = []
            yield [frame]
            continue
        span.append(frame)
        if len(span) == cadence:
            yield span
            span = []
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
    """Dream a key on: as many steps at each pixel as it lacks of the dream that should be there.

    What is newly seen lacks all of it, and the whole frame lacks something where carrying has cost
    strength.
    """
    kept = carry.carry * arrived.confidence
    if carry.refresh == 0:
        return arrived.residual * kept[..., None]
    missing = 1 - activation_strength(network, source + arrived.residual, dream) / level
    need = np.maximum(1 - kept, min(1.0, RENEWAL * missing))
    need[need < LEAST_NEED] = 0
    steps = refresh_steps(carry.refresh, dream.octaves)
    return dream_residual(network, source, dream, arrived.residual * kept[..., None], need, steps)


def refresh_steps(refresh: int, octaves: int) -> list[int]:
    """Steps on a carried frame in each octave, the smallest first: more where they cost less."""
    return [max(1, round(refresh * (0.6 + 0.4 * (octaves - 1 - o) / max(1, octaves - 1)))) for o in range(octaves)]
