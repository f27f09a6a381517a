"""3x3 convolutions on a CPU with less than half of the multiplications (Winograd 1980; Lavin & Gray 2016).

Nearly all of a step is convolutions, and oneDNN multiplies nearly as fast as the machine can. Winograd's
F(6, 3) makes six neighbouring outputs of a filter of three taps with 8 multiplications instead of 18: inputs
and taps are taken for polynomials, evaluated at eight points, multiplied there, and the product is
interpolated. Here it runs down the rows alone: each point has a 1x3 kernel of its own, with which oneDNN
convolves. In both directions at once, as it is mostly done, there are fewer multiplications still, but in 36
matrix products that are a third slower each, and the transforms cost more.

On noise a convolution is off by three roundings where torch's own is off by one; on what VGG16 sees it is no
further off. Torch's own is what a GPU takes, what small layers take, and what the tests compare with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

POINTS = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5)  # and infinity; where numbers stay small
ONE = POINTS.index(1.0)  # where a constant is the same in all outputs: the bias goes in there
OUTPUTS = 6  # rows that are made of 8 rows
TAPS = 3
BAND = 2400  # px, of what is transformed at once: it stays in the cache, and oneDNN is still at full speed
LEAST_CHANNELS = 64  # with fewer, the transforms cost more than the products
LEAST_PRODUCTS = 1 << 29  # of the direct way; below it Python costs more than is gained


def pays(x: Tensor, weight: Tensor) -> bool:
    """Whether a 3x3 convolution can go this way, and is faster for it.

    Args:
        x: (B, C, H, W). weight: (O, C, h, w).
    """
    outputs, channels = weight.shape[:2]
    return (
        weight.shape[2:] == (TAPS, TAPS)
        and x.device.type == "cpu"
        and x.dtype == weight.dtype == torch.float32
        and not weight.requires_grad
        and min(outputs, channels) >= LEAST_CHANNELS
        and 9 * outputs * x.numel() >= LEAST_PRODUCTS
        and torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512")  # elsewhere nobody measured
        and torch.backends.mkldnn.is_available()
    )


def conv3x3(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`F.conv2d(x, weight, bias, padding=1)`, where it `pays`; the weights have no gradient."""
    y: Tensor = _Conv3x3.apply(x, weight, bias)
    return y


class _Conv3x3(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        with torch._C.DisableTorchFunction():  # nobody need look at the thousand small calls in here
            kernels = _kernels(weight)
            context.kernel = kernels.backward
            return correlate(x, kernels.forward, bias).data  # a view could not be changed in place

    @staticmethod
    def backward(context: Any, slope: Tensor) -> tuple[Tensor, None, None]:
        return correlate(slope, context.kernel), None, None


@dataclass(frozen=True)
class Kernel:
    """A 3x3 kernel at the eight points: for each a 1x3 kernel, in oneDNN's own order of numbers."""

    at_points: tuple[Tensor, ...]
    outputs: int


@dataclass(frozen=True)
class Kernels:
    """A weight's kernels, and the version of the weight that they were made of."""

    version: int
    forward: Kernel
    backward: Kernel


_made = WeakTensorKeyDictionary()


def _kernels(weight: Tensor) -> Kernels:
    made = _made.get(weight)
    if made is None or made.version != weight._version:
        turned = weight.transpose(0, 1).flip(
            2, 3
        )  # the gradient of a correlation is one with the turned kernel
        made = _made[weight] = Kernels(weight._version, kernel_at_points(weight), kernel_at_points(turned))
    return made


def kernel_at_points(weight: Tensor) -> Kernel:
    """weight: (O, C, 3, 3)."""
    at_points = torch.einsum("pk,ockl->pocl", TO_POINTS_KERNEL, weight.double()).float()
    one = [1, 1]
    packed = (
        torch._C._nn.mkldnn_reorder_conv2d_weight(part[:, :, None].to_mkldnn(), [0, 1], one, one, 1)
        for part in at_points
    )
    return Kernel(tuple(packed), weight.shape[0])


def correlate(x: Tensor, kernel: Kernel, bias: Tensor | None = None) -> Tensor:
    """(B, C, H, W) -> (B, O, H, W), with a border of zeros.

    Several pictures are one tall one. A window is eight rows that six come from. They are brought to the
    points, correlated there and brought back in bands of some windows, so that what lies between does not
    leave the cache.
    """
    batch, channels, height, width = x.shape
    count = -(-(batch * (height + 1) - 1) // OUTPUTS)
    windows = _tall(x, count * OUTPUTS + TAPS - 1).unfold(0, OUTPUTS + TAPS - 1, OUTPUTS).transpose(1, 2)
    bands = min(count, -(-count * width // BAND))
    size = -(-count // bands)
    y = x.new_empty(count * OUTPUTS + 1, width * kernel.outputs)  # and the last picture's row between
    sixes = y[:-1].view(count, OUTPUTS, -1)
    seen = x.new_empty(len(TO_POINTS), size, width * channels)
    made = x.new_empty(len(TO_POINTS), size, width * kernel.outputs)
    for first in range(0, count, size):
        here = slice(first, min(count, first + size))
        inputs, products = (part[:, : here.stop - first] for part in (seen, made))
        _times(TO_POINTS, windows[here], out=inputs.transpose(0, 1))
        for point, part in enumerate(kernel.at_points):
            picture = inputs[point].view(1, -1, width, channels).permute(0, 3, 1, 2)
            product = _correlate_rows(picture, part, bias if point == ONE else None)
            products[point] = product.permute(0, 2, 3, 1).reshape(len(products[point]), -1)
        _times(FROM_POINTS, products.transpose(0, 1), out=sixes[here])
    pictures = y[: batch * (height + 1)].view(batch, height + 1, width, kernel.outputs)
    return pictures[:, :height].permute(0, 3, 1, 2)


def _tall(x: Tensor, height: int) -> Tensor:
    """The rows of all pictures, (height, W * C), with zeros above each and below the last."""
    batch, channels, rows, width = x.shape
    tall = x.new_empty(height, width * channels)
    pictures = tall[: batch * (rows + 1)].view(batch, rows + 1, width, channels)
    pictures[:, 0] = 0
    pictures[:, 1:] = x.permute(0, 2, 3, 1)
    tall[batch * (rows + 1) :] = 0
    return tall


def _times(matrix: Tensor, windows: Tensor, out: Tensor) -> None:
    """(m, n) times each of (count, n, size)."""
    torch.bmm(matrix.expand(len(windows), *matrix.shape), windows, out=out)


def _correlate_rows(x: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
    """With a packed 1x3 kernel. torch's compiler calls oneDNN so too; the public way packs it every time."""
    one = (1, 1)
    y: Tensor = torch.ops.mkldnn._convolution_pointwise(x, kernel, bias, (0, 1), one, one, 1, "none", [], "")
    return y


def cook_toom() -> tuple[Tensor, Tensor, Tensor]:
    """The three matrices of F(6, 3), with y = out @ ((kernel @ taps) * (in @ inputs)): in, kernel, out.

    Toom's and Cook's way: interpolate the product of two polynomials from its values at the points. Each
    point's two factors are scaled against each other, by a power of two, so that neither is large.
    """
    count = len(POINTS) + 1
    inputs = torch.zeros(count, count, dtype=torch.float64)
    kernel = torch.zeros(count, TAPS, dtype=torch.float64)
    outputs = torch.zeros(OUTPUTS, count, dtype=torch.float64)
    for i, point in enumerate(POINTS):
        others = [other for other in POINTS if other != point]
        scale = torch.tensor([point - other for other in others], dtype=torch.float64).prod()
        inputs[i] = _polynomial(others, count)
        kernel[i] = torch.tensor([point**k for k in range(TAPS)], dtype=torch.float64) / scale
        outputs[:, i] = torch.tensor([point**k for k in range(OUTPUTS)], dtype=torch.float64)
    inputs[-1] = _polynomial(POINTS, count)
    kernel[-1, -1] = outputs[-1, -1] = 1
    size = 2 ** inputs.norm(dim=1, keepdim=True).log2().round()
    return (inputs / size).float(), kernel * size, outputs.float()


def _polynomial(roots: Sequence[float], count: int) -> Tensor:
    """The coefficients of the polynomial with these roots, from the constant one on, filled up with zeros."""
    found = torch.zeros(count, dtype=torch.float64)
    found[0] = 1
    for root in roots:
        found = found.roll(1) - root * found
    return found


TO_POINTS, TO_POINTS_KERNEL, FROM_POINTS = cook_toom()
