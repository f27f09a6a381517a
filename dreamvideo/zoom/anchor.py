"""What keeps a dream that is dreamed again and again from drifting: into one colour, into mud, into grain.

Colours, contrast and saturation of a picture are brought back to those of the first one, and its sharpness
within limits. It keeps its forms.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dreamvideo.camera.resampling import blurred

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
FINE = 1.0  # sigma, px: what a blur of it takes away counts as fine detail
MOST_SHARPER = 1.15  # what one round may do to fine detail: more would grow grain
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
    def of(cls, image: np.ndarray) -> Anchor:
        """image: float32 (H, W, 3)."""
        mean, luma, chroma = _parts(image)
        return cls(mean, float(luma.std()), float(chroma.std()), fine_strength(image))

    def without_sharpness(self) -> Anchor:
        return replace(self, sharpness=None)

    def hold(self, image: np.ndarray) -> np.ndarray:
        """The image with this look, in [0, 1]."""
        for _ in range(ROUNDS):
            image = self._hold_sharpness(image)
            _, luma, chroma = _parts(image)
            image = luma * _gain(self.contrast, luma.std()) + chroma * _gain(self.saturation, chroma.std())
            image = np.clip(image + self.mean, 0, 1)
        return image

    def _hold_sharpness(self, image: np.ndarray) -> np.ndarray:
        if self.sharpness is None:
            return image
        fine = image - blurred(image, FINE)
        gain = _gain(self.sharpness, float(np.abs(fine).mean()))
        return image + fine * (np.clip(gain, 1 / MOST_SHARPER, MOST_SHARPER) - 1)


def fine_strength(image: np.ndarray) -> float:
    """Mean strength of the detail that a small blur takes away."""
    return float(np.abs(image - blurred(image, FINE)).mean())


def _parts(image: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean colour (3,), and the rest as luma (H, W, 1) and chroma (H, W, 3)."""
    mean = image.mean(axis=(0, 1))
    rest = image - mean
    luma = (rest @ LUMA)[..., None]
    return mean, luma, rest - luma


def _gain(wanted: float, there: float) -> np.float32:
    return np.float32(wanted / there if there > 1e-6 else 1.0)
