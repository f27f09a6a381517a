"""Files of a job as bytes, for workers that do not see its folder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from uuid import uuid4

from dreamvideo.errors import EncodeError
from dreamvideo.farm.shots import BATCH, SHOT, Piece
from dreamvideo.jobs.parts import UNFINISHED
from dreamvideo.media.durable import replace_durably
from dreamvideo.media.stills import find_stills

Parcel = dict[str, bytes]
"""Path in the job's folder -> content, in the order in which they must be written."""

CHUNK = 32 << 20  # bytes of a file that travel together
ORDER = (".npz", ".json", ".mkv")  # the frames are last: before them nothing counts


def needed_by(piece: Piece, folder: Path) -> Parcel:
    """What a piece is begun with: the state that lies behind a part, or a fall's stills."""
    if piece.kind == BATCH or (piece.kind == SHOT and piece.begins_shot):
        return {}
    name = f"{piece.first:08}" if piece.kind == SHOT else "[0-9]*"
    found = sorted((folder / "states").glob(f"{name}.npz"))[:1]
    return {f"states/{path.name}": path.read_bytes() for path in found}


def take_finished(folder: Path) -> Parcel:
    """Take what is finished out of a worker's own folder."""
    found = (path for part in ("states", "parts") for path in (folder / part).glob("*"))
    paths = [path for path in found if not path.name.startswith(UNFINISHED)]
    paths.sort(key=lambda path: ORDER.index(path.suffix))
    parcel = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    for path in paths:
        path.unlink()
    return parcel


def put(parcel: Parcel, folder: Path) -> None:
    """Put files into a job's folder, each whole and for good.

    Raises:
        EncodeError: The disk is full, or the folder cannot be written in.
    """
    try:
        for name, content in parcel.items():
            target = folder / name
            target.parent.mkdir(exist_ok=True)
            part = target.with_name(f"{UNFINISHED}{uuid4().hex}-{target.name}")
            part.write_bytes(content)
            replace_durably(part, target)
            if target.suffix == ".mkv":
                (folder / "states" / f"{target.name.split('-')[0]}.npz").unlink(missing_ok=True)
    except OSError as error:
        raise EncodeError(f"cannot write into {folder}: {error.strerror}") from error


def input_files(path: Path) -> list[Path]:
    """The files that an input consists of: itself, or the stills of a folder or pattern."""
    return find_stills(path) if path.is_dir() or not path.exists() else [path]


def chunks(path: Path) -> Iterator[bytes]:
    """A file's content, piece by piece."""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def unpack_input(name: str, path: Path, files: Mapping[str, Iterable[bytes]], folder: Path) -> Path:
    """Write an input into a worker's own folder. Returns where it is there: a file, or a folder of stills.

    Args:
        name: which input. files: name -> content of each of its files.
    """
    place = folder / name
    place.mkdir()
    for file_name, content in files.items():
        with (place / os.path.basename(file_name)).open("wb") as file:
            file.writelines(content)
    return place / path.name if path.name in files else place
