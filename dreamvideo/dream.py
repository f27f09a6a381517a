"""The dream of one image: gradient ascent over octaves, from small to large."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dreamvideo.ascent import ascend, gradient_and_levels
from dreamvideo.cores import cores
from dreamvideo.images import fit_long_side, image_from_tensor, resize, tensor_from_image
from dreamvideo.nets import Network
from dreamvideo.objectives import Objective, objective_for
from dreamvideo.octaves import Jitter, jitter_sequence, octave_sizes, step_paces
from dreamvideo.precondition import NaturalStep
from dreamvideo.settings import DreamSettings
from dreamvideo.tiles import local_in_tiles, mean_in_tiles

CELLS = 12  # along the long side of a picture, in which the level of a dream is told apart


@dataclass(frozen=True)
class Effort:
    """How hard one octave of a carried image is dreamed.

    Attributes:
        steps: at most so many, over 0.
        need: (H, W) in [0, 1], the share of the steps that each pixel takes.
        pace: (H, W), how large its steps are, times the step size.
    """

    steps: int
    need: np.ndarray
    pace: np.ndarray


Plan = Callable[[np.ndarray], Effort | None]
"""Levels of the dream that an octave begins with (see `dream_levels`) -> its effort."""


def dream_residual(
    objective: Objective,
    source: np.ndarray,
    settings: DreamSettings,
    carried: np.ndarray | None = None,
    efforts: Sequence[Effort | Plan | None] | None = None,
) -> np.ndarray:
    """What the dream adds to an image: `dream = source + residual`.

    Each octave starts from the source at that size plus the residual so far, so the source's detail
    survives (Mordvintsev et al. 2015, where it is called `detail` and the sign is the other way round).

    Args:
        source: float32 (H, W, 3) in [0, 1].
        carried: a residual to start from, (H, W, 3); None: nothing.
        efforts: for each octave of the settings, the smallest first, None where it is left out; instead of
            them all None: all steps everywhere. A plan is for an energy alone (`Objective.is_energy`).

    Returns:
        float32 (H, W, 3), so that source + residual is in [0, 1].
    """
    size = (source.shape[1], source.shape[0])
    added = np.zeros((1, 1, 3), np.float32)
    sizes = octave_sizes(size, settings.octaves, settings.octave_scale)
    natural = NaturalStep(settings, objective.device, objective.dtype)
    for octave, octave_size in enumerate(sizes):
        effort = None if efforts is None else efforts[octave - len(sizes)]
        if efforts is not None and effort is None:
            continue
        start = resize(added, octave_size)
        if carried is not None:
            carried_here = resize(carried, octave_size)
            start = start + carried_here
        here, begun = _tensor(objective, resize(source, octave_size)), _tensor(objective, start)
        residual = _dream_octave(objective, here, begun, (octave, len(sizes)), settings, natural, effort)
        added = image_from_tensor(residual)
        if carried is not None:
            added -= carried_here
    added = resize(added, size)
    return added if carried is None else added + carried


def _dream_octave(
    objective: Objective,
    source: Tensor,
    start: Tensor,
    number: tuple[int, int],
    settings: DreamSettings,
    natural: NaturalStep,
    effort: Effort | Plan | None,
) -> Tensor:
    """The residual that an octave ends with, from the one that it starts with, (1, 3, h, w).

    Args:
        number: of the octave, 0 is the smallest, and how many there are.
        effort: None: all steps everywhere.
    """
    first = None
    if callable(effort):
        shift = _jitters(objective, settings, number[0], 1)[0]
        levels, first = _looked_at(objective, source + start, shift)
        effort = effort(levels)
        if effort is None:
            return start
    paces = step_paces(settings.steps, *number) if effort is None else [1.0] * effort.steps
    return ascend(
        objective,
        source,
        start,
        _jitters(objective, settings, number[0], len(paces)),
        [settings.step_size * pace for pace in paces],
        natural,
        *_effort_tensors(objective, effort, (source.shape[3], source.shape[2])),
        settings.precision,
        first,
    )


def _jitters(objective: Objective, settings: DreamSettings, octave: int, steps: int) -> list[Jitter]:
    return jitter_sequence(settings.seed, octave, steps, round(objective.shift * settings.jitter))


def _looked_at(objective: Objective, image: Tensor, shift: Jitter) -> tuple[np.ndarray, Tensor | None]:
    """An image's levels, as by `dream_levels`, and its gradient as the shift shows it.

    On a GPU no gradient: a graph finds it.
    """
    if image.is_cuda:
        return _levels(objective, image, shift), None
    with cores.stepping(objective.device):
        gradient, levels = gradient_and_levels(objective, torch.roll(image, shift, dims=(2, 3)))
    return _cells(levels, shift), gradient


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


def dream_levels(
    objective: Objective, source: np.ndarray, residual: np.ndarray, settings: DreamSettings
) -> np.ndarray:
    """How far a dream excites what is dreamed, in cells of the picture: float32 (h, w), `CELLS` at most.

    As the first step of the finest octave sees it: shifted by a few pixels the same dream excites some layers
    a tenth more or less. One cell, and how far it does so beyond its source, where the objective may be
    below 0.
    """
    if not objective.is_energy:
        beyond = activation_strength(objective, source + residual) - activation_strength(objective, source)
        return np.full((1, 1), beyond, np.float32)
    size = (source.shape[1], source.shape[0])
    finest = len(octave_sizes(size, settings.octaves, settings.octave_scale)) - 1
    shift = _jitters(objective, settings, finest, 1)[0]
    return _levels(objective, _tensor(objective, source + residual), shift)


def _levels(objective: Objective, image: Tensor, shift: Jitter) -> np.ndarray:
    with torch.inference_mode(), cores.stepping(objective.device):
        levels = local_in_tiles(objective.levels, torch.roll(image, shift, dims=(2, 3)))
    return _cells(levels, shift)


def _cells(levels: Tensor, shift: Jitter) -> np.ndarray:
    """Levels (1, 1, H, W) of a shifted picture -> (h, w), those of its cells."""
    there = torch.roll(levels, (-shift[0], -shift[1]), dims=(2, 3))
    size = (levels.shape[3], levels.shape[2])
    return resize(image_from_tensor(there)[..., 0], fit_long_side(size, CELLS))


def activation_strength(objective: Objective, image: np.ndarray) -> float:
    """How strongly an image excites what is dreamed: the objective's value."""
    with torch.inference_mode(), cores.stepping(objective.device):
        picture = _tensor(objective, image)
        return float(mean_in_tiles(objective, picture) if objective.is_local else objective(picture))
