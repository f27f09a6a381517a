#!/usr/bin/env python3
"""How many dissolves and fades are found, and how many moves of a camera are taken for one.

    scripts/evaluate_fades.py --images FOLDER

Between photographs, and from black, in as many frames as the table says, while cameras stand still or move
over them. Half a minute on one core.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from dreamvideo.images import read_still, resize
from dreamvideo.motion.fades import NO_FADE

SIZE = (320, 180)  # px, of a frame; a photograph is twice as wide
LENGTHS = (12, 25, 50, 75)  # frames of a fade
AROUND = 20  # frames before and after it
SPEEDS = (0.0, 1.0, 3.0)  # px a frame, of a camera in both pictures
PANS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
ZOOMS = (1.005, 1.01, 1.02)  # times a frame
MOVED = 60  # frames of a camera's move


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=Path, required=True, help="folder of photographs")
    parser.add_argument("--count", type=int, default=24, help="of photographs")
    options = parser.parse_args()
    paths = random.Random(3).sample(sorted(options.images.glob("*.jpg")), options.count)
    pictures = [resize(read_still(path), (2 * SIZE[0], 2 * SIZE[1])) for path in paths]
    black = np.zeros_like(pictures[0])
    print("| what | camera | frames | found |\n|---|---|---|---|")
    for speed in SPEEDS:
        camera = f"{speed:g} px"
        for length in LENGTHS:
            pairs = zip(pictures[::2], pictures[1::2], strict=True)
            row("dissolve", camera, length, [dissolve(*pair, length, speed) for pair in pairs])
            row("from black", camera, length, [dissolve(black, one, length, speed) for one in pictures])
    for speed in PANS:
        row("none", f"{speed:g} px", MOVED, [seen(one, MOVED, speed) for one in pictures])
    for zoom in ZOOMS:
        row("none", f"{zoom:g} times", MOVED, [seen(one, MOVED, 0, zoom) for one in pictures])


def row(what: str, camera: str, frames: int, clips: Sequence[Iterable[np.ndarray]]) -> None:
    print(f"| {what} | {camera} | {frames} | {sum(map(is_found, clips))} of {len(clips)} |", flush=True)


def seen(picture: np.ndarray, frames: int, speed: float, zoom: float = 1.0) -> Iterator[np.ndarray]:
    """What a camera sees that moves to the right, or comes nearer to the upper left."""
    for number in range(frames):
        view = np.array([[zoom**number, 0, -speed * number], [0, zoom**number, -SIZE[1] / 3]])
        yield cv2.warpAffine(picture, view, SIZE, borderMode=cv2.BORDER_REFLECT)


def dissolve(first: np.ndarray, second: np.ndarray, length: int, speed: float) -> list[np.ndarray]:
    before = list(seen(first, AROUND + length, speed))
    after = list(seen(second, length + AROUND, speed))
    shares = ((number + 1) / (length + 1) for number in range(length))
    mixed = [
        cv2.addWeighted(one, 1 - share, other, share, 0)
        for one, other, share in zip(before[AROUND:], after[:length], shares, strict=True)
    ]
    return [*before[:AROUND], *mixed, *after[length:]]


def is_found(frames: Iterable[np.ndarray]) -> bool:
    fade = NO_FADE
    for frame in frames:
        fade = fade.after(frame)
        if fade.has_grown:
            return True
    return False


if __name__ == "__main__":
    main()
