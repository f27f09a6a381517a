"""A contact sheet: frames of a clip on one picture, each with its time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import numpy as np

from dreamvideo.errors import UsageError
from dreamvideo.images import fit_long_side, resize, sheet
from dreamvideo.media.reader import ClipReader, TimedFrame
from dreamvideo.media.stills import StillsReader, kind_of_input, open_clip
from dreamvideo.progress import Progress, no_progress
from dreamvideo.settings import SHEET_FRAMES

LONG_SIDE = 320  # px, of each frame; smaller ones stay as they are
LABEL_HEIGHT = 24  # px
SHAPE = 1.4  # width over height that a sheet comes near to: a landscape page
EMPTY = 0.5  # what a row of empty places counts, beside a wrong shape


def contact_sheet(
    path: Path,
    count: int = SHEET_FRAMES,
    fps: Fraction | None = None,
    progress: Progress = no_progress,
) -> tuple[np.ndarray, int]:
    """`count` frames of a clip, each from the middle of one of as many equal parts, with their times.

    Args:
        fps: Of a folder of frames.

    Returns:
        The sheet, (H, W, 3) uint8, and how many frames are on it: a short clip has fewer.

    Raises:
        UsageError: It is a still.
        InputError: It cannot be read.
    """
    with closing(open_moving(path, fps)) as reader:
        count = min(count, reader.frames)
        size = fit_long_side(reader.size, LONG_SIDE)
        middles = [(2 * part + 1) * reader.duration / (2 * count) for part in range(count)]
        shown = [(resize(frame, size), clock(time)) for frame, time in _on_display(reader, middles, progress)]
    frames, labels = zip(*shown, strict=True)
    return sheet(frames, labels, columns_for(len(frames), size), LABEL_HEIGHT), len(frames)


def _on_display(
    reader: ClipReader | StillsReader, moments: Sequence[Fraction], progress: Progress
) -> Iterator[TimedFrame]:
    """The frame on display at each of the rising `moments`, as far as the clip goes."""
    waiting, newest = list(moments), None
    for done, timed in enumerate(reader):
        progress(done, reader.frames, None)
        while newest is not None and waiting and timed.time > waiting[0]:
            waiting.pop(0)
            yield newest
        newest = timed
        if not waiting:
            return
    if newest is not None:
        yield newest


def open_moving(path: Path, fps: Fraction | None = None) -> ClipReader | StillsReader:
    """The reader of a clip at its own times, or of a folder at the rate `fps`.

    Raises:
        UsageError: It is a still.
        InputError: It cannot be read.
    """
    check_moves(path)
    return open_clip(path, fps=fps if kind_of_input(path) == "stills" else None)


def check_moves(path: Path) -> None:
    """Raise UsageError if `path` is a still, InputError if nothing is there."""
    if kind_of_input(path) == "still":
        raise UsageError(f"{path} is a still, which has one frame: give a clip")


def clock(seconds: Fraction) -> str:
    """Like 1:02.54."""
    hundredths = round(seconds * 100)
    return f"{hundredths // 6000}:{hundredths // 100 % 60:02}.{hundredths % 100:02}"


def columns_for(count: int, size: tuple[int, int]) -> int:
    """How many of `count` pictures of (width, height) stand in a row."""

    def fault(columns: int) -> float:
        rows = math.ceil(count / columns)
        shape = columns * size[0] / (rows * (size[1] + LABEL_HEIGHT))
        return abs(math.log(shape / SHAPE)) + EMPTY * (rows * columns - count) / columns

    return min(range(1, count + 1), key=fault)
