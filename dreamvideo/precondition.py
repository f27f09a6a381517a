"""What a gradient goes through before it becomes a step, so that a dream looks good and travels well.

Ascent along the bare gradient makes rainbow colours and grain at the finest scale. Photographs have
neither; and grain that fine does not survive being carried by half a pixel (with an early
vgg16-lite a half-pixel shift cost 23% of the activation, with a blur of 0.6 px 15%, of 0.8 px 12%).
"""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from dreamvideo.settings import DreamSettings

# How the colours of photographs vary together: the covariance that lucid's `color.py` (Olah et al. 2017)
# gives as its square root, scaled so that grey passes unchanged.
COLOUR_COVARIANCE = ((0.357, 0.324, 0.294), (0.324, 0.353, 0.335), (0.294, 0.335, 0.384))


class NaturalStep:
    """Colours drawn towards those of photographs, and a small blur.

    Both are linear and do not depend on the place, so they are one convolution of 3 channels to 3.
    """

    def __init__(self, settings: DreamSettings, device: torch.device, dtype: torch.dtype) -> None:
        kernel = natural_kernel(settings.natural, settings.smooth, settings.keep_colour)
        self._kernel = kernel.to(device, dtype)

    def __call__(self, gradient: Tensor) -> Tensor:
        """(B, 3, H, W) -> the same shape; beyond the border the gradient is nothing."""
        return F.conv2d(gradient, self._kernel, padding=self._kernel.shape[-1] // 2)


@lru_cache(maxsize=8)
def natural_kernel(natural: float, smooth: float, grey: bool = False) -> Tensor:
    """(3, 3, n, n): the colour matrix times a Gaussian of sigma `smooth` px; `grey`: of the light alone."""
    colours = torch.lerp(torch.eye(3), torch.tensor(COLOUR_COVARIANCE), natural)
    if grey:
        colours = torch.full((3, 3), 1 / 3)
    radius = round(3 * smooth)
    offsets = torch.arange(-radius, radius + 1, dtype=torch.float32)
    bell = torch.exp(-0.5 * (offsets / max(smooth, 1e-3)) ** 2)
    bell /= bell.sum()
    return colours[:, :, None, None] * torch.outer(bell, bell)
