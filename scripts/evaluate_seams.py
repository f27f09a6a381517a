#!/usr/bin/env python3
"""How well a split shot hides its seams: its warp error there, beside its neighbours' and a key's.

    scripts/evaluate_seams.py CLIP [CLIP ...] [--splits 48 ... 61] [--detail N] [--model NAME --weights FILE]

Each clip is dreamed once whole and once with each split. The warp error of two frames goes up and down with
what moves between them, by a third and more; so a seam's is taken over the mean of the six pairs before and
after it, and that over the same of the whole film, which has no seam there. A seam lies behind a key, and the
pair behind any key has some more error than those between keys; so the same is told of the first key behind
the seam, and the seam over it. Means over all seams (geometric), with their standard error.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
from figures.film import Frames, read

from dreamvideo.clip import add_residual, dream_residuals
from dreamvideo.measure import warp_error
from dreamvideo.motion.flow import flow_estimator
from dreamvideo.nets import load_network
from dreamvideo.objectives import Objective, objective_for
from dreamvideo.seams import hands_over
from dreamvideo.settings import DISSOLVE, CarrySettings, DreamSettings, FilmSettings
from dreamvideo.spans import observe
from dreamvideo.stages import Stages

NEAR = 6  # pairs on either side that one is compared with
FAR = CarrySettings.cadence + NEAR  # frames behind a seam that must be of the same shot


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--splits", type=int, nargs="+", default=list(range(48, 62)))
    parser.add_argument("--frames", type=int, help="of each clip at most")
    parser.add_argument("--detail", type=int, default=320)
    parser.add_argument("--model", default="vgg16-lite")
    parser.add_argument("--weights", type=Path)
    options = parser.parse_args()
    objective = objective_for(load_network(options.model, options.weights, "cpu"), DreamSettings())
    print(
        "| clip | seams | seam over neighbours | key over neighbours | seam over key | dissolve over whole |"
    )
    print("|---|---|---|---|---|---|", flush=True)
    everything: list[np.ndarray] = []
    for clip in options.clips:
        found = np.array(list(seams(read(clip, options.detail, options.frames), objective, options)))
        if len(found):
            tell(clip.name, found)
            everything.extend(found)
        else:
            print(f"| {clip.name} | 0 | no shot is as long as a split and {FAR} frames | | | |")
    if everything:
        tell("all", np.array(everything))


def seams(frames: Frames, objective: Objective, options: argparse.Namespace) -> Iterator[list[float]]:
    """For each seam: its warp error, a key's and the dissolve's, over what is beside them."""
    carry = CarrySettings()
    seen = list(observe(frames, carry, options.detail, Stages()))
    ages = [one.age for one in seen]
    whole = errors(frames, objective, carry, options.detail)
    for split in options.splits:
        parted = errors(frames, objective, CarrySettings(split=split), options.detail)
        for seam in range(len(frames) - FAR):
            if hands_over(ages[seam], split) and ages[seam + FAR] == ages[seam] + FAR:
                dissolve = slice(seam - DISSOLVE, seam)
                yield [
                    *(
                        over_neighbours(parted, at) / over_neighbours(whole, at)
                        for at in (seam - 1, seam - 1 + carry.cadence)
                    ),
                    float(parted[dissolve].mean() / whole[dissolve].mean()),
                ]


def errors(frames: Frames, objective: Objective, carry: CarrySettings, detail: int) -> np.ndarray:
    """The warp error of each frame of a dreamed film and the next, with another flow than the dream's."""
    estimate = flow_estimator("farneback")
    dreamed = (
        (frame, add_residual(frame, residual, FilmSettings()))
        for frame, residual in dream_residuals(iter(frames), objective, DreamSettings(), carry, detail)
    )
    return np.array([warp_error(pair, estimate)[0] for pair in pairwise(dreamed)])


def over_neighbours(values: np.ndarray, at: int) -> float:
    near = np.r_[values[at - NEAR : at], values[at + 1 : at + 1 + NEAR]]
    return float(values[at] / near.mean())


def tell(name: str, found: np.ndarray) -> None:
    """One row; found: (seams, 3)."""
    logs = np.log(np.column_stack([found[:, :2], found[:, 0] / found[:, 1], found[:, 2]]))
    means, spread = np.exp(logs.mean(axis=0)), logs.std(axis=0) / np.sqrt(len(logs))
    figures = " | ".join(f"{mean:.3f} ±{part:.3f}" for mean, part in zip(means, spread, strict=True))
    print(f"| {name} | {len(found)} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
