"""One run of a farm: shots given out, the longest first, and encoded as they come in."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import numpy as np

from dreamvideo.errors import DreamVideoError, PartialError
from dreamvideo.farm.pool import Done, Event, Lost, Pool, Told
from dreamvideo.farm.shots import Piece, Shots, missing
from dreamvideo.film import ClipFilm
from dreamvideo.jobs.folder import JobFolder
from dreamvideo.jobs.parts import PartStore
from dreamvideo.jobs.run import Order, leave_film, open_film, warn_of_a_full_disk
from dreamvideo.jobs.stop import StopRequest
from dreamvideo.media.frames import FramesWriter
from dreamvideo.media.writer import ClipWriter
from dreamvideo.progress import Progress

log = logging.getLogger("dreamvideo")

MOST_TRIES = 3  # of a shot: that a worker dies over it twice can be chance
PATIENCE = 0.2  # s to wait for workers where there is nothing to encode


class FarmRun:
    """Who is at which piece, and how far the film is."""

    def __init__(
        self,
        job: JobFolder,
        film: ClipFilm,
        order: Order,
        shots: Shots,
        pool: Pool,
        progress: Progress,
        stop: StopRequest,
    ) -> None:
        self._job, self._film, self._order, self._shots = job, film, order, shots
        self._pool, self._progress, self._stop = pool, progress, stop
        self._store = PartStore(job.path, film.size)
        self._waiting = sorted(missing(self._store, shots), key=len)  # the next is the last
        self._left = {piece.shot: len(piece) for piece in self._waiting}  # frames, by shot
        self._lost: dict[int, int] = {}  # workers, by shot
        self._failed: dict[Piece, str] = {}  # and why
        self._newest: np.ndarray | None = None
        self._has_arrived = True  # there may be a part to encode

    def make(self) -> int:
        """Render what is missing, and encode the film. Returns how many frames were there before.

        Raises:
            KeyboardInterrupt, PartialError, DreamVideoError: what is finished is kept.
        """
        resumed_at = self._shots.frames - sum(self._left.values())
        warn_of_a_full_disk(self._job.path, self._film, resumed_at)
        self._tell()
        with open_film(self._job, self._film, self._order) as writer:
            try:
                self._work(writer)
            except (KeyboardInterrupt, DreamVideoError) as error:
                self._end_workers()
                partial = None if isinstance(error, PartialError) else self._leave(writer)
                if partial and isinstance(error, KeyboardInterrupt):
                    log.warning("stopped: %s; the same command goes on", partial)
                raise
            self._order.inputs.check()
        return resumed_at

    def _work(self, writer: ClipWriter | FramesWriter) -> None:
        encoded, is_encoding = self._encode(writer), True
        while writer.frames < self._shots.frames:
            for event in self._pool.wait(0 if is_encoding else PATIENCE):
                self._hear(event)
            while self._waiting and self._pool.free:
                self._pool.give(self._waiting.pop())
            is_encoding = next(encoded)
            if self._stop.is_made:
                raise KeyboardInterrupt
            if not (is_encoding or self._has_arrived or self._waiting or self._pool.busy):
                self._give_up(writer)

    def _hear(self, event: Event) -> None:
        piece = event.piece
        if isinstance(event, Told):
            self._left[piece.shot] = len(piece) - event.frames
        else:
            self._has_arrived = True
            self._order.inputs.check()
        if isinstance(event, Done):
            self._left[piece.shot] = 0
        if isinstance(event, Lost):
            self._try_again(piece, event.why)
        self._tell()

    def _try_again(self, lost: Piece, why: str) -> None:
        """What the dead worker had finished of the piece is not done again."""
        self._lost[lost.shot] = self._lost.get(lost.shot, 0) + 1
        for piece in missing(self._store, self._shots):
            if piece.shot != lost.shot:
                continue
            self._left[piece.shot] = len(piece)
            if self._lost[piece.shot] == MOST_TRIES:
                self._failed[piece] = why
            else:
                log.warning("a worker was lost over %s: %s; it is done again", piece, why)
                self._waiting = sorted([*self._waiting, piece], key=len)

    def _tell(self) -> None:
        self._progress(self._shots.frames - sum(self._left.values()), self._shots.frames, self._newest)

    def _encode(self, writer: ClipWriter | FramesWriter) -> Iterator[bool]:
        """Encode parts as they come in: True after each frame, False where the next is not there yet."""
        while True:
            chain = self._store.finished(writer.frames) if self._has_arrived else []
            self._has_arrived = False
            for part in chain:
                for frame, time in self._store.read(part):
                    with self._film.stages.timed("encode"):
                        writer.write(frame, time)
                    self._newest = frame
                    yield True
            yield False

    def _end_workers(self) -> None:
        self._pool.stop()
        while self._pool.busy:
            self._pool.wait(PATIENCE)

    def _leave(self, writer: ClipWriter | FramesWriter) -> str:
        """The film so far, under another name; says what is where."""
        frames = writer.frames
        partial = leave_film(self._job, self._order, writer)
        return f"the first {frames} frames are in {partial}" if partial else ""

    def _give_up(self, writer: ClipWriter | FramesWriter) -> None:
        shots = "; ".join(f"{piece}: {why}" for piece, why in sorted(self._failed.items(), key=str))
        there = self._leave(writer)
        raise PartialError(
            f"no worker survived {shots or 'what is missing'}. All else is kept, "
            f"{there + ', ' if there else ''}and the same command tries it again"
        )
