"""What can be written, and whether it can be written there."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Literal

from dreamvideo.errors import OutputError, UsageError
from dreamvideo.media.stills import kind_of_input

VIDEO_ENDINGS = (".mp4", ".mov", ".webm", ".mkv")
ANIMATION_ENDINGS = (".gif", ".webp", ".apng", ".avif")
STILL_ENDINGS = (".png", ".jpg", ".jpeg", ".webp")

OutputKind = Literal["clip", "still", "frames"]


def kind_of_output(path: str | Path, *, from_still: bool = False) -> OutputKind:
    """What `path` asks for: a clip, a still, or a folder of numbered PNGs ("frames").

    A folder is asked for by a slash at the end, by a folder that exists, or by no ending at all. ``.webp``
    is a still if it comes `from_still`, else an animation.

    Raises:
        OutputError: If the ending is none that can be written; names those that can.
    """
    ending = Path(path).suffix.lower()
    if str(path).endswith(("/", os.sep)) or ending == "" or Path(path).is_dir():
        return "frames"
    if ending in STILL_ENDINGS and (from_still or ending != ".webp"):
        return "still"
    if ending in VIDEO_ENDINGS + ANIMATION_ENDINGS:
        return "clip"
    known = ", ".join(name[1:] for name in (*VIDEO_ENDINGS, *ANIMATION_ENDINGS, ".png", ".jpg"))
    raise OutputError(
        f"cannot write '{ending}' files: end {Path(path).name} in {known}, or name a folder for PNGs"
    )


def check_output(path: str | Path, *, overwrite: bool, input_path: str | Path | None = None) -> None:
    """Make sure that `path` can be written, before any work; touches nothing.

    Raises:
        OutputError: Its folder is missing or may not be written in, its ending is unknown, it is the input
            itself (under any name), it exists and `overwrite` is False, or a folder is in its place.
    """
    kind = kind_of_output(path)
    target = Path(os.path.abspath(path))
    folder = target.parent
    if not folder.is_dir():
        raise OutputError(f"the folder {folder} does not exist: make it first")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"cannot write into {folder}: permission denied")
    if input_path is not None and _is_same(target, Path(input_path)):
        raise OutputError(f"{path} is the input itself: give the output another name")
    if kind == "frames":
        _check_folder(target, overwrite)
    elif target.is_dir():
        raise OutputError(f"{path} is a folder")
    elif os.path.lexists(target) and not overwrite:
        raise OutputError(f"{path} exists: add --overwrite to replace it")


def check_job(source: Path, target: str | Path, *, overwrite: bool) -> Literal["still", "clip"]:
    """See that `source` can be read and `target` written, in seconds, before a network is loaded.

    Returns:
        "still" or "clip", by what goes in and what shall come out.

    Raises:
        InputError, OutputError, UsageError
    """
    kind = kind_of_input(source)
    check_output(target, overwrite=overwrite, input_path=source)
    wanted = kind_of_output(target, from_still=kind == "still")
    if kind == "still" and wanted == "still":
        return "still"
    if kind == "still":
        raise UsageError(f"{source} is a still: give the output an ending like .png or .jpg")
    if wanted == "still":
        raise UsageError(
            f"{source} is a clip: give the output an ending like .mp4 or .gif, or --frames 1 and a folder"
        )
    return "clip"


def work_folder(path: Path, place: Path | None = None) -> tempfile.TemporaryDirectory[str]:
    """A folder for unfinished files, on the disk of `path` so that they can be renamed into place.

    It lies in `place`, else hidden beside `path`.

    Raises:
        OutputError: If it cannot be made.
    """
    prefix = "work-" if place else f".{path.name[:60]}.part-"
    folder = place or path.parent
    try:
        return tempfile.TemporaryDirectory(prefix=prefix, dir=folder, ignore_cleanup_errors=True)
    except OSError as error:
        raise OutputError(f"cannot write into {folder}: {error.strerror}") from error


def _check_folder(target: Path, overwrite: bool) -> None:
    if os.path.lexists(target) and not target.is_dir():
        raise OutputError(f"{target} is a file, not a folder for frames; an ending such as .mp4 makes a film")
    if not target.is_dir():
        return
    if not os.access(target, os.W_OK | os.X_OK):
        raise OutputError(f"cannot write into {target}: permission denied")
    if any(target.iterdir()) and not overwrite:
        raise OutputError(f"the folder {target} is not empty: add --overwrite to put the frames there")


def _is_same(target: Path, source: Path) -> bool:
    """Whether both names lead to one file, through links of either kind."""
    try:
        return os.path.samefile(target, source)
    except OSError:  # one does not exist
        return os.path.realpath(target) == os.path.realpath(source)
