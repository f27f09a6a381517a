"""Frames -> an animated GIF: palettes by scene, still areas left as they are, exact delays.

The frames are looked at twice, for the palettes and for the pixels, one in memory at a time.
"""

from __future__ import annotations

import itertools
import logging
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from dreamvideo.media.gif_file import GifFile
from dreamvideo.media.indexing import Indexer
from dreamvideo.media.palette import scene_palettes
from dreamvideo.media.probe import probe
from dreamvideo.media.reader import ClipReader
from dreamvideo.media.stills import open_clip
from dreamvideo.settings import Dither, GifSettings

log = logging.getLogger("dreamvideo")

MAX_FPS = Fraction(50)  # browsers slow delays of 1/100 s down to 1/10 s
USUAL_FPS = Fraction(25)  # the highest rate that is taken without being asked for
TOLERANCE = Fraction(1, 1000)  # of a frame's duration: rounding in containers
NEAR = Fraction(106, 100)  # 24 frames a second go to 25: one a second is shown twice, none is lost

Frames = Callable[[], Iterable[np.ndarray]]
"""Gives the same frames, (H, W, 3) uint8 RGB, each time it is called."""


@dataclass(frozen=True)
class GifStyle:
    """How frames become indices."""

    colours: int = GifSettings.colours
    dither: Dither = GifSettings.dither
    hold: float = GifSettings.hold
    exact: bool = True
    """Scenes of few colours are kept exactly, whatever `hold` is."""


def write_gif(
    target: Path, size: tuple[int, int], frames: Frames, delays: Sequence[int], style: GifStyle, comment: str
) -> bool:
    """Write a GIF that loops forever; returns whether some of it was kept exactly at the cost of bytes.

    Args:
        size: (width, height) of the frames.
        delays: How long each frame is shown, 1/100 s; as many as there are frames.
        comment: Text kept in the file, "" for none.
    """
    scenes = list(scene_palettes(frames(), style.colours - 1))  # and the transparent one
    keeps = style.exact and style.hold > 0 and any(scene.is_exact for scene in scenes)
    indexer = Indexer(size, style.dither, style.hold)
    with target.open("wb") as file:
        gif = GifFile(file, size, scenes[0].palette, comment)
        for number, (frame, delay) in enumerate(zip(frames(), delays, strict=True)):
            if scenes and number == scenes[0].first:
                scene = scenes.pop(0)
                indexer.use(scene if style.exact else scene._replace(is_exact=False))
            gif.add(indexer.take(frame), scene.palette, delay)
        gif.finish()
    return keeps


def gif_from_clip(source: Path, target: Path, last: Fraction, style: GifStyle, comment: str) -> None:
    """Make a GIF of a lossless clip, each frame at its own time; over 50 frames a second are thinned out.

    Args:
        last: Seconds for which the last frame is shown, where the rate is variable.
    """
    timeline = probe(source).timeline
    times = [*timeline.times(), timeline.time(len(timeline) - 1) + last]
    shortest = min(after - before for before, after in itertools.pairwise(times))
    is_fast = shortest < (1 - TOLERANCE) / MAX_FPS
    if is_fast:
        log.warning("a GIF shows at most 50 frames a second: %.4g are thinned out", float(1 / shortest))
    reader = ClipReader(source, fps=MAX_FPS if is_fast else None)
    delays = constant_delays(reader.frames, MAX_FPS) if is_fast else exact_delays(times)
    with closing(reader):
        write_gif(target, reader.size, lambda: (frame for frame, _ in reader), delays, style, comment)


def exact_delays(times: Iterable[Fraction]) -> list[int]:
    """Delays, 1/100 s, between the `times` (seconds) at which frames begin and the last one ends.

    Rounded together, so that the whole is right within half of 1/100 s; each at least 1/50 s.
    """
    ticks = [round(time * 100) for time in times]
    return [max(2, after - before) for before, after in itertools.pairwise(ticks)]


def constant_delays(count: int, fps: Fraction) -> list[int]:
    """`exact_delays` of `count` frames at a constant rate."""
    return exact_delays(number / fps for number in range(count + 1))


def gif_rate(fps: Fraction, asked: Fraction | None) -> Fraction:
    """The rate that a GIF keeps exactly: delays are whole 1/100 s.

    Args:
        fps: Of the clip.
        asked: What the user wants; the exact rate nearest to it is taken, at most 50.
    """
    delay = 100 / min(asked or min(fps, USUAL_FPS), MAX_FPS)
    if asked:
        return Fraction(100, round(delay))
    shorter = math.floor(delay)
    return Fraction(100, shorter if Fraction(100, shorter) <= fps * NEAR else math.ceil(delay))


def gif_rate_for(source: Path, asked: Fraction | None) -> Fraction | None:
    """`gif_rate` of a clip or folder of stills; None: its own times, if it is a GIF already."""
    with open_clip(source) as reader:
        if isinstance(reader, ClipReader) and reader.info.codec == "gif" and asked is None:
            return None
        rate = gif_rate(reader.fps, asked)
    if asked is not None and rate != asked:
        log.warning("a GIF counts in 1/100 s: %.4g frames a second become %.4g", float(asked), float(rate))
    return rate


def exact_rates(below: Fraction) -> Iterator[Fraction]:
    """The rates at or below one that are worth going down to, falling: 25, 20, 12.5, 10."""
    usual = (Fraction(50), Fraction(100, 3), Fraction(25), Fraction(20), Fraction(25, 2), Fraction(10))
    return (rate for rate in usual if rate <= below)
