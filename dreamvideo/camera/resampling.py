"""What a camera sees: resampling by cubic B-splines with their prefilter (Unser 1999).

It is the sharpest kernel whose gain is over 1 at no frequency: a picture that is moved a thousand times
neither blurs as fast as with Catmull-Rom nor explodes as with OpenCV's bicubic or Lanczos. It is written
here, and not taken from SciPy, because it then runs where the dream runs; on one core it takes half of
SciPy's time, and agrees with it to 2e-5. Places are float32: OpenCV's own warps may round them to 1/32 px,
and slow zooms then tremble.

A view that is not turned is a matrix for the rows and one for the columns, each with blur, prefilter and
spline in one. As a product of matrices it takes a third of the time.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TypeVar

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from dreamvideo.camera.affine import Matrix
from dreamvideo.images import image_from_tensor, tensor_from_image

Places = TypeVar("Places", Tensor, np.ndarray)

POLE = math.sqrt(3) - 2  # of the cubic B-spline's inverse
REACH = 12  # px after which the inverse has decayed to 1e-7
UPRIGHT = 1e-9  # px that a px may lie aside in a view that counts as not turned: a whole turn is none
FEWEST_ROWS = 12  # of a product that MKL does not split by threads in a way of its own
BLOCK = 32  # px of an axis whose weights are one matrix: larger ones hold more zeros, smaller ones cost calls


def resample(
    image: np.ndarray,
    matrix: Matrix,
    size: tuple[int, int],
    device: torch.device | None = None,
    blur: float = 0.0,
) -> np.ndarray:
    """What is seen of an image through `matrix`; beyond its border it is mirrored, without end.

    Args:
        image: float32 (H, W, C). size: (width, height) of the output.
        blur: sigma, px of the image, of a Gaussian that it is seen through.

    Returns:
        float32 (height, width, C); splines overshoot a little at edges.
    """
    if np.abs(matrix[(0, 1), (1, 0)]).max() < UPRIGHT:
        return _resample_upright(image, matrix, size, device, blur)
    image = blurred(image, blur)
    coefficients = tensor_from_image(_prefiltered(image)).to(device or "cpu")
    x, y = (torch.arange(side, dtype=torch.float32, device=device) for side in size)
    places = [
        (row[0] * x)[None, :] + (row[1] * y)[:, None] + row[2] for row in matrix.astype(np.float32).tolist()
    ]
    return image_from_tensor(_spline(coefficients, *places))


def blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    """An image behind a Gaussian of `sigma` px."""
    if sigma <= 0:
        return image
    kernel = _gaussian(sigma)
    return cv2.sepFilter2D(image, -1, kernel, kernel, borderType=cv2.BORDER_REFLECT_101)


def symmetrical(image: np.ndarray, folds: int, centre: tuple[float, float]) -> np.ndarray:
    """A mandala: one sector of an image (H, W, C), mirrored and turned around `centre`, px, `folds` times."""
    y, x = np.mgrid[0 : image.shape[0], 0 : image.shape[1]].astype(np.float64)
    x, y = x - centre[0], y - centre[1]
    sector = 2 * math.pi / folds
    angle = np.abs((np.arctan2(y, x) + sector / 2) % sector - sector / 2)
    radius = np.hypot(x, y)
    places = (
        torch.from_numpy((radius * wave + middle).astype(np.float32))
        for wave, middle in ((np.cos(angle), centre[0]), (np.sin(angle), centre[1]))
    )
    return image_from_tensor(_spline(tensor_from_image(_prefiltered(image)), *places))


def _resample_upright(
    image: np.ndarray, matrix: Matrix, size: tuple[int, int], device: torch.device | None, blur: float
) -> np.ndarray:
    seen = torch.from_numpy(image).to(device or "cpu")
    for axis in (1, 0):  # rows, then columns: whichever comes first in `seen`
        lines = seen.reshape(len(seen), -1)
        weights = _axis_weights(
            float(matrix[axis, axis]), float(matrix[axis, 2]), size[axis], len(seen), blur
        )
        parts = [part.to(lines.device) @ lines[begin:end] for part, begin, end in weights]
        seen = torch.cat(parts)[: size[axis]].view(size[axis], *seen.shape[1:]).transpose(0, 1)
    return np.ascontiguousarray(seen.cpu().numpy())


@lru_cache(maxsize=64)  # of the stills that are laid in one another each has its place
def _axis_weights(
    step: float, start: float, places: int, pixels: int, blur: float
) -> list[tuple[Tensor, int, int]]:
    """What the places start, start + step, ... of an axis take of its pixels, `BLOCK` by `BLOCK`.

    Returns:
        (n, end - begin) weights of the pixels `begin` to `end` for the next n places; behind few places
        there are some of nothing.
    """
    place = start + step * np.arange(places)
    before = np.floor(place)
    kernel = np.convolve(_prefilter(), _gaussian(blur))
    reach = len(kernel) // 2
    taps = np.zeros((places, 4 + 2 * reach))
    for number, weight in enumerate(_spline_weights(place - before)):
        taps[:, number : number + len(kernel)] += weight[:, None] * kernel
    pixel = before.astype(np.int64)[:, None] - 1 - reach + np.arange(taps.shape[1])
    pixel %= max(1, 2 * (pixels - 1))
    pixel = np.where(pixel < pixels, pixel, 2 * (pixels - 1) - pixel)
    weights = []
    blocks = -(-places // BLOCK)  # of one height, so that none is low
    for part, shares in zip(np.array_split(pixel, blocks), np.array_split(taps, blocks), strict=True):
        begin, end = int(part.min()), int(part.max()) + 1
        cell = (part - begin) + np.arange(len(part))[:, None] * (end - begin)
        rows = max(len(part), FEWEST_ROWS)
        summed = np.bincount(cell.ravel(), shares.ravel(), minlength=rows * (end - begin))
        weights.append((torch.from_numpy(summed.reshape(rows, -1).astype(np.float32)), begin, end))
    return weights


def _gaussian(sigma: float) -> np.ndarray:
    """A kernel of that variance however small it is, so that blurs add up (Lindeberg 1990): samples of a bell
    curve would blur too little under half a pixel."""
    radius = math.ceil(4 * sigma) + 2
    frequency = 2 * math.pi * np.fft.rfftfreq(2 * radius + 1)
    return np.fft.fftshift(np.fft.irfft(np.exp(sigma**2 * (np.cos(frequency) - 1)), 2 * radius + 1))


def _prefilter() -> np.ndarray:
    """The inverse of sampling a spline, as a symmetrical filter."""
    kernel = POLE ** np.abs(np.arange(-REACH, REACH + 1.0))
    return kernel / kernel.sum()


def _prefiltered(image: np.ndarray) -> np.ndarray:
    """The spline's coefficients."""
    kernel = _prefilter()
    return cv2.sepFilter2D(image, -1, kernel, kernel, borderType=cv2.BORDER_REFLECT_101)


def _spline(coefficients: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The spline at some places: 16 neighbours by 4 linear samplings (Sigg and Hadwiger 2005)."""
    height, width = coefficients.shape[2:]
    columns, rows = _pairs(x), _pairs(y)
    total = torch.zeros(1, coefficients.shape[1], *x.shape, device=coefficients.device)
    for row, row_weight in rows:
        for column, column_weight in columns:
            grid = torch.stack([2 * column / max(1, width - 1) - 1, 2 * row / max(1, height - 1) - 1], -1)
            seen = F.grid_sample(coefficients, grid[None], padding_mode="reflection", align_corners=True)
            total += seen * (row_weight * column_weight)
    return total


def _pairs(place: Tensor) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Of the 4 neighbours on an axis, the 2 on either side as one linear sampling: (place, weight) each."""
    before = place.floor()
    w0, w1, w2, w3 = _spline_weights(place - before)
    left, right = w0 + w1, w2 + w3
    return (before - 1 + w1 / left, left), (before + 1 + w3 / right, right)


def _spline_weights(t: Places) -> tuple[Places, Places, Places, Places]:
    """Of the 4 neighbours of places that are `t` px behind the second one."""
    w0, w1, w3 = (1 - t) ** 3 / 6, (4 - 6 * t**2 + 3 * t**3) / 6, t**3 / 6
    return w0, w1, 1 - w0 - w1 - w3, w3
