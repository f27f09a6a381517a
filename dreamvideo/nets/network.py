"""A network as the dream sees it: named layers, pictures in [0, 1] in, activations out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from dreamvideo.errors import UnknownNameError


class LayeredModule(Protocol):
    """What a network's module must be able to do (see `vgg.VGG.forward`)."""

    def __call__(self, images: Tensor, layers: Collection[str]) -> Mapping[str, Tensor]: ...


@dataclass(frozen=True)
class Network:
    """A loaded network, frozen and ready on its device.

    Attributes:
        name: as in `--model`.
        module: images (B, 3, H, W) in [0, 1], layer names -> {name: (B, C, h, w)}.
        layers: every layer that can be dreamed, in the order of computation.
        default_layer: the layer of the first try.
        device: where pictures must be.
        digest: SHA-256 of the weights file, for the recipe.
    """

    name: str
    module: LayeredModule
    layers: tuple[str, ...]
    default_layer: str
    device: torch.device
    digest: str

    def __call__(self, images: Tensor, layers: Collection[str]) -> Mapping[str, Tensor]:
        return self.module(images, layers)

    def check_layer(self, layer: str) -> None:
        """Raises UnknownNameError, with the nearest name, where there is no such layer."""
        if layer not in self.layers:
            hint = f"`dreamvideo layers --model {self.name}` lists them"
            raise UnknownNameError(f"layer in {self.name}", layer, self.layers, hint)
