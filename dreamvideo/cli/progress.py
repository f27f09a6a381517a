"""What is done, speed and time left: a bar on a terminal, plain lines elsewhere, events for a program."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

from dreamvideo.cli.events import WATCHED
from dreamvideo.progress import Staged

if TYPE_CHECKING:
    import numpy as np

SECONDS_BETWEEN_LINES = 5.0

Show = Callable[[str, int, int | None], None]  # label, done, expected


@contextmanager
def show_progress(label: str, quiet: bool, unit: str = "frame") -> Iterator[Staged]:
    """A callback that shows how far a render is, on stderr and to whoever watches by `--events`.

    Args:
        unit: what is counted; one of them.
    """
    events = WATCHED.get()
    with _shown(label, quiet, unit) as show:

        def tell(label: str, done: int, expected: int | None, picture: np.ndarray | None) -> None:
            show(label, done, expected)
            if events is not None:
                events.progress(label, done, expected, picture)

        yield Staged(tell, label)


@contextmanager
def _shown(label: str, quiet: bool, unit: str) -> Iterator[Show]:
    if quiet:
        yield lambda label, done, expected: None
    elif sys.stderr.isatty():
        with _bar(label, unit) as show:
            yield show
    else:
        yield _lines(unit)


@contextmanager
def _bar(label: str, unit: str) -> Iterator[Show]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]}"),
        TimeRemainingColumn(),
    )
    with RichProgress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(label, total=None, speed="")
        pace = _Pace()

        def show(label: str, done: int, expected: int | None) -> None:
            if pace.counts_anew(label, done):
                bar.reset(task)
            speed = _speed(*pace.ours(done), unit)
            bar.update(task, description=label, completed=done, total=expected, speed=speed)

        yield show


def _lines(unit: str) -> Show:
    last, pace = monotonic(), _Pace()

    def show(label: str, done: int, expected: int | None) -> None:
        nonlocal last
        pace.counts_anew(label, done)
        ours, seconds = pace.ours(done)
        if monotonic() - last < SECONDS_BETWEEN_LINES or not ours:
            return
        last = monotonic()
        left = f", {_duration(seconds / ours * (expected - done))} left" if expected else ""
        total = f"/{expected}" if expected else ""
        speed = _speed(ours, seconds, unit)
        print(f"{label}: {done}{total} {_plural(unit)}, {speed}{left}", file=sys.stderr, flush=True)

    return show


class _Pace:
    """How fast this run is. What an earlier run did, or an earlier stage, says nothing of that."""

    def __init__(self) -> None:
        self._begun, self._first, self._last, self._label = monotonic(), -1, -1, ""

    def counts_anew(self, label: str, done: int) -> bool:
        """Whether a stage ends: after the stills of a fall its frames are counted."""
        is_begun = self._first >= 0
        is_new = is_begun and (label != self._label or done < self._last)
        if is_new or not is_begun:
            self._first = done
        if is_new:
            self._begun = monotonic()
        self._last, self._label = done, label
        return is_new

    def ours(self, done: int) -> tuple[int, float]:
        """What this stage has done in this run, and in how many seconds."""
        return done - self._first, monotonic() - self._begun


def _speed(done: int, seconds: float, unit: str) -> str:
    if not done or seconds <= 0:
        return ""
    rate = done / seconds
    return f"{rate:.1f} {_plural(unit)}/s" if rate >= 1 else f"{1 / rate:.1f} s/{unit}"


def _plural(unit: str) -> str:
    return unit if unit.isupper() else f"{unit}s"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(max(0.0, seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
