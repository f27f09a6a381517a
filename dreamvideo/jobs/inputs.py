"""The files that a job reads: their content decides the film, and must stay what it was."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from dreamvideo.errors import InputError
from dreamvideo.media.stills import find_stills, kind_of_input
from dreamvideo.recipe import hash_file

Signature = tuple[int, int, int]  # bytes, ns of the last change, number of the file


class Inputs:
    """Files by the part they play (`input`, `guide`, ...), watched from the moment this is made.

    A folder or pattern of stills is all the pictures in it.
    """

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._files = {part: _files_at(path) for part, path in files.items()}
        self._seen = {path: _signature(path) for path in self._all()}

    def hashes(self, leave_out: str = "") -> dict[str, str]:
        """SHA-256 of what is in them, by the part they play, but for the part to `leave_out`.

        Raises:
            InputError: One cannot be read, or was changed meanwhile.
        """
        found = {part: _hash(paths) for part, paths in self._files.items() if part != leave_out}
        self.check()
        return found

    def check(self) -> None:
        """Raise InputError if one was changed or exchanged. One that is gone did no harm if it was read."""
        for path, seen in self._seen.items():
            now = _signature(path)
            if now is not None and now != seen:
                raise InputError(f"{path} was changed while it was read: start again with --fresh")

    def _all(self) -> Iterator[Path]:
        for paths in self._files.values():
            yield from paths


def _files_at(path: Path) -> list[Path]:
    return find_stills(path) if kind_of_input(path) == "stills" else [path]


def _signature(path: Path) -> Signature | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino


def _hash(paths: list[Path]) -> str:
    """Of one file its hash; of several that of their names and hashes."""
    if len(paths) == 1:
        return hash_file(paths[0])
    together = hashlib.sha256()
    for path in paths:
        together.update(f"{path.name}\0{hash_file(path)}\n".encode("utf-8", "surrogateescape"))
    return together.hexdigest()
