"""The same recipe gives the same frames: with one thread or two, again, and nearly so on a GPU.

That a film that was stopped is the same to the last bit is in tests/test_jobs.py. With three threads or more,
and in torchvision's networks, oneDNN splits some sums by threads: of 1x1 convolutions over many channels, and
of the gradient at a small picture. What is claimed here is one thread or two, with vgg16-lite.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from dreamvideo.clip import add_residual, dream_residuals
from dreamvideo.nets import load_network
from dreamvideo.objectives import objective_for
from dreamvideo.settings import CarrySettings, DreamSettings, FilmSettings

SIZE = (288, 208)  # large enough that torch shares its sums among threads
WAYS = {
    "each frame": CarrySettings(cadence=1),
    "cadence 4": CarrySettings(cadence=4),
    "nothing carried": CarrySettings(cadence=2, carry=0.0),
}


@pytest.fixture
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def frames() -> Iterator[np.ndarray]:
    """Six frames of a picture that drifts."""
    x, y = np.meshgrid(np.arange(SIZE[0]), np.arange(SIZE[1]))
    for t in range(6):
        waves = [np.sin((x + 3 * t) / 9) * np.cos(y / 7), np.sin((x + y + 3 * t) / 13), np.cos(y / 5)]
        yield np.rint(128 + 80 * np.stack(waves, -1)).astype(np.uint8)


def dreamed(carry: CarrySettings, device: str = "cpu") -> list[np.ndarray]:
    settings = DreamSettings(octaves=2, steps=3)
    objective = objective_for(load_network("vgg16-lite", device=device), settings)
    pairs = dream_residuals(frames(), objective, settings, carry, max(SIZE))
    return [add_residual(frame, residual, FilmSettings()) for frame, residual in pairs]


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("way", WAYS)
def test_one_thread_or_two(way: str) -> None:
    torch.set_num_threads(1)
    one, again = dreamed(WAYS[way]), dreamed(WAYS[way])
    torch.set_num_threads(2)
    two = dreamed(WAYS[way])
    assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("way", WAYS)
def test_a_gpu_dreams_nearly_the_same(way: str) -> None:
    for here, there in zip(dreamed(WAYS[way]), dreamed(WAYS[way], "cuda"), strict=True):
        error = np.square(here.astype(float) - there).mean()
        assert error < 255**2 / 10**4, "40 dB"
