"""Where one shot ends and the next begins."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import cv2
import numpy as np

from dreamvideo.images import fit_long_side, resize

LONG_SIDE = 256  # px; cuts show at thumbnail size
LEAST_CHANGE = (
    15.0  # mean change in HSV, 0 to 255, under which nothing is a cut (PySceneDetect's `min_content`)
)
LONE_CHANGE = 27.0  # the same where a shot has only just begun (PySceneDetect's ContentDetector)
ADAPTIVE_RATIO = 2.0  # a cut changes this many times as much as the frames before it did
WINDOW = 4  # frames before
MOST_EXPLAINED = 0.6  # mean reliability of the flow; where it explains more than this, things only moved


class CutDetector:
    """Tells, frame by frame and without looking ahead, whether a frame begins a new shot.

    PySceneDetect's AdaptiveDetector with the past half of its window: a cut is a change that is large,
    and large beside its neighbours, so that a fast pan is not a cut. Having the flow at hand, we ask
    besides that it cannot explain the change: a camera that starts to move is not a cut either.

    Args:
        last: the frame before the first one asked about, if it is known.
        changes: what another detector remembered after that frame.
    """

    def __init__(self, last: np.ndarray | None = None, changes: Sequence[float] = ()) -> None:
        self._last = None if last is None else _thumbnail(last)
        self._changes = deque(changes, maxlen=WINDOW)

    @property
    def changes(self) -> tuple[float, ...]:
        """How much the last frames changed: with the last frame, all that a detector remembers."""
        return tuple(self._changes)

    def is_cut(self, frame: np.ndarray, explained: Callable[[], float]) -> bool:
        """Whether `frame` is the first of another shot than the frame before.

        Args:
            frame: uint8 RGB (H, W, 3).
            explained: gives the mean reliability of the flow to the frame before, 0 to 1; only called where
                the change is large.
        """
        current = _thumbnail(frame)
        last, self._last = self._last, current
        if last is None:
            return False
        change = float(cv2.absdiff(current, last).mean())
        if change >= self._threshold() and explained() <= MOST_EXPLAINED:
            self._changes.clear()
            return True
        self._changes.append(change)
        return False

    def _threshold(self) -> float:
        if not self._changes:
            return LONE_CHANGE
        return max(LEAST_CHANGE, ADAPTIVE_RATIO * sum(self._changes) / len(self._changes))


def _thumbnail(frame: np.ndarray) -> np.ndarray:
    """A frame in HSV, small."""
    small = resize(frame, fit_long_side((frame.shape[1], frame.shape[0]), LONG_SIDE))
    return cv2.cvtColor(small, cv2.COLOR_RGB2HSV)
