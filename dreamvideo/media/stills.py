"""A folder or pattern of numbered pictures, read like a clip; and what kind of input a path is."""

from __future__ import annotations

import fnmatch
import logging
import os
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Literal

import numpy as np

from dreamvideo.errors import InputError
from dreamvideo.images import read_still
from dreamvideo.media.probe import require_file
from dreamvideo.media.reader import ClipReader, TimedFrame
from dreamvideo.media.timing import DEFAULT_FPS

log = logging.getLogger("dreamvideo")

PICTURE_ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")

InputKind = Literal["clip", "still", "stills"]

_NUMBER_FIELD = re.compile(r"%(0?)(\d*)d")  # as in shot_%04d.png
_WILDCARDS = re.compile(r"[*?]|\[.+\]")


def kind_of_input(path: str | Path) -> InputKind:
    """What is at `path`: a clip (also a GIF), a still, or stills.

    Stills are a folder of pictures, or a pattern like ``shot_%04d.png`` or ``shot_*.png``.
    A file is known by its first bytes, not by its ending; a name that exists is no pattern.

    Raises:
        InputError: If there is nothing at `path`, or nothing that can be read.
    """
    path = Path(path)
    if path.is_dir() or (not path.exists() and _is_pattern(path.name)):
        return "stills"
    require_file(path)
    return "still" if _is_still(path) else "clip"


def open_clip(
    path: str | Path,
    *,
    start: float = 0,
    end: float | None = None,
    fps: Fraction | None = None,
    frames: int | None = None,
) -> ClipReader | StillsReader:
    """The reader for what is at `path`; see `ClipReader` and `StillsReader`."""
    if kind_of_input(path) == "stills":
        return StillsReader(path, start=start, end=end, fps=fps, frames=frames)
    return ClipReader(path, start=start, end=end, fps=fps, frames=frames)


class StillsReader:
    """Numbered pictures as a clip: the same interface as `ClipReader`, at 25 frames per second or `fps`.

    They come in the order of the numbers in their names (2 before 10), each as large as the first.

    Raises:
        InputError: If there is no picture, or the first cannot be read.
    """

    is_variable = False
    sound = None

    def __init__(
        self,
        path: str | Path,
        *,
        start: float = 0,
        end: float | None = None,
        fps: Fraction | None = None,
        frames: int | None = None,
    ) -> None:
        self.fps: Fraction = fps or DEFAULT_FPS
        found = find_stills(Path(path))
        first, stop = round(start * self.fps), len(found) if end is None else round(end * self.fps)
        self.paths: Sequence[Path] = found[first:stop][:frames]
        if not self.paths:
            raise InputError(f"{path} holds {len(found)} pictures: none lies in the part asked for")
        height, width = read_still(self.paths[0]).shape[:2]
        self.size: tuple[int, int] = (width, height)
        self.broken_at: int | None = None
        """After reading: the number of the first picture that could not be used, if there was one."""

    @property
    def frames(self) -> int:
        return len(self.paths)

    @property
    def duration(self) -> Fraction:
        return self.frames / self.fps

    def __enter__(self) -> StillsReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[TimedFrame]:
        """The pictures up to the first that cannot be used."""
        self.broken_at = None
        for number, path in enumerate(self.paths):
            try:
                frame = self._read(path)
            except InputError as error:
                self.broken_at = number
                log.warning("stopped at frame %d: %s", number, error)
                return
            yield TimedFrame(frame, number / self.fps)

    def since(self, number: int) -> Iterator[TimedFrame]:
        """The pictures from `number` on."""
        return (TimedFrame(self._read(path), place / self.fps) for place, path in self._from(number))

    def _from(self, number: int) -> Iterator[tuple[int, Path]]:
        return enumerate(self.paths[number:], number)

    def close(self) -> None:
        """Nothing is held open."""

    def _read(self, path: Path) -> np.ndarray:
        frame = read_still(path)
        size = (frame.shape[1], frame.shape[0])
        if size != self.size:
            raise InputError(
                f"{path} is {size[0]}x{size[1]}, the pictures before it {self.size[0]}x{self.size[1]}"
            )
        return frame


def find_stills(path: Path) -> list[Path]:
    """The pictures of a folder or pattern, by the numbers in their names.

    Raises:
        InputError: If there are none.
    """
    folder = path if path.is_dir() else path.parent
    if not folder.is_dir():
        raise InputError(f"no such folder: {folder}")
    wanted = _picture_names() if path.is_dir() else _pattern(path.name)
    names = (name for name in os.listdir(folder) if wanted.fullmatch(name) and not name.startswith("."))
    found = [folder / name for name in sorted(names, key=_numeric_order)]
    if not found:
        raise InputError(f"no pictures ({', '.join(ending[1:] for ending in PICTURE_ENDINGS)}) match {path}")
    return found


def _is_pattern(name: str) -> bool:
    return bool(_NUMBER_FIELD.search(name) or _WILDCARDS.search(name))


def _pattern(name: str) -> re.Pattern[str]:
    """File names that ``shot_%04d.png`` or ``shot_*.png`` stands for."""
    field = _NUMBER_FIELD.search(name)
    if field is None:
        return re.compile(fnmatch.translate(name))
    digits = rf"\d{{{int(field[2])},}}" if field[1] and field[2] else r"\d+"
    return re.compile(re.escape(name[: field.start()]) + digits + re.escape(name[field.end() :]))


def _picture_names() -> re.Pattern[str]:
    return re.compile(r".*(" + "|".join(re.escape(ending) for ending in PICTURE_ENDINGS) + ")", re.IGNORECASE)


def _numeric_order(name: str) -> tuple[list[str | int], str]:
    """Sorts 2 before 10: text and numbers in turn (a split leaves the numbers at odd places)."""
    parts = re.split(r"(\d+)", name.lower())
    return [int(part) if place % 2 else part for place, part in enumerate(parts)], name


def _is_still(path: Path) -> bool:
    """Whether the file's first bytes are those of a picture that does not move."""
    with path.open("rb") as file:
        head = file.read(64 * 1024)
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return (
            b"acTL" not in head.split(b"IDAT")[0]
        )  # the mark of an animated PNG comes before its first data
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return not (head[12:16] == b"VP8X" and head[20] & 0x02)
    if head[4:8] == b"ftyp":
        return head[8:12] in (b"avif", b"heic", b"mif1")
    return head.startswith((b"\xff\xd8\xff", b"BM", b"II*\x00", b"MM\x00*"))
