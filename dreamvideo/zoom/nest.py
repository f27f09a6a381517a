"""Stills in one another: each shows the middle of the one before, larger.

Together they are one picture without end, which does not move: a camera falls into it. A still takes over
from the one around it in a ring that lies still in that picture too, so nothing pulses as the camera passes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from dreamvideo.camera.affine import view_matrix
from dreamvideo.camera.resampling import blurred, resample
from dreamvideo.camera.upright import Planes
from dreamvideo.images import blend

PER_DOUBLING = 2  # stills in which things become twice as large: with one they are seen as coarse as they are
RATIO = 2 ** (1 / PER_DOUBLING)  # how much larger a still shows the middle of the one before
# Px of a composed picture per px of a frame, which shows it at 1 to RATIO times its size.
DENSITY = 1.6 * RATIO
RING = 0.4  # width of the ring in which a still takes over from the one around it, in stills
SHAPE = 4.0  # exponent of the ring's shape: 2 is an ellipse, more is nearer to the still's rectangle
OUTERMOST = -1  # of the stills that a composed picture shows, counted from its own
DEEPEST = 5 * PER_DOUBLING  # the first that it does not show: it would be the 32nd part of it
JOINING = 2  # stills behind the end of a loop, that are shown in place of its first ones
SCREEN_BLUR = 0.45  # sigma in px: the least blur at which fine detail does not twinkle while it shrinks


Box = tuple[slice, slice]
"""Rows and columns of a picture."""


@dataclass(frozen=True)
class Extent:
    """The part of the plane that each still covers: px of a frame, from the point that is fallen into."""

    left: float
    up: float
    right: float
    down: float

    @classmethod
    def of(cls, size: tuple[int, int], centres: np.ndarray, turns: bool) -> Extent:
        """What frames of `size` need that have the point at `centres` (n, 2), in shares of them.

        Args:
            turns: they are seen at any angle.
        """
        before, after = centres.max(axis=0) * size, (1 - centres.min(axis=0)) * size
        if turns:
            return cls(*(float(np.hypot(*np.maximum(before, after))),) * 4)
        return cls(*before.tolist(), *after.tolist())

    def size(self, density: float) -> tuple[int, int]:
        """(width, height) of a picture of it with `density` px per px of a frame."""
        return round((self.left + self.right) * density), round((self.up + self.down) * density)

    def middle(self, size: tuple[int, int]) -> tuple[float, float]:
        """Where the point is in a picture of it: px, the first pixel's middle is 0."""
        x, y = self.left / (self.left + self.right), self.up / (self.up + self.down)
        return x * size[0] - 0.5, y * size[1] - 0.5

    def distance(self, size: tuple[int, int]) -> np.ndarray:
        """How far outside its border each pixel of a picture of it is, in stills: (H, W), below 0 inside.

        That is the logarithm of its distance from the point that is fallen into, to the base `RATIO`.
        """
        x, y = (np.arange(side) - middle for side, middle in zip(size, self.middle(size), strict=True))
        across = np.abs(x / np.where(x < 0, x[0] - 0.5, x[-1] + 0.5))
        down = np.abs(y / np.where(y < 0, y[0] - 0.5, y[-1] + 0.5))
        distance = (across[None, :] ** SHAPE + down[:, None] ** SHAPE) ** (1 / SHAPE)
        return (np.log2(np.maximum(distance, 1e-6)) * PER_DOUBLING).astype(np.float32)

    def box(self, size: tuple[int, int], depth: int) -> Box:
        """The part of a picture of it in which a still lies that is `depth` stills inside it."""
        spans = []
        for side, middle in zip(size, self.middle(size), strict=True):
            before, after = (reach / RATIO**depth for reach in (middle + 0.5, side - 0.5 - middle))
            spans.append(slice(max(0, round(middle - before)), min(side, round(middle + after) + 1)))
        return spans[1], spans[0]

    def shown(self, size: tuple[int, int], *, is_innermost: bool = False) -> np.ndarray:
        """How much of each pixel of a still is seen, between those around and inside it: (H, W, 1).

        Args:
            is_innermost: there is none inside it.
        """
        distance = self.distance(size)
        inside = np.zeros_like(distance) if is_innermost else takes_over(distance + 1)
        return (takes_over(distance) * (1 - inside))[..., None]


@dataclass(frozen=True)
class View:
    """How a frame looks into a composed picture.

    Attributes:
        depth: 0 to 1, in stills. degrees: of its turn. centre: where it has the point, shares of the frame.
    """

    depth: float
    degrees: float
    centre: tuple[float, float]


def compose(
    still: Callable[[int], np.ndarray | None], number: int, extent: Extent, device: torch.device
) -> Planes:
    """Still `number` with those around it and inside it, at `DENSITY`.

    Args:
        still: gives a still by its number, float32 of `extent`, at any size; None where there is none.
    """
    size = extent.size(DENSITY)
    whole: np.ndarray | None = None
    for depth in range(OUTERMOST, DEEPEST):
        picture = still(number + depth)
        if picture is None:
            continue
        if whole is None:
            whole = place(picture, depth, size, extent, device)
            continue
        box, share = _share(extent, size, depth)
        blend(whole[box], _placed(picture, depth, box, size, extent, device), share)
    if whole is None:
        raise ValueError(f"no still near number {number}")
    return Planes.of(whole)


@lru_cache(maxsize=DEEPEST - OUTERMOST)  # the same around every still
def _share(extent: Extent, size: tuple[int, int], depth: int) -> tuple[Box, np.ndarray]:
    """Where a still that is `depth` stills inside lies in a composed picture of `size`; its share there."""
    box = extent.box(size, depth)
    return box, takes_over(extent.distance(size)[box] + depth)


def look_into(
    composed: Planes, view: View, size: tuple[int, int], extent: Extent, device: torch.device
) -> np.ndarray:
    """A frame of `size`: a composed picture seen through `view`, float32."""
    density = DENSITY / RATIO**view.depth
    at = view.centre[0] * size[0] - 0.5, view.centre[1] * size[1] - 0.5
    middle = extent.middle((composed.values.shape[2], composed.height))
    # with what `_placed` has blurred, detail leaves at SCREEN_BLUR from whatever depth it is seen
    soft = SCREEN_BLUR * math.sqrt(max(0.0, density**2 - 1))
    return resample(composed, view_matrix(1, view.degrees, at, middle, density), size, device, soft)


def takes_over(distance: np.ndarray, ring: float = RING) -> np.ndarray:
    """The share of a still in what is seen, by how far one is outside its border: both in stills."""
    return smooth_step(-distance / ring)


def smooth_step(value: np.ndarray) -> np.ndarray:
    """0 below 0, 1 above 1, smooth between."""
    share = np.clip(value, 0, 1)
    return share * share * (3 - 2 * share)


def place(
    picture: np.ndarray, depth: int, size: tuple[int, int], extent: Extent, device: torch.device
) -> np.ndarray:
    """A picture of `size` with a still that lies `depth` stills in it; around it that still is mirrored."""
    return _placed(picture, depth, (slice(0, size[1]), slice(0, size[0])), size, extent, device)


def _placed(
    picture: np.ndarray, depth: int, box: Box, size: tuple[int, int], extent: Extent, device: torch.device
) -> np.ndarray:
    """The part `box` of a composed picture of `size`, filled from a still that lies `depth` stills in it."""
    own = extent.middle((picture.shape[1], picture.shape[0]))
    middle = extent.middle(size)
    across, down = (
        side / whole * RATIO**depth for side, whole in zip(picture.shape[1::-1], size, strict=True)
    )
    matrix = np.array(
        [
            [across, 0, own[0] + across * (box[1].start - middle[0])],
            [0, down, own[1] + down * (box[0].start - middle[1])],
        ]
    )
    inside = (box[1].stop - box[1].start, box[0].stop - box[0].start)
    if across > 1:
        return resample(picture, matrix, inside, device, SCREEN_BLUR * across)
    return blurred(resample(picture, matrix, inside, device), SCREEN_BLUR)
