"""torchvision's classification networks, layers by their own node names (`features.7`, `layer3.1.relu`)."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from dreamvideo.errors import DreamVideoError, UnknownNameError
from dreamvideo.nets.vgg import IMAGENET_MEAN, IMAGENET_STD

BEST_LAYERS = {  # chosen by looking; elsewhere two thirds of the way in
    "squeezenet1_0": "features.10",
    "squeezenet1_1": "features.10",
    "googlenet": "inception4c",
}


class NodeNetwork(nn.Module):
    """A torchvision classifier whose nodes can be read by name; stops at the deepest one in use."""

    mean: Tensor
    std: Tensor

    def __init__(self, classifier: nn.Module) -> None:
        super().__init__()
        for module in classifier.modules():  # in-place ReLUs overwrite the layer they follow
            if hasattr(module, "inplace"):
                setattr(module, "inplace", False)  # noqa: B010  # typed as a tensor otherwise
        self.classifier = classifier
        self.layers = _node_names(classifier)
        self._extractors: dict[frozenset[str], nn.Module] = {}
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor, layers: Collection[str]) -> Mapping[str, Tensor]:
        """See `vgg.VGG.forward`."""
        found: Mapping[str, Tensor] = self._extractor(frozenset(layers))((images - self.mean) / self.std)
        return found

    def _extractor(self, layers: frozenset[str]) -> nn.Module:
        from torchvision.models.feature_extraction import create_feature_extractor

        if layers not in self._extractors:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # fx warns of train/eval differences; we only evaluate
                self._extractors[layers] = create_feature_extractor(self.classifier, sorted(layers))
        return self._extractors[layers]


def torchvision_names() -> list[str]:
    """Every classification network of the torchvision that is installed."""
    models = _import_models()
    names: list[str] = models.list_models(module=models)
    return names


def build_torchvision(name: str) -> NodeNetwork:
    """The architecture `name` without weights.

    Raises:
        UnknownNameError: torchvision has no such network. DreamVideoError: no usable torchvision.
    """
    models = _import_models()
    known = torchvision_names()
    if name not in known:
        raise UnknownNameError(
            "network", name, [*known, "vgg16", "vgg16-lite"], "`dreamvideo models` lists them"
        )
    extra: dict[str, Any] = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    return NodeNetwork(models.get_model(name, weights=None, **extra).eval())


def best_layer(name: str, layers: tuple[str, ...]) -> str:
    """The layer to try first."""
    return BEST_LAYERS.get(name, layers[len(layers) * 2 // 3])


def _import_models() -> Any:
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
