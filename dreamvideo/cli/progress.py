"""Frames done, speed and time left: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from dreamvideo.film import Progress

SECONDS_BETWEEN_LINES = 5.0


@contextmanager
def show_progress(label: str, quiet: bool) -> Iterator[Progress]:
    """A callback (frames done, frames expected) that shows how far a render is, on stderr."""
    if quiet:
        yield lambda done, expected: None
    elif sys.stderr.isatty():
        with _bar(label) as progress:
            yield progress
    else:
        yield _lines(label)


@contextmanager
def _bar(label: str) -> Iterator[Progress]:
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
        begun = monotonic()

        def progress(done: int, expected: int | None) -> None:
            bar.update(task, completed=done, total=expected, speed=_speed(done, monotonic() - begun))

        yield progress


def _lines(label: str) -> Progress:
    begun = last = monotonic()

    def progress(done: int, expected: int | None) -> None:
        nonlocal last
        now = monotonic()
        if now - last < SECONDS_BETWEEN_LINES or done == 0:
            return
        last = now
        left = f", {_duration((now - begun) / done * (expected - done))} left" if expected else ""
        total = f"/{expected}" if expected else ""
        print(
            f"{label}: {done}{total} frames, {_speed(done, now - begun)}{left}", file=sys.stderr, flush=True
        )

    return progress


def _speed(done: int, seconds: float) -> str:
    if not done or seconds <= 0:
        return ""
    rate = done / seconds
    return f"{rate:.1f} frames/s" if rate >= 1 else f"{1 / rate:.1f} s/frame"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(max(0.0, seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
