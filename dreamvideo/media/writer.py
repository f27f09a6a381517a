"""Frames -> a file that appears under its name when it is complete.

Everything is made in a folder of its own on the same disk, which goes away on every exit: the picture first,
then the finished file with sound and tags, then one rename.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np

from dreamvideo.errors import EncodeError, OutputError
from dreamvideo.media import timestamps
from dreamvideo.media.durable import replace_durably
from dreamvideo.media.encoding import (
    IN_ORDER,
    LOSSLESS,
    even,
    picture_args,
    pipe_args,
    timing_args,
)
from dreamvideo.media.ffmpeg import Ffmpeg, file_url
from dreamvideo.media.finish import Unfinished
from dreamvideo.media.fit import Wish
from dreamvideo.media.outputs import ANIMATION_ENDINGS, kind_of_output, work_folder
from dreamvideo.media.sound import SOUND_FORMATS, AudioSource, prepare_sound

TIME_STEP = Fraction(1, 1000)  # s: the least time between two frames of a variable rate


class ClipWriter:
    """Encode frames into one file, by the ending of its name: mp4, mov, webm, mkv, gif, webp or apng.

    ::

        with ClipWriter("dream.mp4", (640, 360), Fraction(24000, 1001), crf=18, audio=reader.sound) as writer:
            writer.write(frame)

    The file appears when the block ends well. If it ends with an exception nothing is left, unless
    `finish_partial` was called. The sound is made ready on entering; if it cannot be used, a warning says so.

    Args:
        path: Where the file shall appear; what is there is replaced.
        size: (width, height) of the frames.
        fps: Exact rate; with `variable` the usual one.
        crf: Quality as H.264 counts it, 0 to 51, lower is better (mp4, mov, mkv, webm).
        audio: The sound to go with it, in step with the first frame (mp4, mov, mkv, webm).
        variable: Frames come with their own times.
        metadata: Tags; of gif, webp and apng only ``{"comment": ...}``.
        duration: Seconds until the last frame's end, where `variable`; it is shown for 1 / fps otherwise.
        wish: What the file must keep to; what has to be given up for that, a warning says.
        work: Where unfinished things lie, on the same disk; None: in a hidden folder beside the file.

    Raises:
        EncodeError: If ffmpeg fails, on any call.
        OutputError: If the ending cannot be written, or the folder cannot be written in.
    """

    def __init__(
        self,
        path: str | Path,
        size: tuple[int, int],
        fps: Fraction,
        *,
        crf: int,
        audio: AudioSource | None = None,
        variable: bool = False,
        metadata: Mapping[str, str] | None = None,
        duration: Fraction | float | None = None,
        work: Path | None = None,
        wish: Wish | None = None,
    ) -> None:
        if kind_of_output(path) != "clip":
            raise OutputError(
                f"{path} is not a clip; endings of clips are mp4, mov, webm, mkv, gif, webp, apng, avif"
            )
        self.path = Path(os.path.abspath(path))
        self.size = size
        self.fps = fps
        self.frames = 0
        """How many were written."""
        self._ending = self.path.suffix.lower()
        self._crf = crf
        self._work = work
        self._wish = wish or Wish()
        self._audio = audio if self._ending in SOUND_FORMATS else None
        if self._audio is not None and self._wish.plain_sound and self._audio.codec != "aac":
            self._audio = replace(self._audio, codec=None)  # then it is encoded anew
        self._variable = variable
        self._metadata = dict(metadata or {})
        self._duration = None if duration is None else Fraction(duration).limit_denominator(1_000_000)
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._encoder: Ffmpeg | None = None
        self._pending: tuple[np.ndarray, Fraction] | None = None
        self._ends = self._last = Fraction(0)
        self._has_sound = False

    def __enter__(self) -> ClipWriter:
        try:
            self._folder = work_folder(self.path, self._work)
            if self._audio is not None:
                self._has_sound = prepare_sound(
                    self._audio, self._ending, self._part("sound"), from_zero=not self._wish.edit_lists
                )
            self._encoder = Ffmpeg(self._encoder_args(), feeds=True)
            if self._variable:
                self._encoder.write(timestamps.stream_head(even(self.size, self._ending), self.fps))
        except BaseException:
            self.abandon()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and self._encoder is not None:
                self._flush_last(self._duration)
                self._complete(self.path)
        finally:
            self.abandon()

    def write(self, frame: np.ndarray, time: Fraction | float | None = None) -> None:
        """Add a frame.

        Args:
            frame: (height, width, 3) uint8 RGB.
            time: Seconds from the first frame's begin; needed, and rising, where the rate is variable.

        Raises:
            ValueError: If the frame has another shape or type, or its time is missing or not rising.
        """
        if self._encoder is None:
            raise ValueError("the writer is not open")
        width, height = self.size
        if frame.shape != (height, width, 3) or frame.dtype != np.uint8:
            raise ValueError(
                f"expected a ({height}, {width}, 3) uint8 frame, got {frame.shape} {frame.dtype}"
            )
        if self._variable:
            self._write_timed(frame, time)
        else:
            self._encoder.write(self._bytes(frame))
            self._ends, self._last = (self.frames + 1) / self.fps, 1 / self.fps
        self.frames += 1

    def finish_partial(self, path: str | Path) -> None:
        """Complete what was written so far under another name (same ending), as after Ctrl-C.

        Ends the writing: leaving the block does nothing more.

        Raises:
            EncodeError: If no frame was written, or ffmpeg fails.
        """
        try:
            self._flush_last(None)
            self._complete(Path(os.path.abspath(path)))
        finally:
            self.abandon()

    def abandon(self) -> None:
        """End ffmpeg and remove everything unfinished. May be called again."""
        if self._encoder is not None:
            self._encoder.kill()
            self._encoder = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _part(self, name: str) -> Path:
        """A file in that folder."""
        assert self._folder is not None
        return Path(self._folder.name) / (name + self._ending)

    def _encoder_args(self) -> list[str]:
        is_searched = self._wish.limit is not None and self._ending in ANIMATION_ENDINGS
        picture = LOSSLESS if is_searched else picture_args(self._ending, self.fps, self._crf)
        if not self._wish.edit_lists:
            picture = [*IN_ORDER, *picture]
        return [
            *("-loglevel", "error", "-y"),
            *pipe_args(even(self.size, self._ending), self.fps, self._variable),
            *timing_args(self._ending, self._variable),
            *(*picture, file_url(self._part("picture"))),
        ]

    def _bytes(self, frame: np.ndarray) -> memoryview:
        """The frame as ffmpeg takes it; an odd size repeats its last row and column."""
        width, height = even(self.size, self._ending)
        right, below = width - self.size[0], height - self.size[1]
        if right or below:
            frame = cv2.copyMakeBorder(frame, 0, below, 0, right, cv2.BORDER_REPLICATE)
        return np.ascontiguousarray(frame).data.cast("B")

    def _write_timed(self, frame: np.ndarray, time: Fraction | float | None) -> None:
        """Hold a frame back until the next one's time tells how long it is shown."""
        if time is None:
            raise ValueError("a frame of a variable rate needs its time")
        shown = Fraction(time).limit_denominator(1_000_000)
        if self._pending is not None:
            if shown <= self._pending[1]:
                raise ValueError(f"frame times must rise: {float(shown)} after {float(self._pending[1])}")
            self._flush(shown)
        self._pending = (frame.copy(), shown)

    def _flush(self, until: Fraction) -> None:
        assert self._pending is not None and self._encoder is not None
        frame, time = self._pending
        data = self._bytes(frame)
        self._encoder.write(timestamps.frame_head(time, until - time, len(data)))
        self._encoder.write(data)
        self._ends, self._last = until, until - time

    def _flush_last(self, until: Fraction | None) -> None:
        """Write the frame that was held back, shown `until` then or for a usual while."""
        if self._pending is not None:
            begins = self._pending[1]
            self._flush(begins + 1 / self.fps if until is None else max(until, begins + TIME_STEP))

    def _complete(self, target: Path) -> None:
        if self.frames == 0 or self._encoder is None:
            raise EncodeError(f"no frame was written to {target.name}")
        if self._encoder.finish() != 0:
            raise EncodeError(f"ffmpeg could not write {target.name}: {self._encoder.last_words()}")
        finished = self._unfinished().finish()
        try:
            replace_durably(finished, target)
        except OSError as error:
            raise EncodeError(f"cannot write {target}: {error.strerror}") from error

    def _unfinished(self) -> Unfinished:
        return Unfinished(
            name=self.path.name,
            ending=self._ending,
            picture=self._part("picture"),
            sound=self._part("sound") if self._has_sound else None,
            size=even(self.size, self._ending),
            fps=self.fps,
            variable=self._variable,
            seconds=self._ends,
            last=self._last,
            metadata=self._metadata,
            wish=self._wish,
        )


def check_encoder(
    path: str | Path,
    size: tuple[int, int],
    fps: Fraction,
    *,
    crf: int,
    variable: bool = False,
    work: Path | None = None,
) -> None:
    """Encode two grey frames exactly as `ClipWriter` would, so that a fault shows before any work is done.

    Raises:
        EncodeError: If that fails.
    """
    target = Path(os.path.abspath(path))
    grey = np.full((size[1], size[0], 3), 128, np.uint8)
    with work_folder(target, work) as folder:
        trial = Path(folder) / ("trial" + target.suffix)
        with ClipWriter(trial, size, fps, crf=crf, variable=variable) as writer:
            writer.write(grey, Fraction(0))
            writer.write(grey, 1 / fps)
