"""Finished frames: each part a lossless file that is there in full or not at all."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from dreamvideo.errors import EncodeError, InputError, JobError
from dreamvideo.jobs.state import load_state, save_state
from dreamvideo.media.durable import replace_durably
from dreamvideo.media.lossless import LosslessWriter, read_lossless
from dreamvideo.recipe import hash_file

UNFINISHED = "unfinished-"  # begins the names of files that no one needs once the lock is free


@dataclass(frozen=True, order=True)
class Part:
    """Frames `first` to `end` - 1 of a film."""

    first: int
    end: int

    @property
    def name(self) -> str:
        return f"{self.first:08}-{self.end:08}"


class PartStore:
    """The parts of one film and the states behind them, in a job's folder."""

    def __init__(self, folder: Path, size: tuple[int, int]) -> None:
        self.size = size
        self._parts, self._states = folder / "parts", folder / "states"

    def finished(self, first: int = 0) -> list[Part]:
        """The parts that follow each other without a gap from frame `first` on.

        Of several ways the one that leads furthest counts.
        """
        arrived: dict[int, Part] = {}
        for part in self.all():
            if part.first == first or part.first in arrived:
                arrived[part.end] = part
        chain: list[Part] = []
        at = max(arrived, default=first)
        while at != first:
            chain.append(arrived[at])
            at = arrived[at].first
        return chain[::-1]

    def all(self) -> list[Part]:
        """Every part that is there, in order."""
        names = (path.stem.split("-") for path in self._parts.glob("[0-9]*-[0-9]*.mkv"))
        return sorted(Part(int(begin), int(end)) for begin, end in names)

    def state(self, frame: int, kind: type[Any]) -> Any | None:
        """What frame `frame` needs of those before it, if that was kept."""
        path = self._state_path(frame)
        return load_state(path, kind) if path.exists() else None

    def any_state(self, kind: type[Any]) -> Any | None:
        """What one of the frames needs; for films whose states tell the same of them all."""
        for path in sorted(self._states.glob("[0-9]*.npz")):
            with contextlib.suppress(JobError):  # another has just removed it
                return load_state(path, kind)
        return None

    def keeps_state(self, frame: int) -> bool:
        """Whether `state` has something to give."""
        return self._state_path(frame).exists()

    def read(self, part: Part) -> Iterator[tuple[np.ndarray, Fraction]]:
        """A part's frames, each with its time.

        Raises:
            JobError: The part is damaged.
        """
        path = self._path(part, ".mkv")
        try:
            told = json.loads(self._path(part, ".json").read_text("utf-8"))
            times = [Fraction(time) for time in told["times"]]
            is_whole = hash_file(path) == told["sha256"] and len(times) == part.end - part.first
        except (OSError, InputError, ValueError, KeyError, TypeError, ZeroDivisionError):
            is_whole = False
        if is_whole:
            for frame in read_lossless(path, self.size):
                yield frame, times.pop(0)
            is_whole = not times
        if not is_whole:
            raise JobError(f"{path} is damaged: add --fresh to start over")

    def open(self, first: int) -> PartWriter:
        """The writer of a part that begins with frame `first`."""
        return PartWriter(self, first)

    def _path(self, part: Part, ending: str) -> Path:
        return self._parts / (part.name + ending)

    def _state_path(self, frame: int) -> Path:
        return self._states / f"{frame:08}.npz"


class PartWriter:
    """Collects frames; `commit` makes them a part. Leaving the block drops what was not committed."""

    def __init__(self, store: PartStore, first: int) -> None:
        self.first = self.end = first
        self._store = store
        self._times: list[Fraction] = []
        self._file: LosslessWriter | None = None

    def __enter__(self) -> PartWriter:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.abandon()

    def write(self, frame: np.ndarray, time: Fraction) -> None:
        """Add a frame. Raises EncodeError."""
        if self._file is None:
            with _told_errors(self._store._parts):
                self._store._parts.mkdir(exist_ok=True)
            name = f"{UNFINISHED}{self.first:08}-{uuid4().hex}.mkv"  # several machines may write here
            self._file = LosslessWriter(self._store._parts / name, self._store.size)
        self._file.write(frame)
        self._times.append(time)
        self.end += 1

    def commit(self, state: Any) -> None:
        """Put the frames and the state behind them on the disk for good, then begin the next part.

        The file of the frames is renamed last: before that nothing counts.

        Raises:
            EncodeError: The disk is full, or the folder cannot be written in.
        """
        store, part = self._store, Part(self.first, self.end)
        with _told_errors(store._parts):
            store._states.mkdir(exist_ok=True)
            save_state(state, store._state_path(part.end))
            if self._file is not None:
                self._file.finish()
                told = {"times": [str(time) for time in self._times], "sha256": hash_file(self._file.path)}
                _write_text(store._path(part, ".json"), json.dumps(told))
                replace_durably(self._file.path, store._path(part, ".mkv"))
                store._state_path(part.first).unlink(missing_ok=True)
        self.first, self._times, self._file = self.end, [], None


def _write_text(path: Path, text: str) -> None:
    """Write a small file that is whole under its name."""
    part = path.with_name(f"{UNFINISHED}{uuid4().hex}-{path.name}")
    try:
        part.write_text(text, "utf-8")
        replace_durably(part, path)
    finally:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def _told_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EncodeError(f"cannot write into {folder}: {error.strerror or error}") from error
