"""A file's tags (title, comment, ...), in which a film carries its recipe."""

from __future__ import annotations

import re
from pathlib import Path

from dreamvideo.errors import InputError
from dreamvideo.media.ffmpeg import Ffmpeg, input_args
from dreamvideo.media.probe import require_file

# key=value, where a backslash protects the character after it; ; and # begin comments
_TAG = re.compile(r"^((?:\\.|[^\\=\n;#\[])(?:\\.|[^\\=\n])*)=((?:\\.|[^\\\n])*)$", re.DOTALL | re.MULTILINE)
_PART = re.compile(r"(?<!\\)\n\[(CHAPTER|STREAM|PROGRAM)\]\n")  # tags from here on are not the file's


def read_tags(path: str | Path) -> dict[str, str]:
    """The tags of a clip by their lower-case names.

    Raises:
        InputError: If it is missing or cannot be read.
    """
    path = Path(path)
    require_file(path)
    with Ffmpeg(["-loglevel", "error", *input_args(path), "-f", "ffmetadata", "-"], yields=True) as process:
        text = process.read(-1).decode("utf-8", "replace")
        if process.finish() != 0:
            raise InputError(f"{path} is not a video, or is damaged")
    own = text[: part.start() + 1] if (part := _PART.search(text)) else text
    return {_unprotect(key).lower(): _unprotect(value) for key, value in _TAG.findall(own)}


def _unprotect(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
