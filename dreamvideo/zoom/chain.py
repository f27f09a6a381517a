"""The stills that a film falls through: each is the dream of the middle of the one before, scaled up.

Stills have numbers: 0 is the dream of the picture given; 1, 2, ... lie inside it, -1, -2, ... around it.
Only still 0 is dreamed with all steps. The others begin as dreams, a little larger or smaller.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dreamvideo.camera.affine import view_matrix
from dreamvideo.camera.resampling import blurred, resample, symmetrical
from dreamvideo.course import Course
from dreamvideo.dream import dream_residual
from dreamvideo.images import frame_from_image, image_from_frame
from dreamvideo.objectives import Objective
from dreamvideo.settings import DreamSettings, FilmSettings
from dreamvideo.zoom.anchor import Anchor
from dreamvideo.zoom.nest import JOINING, PER_DOUBLING, RATIO, Extent, place, smooth_step, takes_over
from dreamvideo.zoom.noise import clouds_around

CLOSING = 3 * PER_DOUBLING  # stills before the end of a loop in which its begin grows in the middle
SEAM = 0.9 * JOINING  # stills: width of the ring in which the begin of a loop takes over from its end
CLOUDS = 0.7  # contrast of the clouds that lie around such a still, beside its own
COLOURED = 0.3  # how far their colours differ
SURROUNDINGS = 0.03  # sigma, widths, of the blur of what is mirrored around a still that is seen from afar
LARGEST_STEP = 0.2  # that the settings admit


@dataclass(frozen=True)
class Effort:
    """How a still is dreamed that begins as a dream, beside one that does not.

    Attributes:
        steps: share of the steps. pace: how large they are, times the step size.
        octaves: so many of the finest; None: all.
    """

    steps: float
    pace: float
    octaves: int | None


INWARDS = Effort(0.4, 4.0, 1)  # what is scaled up lacks fine detail alone: coarser octaves weaken it
OUTWARDS = Effort(0.8, 1.5, None)  # a border of clouds has nothing yet


@dataclass(frozen=True)
class Chain:
    """How stills are made.

    Attributes:
        extent: what each covers. symmetry: sectors of a mandala.
        numbers: of the stills, in the order in which they are made.
        loop: after so many the first comes again; None: never.
        frames: number of a still -> the frame of the film whose settings it is dreamed with.
    """

    objective: Objective
    dream: Course[DreamSettings]
    film: Course[FilmSettings]
    extent: Extent
    symmetry: int
    numbers: Sequence[int]
    loop: int | None
    frames: Mapping[int, int]

    def dreamed(self, source: np.ndarray, number: int) -> np.ndarray:
        """The dream of a source, float32 (H, W, 3), as still `number`."""
        frame, source = self.frames[number], self._folded(source)
        dream = self.dream.at(frame)
        if number:
            dream = _eased(dream, INWARDS if number > 0 else OUTWARDS, number)
        residual = dream_residual(self.objective.at(frame), source, dream)
        return self._folded(np.clip(source + self.film.at(frame).strength * residual, 0, 1))

    def _folded(self, image: np.ndarray) -> np.ndarray:
        if self.symmetry == 1:
            return image
        middle = self.extent.middle((image.shape[1], image.shape[0]))
        return np.clip(symmetrical(image, self.symmetry, middle), 0, 1)


def dream_stills(chain: Chain, first: np.ndarray, ready: Sequence[np.ndarray] = ()) -> Iterator[np.ndarray]:
    """Dream the stills of a film in the order of `chain.numbers`, as frames: uint8 (H, W, 3).

    Args:
        first: the picture that still 0 is the dream of, float32.
        ready: stills that are there already, from the first on; they are not yielded again. What follows
            depends on the first and the last of them, so a film can be gone on with.
    """
    made = list(ready)
    if not made:
        made.append(frame_from_image(chain.dreamed(first, chain.numbers[0])))
        yield made[-1]
    begin = image_from_frame(made[0])
    look, seen = replace(Anchor.of(begin), sharpness=None), chain.extent.shown(made[0].shape[1::-1])
    for number in chain.numbers[len(made) :]:
        before = begin if abs(number) == 1 else image_from_frame(made[-1])
        image = chain.dreamed(_source(chain, number, before, begin), number)
        made.append(frame_from_image(look.hold(image, seen)))  # the next one is made of what can be kept
        yield made[-1]


def _eased(dream: DreamSettings, effort: Effort, number: int) -> DreamSettings:
    """The settings of a still that begins as a dream: with jitter of its own."""
    return replace(
        dream,
        steps=max(1, round(effort.steps * dream.steps)),
        step_size=min(LARGEST_STEP, effort.pace * dream.step_size),
        octaves=min(effort.octaves or dream.octaves, dream.octaves),
        seed=dream.seed + number,
    )


def _source(chain: Chain, number: int, before: np.ndarray, first: np.ndarray) -> np.ndarray:
    """What still `number` is the dream of."""
    size, device = (before.shape[1], before.shape[0]), chain.objective.moved_on
    middle = chain.extent.middle(size)
    if number < 0:
        return _seen_from_afar(before, chain, number)
    source = np.clip(resample(before, view_matrix(RATIO, 0, middle, middle), size, device), 0, 1)
    depth = chain.loop - number if chain.loop is not None else CLOSING + 1
    if depth > CLOSING:
        return source
    share = takes_over(chain.extent.distance(size) + depth, SEAM)[..., None]
    return source + (place(first, depth, size, chain.extent, device) - source) * share


def _seen_from_afar(still: np.ndarray, chain: Chain, number: int) -> np.ndarray:
    """A still made smaller, and around it something like it to dream on."""
    size, device = (still.shape[1], still.shape[0]), chain.objective.moved_on
    near = place(still, 1, size, chain.extent, device)
    spread = near.std(axis=(0, 1))
    around = blurred(near, SURROUNDINGS * size[0])
    middle = chain.extent.middle(size)
    x, y = np.meshgrid(np.arange(size[0]) - middle[0], np.arange(size[1]) - middle[1])
    new = clouds_around(x, y, number / PER_DOUBLING, chain.dream.settings.seed)
    light = new.mean(axis=2, keepdims=True)
    around += CLOUDS * spread * (light + COLOURED * (new - light))
    share = smooth_step(chain.extent.distance(size) + 1.5)[..., None]
    return np.clip(near + (around - near) * share, 0, 1).astype(np.float32)
