"""The gradient on a GPU: replayed as one CUDA graph, in half precision where that is asked for.

A network of small kernels waits for Python most of the time: a graph starts all of them at once. Tensor cores
multiply half precision many times faster than float32, and its 11 bits are as many as TF32 has (bfloat16's 8
send the gradient of a max-pool to other pixels).
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable

import torch
from torch import Tensor

from dreamvideo.objectives import Objective
from dreamvideo.settings import Precision

WARM_UP = 3  # runs before one is recorded: cuDNN chooses its kernels, memory is taken
MOST_KEPT = 16  # graphs, each with its activations: the octaves of a film, and of a preview
WANTED = 1.0  # mean absolute gradient at the image: far from both ends of what half precision holds

Key = tuple[int, str, torch.Size]  # the objective's id, the precision, the image's shape
Value = Callable[[Tensor], Tensor]  # images (B, 3, H, W) -> (B,)


class GraphedGradient:
    """The gradient of a sum of values, recorded for images of one shape.

    Args:
        value: What is differentiated.
        example: (1, 3, H, W) on a CUDA device.
        precision: What the network computes with.

    Raises:
        torch.OutOfMemoryError: The device is too small for images of this shape.
    """

    def __init__(self, value: Value, example: Tensor, precision: Precision) -> None:
        self._value = value
        self._is_half = precision == "half"
        self._scale = 1.0
        self._image = example.detach().clone(memory_format=torch.channels_last).requires_grad_()
        with torch.cuda.device(example.device):
            if self._is_half:
                self._scale = self._well_scaled()
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                for _ in range(WARM_UP):
                    self._run()
            torch.cuda.current_stream().wait_stream(side)
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
                self._gradient = self._run()

    def __call__(self, image: Tensor) -> Tensor:
        """The gradient at an image of the example's shape; float32."""
        with torch.no_grad():
            self._image.copy_(image)
        self._graph.replay()
        return self._gradient / self._scale

    def _run(self) -> Tensor:
        with torch.autocast("cuda", torch.float16, enabled=self._is_half, cache_enabled=False):
            value = self._value(self._image).sum() * self._scale
        return torch.autograd.grad(value, self._image)[0]

    def _well_scaled(self) -> float:
        """A power of two that brings the gradient to where half precision is at its best."""
        value = self._value(self._image).sum()
        mean = float(torch.autograd.grad(value, self._image)[0].abs().mean())
        return 2.0 ** round(math.log2(WANTED / mean)) if 0 < mean < math.inf else 1.0


class GraphedGradients:
    """Graphs by objective, precision and shape; those used least recently are dropped."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Key, tuple[Objective, GraphedGradient]] = OrderedDict()

    def __call__(self, objective: Objective, image: Tensor, precision: Precision) -> Tensor:
        """The gradient of the objective, summed over places where it can be, at `image` (1, 3, H, W)."""
        key = (id(objective), precision, image.shape)
        if key not in self._kept:
            while len(self._kept) >= MOST_KEPT:
                self._kept.popitem(last=False)
            value = objective.total if objective.is_local else objective
            self._kept[key] = (objective, self._made(value, image, precision))  # both: an id stays its own
        self._kept.move_to_end(key)
        return self._kept[key][1](image)

    def _made(self, value: Value, image: Tensor, precision: Precision) -> GraphedGradient:
        """Recorded; in the room of those kept, where there is no other."""
        try:
            return GraphedGradient(value, image, precision)
        except torch.OutOfMemoryError:
            if not self._kept:
                raise
        self._kept.clear()
        torch.cuda.empty_cache()
        return GraphedGradient(value, image, precision)


graphed_gradient = GraphedGradients()
