"""Networks noted down once: the same to the bit as when torch looks on."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Collection, Mapping

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dreamvideo.errors import DreamVideoError
from dreamvideo.excitement import Waking
from dreamvideo.nets import load_network
from dreamvideo.nets.steady import SteadyNetwork
from dreamvideo.nets.torchvision_nets import build_torchvision

SIZES = [(96, 96), (131, 170)]
LAYERS = {
    "squeezenet1_1": ("features.3", "features.7", "features.12"),
    "googlenet": ("maxpool1", "inception4a"),
    "resnet18": ("layer1.0.conv1", "layer2.0.relu"),
    "mobilenet_v2": ("features.12",),
    "densenet121": ("features.transition1",),
    "efficientnet_b0": ("features.3",),
    "convnext_tiny": ("features.3",),
}


def lite() -> SteadyNetwork:
    module = load_network("vgg16-lite", device="cpu").module
    assert isinstance(module, SteadyNetwork)
    return module


def of_torchvision(name: str) -> SteadyNetwork:
    try:
        network = build_torchvision(name)
    except DreamVideoError as error:
        pytest.skip(f"TORCHVISION CANNOT BE IMPORTED, {name} was not tested: {error}")
    return SteadyNetwork(network.eval().requires_grad_(False).to(memory_format=torch.channels_last))


def seen(network: nn.Module, layers: Collection[str], size: tuple[int, int]) -> tuple[list[Tensor], Tensor]:
    """The layers, and the gradient of all of them."""
    image = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0)).requires_grad_()
    found = network(image, layers)
    made = [found[layer] for layer in layers]
    total = torch.stack([y.square().mean() * weight for weight, y in enumerate(made, 1)]).sum()
    (slope,) = torch.autograd.grad(total, image)
    return [y.detach() for y in made], slope


class Watched(nn.Module):
    """As torch differentiates it itself."""

    def __init__(self, network: SteadyNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor, layers: Collection[str]) -> Mapping[str, Tensor]:
        with self.network._steady:
            found: Mapping[str, Tensor] = self.network.module(images, layers)
        return found


def check(network: SteadyNetwork, layers: Collection[str]) -> None:
    for size in SIZES:
        made, slope = seen(network, layers, size)
        watched, watched_slope = seen(Watched(network), layers, size)
        assert all(map(torch.equal, made, watched)) and torch.equal(slope, watched_slope)
        assert slope.any()


@pytest.mark.parametrize("layers", [("relu3_2",), ("conv2_1", "pool3", "relu4_1"), ("logits", "conv5_1")])
def test_our_own_networks_come_out_the_same(layers: tuple[str, ...]) -> None:
    network = lite()
    check(network, layers)
    assert all(network._steady._programs.values())


@pytest.mark.parametrize("name", LAYERS)
def test_torchvisions_networks_come_out_the_same(name: str) -> None:
    torch.manual_seed(0)
    network = of_torchvision(name)
    check(network, LAYERS[name])
    assert all(network._steady._programs.values()), "it could not be noted down"


class Of(nn.Module):
    """A network that is a function."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, images: Tensor, layers: Collection[str]) -> Mapping[str, Tensor]:
        return dict.fromkeys(layers, self.function(images))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x * x.shape[3],
        lambda x: F.avg_pool2d(input=x, kernel_size=2),
        lambda x: torch.conv2d(x, x[:1, :, :3, :3]),
        lambda x: torch.cat([x, torch.ones(x.shape[0], 1, *x.shape[2:])], 1),
        lambda x: F.dropout(x, 0.0, training=True),
        lambda x: F.max_pool2d(x, 2, return_indices=True)[0],
        lambda x: x.clone().mul_(2),
        lambda x: x * torch.ones(()) if x.mean() > 0.1 else x,
    ],
    ids=["size", "by name", "kernel", "constant", "dropout", "two", "unknown", "numbers"],
)
def test_what_would_be_another_program_for_other_pictures_is_not_noted_down(
    function: Callable[[Tensor], Tensor],
) -> None:
    network = SteadyNetwork(Of(function))
    check(network, ("it",))
    assert list(network._steady._programs.values()) == [None]


def test_constants_are_noted_down() -> None:
    network = SteadyNetwork(Of(lambda x: (x + 0.5) * torch.full((1, 3, 1, 1), 2.0) + x[:, :1]))
    check(network, ("it",))
    assert all(network._steady._programs.values())


def test_a_networks_own_complaint_is_heard() -> None:
    with pytest.raises(ValueError, match="no layer or head"):
        lite()(torch.rand(1, 3, 40, 40), ("relu9_9",))


def test_who_looks_on_sees_every_relu() -> None:
    network = lite()
    plain = seen(network, ("relu4_1",), SIZES[0])
    with Waking():
        awake = seen(network, ("relu4_1",), SIZES[0])
    assert torch.allclose(plain[0][0], awake[0][0], atol=1e-5) and not torch.allclose(plain[1], awake[1])


def test_what_was_kept_for_a_gradient_is_let_go_at_once() -> None:
    """A tensor that keeps what keeps it waits for Python's garbage collection: gigabytes, of large frames."""
    network, images = lite(), torch.rand(1, 3, 64, 64, requires_grad=True)
    gc.collect()
    gc.disable()
    try:
        y = network(images, ("relu4_1",))["relu4_1"]
        node = weakref.ref(y.grad_fn)
        assert node() is not None
        del y
        assert node() is None
    finally:
        gc.enable()
