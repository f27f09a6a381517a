"""A clip, streaming: frames in, dreamed frames out, in constant memory.

A shot is cut into spans of `cadence` frames. The frame at the end of a span is a key: it is dreamed, from
its source plus the residual that was carried there; the frames inside take their residual from both
keys. Nothing crosses a cut.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import torch

from dreamvideo.carry import arrive, between, carry_along, local_energy, routes_ahead, routes_back
from dreamvideo.course import Course
from dreamvideo.images import add_to_frame, image_from_frame, resize
from dreamvideo.keys import Aim, Shot, begin_shot, refresh
from dreamvideo.objectives import Objective
from dreamvideo.prefetch import prefetch
from dreamvideo.seams import dissolve, share_of_next
from dreamvideo.settings import CarrySettings, DreamSettings, FilmSettings
from dreamvideo.spans import FIRST, Past, Seen, observe, spans
from dreamvideo.stages import Stages

AHEAD = 10  # frames decoded and looked at before the dream asks for them: a usual span
SPANS_AHEAD = 1  # dreamed while the frames of the one before are finished
MASK_BLACK = 0.03  # what is darker counts as black, as far from white as white: encoders miss both a little


def add_residual(
    frame: np.ndarray, residual: np.ndarray, film: FilmSettings, mask: np.ndarray | None = None
) -> np.ndarray:
    """The source at its own sharpness plus the residual, scaled up to it.

    Args:
        mask: a frame of any size; the dream is added where it is white, and nothing at all where black.
    """
    size = film.size or (frame.shape[1], frame.shape[0])
    levels = resize(film.strength * np.float32(255) * residual, size)
    if mask is not None:
        levels *= mask_weights(resize(mask, size))[..., None]
    return add_to_frame(resize(frame, size), levels)


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
    with closing(dream_spans(frames, objective, Course(dream), Course(carry), detail, stages)) as dreamed:
        for span in dreamed:
            yield from ((frame, span.residual(number)) for number, frame in enumerate(span.frames))


Residuals = Callable[[int], np.ndarray]
"""Number of a frame in a span -> its residual."""


@dataclass(frozen=True, eq=False)
class Place:
    """Where a dream can be taken up again: between two spans.

    `Place(Past(n))` is where a shot begins with frame n: it needs nothing of those before it.
    `Place(Past(n, begun=m))` is where the dream of a shot is begun anew, for the piece behind the next seam.

    Attributes:
        past: what is known of the frames before it.
        shot: the last key. coming: that of the dream that grows in.
    """

    past: Past = FIRST
    shot: Shot | None = None
    coming: Shot | None = None

    @property
    def frames(self) -> int:
        """How many of the clip lie before it."""
        return self.past.frames


@dataclass(frozen=True)
class DreamedSpan:
    """Frames of a clip whose keys are dreamed.

    Attributes:
        frames: uint8 RGB (H, W, 3).
        residual: number of a frame in the span -> what the dream adds to it, float32 (h, w, 3) at the detail
            size. Any thread may ask: what lies between two keys is made then.
        place: where the dream can be taken up again, behind the span.
    """

    frames: Sequence[np.ndarray]
    residual: Residuals
    place: Place


def dream_spans(
    frames: Iterable[np.ndarray],
    objective: Objective,
    dream: Course[DreamSettings],
    carry: Course[CarrySettings],
    detail: int,
    stages: Stages | None = None,
    after: Place | None = None,
    is_one_shot: bool = False,
) -> Generator[DreamedSpan, None, None]:
    """`dream_residuals` span by span. The next one is dreamed, in another thread, before it is asked for.

    Args:
        after: go on from here; `frames` then begins behind it. What follows is the same to the last bit.
        is_one_shot: no cut is looked for, whatever `carry` says.
    """
    return prefetch(
        _dream_spans(
            frames, objective, dream, carry, detail, stages or Stages(), after or Place(), is_one_shot
        ),
        SPANS_AHEAD,
    )


def _dream_spans(
    frames: Iterable[np.ndarray],
    objective: Objective,
    dream: Course[DreamSettings],
    carry: Course[CarrySettings],
    detail: int,
    stages: Stages,
    after: Place,
    is_one_shot: bool,
) -> Generator[DreamedSpan, None, None]:
    torch.set_flush_denormal(True)  # for this thread
    shot, coming, settings = after.shot, after.coming, carry.settings
    seen = observe(frames, settings, detail, stages, after.past, is_one_shot)
    with closing(prefetch(seen, AHEAD)) as ahead:  # its thread ends before whoever reads the clip closes it
        for span in spans(ahead, settings):
            first, last = span[0], span[-1]
            if shot is None or first.motion is None or carry.at(last.index).carry == 0:
                coming = None
                shot, residual = _begin(span, objective, dream, stages)
            else:
                if coming is not None and first.takes_over:
                    shot, coming = coming, None
                shot, residual = _dream_on(span, shot, objective, dream, carry, stages)
                if coming is not None:
                    coming, following = _dream_on(span, coming, objective, dream, carry, stages)
                    residual = _dissolving(span, residual, following)
                elif last.since == 0:
                    coming, following = _begin([last], objective, dream, stages)
                    residual = _dissolving(span, residual, following)
            yield DreamedSpan([one.frame for one in span], residual, Place(last.past, shot, coming))


def aim_at(frame: int, objective: Objective, dream: Course[DreamSettings]) -> Aim:
    """What is dreamed towards at a frame."""
    return Aim(frame, objective.at(frame), dream.at(frame))


def _dissolving(span: Sequence[Seen], this: Residuals, following: Residuals) -> Residuals:
    """The residuals of a span in which the next dream grows in.

    Args:
        following: the next dream's, of the frames since it began.
    """
    first = next(number for number, one in enumerate(span) if one.since is not None)

    def residual(number: int) -> np.ndarray:
        since = span[number].since
        if since is None:
            return this(number)
        return dissolve(this(number), following(number - first), share_of_next(since))

    return residual


def _begin(
    span: Sequence[Seen], objective: Objective, dream: Course[DreamSettings], stages: Stages
) -> tuple[Shot, Residuals]:
    """Dream each of a span's frames from nothing; the last one leads on."""
    with stages.timed("dream"):
        shots = [begin_shot(image_from_frame(one.small), aim_at(one.index, objective, dream)) for one in span]
    return shots[-1], [shot.residual for shot in shots].__getitem__


def _dream_on(
    span: Sequence[Seen],
    shot: Shot,
    objective: Objective,
    dream: Course[DreamSettings],
    carry: Course[CarrySettings],
    stages: Stages,
) -> tuple[Shot, Residuals]:
    """Dream the last of a span's frames; those before it are carried from both keys."""
    before, now = (aim_at(frame, objective, dream) for frame in (shot.frame, span[-1].index))
    motions, key = [seen.motion for seen in span if seen.motion is not None], span[-1]
    with stages.timed("carry"):
        back, energy = routes_back(motions), local_energy(shot.residual)
        arrived = arrive(shot.residual, energy, shot.source, back[-1])
    with stages.timed("dream"):
        next_shot = refresh(shot, image_from_frame(key.small), arrived, before, now, carry.at(now.frame))
    with stages.timed("carry"):
        ahead, next_energy = routes_ahead(motions[1:]), local_energy(next_shot.residual)

    def residual(number: int) -> np.ndarray:
        if number == len(span) - 1:
            return next_shot.residual
        with stages.timed("carry"):
            earlier = carry_along(shot.residual, energy, back[number])
            later = carry_along(next_shot.residual, next_energy, ahead[number])
            return between(earlier, later, (number + 1) / len(span))

    return next_shot, residual
