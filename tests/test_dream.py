"""Objectives, octaves, the step, and the dream of one image, with the network inside the package."""

from __future__ import annotations

import copy
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from dreamvideo.ascent import active_box, ascend, gradient
from dreamvideo.dream import Effort, activation_strength, dream_image, dream_residual
from dreamvideo.errors import UnknownNameError
from dreamvideo.images import image_from_tensor, tensor_from_image
from dreamvideo.nets import Network, load_network
from dreamvideo.objectives import objective_for
from dreamvideo.octaves import FARTHER, jitter_sequence, octave_sizes, step_paces
from dreamvideo.precondition import NaturalStep, bell
from dreamvideo.settings import DreamSettings

QUICK = DreamSettings(octaves=2, steps=3, layers=(("conv3_3", 1.0),))


@pytest.fixture(scope="module")
def network() -> Network:
    return load_network("vgg16-lite", device="cpu")


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    noise = np.random.default_rng(0).random((48, 64, 3), np.float32)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), None, 0.1, 0.9, cv2.NORM_MINMAX)


def test_octaves_grow_to_the_full_size() -> None:
    sizes = octave_sizes((640, 360), 4, 1.4)
    assert sizes[-1] == (640, 360)
    assert sizes == sorted(sizes)
    assert sizes[-2] == (457, 257)


def test_octaves_too_small_for_the_network_are_left_out() -> None:
    assert octave_sizes((32, 32), 6, 2.0) == [(32, 32)]


def test_jitter_depends_on_seed_octave_and_step_alone() -> None:
    assert jitter_sequence(1, 2, 5, 32) == jitter_sequence(1, 2, 9, 32)[:5]
    assert jitter_sequence(1, 2, 5, 32) != jitter_sequence(2, 2, 5, 32)
    assert max(abs(v) for pair in jitter_sequence(0, 0, 200, 7) for v in pair) == 7


@pytest.mark.parametrize("steps", [1, 2, 3, 10, 40])
@pytest.mark.parametrize("octaves", [1, 2, 3, 4, 6])
def test_fine_octaves_take_fewer_and_ever_smaller_steps(steps: int, octaves: int) -> None:
    for octave in range(octaves):
        paces = step_paces(steps, octave, octaves)
        if octave < 2 or octave < octaves - 2 or steps < 3:
            assert paces == [1.0] * steps
        else:
            assert len(paces) < steps and paces == sorted(paces, reverse=True) and paces[-1] > 0
            assert sum(paces) == pytest.approx(FARTHER * steps)


def test_layers_keep_what_their_name_says(network: Network, image: np.ndarray) -> None:
    found = network(tensor_from_image(image), ["conv4_3", "relu4_3", "pool4"])
    assert (found["conv4_3"] < 0).any()
    assert torch.equal(found["conv4_3"].clamp(min=0), found["relu4_3"])
    assert found["pool4"].shape[-1] == found["relu4_3"].shape[-1] // 2


def test_an_unknown_layer_gets_the_nearest_name(network: Network) -> None:
    with pytest.raises(UnknownNameError, match="did you mean conv4_3"):
        objective_for(network, DreamSettings(layers=(("conv_4_3", 1.0),)))


def test_the_gradient_is_that_of_finite_differences(network: Network, image: np.ndarray) -> None:
    exact = replace(network, module=copy.deepcopy(network.module).double())  # type: ignore[attr-defined]
    objective = objective_for(exact, DreamSettings(layers=(("conv2_1", 1.0), ("conv3_1", 0.5))))
    x = tensor_from_image(image).double()
    slope = gradient(objective, x)
    step = 1e-5 * torch.sign(slope)
    up, down = (objective.total(moved) / x[0, 0].numel() for moved in (x + step, x - step))
    assert float(up - down) == pytest.approx(float(2 * (slope * step).sum()), rel=1e-3)


def test_three_steps_raise_the_objective(network: Network, image: np.ndarray) -> None:
    objective = objective_for(network, QUICK)
    before = activation_strength(objective, image)
    dreamed = dream_image(network, image, QUICK)
    assert activation_strength(objective, dreamed) > 1.5 * before
    assert dreamed.min() >= 0 and dreamed.max() <= 1


def test_a_step_moves_each_pixel_by_the_step_size_on_average(network: Network) -> None:
    grey = torch.full((1, 3, 48, 64), 0.5) + 0.05 * torch.rand(1, 3, 48, 64)
    residual = ascend(objective_for(network, QUICK), grey, torch.zeros_like(grey), [(3, -5)], [0.01])
    assert float(residual.abs().mean()) == pytest.approx(0.01, rel=0.02)


def test_the_same_settings_give_the_same_dream_and_another_seed_another(
    network: Network, image: np.ndarray
) -> None:
    objective = objective_for(network, QUICK)
    first, second = (dream_residual(objective, image, QUICK) for _ in range(2))
    assert np.array_equal(first, second)
    other = dream_residual(objective, image, replace(QUICK, seed=1))
    assert not np.array_equal(first, other)


def test_only_what_needs_it_is_dreamed(network: Network, image: np.ndarray) -> None:
    need = np.zeros((48, 64), np.float32)
    need[:, 40:] = 1
    effort = Effort(3, need, np.ones_like(need))
    carried = np.full_like(image, 0.01)
    residual = dream_residual(objective_for(network, QUICK), image, QUICK, carried, [effort, effort])
    assert np.allclose(residual[:, :36], 0.01, atol=1e-3)
    assert np.abs(residual[:, 44:] - 0.01).mean() > 0.005


def test_nothing_needed_is_nothing_done(network: Network, image: np.ndarray) -> None:
    carried = np.random.default_rng(1).uniform(-0.05, 0.05, image.shape).astype(np.float32)
    residual = dream_residual(objective_for(network, QUICK), image, QUICK, carried, [None, None])
    assert np.array_equal(residual, carried)


def test_the_box_holds_all_that_is_active_and_its_context() -> None:
    share = torch.zeros(1, 1, 300, 400)
    assert active_box(share) is None
    share[0, 0, 150, 200] = 0.1
    _, _, rows, columns = active_box(share) or ()
    assert rows.start < 150 - 40 and rows.stop > 150 + 40 and rows.stop - rows.start < 120
    assert columns.start < 200 < columns.stop


def test_natural_colours_keep_grey_and_calm_the_rest() -> None:
    settings = DreamSettings(natural=1.0, smooth=0.0)
    pure = torch.zeros(1, 3, 9, 9)
    pure[:, 0] = 1
    grey = torch.ones(1, 3, 9, 9)
    step = NaturalStep(settings, torch.device("cpu"), torch.float32)
    assert torch.allclose(step(grey), grey, atol=0.03)
    drawn = step(pure)[0, :, 4, 4]
    assert drawn.max() - drawn.min() < 0.2


def test_smoothing_is_a_blur_of_mean_one() -> None:
    assert float(bell(0.7).sum()) == pytest.approx(1.0)
    assert bell(0.0).tolist() == [1.0]


@pytest.mark.parametrize("settings", [DreamSettings(), DreamSettings(smooth=1.5, keep_colour=True)])
def test_a_natural_step_is_one_convolution(settings: DreamSettings) -> None:
    gradient = torch.randn(1, 3, 33, 48, generator=torch.Generator().manual_seed(0))
    gradient = gradient.contiguous(memory_format=torch.channels_last)
    cpu = torch.device("cpu")
    by_opencv = NaturalStep(settings, cpu, torch.float32)(gradient)
    by_torch = NaturalStep(settings, cpu, torch.float64)(gradient.double())
    assert torch.allclose(by_opencv.double(), by_torch, atol=2e-6)


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (200, 32)])
def test_any_size_can_be_dreamed(network: Network, size: tuple[int, int]) -> None:
    picture = np.random.default_rng(0).random((size[1], size[0], 3), np.float32)
    assert dream_image(network, picture, QUICK).shape == picture.shape


def test_image_and_tensor_are_the_same_picture(image: np.ndarray) -> None:
    assert np.array_equal(image_from_tensor(tensor_from_image(image)), image)


@pytest.mark.parametrize("size", [1e30, float("inf"), float("nan")])
def test_weights_that_overflow_leave_the_source_to_be_seen(size: float) -> None:
    """A step that comes to infinite numbers is redone smaller; where that does not help it is left out."""
    network = load_network("vgg16-lite", device="cpu")
    module = copy.deepcopy(network.module)
    with torch.no_grad():
        next(iter(module.parameters())).mul_(size)  # type: ignore[attr-defined]
    settings = DreamSettings(octaves=2, steps=3)
    source = np.random.default_rng(0).random((48, 64, 3)).astype(np.float32)
    residual = dream_residual(objective_for(replace(network, module=module), settings), source, settings)
    assert np.isfinite(residual).all()
