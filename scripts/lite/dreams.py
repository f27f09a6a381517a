"""Small gradient ascent for looking at a network: a dream of a picture by layer, and pictures of classes.

The package has its own, faster and with all the options; this one only serves to measure and to look.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from dreamvideo.nets.vgg import VGG

# Colours of natural images are correlated: columns are their main directions (Olah et al. 2017).
COLOUR_DIRECTIONS = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))


def dream(
    network: VGG,
    images: Tensor,
    layer: str,
    *,
    octaves: int = 4,
    octave_scale: float = 1.4,
    steps: int = 12,
    step_size: float = 0.006,
    jitter: int = 32,
    seed: int = 0,
) -> Tensor:
    """Images (B, 3, H, W) in [0, 1] after gradient ascent on a layer's mean squared activation.

    Args:
        step_size: mean change per pixel and step. jitter: largest shift before a step, in pixels.
    """
    generator = torch.Generator().manual_seed(seed)
    residual = torch.zeros_like(images)
    for octave in reversed(range(octaves)):
        shape = [max(32, round(n / octave_scale**octave)) for n in images.shape[-2:]]
        source = _resize(images, shape)
        x = (source + _resize(residual, shape)).clamp(0, 1)
        for _ in range(steps):
            shift = torch.randint(-jitter, jitter + 1, (2,), generator=generator).tolist()
            moved = x.roll(shift, (2, 3)).requires_grad_(True)
            network(moved, [layer])[layer].square().mean(dim=(1, 2, 3)).sum().backward()
            gradient = moved.grad.roll([-n for n in shift], (2, 3))
            scale = step_size / (gradient.abs().mean(dim=(1, 2, 3), keepdim=True) + 1e-12)
            x = (x + scale * gradient).clamp(0, 1)
        residual = x - source
    return x


def _resize(images: Tensor, shape: list[int]) -> Tensor:
    return F.interpolate(images, size=shape, mode="bilinear", align_corners=False, antialias=True)


def class_pictures(
    network: VGG, classes: list[int], *, size: int = 128, steps: int = 96, rate: float = 0.02, seed: int = 0
) -> Tensor:
    """What a network imagines of classes, from noise: (len(classes), 3, size, size) in [0, 1].

    The class's logit is raised under small moves (shift, scale, rotation), in Fourier space with decorrelated
    colours, so that low frequencies are as easy to move as high ones (Olah et al. 2017).
    """
    generator = torch.Generator().manual_seed(seed)
    paint = _fourier_paint(size)
    spectrum = (
        torch.randn(len(classes), 3, size, size // 2 + 1, 2, generator=generator) * 0.01
    ).requires_grad_(True)
    optimiser = torch.optim.Adam([spectrum], lr=rate)
    rows = torch.arange(len(classes))
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, 2.0 * (1 - step / steps))
        logits = network(_moved(paint(spectrum), generator), ["logits"])["logits"]
        wanted = logits[rows, classes]
        loss = (logits.mean(1) - wanted).sum()  # against the mean: raising all classes at once wins nothing
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return paint(spectrum).detach()


def _fourier_paint(size: int) -> Callable[[Tensor], Tensor]:
    """A function from spectra (B, 3, size, size // 2 + 1, 2) to images in [0, 1] that fall off as 1/f."""
    rows = torch.fft.fftfreq(size).view(-1, 1)
    columns = torch.fft.rfftfreq(size).view(1, -1)
    fall = size / (rows.square() + columns.square()).sqrt().clamp(min=1 / size) / size
    directions = torch.tensor(COLOUR_DIRECTIONS)
    directions = directions / directions.norm(dim=0).max()

    def paint(spectrum: Tensor) -> Tensor:
        waves = torch.fft.irfft2(torch.view_as_complex(spectrum) * fall, s=(size, size), norm="ortho")
        return torch.sigmoid(torch.einsum("ij,bjhw->bihw", directions, waves) * 4)

    return paint


def _moved(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each image shifted by up to 6%, scaled by up to 15%, rotated by up to 12 degrees, borders mirrored."""

    def uniform(reach: float) -> Tensor:
        return (torch.rand(len(images), generator=generator) * 2 - 1) * reach

    angle, zoom = uniform(math.radians(12)), torch.exp(uniform(0.15))
    cos, sin = angle.cos() * zoom, angle.sin() * zoom
    affine = torch.stack([cos, -sin, uniform(0.12), sin, cos, uniform(0.12)], 1).view(-1, 2, 3)
    grid = F.affine_grid(affine, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)


def clouds(height: int, width: int, seed: int = 0) -> Tensor:
    """A sky with clouds drawn from noise, nobody's photograph: (1, 3, height, width) in [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    field = torch.zeros(1, 1, height, width)
    for level in range(1, 8):
        noise = torch.rand(1, 1, 2**level + 1, 2 ** (level + 1) + 1, generator=generator) - 0.5
        field += (
            F.interpolate(noise, size=(height, width), mode="bicubic", align_corners=True) * 0.58**level * 2
        )
    cover = ((field - field.mean()) / field.std() * 0.35 + 0.45).clamp(0, 1)
    down = torch.linspace(0, 1, height).view(1, 1, -1, 1)
    sky = torch.cat([0.20 + 0.35 * down, 0.42 + 0.25 * down, 0.72 + 0.12 * down], 1)
    light = torch.cat([0.95 - 0.15 * cover, 0.95 - 0.12 * cover, 0.97 - 0.08 * cover], 1)
    return torch.lerp(sky.expand(1, 3, height, width), light, cover.square() * (3 - 2 * cover))
