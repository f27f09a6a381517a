"""What keeps a film from drifting: into one colour, into mud, into grain.

Colours, contrast and saturation of a picture are brought back to those of the first one, and its sharpness
within limits. It keeps its forms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from dreamvideo.camera.resampling import blurred
from dreamvideo.images import recoloured

LUMA = np.array([0.299, 0.587, 0.114])
TO_LUMA = np.tile(LUMA, (3, 1))  # a colour's grey, and
TO_CHROMA = np.eye(3) - TO_LUMA  # the rest of it
FINE = 1.0  # sigma, px: what a blur of it takes away counts as fine detail
FINER = 0.58  # share of fine detail that is finer still: where all is made stronger, so much of it answers
MOST_SHARPER, MOST_SOFTER = 1.3, 1.5  # that may be done to fine detail: sharper still would grow grain
MOST_COARSER = 1.4  # the same to what is coarser than all detail
SAMPLE = 80  # px of the shorter side that are looked at to find out what there is to do
ROUNDS = 2  # of that: clipping to [0, 1] takes some of it away again


@dataclass(frozen=True, eq=False)
class Correction:
    """How a picture is brought to a look.

    Attributes:
        sharper: how much of its fine detail is added to it; below 0: taken away.
        colours: a matrix of its colours, (3, 3). added: a colour, (3,).
    """

    sharper: float
    colours: np.ndarray
    added: np.ndarray

    def towards(self, other: Correction, share: float) -> Correction:
        """One between this and another."""
        return Correction(
            self.sharper + share * (other.sharper - self.sharper),
            self.colours + share * (other.colours - self.colours),
            self.added + share * (other.added - self.added),
        )

    def of(self, image: np.ndarray) -> np.ndarray:
        """The image, float32 (H, W, 3), corrected, in [0, 1]."""
        if self.sharper:
            image = image + np.float32(self.sharper) * (image - blurred(image, FINE))
        return np.clip(recoloured(image, self.colours, self.added), 0, 1)


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
        mean, varied = _moments(image, weights)
        fine = image - blurred(image, FINE)
        return cls(mean, _spread(TO_LUMA, varied), _spread(TO_CHROMA, varied), mean_size(fine, weights))

    def hold(self, image: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        """The image with this look where `weights` counts it, in [0, 1]."""
        return self.correction(image, weights).of(image)

    def correction(self, image: np.ndarray, weights: np.ndarray | None = None) -> Correction:
        """What gives the image this look. It is found on a sample of its pixels, clipping included."""
        step = max(1, min(image.shape[:2]) // SAMPLE)
        some = np.ascontiguousarray(image[::step, ::step])
        counted = None if weights is None else weights[::step, ::step]
        fine = None if self.sharpness is None else (image - blurred(image, FINE))[::step, ::step]
        aim, sharper = self, 0.0
        for _ in range(ROUNDS):
            seen = some if fine is None else some + np.float32(sharper) * fine
            colours, added = aim._change(*_moments(seen, counted))
            aim = self._corrected(aim, np.clip(recoloured(seen, colours, added), 0, 1), counted)
            if fine is not None:
                sharper = self._missing_detail(recoloured(fine, colours, np.zeros(3)), counted)
        seen = some if fine is None else some + np.float32(sharper) * fine
        return Correction(sharper, *aim._change(*_moments(seen, counted)))

    def _change(self, mean: np.ndarray, varied: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The matrix of colours, and the colour to add, that give this look to one of such moments."""
        colours = _gain(self.contrast, _spread(TO_LUMA, varied)) * TO_LUMA
        colours += _gain(self.saturation, _spread(TO_CHROMA, varied)) * TO_CHROMA
        return colours, self.mean - colours @ mean

    def _corrected(self, aim: Anchor, held: np.ndarray, weights: np.ndarray | None) -> Anchor:
        """What to aim at, where aiming at `aim` led to `held`."""
        mean, varied = _moments(held, weights)
        return replace(
            aim,
            mean=aim.mean + self.mean - mean,
            contrast=aim.contrast * _gain(self.contrast, _spread(TO_LUMA, varied)),
            saturation=aim.saturation * _gain(self.saturation, _spread(TO_CHROMA, varied)),
        )

    def _missing_detail(self, fine: np.ndarray, weights: np.ndarray | None) -> float:
        """How much of its fine detail to add to a picture; below 0: to take away."""
        assert self.sharpness is not None
        missing = (_gain(self.sharpness, mean_size(fine, weights)) - 1) / FINER
        return float(np.clip(missing, 1 / MOST_SOFTER - 1, MOST_SHARPER - 1))

    def completed(self, detail: np.ndarray, rest: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """`detail` and as much of the coarser `rest` as together has this look, all (H, W, 3), in [0, 1]."""
        mean, varied = _moments(detail, weights)
        coarse_mean, coarse_varied = _moments(rest, weights)
        common = _products(detail, rest, weights) - np.outer(mean, coarse_mean)
        colours = _share(TO_LUMA, self.contrast, varied, coarse_varied, common) * TO_LUMA
        colours += _share(TO_CHROMA, self.saturation, varied, coarse_varied, common) * TO_CHROMA
        return np.clip(detail + recoloured(rest, colours, self.mean - mean - colours @ coarse_mean), 0, 1)


def mean_size(values: np.ndarray, weights: np.ndarray | None) -> float:
    """Mean distance from 0 of (H, W, C)."""
    return float(_mean(np.abs(values), weights).mean())


def _moments(image: np.ndarray, weights: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Mean (3,) and covariance (3, 3) of the colours of (H, W, 3)."""
    mean = _mean(image, weights)
    return mean, _products(image, image, weights) - np.outer(mean, mean)


# Both are products of matrices row by row: whole ones would depend on the number of threads.


def _mean(image: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """Mean of (H, W, C): (C,)."""
    weights = np.ones((1, image.shape[1], 1), np.float32) if weights is None else weights
    rows = np.matmul(weights.transpose(0, 2, 1), image).mean(axis=(0, 1), dtype=np.float64)
    return np.asarray(rows / weights.sum(axis=1).mean(dtype=np.float64))


def _products(one: np.ndarray, other: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """Mean products of the colours of two pictures (H, W, C): (C, C)."""
    counted = one if weights is None else one * weights
    rows = np.matmul(counted.transpose(0, 2, 1), other).mean(axis=0, dtype=np.float64)
    share = one.shape[1] if weights is None else weights.sum(axis=1).mean(dtype=np.float64)
    return np.asarray(rows / share)


def _spread(part: np.ndarray, varied: np.ndarray) -> float:
    """Standard deviation of a part of the colours, a matrix of them, by their covariance."""
    return math.sqrt(max(0.0, np.trace(part @ varied @ part.T) / len(part)))


def _share(
    part: np.ndarray, wanted: float, varied: np.ndarray, coarse_varied: np.ndarray, common: np.ndarray
) -> float:
    """How much of what is coarse to add to a part of the colours, for a standard deviation of `wanted`.

    Args:
        varied, coarse_varied, common: covariances of the detail, of the coarse, of both.
    """
    own, coarse = _spread(part, varied) ** 2, _spread(part, coarse_varied) ** 2
    both = np.trace(part @ common @ part.T) / len(part)
    root = math.sqrt(max(0.0, both**2 - coarse * (own - wanted**2)))  # of a quadratic equation
    return float(np.clip((root - both) / max(coarse, 1e-12), 1 / MOST_COARSER, MOST_COARSER))


def _gain(wanted: float, there: float) -> float:
    return wanted / there if there > 1e-6 else 1.0
