"""The whole program, in processes of its own: how soon it starts, what overlaps, how much memory it takes."""

from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from time import perf_counter

import cv2
import numpy as np

from dreamvideo.images import resize, write_still
from dreamvideo.media.stills import open_clip
from dreamvideo.media.writer import ClipWriter
from figures.table import Row

DREAMVIDEO = (sys.executable, "-m", "dreamvideo")
HD, UHD = (1920, 1080), (3840, 2160)
ROUNDS = 3
LITE = ("--model", "vgg16-lite", "--device", "cpu")
PEAK = """
import sys
from dreamvideo.cli.main import main
from dreamvideo.memory import peak_memory
try:
    main(sys.argv[1:])
finally:
    print(peak_memory() / 2**20)
"""


def startup_rows(folder: Path) -> list[Row]:
    """The least of some runs: `--help`, and a dream of one small frame beside the import of torch."""
    small = folder / "small.png"
    write_still(small, texture((160, 96)))
    dream = ("dream", str(small), "-o", str(folder / "out.png"), "--overwrite", "-q", *LITE)
    python, torch = seconds_of((sys.executable, "-c", "")), seconds_of((sys.executable, "-c", "import torch"))
    told, dreamed = seconds_of((*DREAMVIDEO, "--help")), seconds_of((*DREAMVIDEO, *dream))
    return [
        Row("`dreamvideo --help`", "0.5 s", f"{told:.2f} s", f"python alone, {python:.2f} s"),
        Row(
            "a dream of 160x96, vgg16-lite",
            "2 s more",
            f"{dreamed:.2f} s: {dreamed - torch:.2f} s more",
            f"`import torch`, {torch:.2f} s",
        ),
    ]


def seconds_of(command: tuple[str, ...]) -> float:
    least = float("inf")
    for _ in range(ROUNDS):
        begun = perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        least = min(least, perf_counter() - begun)
    return least


def overlap_row(clip: Path, frames: int, folder: Path) -> Row:
    """A clip at 1080p, there and back: what its stages take, beside the wall."""
    wide = folder / "wide.mp4"
    with open_clip(clip, frames=frames // 2) as reader, ClipWriter(wide, HD, reader.fps, crf=20) as writer:
        there = [np.ascontiguousarray(resize(timed.frame, HD)) for timed in reader]
        for frame in [*there, *there[::-1]]:
            writer.write(frame)
    options = ("-o", str(folder / "wide-out.mp4"), "--json", "-q", *LITE)
    run = subprocess.run(
        (*DREAMVIDEO, "dream", str(wide), *options), check=True, capture_output=True, text=True
    )
    report = json.loads(run.stdout)
    stages = {name: each * report["frames"] for name, each in report["seconds_per_frame_by_stage"].items()}
    wall = report["seconds"]
    parts = ", ".join(f"{name} {seconds:.1f}" for name, seconds in stages.items())
    return Row(
        f"1080p, vgg16-lite, {report['frames']} frames: sum of stages over the wall; share of the dream",
        "1.5, or 90%",
        f"{sum(stages.values()) / wall:.2f}; {stages['dream'] / wall:.0%}",
        f"{wall:.1f} s: {parts}",
    )


def memory_row(folder: Path) -> Row:
    """Peaks of the whole program on 100 and on 1000 frames of a small clip."""
    peaks = []
    for count in (100, 1000):
        clip = folder / f"{count}.mp4"
        write_drift(clip, count)
        peaks.append(peak_of("dream", str(clip), "-o", str(folder / f"{count}-out.mp4"), "-q", *LITE))
    return Row(
        "peak of memory, 1000 frames", "1.05", f"{peaks[1] / peaks[0]:.3f}", f"100 frames, {peaks[0]:.0f} MB"
    )


def large_still_row(weights: Path, folder: Path) -> Row:
    """A still of 3840x2160 at its own detail through VGG16: one step tells what all of them take."""
    still = folder / "uhd.png"
    write_still(still, texture(UHD))
    vgg16 = ("--model", "vgg16", "--weights", str(weights), "--device", "cpu")
    options = ("--detail", "native", "--octaves", "1", "--steps", "1", "-q", *vgg16)
    peak = peak_of("dream", str(still), "-o", str(folder / "uhd-out.png"), *options)
    return Row("peak of memory, 3840x2160, `--detail native`, VGG16", "6 GB", f"{peak / 1024:.2f} GB", "")


def peak_of(*arguments: str) -> float:
    """The peak of a command's memory, MB."""
    run = subprocess.run((sys.executable, "-c", PEAK, *arguments), check=True, capture_output=True, text=True)
    return float(run.stdout.split()[-1])


def texture(size: tuple[int, int]) -> np.ndarray:
    noise = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), None, 20, 235, cv2.NORM_MINMAX)


def write_drift(path: Path, count: int) -> None:
    """A small clip whose texture drifts."""
    wide = texture((512, 96))
    with ClipWriter(path, (160, 96), Fraction(25), crf=20) as writer:
        for t in range(count):
            writer.write(np.ascontiguousarray(wide[:, t % 350 : t % 350 + 160]))
