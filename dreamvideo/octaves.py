"""The sizes an image is dreamed at, and the jitter of each step. Pure functions."""

from __future__ import annotations

import random

Jitter = tuple[int, int]  # (down, right), px

SMALLEST_SIDE = 24  # px; below this the middle layers of VGG16 see hardly more than their own padding


def octave_sizes(size: tuple[int, int], octaves: int, octave_scale: float) -> list[tuple[int, int]]:
    """(width, height) of each octave, from the smallest to `size` itself.

    Octaves with a side under `SMALLEST_SIDE` are left out, but never the last one.
    """
    sizes = [
        (round(size[0] / octave_scale**k), round(size[1] / octave_scale**k)) for k in reversed(range(octaves))
    ]
    return [s for s in sizes[:-1] if min(s) >= SMALLEST_SIDE] + [size]


def jitter_sequence(seed: int, octave: int, steps: int, largest: int) -> list[Jitter]:
    """The shift of each step of an octave, at most `largest` px either way.

    A function of seed, octave and step alone, so that every frame of a shot is dreamed alike:
    fresh jitter in every frame is a flicker of its own.
    """
    generator = random.Random(f"{seed}/{octave}")
    return [
        (generator.randint(-largest, largest), generator.randint(-largest, largest)) for _ in range(steps)
    ]
