"""What a drawing climbs: how strongly each picture of a batch excites what it is of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from dreamvideo.nets import LOGITS, Network

LEAK = 0.2  # of the gradient that comes through a waking ReLU that is shut
DIVERSITY = 0.5  # how much likeness counts, beside what is to be seen


@dataclass(frozen=True)
class Subject:
    """One thing to draw.

    Attributes:
        layer: where it is; `LOGITS` for a class. channel: which channel of it, or which class.
        place: of one neuron, (x, y) as shares of width and height; None: all of the layer.
        variant: which of several pictures of the same.
        label: what to call it.
    """

    layer: str
    channel: int
    place: tuple[float, float] | None
    variant: int
    label: str


class Excitement:
    """How strongly each picture of a batch excites its own subject, less their likeness to each other."""

    def __init__(self, network: Network, subjects: Sequence[Subject]) -> None:
        self._network, self._subjects = network, subjects
        self._layer, self._place = subjects[0].layer, subjects[0].place
        self._channels = torch.tensor([subject.channel for subject in subjects], device=network.device)
        self._has_variants = any(subject.variant for subject in subjects)
        self._texture = network.default_layer if self._layer == LOGITS else self._layer

    def __call__(self, pictures: Tensor) -> Tensor:
        """(B, 3, H, W) -> one number."""
        layers = {self._layer, self._texture} if self._has_variants else {self._layer}
        found = self._network(pictures, layers)
        values = self._own(found[self._layer])
        if not self._has_variants:
            return values.sum()
        likeness = torch.stack([self._likeness(found[self._texture][rows]) for rows in self._groups()])
        return values.sum() - DIVERSITY * values.detach().abs().mean() * likeness.sum()

    def _own(self, activation: Tensor) -> Tensor:
        rows = torch.arange(len(activation), device=activation.device)
        if self._layer == LOGITS:  # the logit, and that it is the largest one
            return activation[rows, self._channels] + activation.log_softmax(dim=1)[rows, self._channels]
        own = activation[rows, self._channels]
        if self._place is None:
            return own.mean(dim=(1, 2))
        x, y = (
            min(int(share * side), side - 1)
            for share, side in zip(self._place, (own.shape[2], own.shape[1]), strict=True)
        )
        return own[:, y, x]

    def _groups(self) -> list[list[int]]:
        """The places, in the batch, of the variants of each thing."""
        groups: dict[int, list[int]] = {}
        for row, subject in enumerate(self._subjects):
            groups.setdefault(subject.channel, []).append(row)
        return list(groups.values())

    @staticmethod
    def _likeness(activation: Tensor) -> Tensor:
        """Sum of the cosines between the textures (Gram matrices) of each two pictures."""
        places = activation.flatten(2)
        texture = F.normalize((places @ places.transpose(1, 2)).flatten(1), dim=1)
        return (texture @ texture.T).triu(diagonal=1).sum()


class Waking(TorchFunctionMode):
    """While it lasts, some gradient comes through a ReLU that is shut; what it gives stays the same."""

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if function in (F.relu, torch.relu, torch.relu_):
            return _LeakingReLU.apply(args[0])
        return function(*args, **(kwargs or {}))


class _LeakingReLU(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:
        context.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        (x,) = context.saved_tensors
        return torch.where(x > 0, gradient, LEAK * gradient)
