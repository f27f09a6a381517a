"""The layers of a network: how many channels, how far apart their positions look, and how much each sees."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from dreamvideo.nets.network import PROBE_SIDE
from dreamvideo.nets.vgg import LAYERS

WINDOWS = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)
ALL_SEEING = (nn.AdaptiveAvgPool2d, nn.Linear, nn.MultiheadAttention)
ALL_SEEING_FUNCTIONS = (torch.matmul, torch.softmax, F.softmax, F.adaptive_avg_pool2d, torch.mean, F.linear)


@dataclass(frozen=True)
class LayerInfo:
    """What a layer is made of.

    Attributes:
        channels: None where it is not made of channels at places.
        stride: px between the places that two neighbouring positions look at. field: side, px, of what one
            position sees; None: all of the picture.
    """

    name: str
    channels: int | None
    stride: int | None
    field: int | None


def describe_vgg(widths: tuple[int, ...]) -> list[LayerInfo]:
    """The 31 layers of a VGG16 with these widths."""
    infos, stride, field, widths_left = [], 1, 1, list(widths)
    channels = 3
    for name in LAYERS:
        if name.startswith("conv"):
            field, channels = field + 2 * stride, widths_left.pop(0)
        elif name.startswith("pool"):
            field, stride = field + stride, 2 * stride
        infos.append(LayerInfo(name, channels, stride, field))
    return infos


def describe_nodes(classifier: nn.Module, layers: tuple[str, ...]) -> list[LayerInfo]:
    """The nodes of a torchvision classifier, by running it once on an empty picture."""
    from torchvision.models.feature_extraction import create_feature_extractor

    nodes = {name: [n for n in layers if f"{n}.".startswith(f"{name}.")][-1] for name in layers}  # their last
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fx warns of train/eval differences
        graph = create_feature_extractor(classifier, list(dict.fromkeys(nodes.values())))
    watched = _Fields(graph)
    with torch.inference_mode():
        found = watched.run(torch.zeros(1, 3, PROBE_SIDE, PROBE_SIDE))
    outputs: Mapping[str, fx.Node] = next(node for node in graph.graph.nodes if node.op == "output").args[0]
    return [
        _info(name, found[node], watched.strides[outputs[node]], watched.fields[outputs[node]])
        for name, node in nodes.items()
    ]


def _info(name: str, activation: object, stride: float, field: float) -> LayerInfo:
    if not isinstance(activation, Tensor) or activation.dim() != 4:
        return LayerInfo(name, None, None, None)
    if math.isinf(field):
        return LayerInfo(name, activation.shape[1], None, None)
    return LayerInfo(name, activation.shape[1], round(stride), round(field))


class _Fields(fx.Interpreter):
    """Runs a graph and notes how much of the picture each node sees."""

    def __init__(self, graph: fx.GraphModule) -> None:
        super().__init__(graph)
        self.fields: dict[fx.Node, float] = {}
        self.strides: dict[fx.Node, float] = {}

    def run_node(self, n: fx.Node) -> Any:
        self.fields[n] = max((self.fields[source] for source in n.all_input_nodes), default=1.0)
        self.strides[n] = max((self.strides[source] for source in n.all_input_nodes), default=1.0)
        if n.op == "call_module":
            module = self.fetch_attr(str(n.target))
            if isinstance(module, WINDOWS):
                self._see(n, module.kernel_size, module.stride, getattr(module, "dilation", 1))
            elif isinstance(module, ALL_SEEING):
                self.fields[n] = math.inf
        elif n.op == "call_function" and n.target in ALL_SEEING_FUNCTIONS:
            self.fields[n] = math.inf
        elif n.op == "call_function" and n.target in (F.max_pool2d, F.avg_pool2d):
            size = n.kwargs.get("kernel_size") or n.args[1]
            self._see(n, size, n.kwargs.get("stride") or (n.args[2] if len(n.args) > 2 else size), 1)
        return super().run_node(n)

    def _see(self, node: fx.Node, size: Any, stride: Any, dilation: Any) -> None:
        self.fields[node] += (_first(size) - 1) * _first(dilation) * self.strides[node]
        self.strides[node] *= _first(stride)


def _first(size: Any) -> int:
    return int(size[0] if isinstance(size, (tuple, list)) else size)
