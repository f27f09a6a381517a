"""What was dropped on the page: streamed to disk under a name of the studio's own, and looked into.

An upload is a folder `uploads/ID/` with `source.EXT`, `upload.json`, `frame.jpg` and its previews.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from dreamvideo.errors import DreamVideoError, InputError, UsageError
from dreamvideo.studio.folders import new_id, read_json, write_json

MEDIA_TYPES = {
    "mp4": "video/mp4",
    "m4v": "video/mp4",
    "mov": "video/quicktime",
    "webm": "video/webm",
    "mkv": "video/x-matroska",
    "avi": "video/x-msvideo",
    "gif": "image/gif",
    "png": "image/png",
    "apng": "image/apng",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
}
"""Endings that are kept, and what browsers are told. Any other file is kept, and told, as `bin`."""

MAX_BYTES = 2_000_000_000
RESERVE_BYTES = 500_000_000  # left free on the disk, for the dreams
STALL_SECONDS = 20.0  # without a byte


class TooLargeError(UsageError):
    """More than the studio takes."""


class DiskFullError(DreamVideoError):
    """Not enough space for the upload."""


class StalledError(DreamVideoError):
    """The sender stopped sending."""


@dataclass(frozen=True)
class Upload:
    """Attributes: name: as its owner calls it, for showing. facts: see `previewer.look`."""

    id: str
    name: str
    source: str
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def is_still(self) -> bool:
        return bool(self.facts.get("kind") == "still")


class Uploads:
    """The uploads of a studio in `folder`."""

    def __init__(
        self, folder: Path, max_bytes: int = MAX_BYTES, stall_seconds: float = STALL_SECONDS
    ) -> None:
        self.folder = folder
        self.max_bytes, self.stall_seconds = max_bytes, stall_seconds
        folder.mkdir(parents=True, exist_ok=True)

    def place(self, id: str) -> Path:
        return self.folder / id

    def source(self, upload: Upload) -> Path:
        return self.place(upload.id) / upload.source

    def find(self, id: str) -> Upload | None:
        data = read_json(self.place(id) / "upload.json")
        return None if data is None else Upload(**data)

    def check(self, size: int, coming: int) -> None:
        """See that a file of `size` bytes, of which `coming` are yet to be written, may be kept.

        Raises:
            TooLargeError, DiskFullError
        """
        if size > self.max_bytes:
            raise TooLargeError(
                f"the file is larger than {_size(self.max_bytes)}: cut it, or make it smaller"
            )
        if shutil.disk_usage(self.folder).free - coming < RESERVE_BYTES:
            raise DiskFullError("the disk is nearly full: make space, then try again")

    async def receive(self, name: str, declared: int | None, chunks: AsyncIterator[bytes]) -> Upload:
        """Write what comes to disk. On any error nothing of it stays.

        Raises:
            TooLargeError, DiskFullError, StalledError, InputError (empty, or less than declared)
        """
        self.check(declared or 0, declared or 0)
        upload = self._new(name)
        try:
            received = await self._write(self.source(upload), chunks)
            if received == 0:
                raise InputError(f"{upload.name} is empty")
            if declared is not None and received != declared:
                raise InputError(f"only {received} of {declared} bytes arrived")
        except BaseException:
            self.remove(upload.id)
            raise
        return upload

    async def _write(self, path: Path, chunks: AsyncIterator[bytes]) -> int:
        received = 0
        with path.open("xb") as file:
            while True:
                try:
                    chunk = await asyncio.wait_for(anext(chunks, None), self.stall_seconds)
                except asyncio.TimeoutError as error:
                    raise StalledError(f"nothing came for {self.stall_seconds:.0f} s: try again") from error
                if chunk is None:
                    return received
                received += len(chunk)
                self.check(received, len(chunk))
                await asyncio.to_thread(file.write, chunk)

    def take_sample(self, number: int) -> Upload:
        """A sample as an upload.

        Raises:
            InputError: there is no such sample.
        """
        found = samples()
        if not 0 <= number < len(found):
            raise InputError("there is no such sample")
        upload = self._new(found[number].name)
        shutil.copyfile(found[number], self.source(upload))
        return upload

    def keep(self, upload: Upload, facts: dict[str, Any]) -> Upload:
        """Write down what is known of an upload; from then on it can be found."""
        known = Upload(upload.id, upload.name, upload.source, facts)
        write_json(self.place(upload.id) / "upload.json", asdict(known))
        return known

    def remove(self, id: str) -> None:
        shutil.rmtree(self.place(id), ignore_errors=True)

    def remove_all_but(self, ids: set[str]) -> None:
        """Remove what no dream was made of."""
        for path in self.folder.iterdir():
            if path.name not in ids:
                self.remove(path.name)

    def _new(self, name: str) -> Upload:
        shown = re.sub(r"[\x00-\x1f\x7f/\\]+", " ", name).strip()[-120:] or "untitled"
        ending = shown.rpartition(".")[2].lower()
        upload = Upload(new_id(), shown, f"source.{ending if ending in MEDIA_TYPES else 'bin'}")
        self.place(upload.id).mkdir()
        return upload


def samples() -> list[Path]:
    """The files to try the studio with: inside the package, or beside it in a checkout."""
    inside = Path(str(resources.files("dreamvideo.studio"))) / "samples"
    beside = Path(str(resources.files("dreamvideo"))).parent / "samples"
    folder = inside if inside.is_dir() else beside
    return sorted(path for path in folder.glob("*.*") if path.suffix[1:] in MEDIA_TYPES)


def _size(count: int) -> str:
    return f"{count / 1e9:.3g} GB" if count >= 1e9 else f"{count / 1e6:.3g} MB"
