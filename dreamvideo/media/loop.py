"""The part of a clip that returns most seamlessly to its beginning."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

THUMBNAIL = (24, 16)
NEIGHBOURS = 2  # frames on each side that must go on alike, so that the motion does not jump
SHORTEST = 0.25  # of the clip: a shorter loop is tiring
NEARLY = 1.1  # times the best seam, plus one grey level: among these the longest loop wins
MOST_FRAMES = 4000  # that are compared, each with each


def find_loop(frames: Iterable[np.ndarray]) -> tuple[int, int, float]:
    """(first frame, how many, difference at the seam in grey levels) of the best loop.

    The frame behind the last would be the first again, so it is left out. A clip of fewer than eight frames
    is one loop.
    """
    looks = np.array([_look(frame) for frame, _ in zip(frames, range(MOST_FRAMES), strict=False)])
    count = len(looks)
    if count < 8:
        return 0, count, 0.0
    seams = _seams(looks)
    shortest = max(4, round(count * SHORTEST))
    first, second = np.indices(seams.shape, dtype=np.int32)
    seams[second - first < shortest] = np.inf
    good = seams <= NEARLY * seams.min() + 1
    length = np.where(good, second - first, -1)
    seams = np.where(length == length.max(), seams, np.inf)
    begin, end = np.unravel_index(int(seams.argmin()), seams.shape)
    return int(begin), int(end - begin), float(seams[begin, end])


def _look(frame: np.ndarray) -> np.ndarray:
    return cv2.resize(frame, THUMBNAIL, interpolation=cv2.INTER_AREA).astype(np.float32).ravel()


def _seams(looks: np.ndarray) -> np.ndarray:
    """[i, j]: how much the frames around j differ from those around i: root of the mean square, (N, N)."""
    squares = (looks**2).sum(1)
    errors = np.maximum(squares[:, None] + squares - 2 * looks @ looks.T, 0) / looks.shape[1]
    kernel = np.eye(2 * NEIGHBOURS + 1, dtype=np.float32) / (2 * NEIGHBOURS + 1)
    return np.sqrt(cv2.filter2D(errors.astype(np.float32), -1, kernel, borderType=cv2.BORDER_REPLICATE))
