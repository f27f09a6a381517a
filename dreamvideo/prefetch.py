"""Iterators that run ahead in threads of their own, so that decoding, flow, dream and encoding overlap."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from dreamvideo.cores import core_count, cores

T = TypeVar("T")
U = TypeVar("U")

MOST_THREADS = 4  # of a stage; OpenCV shares out the work of each among all cores besides


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


def map_ahead(function: Callable[[T], U], items: Iterable[T]) -> Generator[U, None, None]:
    """`map` in some threads, in order: what comes next is worked on while the caller has what came before.

    Each takes a core that a dream in this process leaves it.

    `items` are taken in the caller's thread. An exception in `function` is raised here, in its turn.
    """

    def helping(item: T) -> U:
        with cores.helping():
            return function(item)

    threads = max(1, min(MOST_THREADS, core_count() // 4))
    waiting: deque[Future[U]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="map-ahead") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(helping, item))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for one in waiting:
                one.cancel()


def _put(ready: queue.Queue[T | _End], item: T | _End, stopped: threading.Event) -> None:
    """Put, unless nobody waits any more."""
    while not stopped.is_set():
        try:
            ready.put(item, timeout=0.1)
            return
        except queue.Full:
            continue
