"""The fast convolution beside torch's own, which is the reference."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from dreamvideo.nets.steady import SteadyNetwork
from dreamvideo.nets.vgg import VGG
from dreamvideo.nets.winograd import BAND, OUTPUTS, Kernel, conv3x3, correlate, kernel_at_points, pays

pytestmark = pytest.mark.skipif(
    not pays(torch.zeros(1, 512, 64, 64), torch.zeros(512, 512, 3, 3)), reason="needs an x86 CPU with oneDNN"
)
SIZES = [(1, 9), (5, 4), (6, 40), (7, 33), (8, 3), (13, 70), (OUTPUTS * 5 + 1, BAND)]


@pytest.fixture
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def picture(channels: int, size: tuple[int, int], count: int = 1) -> Tensor:
    values = torch.randn(count, channels, *size, generator=torch.Generator().manual_seed(0)).relu()
    return values.contiguous(memory_format=torch.channels_last)


def weights(outputs: int, channels: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    weight = torch.randn(outputs, channels, 3, 3, generator=generator) * (2 / 9 / channels) ** 0.5
    return weight, torch.randn(outputs, generator=generator)


def direct(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return torch.nn.functional.conv2d(x, weight, bias, padding=1)


def error(found: Tensor, exact: Tensor) -> float:
    return float((found - exact).norm() / exact.norm())


@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_it_is_a_convolution(size: tuple[int, int], count: int) -> None:
    x, (weight, bias) = picture(16, size, count), weights(24, 16)
    exact = direct(x.double(), weight.double(), bias.double())
    assert error(correlate(x, kernel_at_points(weight), bias), exact) < 2e-6


def test_its_gradient_is_that_of_a_convolution() -> None:
    weight, bias = weights(128, 64)
    x, pull = picture(64, (90, 90)), picture(128, (90, 90)) - 0.3
    assert pays(x, weight)
    slopes = []
    for convolve, kind in ((conv3x3, torch.float32), (direct, torch.float64)):
        image = x.to(kind, copy=True).requires_grad_()
        (convolve(image, weight.to(kind), bias.to(kind)) * pull.to(kind)).sum().backward()
        assert image.grad is not None
        slopes.append(image.grad)
    assert error(slopes[0], slopes[1]) < 2e-6


def test_a_step_of_vgg16_is_as_exact_as_torch_makes_it() -> None:
    torch.manual_seed(2)
    plain = VGG().requires_grad_(False)
    image = torch.nn.functional.interpolate(picture(3, (16, 24)), scale_factor=8, mode="bicubic") / 3

    def slope(module: nn.Module, kind: torch.dtype = torch.float32) -> Tensor:
        leaf = image.to(kind, copy=True).requires_grad_()
        module(leaf, ["conv3_1"])["conv3_1"].square().mean().backward()
        assert leaf.grad is not None
        return leaf.grad

    ours, torchs, exact = slope(SteadyNetwork(plain)), slope(plain), slope(plain.double(), torch.float64)
    assert not torch.equal(ours, torchs)
    assert error(ours, exact) < 3 * error(torchs, exact) + 1e-6


def test_what_it_gives_may_be_changed_in_place() -> None:
    """As VGG's ReLUs do."""
    weight, bias = weights(64, 64)
    x = picture(64, (90, 101), 2).requires_grad_()
    assert pays(x, weight)
    torch.relu_(conv3x3(x, weight, bias)).sum().backward()
    slope, x.grad = x.grad, None
    torch.relu(direct(x, weight, bias)).sum().backward()
    assert slope is not None and x.grad is not None and error(slope, x.grad) < 1e-3


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("size", [(23, 40), (45, 81), (14, 14)], ids=str)
def test_one_thread_or_two_make_the_same_bits(size: tuple[int, int], count: int) -> None:
    x, (weight, bias) = picture(128, size, count), weights(256, 128)
    made = []
    for number in (1, 2):
        torch.set_num_threads(number)
        made.append(correlate(x, kernel_at_points(weight), bias))
    assert torch.equal(*made)


def test_weights_that_were_changed_are_seen() -> None:
    x, (weight, bias) = picture(64, (96, 160)), weights(64, 64)
    assert pays(x, weight)
    before = conv3x3(x, weight, bias * 0)
    weight.mul_(2)
    assert error(conv3x3(x, weight, bias * 0), 2 * before) < 1e-6


def test_it_is_left_alone_where_it_does_not_pay() -> None:
    weight, _ = weights(128, 64)
    assert not pays(picture(64, (8, 8)), weight)
    assert not pays(picture(64, (90, 160)).double(), weight)
    assert not pays(picture(64, (90, 160)), weight.clone().requires_grad_())
    assert not pays(picture(16, (360, 640)), weights(16, 16)[0])


def test_a_kernel_has_a_part_for_each_point() -> None:
    kernel = kernel_at_points(weights(24, 16)[0])
    assert isinstance(kernel, Kernel) and len(kernel.at_points) == OUTPUTS + 2 and kernel.outputs == 24
