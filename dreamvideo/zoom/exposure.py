"""The frames of a fall with one look: what a camera's exposure would hold, as it passes still after still."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from dreamvideo.zoom.anchor import Anchor, Correction

# Share that a frame may stray from the usual look before it is held: every correction moves what is seen a
# little, so there shall be none where nobody would miss it.
STRAY = 0.015


@dataclass(frozen=True, eq=False)
class Exposure:
    """What keeps the frames of a fall near to their usual look.

    Attributes:
        usual: the look that most of them have.
    """

    usual: Anchor

    @classmethod
    def of(cls, frames: Iterable[np.ndarray]) -> Exposure:
        """By some frames, float32 (H, W, 3)."""
        looks = [Anchor.of(frame) for frame in frames]
        contrast, saturation, sharpness = (
            float(np.median([getattr(one, name) for one in looks]))
            for name in ("contrast", "saturation", "sharpness")
        )
        return cls(Anchor(np.median([one.mean for one in looks], axis=0), contrast, saturation, sharpness))

    def correction(self, frame: np.ndarray) -> Correction:
        """What brings a frame as near to the usual look as it may stray; nothing where it does not stray."""
        there, usual = Anchor.of(frame), self.usual
        assert there.sharpness is not None and usual.sharpness is not None
        aim = Anchor(
            np.clip(there.mean, (1 - STRAY) * usual.mean, (1 + STRAY) * usual.mean),
            _near(there.contrast, usual.contrast),
            _near(there.saturation, usual.saturation),
            _near(there.sharpness, usual.sharpness),
        )
        return aim.correction(frame)


def _near(there: float, usual: float) -> float:
    return float(np.clip(there, (1 - STRAY) * usual, (1 + STRAY) * usual))
