"""What can be made piece by piece: a film as the job engine sees it, whoever renders it."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from fractions import Fraction
from typing import Any, NamedTuple, Protocol

import numpy as np

from dreamvideo.media.sound import AudioSource
from dreamvideo.stages import Stages


class Segment(NamedTuple):
    """Frames that are finished together, and all that is needed to go on behind them."""

    frames: Iterable[tuple[np.ndarray, Fraction]]
    """uint8 RGB (H, W, 3), each with the second at which it is shown; to be taken before the next segment."""
    state: Any
    """A dataclass of arrays and plain values (see `jobs.state`)."""


class Film(Protocol):
    """What an encoder must know of a film, and who tells of it."""

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of every frame."""

    @property
    def fps(self) -> Fraction: ...

    @property
    def is_variable(self) -> bool:
        """The frames' own times are no constant rate."""

    @property
    def frames(self) -> int:
        """How many there will be, if nothing breaks off."""

    @property
    def duration(self) -> Fraction:
        """Seconds."""

    @property
    def sound(self) -> AudioSource | None: ...

    @property
    def broken_at(self) -> int | None:
        """After rendering: the frame at which the input broke off."""

    @property
    def stages(self) -> Stages: ...


class Render(Film, Protocol):
    """A film that can be rendered from its beginning, or from behind any of its segments."""

    @property
    def state_kind(self) -> type[Any]:
        """The dataclass that `Segment.state` is."""

    def segments(self, after: Any | None) -> Generator[Segment, None, None]:
        """The film's segments from the first one, or those that follow the state `after`.

        They must be the same, to the last bit, however often the rendering was taken up again.
        """
