#!/usr/bin/env python3
"""Make the README's pictures, with the commands that stand beside them there. Takes some minutes."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from dreamvideo.images import read_still, resize, write_still

HOUSE = Path(__file__).resolve().parent.parent
DOCS, SAMPLES = HOUSE / "docs", HOUSE / "samples"

CHOICES = (  # option, its values from left to right; the middle one is the default
    ("--natural", ("0", "0.5", "1")),
    ("--smooth", ("0", "0.7", "1.5")),
    ("--step-size", ("0.003", "0.008", "0.02")),
)
LOOKS = ("conv2_2", "conv3_3", "conv4_3", "conv5_3")


def main() -> None:
    dream("clouds.mp4", DOCS / "clouds-dream.gif", "--size", "320x180", "--fps", "12.5", "--end", "3")
    visualize(DOCS / "neurons.jpg", "conv5_3", "--channels", "4,5,1,0,2,6,7,3,8")
    visualize(DOCS / "class.jpg", "--class", "sea snake")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        rows = [row(work, option, values) for option, values in CHOICES]
        write_still(DOCS / "choices.jpg", np.vstack(rows))
        write_still(DOCS / "layers.jpg", row(work, "--layer", LOOKS))
        write_still(DOCS / "carry.jpg", carry(work))


def visualize(target: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "dreamvideo", "visualize", *arguments, "-o", str(target)]
    small = ["--size", "192", "--steps", "192", "--model", "vgg16-lite", "--overwrite"]
    subprocess.run([*command, *small], check=True)


def dream(sample: str, target: Path, *options: str) -> None:
    command = [sys.executable, "-m", "dreamvideo", "dream", str(SAMPLES / sample), "-o", str(target)]
    subprocess.run([*command, "--model", "vgg16-lite", "--overwrite", *options], check=True)


def row(work: Path, option: str, values: tuple[str, ...]) -> np.ndarray:
    """The still dreamed with each value of an option, side by side."""
    pictures = []
    for value in values:
        target = work / f"{option.strip('-')}{value}.png"
        dream("mountains.jpg", target, option, value, "--size", "480x320", "--detail", "480")
        pictures.append(read_still(target))
    return np.hstack(pictures)


def carry(work: Path) -> np.ndarray:
    """Three frames in a row: the source, each dreamed by itself, and carried."""
    sources = work / "source"
    dream("clouds.mp4", sources, "--strength", "0", "--frames", "9", "--octaves", "1", "--steps", "1")
    dream("clouds.mp4", work / "alone", "--carry", "0", "--cadence", "1", "--frames", "9")
    dream("clouds.mp4", work / "carried", "--frames", "9")
    rows = []
    for folder in ("source", "alone", "carried"):
        frames = [read_still(work / folder / f"frame_{t:06d}.png") for t in (2, 5, 8)]
        rows.append(np.hstack([resize(frame, (426, 240)) for frame in frames]))
    return np.vstack(rows)


if __name__ == "__main__":
    main()
