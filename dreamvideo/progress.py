"""How a render tells how far it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np


class Progress(Protocol):
    """Called whenever a frame, step or picture is done, often: it must cost next to nothing.

    Args:
        done: how many are done. expected: how many there will be; None: nobody knows.
        picture: the newest result, uint8 RGB (H, W, 3), if there is one to look at. It is not kept.
    """

    def __call__(self, done: int, expected: int | None, picture: np.ndarray | None = None, /) -> None: ...


def no_progress(done: int, expected: int | None, picture: np.ndarray | None = None) -> None:
    """Tells nobody."""
