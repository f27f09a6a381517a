"""A picture, clip or folder that runs beside a clip, frame by frame: a guide, a mask."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from dreamvideo.errors import InputError
from dreamvideo.images import read_still
from dreamvideo.media.reader import ClipReader, TimedFrame
from dreamvideo.media.stills import StillsReader, kind_of_input, open_clip


class Beside:
    """The frame of a picture or clip that belongs to a frame of another clip.

    Frames are asked for mostly in order: going back reads the clip again from its beginning.

    Args:
        path: A picture serves every frame; of a clip or folder, frame i goes with frame i.
        repeats: Whether a clip that is too short starts again; else it is an error.
        start, end, fps, frames: As in `ClipReader`: those of the other clip, so that both stay together.

    Raises:
        InputError: There is nothing that can be read.
    """

    def __init__(
        self,
        path: Path,
        *,
        repeats: bool = False,
        start: float = 0,
        end: float | None = None,
        fps: Fraction | None = None,
        frames: int | None = None,
    ) -> None:
        self.path = path
        self._repeats = repeats
        self._still = read_still(path) if kind_of_input(path) == "still" else None
        self._reader: ClipReader | StillsReader | None = None
        if self._still is None:
            self._reader = open_clip(path, start=start, end=end, fps=fps, frames=frames)
        self._frames: Iterator[TimedFrame] = iter(())
        self._next = 0  # which frame `_frames` gives next
        self._count: int | None = None  # of the clip's frames, once its end was seen
        self._newest: tuple[int, np.ndarray] | None = None

    @property
    def moves(self) -> bool:
        """Whether there is more than one frame."""
        return self._still is None

    @property
    def expected(self) -> int | None:
        """How many frames there should be, as far as the file tells; None: enough for any clip."""
        return None if self._reader is None else self._reader.frames

    def close(self) -> None:
        """Let go of the file."""
        if self._reader is not None:
            self._reader.close()

    def at(self, frame: int) -> np.ndarray:
        """uint8 RGB (H, W, 3).

        Raises:
            InputError: The clip has no such frame.
        """
        if self._still is not None:
            return self._still
        if self._count is not None and self._repeats:
            frame %= self._count
        if self._newest is not None and self._newest[0] == frame:
            return self._newest[1]
        picture = self._read(frame)
        if picture is None and self._repeats and self._count:
            return self.at(frame)
        if picture is None:
            raise InputError(f"{self.path} has only {self._count} frames, the clip it goes with has more")
        self._newest = frame, picture
        return picture

    def _read(self, frame: int) -> np.ndarray | None:
        """Frame number `frame`, or None past the end, which is then known."""
        assert self._reader is not None
        if self._next == 0 or frame < self._next:
            self._frames, self._next = iter(self._reader), 0
        for timed in self._frames:
            self._next += 1
            if self._next > frame:
                return timed.frame
        self._count, self._next = self._next, 0
        return None
