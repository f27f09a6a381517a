"""Frames per second beside the plain per-frame loop, at what strength and how stable."""

from __future__ import annotations

from time import perf_counter
from unittest.mock import patch

import numpy as np

from dreamvideo.dream import activation_strength
from dreamvideo.images import image_from_frame
from dreamvideo.motion.flow import flow_estimator
from dreamvideo.nets import load_network
from dreamvideo.objectives import objective_for
from dreamvideo.settings import CarrySettings, DreamSettings
from figures.film import Frames, warp_error
from figures.table import Row
from figures.ways import PLAIN, alone, carried

COMPARED = slice(30, 36)  # frames of a shot that the plain loop dreams too: it takes its time


def frame_rows(frames: Frames) -> list[Row]:
    """`dream` at its defaults on a shot, beside the plain loop on some frames in its middle.

    With vgg16-lite: a network of random weights has a dream that does not survive being carried at all.
    """
    network = load_network("vgg16-lite", device="cpu")
    objective = objective_for(network, DreamSettings())
    begun = perf_counter()
    ours = carried(frames, objective, DreamSettings(), CarrySettings())[COMPARED]
    seconds = (perf_counter() - begun) / len(frames)
    few = frames[COMPARED]
    with patch("dreamvideo.nets.winograd.pays", lambda *_: False):
        begun = perf_counter()
        plain = alone(few, objective, PLAIN)
        plain_seconds = (perf_counter() - begun) / len(few)
    strength, plain_strength = (
        np.mean([activation_strength(objective, image_from_frame(frame)) for frame in way])
        for way in (ours, plain)
    )
    estimate = flow_estimator("farneback")
    (excess, floor), (plain_excess, _) = (
        warp_error(zip(few, way, strict=True), estimate) for way in (ours, plain)
    )
    beside = f"plain loop, 4 octaves of 1.8, 10 steps: {plain_seconds:.2f} s"
    return [
        Row(
            f"frames per second, vgg16-lite {network.default_layer}, {len(frames)} frames",
            "20",
            f"{plain_seconds / seconds:.1f}",
            beside,
        ),
        Row("their strength", "0.9 to 1.1", f"{strength / plain_strength:.2f}", beside),
        Row("their excess warp error", "1", f"{(excess - floor) / (plain_excess - floor):.3f}", beside),
    ]
