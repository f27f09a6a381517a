"""The ways to dream a clip that are compared: frames in, dreamed frames out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np

from dreamvideo.clip import add_residual, dream_residuals
from dreamvideo.dream import dream_residual
from dreamvideo.images import image_from_frame
from dreamvideo.motion.flow import backward_warp, flow_estimator
from dreamvideo.nets.steady import SteadyNetwork
from dreamvideo.objectives import Objective
from dreamvideo.settings import CarrySettings, DreamSettings, FilmSettings

Frames = list[np.ndarray]
Way = Callable[[Frames], Frames]
PLAIN = DreamSettings(octave_scale=1.8)  # as peers do: fewer pixels than with our own scale


def ways(objective: Objective, dream: DreamSettings) -> dict[str, Way]:
    """By name; the first is what the others are compared with."""
    return {
        "plain loop": lambda f: plain(f, objective, dream),
        "each frame by itself": lambda f: alone(f, objective, dream),
        "0.85 frame + 0.15 last dream": lambda f: blended(f, objective, dream),
        "warped picture at 0.5, 5 steps": lambda f: warped(f, objective, dream),
        "**dreamvideo**": lambda f: carried(f, objective, dream, CarrySettings()),
        "`--cadence 3`": lambda f: carried(f, objective, dream, CarrySettings(cadence=3)),
        "`--cadence 1`": lambda f: carried(f, objective, dream, CarrySettings(cadence=1)),
    }


@contextmanager
def as_everybody(objective: Objective) -> Iterator[Objective]:
    """While it lasts, all steps are of one size; its gradients are those of torch's own layers."""
    network = objective.network
    module: Any = network.module
    if isinstance(module, SteadyNetwork):
        network = replace(network, module=module.module)
    with patch("dreamvideo.dream.step_paces", lambda steps, *_: [1.0] * steps):
        yield replace(objective, network=network)


def plain(frames: Frames, objective: Objective, dream: DreamSettings) -> Frames:
    """Every frame in full, as everybody writes it."""
    with as_everybody(objective) as theirs:
        return alone(frames, theirs, dream)


def alone(frames: Frames, objective: Objective, dream: DreamSettings) -> Frames:
    """Every frame in full, as a still."""
    return [
        add_residual(frame, dream_residual(objective, image_from_frame(frame), dream), FilmSettings())
        for frame in frames
    ]


def carried(frames: Frames, objective: Objective, dream: DreamSettings, carry: CarrySettings) -> Frames:
    pairs = dream_residuals(iter(frames), objective, dream, carry, detail=1 << 14)
    return [add_residual(frame, residual, FilmSettings()) for frame, residual in pairs]


def blended(frames: Frames, objective: Objective, dream: DreamSettings) -> Frames:
    """As pytorch-deepdream: no flow, every frame in full."""
    dreamed: Frames = []
    with as_everybody(objective) as theirs:
        for frame in frames:
            image = image_from_frame(frame)
            start = 0.85 * image + 0.15 * image_from_frame(dreamed[-1]) if dreamed else image
            residual = start + dream_residual(theirs, start, dream) - image
            dreamed.append(add_residual(frame, residual, FilmSettings()))
    return dreamed


def warped(frames: Frames, objective: Objective, dream: DreamSettings) -> Frames:
    """The last dream, warped, mixed half and half with the frame; five steps."""
    estimate, few = flow_estimator("dis"), replace(dream, steps=5)
    dreamed: Frames = []
    with as_everybody(objective) as theirs:
        for t, frame in enumerate(frames):
            image = start = image_from_frame(frame)
            if dreamed:
                last = backward_warp(dreamed[-1], estimate(frame, frames[t - 1]))
                start = 0.5 * image + 0.5 * image_from_frame(last)
            residual = start + dream_residual(theirs, start, few if dreamed else dream) - image
            dreamed.append(add_residual(frame, residual, FilmSettings()))
    return dreamed
