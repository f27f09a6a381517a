"""How a render tells how far it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
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


@dataclass(frozen=True)
class Staged:
    """A `Progress` that tells what is being done, for jobs that do more than one thing.

    Attributes:
        tell: label, done, expected, picture. label: what is being done.
    """

    tell: Callable[[str, int, int | None, np.ndarray | None], None]
    label: str

    def __call__(self, done: int, expected: int | None, picture: np.ndarray | None = None, /) -> None:
        self.tell(self.label, done, expected, picture)


def named(progress: Progress, label: str) -> Progress:
    """`progress` for a stage with a name of its own; to who tells none apart it is all the same."""
    return replace(progress, label=label) if isinstance(progress, Staged) else progress


def at_stage(progress: Progress, label: str) -> Progress:
    """`progress` while something else is done than it counts; who tells no stages apart hears nothing."""
    return named(progress, label) if isinstance(progress, Staged) else no_progress
