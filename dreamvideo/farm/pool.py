"""What whoever gives out pieces must know of a group of workers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from dreamvideo.farm.shots import Piece
    from dreamvideo.farm.task import Task


class Told(NamedTuple):
    """So many frames of a piece are done."""

    piece: Piece
    frames: int


class Done(NamedTuple):
    """All frames of a piece lie in the job's folder."""

    piece: Piece


class Lost(NamedTuple):
    """The worker that had a piece is gone, and why; another takes its place."""

    piece: Piece
    why: str


Event = Told | Done | Lost


PoolFor = Callable[["Task", Path], "Pool"]
"""Starts workers for a task, in a job's folder."""


class Pool(Protocol):
    """Workers that render pieces into a job's folder."""

    @property
    def free(self) -> int:
        """How many could begin a piece now."""

    @property
    def busy(self) -> int:
        """How many are at a piece."""

    def expect(self, pieces: int) -> None:
        """So many wait to be given out: more workers are of no use."""

    def give(self, piece: Piece) -> None:
        """Let a free worker begin it."""

    def wait(self, seconds: float) -> list[Event]:
        """What has happened; returns as soon as anything has, and after so many seconds at the latest.

        Raises:
            WorkerError: what is wrong would be wrong again.
        """

    def stop(self) -> None:
        """Let no worker go on behind the frame that it is at; what they have they keep. `busy` tells when."""

    def close(self) -> None:
        """End all workers, at once."""
