"""What is maximised: a number from a network's activations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from dreamvideo.nets import Network


@dataclass(frozen=True)
class LayerObjective:
    """The weighted sum of the layers' mean squared activations (the L2 objective of DeepDream)."""

    weights: Mapping[str, float]

    @property
    def layers(self) -> tuple[str, ...]:
        return tuple(self.weights)

    def __call__(self, activations: Mapping[str, Tensor]) -> Tensor:
        """activations: name -> (B, C, h, w). Returns one number for each picture, (B,)."""
        terms = [weight * mean_square(activations[name]) for name, weight in self.weights.items()]
        return sum(terms[1:], terms[0])


def mean_square(activation: Tensor) -> Tensor:
    """(B, C, h, w) -> (B,)."""
    return activation.square().mean(dim=(1, 2, 3))


def objective_for(network: Network, layers: Sequence[tuple[str, float]]) -> LayerObjective:
    """The objective of some (layer, weight) pairs; of the network's best layer where there are none.

    Raises:
        UnknownNameError: a layer that the network does not have.
    """
    pairs = list(layers) or [(network.default_layer, 1.0)]
    weights: dict[str, float] = {}
    for name, weight in pairs:
        network.check_layer(name)
        weights[name] = weights.get(name, 0.0) + weight
    return LayerObjective(weights)
