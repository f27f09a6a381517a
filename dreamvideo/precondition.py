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

from dreamvideo.images import filtered, image_from_tensor, tensor_from_image
from dreamvideo.settings import DreamSettings

# How the colours of photographs vary together: the covariance that lucid's `color.py` (Olah et al. 2017)
# gives as its square root, scaled so that grey passes unchanged.
COLOUR_COVARIANCE = ((0.357, 0.324, 0.294), (0.324, 0.353, 0.335), (0.294, 0.335, 0.384))


class NaturalStep:
    """Colours drawn towards those of photographs, and a small blur.

    Both are linear and do not depend on the place: one convolution of 3 channels to 3. On a CPU OpenCV takes
    them one after the other, and the blur along rows and columns, in a fifth to a tenth of the time; in
    double precision that would be off by float32's last digit beside a GPU, so it is not done.
    """

    def __init__(self, settings: DreamSettings, device: torch.device, dtype: torch.dtype) -> None:
        self._colours = colour_matrix(settings.natural, settings.keep_colour)
        self._bell = bell(settings.smooth)
        self._kernel: Tensor | None = None
        if device.type != "cpu" or dtype != torch.float32:
            kernel = self._colours[:, :, None, None] * torch.outer(self._bell, self._bell)
            self._kernel = kernel.to(device, dtype)

    def __call__(self, gradient: Tensor) -> Tensor:
        """(1, 3, H, W) -> the same shape; beyond the border the gradient is nothing."""
        if self._kernel is None:
            image = image_from_tensor(gradient)
            return tensor_from_image(filtered(image, self._colours.numpy(), self._bell.numpy()))
        return F.conv2d(gradient, self._kernel, padding=len(self._bell) // 2)


@lru_cache(maxsize=8)
def colour_matrix(natural: float, is_grey: bool = False) -> Tensor:
    """(3, 3), from the gradient's own colours at 0 to a photograph's at 1; `is_grey`: the light alone."""
    if is_grey:
        return torch.full((3, 3), 1 / 3)
    return torch.lerp(torch.eye(3), torch.tensor(COLOUR_COVARIANCE), natural)


@lru_cache(maxsize=8)
def bell(sigma: float) -> Tensor:
    """A Gaussian of sigma px whose sum is 1: (n,)."""
    radius = round(3 * sigma)
    offsets = torch.arange(-radius, radius + 1, dtype=torch.float32)
    weights = torch.exp(-0.5 * (offsets / max(sigma, 1e-3)) ** 2)
    return weights / weights.sum()
