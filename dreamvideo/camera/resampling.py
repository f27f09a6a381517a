"""What a camera sees: resampling by cubic B-splines with their prefilter (Unser 1999).

It is the sharpest kernel whose gain is over 1 at no frequency: a picture that is moved a thousand times
neither blurs as fast as with Catmull-Rom nor explodes as with OpenCV's bicubic or Lanczos. It is written
here, and not taken from SciPy, because it then runs where the dream runs; on one core it takes half of
SciPy's time, and agrees with it to 2e-5. Places are float32: OpenCV's own warps may round them to 1/32 px,
and slow zooms then tremble.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from dreamvideo.camera.affine import Matrix
from dreamvideo.camera.kernels import gaussian, prefilter, spline_weights
from dreamvideo.camera.upright import Planes, see_upright
from dreamvideo.images import image_from_tensor, tensor_from_image

UPRIGHT = 1e-9  # px that a px may lie aside in a view that counts as not turned: a whole turn is none


def resample(
    image: np.ndarray | Planes,
    matrix: Matrix,
    size: tuple[int, int],
    device: torch.device | None = None,
    blur: float = 0.0,
) -> np.ndarray:
    """What is seen of an image through `matrix`; beyond its border it is mirrored, without end.

    Args:
        image: float32 (H, W, C); where many views are of one image, its planes. size: (width, height) of
            the output.
        blur: sigma, px of the image, of a Gaussian that it is seen through.

    Returns:
        float32 (height, width, C); splines overshoot a little at edges.
    """
    if np.abs(matrix[(0, 1), (1, 0)]).max() < UPRIGHT:
        planes = image if isinstance(image, Planes) else Planes.of(image)
        return see_upright(planes, matrix, size, device, blur)
    image = blurred(image.image if isinstance(image, Planes) else image, blur)
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
    kernel = gaussian(sigma)
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


def _prefiltered(image: np.ndarray) -> np.ndarray:
    """The spline's coefficients."""
    kernel = prefilter()
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
    w0, w1, w2, w3 = spline_weights(place - before)
    left, right = w0 + w1, w2 + w3
    return (before - 1 + w1 / left, left), (before + 1 + w3 / right, right)
