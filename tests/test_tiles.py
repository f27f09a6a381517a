"""Large images: tiles without seams, smaller ones where memory is short."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor

from dreamvideo.ascent import gradient
from dreamvideo.dream import activation_strength, dream_levels, dream_residual
from dreamvideo.nets import Network, load_network
from dreamvideo.objectives import Objective, objective_for
from dreamvideo.settings import DreamSettings
from dreamvideo.tiles import CONTEXT, GRID, LARGEST, SMALLEST, local_in_tiles, mean_in_tiles, tiles


@pytest.fixture(scope="module")
def network() -> Network:
    return load_network("vgg16-lite", device="cpu")


def picture(height: int, width: int) -> Tensor:
    noise = torch.rand(1, 3, height // 8 + 1, width // 8 + 1, generator=torch.Generator().manual_seed(1))
    return torch.nn.functional.interpolate(noise, scale_factor=8, mode="bicubic")[..., :height, :width].clamp(
        0, 1
    )


def slope(objective: Objective, image: Tensor) -> Tensor:
    image = image.clone().requires_grad_()
    objective.total(image).sum().backward()
    assert image.grad is not None
    return image.grad


@pytest.mark.parametrize("layers", [("conv3_3",), ("conv4_3",), ("relu2_1", "pool4")])
def test_tiles_leave_no_seam(network: Network, layers: tuple[str, ...]) -> None:
    objective = objective_for(network, DreamSettings(layers=tuple((name, 1.0) for name in layers)))
    image = picture(470, 717)
    whole = slope(objective, image)
    cut = local_in_tiles(partial(slope, objective), image, SMALLEST)
    assert (cut - whole).abs().max() < 1e-4 * whole.abs().max()


def test_levels_in_tiles_are_those_of_the_whole(network: Network) -> None:
    objective, image = objective_for(network, DreamSettings()), picture(SMALLEST + 64, 200)
    with torch.inference_mode():
        whole, cut = objective.levels(image), local_in_tiles(objective.levels, image, SMALLEST)
    assert cut.shape == (1, 1, *image.shape[2:])
    torch.testing.assert_close(cut, whole, rtol=1e-4, atol=1e-4)
    assert float(whole.mean()) == pytest.approx(float(objective(image)), rel=0.05)


def test_a_mean_in_tiles_is_near_that_of_the_whole(network: Network) -> None:
    """Not the same: at their borders tiles see nothing beyond."""
    objective = objective_for(network, DreamSettings(layers=(("conv3_3", 1.0),)))
    image = picture(470, LARGEST)
    with torch.inference_mode():
        whole = float(objective(image))
        assert float(mean_in_tiles(objective, image)) == whole
        assert float(mean_in_tiles(objective, image, LARGEST * 2 // 3)) == pytest.approx(whole, rel=0.03)


@pytest.mark.parametrize(
    "look",
    [
        activation_strength,
        lambda objective, image: dream_levels(objective, image, 0 * image, DreamSettings()).min(),
    ],
)
def test_no_more_than_a_tile_of_a_large_image_is_looked_at(
    network: Network, look: Callable[[Objective, np.ndarray], float]
) -> None:
    """Not only by steps: a level asks for the whole of it, and took more memory than they."""
    seen: list[int] = []

    def module(images: Tensor, layers: Collection[str]) -> Mapping[str, Tensor]:
        seen.append(images.shape[3])
        return network.module(images, layers)

    watched = objective_for(replace(network, module=module), DreamSettings(layers=(("conv1_1", 1.0),)))
    large = np.full((64, LARGEST + 200, 3), 0.5, np.float32)
    assert look(watched, large) > 0
    assert len(seen) == 2 and max(seen) <= LARGEST


@pytest.mark.parametrize("length", [1, 192, 193, 448, 449, 1000])
def test_tiles_cover_a_side_once(length: int) -> None:
    found = list(tiles(length, SMALLEST))
    covered = np.zeros(length, int)
    for tile in found:
        covered[tile.kept] += 1
        assert tile.seen.stop - tile.seen.start <= SMALLEST and tile.seen.start % GRID == 0
        assert tile.seen.start in (0, tile.kept.start - CONTEXT)
    assert (covered == 1).all()


def test_short_memory_makes_smaller_tiles(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[int] = []

    def small_machine(image: Tensor) -> Tensor:
        if image.shape[3] > 700:
            raise torch.OutOfMemoryError("out of memory")
        seen.append(image.shape[3])
        return image * 2

    image = picture(64, 1500)
    assert torch.equal(local_in_tiles(small_machine, image), image * 2)
    assert LARGEST > 700 >= max(seen) and f"{max(seen)} px" in caplog.text


def test_no_memory_at_all_is_said() -> None:
    def tiny_machine(image: Tensor) -> Tensor:
        raise torch.OutOfMemoryError("out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        local_in_tiles(tiny_machine, picture(64, 600))


def test_what_looks_at_the_whole_picture_is_not_cut(network: Network) -> None:
    whole = objective_for(network, DreamSettings(classes=(("sea snake", 1.0),)))
    neuron = objective_for(network, DreamSettings(layers=(("conv4_3:3@0.9,0.5", 1.0),)))
    assert not whole.is_local and not neuron.is_local
    image = picture(32, LARGEST + 64)
    far = gradient(neuron, image)[..., :400]
    assert not far.any(), "a neuron at the right end sees nothing of the left one"


def test_a_neuron_stays_at_its_place_in_a_carried_image(network: Network) -> None:
    from dreamvideo.dream import Effort

    settings = DreamSettings(layers=(("conv2_1:3@0.9,0.5", 1.0),), octaves=1, steps=2, jitter=0, smooth=0)
    objective = objective_for(network, settings)
    source = picture(96, 400)[0].permute(1, 2, 0).numpy().copy()
    new = np.zeros(source.shape[:2], np.float32)
    new[:, :100] = 1
    effort = Effort(2, new, np.ones_like(new))
    residual = dream_residual(objective, source, settings, np.zeros_like(source), [effort])
    assert not residual[:, 100:].any() and np.abs(residual).max() < 1e-6
