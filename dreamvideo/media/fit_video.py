"""A film of at most so many bytes: two passes at the bit rate that is left when the sound is counted."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from dreamvideo.errors import UsageError
from dreamvideo.media.encoding import even, muxer, two_pass_args
from dreamvideo.media.ffmpeg import file_url, run

TRIES = 3  # of two passes each; with the encoding that was too large they are four
CONTAINER = 0.985  # of the bytes are picture and sound, the rest is the container's,
OVERHEAD = 6000  # and so many bytes it takes at least
ENOUGH = 0.92  # of the limit: then the search ends
AIM = 0.97  # of the limit, where a second try shall come out
DENSITY = 0.05  # bits per pixel: with fewer the picture is made smaller
LEAST_BITS = 4000  # per second, of any picture


@dataclass(frozen=True)
class Film:
    """A picture to encode again, and what belongs to it."""

    picture: Path
    ending: str
    size: tuple[int, int]
    fps: Fraction
    seconds: float
    sound_bytes: int
    options: tuple[str, ...]
    """For ffmpeg, to keep every frame at its time."""


def fit_video(film: Film, join: Callable[[Path, Path], None], target: Path, limit: int) -> str:
    """Write the largest film found that has at most `limit` bytes; returns in words what was given up.

    Args:
        join: Puts a picture, the sound and the tags into one file.

    Raises:
        UsageError: The limit is too small for any.
    """
    room = limit * CONTAINER - OVERHEAD - film.sound_bytes
    bits = room * 8 / film.seconds
    picture, whole = (target.with_name(name + film.ending) for name in ("pass", "trial"))
    best, said = 0, ""
    for _ in range(TRIES):
        if bits < LEAST_BITS:
            break
        size = _size_for(film, bits)
        _encode(film, picture, size, round(bits))
        join(picture, whole)
        length = whole.stat().st_size
        if best < length <= limit:
            best = length
            said = "" if size == film.size else f"{size[0]} px wide instead of {film.size[0]}, "
            said += f"{bits / 1000:.0f} kbit/s"
            os.replace(whole, target)
        if ENOUGH * limit <= best:
            break
        bits *= AIM * limit / length
    if not best:
        needed = (LEAST_BITS * film.seconds / 8 + film.sound_bytes + OVERHEAD) / CONTAINER * 2
        hint = " (or --no-audio)" if film.sound_bytes else ""
        keep = film.seconds * limit / needed
        raise UsageError(
            f"{limit / 1e6:.3g} MB are too little for {film.seconds:.1f} s: allow {needed / 1e6:.2g} MB, "
            f"or keep {keep:.1f} s of it{hint}"
        )
    return said


def _size_for(film: Film, bits: float) -> tuple[int, int]:
    """The film's size, or a smaller one of the same shape for which the bits suffice."""
    width, height = film.size
    scale = min(1.0, math.sqrt(bits / (DENSITY * width * height * float(film.fps))))
    if scale > 0.95:
        return even(film.size, film.ending)
    sides = (max(2, round(side * scale / 2) * 2) for side in (width, height))
    return next(sides), next(sides)


def _encode(film: Film, target: Path, size: tuple[int, int], bits: int) -> None:
    log = str(target.with_name("passes"))
    for number, output in ((1, ["-f", "null", "-"]), (2, ["-f", muxer(film.ending), file_url(target)])):
        args = two_pass_args(film.ending, film.fps, bits, size, log, number)
        run(["-y", "-i", file_url(film.picture), "-an", *film.options, *args, *output])
