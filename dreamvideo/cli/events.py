"""`--events`: what a run does, as JSON lines for a program that watches it.

Each line is an object with `event`:

- `started`: `command`;
- `progress`: `label`, `done`, `expected` and `left` (seconds; both null while unknown), `seconds` so far, and
  `picture`, the number of the newest picture (0: none yet), which lies beside the file as `FILE.jpg`;
- `finished`: `output`, and `code`, 0 or 3;
- `failed`: `error`, the one line that a person sees, and `code`;
- `stopped`: by Ctrl-C or SIGTERM.

After one of the last three nothing comes. A run that ends without them was killed.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import os
import sys
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from dreamvideo.errors import DreamVideoError, EncodeError, OutputError

if TYPE_CHECKING:
    import numpy as np

SECONDS_BETWEEN_EVENTS = 0.25
SECONDS_BETWEEN_PICTURES = 2.0
PICTURE_SIDE = 640  # px

WATCHED: ContextVar[Events | None] = ContextVar("WATCHED", default=None)
"""The events of the command that runs, if it is watched."""

EventsOption = Annotated[
    str | None,
    typer.Option(
        metavar="-|FILE",
        help="Tell a program, as JSON lines, how far the run is; beside a FILE lies the newest picture.",
    ),
]


class Events:
    """The lines that a watched run writes; `file` is stdout, or a file at `path`."""

    def __init__(self, file: TextIO, path: Path | None) -> None:
        self._file, self._path = file, path
        self._begun = monotonic()
        self._told = self._pictured = -1e9
        self._first: tuple[str, float, int] | None = None
        self._pictures = 0

    def tell(self, event: str, **facts: object) -> None:
        """Write a line. A watcher that went away or a full disk is no reason to end a render."""
        try:
            print(json.dumps({"event": event, **facts}), file=self._file, flush=True)
        except OSError:
            if self._path is None:  # what is still buffered would be tried again, and fail, at the end
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._file.fileno())

    def progress(
        self, label: str, done: int, expected: int | None, picture: np.ndarray | None = None
    ) -> None:
        """Tell how far the run is, not too often."""
        now = monotonic()
        if self._first is None or self._first[0] != label:
            self._first = label, now, done  # not 0 where a run goes on with what an earlier one did
        if now - self._told < SECONDS_BETWEEN_EVENTS and done != expected:
            return
        self._told = now
        if picture is not None and (now - self._pictured >= SECONDS_BETWEEN_PICTURES or done == expected):
            self._show(picture)
            self._pictured = now
        _, since, before = self._first
        left = (now - since) / (done - before) * (expected - done) if expected and done > before else None
        self.tell(
            "progress",
            label=label,
            done=done,
            expected=expected,
            seconds=round(now - self._begun, 2),
            left=None if left is None else round(left, 1),
            picture=self._pictures,
        )

    def _show(self, picture: np.ndarray) -> None:
        if self._path is None:
            return
        from dreamvideo.images import fit_long_side, resize, write_still

        size = fit_long_side((picture.shape[1], picture.shape[0]), PICTURE_SIDE)
        with contextlib.suppress(EncodeError):  # a full disk: see `tell`
            write_still(self._path.with_name(f"{self._path.name}.jpg"), resize(picture, size))
            self._pictures += 1


def with_events(command: Callable[..., int | None]) -> Callable[..., int | None]:
    """Give a command the option `--events`; its `show_progress` and its end are then told there."""

    @wraps(command)
    def watched(*, events: str | None = None, **options: Any) -> int | None:
        if events is None:
            return command(**options)
        if events == "-" and options.get("as_json"):
            raise typer.BadParameter(
                "stdout can hold only one of --json and --events -", param_hint="--events"
            )
        file = sys.stdout if events == "-" else _open(events)
        lines = Events(file, None if events == "-" else Path(events))
        token = WATCHED.set(lines)
        try:
            return _tell_of(command, lines, options)
        finally:
            WATCHED.reset(token)
            if file is not sys.stdout:
                file.close()

    signature = inspect.signature(command, eval_str=True)
    option = inspect.Parameter(
        "events", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=EventsOption
    )
    watched.__signature__ = signature.replace(  # type: ignore[attr-defined]  # what typer reads
        parameters=[*signature.parameters.values(), option]
    )
    return watched


def _tell_of(command: Callable[..., int | None], events: Events, options: dict[str, Any]) -> int | None:
    """Run the command, and tell its beginning and its end."""
    events.tell("started", command=command.__name__)
    try:
        code = command(**options)
    except (KeyboardInterrupt, typer.Abort):
        events.tell("stopped")
        raise
    except DreamVideoError as error:
        events.tell("failed", error=" ".join(str(error).split()), code=error.exit_code)
        raise
    except Exception as error:
        message = getattr(error, "format_message", error.__str__)()  # typer's errors have the former
        events.tell("failed", error=" ".join(message.split()), code=getattr(error, "exit_code", 1))
        raise
    events.tell("finished", output=str(options.get("output")), code=code or 0)
    return code


def _open(path: str) -> TextIO:
    try:
        return open(path, "a", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"cannot write events to {path}: {error.strerror}") from error
