"""Who works in a folder: a lock that the system takes back when its holder dies, however it dies."""

from __future__ import annotations

import json
import os
import socket
import sys
from datetime import datetime
from pathlib import Path

from dreamvideo.errors import JobError

NAME_AT, TOLD = 0, 4096  # the lock's file begins with who holds it, in at most so many bytes
MOST_SHARING = 1 << 16  # processes, on Windows
LOCKED_AT = 1 << 20  # Windows forbids others to read what is locked: so that is far behind

if sys.platform == "win32":
    import msvcrt

    def _take(handle: int, shared: bool = False) -> None:
        # no shared locks there: who shares locks one byte of many, who does not locks them all
        os.lseek(handle, LOCKED_AT + (os.getpid() % MOST_SHARING if shared else 0), os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1 if shared else MOST_SHARING)
else:
    import fcntl

    def _take(handle: int, shared: bool = False) -> None:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)


class Lock:
    """Holds the file `path` from its making until `release`, or until this process ends.

    `shared`: with others who share it.

    Raises:
        JobError: Another process holds it; says which. Or the file cannot be made.
    """

    def __init__(self, path: Path, shared: bool = False) -> None:
        self._handle = _hold(path, shared)
        mine = {"process": os.getpid(), "machine": socket.gethostname(), "since": _now()}
        os.ftruncate(self._handle, 0)
        os.lseek(self._handle, NAME_AT, os.SEEK_SET)
        os.write(self._handle, json.dumps(mine).encode())

    @property
    def is_held(self) -> bool:
        return self._handle >= 0

    def release(self) -> None:
        """Let go. May be called again."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def holder(path: Path) -> str | None:
    """Who holds the lock `path`, in words; None if nobody does."""
    try:
        handle = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return None
    try:
        _take(handle)
    except OSError:
        return _told(handle)
    finally:
        os.close(handle)
    return None


def _hold(path: Path, shared: bool) -> int:
    """A handle that holds the lock, on the file that is at `path` now."""
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)
        except OSError as error:
            raise JobError(f"cannot work in {path.parent}: {error.strerror}") from error
        try:
            _take(handle, shared)
        except OSError as error:
            who = _told(handle)
            os.close(handle)
            raise JobError(f"{who} is already at {path.parent.name}: wait, or stop it first") from error
        if _is_at(path, handle):
            return handle
        os.close(handle)  # its holder removed it just before we got it


def _is_at(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(handle))
    except OSError:
        return False


def _told(handle: int) -> str:
    """What the holder wrote about itself."""
    try:
        os.lseek(handle, NAME_AT, os.SEEK_SET)
        told = json.loads(os.read(handle, TOLD))
        return f"process {told['process']} on {told['machine']} (since {told['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


def _now() -> str:
    return datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")
