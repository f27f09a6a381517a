"""Where another picture grows out of the one before, in a dissolve or a fade.

Such a picture was never dreamed from nothing: what was dreamed on the one before is fitted to it, fainter and
finer than what a cut would bring. So when it is there its own dream should begin. What these numbers find,
and what moves of a camera they take for a fade, `scripts/evaluate_fades.py` tells.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from dreamvideo.images import resize

SIZE = (32, 18)  # px that a frame is looked at: what moves a little stays where it is
HALF = 7  # frames: a pixel that fades is now as far from what it was twice as long ago as it was from now
LEAST_CHANGE = 8.0  # mean, 0 to 255, over all that time; slower is light that changes
MOST_BENT = 0.25  # times that change, that pixels are off half-way; what moves is mostly farther off
LEAST_GROWN = 25.0  # mean change in a fade, after which it is another picture
MOST_GROWN = 60.0  # the same while it goes on


@dataclass(frozen=True, eq=False)
class Fade:
    """What is remembered of the last frames of a shot.

    Attributes:
        last: those frames, uint8 (h, w, 3), small, the newest last.
        begin: the first of a fade that goes on; None: there is none.
        has_grown: whether another picture has grown since the dream was begun.
    """

    last: tuple[np.ndarray, ...] = ()
    begin: np.ndarray | None = None
    has_grown: bool = False

    def after(self, frame: np.ndarray) -> Fade:
        """With one more frame, uint8 (H, W, 3)."""
        small = resize(frame, SIZE)
        last = (*self.last[-2 * HALF :], small)
        fades = len(last) > 2 * HALF and _is_even(last[0], last[HALF], small)
        begin = last[0] if fades and self.begin is None else self.begin
        if begin is None:
            return Fade(last, None, self.has_grown)
        has_grown = _change(begin, small) > (MOST_GROWN if fades else LEAST_GROWN)
        if not fades:
            begin = None
        elif has_grown:
            begin = small
        return Fade(last, begin, self.has_grown or has_grown)


def _is_even(before: np.ndarray, between: np.ndarray, now: np.ndarray) -> bool:
    """Whether each pixel goes straight from one value to the next, as when pictures are mixed."""
    change, middle = _change(before, now), cv2.addWeighted(before, 0.5, now, 0.5, 0)
    return change > LEAST_CHANGE and _change(between, middle) < MOST_BENT * change


def _change(before: np.ndarray, after: np.ndarray) -> float:
    return float(cv2.absdiff(before, after).mean())


NO_FADE = Fade()
