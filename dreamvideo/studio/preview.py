"""One frame, dreamed small: what a film will look like, in a second or two."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from dreamvideo.images import fit_long_side, resize
from dreamvideo.schedule import FilmClock
from dreamvideo.settings import Recipe

if TYPE_CHECKING:
    from dreamvideo.nets import Network

FIRST_FRAME = FilmClock(1, Fraction(24))


def dream_small(image: np.ndarray, network: Network, side: int, recipe: Recipe) -> np.ndarray:
    """Dream an image at no more than `side` px, as the first frame would look at the recipe's detail.

    Where that is larger, the largest octaves are left out: the small ones, which decide what is seen where,
    stay and get the others' steps, and patterns cover the same share of the picture.

    Args:
        image: float32 (H, W, 3) in [0, 1].

    Returns:
        float32 (h, w, 3) in [0, 1], its long side at most `side` px.
    """
    from dreamvideo.course import course_of
    from dreamvideo.dream import dream_residual
    from dreamvideo.objectives import objective_for

    size = (image.shape[1], image.shape[0])
    full, small = (fit_long_side(size, long_side) for long_side in (recipe.film.detail, side))
    dream = course_of(recipe.dream, FIRST_FRAME).at(0)
    strength = course_of(recipe.film, FIRST_FRAME).at(0).strength
    left_out = max(0, round(math.log(max(full) / max(small), dream.octave_scale)))
    octaves = max(1, dream.octaves - left_out)
    dream = replace(dream, octaves=octaves, steps=round(dream.steps * dream.octaves / octaves))
    source = resize(image, small if left_out else full)
    residual = dream_residual(objective_for(network, dream), source, dream)
    return np.clip(source + strength * residual, 0, 1)
