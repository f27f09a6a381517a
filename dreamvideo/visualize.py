"""What a channel, neuron or class likes to see, drawn from noise (Olah, Mordvintsev & Schubert 2017).

A picture is a spectrum in decorrelated colours: gradient ascent there reaches all frequencies alike, where
ascent on pixels makes grain. Each step looks at the picture turned, scaled and shifted a little, so that only
what survives that is drawn.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from dreamvideo.errors import UsageError
from dreamvideo.excitement import Excitement, Subject, Waking
from dreamvideo.images import frame_from_image, image_from_tensor
from dreamvideo.nets import LOGITS, Network
from dreamvideo.settings import VisualizeSettings
from dreamvideo.targets import class_index, class_names, parse_choice, parse_layer

RATE = 0.05  # of Adam
MOMENTUM, MOMENTUM_OF_SQUARES, TINY = 0.9, 0.999, 1e-8  # of Adam, as its authors chose them
NOISE = 0.01  # deviation of the spectrum at the start: nearly grey
CONTRAST = 0.25  # of the spectrum's picture before the sigmoid
TURN, ZOOM, SHIFT = 10.0, 0.1, 0.07  # most that a picture is turned (degrees), scaled, shifted (shares)
WAKING_STEPS = 16  # while a channel may see nothing at all, so that no gradient comes through its ReLU
DEFAULT_CHANNELS = 9

# Square root of how the colours of photographs vary together, from lucid's `color.py`; columns are light,
# blue against yellow, green against red; the largest has length 1.
COLOURS = ((0.556, 0.193, 0.043), (0.578, 0.0, -0.107), (0.578, -0.193, 0.064))


@dataclass
class Drawing:
    """Pictures that are being drawn, in plain arrays: the spectra, and what Adam remembers of them.

    Attributes:
        step: how many steps are done.
        spectrum, mean, square: float32 (B, 3, H, W // 2 + 1, 2).
    """

    step: int
    spectrum: np.ndarray
    mean: np.ndarray
    square: np.ndarray


def subjects_for(network: Network, settings: VisualizeSettings) -> list[Subject]:
    """What the settings ask for, each `diversity` times.

    Raises:
        UnknownNameError, UsageError: a layer, channel or head that the network does not have.
    """
    if settings.layer is None:
        network.check_head()
        indices = [class_index(name) for name in settings.classes]
        named = [(LOGITS, index, None, class_names()[index]) for index in indices]
    else:
        target = parse_layer(settings.layer)
        if target.channels and settings.channels is not None:
            raise UsageError(f"give the channels once: with {settings.layer} or with --channels")
        channels = target.channels or _choose(network.channels(target.layer), settings)
        network.check_channels(target.layer, channels)
        named = [(target.layer, channel, target.place, str(channel)) for channel in channels]  # type: ignore[misc]
    return [
        Subject(layer, channel, place, variant, label)
        for layer, channel, place, label in named
        for variant in range(settings.diversity)
    ]


def _choose(count: int, settings: VisualizeSettings) -> tuple[int, ...]:
    if settings.channels is None:
        return tuple(range(min(DEFAULT_CHANNELS, count)))
    choice = parse_choice(settings.channels)
    if choice is None:
        return tuple(range(count))
    if isinstance(choice, int):
        return tuple(
            sorted(random.Random(f"{settings.seed}/channels").sample(range(count), min(choice, count)))
        )
    return choice


def begin(subjects: Sequence[Subject], settings: VisualizeSettings) -> Drawing:
    """Faint noise for each subject; the same for each but its variants."""
    shape = (3, settings.size, settings.size // 2 + 1, 2)
    noise = [
        np.random.default_rng((settings.seed, subject.variant)).normal(0, NOISE, shape)
        for subject in subjects
    ]
    spectrum = np.stack(noise).astype(np.float32)
    return Drawing(0, spectrum, np.zeros_like(spectrum), np.zeros_like(spectrum))


def draw(
    network: Network, subjects: Sequence[Subject], settings: VisualizeSettings, after: Drawing
) -> Iterator[Drawing]:
    """Draw all subjects in one batch, on from `after`: what there is after each step, to the last.

    Which others are in the batch changes a picture by rounding alone.
    """
    if settings.precision == "double":
        network = network.in_double()
    excitement = Excitement(network, subjects)
    held = [
        torch.from_numpy(array).to(network.device) for array in (after.spectrum, after.mean, after.square)
    ]
    for step in range(after.step, settings.steps):
        spectrum, mean, square = (tensor.to(network.dtype) for tensor in held)
        spectrum.requires_grad_()
        with Waking() if step < WAKING_STEPS else nullcontext():
            value = excitement(moved(pictures_of(spectrum), f"{settings.seed}/{step}"))
        (slope,) = torch.autograd.grad(value, spectrum)
        with torch.no_grad():
            mean = MOMENTUM * mean + (1 - MOMENTUM) * slope
            square = MOMENTUM_OF_SQUARES * square + (1 - MOMENTUM_OF_SQUARES) * slope**2
            push = mean / (1 - MOMENTUM ** (step + 1))
            size = (square / (1 - MOMENTUM_OF_SQUARES ** (step + 1))).sqrt() + TINY
            held = [tensor.float() for tensor in (spectrum + RATE * push / size, mean, square)]
        yield Drawing(step + 1, *(tensor.cpu().numpy() for tensor in held))


def frames_of(drawing: Drawing) -> list[np.ndarray]:
    """Its pictures, uint8 RGB (H, W, 3)."""
    with torch.no_grad():
        pictures = pictures_of(torch.from_numpy(drawing.spectrum))
    return [frame_from_image(image_from_tensor(picture[None])) for picture in pictures]


def pictures_of(spectrum: Tensor) -> Tensor:
    """(B, 3, H, W // 2 + 1, 2) -> (B, 3, H, W) in [0, 1].

    A frequency is weighted by its wavelength, so that all are equally easily reached, as in photographs.
    """
    side = spectrum.shape[2]
    down, right = torch.fft.fftfreq(side), torch.fft.rfftfreq(side)
    wavelength = 1 / torch.hypot(down[:, None], right[None]).clamp(min=1 / side)
    weight = (wavelength * side * CONTRAST).to(spectrum.device)
    planes = torch.fft.irfft2(torch.view_as_complex(spectrum.contiguous()) * weight, s=(side, side))
    colours = torch.tensor(COLOURS, device=spectrum.device, dtype=spectrum.dtype).expand(len(planes), 3, 3)
    mixed = torch.bmm(colours, planes.flatten(2)).view(planes.shape)
    if mixed.device.type == "cpu":  # a last digit may differ where a thread's share ends
        mixed = mixed.double()
    return torch.sigmoid(mixed).to(spectrum.dtype)


def moved(pictures: Tensor, seed: str) -> Tensor:
    """All pictures turned, scaled and shifted by the same small random amounts, mirrored at their borders."""
    chance = random.Random(seed)
    angle = math.radians(chance.uniform(-TURN, TURN))
    scale = 1 + chance.uniform(-ZOOM, ZOOM)
    across, down = (2 * chance.uniform(-SHIFT, SHIFT) for _ in range(2))
    cos, sin = math.cos(angle) * scale, math.sin(angle) * scale
    to = torch.tensor([[cos, -sin, across], [sin, cos, down]], device=pictures.device, dtype=pictures.dtype)
    planes = pictures.transpose(0, 1)  # all pictures of a colour at once: each has one place in the grid
    grid = F.affine_grid(to[None], [1, *planes.shape[1:]], align_corners=False).expand(3, -1, -1, -1)
    moved = F.grid_sample(planes, grid, padding_mode="reflection", align_corners=False)
    return moved.transpose(0, 1)
