"""One run of a farm: a film's pieces given out, and encoded as they come in."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import partial

import numpy as np

from dreamvideo.errors import DreamVideoError, PartialError
from dreamvideo.farm.pool import Pool
from dreamvideo.farm.share import PATIENCE, Sharing
from dreamvideo.farm.shots import Shots, missing
from dreamvideo.jobs.folder import JobFolder
from dreamvideo.jobs.parts import PartStore
from dreamvideo.jobs.run import Order, leave_film, open_film, warn_of_a_full_disk
from dreamvideo.jobs.stop import StopRequest
from dreamvideo.media.frames import FramesWriter
from dreamvideo.media.writer import ClipWriter
from dreamvideo.progress import Progress
from dreamvideo.render import Film

log = logging.getLogger("dreamvideo")


class FarmRun:
    """How far the film is, and who works at it."""

    def __init__(
        self,
        job: JobFolder,
        film: Film,
        order: Order,
        shots: Shots,
        pool: Pool,
        progress: Progress,
        stop: StopRequest,
    ) -> None:
        self._job, self._film, self._order, self._shots = job, film, order, shots
        self._progress, self._stop = progress, stop
        self._store = PartStore(job.path, film.size)
        self._sharing = Sharing(pool, partial(missing, self._store, shots))
        self._newest: np.ndarray | None = None
        self._has_arrived = True  # there may be a part to encode

    def make(self) -> int:
        """Render what is missing, and encode the film. Returns how many frames were there before.

        Raises:
            KeyboardInterrupt, PartialError, DreamVideoError: what is finished is kept.
        """
        resumed_at = self._shots.frames - self._sharing.left
        warn_of_a_full_disk(self._job.path, self._film, resumed_at)
        self._tell()
        with open_film(self._job, self._film, self._order) as writer:
            try:
                self._work(writer)
            except (KeyboardInterrupt, DreamVideoError) as error:
                self._sharing.end()
                partial = None if isinstance(error, PartialError) else self._leave(writer)
                if partial and isinstance(error, KeyboardInterrupt):
                    log.warning("stopped: %s; the same command goes on", partial)
                raise
            self._order.inputs.check()
        return resumed_at

    def _work(self, writer: ClipWriter | FramesWriter) -> None:
        encoded, is_encoding = self._encode(writer), True
        while writer.frames < self._shots.frames:
            has_happened, has_arrived = self._sharing.turn(0 if is_encoding else PATIENCE)
            if has_arrived:
                self._has_arrived = True
                self._order.inputs.check()
            if has_happened:
                self._tell()
            is_encoding = next(encoded)
            if self._stop.is_made:
                raise KeyboardInterrupt
            if self._sharing.is_over and not (is_encoding or self._has_arrived):
                raise PartialError(self._sharing.failure(self._leave(writer)))

    def _tell(self) -> None:
        self._progress(self._shots.frames - self._sharing.left, self._shots.frames, self._newest)

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

    def _leave(self, writer: ClipWriter | FramesWriter) -> str:
        """The film so far, under another name; says what is where."""
        frames = writer.frames
        partial = leave_film(self._job, self._order, writer)
        return f"the first {frames} frames are in {partial}" if partial else ""
