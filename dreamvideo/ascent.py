"""The gradient step: the hot path. Everything else in a render waits for this file."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import cache, partial

import torch
from torch import Tensor

from dreamvideo.cores import cores
from dreamvideo.graphed import graphed_gradient
from dreamvideo.objectives import Objective
from dreamvideo.octaves import Jitter
from dreamvideo.settings import Precision
from dreamvideo.tiles import local_in_tiles

log = logging.getLogger("dreamvideo")

Precondition = Callable[[Tensor], Tensor]  # (B, 3, H, W) -> the same shape
Gradient = Callable[[Objective, Tensor], Tensor]  # at (1, 3, H, W) -> the same shape, times any constant

SHRINK = 2.0**-20  # of a gradient whose numbers are too large to be held; a power of two changes no digit
ALL = (slice(None),) * 4
TINY = 1e-12  # keeps the normalisation finite where the gradient is nothing
CONTEXT = 48  # px around an area dreamed by itself, so that the network sees what it borders on


def gradient(objective: Objective, image: Tensor, shrink: float = 1.0) -> Tensor:
    """`shrink` times the objective's gradient at `image` (1, 3, H, W); the weights take no part.

    In tiles where the image is large and the objective a mean over places.
    """
    if not objective.is_local:
        return _gradient_of(objective, shrink, image)
    pixels = image.shape[2] * image.shape[3]
    return local_in_tiles(partial(_gradient_of, objective.total, shrink / pixels), image)


def gradient_and_levels(objective: Objective, image: Tensor) -> tuple[Tensor, Tensor]:
    """`gradient` and `objective.levels`, of one pass; of an energy alone. (1, 3, H, W) and (1, 1, H, W)."""
    pixels = image.shape[2] * image.shape[3]
    both = local_in_tiles(partial(_gradient_and_levels, objective, 1 / pixels), image)
    return both[:, :3], both[:, 3:]


def _gradient_and_levels(objective: Objective, factor: float, image: Tensor) -> Tensor:
    found: list[Tensor] = []

    def value(image: Tensor) -> Tensor:
        total, levels = objective.total_and_levels(image)
        found.append(levels)
        return total

    return torch.cat([_gradient_of(value, factor, image), *found], dim=1)


def _gradient_of(value: Callable[[Tensor], Tensor], factor: float, image: Tensor) -> Tensor:
    image = image.detach().requires_grad_()
    (value(image).sum() * factor).backward()
    assert image.grad is not None
    return image.grad


def _graphed(precision: Precision, objective: Objective, image: Tensor) -> Tensor:
    """`gradient` on a GPU, times the image's size where that is cut into tiles."""
    if not objective.is_local:
        return graphed_gradient(objective, image, precision)
    return local_in_tiles(lambda tile: graphed_gradient(objective, tile, precision), image)


CAREFUL: tuple[Gradient, ...] = (gradient, partial(gradient, shrink=SHRINK))


def ascend(
    objective: Objective,
    source: Tensor,
    residual: Tensor,
    jitters: Sequence[Jitter],
    step_sizes: Sequence[float],
    precondition: Precondition | None = None,
    need: Tensor | None = None,
    pace: Tensor | None = None,
    precision: Precision = "full",
    first: Tensor | None = None,
) -> Tensor:
    """Climb from `source + residual`, one step for each jitter, and return the new residual.

    A step moves the image along its gradient by its size per pixel on average (google/deepdream,
    `make_step`). `need` says how many of the steps a pixel takes: at 1 all, at 0.3 the first 30%;
    `pace` how large they are there. The average is then over the pixels that move, so that a small new
    area is dreamed as hard as a whole frame would be; and only the box around them is computed.

    Args:
        source, residual: (1, 3, H, W); their sum is kept in [0, 1].
        step_sizes: as many as jitters.
        precondition: what a gradient goes through before it becomes a step.
        need: (1, 1, H, W) in [0, 1]; None: 1 everywhere.
        pace: (1, 1, H, W), times the step size. first: the gradient of the first step, if it is known
            already, at the image as its jitter shifts it. Both are for where there is a `need`.
        precision: what a GPU computes with.
    """

    def climb(gradients: Sequence[Gradient]) -> Tensor:
        image = source + residual
        for i, (jitter, step_size) in enumerate(zip(jitters, step_sizes, strict=True)):
            finders, share, box = gradients, None, ALL
            if need is not None:
                share = (need * len(jitters) - i).clamp_(0, 1)
                if pace is not None:
                    share *= pace
                active = ALL if share.is_cuda else active_box(share)  # a graph is of one size
                if active is None:
                    break
                if first is not None and i == 0:
                    finders = (partial(_known, first), *gradients)
                elif objective.is_local:
                    box = active
                share = share[box]
            _step(objective, image[box], jitter, step_size, precondition, finders, share)
        return image

    if source.is_cuda:
        image = climb((partial(_graphed, precision),))
        if torch.isfinite(image).all():  # the only time that Python waits for the device
            return image - source
        _note_overflow()
    return climb(CAREFUL) - source


def _known(found: Tensor, objective: Objective, image: Tensor) -> Tensor:
    return found


def _step(
    objective: Objective,
    image: Tensor,
    jitter: Jitter,
    step_size: float,
    precondition: Precondition | None,
    gradients: Sequence[Gradient],
    share: Tensor | None = None,
) -> None:
    """Move `image` in place, along the first gradient of finite numbers; an only one is not looked at."""
    down, right = jitter
    for find in gradients:
        with cores.stepping(image.device):
            step = find(objective, torch.roll(image, (down, right), dims=(2, 3)))
        step = torch.roll(step, (-down, -right), dims=(2, 3))
        if precondition is not None:
            step = precondition(step)
        scale = mean(step.abs()) if share is None else mean_where(step.abs(), share > 0)
        if len(gradients) == 1 or torch.isfinite(scale):
            break
        _note_overflow()
    else:
        return  # no step is better than one to nowhere: the source stays to be seen
    if share is not None:
        step *= share
    image.add_(step.mul_(step_size / (scale + TINY * SHRINK))).clamp_(0, 1)


@cache
def _note_overflow() -> None:
    log.warning("a step came to numbers that are too large: it is redone smaller, or left out")


def mean(values: Tensor) -> Tensor:
    """The mean of (1, C, H, W), by channels: one sum over all would depend on the number of threads."""
    return values.mean(dim=(2, 3)).mean()


def mean_where(values: Tensor, where: Tensor) -> Tensor:
    """The mean of (1, C, H, W) over the places that are True in (1, 1, H, W)."""
    return (values * where).sum(dim=(2, 3)).sum() / (where.sum().clamp(min=1) * values.shape[1])


def active_box(share: Tensor) -> tuple[slice, slice, slice, slice] | None:
    """The part of (1, 1, H, W) that is over 0, with its context; None where nothing is."""
    spans = []
    for dim in (2, 3):
        active = (share > 0).amax(dim=(0, 1, 5 - dim)).nonzero()
        if not len(active):
            return None
        first, last = int(active[0]) - CONTEXT, int(active[-1]) + 1 + CONTEXT
        spans.append(slice(max(0, first), min(share.shape[dim], last)))
    return slice(None), slice(None), spans[0], spans[1]
