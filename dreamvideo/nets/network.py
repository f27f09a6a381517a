"""A network as the dream sees it: named layers, pictures in [0, 1] in, activations out."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor, nn

from dreamvideo.errors import UnknownNameError, UsageError

LOGITS = "logits"  # the layer after all others: one number for each class, (B, classes)
PROBE_SIDE = 224  # px; the size that every classifier takes


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
        looks: "edges", "shapes", "creatures" -> an early, a middle and a late layer.
        has_head: whether it tells ImageNet's classes apart, so that `LOGITS` can be asked for.
        device: where pictures must be.
        digest: SHA-256 of the weights file, for the recipe.
        dtype: what pictures must be, and what is computed with.
    """

    name: str
    module: LayeredModule
    layers: tuple[str, ...]
    default_layer: str
    looks: Mapping[str, str]
    has_head: bool
    device: torch.device
    digest: str
    dtype: torch.dtype = torch.float32

    def __call__(self, images: Tensor, layers: Collection[str]) -> Mapping[str, Tensor]:
        return self.module(images, layers)

    def in_double(self) -> Network:
        """The same network, computing with float64.

        Ascent is chaotic: what float32 rounds off grows by nearly a digit a step. What float64 does stays so
        small that an octave's residual, which is float32, is the same whatever the order of its sums.

        Raises:
            UsageError: the device has no float64.
        """
        if self.device.type == "mps":
            raise UsageError("--precision double is not possible on mps: use --device cpu")
        assert isinstance(self.module, nn.Module)
        return replace(self, module=copy.deepcopy(self.module).double(), dtype=torch.float64)

    @property
    def guide_layer(self) -> str:
        """The layer in which a guide is matched, unless another is named.

        A late one: earlier, what a guide shows is made of strokes and spots that any picture has.
        """
        return self.looks["creatures"]

    def check_layer(self, layer: str) -> None:
        """Raises UnknownNameError, with the nearest name, where there is no such layer."""
        if layer not in self.layers:
            hint = f"`dreamvideo layers --model {self.name}` lists them"
            raise UnknownNameError(f"layer in {self.name}", layer, self.layers, hint)

    def check_head(self) -> None:
        """Raises UsageError where the network knows no classes."""
        if not self.has_head:
            raise UsageError(f"{self.name} has no head here, so it knows no classes: dream a layer instead")

    def check_channels(self, layer: str, channels: Collection[int]) -> None:
        """Raises UsageError where the layer has no such channel."""
        if not channels:
            return
        count = self.channels(layer)
        missing = [str(channel) for channel in channels if channel >= count]
        if missing:
            what = f"channel {missing[0]}" if len(missing) == 1 else f"channels {', '.join(missing[:5])}"
            raise UsageError(f"{layer} has no {what}: it has {count}, from 0 to {count - 1}")

    def channels(self, layer: str) -> int:
        """How many channels a layer has.

        Raises:
            UsageError: it is not made of channels.
        """
        self.check_layer(layer)
        with torch.inference_mode():
            probe = torch.zeros(1, 3, PROBE_SIDE, PROBE_SIDE, device=self.device, dtype=self.dtype)
            activation = self(probe, (layer,))[layer]
        if activation.dim() != 4:
            raise UsageError(f"{layer} of {self.name} has no channels at places: choose another layer")
        return activation.shape[1]
