"""oneDNN's forward convolution, its kernel sorted once as oneDNN wants it.

Which order of a kernel's numbers is fast depends on the processor, on the shape of what goes in and on the
number of threads. torch sorts a kernel each time that it convolves. One that is sorted already is used as it
is; but if the order is another one's it is sorted anew each time, unhurriedly: on AVX2 steps took twice as
long.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache, lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

MOST_SHAPES = 4000  # of kernels and pictures, of which the order is remembered
TELLING = 1024  # bytes at the begin of a sorted kernel: some blocks of it
Pair = tuple[int, int]
Order = tuple[int, bytes]  # of a kernel's numbers


@cache
def is_measured() -> bool:
    """Whether this is a machine of the kind that all this was measured on: an x86 with oneDNN."""
    is_x86 = torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512")
    return is_x86 and torch.backends.mkldnn.is_available()


class PackedConvolution:
    """A convolution that keeps its kernel in each order that was needed.

    Args:
        shape: of the kernel, (O, C, h, w). make: gives it; called once for each order.
        padding: px of zeros; where there would be more places after than before, they are put there by hand,
            as oneDNN's own depends on the number of threads then.
    """

    def __init__(
        self,
        shape: torch.Size,
        make: Callable[[], Tensor],
        padding: Pair,
        stride: Pair = (1, 1),
        dilation: Pair = (1, 1),
    ) -> None:
        self._shape, self._make = shape, make
        self._stride, self._dilation = stride, dilation
        grows = any(2 * p > d * (n - 1) for p, d, n in zip(padding, dilation, shape[2:], strict=True))
        self._border = (padding[1], padding[1], padding[0], padding[0]) if grows else None
        self._padding = (0, 0) if grows else padding
        self._kernels: dict[Order, Tensor] = {}

    def __call__(self, x: Tensor, bias: Tensor | None = None, is_rectified: bool = False) -> Tensor:
        """(B, C, H, W) -> (B, O, h, w), through a ReLU if wanted."""
        if self._border is not None:
            x = F.pad(x, self._border)
        if not is_measured():
            y = torch.mkldnn_convolution(
                x, self._make(), bias, self._padding, self._stride, self._dilation, 1
            )
            return y.relu_() if is_rectified else y
        after, kernel = "relu" if is_rectified else "none", self._kernel(x.shape)
        packed: Tensor = torch.ops.mkldnn._convolution_pointwise(
            x, kernel, bias, self._padding, self._stride, self._dilation, 1, after, [], ""
        )
        return packed

    def _kernel(self, shape: torch.Size) -> Tensor:
        """Sorted for pictures of this shape, and for as many threads as there are now."""
        how = (self._padding, self._stride, self._dilation)
        order = _order(self._shape, *how, shape, torch.get_num_threads())
        if order not in self._kernels:
            self._kernels[order] = _sorted(self._make(), *how, shape)
        return self._kernels[order]


@lru_cache(MOST_SHAPES)
def _order(
    kernel: torch.Size, padding: Pair, stride: Pair, dilation: Pair, shape: torch.Size, threads: int
) -> Order:
    """What tells orders apart: how numbers from 0 on are sorted. What oneDNN itself calls an order holds the
    width of the picture too."""
    numbers = torch.arange(kernel.numel(), dtype=torch.float32).view(kernel)
    packed = _sorted(numbers, padding, stride, dilation, shape)
    place, size = torch.ops.mkldnn.data_ptr(packed), torch.ops.mkldnn._nbytes(packed)
    return size, ctypes.string_at(place, min(size, TELLING))


def _sorted(kernel: Tensor, padding: Pair, stride: Pair, dilation: Pair, shape: torch.Size) -> Tensor:
    packed: Tensor = torch.ops.aten.mkldnn_reorder_conv2d_weight(
        kernel.to_mkldnn(), padding, stride, dilation, 1, shape
    )
    return packed
