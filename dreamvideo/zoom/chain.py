"""The stills that a film falls through: each is the dream of the middle of the one before, twice as large.

Stills have numbers: 0 is the dream of the picture given; 1, 2, ... lie inside it, -1, -2, ... around it.
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
from dreamvideo.zoom.nest import RATIO, RING, Extent, place, smooth_step, takes_over
from dreamvideo.zoom.noise import clouds

CLOSING = 3  # stills before the end of a loop in which its begin grows in the middle
SURROUNDINGS = 0.03  # sigma, widths, of the blur of what is mirrored around a still that is seen from afar


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
        residual = dream_residual(self.objective.at(frame), source, self.dream.at(frame))
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
            depends on the first two and the last of them, so a film can be gone on with.
    """
    kept = [image_from_frame(frame) for frame in [*ready[:2], *ready[2:][-1:]]]
    for count in range(len(ready), len(chain.numbers)):
        number = chain.numbers[count]
        if count == 0:
            image = chain.dreamed(first, number)
        else:
            source = _source(chain, number, kept[0] if abs(number) == 1 else kept[-1], kept[0])
            seen = chain.extent.shown(source.shape[1::-1])
            image = _anchor(kept, seen).hold(chain.dreamed(source, number), seen)
        frame = frame_from_image(image)  # the next one is made of what can be kept
        kept = [*kept[:2], image_from_frame(frame)]
        yield frame


def _anchor(kept: Sequence[np.ndarray], seen: np.ndarray) -> Anchor:
    """The colours of the first still, a dream of a picture; the sharpness of the second, a dream of that.

    What counts of a still is what a film shows of it: `seen`, (H, W, 1).
    """
    colours = Anchor.of(kept[0], seen)
    return replace(colours, sharpness=Anchor.of(kept[1], seen).sharpness if len(kept) > 1 else None)


def _source(chain: Chain, number: int, before: np.ndarray, first: np.ndarray) -> np.ndarray:
    """What still `number` is the dream of."""
    size, device = (before.shape[1], before.shape[0]), chain.objective.device
    middle = chain.extent.middle(size)
    if number < 0:
        return _seen_from_afar(before, chain, number)
    source = np.clip(resample(before, view_matrix(RATIO, 0, middle, middle), size, device), 0, 1)
    depth = chain.loop - number if chain.loop is not None else CLOSING + 1
    if depth > CLOSING:
        return source
    share = takes_over(chain.extent.distance(size) + depth)[..., None]
    return source + (place(first, depth, size, chain.extent, device) - source) * share


def _seen_from_afar(still: np.ndarray, chain: Chain, number: int) -> np.ndarray:
    """A still at half its size, and around it something like it to dream on."""
    size, device = (still.shape[1], still.shape[0]), chain.objective.device
    near = place(still, 1, size, chain.extent, device)
    spread = near.std(axis=(0, 1))
    around = blurred(near, SURROUNDINGS * size[0])
    around += clouds(size, seed=chain.dream.settings.seed - number) * spread
    share = smooth_step((chain.extent.distance(size) + 1) / RING + 0.5)[..., None]
    return np.clip(near + (around - near) * share, 0, 1).astype(np.float32)
