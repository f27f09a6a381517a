"""VGG16 (Simonyan & Zisserman 2014) as named layers: `conv1_1`, `relu1_1`, ..., `pool5`.

The same class holds the ImageNet network and vgg16-lite; only the widths and the head differ.
No torchvision here: it takes seconds to import, and a CPU build of torch beside the registry's
torchvision cannot import it at all.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

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


class VGG(nn.Module):
    """Thirteen 3x3 convolutions in five blocks, each layer to be had by its name.

    Args:
        widths: output channels of the thirteen convolutions.
        classes: size of a linear head on the average of `pool5`'s input; 0 for none.
            (vgg16-lite has one. VGG16's own head, three layers and 494 MB, is not kept.)
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
        self.head = nn.Linear(channels, classes) if classes else None
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """The activations of some layers; nothing is computed beyond the deepest of them.

        Args:
            images: (B, 3, H, W) float, RGB in [0, 1].
            layers: names out of `LAYERS`, or `logits` where the network has a head.

        Returns:
            name -> (B, C, h, w), before any later layer touched it; `logits` -> (B, classes).
        """
        wanted = set(layers)
        found: dict[str, Tensor] = {}
        x = (images - self.mean) / self.std
        for name in LAYERS:
            if len(found) == len(wanted):
                return found
            x = self._apply_layer(name, x)
            if name in wanted:
                found[name] = x
            if name == "relu5_3" and "logits" in wanted:
                if self.head is None:
                    raise ValueError("this network has no head, so no logits")
                found["logits"] = self.head(x.mean(dim=(2, 3)))
        missing = wanted - found.keys()
        if missing:
            raise ValueError(f"no layer {sorted(missing)}")
        return found

    def _apply_layer(self, name: str, x: Tensor) -> Tensor:
        if name.startswith("conv"):
            return self.get_submodule(name)(x)
        if name.startswith("relu"):
            return F.relu(x)  # never in place: `conv4_3` must stay what its name says
        return F.max_pool2d(x, kernel_size=2)


def vgg_from_state(state: Mapping[str, Tensor]) -> VGG:
    """A VGG whose widths and head are read off its weights.

    Args:
        state: our names (`conv1_1.weight`, ..., `head.weight`), any float type.

    Raises:
        KeyError: if a convolution is missing. RuntimeError: if shapes do not fit together.
    """
    widths = [state[f"{name}.weight"].shape[0] for name in CONVOLUTIONS]
    classes = state["head.weight"].shape[0] if "head.weight" in state else 0
    network = VGG(widths, classes)
    network.load_state_dict({name: tensor.float() for name, tensor in state.items()})
    return network
