"""Everything that dreamvideo raises on purpose.

::

    DreamVideoError            exit 1: could not be done
    ├── UsageError             exit 2: the wish itself cannot be met; nothing was started
    │   ├── SettingsError      a setting out of range
    │   │   └── ScheduleError  a schedule that cannot be read or used; knows the column
    │   ├── UnknownNameError   a layer, class, network, ... that does not exist (with the nearest names)
    │   ├── OutputError        the output cannot be written there, or would overwrite something
    │   └── JobError           the job beside the output is held, was begun otherwise, or is damaged
    ├── InputError             the input is missing, empty, broken or not a picture or clip
    ├── WeightsError           a network's weights are missing, damaged or of another network
    ├── EncodeError            ffmpeg failed; holds the end of what it said
    ├── WorkerError            a process or machine that worked for us failed; exits as it would have
    └── PartialError           exit 3: a part of it could not be done, the rest is kept

A message is one line, says what is wrong and what to do, and is shown as it is.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class DreamVideoError(Exception):
    """Base of all errors that a user can do something about."""

    exit_code = 1


class UsageError(DreamVideoError):
    """The command or call asks for something that cannot be; nothing was started."""

    exit_code = 2


class SettingsError(UsageError):
    """A setting is out of range."""


class ScheduleError(SettingsError):
    """A schedule cannot be read, or not be used for this film.

    Args:
        text: the schedule. column: where in it the fault lies, counted from 0; told counted from 1.
    """

    SHOWN = 12  # characters of the schedule, from the column on

    def __init__(self, text: str, column: int, problem: str) -> None:
        self.column = column + 1
        here = " ".join(text[column : column + self.SHOWN].split())
        more = "..." if len(text) > column + self.SHOWN else ""
        where = f"column {self.column}, at '{here}{more}'" if here else f"column {self.column}, at the end"
        super().__init__(f"schedule: {problem} ({where})")


class UnknownNameError(UsageError):
    """A name (layer, network, class, ...) that does not exist."""

    def __init__(self, kind: str, name: str, known: Iterable[str], hint: str = "") -> None:
        near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
        advice = f"did you mean {near[0]}?" if near else hint
        super().__init__(f"no {kind} called '{name}'" + (f": {advice}" if advice else ""))


class OutputError(UsageError):
    """The output cannot be written at that place, or would overwrite something."""


class JobError(UsageError):
    """The job beside the output is held by another process, was begun otherwise, or is damaged."""


class InputError(DreamVideoError):
    """The input is missing, empty, broken or of a kind that cannot be read."""


class WeightsError(DreamVideoError):
    """A network's weights are missing, damaged or do not fit it."""


class EncodeError(DreamVideoError):
    """ffmpeg could not write the output."""


class WorkerError(DreamVideoError):
    """A worker gave up: with what it said, and the exit code that it would have ended with."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class PartialError(DreamVideoError):
    """Some of what was asked for could not be done; the rest is there, and told of."""

    exit_code = 3
