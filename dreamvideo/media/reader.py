"""A clip as an iterator of frames: trimmed, at the rate asked for, one frame in memory at a time."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import numpy as np

from dreamvideo.errors import InputError
from dreamvideo.media.decode import DecodedFrame, decode
from dreamvideo.media.probe import ClipInfo, probe
from dreamvideo.media.sound import AudioSource
from dreamvideo.media.timing import TOLERANCE, frame_at

log = logging.getLogger("dreamvideo")

TICKS_EARLY = 2  # to begin before the frame wanted, so that the one on display then is known


class TimedFrame(NamedTuple):
    """A frame and when it is shown."""

    frame: np.ndarray
    """(height, width, 3) uint8 RGB, contiguous."""
    time: Fraction
    """Seconds from the first frame that the reader yields."""


class ClipReader:
    """The frames of a clip in order, decoded as they are asked for.

    ::

        with ClipReader("walk.mp4", start=2, end=4) as reader:
            for frame, time in reader:
                ...

    A clip of constant rate yields a frame for every tick of that rate; where the file lacks one, the last
    is repeated, so that sound stays in step. A clip of variable rate yields each frame at its own time,
    unless `fps` asks for a constant one.

    Args:
        path: The clip.
        start: Seconds to leave out at the beginning; the first frame is the one on display there.
        end: Where to stop, in seconds of the clip; None for its end.
        fps: Yield this many frames per second, each the last one whose time has come.
        frames: Yield at most so many.

    Raises:
        InputError: If the clip cannot be read, or holds nothing between `start` and `end`.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        start: float = 0,
        end: float | None = None,
        fps: Fraction | None = None,
        frames: int | None = None,
    ) -> None:
        self.info: ClipInfo = probe(path)
        """The whole clip."""
        self.fps: Fraction = fps or self.info.fps
        """Frames per second of what is yielded; of a variable clip its most usual rate."""
        self.is_variable: bool = self.info.is_variable and fps is None
        """The frames' own times must be written; they are no constant rate."""
        self.broken_at: int | None = None
        """After reading: the number of the first frame that could not be decoded, if the clip is damaged."""
        self._first, self._span = _cut(self.info, start, end)
        if self.info.is_hdr:
            log.warning("%s is HDR: its light is compressed to what every screen shows", self.info.path.name)
        self._limit = frames
        self._frames: Iterator[TimedFrame] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of every frame."""
        return self.info.size

    @property
    def frames(self) -> int:
        """How many frames will come, if the file does not break off."""
        count = self._count_own_times() if self.is_variable else self._count_ticks()
        return count if self._limit is None else min(count, self._limit)

    @property
    def duration(self) -> Fraction:
        """Seconds from the first frame's begin to the last one's end."""
        if not self.is_variable:
            return self.frames / self.fps
        after = self._index + self.frames
        timeline = self.info.timeline
        ends = timeline.time(after) if after < len(timeline) else timeline.duration
        return min(ends - self._first, self._span)

    @property
    def sound(self) -> AudioSource | None:
        """The sound that belongs to the frames yielded, or None if the clip has none."""
        if not self.info.has_audio:
            return None
        info, begin = self.info, self.info.timeline.start + self._first
        is_whole = begin == 0 and self.duration == info.timeline.duration
        end = None if is_whole else begin + self.duration
        return AudioSource(info.path, begin, end, info.audio_codec, info.audio_start)

    def __enter__(self) -> ClipReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[TimedFrame]:
        self.close()
        self._frames = self._read()
        return self._frames

    def since(self, number: int) -> Iterator[TimedFrame]:
        """The frames from `number` on, found by seeking where the clip is long: quick, but not proven exact.

        Files with wrong indices exist: compare the first frame with one that was decoded in order.
        """
        self.close()
        self._frames = self._read_since(number)
        return self._frames

    def close(self) -> None:
        """Stop decoding and let go of the file. Reading may begin again afterwards."""
        if self._frames is not None:
            self._frames.close()  # type: ignore[attr-defined]  # a generator: ends the decoder too
            self._frames = None

    @property
    def _index(self) -> int:
        """Number of the first frame in the clip."""
        return frame_at(self.info.timeline, self._first)

    def _count_ticks(self) -> int:
        return max(1, math.ceil((self._span - TOLERANCE / 2) * self.fps))

    def _count_own_times(self) -> int:
        stop = self._first + self._span - TOLERANCE / 2
        last = frame_at(self.info.timeline, stop)
        if last > self._index and self.info.timeline.time(last) >= stop:
            last -= 1
        return last - self._index + 1

    def _read(self) -> Iterator[TimedFrame]:
        self.broken_at = None
        decoded = decode(self.info, self._first)
        placed = self._at_own_times(decoded) if self.is_variable else self._at_ticks(decoded)
        expected, count = self.frames, 0
        try:
            for timed in placed:
                yield timed
                count += 1
                if count == expected:
                    break
        finally:
            decoded.close()  # type: ignore[attr-defined]
        self._note_break(count, expected)

    def _read_since(self, number: int) -> Iterator[TimedFrame]:
        if self.is_variable:
            decoded = decode(self.info, self.info.timeline.time(self._index + number))
        else:
            early = max(0, number - TICKS_EARLY) / self.fps
            decoded = decode(self.info, self._first + early)
        try:
            yield from self._at_own_times(decoded) if self.is_variable else self._at_ticks(decoded, number)
        finally:
            decoded.close()  # type: ignore[attr-defined]

    def _at_own_times(self, decoded: Iterator[DecodedFrame]) -> Iterator[TimedFrame]:
        last = -TOLERANCE
        for time, frame in decoded:
            last = max(last + TOLERANCE, time - self._first)  # some clips show two frames at one time
            yield TimedFrame(frame, last)

    def _at_ticks(self, decoded: Iterator[DecodedFrame], tick: int = 0) -> Iterator[TimedFrame]:
        """For each tick the last frame whose time has come, within half a frame at the clip's own rate."""
        is_own = self.fps == self.info.fps and not self.info.is_variable
        slack = 1 / self.fps / 2 if is_own else TOLERANCE / 2
        current, ends = None, Fraction(0)
        for time, frame in decoded:
            if is_own and self._first + tick / self.fps + 3 * slack < time:
                self._note_hole(tick + (current is not None))
            while current is not None and self._first + tick / self.fps + slack < time:
                yield TimedFrame(current, tick / self.fps)
                tick += 1
            current, ends = frame, time + self._last_duration
        while current is not None and self._first + tick / self.fps + slack / 2 < ends:
            yield TimedFrame(current, tick / self.fps)
            tick += 1

    @property
    def _last_duration(self) -> Fraction:
        return self.info.timeline.last_duration if self.info.is_variable else 1 / self.info.fps

    def _note_hole(self, number: int) -> None:
        """Frame `number` did not decode though later ones do."""
        if self.broken_at is None:
            self.broken_at = number
            log.warning(
                "frame %d of %s is damaged: the frame before it is shown instead", number, self.info.path.name
            )

    def _note_break(self, count: int, expected: int) -> None:
        if count == 0:
            raise InputError(f"cannot decode {self.info.path}: no frame came out of it")
        wanted_all = self._first + self._span >= self.info.timeline.duration and count != self._limit
        if count < expected or (self.info.is_cut_short and wanted_all):
            self.broken_at = count if self.broken_at is None else self.broken_at
            log.warning("%s breaks off at frame %d", self.info.path.name, count)


def _cut(info: ClipInfo, start: float, end: float | None) -> tuple[Fraction, Fraction]:
    """Time of the first frame wanted (on a frame where the rate is constant), and seconds from there."""
    duration = info.timeline.duration
    begin, stop = _exact(start), duration if end is None else min(_exact(end), duration)
    if begin >= duration:
        raise InputError(f"{info.path} is {float(duration):.2f} s long: there is nothing from {start:g} s on")
    if stop <= begin:
        raise InputError(f"nothing lies between {start:g} s and {end:g} s")
    if not info.is_variable:
        begin = info.timeline.time(frame_at(info.timeline, begin))
    return begin, stop - begin


def _exact(seconds: float) -> Fraction:
    return Fraction(seconds).limit_denominator(1_000_000)
