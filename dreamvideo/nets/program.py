"""A network's operations noted down, to be computed again without torch's looking on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from dreamvideo.nets.operations import Kept, Operation, ReLU

IMAGES = 0  # the place of what goes in


@dataclass(frozen=True)
class Line:
    """One operation: the places of what goes in, and of what comes out, which no other line has.

    Attributes:
        last: of those that go in, the ones that no later line needs.
    """

    operation: Operation
    inputs: tuple[int, ...]
    output: int
    last: tuple[int, ...] = ()


class Program:
    """Lines in the order of computation.

    Args:
        outputs: name -> place of what is asked for.
    """

    def __init__(self, lines: Sequence[Line], outputs: Mapping[str, int]) -> None:
        self._names, self._outputs = tuple(outputs), tuple(outputs.values())
        self._lines = _with_last(_rectified(_needed(lines, self._outputs), self._outputs), self._outputs)

    def __call__(self, images: Tensor) -> dict[str, Tensor]:
        """(B, 3, H, W) -> the tensors asked for, by name."""
        if torch.is_grad_enabled() and images.requires_grad:
            found: Sequence[Tensor] = _Run.apply(self, images)
        else:
            with torch.no_grad():
                found = self._run(images, lambda line, *inputs: line.operation.value(*inputs))
        return dict(zip(self._names, found, strict=True))

    def forward(self, images: Tensor) -> tuple[list[Tensor], list[Kept]]:
        """The tensors asked for, and what `backward` needs."""
        kept: list[Kept] = []

        def compute(line: Line, *inputs: Tensor) -> Tensor:
            y, needed = line.operation.forward(*inputs)
            kept.append(needed)
            return y

        return self._run(images, compute), kept

    def _run(self, images: Tensor, compute: Callable[..., Tensor]) -> list[Tensor]:
        found = {IMAGES: images}
        for line in self._lines:
            found[line.output] = compute(line, *[found[place] for place in line.inputs])
            for place in line.last:
                del found[place]
        return [found[place] for place in self._outputs]

    def backward(self, slopes: Sequence[Tensor | None], kept: list[Kept]) -> Tensor | None:
        """The gradient of the images from those of what came out; `kept` is used up."""
        found: dict[int, Tensor] = {}

        def add(place: int, slope: Tensor) -> None:
            found[place] = found[place] + slope if place in found else slope

        for place, slope in zip(self._outputs, slopes, strict=True):
            if slope is not None:
                add(place, slope)
        for line in reversed(self._lines):
            needed, slope = kept.pop(), found.pop(line.output, None)
            if slope is not None:
                for place, part in zip(line.inputs, line.operation.backward(slope, needed), strict=True):
                    add(place, part)
        return found.get(IMAGES)


class _Run(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, program: Program, images: Tensor) -> tuple[Tensor, ...]:
        context.set_materialize_grads(False)
        context.program = program
        found, context.kept = program.forward(images)
        return tuple(y.detach() for y in found)  # see `operations.apply`

    @staticmethod
    def backward(context: Any, *slopes: Tensor | None) -> tuple[None, Tensor | None]:
        return None, context.program.backward(slopes, context.kept)


def _needed(lines: Sequence[Line], outputs: Sequence[int]) -> list[Line]:
    """Those that what is asked for depends on."""
    needed, kept = set(outputs), []
    for line in reversed(lines):
        if line.output in needed:
            needed.update(line.inputs)
            kept.append(line)
    return kept[::-1]


def _rectified(lines: Sequence[Line], outputs: Sequence[int]) -> list[Line]:
    """Every ReLU that alone sees what another operation gives becomes one with it, where that can be."""
    users: dict[int, list[Line]] = {}
    for line in lines:
        for place in line.inputs:
            users.setdefault(place, []).append(line)
    merged, gone = [], set()
    for line in lines:
        if line.output in gone:
            continue
        seen_by = users.get(line.output, [])
        if len(seen_by) == 1 and isinstance(seen_by[0].operation, ReLU) and line.output not in outputs:
            operation = line.operation.rectified()
            if operation is not None:
                gone.add(seen_by[0].output)
                line = replace(line, operation=operation, output=seen_by[0].output)
        merged.append(line)
    return merged


def _with_last(lines: Sequence[Line], outputs: Sequence[int]) -> list[Line]:
    seen, marked = set(outputs), []
    for line in reversed(lines):
        last = tuple(place for place in dict.fromkeys(line.inputs) if place not in seen)
        seen.update(line.inputs)
        marked.append(replace(line, last=last))
    return marked[::-1]
