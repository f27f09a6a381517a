"""An iterator that runs ahead in a thread of its own, so that decoding and flow overlap with the dream."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable
from typing import TypeVar

T = TypeVar("T")


class _End:
    """Put last: the iterator is used up, or has failed."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def prefetch(items: Iterable[T], ahead: int) -> Generator[T, None, None]:
    """Yield `items`, taking up to `ahead` of them before they are asked for.

    An exception in `items` is raised here, in its turn. When this iterator is closed early the thread
    ends after the item it is at.
    """
    ready: queue.Queue[T | _End] = queue.Queue(maxsize=ahead)
    stopped = threading.Event()

    def run() -> None:
        error: BaseException | None = None
        try:
            for item in items:
                _put(ready, item, stopped)
                if stopped.is_set():
                    return
        except BaseException as caught:  # handed over, whatever it is
            error = caught
        _put(ready, _End(error), stopped)

    thread = threading.Thread(target=run, name="prefetch", daemon=True)
    thread.start()
    try:
        while not isinstance(item := ready.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stopped.set()
        thread.join()


def _put(ready: queue.Queue[T | _End], item: T | _End, stopped: threading.Event) -> None:
    """Put, unless nobody waits any more."""
    while not stopped.is_set():
        try:
            ready.put(item, timeout=0.1)
            return
        except queue.Full:
            continue
