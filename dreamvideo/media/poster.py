"""The most telling frame of a clip, to stand for it."""

from __future__ import annotations

import math
from contextlib import closing
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from dreamvideo.images import fit_long_side, resize, sharpness
from dreamvideo.media.contact import open_moving
from dreamvideo.progress import Progress, no_progress

MOST_LOOKED_AT = 120  # frames, evenly over the clip
LONG_SIDE = 256  # px, that frames are judged at
DARK, BRIGHT, FLAT = 12.0, 243.0, 6.0  # grey levels: mean and deviation of the luma of an empty frame
BLURRED = 0.5  # of the clip's median sharpness: such frames, and cross-fades, are out
BINS = 4  # of each channel, of the colours that tell how usual a frame is


class Poster(NamedTuple):
    """The frame that was chosen."""

    frame: np.ndarray
    """(H, W, 3) uint8, as large as the clip."""
    time: Fraction
    """Seconds from the clip's begin."""
    looked_at: int
    """Among how many frames."""


class _Look(NamedTuple):
    number: int
    is_empty: bool
    sharpness: float
    contrast: float
    colour: float
    histogram: np.ndarray


def choose_poster(path: Path, fps: Fraction | None = None, progress: Progress = no_progress) -> Poster:
    """The frame of a clip with the best ranks in sharpness, contrast, colour and likeness to the whole.

    Frames that are black, white or flat are out, and those less than half as sharp as most.

    Args:
        fps: Of a folder of frames.

    Raises:
        UsageError: It is a still.
        InputError: It cannot be read.
    """
    with closing(open_moving(path, fps)) as reader:
        step = math.ceil(reader.frames / MOST_LOOKED_AT)
        looks = []
        for number, (frame, _) in enumerate(reader):
            progress(number, reader.frames, None)
            if number % step == step // 2 or number == 0:
                looks.append(_look(number, frame))
        frame, time = next(islice(iter(reader), _best(looks).number, None))
    return Poster(frame, time, len(looks))


def _look(number: int, frame: np.ndarray) -> _Look:
    small = resize(frame, fit_long_side((frame.shape[1], frame.shape[0]), LONG_SIDE))
    luma = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    deviation = float(luma.std())
    is_empty = not DARK < luma.mean() < BRIGHT or deviation < FLAT
    cells = (small // (256 // BINS)).astype(np.int32) @ np.array([BINS * BINS, BINS, 1])
    histogram = np.bincount(cells.ravel(), minlength=BINS**3) / cells.size
    return _Look(number, is_empty, sharpness(small), deviation, _colourfulness(small), histogram)


def _colourfulness(frame: np.ndarray) -> float:
    """Hasler and Suesstrunk (2003)."""
    red, green, blue = np.moveaxis(frame.astype(np.float32), 2, 0)
    first, second = red - green, (red + green) / 2 - blue
    return math.hypot(first.std(), second.std()) + 0.3 * math.hypot(first.mean(), second.mean())


def _best(looks: list[_Look]) -> _Look:
    filled = [look for look in looks if not look.is_empty] or looks
    least = BLURRED * float(np.median([look.sharpness for look in filled]))
    able = [look for look in filled if look.sharpness >= least]
    middle = np.mean([look.histogram for look in able], 0)
    merits = [
        (look.sharpness, look.contrast, look.colour, -float(np.abs(look.histogram - middle).sum()))
        for look in able
    ]
    ranks = np.argsort(np.argsort(merits, 0, kind="stable"), 0, kind="stable").sum(1)
    return able[int(ranks.argmax())]
