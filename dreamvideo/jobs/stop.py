"""Ctrl-C and SIGTERM as a wish that is met at the end of what is being done; the second time at once."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
SAYS = b"dreamvideo: stopping after this frame; once more stops at once\n"


class StopRequest:
    """Inside the block a first signal sets `is_made`, a second one raises KeyboardInterrupt.

    Signals that are ignored (as in a shell's background, or under nohup) stay ignored. Outside the main
    thread, where Python cannot hear signals, nothing happens.
    """

    def __init__(self) -> None:
        self.is_made = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            for number in (getattr(signal, name) for name in NAMES if hasattr(signal, name)):
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self._before[number] = signal.signal(number, self._hear)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self.is_made:
            raise KeyboardInterrupt
        self.is_made = True
        with contextlib.suppress(OSError):  # not by `print`: it may be what was interrupted
            os.write(2, SAYS)
