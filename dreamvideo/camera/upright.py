"""Views that are not turned: a matrix for the columns and one for the rows of a picture.

Each holds blur, prefilter and spline in one, which takes at most a fifth of the time of doing them one by
one. Most of it is zeros, so it is cut into blocks. MKL, which multiplies them, sums in another order at the
ends of what it shares out among threads: not, where all sides are multiples of `BLOCK`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import torch
from torch import Tensor

from dreamvideo.camera.affine import Matrix
from dreamvideo.camera.kernels import gaussian, prefilter, spline_weights

BLOCK = 16  # places of an axis whose weights are one matrix: more hold more zeros, fewer cost calls
NEXT_TO_NOTHING = 1e-6  # of a kernel's weights: what is smaller at its ends is left out


@dataclass(frozen=True, eq=False)
class Planes:
    """An image colour by colour, to be looked at again and again.

    Attributes:
        values: float32 (C, H', W), with H' >= H a multiple of `BLOCK`; behind the image are zeros.
        height: H.
    """

    values: np.ndarray
    height: int

    @classmethod
    def of(cls, image: np.ndarray) -> Planes:
        """image: float32 (H, W, C)."""
        image = np.asarray(image, np.float32)  # into an array of another type OpenCV would write nothing
        height, width, channels = image.shape
        values = np.empty((channels, _padded(height), width), np.float32)
        for channel in range(channels):
            cv2.extractChannel(image, channel, values[channel, :height])
        values[:, height:] = 0
        return cls(values, height)

    @property
    def image(self) -> np.ndarray:
        """float32 (H, W, C)."""
        return cv2.merge([*self.values[:, : self.height]]).reshape(self.height, self.values.shape[2], -1)


def see_upright(
    planes: Planes, matrix: Matrix, size: tuple[int, int], device: torch.device | None, blur: float
) -> np.ndarray:
    """See `resampling.resample`, of which this is the part for matrices that turn nothing."""
    channels, height, width = planes.values.shape
    across, down = (
        _axis_weights(float(matrix[axis, axis]), float(matrix[axis, 2]), size[axis], there, blur)
        for axis, there in ((0, width), (1, planes.height))
    )
    pixels = torch.from_numpy(planes.values).to(device or "cpu")
    columns = _weighed(pixels.view(channels * height, width), across)  # (W', C * H')
    rows = _weighed(columns.view(-1, height), down)  # (H', W' * C)
    image = rows.view(len(rows), -1, channels)[: size[1], : size[0]]
    return np.ascontiguousarray(image.cpu().numpy())


def _weighed(lines: Tensor, weights: list[tuple[Tensor, int, int]]) -> Tensor:
    """(n, pixels) -> (places, n)."""
    seen, columns = lines.new_empty(len(weights) * BLOCK, len(lines)), lines.t()
    for part, (weight, begin, end) in zip(seen.split(BLOCK), weights, strict=True):
        torch.mm(weight.to(lines.device), columns[begin:end], out=part)
    return seen


@lru_cache(maxsize=64)  # of the stills that are laid in one another each has its place
def _axis_weights(
    step: float, start: float, places: int, pixels: int, blur: float
) -> list[tuple[Tensor, int, int]]:
    """What the places start, start + step, ... of an axis take of its pixels, `BLOCK` by `BLOCK`.

    Returns:
        (BLOCK, end - begin) weights of the pixels `begin` to `end`; behind the places come some more.
    """
    place = start + step * np.arange(_padded(places))
    before = np.floor(place)
    kernel = _trimmed(np.convolve(prefilter(), gaussian(blur)))
    reach = len(kernel) // 2
    taps = np.zeros((len(place), 4 + 2 * reach))
    for number, weight in enumerate(spline_weights(place - before)):
        taps[:, number : number + len(kernel)] += weight[:, None] * kernel
    pixel = before.astype(np.int64)[:, None] - 1 - reach + np.arange(taps.shape[1])
    pixel %= max(1, 2 * (pixels - 1))
    pixel = np.where(pixel < pixels, pixel, 2 * (pixels - 1) - pixel)
    weights = []
    for block in range(0, len(place), BLOCK):
        part, shares = pixel[block : block + BLOCK], taps[block : block + BLOCK]
        begin, end = int(part.min()), int(part.max()) + 1
        cell = (part - begin) + np.arange(BLOCK)[:, None] * (end - begin)
        summed = np.bincount(cell.ravel(), shares.ravel(), minlength=BLOCK * (end - begin))
        weights.append((torch.from_numpy(summed.reshape(BLOCK, -1).astype(np.float32)), begin, end))
    return weights


def _padded(side: int) -> int:
    return -(-side // BLOCK) * BLOCK


def _trimmed(kernel: np.ndarray) -> np.ndarray:
    """A symmetrical kernel without its ends, where they are next to nothing."""
    seen = np.flatnonzero(np.abs(kernel) > NEXT_TO_NOTHING)
    return kernel[seen[0] : seen[-1] + 1]
