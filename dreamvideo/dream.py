"""The dream of one image: gradient ascent over octaves, from small to large."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dreamvideo.ascent import ascend
from dreamvideo.cores import cores
from dreamvideo.images import fit_long_side, image_from_tensor, resize, tensor_from_image
from dreamvideo.nets import Network
from dreamvideo.objectives import Objective, objective_for
from dreamvideo.octaves import jitter_sequence, octave_sizes, step_paces
from dreamvideo.precondition import NaturalStep
from dreamvideo.settings import DreamSettings
from dreamvideo.tiles import local_in_tiles, mean_in_tiles

CELLS = 12  # along the long side of a picture, in which the level of a dream is told apart


@dataclass(frozen=True)
class Effort:
    """How hard one octave of a carried image is dreamed.

    Attributes:
        steps: at most so many.
        need: (H, W) in [0, 1], the share of the steps that each pixel takes.
        pace: (H, W), how large its steps are, times the step size.
    """

    steps: int
    need: np.ndarray
    pace: np.ndarray

    @property
    def is_none(self) -> bool:
        """Whether nothing is to be done."""
        return self.steps == 0 or not self.need.any()


def dream_residual(
    objective: Objective,
    source: np.ndarray,
    settings: DreamSettings,
    carried: np.ndarray | None = None,
    efforts: Sequence[Effort] | None = None,
) -> np.ndarray:
    """What the dream adds to an image: `dream = source + residual`.

    Each octave starts from the source at that size plus the residual so far, so the source's detail
    survives (Mordvintsev et al. 2015, where it is called `detail` and the sign is the other way round).

    Args:
        source: float32 (H, W, 3) in [0, 1].
        carried: a residual to start from, (H, W, 3); None: nothing.
        efforts: for each octave of the settings, the smallest first; None: all steps everywhere.

    Returns:
        float32 (H, W, 3), so that source + residual is in [0, 1].
    """
    size = (source.shape[1], source.shape[0])
    added = np.zeros((1, 1, 3), np.float32)
    sizes = octave_sizes(size, settings.octaves, settings.octave_scale)
    jitter = round(objective.shift * settings.jitter)
    natural = NaturalStep(settings, objective.device, objective.dtype)
    for octave, octave_size in enumerate(sizes):
        effort = None if efforts is None else efforts[octave - len(sizes)]
        if effort is not None and effort.is_none:
            continue
        paces = step_paces(settings.steps, octave, len(sizes)) if effort is None else [1.0] * effort.steps
        start = resize(added, octave_size)
        if carried is not None:
            carried_here = resize(carried, octave_size)
            start = start + carried_here
        residual = ascend(
            objective,
            _tensor(objective, resize(source, octave_size)),
            _tensor(objective, start),
            jitter_sequence(settings.seed, octave, len(paces), jitter),
            [settings.step_size * pace for pace in paces],
            natural,
            *_effort_tensors(objective, effort, octave_size),
            settings.precision,
        )
        added = image_from_tensor(residual)
        if carried is not None:
            added -= carried_here
    added = resize(added, size)
    return added if carried is None else added + carried


def _tensor(objective: Objective, picture: np.ndarray) -> Tensor:
    """(H, W, C) -> (1, C, H, W), as the objective's network takes it."""
    return tensor_from_image(np.ascontiguousarray(picture)).to(objective.device, objective.dtype)


def _effort_tensors(
    objective: Objective, effort: Effort | None, size: tuple[int, int]
) -> tuple[Tensor | None, Tensor | None]:
    """Need and pace at an octave's size, (1, 1, h, w) each."""
    if effort is None:
        return None, None
    need, pace = (
        _tensor(objective, resize(values, size)[..., None]) for values in (effort.need, effort.pace)
    )
    return need, pace


def dream_image(network: Network, image: np.ndarray, settings: DreamSettings) -> np.ndarray:
    """Dream a float32 (H, W, 3) image in [0, 1]."""
    return np.clip(image + dream_residual(objective_for(network, settings), image, settings), 0.0, 1.0)


def dream_levels(objective: Objective, source: np.ndarray, residual: np.ndarray) -> np.ndarray:
    """How far a dream excites what is dreamed, in cells of the picture: float32 (h, w), `CELLS` at most.

    One cell, and how far it does so beyond its source, where the objective may be below 0.
    """
    if not objective.is_energy:
        beyond = activation_strength(objective, source + residual) - activation_strength(objective, source)
        return np.full((1, 1), beyond, np.float32)
    with torch.inference_mode(), cores.stepping(objective.device):
        levels = local_in_tiles(objective.levels, _tensor(objective, source + residual))
    return resize(image_from_tensor(levels)[..., 0], fit_long_side((source.shape[1], source.shape[0]), CELLS))


def activation_strength(objective: Objective, image: np.ndarray) -> float:
    """How strongly an image excites what is dreamed: the objective's value."""
    with torch.inference_mode(), cores.stepping(objective.device):
        picture = _tensor(objective, image)
        return float(mean_in_tiles(objective, picture) if objective.is_local else objective(picture))
