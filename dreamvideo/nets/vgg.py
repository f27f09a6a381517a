"""VGG16 (Simonyan & Zisserman 2014) as named layers: `conv1_1`, `relu1_1`, ..., `pool5`.

The same class holds the ImageNet network and vgg16-lite; only the widths and the head differ.
No torchvision here: it takes seconds to import, and a CPU build of torch beside the registry's
torchvision cannot import it at all.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dreamvideo.nets.functions import conv_relu, normalized
from dreamvideo.nets.network import LOGITS
from dreamvideo.nets.weights import read_weights

DEPTHS = (2, 2, 3, 3, 3)  # convolutions in each of the five blocks
VGG16_WIDTHS = (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)

IMAGENET_MEAN = (0.485, 0.456, 0.406)  # what torchvision's weights expect, RGB in [0, 1]
IMAGENET_STD = (0.229, 0.224, 0.225)

CONVOLUTIONS = tuple(f"conv{b}_{i}" for b, depth in enumerate(DEPTHS, 1) for i in range(1, depth + 1))


def _layer_names() -> tuple[str, ...]:
    names: list[str] = []
    for block, depth in enumerate(DEPTHS, 1):
        for i in range(1, depth + 1):
            names += [f"conv{block}_{i}", f"relu{block}_{i}"]
        names.append(f"pool{block}")
    return tuple(names)


LAYERS = _layer_names()  # 31 names, in the order of computation
POOLED = {f"relu{block}_{depth}": f"pool{block}" for block, depth in enumerate(DEPTHS, 1)}


class VGG(nn.Module):
    """Thirteen 3x3 convolutions in five blocks, each layer to be had by its name.

    Args:
        widths: output channels of the thirteen convolutions.
        classes: how many a `VotingHead` tells apart; 0 for none.
            (vgg16-lite has one; VGG16's own is `VGG16Head`, set afterwards.)
    """

    layers = LAYERS
    mean: Tensor
    std: Tensor

    def __init__(self, widths: Sequence[int] = VGG16_WIDTHS, classes: int = 0) -> None:
        super().__init__()
        if len(widths) != len(CONVOLUTIONS):
            raise ValueError(f"widths must be {len(CONVOLUTIONS)} numbers, got {len(widths)}")
        channels = 3
        for name, width in zip(CONVOLUTIONS, widths, strict=True):
            self.add_module(name, nn.Conv2d(channels, width, kernel_size=3, padding=1))
            channels = width
        self.head: VotingHead | VGG16Head | None = VotingHead(channels, classes) if classes else None
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """The activations of some layers; nothing is computed beyond the deepest of them.

        Args:
            images: (B, 3, H, W) float, RGB in [0, 1].
            layers: names out of `LAYERS`, or `LOGITS` where the network has a head.

        Returns:
            name -> (B, C, h, w), before any later layer touched it; `LOGITS` -> (B, classes).
        """
        wanted = set(layers)
        shown = wanted | {self.head.after} if self.head is not None and LOGITS in wanted else wanted
        found: dict[str, Tensor] = {}
        rectifies = ""
        x = normalized(images, self.mean, self.std)
        for name in LAYERS:
            if len(found) == len(wanted):
                return found
            if name.startswith("conv"):
                rectifies = _rectifying_layer(name, shown)
                x = self._convolve(name, x, name == rectifies)
            elif name.startswith("pool"):
                x = F.max_pool2d(x, kernel_size=2)
                x = F.relu(x, inplace=True) if name == rectifies else x
            elif name == rectifies:
                x = F.relu(x)
            if name in wanted:
                found[name] = x
            if LOGITS in wanted and self.head is not None and name == self.head.after:
                found[LOGITS] = self.head(x)
        missing = wanted - found.keys()
        if missing:
            raise ValueError(f"no layer or head: {sorted(missing)}")
        return found

    def _convolve(self, name: str, x: Tensor, is_rectified: bool) -> Tensor:
        convolution = self.get_submodule(name)
        assert isinstance(convolution, nn.Conv2d)
        return conv_relu(x, convolution.weight, convolution.bias) if is_rectified else convolution(x)


def _rectifying_layer(convolution: str, shown: Collection[str]) -> str:
    """The layer with which the ReLU after a convolution is computed.

    One that nobody looks at goes with the convolution; before a pooling it goes behind that, where a quarter
    of the numbers are left and the same comes out.
    """
    relu = convolution.replace("conv", "relu")
    if relu in POOLED and relu not in shown:
        return POOLED[relu]
    return relu if convolution in shown else convolution


class VotingHead(nn.Linear):
    """vgg16-lite's head: every position votes for the classes that it sees, and the votes are averaged.

    As in SqueezeNet (Iandola et al. 2016), where votes against a class do not count at all; here they count a
    little, so that there is a way up to a class that is seen nowhere yet.
    """

    after = "relu5_3"
    against = 0.1  # what a vote against a class counts, beside one for it

    def forward(self, activation: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, classes)."""
        votes = super().forward(activation.flatten(2).transpose(1, 2))
        return F.leaky_relu(votes, self.against).mean(dim=1)


class VGG16Head(nn.Module):
    """VGG16's own head: three linear layers on a 7x7 grid, 494 MB, read only when a class is asked for.

    Args:
        path: torchvision's file of weights.
    """

    after = "pool5"
    keys = tuple(f"classifier.{number}.{part}" for number in (0, 3, 6) for part in ("weight", "bias"))

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._weights: list[Tensor] | None = None

    @classmethod
    def is_in(cls, state: Mapping[str, Tensor]) -> bool:
        """Whether a file of weights holds the head too."""
        return all(key in state for key in cls.keys)

    def forward(self, activation: Tensor) -> Tensor:
        """(B, 512, h, w), pooled onto 7x7 whatever its size, as torchvision does -> (B, 1000)."""
        dtype = torch.promote_types(activation.dtype, torch.float32)
        if self._weights is None or self._weights[0].dtype != dtype:  # `Network.in_double` copies them
            state = read_weights(self._path)
            self._weights = [state[key].to(activation.device, dtype) for key in self.keys]
        x = F.adaptive_avg_pool2d(activation, (7, 7)).flatten(1)
        for layer in range(3):
            x = F.linear(F.relu(x) if layer else x, *self._weights[2 * layer : 2 * layer + 2])
        return x


def vgg_from_state(state: Mapping[str, Tensor]) -> VGG:
    """A VGG whose widths and head are read off its weights.

    Args:
        state: our names (`conv1_1.weight`, ..., `head.weight`), any float type.

    Raises:
        KeyError: if a convolution is missing. RuntimeError: if shapes do not fit together.
    """
    kernels = [state[f"{name}.weight"] for name in CONVOLUTIONS]
    if any(kernel.shape[2:] != (3, 3) for kernel in kernels):
        raise RuntimeError("these are no kernels")  # before anything of their size is made
    widths = [kernel.shape[0] for kernel in kernels]
    classes = state["head.weight"].shape[0] if "head.weight" in state else 0
    network = VGG(widths, classes)
    network.load_state_dict({name: tensor.float() for name, tensor in state.items()})
    return network
