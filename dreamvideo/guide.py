"""Dreaming towards another picture: what it shows is matched to what is there, place by place."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from dreamvideo.images import fit_long_side, image_from_frame, resize, tensor_from_image
from dreamvideo.measures import Measure
from dreamvideo.media.beside import Beside
from dreamvideo.nets import Network
from dreamvideo.nets.cpu import on_one_thread

GUIDE_SIDE = 256  # px, long side at which a guide is looked at
MOST_FEATURES = 1024  # of a guide; more say the same again and cost memory
PLACES_AT_ONCE = 8192  # of the picture, in the search for the best match
# How much counts for nothing of what all places of a picture have in common. At 0 all of it becomes the one
# feature of the guide that is most like it; at 1 what is lost is lost for the guide's things too.
COMMON = 0.5
TINY = 1e-6


class Guide:
    """A picture or clip to dream towards; a clip frame by frame."""

    def __init__(self, pictures: Beside) -> None:
        self._pictures = pictures
        self.moves = pictures.moves

    def features(self, network: Network, layer: str) -> Callable[[int], Measure]:
        """For each frame of the film, how near a layer comes to the guide's: frame -> measure."""
        return partial(self._measure, network, layer)

    def _measure(self, network: Network, layer: str, frame: int) -> Measure:
        return partial(best_match, guide_features(network, layer, self._pictures.at(frame)))


@on_one_thread()  # a still guide is looked at before the dream's own thread begins
def guide_features(network: Network, layer: str, picture: np.ndarray) -> Tensor:
    """What a layer makes of the places of a guide, uint8 RGB (H, W, 3): at most `MOST_FEATURES`, (n, C)."""
    small = resize(picture, fit_long_side((picture.shape[1], picture.shape[0]), GUIDE_SIDE))
    with torch.no_grad():
        image = tensor_from_image(image_from_frame(small)).to(network.device, network.dtype)
        found = network(image, (layer,))[layer][0].flatten(1).T
    return found[:: -(-len(found) // MOST_FEATURES)]


def best_match(features: Tensor, activation: Tensor) -> Tensor:
    """How like the guide's feature that fits best each place is: the mean cosine.

    Not the dot product, as in the guided dreams of google/deepdream's notebook: it grows with whatever
    excites the layer, so that eyes come that no guide has.

    Args:
        features: (n, C). activation: (B, C, h, w). Returns (B,).
    """
    found = [_likeness(features, one) for one in activation]
    return torch.stack([places.mean(dim=1).mean(dim=0) for places in found])  # see `mean_of`


def _likeness(features: Tensor, activation: Tensor) -> Tensor:
    """The cosine of each place of (C, h, w) and its best feature, less what is common: (h, w)."""
    common = COMMON * activation.detach().mean(dim=2).mean(dim=1)
    places, features = activation.flatten(1).T - common, F.normalize(features - common, dim=1)
    best = features[best_matches(features, places.detach())]
    cosine = (places * best).sum(dim=1) / (places.norm(dim=1) + TINY)
    return cosine.view(activation.shape[1:])


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
