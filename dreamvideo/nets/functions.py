"""Functions that networks call, as they are computed where numbers may not depend on threads.

`conv_relu` and `normalized` are what our own networks call, so that `steady` can tell them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function

FEWEST_ROWS = 12  # of a product that MKL does not split by threads in a way of its own
# Of these a digit may differ where a thread's share ends.
CURVED = (F.silu, F.gelu, torch.sigmoid, Tensor.sigmoid, torch.tanh)


def conv_relu(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """A 3x3 convolution with a border of zeros, and a ReLU: in one, where a network is steady."""
    inputs = (x, weight, bias)
    if has_torch_function(inputs):
        y: Tensor = handle_torch_function(conv_relu, inputs, *inputs)
        return y
    return F.relu(F.conv2d(*inputs, padding=1), inplace=True)


def normalized(images: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """Images (B, 3, H, W) less a mean colour, beside its usual deviation, (1, 3, 1, 1) each."""
    inputs = (images, mean, std)
    if has_torch_function(inputs):
        y: Tensor = handle_torch_function(normalized, inputs, *inputs)
        return y
    return (images - mean) / std


def as_steady(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A function that gives the same with any number of threads."""
    if function is F.linear:
        return linear
    if function not in CURVED:
        return function

    def curved(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return function(x.double(), *args, **kwargs).to(x.dtype)

    return curved


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`F.linear`, with rows enough."""
    rows = x.flatten(0, -2)
    count = len(rows)
    if not 1 < count < FEWEST_ROWS:  # one row is a product of another kind
        return F.linear(x, weight, bias)
    return F.linear(F.pad(rows, (0, 0, 0, FEWEST_ROWS - count)), weight, bias)[:count].view(*x.shape[:-1], -1)
