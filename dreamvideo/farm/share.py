"""Pieces given out to whoever is free, again where a worker was lost, until all are there."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from dreamvideo.errors import PartialError
from dreamvideo.farm.pool import Done, Event, Lost, Pool, Told
from dreamvideo.farm.shots import Piece
from dreamvideo.jobs.stop import StopRequest

log = logging.getLogger("dreamvideo")

MOST_TRIES = 3  # of a piece: that a worker dies over it twice can be chance
PATIENCE = 0.2  # s to wait for workers where there is nothing else to do


def choose(waiting: Sequence[Piece], workers: int) -> Piece:
    """What is given out next: the first of the film, so that it can be encoded while others are rendered.

    But the longest, where it is longer than a worker's share of all that waits: begun last it would be what
    all wait for.
    """
    longest = max(waiting, key=len)
    return longest if len(longest) * workers >= sum(map(len, waiting)) else waiting[0]


class Sharing:
    """Who is at which piece, and how much is left.

    Args:
        missing: looks into the job's folder for what is still to be rendered, in the order of the film.
    """

    def __init__(self, pool: Pool, missing: Callable[[], list[Piece]]) -> None:
        self._pool, self._missing = pool, missing
        self._waiting = missing()
        self._left = {piece.shot: len(piece) for piece in self._waiting}
        self._lost: dict[int, int] = {}  # workers, by number of the piece
        self._failed: dict[Piece, str] = {}  # and why

    @property
    def left(self) -> int:
        """Frames, or what else the lengths of the pieces tell, that are not done."""
        return sum(self._left.values())

    @property
    def is_over(self) -> bool:
        """Nobody does anything any more."""
        return not (self._waiting or self._pool.busy)

    def turn(self, seconds: float) -> tuple[bool, bool]:
        """Hear what happened, waiting so long at most, and give out what can be given out.

        Returns:
            Whether anything happened; whether something new may lie in the folder.

        Raises:
            WorkerError: see `pool.Pool.wait`.
        """
        self._give()
        events = self._pool.wait(seconds)
        for event in events:
            self._hear(event)
        self._give()
        return bool(events), any(not isinstance(event, Told) for event in events)

    def finish(self, stop: StopRequest, tell: Callable[[int], None]) -> None:
        """Go on until all is there.

        Args:
            tell: called with what is left.

        Raises:
            KeyboardInterrupt, PartialError, WorkerError: what is finished is kept.
        """
        try:
            tell(self.left)
            while not self.is_over:
                self.turn(PATIENCE)
                tell(self.left)
                if stop.is_made:
                    raise KeyboardInterrupt
        except BaseException:
            self.end()
            raise
        if self._failed:
            raise PartialError(self.failure())

    def end(self) -> None:
        """Let the workers stop behind the frame that they are at, and wait for them."""
        self._waiting.clear()
        self._pool.stop()
        while self._pool.busy:
            self._pool.wait(PATIENCE)

    def failure(self, there: str = "") -> str:
        """What no worker survived; `there` tells of what was made all the same."""
        pieces = "; ".join(f"{piece}: {why}" for piece, why in sorted(self._failed.items(), key=str))
        return (
            f"no worker survived {pieces or 'what is missing'}. All else is kept, "
            f"{there + ', ' if there else ''}and the same command tries it again"
        )

    def _give(self) -> None:
        self._pool.expect(len(self._waiting))
        while self._waiting and self._pool.free:
            piece = choose(self._waiting, self._pool.busy + self._pool.free)
            self._waiting.remove(piece)
            self._pool.give(piece)

    def _hear(self, event: Event) -> None:
        piece = event.piece
        if isinstance(event, Told):
            self._left[piece.shot] = len(piece) - event.frames
        if isinstance(event, Done):
            self._left[piece.shot] = 0
        if isinstance(event, Lost):
            self._try_again(piece, event.why)

    def _try_again(self, lost: Piece, why: str) -> None:
        """What the dead worker had finished of the piece is not done again."""
        self._lost[lost.shot] = self._lost.get(lost.shot, 0) + 1
        for piece in self._missing():
            if piece.shot != lost.shot:
                continue
            self._left[piece.shot] = len(piece)
            if self._lost[piece.shot] == MOST_TRIES:
                self._failed[piece] = why
            else:
                log.warning("a worker was lost over %s: %s; it is done again", piece, why)
                self._waiting.insert(0, piece)  # the film waits for it
