"""Dreaming towards another picture: what it shows is matched to what is there, place by place."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from dreamvideo.images import fit_long_side, image_from_frame, resize, tensor_from_image
from dreamvideo.media.beside import Beside
from dreamvideo.nets import Network

GUIDE_SIDE = 256  # px, long side at which a guide is looked at
MOST_FEATURES = 1024  # of a guide; more say the same again and cost memory
PLACES_AT_ONCE = 8192  # of the picture, in the search for the best match
LEAST_COSINE = 0.1  # so that a place unlike all of the guide is still drawn towards it
# How much likeness counts beside strength: at 1 eyes stay that no guide has, at 4 all is faint.
COSINE_POWER = 2
TINY = 1e-6

Measure = Callable[[Tensor], Tensor]  # an activation (B, C, h, w) -> (B,)


class Guide:
    """A picture or clip to dream towards; a clip frame by frame."""

    def __init__(self, pictures: Beside) -> None:
        self._pictures = pictures
        self.moves = pictures.moves

    def features(self, network: Network, layer: str) -> Callable[[int], Measure]:
        """For each frame of the film, how near a layer comes to the guide's: frame -> measure."""
        return partial(self._measure, network, layer)

    def _measure(self, network: Network, layer: str, frame: int) -> Measure:
        features = guide_features(network, layer, self._pictures.at(frame))
        return partial(best_match, F.normalize(features, dim=1))


def guide_features(network: Network, layer: str, picture: np.ndarray) -> Tensor:
    """What a layer makes of the places of a guide, uint8 RGB (H, W, 3): at most `MOST_FEATURES`, (n, C)."""
    small = resize(picture, fit_long_side((picture.shape[1], picture.shape[0]), GUIDE_SIDE))
    with torch.no_grad():
        image = tensor_from_image(image_from_frame(small)).to(network.device)
        found = network(image, (layer,))[layer][0].flatten(1).T
    return found[:: -(-len(found) // MOST_FEATURES)]


def best_match(features: Tensor, activation: Tensor) -> Tensor:
    """How strongly, and how much like the guide's feature that fits best, each place is excited: the mean.

    The dot product alone, as in the guided dreams of google/deepdream's notebook, grows with whatever
    excites the layer; times a power of the cosine (lucid's caricatures do this) it grows with likeness too.

    Args:
        features: (n, C), each of length 1. activation: (B, C, h, w). Returns (B,).
    """
    places = activation.flatten(2).transpose(1, 2)
    best = features[best_matches(features, places.detach().flatten(0, 1))].view_as(places)
    along = (places * best).sum(dim=2)
    cosine = along / (places.norm(dim=2) + TINY)
    matched = along * cosine.clamp(min=LEAST_COSINE) ** COSINE_POWER
    return matched.view(len(activation), *activation.shape[2:]).mean(dim=2).mean(dim=1)  # see `mean_of`


def best_matches(features: Tensor, places: Tensor) -> Tensor:
    """The index of the feature (n, C) with the largest dot product, for each place (m, C)."""
    return torch.cat([(part @ features.T).argmax(dim=1) for part in places.split(PLACES_AT_ONCE)])


def guide_likeness(features: Tensor, activation: Tensor, centre: Tensor | float = 0.0) -> float:
    """Mean cosine of an activation (1, C, h, w) and the best of the features (n, C).

    Args:
        centre: (C,), what is usual and so no likeness; both are seen from there.
    """
    places = F.normalize(activation.flatten(2)[0].T - centre, dim=1)
    features = F.normalize(features - centre, dim=1)
    return float((places * features[best_matches(features, places)]).sum(dim=1).mean())
