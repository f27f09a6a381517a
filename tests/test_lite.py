"""The network inside the package: it is there, small, whole, alive, and it dreams."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

import dreamvideo.nets.vgg
from dreamvideo.nets.vgg import CONVOLUTIONS, VGG, vgg_from_state

NETS = Path(dreamvideo.nets.vgg.__file__).parent
WEIGHTS = NETS / "vgg16_lite.safetensors"
CLASSES = NETS / "imagenet_classes.txt"
LIMIT = 4_000_000  # bytes in the package


@pytest.fixture(scope="module")
def lite() -> VGG:
    return vgg_from_state(load_file(WEIGHTS)).requires_grad_(False).eval()


def scenes(count: int = 12, size: int = 96) -> Tensor:
    """Coloured discs, bars and gradients over smooth noise: (count, 3, size, size) in [0, 1]."""
    rng = np.random.default_rng(7)
    y, x = np.mgrid[0:size, 0:size] / size
    pictures = []
    for _ in range(count):
        angle, frequency = rng.uniform(0, np.pi), rng.uniform(2, 14)
        waves = np.sin(2 * np.pi * frequency * (np.cos(angle) * x + np.sin(angle) * y))
        picture = (
            0.5 + 0.25 * waves[None] * rng.uniform(-1, 1, (3, 1, 1)) + rng.normal(0, 0.03, (3, size, size))
        )
        for _ in range(4):
            centre, radius = rng.uniform(0.1, 0.9, 2), rng.uniform(0.05, 0.3)
            disc = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 < radius**2
            picture = np.where(disc, rng.uniform(0, 1, (3, 1, 1)), picture)
        pictures.append(picture.clip(0, 1))
    return torch.tensor(np.stack(pictures), dtype=torch.float32)


def ascend(network: VGG, images: Tensor, layer: str, steps: int) -> Tensor:
    """Plain gradient ascent on a layer's mean squared activation: 0.01 mean change per pixel and step."""
    for _ in range(steps):
        images = images.detach().requires_grad_(True)
        network(images, [layer])[layer].square().mean().backward()
        images = (images + 0.01 * images.grad / images.grad.abs().mean()).clamp(0, 1)
    return images.detach()


def test_file_is_small_and_says_where_it_comes_from() -> None:
    assert WEIGHTS.stat().st_size <= LIMIT
    with safe_open(WEIGHTS, "pt") as file:
        metadata = file.metadata()
    assert {"recipe", "seed", "crops", "teacher", "licence"} <= metadata.keys()
    assert "BSD" in metadata["teacher"] + metadata["licence"]


def test_is_a_vgg16_with_a_head_and_no_batch_norm() -> None:
    state = load_file(WEIGHTS)
    names = {f"{layer}.{kind}" for layer in (*CONVOLUTIONS, "head") for kind in ("weight", "bias")}
    assert set(state) == names
    assert state["head.weight"].shape[0] == 1000
    assert all(torch.isfinite(tensor).all() for tensor in state.values())


def test_thousand_different_class_names() -> None:
    names = CLASSES.read_text(encoding="utf-8").splitlines()
    assert len(names) == 1000
    assert len({name.lower() for name in names}) == 1000
    assert all(name == name.strip() and name for name in names)


def test_channels_are_alive(lite: VGG) -> None:
    layers = [name.replace("conv", "relu") for name in CONVOLUTIONS]
    with torch.no_grad():
        found = lite(scenes(), layers)
    for name, activation in found.items():
        assert torch.isfinite(activation).all(), name
        dead = (activation.amax(dim=(0, 2, 3)) <= 0).float().mean().item()
        assert dead < 0.15, f"{name}: {dead:.0%} of the channels never answer"


def test_dream_raises_its_layer_and_noise_of_its_size_does_not(lite: VGG) -> None:
    images = scenes(3)
    dreamed = ascend(lite, images, "relu4_3", steps=10)
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    noisy = (images + noise * (dreamed - images).norm() / noise.norm()).clamp(0, 1)
    with torch.no_grad():
        before, after, beside = (
            lite(x, ["relu4_3"])["relu4_3"].square().mean() for x in (images, dreamed, noisy)
        )
    assert after > 3 * before
    assert after > 3 * beside


def test_head_knows_its_own_dream_of_a_class(lite: VGG) -> None:
    """Classes raised on pictures are seen in them shifted and mirrored too: shapes, not pixel noise."""
    wanted = [1, 76, 207, 291, 340, 417, 951, 980]  # goldfish, tarantula, ..., lemon, volcano
    images = torch.full((len(wanted), 3, 96, 96), 0.5) + 0.05 * (scenes(len(wanted)) - 0.5)
    rows = torch.arange(len(wanted))
    for step in range(24):
        shift = (step * 5 % 16, step * 7 % 16)
        moved = images.roll(shift, (2, 3)).requires_grad_(True)
        logits = lite(moved, ["logits"])["logits"]
        (logits[rows, wanted] - logits.mean(1)).sum().backward()
        gradient = moved.grad.roll((-shift[0], -shift[1]), (2, 3))
        images = (images + 0.02 * gradient / gradient.abs().mean(dim=(1, 2, 3), keepdim=True)).clamp(0, 1)
    with torch.no_grad():
        logits = lite(images.flip(3).roll((5, 9), (2, 3)), ["logits"])["logits"]
    above = (logits > logits[rows, wanted].unsqueeze(1)).sum(1).tolist()
    assert sum(rank < 5 for rank in above) >= len(wanted) // 2, above
