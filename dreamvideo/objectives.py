"""What is maximised: a number for each picture, from what a network makes of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from dreamvideo.errors import UsageError
from dreamvideo.guide import Guide
from dreamvideo.measures import Measure, around, logit_of, mean_of, mean_square
from dreamvideo.nets import LOGITS, Network
from dreamvideo.settings import DreamSettings, weight_names
from dreamvideo.targets import LayerTarget, class_index, parse_layer

# Share of the jitter towards a guide. Behind a shift another of its features fits a place best: with all of
# it every step pulls elsewhere, and of a crab there are hairs.
GUIDED_SHIFT = 1 / 8
REFERENCE_SIDE = 160  # px of the pictures on which terms are brought to one scale


@dataclass(frozen=True)
class Term:
    """One thing to be excited, and how much it counts.

    Attributes:
        layer: what the network is asked for. measure: how excited it is.
        scale: times the measure, so that terms of one weight pull equally hard.
        at: the measure at a frame of a film, where that changes.
        is_local: whether it is a mean over all places, so that a picture can be looked at part by part.
        shift: share of the jitter that it bears: none where it is about one place of the picture.
        name: of its weight. weights: of every frame of a film, where they change.
    """

    layer: str
    measure: Measure
    weight: float
    scale: float = 1.0
    at: Callable[[int], Measure] | None = None
    is_local: bool = True
    shift: float = 1.0
    name: str = ""
    weights: np.ndarray | None = None

    @property
    def changes(self) -> bool:
        return self.at is not None or self.weights is not None

    def of(self, frame: int) -> Term:
        """The term in one frame of a film; beyond the last one its weight stays."""
        measure = self.measure if self.at is None else self.at(frame)
        weights = self.weights
        weight = self.weight if weights is None else float(weights[min(frame, len(weights) - 1)])
        return replace(self, measure=measure, weight=weight)


@dataclass(frozen=True)
class Objective:
    """The weighted sum of some terms, on one network. Built once for a run, by `objective_for`."""

    network: Network
    terms: tuple[Term, ...]

    def at(self, frame: int) -> Objective:
        """The objective of one frame of a film, counted from 0."""
        if not any(term.changes for term in self.terms):
            return self
        return replace(self, terms=tuple(term.of(frame) for term in self.terms))

    def scheduled(self, curves: Mapping[str, np.ndarray]) -> Objective:
        """The objective over a film: `curves` holds weights of every frame, by their names (see `Course`)."""
        terms = (replace(term, weights=curves.get(term.name)) for term in self.terms)
        return replace(self, terms=tuple(terms))

    @property
    def device(self) -> torch.device:
        """Where pictures must be."""
        return self.network.device

    @property
    def dtype(self) -> torch.dtype:
        """What pictures must be."""
        return self.network.dtype

    @property
    def moved_on(self) -> torch.device:
        """Where to move pictures that are to be dreamed on.

        In double precision a CPU: that is done with float32, whose last digit differs from device to device.
        """
        return torch.device("cpu") if self.dtype == torch.float64 else self.device

    @property
    def is_energy(self) -> bool:
        """Whether its value is a strength: never below 0, and 0 where nothing is seen."""
        return all(term.measure is mean_square and term.weight >= 0 for term in self.terms)

    @property
    def is_local(self) -> bool:
        """Whether its gradient somewhere depends only on what is near."""
        return all(term.is_local for term in self.terms)

    @property
    def shift(self) -> float:
        """Share of the jitter by which a picture may be shifted under it."""
        return min(term.shift for term in self.terms)

    def __call__(self, images: Tensor) -> Tensor:
        """images: (B, 3, H, W) in [0, 1]. Returns one number for each, (B,)."""
        return self._sum(self._activations(images))

    def total(self, images: Tensor) -> Tensor:
        """The same summed over places, not averaged, in px: what the parts of one picture add up to."""
        return self._sum(self._activations(images), images.shape[2] * images.shape[3])

    def levels(self, images: Tensor) -> Tensor:
        """Where the value comes from, (B, 1, H, W) of the images' size; of an energy alone (`is_energy`)."""
        return self._levels(self._activations(images), images)

    def total_and_levels(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Both, of one pass; the levels without a gradient."""
        activations = self._activations(images)
        total = self._sum(activations, images.shape[2] * images.shape[3])
        with torch.no_grad():
            return total, self._levels(activations, images)

    def _activations(self, images: Tensor) -> Mapping[str, Tensor]:
        found = self.network(images, {term.layer for term in self.terms})
        return {  # squares are large
            layer: activation.to(torch.promote_types(activation.dtype, torch.float32))
            for layer, activation in found.items()
        }

    def _levels(self, activations: Mapping[str, Tensor], images: Tensor) -> Tensor:
        size, levels = (images.shape[2], images.shape[3]), []
        for term in self.terms:
            squares = activations[term.layer].square().mean(dim=1, keepdim=True)
            levels.append(term.weight * term.scale * F.interpolate(squares, size))
        return sum(levels[1:], levels[0])

    def _sum(self, activations: Mapping[str, Tensor], pixels: int | None = None) -> Tensor:
        """The terms' mean values, or totals over so many pixels."""
        values = []
        for term in self.terms:
            activation = activations[term.layer]
            factor = 1.0 if pixels is None else _covered(activation, pixels)
            values.append(term.weight * term.scale * factor * term.measure(activation))
        return sum(values[1:], values[0])


def _covered(activation: Tensor, pixels: int) -> float:
    """How many of a picture's pixels the places of its activation (B, C, h, w) stand for.

    Strides are powers of two; which, shows although pixels are left over at the borders.
    """
    places = activation.shape[2] * activation.shape[3]
    return places * 4.0 ** round(math.log(pixels / places, 4))


def objective_for(network: Network, settings: DreamSettings, guide: Guide | None = None) -> Objective:
    """The objective that the settings ask for; where they name no layer, the network's best for it.

    Several terms are brought to one scale: a weight says how hard a term pulls, whatever its layer.

    Args:
        guide: a picture or clip; its features are what is dreamed towards, in the layers of the settings.

    Raises:
        UnknownNameError: a layer or channel that the network does not have.
        UsageError: a class, and the network has no head; channels with a guide.
    """
    if settings.precision == "double":
        network = network.in_double()
    layers = list(settings.layers)
    if settings.look is not None:
        layers.append((network.looks[settings.look], 1.0))
    if guide is not None and not layers:
        layers.append((network.guide_layer, 1.0))
    if not layers and not settings.classes:
        layers.append((network.default_layer, 1.0))
    terms = [_layer_term(network, parse_layer(text), weight, guide) for text, weight in layers]
    for text, weight in settings.classes:
        network.check_head()
        terms.append(Term(LOGITS, logit_of(class_index(text)), weight, is_local=False))
    names = weight_names("layer", layers) + weight_names("class", settings.classes)
    named = (replace(term, name=name) for term, name in zip(terms, names, strict=True))
    objective = Objective(network, tuple(named))
    return objective if len(terms) == 1 else balanced(objective)


def _layer_term(network: Network, target: LayerTarget, weight: float, guide: Guide | None) -> Term:
    network.check_layer(target.layer)
    if guide is not None:
        if target.channels or target.place:
            raise UsageError(f"a guide takes a whole layer: write {target.layer} without channels and place")
        features = guide.features(network, target.layer)
        at = features if guide.moves else None
        return Term(target.layer, features(0), weight, at=at, shift=GUIDED_SHIFT)
    network.check_channels(target.layer, target.channels)
    measure = mean_of(target.channels) if target.channels else mean_square
    if target.place:
        return Term(target.layer, around(target.place, measure), weight, is_local=False, shift=0)
    return Term(target.layer, measure, weight)


def balanced(objective: Objective) -> Objective:
    """The objective with scales that make the gradients of its terms equally long on reference pictures.

    A step is as long as the settings say, whatever the objective's scale; but among several terms the one
    with the longest gradient would decide alone: the mean squares of two layers of VGG16 differ by a factor
    of hundreds, and so do a logit and a mean.
    """
    pictures = _reference_pictures().to(objective.device, objective.dtype)
    lengths = [_gradient_length(replace(objective, terms=(term,)), pictures) for term in objective.terms]
    seen = [length for length in lengths if length > 0] or [1.0]
    usual = sum(seen) / len(seen)  # for a term that sees nothing in the reference pictures
    terms = (
        replace(term, scale=1 / (length or usual))
        for term, length in zip(objective.terms, lengths, strict=True)
    )
    return replace(objective, terms=tuple(terms))


def _gradient_length(objective: Objective, pictures: Tensor) -> float:
    """Mean absolute gradient of each term's own value, without its weight."""
    images = pictures.clone().requires_grad_()
    term = replace(objective.terms[0], weight=1.0)
    replace(objective, terms=(term,))(images).sum().backward()
    assert images.grad is not None
    return float(images.grad.abs().mean(dim=(2, 3)).mean())


def _reference_pictures() -> Tensor:
    """Two pictures as rough as photographs, whose spectrum falls with 1/f: (2, 3, side, side)."""
    side = REFERENCE_SIDE
    noise = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(0))
    frequency = torch.hypot(*torch.meshgrid(torch.fft.fftfreq(side), torch.fft.rfftfreq(side), indexing="ij"))
    pink = torch.fft.irfft2(torch.fft.rfft2(noise) / frequency.clamp(min=1 / side), s=(side, side))
    return (0.5 + 0.2 * pink / pink.numpy().std()).clamp(0, 1)
