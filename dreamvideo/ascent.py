"""The gradient step: the hot path. Everything else in a render waits for this file."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from dreamvideo.nets import Network
from dreamvideo.objectives import LayerObjective
from dreamvideo.octaves import Jitter

Precondition = Callable[[Tensor], Tensor]  # (B, 3, H, W) -> the same shape

TINY = 1e-12  # keeps the normalisation finite where the gradient is nothing
CONTEXT = 48  # px around an area dreamed by itself, so that the network sees what it borders on


def gradient(network: Network, objective: LayerObjective, image: Tensor) -> Tensor:
    """The objective's gradient at `image` (1, 3, H, W); the network's weights take no part."""
    image = image.detach().requires_grad_()
    objective(network(image, objective.layers)).sum().backward()
    assert image.grad is not None
    return image.grad


def ascend(
    network: Network,
    objective: LayerObjective,
    source: Tensor,
    residual: Tensor,
    jitters: Sequence[Jitter],
    step_size: float,
    precondition: Precondition | None = None,
    need: Tensor | None = None,
    pace: Tensor | None = None,
) -> Tensor:
    """Climb from `source + residual`, one step for each jitter, and return the new residual.

    A step moves the image along its gradient by `step_size` per pixel on average (google/deepdream,
    `make_step`). `need` says how many of the steps a pixel takes: at 1 all, at 0.3 the first 30%;
    `pace` how large they are there. The average is then over the pixels that move, so that a small new
    area is dreamed as hard as a whole frame would be; and only the box around them is computed.

    Args:
        source, residual: (1, 3, H, W); their sum is kept in [0, 1].
        precondition: what a gradient goes through before it becomes a step.
        need: (1, 1, H, W) in [0, 1]; None: 1 everywhere.
        pace: (1, 1, H, W), times the step size; taken into account where there is a `need`.
    """
    image = source + residual
    for i, jitter in enumerate(jitters):
        if need is None:
            _step(network, objective, image, jitter, step_size, precondition)
            continue
        share = (need * len(jitters) - i).clamp_(0, 1)
        if pace is not None:
            share *= pace
        box = active_box(share)
        if box is None:
            break
        _step(network, objective, image[box], jitter, step_size, precondition, share[box])
    return image - source


def _step(
    network: Network,
    objective: LayerObjective,
    image: Tensor,
    jitter: Jitter,
    step_size: float,
    precondition: Precondition | None,
    share: Tensor | None = None,
) -> None:
    """Move `image` in place."""
    down, right = jitter
    step = gradient(network, objective, torch.roll(image, (down, right), dims=(2, 3)))
    step = torch.roll(step, (-down, -right), dims=(2, 3))
    if precondition is not None:
        step = precondition(step)
    scale = step.abs().mean() if share is None else mean_where(step.abs(), share > 0)
    if share is not None:
        step *= share
    image.add_(step.mul_(step_size / (scale + TINY))).clamp_(0, 1)


def mean_where(values: Tensor, where: Tensor) -> Tensor:
    """The mean of (1, C, H, W) over the places that are True in (1, 1, H, W)."""
    return (values * where).sum() / (where.sum() * values.shape[1])


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
