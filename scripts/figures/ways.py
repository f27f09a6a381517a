"""The ways to dream a clip that are compared: frames in, dreamed frames out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from unittest.mock import patch

import numpy as np

from dreamvideo.clip import add_residual, dream_residuals
from dreamvideo.dream import dream_residual
from dreamvideo.images import image_from_frame
from dreamvideo.motion.flow import backward_warp, flow_estimator
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


def plain(frames: Frames, objective: Objective, dream: DreamSettings) -> Frames:
    """Every frame in full, all steps of one size, with the gradients of torch's own convolutions."""
    network = objective.network
    ours = replace(objective, network=replace(network, module=getattr(network.module, "module")))
    with patch("dreamvideo.dream.step_paces", lambda steps, *_: [1.0] * steps):
        return alone(frames, ours, dream)


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
    for frame in frames:
        image = image_from_frame(frame)
        start = 0.85 * image + 0.15 * image_from_frame(dreamed[-1]) if dreamed else image
        dreamed.append(
            add_residual(frame, start + dream_residual(objective, start, dream) - image, FilmSettings())
        )
    return dreamed


def warped(frames: Frames, objective: Objective, dream: DreamSettings) -> Frames:
    """The last dream, warped, mixed half and half with the frame; five steps."""
    estimate, few = flow_estimator("dis"), replace(dream, steps=5)
    dreamed: Frames = []
    for t, frame in enumerate(frames):
        image = start = image_from_frame(frame)
        if dreamed:
            start = 0.5 * image + 0.5 * image_from_frame(
                backward_warp(dreamed[-1], estimate(frame, frames[t - 1]))
            )
        settings = few if dreamed else dream
        dreamed.append(
            add_residual(frame, start + dream_residual(objective, start, settings) - image, FilmSettings())
        )
    return dreamed
