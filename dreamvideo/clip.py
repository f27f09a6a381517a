"""A clip, streaming: frames in, dreamed frames out, in constant memory.

A shot is cut into spans of `cadence` frames. The frame at the end of a span is a key: it is dreamed, from
its source plus the residual that was carried there; the frames inside take their residual from both
keys. Nothing crosses a cut.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np

from dreamvideo.carry import Carried, Motion, blend, carry_backward, carry_forward, level_new
from dreamvideo.dream import Effort, activation_strength, dream_residual
from dreamvideo.images import fit_long_side, frame_from_image, image_from_frame, resize
from dreamvideo.motion.cuts import CutDetector
from dreamvideo.motion.flow import FlowEstimator, backward_warp, flow_estimator
from dreamvideo.motion.reliability import likeness, reliability
from dreamvideo.nets import Network
from dreamvideo.prefetch import prefetch
from dreamvideo.settings import CarrySettings, DreamSettings, FilmSettings
from dreamvideo.stages import Stages

SMALLEST_DETAIL = 32  # px; five poolings halve it to 1
AHEAD = 4  # frames decoded and looked at before the dream asks for them
MOST_LOST = 0.3  # share of a frame that may be newly seen since the last key before another is made early
MOST_NEW = 0.6  # share of a key that may be new before the shot begins anew
SURE = 0.8  # a confidence that counts as certain; the rest is what light and noise do
LEAST_NEW = 0.2  # less new than this is left to the renewal
MOST_PACE = 2.5  # times the step size, in new areas only: elsewhere larger steps tear patterns apart
FINE_SHARE = 0.6  # of the steps for new areas, in the finest octave: it costs as much as all others together
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
) -> Generator[tuple[np.ndarray, np.ndarray], None, None]:
    """Dream the frames of a clip, in order, up to `carry.cadence` frames late.

    Args:
        frames: uint8 RGB (H, W, 3), all of one size. They are taken in a thread of their own.
        detail: the long side, px, that flow and dream are computed at.

    Yields:
        (frame, residual) for each frame; the residual is float32 (h, w, 3) at the detail size.
    """
    stages = stages or Stages()
    shot: Shot | None = None
    ahead = prefetch(observe(frames, carry, detail, stages), AHEAD)
    with closing(ahead):  # its thread ends before whoever reads the clip closes it
        for span in spans(ahead, carry.cadence):
            if shot is None or span[0].motion is None or carry.carry == 0:
                with stages.timed("dream"):
                    shots = [begin_shot(image_from_frame(seen.small), network, dream) for seen in span]
                shot, residuals = shots[-1], [one.residual for one in shots]
            else:
                shot, residuals = dream_span(span, shot, network, dream, carry, stages)
            yield from zip((seen.frame for seen in span), residuals, strict=True)


@dataclass(frozen=True)
class Shot:
    """What the next key of a shot needs of those before.

    Attributes:
        residual: the last key's, (H, W, 3).
        source: what the residual was dreamed on at each place, (H, W, 3); where it was carried from afar
            that is an old picture of the same thing.
        level: the objective's value on the shot's first key, to be held.
    """

    residual: np.ndarray
    source: np.ndarray
    level: float


def begin_shot(source: np.ndarray, network: Network, dream: DreamSettings) -> Shot:
    """Dream a key from nothing, with all steps."""
    residual = dream_residual(network, source, dream)
    return Shot(residual, source, activation_strength(network, source + residual, dream))


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
    span: Sequence[Seen],
    shot: Shot,
    network: Network,
    dream: DreamSettings,
    carry: CarrySettings,
    stages: Stages,
) -> tuple[Shot, list[np.ndarray]]:
    """The residuals of a span's frames: the last is dreamed, those before it are carried from both keys."""
    motions = [seen.motion for seen in span if seen.motion is not None]
    with stages.timed("carry"):
        forward = list(carry_forward(shot.residual, motions))
    with stages.timed("dream"):
        shot = refresh(shot, image_from_frame(span[-1].small), forward[-1], network, dream, carry)
    with stages.timed("carry"):
        backward = list(carry_backward(shot.residual, motions[1:]))[::-1]
        between = [
            blend(earlier, later, position / len(span))
            for position, (earlier, later) in enumerate(zip(forward, backward, strict=False), start=1)
        ]
    return shot, [*between, shot.residual]


def refresh(
    shot: Shot,
    source: np.ndarray,
    arrived: Carried,
    network: Network,
    dream: DreamSettings,
    carry: CarrySettings,
) -> Shot:
    """Dream a key on: as many steps at each pixel as it lacks of the dream that should be there.

    A place is new where the flow cannot be trusted, and where the thing that was dreamed on has come to look
    different, in a fade or a change of light. Where nearly all is new, the shot begins anew.
    """
    remembered = backward_warp(shot.source, arrived.path)
    kept = np.minimum(1, arrived.confidence / SURE) * np.minimum(1, likeness(source, remembered) / SURE)
    kept *= carry.carry
    if kept.mean() < 1 - MOST_NEW and carry.refresh:
        return begin_shot(source, network, dream)
    residual, new = arrived.residual * kept[..., None], 1 - kept
    if carry.refresh:
        arrived_level = activation_strength(network, source + arrived.residual, dream)
        faded = 1 - arrived_level / shot.level if shot.level > 0 else 0.0
        residual = dream_residual(network, source, dream, residual, plan_efforts(new, faded, dream, carry))
        residual = np.clip(source + level_new(residual, kept), 0, 1) - source
    return replace(shot, residual=residual, source=remembered + new[..., None] * (source - remembered))


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
