"""Convolutions whose numbers do not depend on how many threads compute them, with their gradients.

A picture has 3 channels, and oneDNN computes 16 at a time, so in its gradient pixels of a block are taken for
channels of one. Large 3x3 convolutions are made of fewer products (`winograd`), those of 1x1 px are products.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from dreamvideo.nets.functions import linear
from dreamvideo.nets.operations import Kept, Operation, pair, through_relu
from dreamvideo.nets.packed import PackedConvolution, Pair
from dreamvideo.nets.winograd import KernelAtPoints, correlate, pays

WIDTH = 16  # channels that oneDNN computes at a time; products of multiples of it MKL splits alike


def convolution(
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Operation | None:
    """`F.conv2d` with these arguments; None where it is none of these."""
    stride, dilation = pair(stride), pair(dilation)
    is_even = stride[0] == stride[1] and 1 in (stride[0], max(dilation))
    is_dense = groups == 1 and weight.dtype == torch.float32  # those of one channel each are alike anyway
    if isinstance(padding, str) or not (is_even and is_dense):
        return None
    padding = pair(padding)
    if weight.shape[2:] != (1, 1) or padding != (0, 0):
        return Convolution(Kernel(weight, bias, stride[0], padding, dilation))
    if weight.shape[0] % WIDTH or weight.shape[1] % WIDTH:
        operation: Operation = Convolution(Kernel(weight, bias, 1, padding, (1, 1)))
    else:
        operation = Product(weight, bias)
    return operation if stride == (1, 1) else Thinned(operation, stride[0])


class Product(Operation):
    """A convolution of 1x1 px as a product, which spares oneDNN's sorting of the weights."""

    def __init__(self, weight: Tensor, bias: Tensor | None, is_rectified: bool = False) -> None:
        self._weight, self._bias, self._is_rectified = weight, bias, is_rectified
        self._matrix = weight.flatten(1)
        self._turned = self._matrix.t()

    def rectified(self) -> Product:
        return Product(self._weight, self._bias, is_rectified=True)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Kept]:
        y = _product(inputs[0], self._matrix, self._bias)
        return (y.clamp_(min=0), y) if self._is_rectified else (y, None)

    def backward(self, slope: Tensor, kept: Kept) -> tuple[Tensor, ...]:
        if self._is_rectified:
            slope = through_relu(slope, kept)
        return (_product(slope, self._turned),)


def _product(x: Tensor, matrix: Tensor, bias: Tensor | None = None) -> Tensor:
    """A matrix (O, C) times each pixel of (B, C, H, W)."""
    batch, channels, height, width = x.shape
    pixels = linear(x.permute(0, 2, 3, 1).reshape(-1, channels), matrix, bias)
    return pixels.view(batch, height, width, -1).permute(0, 3, 1, 2)


class Thinned(Operation):
    """An operation of 1x1 px on every n-th pixel of each n-th row."""

    def __init__(self, operation: Operation, every: int) -> None:
        self._operation, self._every = operation, every

    def rectified(self) -> Operation | None:
        operation = self._operation.rectified()
        return operation and Thinned(operation, self._every)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Kept]:
        y, kept = self._operation.forward(self._thin(inputs[0]))
        return y, (kept, inputs[0].shape)

    def backward(self, slope: Tensor, kept: Kept) -> tuple[Tensor, ...]:
        kept, shape = kept
        (thin,) = self._operation.backward(slope, kept)
        full = thin.new_zeros(shape).contiguous(memory_format=torch.channels_last)
        self._thin(full).copy_(thin)
        return (full,)

    def _thin(self, x: Tensor) -> Tensor:
        return x[:, :, :: self._every, :: self._every]


class Convolution(Operation):
    """Any other convolution."""

    def __init__(self, kernel: Kernel, is_rectified: bool = False) -> None:
        self._kernel, self._is_rectified = kernel, is_rectified

    def rectified(self) -> Convolution:
        return Convolution(self._kernel, is_rectified=True)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Kept]:
        (x,), kernel = inputs, self._kernel
        is_fast = kernel.is_plain and pays(x, kernel.weight)
        if is_fast:
            y = correlate(x, kernel.at_points, kernel.bias, self._is_rectified)
        else:
            y = kernel.packed(x, kernel.bias, self._is_rectified)
        return y, (is_fast, x.shape[2:], y if self._is_rectified else None)

    def backward(self, slope: Tensor, kept: Kept) -> tuple[Tensor, ...]:
        is_fast, size, y = kept
        if is_fast:
            return (correlate(slope, self._kernel.turned_at_points, where=y),)
        return (self._kernel.gradient(slope if y is None else through_relu(slope, y), size),)


class Kernel:
    """A convolution's numbers, sorted, and once they are asked for, those that give its gradient.

    Args:
        stride: the same both ways, and 1 where it is dilated.
    """

    def __init__(
        self, weight: Tensor, bias: Tensor | None, stride: int, padding: Pair, dilation: Pair
    ) -> None:
        self.weight, self.bias = weight, bias
        self._stride, self._padding, self._dilation = stride, padding, dilation
        self.is_plain = stride == 1 and padding == dilation == (1, 1)
        self.packed = _packed(weight, padding, (stride, stride), dilation)

    @cached_property
    def at_points(self) -> KernelAtPoints:
        return KernelAtPoints(self.weight)

    @cached_property
    def turned_at_points(self) -> KernelAtPoints:
        """Gives the gradient: that of a correlation is one with this."""
        return KernelAtPoints(_turn(self.weight))

    def gradient(self, slope: Tensor, size: Pair) -> Tensor:
        """The gradient of what went in, `size` (height, width), from that of what came out."""
        if self._squares is not None:
            odd = (0, size[1] % 2, 0, size[0] % 2)
            slope = F.pad(slope, odd) if any(odd) else slope  # by nothing it would copy all
            return F.pixel_shuffle(self._squares(slope), 2)[:, :, : size[0], : size[1]]
        parts = [turned(slope) for turned in self._turned]
        if self._stride == 1:
            return parts[0]
        pixels = F.pixel_shuffle(_side_by_side(parts), self._stride)
        (top, left), (height, width) = self._padding, pixels.shape[2:]
        return F.pad(pixels, (-left, size[1] + left - width, -top, size[0] + top - height))

    @cached_property
    def _reach(self) -> Pair:
        """px of border with which a turned kernel, of stride 1, gives the gradient."""
        down, right = (
            d * (n - 1) - p
            for d, n, p in zip(self._dilation, self.weight.shape[2:], self._padding, strict=True)
        )
        return down, right

    @cached_property
    def _squares(self) -> PackedConvolution | None:
        """Gives the gradient of the four pixels of a square, side by side as channels, if these are few."""
        is_plain = self._stride == 1 and self._dilation == (1, 1) and min(self._reach) >= 0
        if not is_plain or 4 * self.weight.shape[1] > WIDTH:
            return None
        turned = _turn(self.weight)
        pixels = [F.pad(turned, (x, 1 - x, y, 1 - y)) for y in (0, 1) for x in (0, 1)]
        return _packed(torch.stack(pixels, dim=1).flatten(0, 1), self._reach, (2, 2), (1, 1))

    @cached_property
    def _turned(self) -> list[PackedConvolution]:
        """Give the gradient of all pixels of a block at once, or each that of one of them.

        One is less work, and all are less work where they have so few channels that oneDNN fills up.
        """
        n, weight = self._stride, self.weight
        if n == 1:
            return [_packed(_turn(weight), self._reach, (1, 1), self._dilation)]
        kernels = [weight[:, :, y::n, x::n] for y in range(n) for x in range(n)]
        if weight.shape[1] < WIDTH:
            down, right = (-side % n for side in weight.shape[2:])
            kernels = [F.pixel_unshuffle(F.pad(weight, (0, right, 0, down)), n)]
        reaches = [(kernel.shape[2] - 1, kernel.shape[3] - 1) for kernel in kernels]
        return [
            _packed(_turn(kernel), reach, (1, 1), (1, 1))
            for kernel, reach in zip(kernels, reaches, strict=True)
        ]


def _side_by_side(parts: list[Tensor]) -> Tensor:
    """The gradient of each block of stride x stride pixels, as channels."""
    if len(parts) == 1:
        return parts[0]
    height, width = (max(part.shape[dim] for part in parts) for dim in (2, 3))
    even = [F.pad(part, (0, width - part.shape[3], 0, height - part.shape[2])) for part in parts]
    return torch.stack(even, dim=2).flatten(1, 2)


def _packed(weight: Tensor, padding: Pair, stride: Pair, dilation: Pair) -> PackedConvolution:
    weight = weight.contiguous(memory_format=torch.channels_last)
    return PackedConvolution(weight.shape, lambda: weight, padding, stride, dilation)


def _turn(weight: Tensor) -> Tensor:
    return weight.flip(2, 3).transpose(0, 1)
