"""Frames per second beside the plain per-frame loop, at equal strength, and how stable."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from time import perf_counter

import numpy as np
import torch

from dreamvideo.motion.flow import flow_estimator
from dreamvideo.nets import Network, load_network
from dreamvideo.nets.cpu import on_one_thread
from dreamvideo.nets.vgg import VGG
from dreamvideo.objectives import Objective, objective_for
from dreamvideo.settings import CarrySettings, DreamSettings
from figures.film import Frames, strengths, warp_error
from figures.table import Row
from figures.threads import in_its_own_thread
from figures.ways import PLAIN, carried, plain

LAYER = "relu4_3"
COMPARED = slice(30, 36)  # frames of a shot that the plain loop dreams too
TIMED = 2  # of them with VGG16
FAINTER, STRONGER = 0.5, 3.0  # times our step size, between which the plain loop's is as strong
TRIES = 5


@on_one_thread()
def wide_vgg16(lite: Network, path: Path) -> None:
    """Write a VGG16 that dreams as vgg16-lite does: that one's filters, and zeros all around them.

    It takes as long as ImageNet's, and unlike one of random weights it has dreams that can be carried.
    """
    from safetensors.torch import save_file

    filters, filled = lite.module.state_dict(), {}
    for name, values in VGG().state_dict().items():
        small = filters[f"module.{name}"]
        filled[name] = torch.zeros(values.shape)
        filled[name][tuple(map(slice, small.shape))] = small
    save_file(filled, path)


def frame_rows(frames: Frames, folder: Path) -> list[Row]:
    """`dream` at its defaults on a shot, beside the plain loop on some frames in its middle.

    Dreams are compared as vgg16-lite makes them, times as VGG16 takes to make the same (`wide_vgg16`). The
    plain loop's step size is so large that it is as strong.
    """
    ours_settings, few = DreamSettings(layers=((LAYER, 1.0),)), frames[COMPARED]
    network = load_network("vgg16-lite", device="cpu")
    lite = objective_for(network, ours_settings)
    ours = in_its_own_thread(carried, frames, lite, ours_settings, CarrySettings())[COMPARED]
    strength = strength_of(ours, lite)
    plain_settings = replace(PLAIN, layers=ours_settings.layers)
    plain_settings, plain_dreamed = as_strong(few, lite, plain_settings, strength)
    estimate = flow_estimator("farneback")
    (excess, floor), (plain_excess, _) = (
        warp_error(zip(few, way, strict=True), estimate) for way in (ours, plain_dreamed)
    )

    wide_vgg16(network, folder / "wide.safetensors")
    wide = objective_for(load_network("vgg16", folder / "wide.safetensors", "cpu"), ours_settings)
    seconds = seconds_of(carried, frames, wide, ours_settings, CarrySettings())
    plain_seconds = seconds_of(plain, few[:TIMED], wide, plain_settings)
    beside = (
        f"plain loop, 4 octaves of 1.8, 10 steps of {plain_settings.step_size:.4f}: {plain_seconds:.1f} s"
    )
    what = f"VGG16 {LAYER}, 320x180, {len(frames)} frames"
    return [
        Row(f"frames per second, {what}", "20", f"{plain_seconds / seconds:.1f}", beside),
        Row("their strength", "0.9 to 1.1", f"{strength / strength_of(plain_dreamed, lite):.2f}", beside),
        Row("their excess warp error", "1", f"{(excess - floor) / (plain_excess - floor):.3f}", beside),
    ]


def seconds_of(way, frames: Frames, *arguments) -> float:  # type: ignore[no-untyped-def]
    """Per frame."""
    begun = perf_counter()
    in_its_own_thread(way, frames, *arguments)
    return (perf_counter() - begun) / len(frames)


def as_strong(
    frames: Frames, objective: Objective, settings: DreamSettings, strength: float
) -> tuple[DreamSettings, Frames]:
    """The plain loop with the step size that makes it so strong, by halving what lies between; its frames."""
    low, high = FAINTER, STRONGER
    for _ in range(TRIES):
        middle = (low + high) / 2
        tried = replace(settings, step_size=settings.step_size * middle)
        dreamed = in_its_own_thread(plain, frames, objective, tried)
        low, high = (middle, high) if strength_of(dreamed, objective) < strength else (low, middle)
    return tried, dreamed


def strength_of(frames: Frames, objective: Objective) -> float:
    return float(np.mean(in_its_own_thread(strengths, objective, frames)))
