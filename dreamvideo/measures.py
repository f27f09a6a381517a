"""How excited a layer is: what a term of an objective makes of an activation."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Measure = Callable[[Tensor], Tensor]  # an activation (B, C, h, w), or logits (B, classes) -> (B,)


def mean_square(activation: Tensor) -> Tensor:
    """The L2 objective of DeepDream: (B, C, h, w) or (B, C) -> (B,).

    Channel by channel: one sum over all depends on the number of threads.
    """
    y: Tensor = _MeanSquare.apply(activation)
    return y


class _MeanSquare(torch.autograd.Function):
    """With its gradient, for which torch goes three times over numbers that lie in another order."""

    @staticmethod
    def forward(context: Any, activation: Tensor) -> Tensor:
        context.save_for_backward(activation)
        squares = activation.square()
        return (squares.mean(dim=(2, 3)) if squares.dim() == 4 else squares).mean(dim=1)

    @staticmethod
    def backward(context: Any, slope: Tensor) -> Tensor:
        (activation,) = context.saved_tensors
        channels, *places = activation.shape[1:]
        slope = slope / channels / math.prod(places)
        return activation * (2 * slope).view(-1, *[1] * (activation.dim() - 1))


def mean_of(channels: tuple[int, ...]) -> Measure:
    """The mean activation of some channels, not squared: what they are for, not what they are against.

    Row by row, for the reason above: of one channel there is only one sum.
    """

    def measure(activation: Tensor) -> Tensor:
        return activation[:, list(channels)].mean(dim=3).mean(dim=2).mean(dim=1)

    return measure


def around(place: tuple[float, float], measure: Measure) -> Measure:
    """`measure` of the one position of a layer that lies at (x, y), shares of width and height."""

    def measure_there(activation: Tensor) -> Tensor:
        x, y = (
            min(int(share * side), side - 1)
            for share, side in zip(place, (activation.shape[3], activation.shape[2]), strict=True)
        )
        return measure(activation[:, :, y : y + 1, x : x + 1])

    return measure_there


def logit_of(index: int) -> Measure:
    """A class before the softmax, which could also be raised by lowering all others (Olah et al. 2017)."""
    return lambda logits: logits[:, index]
