"""What a schedule may ask of a film."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

SOUND_VARIABLES = ("loud", "bass", "beat")
FILM_VARIABLES = ("n", "max_f", "fps", "T", "s")
FRAME_VARIABLES = ("t", "p", *SOUND_VARIABLES)


@dataclass(frozen=True)
class FilmClock:
    """The length and rate of a film, and the sound that drives it.

    Attributes:
        frames: how many. fps: of them per second. seed: of the dream.
        sound: `loud`, `bass` and `beat`, 0 to 1, one value for each frame; None: no sound.
    """

    frames: int
    fps: Fraction
    seed: int = 0
    sound: Mapping[str, np.ndarray] | None = None

    @property
    def seconds(self) -> float:
        return float(self.frames / self.fps)

    def film_variables(self) -> dict[str, np.ndarray | float]:
        """`n` frames, the last one's number `max_f` (as in Deforum), `fps`, `T` seconds, the seed `s`."""
        return {
            "n": float(self.frames),
            "max_f": float(max(1, self.frames - 1)),
            "fps": float(self.fps),
            "T": self.seconds,
            "s": float(self.seed),
        }

    def variables(self, frame: np.ndarray) -> dict[str, np.ndarray | float]:
        """All variables at some frames, which may lie between two: `t` is the frame, `p` the share passed.

        `p` is 0 at the first frame and would be 1 at the frame after the last, so that sin(2*pi*p) closes.
        There the sound begins again too.
        """
        import numpy as np

        heard = {
            name: np.interp(frame, np.arange(self.frames + 1), np.append(values, values[0]))
            for name, values in (self.sound or {}).items()
        }
        return {**self.film_variables(), "t": frame, "p": frame / self.frames, **heard}
