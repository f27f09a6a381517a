"""Settings over a film: schedules in, the plain settings of each frame out, all checked beforehand."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np

from dreamvideo.errors import SettingsError
from dreamvideo.schedule import FilmClock, Schedule
from dreamvideo.settings import weight_names

S = TypeVar("S")

WEIGHTED = {"layers": "layer", "classes": "class"}
"""Settings that are (what, weight) pairs, and what they are pairs of."""


@dataclass(frozen=True, eq=False)
class Course(Generic[S]):
    """A dataclass of settings, and how some of them change.

    Attributes:
        settings: what stays the same, and the schedules.
        curves: name of a setting or weight -> its values, one for each frame and one for the frame that would
            follow.
    """

    settings: S
    curves: Mapping[str, np.ndarray] = field(default_factory=dict)

    def at(self, frame: int) -> S:
        """The settings of a frame, without schedules; beyond the last frame they stay as they are there."""
        if not self.curves:
            return self.settings
        return _with(
            self.settings, {name: curve[min(frame, len(curve) - 1)] for name, curve in self.curves.items()}
        )


def course_of(settings: S, clock: FilmClock, *, closes: bool = False) -> Course[S]:
    """Work out all schedules of a dataclass of settings for a film.

    Args:
        closes: the film is a loop, so every schedule must end as it began.

    Raises:
        SettingsError: naming the setting, if a schedule has no value, does not close, or leaves the range.
    """
    curves = {}
    for name, schedule in schedules_of(settings):
        try:
            curve = schedule.curve(clock)
            if closes:
                schedule.check_closes(curve)
        except SettingsError as error:
            raise SettingsError(f"{name}: {error}") from None
        for frame in {int(curve.argmin()), int(curve.argmax())}:
            try:
                _with(settings, {name: curve[frame]})
            except SettingsError as error:
                raise SettingsError(f"{error} at frame {frame}") from None
        curves[name] = curve
    return Course(settings, curves)


def schedules_of(settings: object) -> Iterator[tuple[str, Schedule]]:
    """(name, schedule) of the settings that change, and of the weights of layers and classes."""
    for part in dataclasses.fields(settings):  # type: ignore[arg-type]  # a dataclass
        value = getattr(settings, part.name)
        if isinstance(value, Schedule):
            yield part.name, value
        for name, (_, weight) in _weights(part.name, value):
            if isinstance(weight, Schedule):
                yield name, weight


def refuse_schedules(*settings: object, where: str) -> None:
    """Raise SettingsError if something is to change `where` there is no time to change in."""
    for part in settings:
        for name, schedule in schedules_of(part):
            raise SettingsError(f"{name} is a schedule, '{schedule}': {where} it must be one number")


def uses_sound(*settings: object) -> bool:
    """Whether a schedule among dataclasses of settings follows a sound."""
    return any(schedule.uses_sound for part in settings for _, schedule in schedules_of(part))


def _weights(part: str, pairs: Any) -> list[tuple[str, tuple[str, Any]]]:
    """(name of the weight, pair) of the pairs that a setting holds; none where it holds something else."""
    return list(zip(weight_names(WEIGHTED[part], pairs), pairs, strict=True)) if part in WEIGHTED else []


def _with(settings: S, values: Mapping[str, float]) -> S:
    whole = {part.name for part in dataclasses.fields(settings) if isinstance(part.default, int)}  # type: ignore[arg-type]
    changes: dict[str, Any] = {
        name: round(float(value)) if name in whole else float(value)
        for name, value in values.items()
        if hasattr(settings, name)
    }
    for part in WEIGHTED:
        if pairs := getattr(settings, part, ()):
            changes[part] = tuple(
                (what, float(values[name]) if name in values else weight)
                for name, (what, weight) in _weights(part, pairs)
            )
    return dataclasses.replace(settings, **changes)  # type: ignore[type-var]
