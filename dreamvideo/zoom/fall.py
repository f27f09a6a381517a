"""Frames of a camera that falls through stills: each is one look into one composed picture."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

import numpy as np
import torch

from dreamvideo.camera.upright import Planes
from dreamvideo.cores import cores
from dreamvideo.images import image_from_frame
from dreamvideo.nets.cpu import on_one_thread
from dreamvideo.prefetch import prefetch
from dreamvideo.zoom.anchor import Correction
from dreamvideo.zoom.exposure import Exposure
from dreamvideo.zoom.nest import JOINING, Extent, View, compose, look_into

HELD = (0.0, 0.5, 1.0)  # of the way from one still to the next, where a frame's exposure is measured
PLACES = 9  # decimals of a depth: as a steady camera passes the stills it then sees each in the same ways


@dataclass(frozen=True, eq=False)
class Fall:
    """A camera's way through stills.

    Attributes:
        depth: the still that fills each frame; a fraction is on the way to the next. degrees: of its turn.
        centre: where the point that it falls into is in the frame, in shares of it, (n, 2).
        loop: after so many stills the first comes again; None: never.
    """

    depth: np.ndarray
    degrees: np.ndarray
    centre: np.ndarray
    extent: Extent
    loop: int | None

    @property
    def frames(self) -> int:
        return len(self.depth) - 1

    def numbers(self) -> list[int]:
        """Of the stills it passes, in the order in which they can be made; and of those that close a loop."""
        if self.loop is not None:
            return list(range(self.loop + JOINING))
        lowest, highest = math.floor(self.depth.min()), math.ceil(self.depth.max())
        return [*range(0, max(0, highest) + 1), *range(-1, min(0, lowest) - 1, -1)]

    def shown(self) -> list[int]:
        """Of the stills that frames look into, in that order: those that close a loop are its first ones."""
        return self.numbers()[: self.loop]

    def frame_of(self, number: int) -> int:
        """The frame that still `number` fills, or the one nearest to it."""
        away = self.depth - number
        if self.loop is not None:
            away = (away + self.loop / 2) % self.loop - self.loop / 2
        return int(np.abs(away).argmin())


def fall_frames(
    fall: Fall,
    stills: Mapping[int, np.ndarray],
    size: tuple[int, int],
    device: torch.device,
    frames: Iterable[int],
    exposure: Exposure | None,
) -> Iterator[np.ndarray]:
    """What the camera sees in some frames: float32 (height, width, 3) each.

    Args:
        stills: by number, uint8, as `finish.finished` gives them.
        size: (width, height), as `fall.extent` was made for.
        exposure: that they are held to where a still fills them and half-way to the next, and elsewhere by
            what lies between: each by itself would pulse. None: they are left as they are.
    """

    def still(number: int) -> np.ndarray | None:
        found = stills.get(number if fall.loop is None else number % fall.loop)
        return None if found is None else image_from_frame(found)

    @lru_cache(maxsize=2)
    def composed(number: int) -> tuple[Planes, list[Correction]]:
        with cores.helping(), on_one_thread():
            picture = compose(still, number, fall.extent, device)
            if exposure is None:
                return picture, []
            views = (View(depth, 0, tuple(fall.centre.mean(axis=0))) for depth in HELD)
            return picture, [
                exposure.correction(look_into(picture, view, size, fall.extent, device)) for view in views
            ]

    def number_of(frame: int) -> int:
        number = math.floor(fall.depth[frame])
        return number if fall.loop is None else number % fall.loop

    runs = [(number, list(run)) for number, run in groupby(frames, number_of)]
    with closing(prefetch((composed(number) for number, _ in runs), ahead=1)) as pictures:
        for (_, run), (picture, held) in zip(runs, pictures, strict=True):
            for frame in run:
                depth = round(float(fall.depth[frame] % 1), PLACES)
                view = View(depth, fall.degrees[frame], tuple(fall.centre[frame]))
                with cores.stepping(device):
                    seen = look_into(picture, view, size, fall.extent, device)
                yield between(held, depth).of(seen) if held else seen


def between(held: Sequence[Correction], depth: float) -> Correction:
    """The correction of a frame, from those that are measured at `HELD`."""
    next_one = next(number for number, place in enumerate(HELD[1:], 1) if depth <= place)
    before, after = HELD[next_one - 1], HELD[next_one]
    return held[next_one - 1].towards(held[next_one], (depth - before) / (after - before))
