"""Find ffmpeg, run it, hold it.

Every process started here is in its own group (so that Ctrl-C reaches Python first), has its stderr
drained by a thread, is killed by another if it does nothing while we wait for it, and is waited for on every
way out.
"""

from __future__ import annotations

import collections
import contextlib
import logging
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import IO

from dreamvideo.errors import EncodeError

log = logging.getLogger("dreamvideo")

TAIL_LINES = 12  # of ffmpeg's last words that are kept,
SHOWN_LINES = 3  # and how many of these an error shows: the first tell the cause, the rest what followed
STUCK_SECONDS = 120.0  # of waiting for an ffmpeg that uses no processor: it hangs
GRACE_SECONDS = 5.0  # given to ffmpeg to end by itself before it is killed

_SPEAKER = re.compile(r"^(\[[^\]]* @ 0x[0-9a-f]+\] ?)+")

DEMUXERS = (
    "3g2,3gp,aac,ac3,aiff,apng,asf,av1,avi,avif,bmp_pipe,dv,eac3,ffmetadata,flac,flv,gif,h264,hevc,ivf,jpeg_pipe,"
    "jpegxl_anim,jpegxl_pipe,m4a,m4v,matroska,mj2,mjpeg,mov,mp3,mp4,mpeg,mpegts,mpegvideo,mxf,nut,obu,ogg,"
    "png_pipe,rawvideo,rm,tiff_pipe,vvc,wav,webm,webp_anim,webp_pipe,wtv,yuv4mpegpipe"
)
"""Formats that may be read. Playlists (hls, concat, dash, sdp, ...) are left out on purpose: they can
name other files and addresses, and a clip comes from anywhere."""


def find_ffmpeg() -> str:
    """Path of ffmpeg: ``DREAMVIDEO_FFMPEG`` if set, else the one that imageio-ffmpeg brings.

    Raises:
        EncodeError: If there is none.
    """
    if chosen := os.environ.get("DREAMVIDEO_FFMPEG"):
        return chosen
    import imageio_ffmpeg

    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise EncodeError("no ffmpeg found: pip install imageio-ffmpeg, or set DREAMVIDEO_FFMPEG") from error


def file_url(path: Path) -> str:
    """The name by which ffmpeg opens `path`, whatever it starts with or holds (dashes, %, colons)."""
    return f"file:{os.path.abspath(path)}"


def input_args(path: Path) -> list[str]:
    """Arguments that open a user's file and nothing that this file points to."""
    return ["-protocol_whitelist", "file,pipe", "-format_whitelist", DEMUXERS, "-i", file_url(path)]


class Ffmpeg:
    """One running ffmpeg, as a context manager: leaving it ends the process, whatever happened.

    Args:
        args: Arguments after the program's name.
        on_line: Called in another thread with each line that ffmpeg says on stderr.
        feeds: Open its stdin for `write`; else it reads nothing.
        yields: Open its stdout as `stdout`; else what it writes there is dropped.

    Raises:
        EncodeError: If ffmpeg cannot be started.
    """

    def __init__(
        self,
        args: Sequence[str],
        *,
        on_line: Callable[[str], None] | None = None,
        feeds: bool = False,
        yields: bool = False,
    ) -> None:
        self.command = [find_ffmpeg(), "-hide_banner", "-nostats", "-nostdin", *args]
        self._tail: collections.deque[str] = collections.deque(maxlen=TAIL_LINES)
        self._on_line = on_line
        try:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE if feeds else subprocess.DEVNULL,
                stdout=subprocess.PIPE if yields else subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
                if sys.platform == "win32"
                else 0,
            )
        except OSError as error:
            raise EncodeError(f"cannot start ffmpeg ({self.command[0]}): {error.strerror}") from error
        self._drain = threading.Thread(target=self._read_stderr, daemon=True)
        self._drain.start()
        self._is_stuck = False
        self._waiting_since: float | None = None
        self._gone = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def __enter__(self) -> Ffmpeg:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        return self._process.pid

    def read(self, length: int) -> bytes:
        """So many bytes of what it writes on stdout, fewer at the end; -1: all."""
        with self._waiting():
            return self._stdout.read(length)

    def read_lines(self) -> Iterator[str]:
        """What it writes on stdout, line by line."""
        while True:
            with self._waiting():
                raw = self._stdout.readline()
            if not raw:
                return
            yield raw.decode("ascii", "replace")

    def write(self, data: bytes | memoryview) -> None:
        """Feed `data`.

        Raises:
            EncodeError: If ffmpeg has ended; holds what it said last.
        """
        if self._process.stdin is None:
            raise ValueError("this ffmpeg was started without feeds=True")
        try:
            with self._waiting():
                self._process.stdin.write(data)
        except OSError as error:
            self.kill()
            raise EncodeError(f"ffmpeg stopped: {self.last_words()}") from error

    def finish(self) -> int:
        """Say that nothing more comes, wait until it has ended, and return its exit code."""
        with self._waiting():
            self._close_stdin()
            code = self._process.wait()
        self._release()
        return code

    def kill(self) -> None:
        """End the process if it still runs, and wait until it is gone. May be called again."""
        if self._process.poll() is None:
            self._process.kill()
        self._close_stdin()
        self._process.wait()
        self._release()

    def last_words(self) -> str:
        """What ffmpeg complained of, as one line."""
        if self._is_stuck:
            return f"it did nothing for {STUCK_SECONDS:.0f} s"
        said = list(dict.fromkeys(_SPEAKER.sub("", line) for line in self._tail))
        if any("No space left" in line for line in said):
            return "the disk is full"
        return "; ".join(said[:SHOWN_LINES]) or f"exit code {self._process.returncode}, without a word"

    @property
    def _stdout(self) -> IO[bytes]:
        if self._process.stdout is None:
            raise ValueError("this ffmpeg was started without yields=True")
        return self._process.stdout

    @contextlib.contextmanager
    def _waiting(self) -> Iterator[None]:
        """While we can do nothing but wait for it."""
        self._waiting_since = monotonic()
        try:
            yield
        finally:
            self._waiting_since = None

    def _watch(self) -> None:
        """Kill it when it does nothing for long while we wait for it."""
        used, idle_since = -1.0, monotonic()
        while not self._gone.wait(STUCK_SECONDS / 8):
            before, used = used, _processor_time(self.pid)
            if used != before:
                idle_since = monotonic()
            since = self._waiting_since
            if since is not None and monotonic() - max(since, idle_since) > STUCK_SECONDS:
                self._is_stuck = True
                self._process.kill()
                return

    def _close_stdin(self) -> None:
        if self._process.stdin is not None and not self._process.stdin.closed:
            with contextlib.suppress(OSError):  # gone before the last bytes: its exit code and words tell
                self._process.stdin.close()

    def _release(self) -> None:
        if sys.is_finalizing():  # a reader was left open: the threads stand still, and would be waited for
            return
        self._gone.set()
        self._watcher.join()
        self._drain.join(GRACE_SECONDS)
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def _read_stderr(self) -> None:
        assert self._process.stderr is not None
        for raw in self._process.stderr:
            line = raw.decode("utf-8", "replace").rstrip()
            if line.strip():
                self._tail.append(line.strip())
                if self._on_line is not None:
                    self._on_line(line)


def run(args: Sequence[str]) -> None:
    """Run ffmpeg to its end.

    Raises:
        EncodeError: If it fails; holds what it said last.
    """
    with Ffmpeg(["-loglevel", "error", *args]) as process:
        if process.finish() != 0:
            raise EncodeError(f"ffmpeg failed: {process.last_words()}")


def _processor_time(pid: int) -> float:
    """Clock ticks that a process has used; always another number where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
        return float(fields[11]) + float(fields[12])
    except (OSError, IndexError, ValueError):
        return monotonic()
