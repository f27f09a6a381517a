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
from functools import partial

import torch
from torch import Tensor

from dreamvideo.nets.packed import PackedConvolution, is_measured

POINTS = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5)  # and infinity; where numbers stay small
ONE = POINTS.index(1.0)  # where a constant is the same in all outputs: the bias goes in there
OUTPUTS = 6  # rows that are made of 8 rows
TAPS = 3
BAND = 2400  # px, of what is transformed at once: it stays in the cache, and oneDNN is still at full speed
LEAST_CHANNELS = 64  # with fewer, the transforms cost more than the products
LEAST_PRODUCTS = 1 << 29  # of the direct way; below it Python costs more than is gained
LEAST_OF_SEVERAL = 1 << 28  # where several pictures are one tall one, and its last windows less empty


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
        and (max(outputs, channels) > LEAST_CHANNELS or _has_short_vectors())
        and 9 * outputs * x.numel() >= (LEAST_PRODUCTS if len(x) == 1 else LEAST_OF_SEVERAL)
        and is_measured()
    )


def _has_short_vectors() -> bool:
    """With long ones, products cost so little that transforms do not pay for 64 channels into 64."""
    return torch.backends.cpu.get_cpu_capability() == "AVX2"


class KernelAtPoints:
    """A 3x3 kernel at the eight points: for each a convolution with a kernel of 1x3.

    Args:
        taps: (O, C, 3, 3).
    """

    def __init__(self, taps: Tensor) -> None:
        self.outputs, channels = taps.shape[:2]
        shape = torch.Size((self.outputs, channels, 1, TAPS))
        self.at_points = [
            PackedConvolution(shape, partial(_at_point, taps, point), padding=(0, 1))
            for point in TO_POINTS_KERNEL
        ]


def _at_point(taps: Tensor, point: Tensor) -> Tensor:
    """(O, C, 3, 3) -> (O, C, 1, 3)."""
    return torch.einsum("k,ockl->ocl", point, taps.double()).float()[:, :, None]


def correlate(
    x: Tensor,
    kernel: KernelAtPoints,
    bias: Tensor | None = None,
    is_rectified: bool = False,
    where: Tensor | None = None,
) -> Tensor:
    """(B, C, H, W) -> (B, O, H, W), with a border of zeros.

    Several pictures are one tall one, with a row of zeros above each. A window is eight of its rows that six
    come from. They are brought to the points, correlated there and brought back in bands of some windows, so
    that what lies between does not leave the cache.

    Args:
        is_rectified: what comes out is; where: what goes in counts where this (B, C, H, W) is over 0.
    """
    batch, _, height, width = x.shape
    count = -(-(batch * (height + 1) - 1) // OUTPUTS)
    bands = min(count, -(-count * width // BAND))
    size = -(-count // bands)
    y = x.new_empty(count * OUTPUTS + 1, width, kernel.outputs)  # and the last picture's row between
    sixes = y[:-1].view(count, OUTPUTS, -1)
    for first in range(0, count, size):
        made = sixes[first : first + size]
        if not first or len(made) < size:
            band = _Band(x, kernel, len(made))
        band.take(x, first * OUTPUTS, where)
        band.correlate(bias, out=made)
        if is_rectified:
            made.clamp_(min=0)
    pictures = y[: batch * (height + 1)].view(batch, height + 1, width, kernel.outputs)
    return pictures[:, :height].permute(0, 3, 1, 2)


class _Band:
    """Room for some windows, and for what they become."""

    def __init__(self, x: Tensor, kernel: KernelAtPoints, count: int) -> None:
        _, channels, self._height, width = x.shape
        height = count * OUTPUTS + TAPS - 1
        seen = x.new_empty(len(TO_POINTS), count, width, channels)
        made = x.new_empty(len(TO_POINTS), count, width, kernel.outputs)
        self._rows = x.new_empty(height, width, channels)
        self._windows = self._rows.view(height, -1).unfold(0, OUTPUTS + TAPS - 1, OUTPUTS).transpose(1, 2)
        self._seen, self._made = (part.flatten(2).transpose(0, 1) for part in (seen, made))
        self._points = list(
            zip(kernel.at_points, map(_as_picture, seen), map(_as_picture, made), strict=True)
        )

    def take(self, x: Tensor, first: int, where: Tensor | None) -> None:
        """Rows of the tall picture, from `first` on."""
        rows, pitch = self._rows, self._height + 1
        for number in range(first // pitch, -(-(first + len(rows)) // pitch)):
            if number == len(x):
                rows[max(0, number * pitch - first) :] = 0
                break
            above = number * pitch - first
            if above >= 0:
                rows[above] = 0
            part = slice(max(0, -above - 1), min(self._height, len(rows) - above - 1))
            target = _as_picture(rows[above + 1 + part.start : above + 1 + part.stop])
            source = x[number : number + 1, :, part]
            if where is None:
                target.copy_(source)
            else:
                seen = where[number : number + 1, :, part]
                torch.ops.aten.threshold_backward.grad_input(source, seen, 0, grad_input=target)

    def correlate(self, bias: Tensor | None, out: Tensor) -> None:
        """The windows' sixes."""
        _times(TO_POINTS, self._windows, out=self._seen)
        for point, (convolve, inputs, products) in enumerate(self._points):
            products.copy_(convolve(inputs, bias if point == ONE else None))
        _times(FROM_POINTS, self._made, out=out)


def _as_picture(rows: Tensor) -> Tensor:
    """(H, W, C) -> (1, C, H, W)."""
    return rows[None].permute(0, 3, 1, 2)


def _times(matrix: Tensor, windows: Tensor, out: Tensor) -> None:
    """(m, n) times each of (count, n, size)."""
    torch.bmm(matrix.expand(len(windows), *matrix.shape), windows, out=out)


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
