"""dreamvideo's own processes, as the studio starts them. ffmpeg is not among them: see `media.ffmpeg`.

A *run* is a command line in a session of its own. It outlives whoever started it; that it lives is told by a
lock which it holds and the system lets go of with it, so that a later process can watch it, and a number that
another process has got meanwhile is never mistaken for it. An *assistant* answers requests, one at a time,
and ends with the one who asks. POSIX only.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from dreamvideo.errors import DreamVideoError

GRACE_SECONDS = 3.0  # given to an assistant to end by itself before it is killed


Run = subprocess.Popen[bytes]


class ProcessError(DreamVideoError):
    """A process of our own could not be started, died, or did not answer in time."""


def start_run(arguments: Sequence[str], folder: Path, log: Path, lock: Path) -> Run:
    """Start `dreamvideo ARGUMENTS` in `folder`, in a session of its own; what it says is added to `log`.

    Keep the answer and `poll` it, so that a run that has ended is not left as a zombie.

    Raises:
        ProcessError: it cannot be started, or the run that holds `lock` is still alive.
    """
    try:
        with open(lock, "w") as held, open(log, "ab") as said:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return subprocess.Popen(
                [sys.executable, "-m", "dreamvideo", *arguments],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
                pass_fds=[held.fileno()],  # the child inherits the lock, and is then its only holder
            )
    except BlockingIOError as error:
        raise ProcessError(f"the run in {folder} has not ended yet") from error
    except OSError as error:
        raise ProcessError(f"cannot start a run in {folder}: {error.strerror}") from error


def is_running(lock: Path) -> bool:
    """Whether the run that was started with `lock` is alive."""
    try:
        with open(lock) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def signal_run(pid: int, lock: Path, number: signal.Signals) -> None:
    """Send a signal to a run and all that it started, if it is alive."""
    if is_running(lock):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, number)


class Assistant:
    """A module of ours that answers one JSON line with another, as a context manager that ends it.

    Args:
        module: its dotted name; it reads requests on stdin and answers on stdout, with `error` in the answer
            where it could not do what was asked.
        log: what it says on stderr.
    """

    def __init__(self, module: str, log: Path) -> None:
        try:
            with open(log, "ab") as said:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", module],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=said,
                    start_new_session=True,
                )
        except OSError as error:
            raise ProcessError(f"cannot start {module}: {error.strerror}") from error

    def __enter__(self) -> Assistant:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, request: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """Its answer. Not to be called from two threads at once.

        Raises:
            ProcessError: it died over the request, or was killed because it took longer than `seconds`.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        watchdog = threading.Timer(seconds, self._process.kill)
        watchdog.start()
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except OSError:  # a broken pipe
            line = b""
        finally:
            in_time = watchdog.is_alive()
            watchdog.cancel()
        if not line:
            raise ProcessError("it broke down over this file" if in_time else f"no answer in {seconds:.0f} s")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End it; it has a moment to do so by itself."""
        assert self._process.stdin is not None and self._process.stdout is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
