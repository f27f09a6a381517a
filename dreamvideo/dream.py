"""The dream of one image: gradient ascent over octaves, from small to large."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from dreamvideo.ascent import ascend
from dreamvideo.images import image_from_tensor, resize, tensor_from_image
from dreamvideo.nets import Network
from dreamvideo.objectives import objective_for
from dreamvideo.octaves import jitter_sequence, octave_sizes
from dreamvideo.settings import DreamSettings

MOST_GROWTH = 2.5  # times the step size; larger steps tear the patterns of deep layers apart


def dream_residual(
    network: Network,
    source: np.ndarray,
    settings: DreamSettings,
    carried: np.ndarray | None = None,
    need: np.ndarray | None = None,
    steps: Sequence[int] | None = None,
) -> np.ndarray:
    """What the dream adds to an image: `dream = source + residual`.

    Each octave starts from the source at that size plus the residual so far, so the source's detail
    survives (Mordvintsev et al. 2015, where it is called `detail` and the sign is the other way round).

    Args:
        source: float32 (H, W, 3) in [0, 1].
        carried: a residual to start from, (H, W, 3); None: nothing.
        need: (H, W) in [0, 1], the share of the steps that each pixel takes; None: 1.
        steps: how many in each octave, the smallest first; None: as in the settings. Where they are
            fewer than there they are larger in proportion, up to MOST_GROWTH.

    Returns:
        float32 (H, W, 3), so that source + residual is in [0, 1].
    """
    objective = objective_for(network, settings.layers)
    size = (source.shape[1], source.shape[0])
    added = np.zeros((1, 1, 3), np.float32)
    sizes = octave_sizes(size, settings.octaves, settings.octave_scale)
    for octave, octave_size in enumerate(sizes):
        count = settings.steps if steps is None else steps[octave - len(sizes)]
        if count == 0:
            continue
        start = resize(added, octave_size)
        if carried is not None:
            carried_here = resize(carried, octave_size)
            start = start + carried_here
        residual = ascend(
            network,
            objective,
            tensor_from_image(resize(source, octave_size)).to(network.device),
            tensor_from_image(np.ascontiguousarray(start)).to(network.device),
            jitter_sequence(settings.seed, octave, count, settings.jitter),
            settings.step_size * min(MOST_GROWTH, settings.steps / count),
            settings.natural,
            None if need is None else tensor_from_image(resize(need, octave_size)[..., None]).to(network.device),
        )
        added = image_from_tensor(residual)
        if carried is not None:
            added -= carried_here
    return added if carried is None else added + carried


def dream_image(network: Network, image: np.ndarray, settings: DreamSettings) -> np.ndarray:
    """Dream a float32 (H, W, 3) image in [0, 1]."""
    return np.clip(image + dream_residual(network, image, settings), 0.0, 1.0)


def activation_strength(network: Network, image: np.ndarray, settings: DreamSettings) -> float:
    """How strongly an image excites what is dreamed: the objective's value."""
    objective = objective_for(network, settings.layers)
    with torch.inference_mode():
        picture = tensor_from_image(np.ascontiguousarray(image)).to(network.device)
        return float(objective(network(picture, objective.layers)))
