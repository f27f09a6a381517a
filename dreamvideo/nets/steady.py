"""A network whose numbers do not depend on whether one thread computes them or two.

On a CPU torch chooses by the number of threads, and by the size of a picture, which library convolves; MKL
splits a product of few rows by threads (on Intel's own, large ones too, unless it is told not to: see `cpu`),
oneDNN the gradient of a strided convolution, and what comes out larger than what goes in. Asked over the
shapes of torchvision's networks, with 1 to 32 threads, oneDNN's other forward convolutions and MKL's products
of more rows are always alike. So a network is made of these (`convolution`), its gradients too; and where all
that it computes is known (`operations`) it is noted down once (`recorder`, `program`), and from then on
computed without torch's looking on for a gradient: that took a third of the smallest steps.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode, has_torch_function

from dreamvideo.nets.convolution import convolution
from dreamvideo.nets.functions import as_steady, conv_relu, normalized
from dreamvideo.nets.operations import Normalize, Operation, apply
from dreamvideo.nets.program import Program
from dreamvideo.nets.recorder import noted


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
        program = self._steady.program(self.module, images, layers)
        if program is not None:
            return program(images)
        with self._steady:
            found: Mapping[str, Tensor] = self.module(images, layers)
        return found


class _Steady(TorchFunctionMode):
    """While it lasts, what a network calls is computed as above."""

    def __init__(self) -> None:
        super().__init__()
        self._convolutions: dict[int, tuple[Tensor, Operation | None]] = {}  # by the id of their weights
        self._programs: dict[frozenset[str], Program | None] = {}

    def __deepcopy__(self, memo: object) -> _Steady:
        return _Steady()  # a copy has weights of its own

    def program(self, module: nn.Module, images: Tensor, layers: Collection[str]) -> Program | None:
        """A network's operations up to some layers; None where they are not all known."""
        if has_torch_function((images,)):  # somebody else looks on
            return None
        wanted = frozenset(layers)
        if wanted not in self._programs:
            self._programs[wanted] = noted(module, images, wanted, self, self.convolution)
        return self._programs[wanted]

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if function is torch.conv2d:
            operation = self.convolution(*args[1:], **kwargs)
            return function(*args, **kwargs) if operation is None else apply(operation, args[0])
        if function is conv_relu:
            return self._rectified(*args)
        if function is normalized:
            return apply(Normalize(*args[1:]), args[0])
        return as_steady(function)(*args, **kwargs)

    def _rectified(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        operation = self.convolution(weight, bias, padding=1)
        both = operation and operation.rectified()
        if both is None or has_torch_function((x,)):  # somebody else has a ReLU of their own
            return F.relu(F.conv2d(x, weight, bias, padding=1) if operation is None else apply(operation, x))
        return apply(both, x)

    def convolution(self, weight: Tensor, *how: Any, **named: Any) -> Operation | None:
        """`convolution.convolution`, made once for each weight."""
        known, operation = self._convolutions.get(id(weight), (None, None))
        if known is not weight:
            operation = convolution(weight, *how, **named)
            self._convolutions[id(weight)] = weight, operation
        return operation
