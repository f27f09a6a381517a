"""What keeps a dream that is dreamed again and again from drifting: into one colour, into mud, into grain.

Colours, contrast and saturation of a picture are brought back to those of the first one, and its sharpness
within limits. It keeps its forms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dreamvideo.camera.resampling import blurred

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
FINE = 1.0  # sigma, px: what a blur of it takes away counts as fine detail
MOST_SHARPER = 1.15  # what one round may do to fine detail: more would grow grain
MOST_COARSER = 1.4  # the same to what is coarser than all detail
ROUNDS = 2  # clipping to [0, 1] takes some of it away again


@dataclass(frozen=True)
class Anchor:
    """The look of a picture.

    Attributes:
        mean: colour, (3,). contrast: standard deviation of its luma. saturation: of its chroma.
        sharpness: mean strength of its fine detail; None: whatever comes.
    """

    mean: np.ndarray
    contrast: float
    saturation: float
    sharpness: float | None

    @classmethod
    def of(cls, image: np.ndarray, weights: np.ndarray | None = None) -> Anchor:
        """image: float32 (H, W, 3). weights: how much each pixel counts, (H, W, 1); None: all alike."""
        mean, luma, chroma = _parts(image, weights)
        fine = image - blurred(image, FINE)
        return cls(mean, _spread(luma, weights), _spread(chroma, weights), _mean_size(fine, weights))

    def hold(self, image: np.ndarray, weights: np.ndarray | None = None, rounds: int = ROUNDS) -> np.ndarray:
        """The image with this look where `weights` counts it, in [0, 1].

        Args:
            rounds: the more, the nearer: each makes it a little sharper at most, and clips.
        """
        for _ in range(rounds):
            image = self._hold_sharpness(image, weights)
            _, luma, chroma = _parts(image, weights)
            luma *= _gain(self.contrast, _spread(luma, weights))
            chroma *= _gain(self.saturation, _spread(chroma, weights))
            image = np.clip(luma + chroma + self.mean, 0, 1)
        return image

    def completed(self, detail: np.ndarray, rest: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """`detail` and as much of the coarser `rest` as together has this look, all (H, W, 3), in [0, 1]."""
        _, luma, chroma = _parts(detail, weights)
        _, coarse_luma, coarse_chroma = _parts(rest, weights)
        luma += coarse_luma * _share(luma, coarse_luma, self.contrast, weights)
        chroma += coarse_chroma * _share(chroma, coarse_chroma, self.saturation, weights)
        return np.clip(luma + chroma + self.mean, 0, 1)

    def _hold_sharpness(self, image: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
        if self.sharpness is None:
            return image
        fine = image - blurred(image, FINE)
        gain = _gain(self.sharpness, _mean_size(fine, weights))
        return image + fine * (np.clip(gain, 1 / MOST_SHARPER, MOST_SHARPER) - 1)


def _parts(image: np.ndarray, weights: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean colour (3,), and the rest as luma (H, W, 1) and chroma (H, W, 3)."""
    mean = (
        image.mean(axis=(0, 1))
        if weights is None
        else np.einsum("hwc,hwo->c", image, weights) / weights.sum()
    )
    rest = image - mean
    luma = (rest @ LUMA)[..., None]
    return mean, luma, rest - luma


def _spread(rest: np.ndarray, weights: np.ndarray | None) -> float:
    """Standard deviation of what has no mean."""
    return math.sqrt(_mean_size(rest * rest, weights))


def _mean_size(values: np.ndarray, weights: np.ndarray | None) -> float:
    """Mean distance from 0 of (H, W, C)."""
    size = np.abs(values)
    if weights is None:
        return float(size.mean())
    return float(np.einsum("hwc,hwo->", size, weights) / (weights.sum() * values.shape[2]))


def _share(part: np.ndarray, more: np.ndarray, wanted: float, weights: np.ndarray) -> np.float32:
    """How many times `more` to add to `part`, for a standard deviation of `wanted`: a quadratic equation."""
    own, others = (_mean_size(values**2, weights) for values in (part, more))
    common = (_mean_size((part + more) ** 2, weights) - own - others) / 2
    root = math.sqrt(max(0.0, common**2 - others * (own - wanted**2)))
    return np.float32(np.clip((root - common) / max(others, 1e-12), 1 / MOST_COARSER, MOST_COARSER))


def _gain(wanted: float, there: float) -> np.float32:
    return np.float32(wanted / there if there > 1e-6 else 1.0)
