"""Notes down what a network computes, while it does so for a small picture, as a `program`."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from dreamvideo.nets.functions import CURVED, as_steady, conv_relu, normalized
from dreamvideo.nets.operations import (
    Add,
    BatchNorm,
    Cat,
    Differentiated,
    MaxPool,
    Normalize,
    Operation,
    ReLU,
)
from dreamvideo.nets.program import IMAGES, Line, Program

PROBE_SIDE = 96  # px of the small picture; networks that take none of this size are not noted down
HARMLESS = (Tensor.dim,)  # tell of a picture what is the same for all
RELUS = (F.relu, torch.relu, torch.relu_)
# Do the same to a picture of any size, as long as their other arguments are the same.
OTHERS = {
    *CURVED,
    F.adaptive_avg_pool2d,
    F.avg_pool2d,
    F.hardtanh,
    F.layer_norm,
    F.leaky_relu,
    F.linear,
    torch.conv2d,
    torch.flatten,
    torch.permute,
    torch.unsqueeze,
    Tensor.__getitem__,
    Tensor.add,
    Tensor.div,
    Tensor.flatten,
    Tensor.mean,
    Tensor.mul,
    Tensor.permute,
    Tensor.sub,
    Tensor.transpose,
    Tensor.unsqueeze,
}

Convolve = Callable[..., Operation | None]  # as `convolution.convolution`


def noted(
    module: nn.Module, images: Tensor, layers: Collection[str], mode: TorchFunctionMode, convolve: Convolve
) -> Program | None:
    """What a module (see `network.LayeredModule`) computes; None where that is not known, or differs.

    Args:
        mode: what it is computed under. convolve: gives the operation of a convolution.
    """
    probe = torch.zeros(1, images.shape[1], PROBE_SIDE, PROBE_SIDE, dtype=images.dtype)
    try:
        with torch.inference_mode(False), torch.no_grad(), _Recorder(probe, mode, convolve) as recorder:
            return recorder.program(module(probe, layers))
    except (_UnknownError, RuntimeError, ValueError, AssertionError):
        return None  # the last three: a network that does not take the probe, or has no such layer


class _UnknownError(Exception):
    """Something was called that the program would have to know."""


class _Recorder(TorchFunctionMode):
    def __init__(self, probe: Tensor, mode: TorchFunctionMode, convolve: Convolve) -> None:
        super().__init__()
        self._mode, self._convolve = mode, convolve
        self._lines: list[Line] = []
        self._seen = [probe]  # all stay alive, so that none has the id of another
        self._places = {id(probe): IMAGES}

    def program(self, found: dict[str, Tensor]) -> Program:
        if not all(id(y) in self._places for y in found.values()):
            raise _UnknownError
        return Program(self._lines, {name: self._places[id(y)] for name, y in found.items()})

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        y = self._mode.__torch_function__(function, types, args, kwargs)
        given = [*args, *kwargs.values()]
        given = [one for many in given for one in (many if isinstance(many, list | tuple) else [many])]
        noted = [one for one in given if id(one) in self._places]
        if noted and function not in HARMLESS:
            self._note(function, args, kwargs, noted, y)
        return y

    def _note(
        self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], noted: list[Tensor], y: Tensor
    ) -> None:
        """A call to which some tensors were given that are noted already."""
        if function is F.dropout and not kwargs.get("training", True):
            place = self._places[id(args[0])]
        else:
            operation, inputs = self._operation(function, args, kwargs)
            if list(map(id, inputs)) != list(map(id, noted)):
                raise _UnknownError(function)  # weights that depend on the picture, say
            place = len(self._lines) + 1
            self._lines.append(Line(operation, tuple(self._places[id(x)] for x in inputs), place))
        self._seen.append(y)
        self._places[id(y)] = place

    def _are_alike(self, tensors: tuple[Any, ...]) -> bool:
        """Whether all are noted, and of one size."""
        return all(id(one) in self._places for one in tensors) and len({one.shape for one in tensors}) == 1

    def _operation(
        self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Operation, tuple[Tensor, ...]]:
        """The operation for a call, and what goes in."""
        if not args:
            raise _UnknownError(function)
        x, rest = args[0], args[1:]
        operation: Operation | None = None
        if function is torch.conv2d:
            operation = self._convolve(*rest, **kwargs)
        elif function is conv_relu:
            operation = self._convolve(*rest, padding=1)
            operation = operation and operation.rectified()
        elif function is normalized:
            operation = Normalize(*rest)
        elif function in RELUS:
            operation = ReLU()
        elif function is F.max_pool2d:
            operation = MaxPool(*rest, **kwargs)
        elif function is F.batch_norm:
            operation = BatchNorm(*rest, **kwargs)
        elif function is torch.cat and kwargs.get("dim", *rest) == 1:
            return Cat(), tuple(x)
        elif function is Tensor.add and self._are_alike(args) and not kwargs:
            return Add(), args
        if operation is not None:
            return operation, (x,)
        if function not in OTHERS:
            raise _UnknownError(function)
        given = [n for n, one in enumerate(args) if id(one) in self._places]

        def call(*inputs: Tensor) -> Tensor:
            filled = list(args)
            for n, one in zip(given, inputs, strict=True):
                filled[n] = one
            return as_steady(function)(*filled, **kwargs)

        return Differentiated(call), tuple(args[n] for n in given)
