"""How much detail of every size a picture has, and how it is given another amount."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dreamvideo.camera.pyramid import assembled, enlarged, halved, pyramid
from dreamvideo.zoom.anchor import Anchor, mean_size

OCTAVES = 4  # a still of a fall is seen at all sizes down to that
FINEST = (0.45, 0.8)  # sigma, px: what divides the first octave, which is where pictures differ most
MOST = 1.4  # times that one round may do to the detail of one size
HASTE = 1.4  # exponent of what a round does to it: its neighbours and clipping take some back


@dataclass(frozen=True)
class Spectrum:
    """The mean strength of detail: of parts of the first octave, the finest first, then octave by octave."""

    strengths: np.ndarray

    @classmethod
    def of(cls, image: np.ndarray, weights: np.ndarray) -> Spectrum:
        """image: float32 (H, W, 3). weights: how much each pixel counts, float32 (H, W, 1)."""
        return cls(_strengths(pyramid(image, OCTAVES, FINEST)[:-1], weights))

    @classmethod
    def usual(cls, spectra: Sequence[Spectrum]) -> Spectrum:
        """The median of some."""
        return cls(np.median([one.strengths for one in spectra], axis=0))

    def hold(self, image: np.ndarray, look: Anchor, weights: np.ndarray) -> np.ndarray:
        """The image nearer to this spectrum, with a look's colour, contrast and saturation, in [0, 1].

        Contrast and saturation come from what is coarser than all detail: detail would not keep its strength.
        """
        *bands, rest = pyramid(image, OCTAVES, FINEST)
        gains = (self.strengths / np.maximum(_strengths(bands, weights), 1e-6)) ** HASTE
        held = [
            band * gain
            for band, gain in zip(bands, np.clip(gains, 1 / MOST, MOST).astype(np.float32), strict=True)
        ]
        detail = assembled([*held, np.zeros_like(rest)])
        return look.completed(detail, enlarged(rest, bands), weights)


def _strengths(bands: Sequence[np.ndarray], weights: np.ndarray) -> np.ndarray:
    """Mean size of the bands of a pyramid, without the rest."""
    strengths = []
    for band in bands:
        if band.shape[:2] != weights.shape[:2]:
            weights = halved(weights)
        strengths.append(mean_size(band, weights))
    return np.array(strengths)
