"""A folder of numbered PNGs as an output, and the choice between it and a file."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np

from dreamvideo.errors import EncodeError
from dreamvideo.media.fit import Wish
from dreamvideo.media.outputs import kind_of_output, work_folder
from dreamvideo.media.sound import AudioSource
from dreamvideo.media.writer import ClipWriter

FRAME_NAME = "frame_{:06d}.png"  # numbered from 0
_FRAME_NAMES = re.compile(r"frame_\d{6,}\.png")


def open_writer(
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
) -> ClipWriter | FramesWriter:
    """The writer for what `path` asks for; see `ClipWriter`."""
    if kind_of_output(path) == "frames":
        return FramesWriter(path, size, work)
    return ClipWriter(
        path,
        size,
        fps,
        crf=crf,
        audio=audio,
        variable=variable,
        metadata=metadata,
        duration=duration,
        work=work,
        wish=wish,
    )


class FramesWriter:
    """Write frames as ``frame_000000.png`` and so on into a folder; the interface of `ClipWriter`.

    They are collected in a folder of their own and appear together when the block ends well. A folder that is
    there keeps its other files; frames that an earlier run left in it are replaced.

    Args:
        path: The folder; made if it is missing, not its parents.
        size: (width, height) of the frames.
        work: As in `ClipWriter`.
    """

    def __init__(self, path: str | Path, size: tuple[int, int], work: Path | None = None) -> None:
        self.path = Path(os.path.abspath(path))
        self.size = size
        self._work = work
        self.frames = 0
        """How many were written."""
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> FramesWriter:
        self._folder = work_folder(self.path, self._work)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and self._folder is not None:
                self._complete(self.path)
        finally:
            self.abandon()

    def write(self, frame: np.ndarray, time: Fraction | float | None = None) -> None:
        """Add a frame, (height, width, 3) uint8 RGB. Its time is not kept.

        Raises:
            ValueError: If the frame has another shape or type.
            EncodeError: If it cannot be written.
        """
        if self._folder is None:
            raise ValueError("the writer is not open")
        if frame.shape != (self.size[1], self.size[0], 3) or frame.dtype != np.uint8:
            raise ValueError(
                f"expected a {self.size[::-1]} frame of uint8 RGB, got {frame.shape} {frame.dtype}"
            )
        done, data = cv2.imencode(".png", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
        if not done:
            raise EncodeError(f"cannot encode frame {self.frames} as PNG")
        try:
            (Path(self._folder.name) / FRAME_NAME.format(self.frames)).write_bytes(data.tobytes())
        except OSError as error:
            raise EncodeError(f"cannot write frame {self.frames} of {self.path}: {error.strerror}") from error
        self.frames += 1

    def finish_partial(self, path: str | Path) -> None:
        """Put the frames written so far into the folder `path` instead; ends the writing."""
        try:
            self._complete(Path(os.path.abspath(path)))
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Remove everything unfinished. May be called again."""
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _complete(self, target: Path) -> None:
        if self.frames == 0 or self._folder is None:
            raise EncodeError(f"no frame was written to {target.name}")
        try:
            if not target.exists():
                os.chmod(self._folder.name, _usual_mode())
                os.rename(self._folder.name, target)  # all at once
                return
            for old in target.iterdir():
                if _FRAME_NAMES.fullmatch(old.name):
                    old.unlink()
            for frame in sorted(Path(self._folder.name).iterdir()):
                shutil.move(frame, target / frame.name)
        except OSError as error:
            raise EncodeError(f"cannot write into {target}: {error.strerror}") from error


def _usual_mode() -> int:
    """The permissions that `mkdir` gives; temporary folders are their owner's alone."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o777 & ~mask
