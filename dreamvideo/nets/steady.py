"""A network whose numbers do not depend on whether one thread computes them or two.

On a CPU torch chooses by the number of threads, and by the size of a picture, which library convolves; MKL
splits a product of few rows by threads (on Intel's own, large ones too, unless it is told not to: see `cpu`),
oneDNN the gradient of a strided convolution, and what comes out larger than what goes in. Asked over the
shapes of torchvision's networks, with 1 to 32 threads, oneDNN's other forward convolutions and MKL's products
of more rows are always alike. So a network is made of these, its gradients too. That costs hardly anything,
and the gradient of a picture is faster: it has 3 channels, and oneDNN computes 16 at a time, so pixels of a
block are taken for channels of one. Large 3x3 convolutions are made of fewer products (`winograd`), and these
too are always alike.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode, handle_torch_function, has_torch_function

from dreamvideo.nets.packed import PackedConvolution, Pair
from dreamvideo.nets.winograd import conv3x3, pays

FEWEST_ROWS = 12  # of a product that MKL does not split by threads in a way of its own
WIDTH = 16  # channels that oneDNN computes at a time; products of multiples of it MKL splits alike
# Of these a digit may differ where a thread's share ends.
CURVED = (F.silu, F.gelu, torch.sigmoid, Tensor.sigmoid, torch.tanh)


class SteadyNetwork(nn.Module):
    """The same layers of the same network, on a CPU. Its weights must be frozen.

    Args:
        module: a `network.LayeredModule`.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module
        self._steady = _Steady()

    def forward(self, images: Tensor, layers: Collection[str]) -> Mapping[str, Tensor]:
        """See `network.LayeredModule`."""
        with self._steady:
            found: Mapping[str, Tensor] = self.module(images, layers)
        return found


def conv_relu(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """A 3x3 convolution with a border of zeros, and a ReLU: in one, where a network is steady."""
    inputs = (x, weight, bias)
    if has_torch_function(inputs):
        y: Tensor = handle_torch_function(conv_relu, inputs, *inputs)
        return y
    return F.relu(F.conv2d(*inputs, padding=1), inplace=True)


class _Steady(TorchFunctionMode):
    """While it lasts, what a network calls is computed as above."""

    def __init__(self) -> None:
        super().__init__()
        self._kernels: dict[int, _Kernel] = {}  # by the id of their weights

    def __deepcopy__(self, memo: object) -> _Steady:
        return _Steady()  # a copy has weights of its own

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if function is torch.conv2d:
            return self._convolved(*args, **kwargs)
        if function is conv_relu:
            return self._rectified(*args)
        if function is F.linear:
            return _linear(*args, **kwargs)
        if function in CURVED:
            return function(args[0].double(), *args[1:], **kwargs).to(args[0].dtype)
        return function(*args, **kwargs)

    def _rectified(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if x.dtype != torch.float32 or has_torch_function((x,)):  # somebody else has a ReLU of their own
            return F.relu(self._convolved(x, weight, bias, padding=1), inplace=True)
        if pays(x, weight):
            return conv3x3(x, weight, bias, is_rectified=True)
        return _convolution(x, self._kernel(weight, bias, 1, (1, 1), (1, 1)), is_rectified=True)

    def _convolved(
        self,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Tensor:
        stride, dilation = _pair(stride), _pair(dilation)
        is_even = stride[0] == stride[1] and 1 in (stride[0], max(dilation))
        is_dense = groups == 1 and x.dtype == torch.float32  # those of one channel each are alike anyway
        if isinstance(padding, str) or not (is_even and is_dense):
            return F.conv2d(x, weight, bias, stride, padding, dilation, groups)
        if weight.shape[2:] == (1, 1) and _pair(padding) == (0, 0):
            x, stride = x[:, :, :: stride[0], :: stride[1]], (1, 1)
            if not (weight.shape[0] % WIDTH or weight.shape[1] % WIDTH):
                product: Tensor = _ByPixels.apply(x, weight, bias)
                return product
        if stride == dilation == _pair(padding) == (1, 1) and pays(x, weight):
            return conv3x3(x, weight, bias)
        return _convolution(x, self._kernel(weight, bias, stride[0], _pair(padding), dilation))

    def _kernel(
        self, weight: Tensor, bias: Tensor | None, stride: int, padding: Pair, dilation: Pair
    ) -> _Kernel:
        kernel = self._kernels.get(id(weight))
        if kernel is None or kernel.weight is not weight:
            kernel = self._kernels[id(weight)] = _Kernel(weight, bias, stride, padding, dilation)
        return kernel


class _ByPixels(torch.autograd.Function):
    """A convolution of 1x1 px as a product, which spares oneDNN's sorting of the weights."""

    @staticmethod
    def forward(context: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        context.weight = weight
        return _product(x, weight.flatten(1), bias)

    @staticmethod
    def backward(context: Any, slope: Tensor) -> tuple[Tensor, None, None]:
        return _product(slope, context.weight.flatten(1).t()), None, None


def _product(x: Tensor, matrix: Tensor, bias: Tensor | None = None) -> Tensor:
    """A matrix (O, C) times each pixel of (B, C, H, W)."""
    batch, channels, height, width = x.shape
    pixels = _linear(x.permute(0, 2, 3, 1).reshape(-1, channels), matrix, bias)
    return pixels.view(batch, height, width, -1).permute(0, 3, 1, 2)


class _Kernel:
    """A convolution and, once it is asked for, what gives its gradient."""

    def __init__(
        self, weight: Tensor, bias: Tensor | None, stride: int, padding: Pair, dilation: Pair
    ) -> None:
        self.weight, self.bias = weight, bias
        self.stride, self.padding, self.dilation = stride, padding, dilation
        self._forward = _packed(weight, padding, (stride, stride), dilation)

    def __call__(self, x: Tensor, is_rectified: bool) -> Tensor:
        return self._forward(x, self.bias, is_rectified)

    def gradient(self, slope: Tensor, size: Pair) -> Tensor:
        """The gradient of what went in, `size` (height, width), from that of what came out."""
        if self._squares is not None:
            odd = (0, size[1] % 2, 0, size[0] % 2)
            slope = F.pad(slope, odd) if any(odd) else slope  # by nothing it would copy all
            return F.pixel_shuffle(self._squares(slope), 2)[:, :, : size[0], : size[1]]
        parts = [turned(slope) for turned in self._turned]
        if self.stride == 1:
            return parts[0]
        pixels = F.pixel_shuffle(self._side_by_side(parts), self.stride)
        (top, left), (height, width) = self.padding, pixels.shape[2:]
        return F.pad(pixels, (-left, size[1] + left - width, -top, size[0] + top - height))

    def _side_by_side(self, parts: list[Tensor]) -> Tensor:
        """The gradient of each block of stride x stride pixels, as channels."""
        if len(parts) == 1:
            return parts[0]
        height, width = (max(part.shape[dim] for part in parts) for dim in (2, 3))
        even = [F.pad(part, (0, width - part.shape[3], 0, height - part.shape[2])) for part in parts]
        return torch.stack(even, dim=2).flatten(1, 2)

    @cached_property
    def _reach(self) -> Pair:
        """px of border with which a turned kernel, of stride 1, gives the gradient."""
        down, right = (
            d * (n - 1) - p
            for d, n, p in zip(self.dilation, self.weight.shape[2:], self.padding, strict=True)
        )
        return down, right

    @cached_property
    def _squares(self) -> PackedConvolution | None:
        """Gives the gradient of the four pixels of a square, side by side as channels, if these are few."""
        is_plain = self.stride == 1 and self.dilation == (1, 1) and min(self._reach) >= 0
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
        n = self.stride
        if n == 1:
            return [_packed(_turn(self.weight), self._reach, (1, 1), self.dilation)]
        kernels = [self.weight[:, :, y::n, x::n] for y in range(n) for x in range(n)]
        if self.weight.shape[1] < WIDTH:
            down, right = (-side % n for side in self.weight.shape[2:])
            kernels = [F.pixel_unshuffle(F.pad(self.weight, (0, right, 0, down)), n)]
        reaches = [(kernel.shape[2] - 1, kernel.shape[3] - 1) for kernel in kernels]
        return [
            _packed(_turn(kernel), reach, (1, 1), (1, 1))
            for kernel, reach in zip(kernels, reaches, strict=True)
        ]


def _packed(weight: Tensor, padding: Pair, stride: Pair, dilation: Pair) -> PackedConvolution:
    weight = weight.contiguous(memory_format=torch.channels_last)
    return PackedConvolution(weight.shape, lambda: weight, padding, stride, dilation)


def _turn(weight: Tensor) -> Tensor:
    return weight.flip(2, 3).transpose(0, 1)


def _convolution(x: Tensor, kernel: _Kernel, is_rectified: bool = False) -> Tensor:
    y: Tensor = _Convolution.apply(x, kernel, is_rectified)
    return y


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor, kernel: _Kernel, is_rectified: bool) -> Tensor:
        context.kernel, context.size = kernel, x.shape[2:]
        y = kernel(x, is_rectified)
        context.save_for_backward(*[y] * is_rectified)
        return y

    @staticmethod
    def backward(context: Any, slope: Tensor) -> tuple[Tensor, None, None]:
        for y in context.saved_tensors:  # none where there was no ReLU
            slope = torch.ops.aten.threshold_backward(slope, y, 0)
        return context.kernel.gradient(slope, context.size), None, None


def _linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    rows = x.flatten(0, -2)
    count = len(rows)
    if not 1 < count < FEWEST_ROWS:  # one row is a product of another kind
        return F.linear(x, weight, bias)
    return F.linear(F.pad(rows, (0, 0, 0, FEWEST_ROWS - count)), weight, bias)[:count].view(*x.shape[:-1], -1)


def _pair(n: Any) -> Pair:
    return (n, n) if isinstance(n, int) else (n[0], n[1])
