"""The sizes an image is dreamed at, and the jitter of each step. Pure functions."""

from __future__ import annotations

import math
import random

Jitter = tuple[int, int]  # (down, right), px

SMALLEST_SIDE = 24  # px; below this the middle layers of VGG16 see hardly more than their own padding
COARSE, FINE = 2, 2  # octaves at either end: shapes come from the coarse ones, the fine ones cost most
FEWER = 0.6  # share of the steps that is taken in fine octaves
FARTHER = 1.1  # how far those go beside all steps: larger ones are less to the point
FIRST, LAST = 3.0, 0.7  # how large they are beside one another: small ones last, or they end beside the top


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


def step_paces(steps: int, octave: int, octaves: int) -> list[float]:
    """How large each step of an octave is, times the step size.

    Fine octaves draw sharper what coarse ones have begun, which fewer and larger steps do as well. With fewer
    in coarse ones dots come instead of shapes.

    Args:
        octave: its number, 0 is the smallest. octaves: how many there are.

    >>> step_paces(10, 0, 4)
    [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    >>> [round(pace, 2) for pace in step_paces(10, 3, 4)]
    [2.97, 2.52, 2.06, 1.61, 1.15, 0.69]
    """
    fewer = math.ceil(FEWER * steps)
    if octave < max(COARSE, octaves - FINE) or fewer in (1, steps):
        return [1.0] * steps
    sizes = [FIRST + (LAST - FIRST) * n / (fewer - 1) for n in range(fewer)]
    return [FARTHER * steps * size / sum(sizes) for size in sizes]
