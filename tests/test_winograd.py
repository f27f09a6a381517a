"""The fast convolution beside torch's own, which is the reference."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from dreamvideo.nets.convolution import convolution
from dreamvideo.nets.operations import apply
from dreamvideo.nets.steady import SteadyNetwork
from dreamvideo.nets.vgg import VGG
from dreamvideo.nets.winograd import BAND, OUTPUTS, KernelAtPoints, correlate, pays

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


def conv3x3(x: Tensor, weight: Tensor, bias: Tensor, is_rectified: bool = False) -> Tensor:
    operation = convolution(weight, bias, padding=1)
    assert operation is not None
    rectified = operation.rectified() if is_rectified else operation
    assert rectified is not None
    return apply(rectified, x)


def direct(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return torch.nn.functional.conv2d(x, weight, bias, padding=1)


def error(found: Tensor, exact: Tensor) -> float:
    return float((found - exact).norm() / exact.norm())


@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_it_is_a_convolution(size: tuple[int, int], count: int) -> None:
    x, (weight, bias) = picture(16, size, count), weights(24, 16)
    exact = direct(x.double(), weight.double(), bias.double())
    assert error(correlate(x, KernelAtPoints(weight), bias), exact) < 2e-6


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


@pytest.mark.parametrize("size", [(90, 101), (23, 160), (14, 300)], ids=str)
def test_with_its_relu_it_is_what_it_is_before_one(size: tuple[int, int]) -> None:
    """To the bit; and what it gives may be changed in place, as networks' ReLUs do."""
    weight, bias = weights(128, 64)
    x, pull = picture(64, size, 2), picture(128, size, 2) - 0.3
    made, slopes = [], []
    for convolve in (
        lambda x: torch.relu_(conv3x3(x, weight, bias)),
        lambda x: conv3x3(x, weight, bias, True),
    ):
        leaf = x.clone().requires_grad_()
        made.append(convolve(leaf))
        made[-1].backward(pull)
        slopes.append(leaf.grad)
    assert 0.3 < (made[0] > 0).float().mean() < 0.7
    assert torch.equal(*made) and slopes[0] is not None and torch.equal(slopes[0], slopes[1])


RUN = """
import torch
from dreamvideo.nets.steady import SteadyNetwork
from dreamvideo.nets.vgg import VGG

torch.manual_seed(0)
network = SteadyNetwork(VGG([64, 64, 128, 128] + [256] * 9).requires_grad_(False))
for _ in range(2):
    print("TURN", flush=True)
    for size, threads in ((96, 160), 2), ((180, 320), 2), ((180, 320), 1), ((119, 71), 2):
        torch.set_num_threads(threads)
        image = torch.rand(1, 3, *size, requires_grad=True)
        network(image, ["relu3_2"])["relu3_2"].square().mean().backward()
"""


@pytest.mark.parametrize(
    "told",
    [{}, {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}],
    ids=["this machine", "AVX2"],
)
def test_kernels_are_sorted_for_each_size_and_number_of_threads_and_not_again(told: dict[str, str]) -> None:
    """On a machine with shorter vectors too: there oneDNN wants another order for nearly every size."""
    told = os.environ | {"ONEDNN_VERBOSE": "1"} | told
    ran = subprocess.run([sys.executable, "-c", RUN], env=told, capture_output=True, text=True, check=True)
    first, second = ran.stdout.split("TURN")[1:]
    assert ",convolution," in second and ",reorder," in first and ",reorder," not in second


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("size", [(23, 40), (45, 81), (14, 14)], ids=str)
def test_one_thread_or_two_make_the_same_bits(size: tuple[int, int], count: int) -> None:
    x, (weight, bias) = picture(128, size, count), weights(256, 128)
    made = []
    for number in (1, 2):
        torch.set_num_threads(number)
        made.append(correlate(x, KernelAtPoints(weight), bias))
    assert torch.equal(*made)


def test_it_is_left_alone_where_it_does_not_pay() -> None:
    weight, _ = weights(128, 64)
    assert not pays(picture(64, (8, 8)), weight)
    assert not pays(picture(64, (90, 160)).double(), weight)
    assert not pays(picture(64, (90, 160)), weight.clone().requires_grad_())
    assert not pays(picture(16, (360, 640)), weights(16, 16)[0])


@pytest.mark.parametrize("layer", ["relu2_2", "pool3"])
def test_sorted_kernels_and_others_give_the_same_bits(layer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere than on an x86 kernels are left as they are."""
    torch.manual_seed(0)
    plain = VGG([16] * 13).requires_grad_(False)
    slopes = []
    for is_measured in (True, False):
        monkeypatch.setattr("dreamvideo.nets.packed.is_measured", lambda it=is_measured: it)
        image = picture(3, (71, 90)).requires_grad_()
        SteadyNetwork(plain)(image, [layer])[layer].square().mean().backward()
        slopes.append(image.grad)
    assert slopes[0] is not None and slopes[1] is not None and torch.equal(slopes[0], slopes[1])
