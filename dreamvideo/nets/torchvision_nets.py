"""torchvision's classification networks, layers by their own node names (`features.7`, `layer3.1.relu`)."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from dreamvideo.errors import DreamVideoError, UnknownNameError
from dreamvideo.nets.functions import normalized
from dreamvideo.nets.network import LOGITS
from dreamvideo.nets.vgg import IMAGENET_MEAN, IMAGENET_STD

BEST_LAYERS = {  # chosen by looking; elsewhere two thirds of the way in
    "squeezenet1_0": "features.10",
    "squeezenet1_1": "features.10",
    "googlenet": "inception4c",
}
LOOKS = {
    "squeezenet1_0": ("features.3", "features.7", "features.10"),
    "squeezenet1_1": ("features.3", "features.7", "features.10"),
    "googlenet": ("conv3", "inception4a", "inception4d"),
}
DEPTHS_OF_LOOKS = (0.2, 0.5, 0.8)  # elsewhere: how far into the network
SCORES = {  # where the classes' scores are; elsewhere what comes out at the end
    "squeezenet1_0": "classifier.1",  # before a ReLU that hides all classes but a few, and their gradients
    "squeezenet1_1": "classifier.1",
}


class NodeNetwork(nn.Module):
    """A torchvision classifier whose nodes can be read by name; stops at the deepest one in use."""

    mean: Tensor
    std: Tensor

    def __init__(self, classifier: nn.Module, scores: str | None = None) -> None:
        """scores: the node that `LOGITS` stands for; None: the last."""
        super().__init__()
        for module in classifier.modules():  # in-place ReLUs overwrite the layer they follow
            if hasattr(module, "inplace"):
                setattr(module, "inplace", False)  # noqa: B010  # typed as a tensor otherwise
        self.classifier = classifier
        self.layers = _node_names(classifier)
        self.head = scores or self.layers[-1]
        self._extractors: dict[frozenset[str], nn.Module] = {}
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor, layers: Collection[str]) -> Mapping[str, Tensor]:
        """See `vgg.VGG.forward`."""
        nodes = {layer: self.head if layer == LOGITS else layer for layer in layers}
        found = self._extractor(frozenset(nodes.values()))(normalized(images, self.mean, self.std))
        return {
            layer: _averaged(found[node]) if layer == LOGITS else found[node] for layer, node in nodes.items()
        }

    def _extractor(self, layers: frozenset[str]) -> nn.Module:
        from torchvision.models.feature_extraction import create_feature_extractor

        if layers not in self._extractors:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # fx warns of train/eval differences; we only evaluate
                self._extractors[layers] = create_feature_extractor(self.classifier, sorted(layers))
        return self._extractors[layers]


def _averaged(scores: Tensor) -> Tensor:
    """(B, classes), also from a map (B, classes, h, w)."""
    return scores.flatten(2).mean(dim=2) if scores.dim() > 2 else scores


def torchvision_names() -> list[str]:
    """Every classification network of the torchvision that is installed."""
    models = import_models()
    names: list[str] = models.list_models(module=models)
    return names


def build_torchvision(name: str) -> NodeNetwork:
    """The architecture `name` without weights.

    Raises:
        UnknownNameError: torchvision has no such network. DreamVideoError: no usable torchvision.
    """
    models = import_models()
    known = torchvision_names()
    if name not in known:
        raise UnknownNameError(
            "network", name, [*known, "vgg16", "vgg16-lite"], "`dreamvideo models` lists them"
        )
    extra: dict[str, Any] = {}
    if name in ("googlenet", "inception_v3"):  # as torchvision does for the weights that it publishes
        extra = {"init_weights": False, "transform_input": True}
    return NodeNetwork(models.get_model(name, weights=None, **extra).eval(), SCORES.get(name))


def best_layer(name: str, layers: tuple[str, ...]) -> str:
    """The layer to try first."""
    return BEST_LAYERS.get(name, layers[len(layers) * 2 // 3])


def looks(name: str, layers: tuple[str, ...]) -> Mapping[str, str]:
    """An early, a middle and a late layer."""
    chosen = LOOKS.get(name) or tuple(layers[int(len(layers) * depth)] for depth in DEPTHS_OF_LOOKS)
    return dict(zip(("edges", "shapes", "creatures"), chosen, strict=True))


def import_models() -> Any:
    """torchvision's `models`. Raises DreamVideoError where torchvision cannot be used."""
    try:
        from torchvision import models
    except (ImportError, RuntimeError) as error:
        raise DreamVideoError(
            f"torchvision cannot be used here ({str(error).splitlines()[0]}); "
            "vgg16 and vgg16-lite work without it"
        ) from error
    return models


def _node_names(classifier: nn.Module) -> tuple[str, ...]:
    """All node names, and the modules that hold them: `features.7` stands for its last node."""
    from torchvision.models.feature_extraction import get_graph_node_names

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nodes = get_graph_node_names(classifier)[1]
    names: dict[str, None] = {}
    for node in nodes[1:]:
        parts = node.split(".")
        for depth in range(1, len(parts) + 1):
            names.setdefault(".".join(parts[:depth]))
    return tuple(names)
