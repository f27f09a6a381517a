"""Files that are there in full once they are there at all, also after the power went."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def replace_durably(part: Path, target: Path) -> None:
    """Rename the finished file `part` to `target`, on the same disk, after its bytes are on the disk.

    Raises:
        OSError: It cannot be done; `target` is then as it was.
    """
    _sync(part)
    os.replace(part, target)
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Put a folder's names on the disk, where the system can do that."""
    with contextlib.suppress(OSError):  # not on Windows, nor on every network disk
        _sync(folder)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
