"""Seams: where a shot is dreamed anew, from nothing, and the next dream grows in over `DISSOLVE` frames.

Both are carried side by side there. It is done where another picture has grown out of the one before
(`motion.fades`). And with `CarrySettings.split` a shot consists of pieces of so many frames, so that others
can dream on from a seam without those before: the dream of the next piece begins `DISSOLVE` frames before it.
So two who render neighbouring pieces both dream the frames of the dissolve; who has the later piece throws
them away. Nothing depends on what comes later, nor on who renders.
"""

from __future__ import annotations

import numpy as np

from dreamvideo.carry import hold_strength, local_energy
from dreamvideo.settings import DISSOLVE


def opens(age: int, split: int) -> bool:
    """Whether the dream of the next piece begins with a frame, the `age`-th of its shot, counted from 0."""
    return split > 0 and (age + DISSOLVE) % split == 0


def hands_over(age: int, split: int) -> bool:
    """Whether a frame is the first of a piece that is not the shot's first."""
    return split > 0 and age > 0 and age % split == 0


def share_of_next(since: int) -> float:
    """How far a frame of the dissolve is the next dream's, `since` so many frames: between 0 and 1."""
    return (since + 1) / (DISSOLVE + 1)


def dissolve(this: np.ndarray, following: np.ndarray, share: float) -> np.ndarray:
    """Two residuals (H, W, 3) mixed. Averaging weakens what differs, so the local strength is held."""
    energy = local_energy(this) * (1 - share) + local_energy(following) * share
    return hold_strength(this * (1 - share) + following * share, energy)
