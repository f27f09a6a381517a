"""What networks are made of: operations that know their own gradient.

torch finds gradients by noting down what is computed, each time anew, which takes a third of the time where
pictures are as small as in a dream's first octaves. A network's operations are always the same ones, so they
are noted down once (`program`), and this is what they are noted down as.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from dreamvideo.nets.packed import Pair

Kept = Any  # what an operation needs of its forward for its gradient


class Operation:
    """Some tensors in, one out."""

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Kept]:
        """What comes out, and what `backward` needs of it. Called without torch's gradients."""
        raise NotImplementedError

    def backward(self, slope: Tensor, kept: Kept) -> tuple[Tensor, ...]:
        """The gradients of what went in, from that of what came out. They may be one tensor."""
        raise NotImplementedError

    def value(self, *inputs: Tensor) -> Tensor:
        """What comes out, where nobody asks for a gradient."""
        return self.forward(*inputs)[0]

    def rectified(self) -> Operation | None:
        """The same with a ReLU behind it, where that is had in one."""
        return None


def apply(operation: Operation, *inputs: Tensor) -> Tensor:
    """An operation by itself, for torch to find the gradient of what it is part of."""
    y: Tensor = _Applied.apply(operation, *inputs)
    return y


class _Applied(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, operation: Operation, *inputs: Tensor) -> Tensor:
        context.operation = operation
        with torch._C.DisableTorchFunction():  # nobody need look at the small calls in here
            y, context.kept = operation.forward(*inputs)
        return y.detach()  # kept itself, it would keep this node, and that would keep it

    @staticmethod
    def backward(context: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        return None, *context.operation.backward(slope, context.kept)


class ReLU(Operation):
    def forward(self, *inputs: Tensor) -> tuple[Tensor, Kept]:
        y = inputs[0].clamp(min=0)
        return y, y

    def backward(self, slope: Tensor, kept: Kept) -> tuple[Tensor, ...]:
        return (through_relu(slope, kept),)


def through_relu(slope: Tensor, y: Tensor) -> Tensor:
    """The gradient of what went into a ReLU, from that of what came out, y."""
    passed: Tensor = torch.ops.aten.threshold_backward(slope, y, 0)
    return passed


class MaxPool(Operation):
    """See `torch.nn.functional.max_pool2d`, whose arguments these are."""

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> None:
        if return_indices:
            raise ValueError("it gives one tensor")
        kernel_size = pair(kernel_size)
        self._how = kernel_size, pair(stride or kernel_size), pair(padding), pair(dilation), ceil_mode

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Kept]:
        y, places = torch.ops.aten.max_pool2d_with_indices(inputs[0], *self._how)
        return y, (inputs[0], places)

    def backward(self, slope: Tensor, kept: Kept) -> tuple[Tensor, ...]:
        x, places = kept
        return (torch.ops.aten.max_pool2d_with_indices_backward(slope, x, *self._how, places),)


class Cat(Operation):
    """Channels of several side by side."""

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Kept]:
        return torch.cat(inputs, dim=1), [x.shape[1] for x in inputs]

    def backward(self, slope: Tensor, kept: Kept) -> tuple[Tensor, ...]:
        return slope.split(kept, dim=1)


class Add(Operation):
    """Two of one size."""

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Kept]:
        return inputs[0] + inputs[1], None

    def backward(self, slope: Tensor, kept: Kept) -> tuple[Tensor, ...]:
        return slope, slope


class BatchNorm(Operation):
    """With statistics that stay as they are; `torch.nn.functional.batch_norm`'s arguments."""

    def __init__(
        self,
        running_mean: Tensor,
        running_var: Tensor,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        training: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> None:
        if training:
            raise ValueError("its statistics would change")
        self._how = running_mean, running_var, weight, bias, training, momentum, eps
        scale = (running_var + eps).rsqrt()
        self._scale = (scale if weight is None else scale * weight).view(1, -1, 1, 1)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Kept]:
        return F.batch_norm(inputs[0], *self._how), None

    def backward(self, slope: Tensor, kept: Kept) -> tuple[Tensor, ...]:
        return (slope * self._scale,)


class Normalize(Operation):
    """Pictures less a mean colour, beside its usual deviation, (1, 3, 1, 1) each.

    Row by row, where colours lie side by side: torch is slow at three numbers for a picture, which took a
    thirtieth of a step.
    """

    def __init__(self, mean: Tensor, std: Tensor) -> None:
        self._mean, self._std = mean, std

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Kept]:
        (images,) = inputs
        if not _lies_by_pixel(images):
            return (images - self._mean) / self._std, None
        return _by_rows(lambda rows, mean, std: (rows - mean) / std, images, self._mean, self._std), None

    def backward(self, slope: Tensor, kept: Kept) -> tuple[Tensor, ...]:
        if not _lies_by_pixel(slope):
            return (slope / self._std,)
        return (_by_rows(torch.div, slope, self._std),)


def _lies_by_pixel(picture: Tensor) -> bool:
    return picture.is_contiguous(memory_format=torch.channels_last)


def _by_rows(function: Callable[..., Tensor], picture: Tensor, *colours: Tensor) -> Tensor:
    width = picture.shape[3]
    rows = picture.permute(0, 2, 3, 1).flatten(2)
    rows = function(rows, *(colour.flatten().repeat(width) for colour in colours))
    return rows.unflatten(2, (width, -1)).permute(0, 3, 1, 2)


class Differentiated(Operation):
    """Any function of tensors, whose gradient torch finds.

    Args:
        function: of what goes in, in order.
    """

    def __init__(self, function: Callable[..., Tensor]) -> None:
        self._function = function

    def value(self, *inputs: Tensor) -> Tensor:
        return self._function(*inputs)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Kept]:
        with torch.enable_grad():
            leaves = [x.detach().requires_grad_() for x in inputs]
            y = self._function(*leaves)
        return y.detach(), (y, leaves)

    def backward(self, slope: Tensor, kept: Kept) -> tuple[Tensor, ...]:
        y, leaves = kept
        return torch.autograd.grad(y, leaves, slope)


def pair(n: Any) -> Pair:
    """What torch takes for both directions, as two numbers."""
    return (n, n) if isinstance(n, int) else (n[0], n[1])
