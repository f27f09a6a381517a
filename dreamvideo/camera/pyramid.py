"""A picture taken apart by the size of its detail: the Laplacian pyramid (Burt and Adelson 1983)."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from dreamvideo.camera.resampling import blurred


def pyramid(image: np.ndarray, octaves: int, finest: Sequence[float] = ()) -> list[np.ndarray]:
    """Detail of an image, octave by octave, the finest first and each half as large; then the rest.

    Args:
        image: float32 (H, W, C).
        finest: sigma, px, of the blurs that divide the first octave, growing: so many more parts of its size.
    """
    bands = []
    for octave in range(octaves):
        coarser = halved(image)
        band = image - _doubled(coarser, image)
        for sigma in () if octave else finest:
            soft = blurred(band, sigma)
            bands.append(band - soft)
            band = soft
        bands.append(band)
        image = coarser
    return [*bands, image]


def assembled(bands: Sequence[np.ndarray]) -> np.ndarray:
    """The image that `pyramid` took apart."""
    image = bands[-1]
    for band in bands[-2::-1]:
        image = band + (image if image.shape == band.shape else _doubled(image, band))
    return image


def enlarged(rest: np.ndarray, bands: Sequence[np.ndarray]) -> np.ndarray:
    """The rest of a pyramid alone, as large as the image: what is `assembled` with bands of nothing."""
    for band in bands[::-1]:
        rest = rest if rest.shape == band.shape else _doubled(rest, band)
    return rest


def halved(image: np.ndarray) -> np.ndarray:
    """The next coarser level of a pyramid: (H, W, C), half as large."""
    return cv2.pyrDown(image).reshape(-(-image.shape[0] // 2), -(-image.shape[1] // 2), image.shape[2])


def _doubled(image: np.ndarray, like: np.ndarray) -> np.ndarray:
    return cv2.pyrUp(image, dstsize=(like.shape[1], like.shape[0])).reshape(like.shape)
