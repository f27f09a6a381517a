"""Settings over a film: schedules in, the plain settings of each frame out, all checked beforehand."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np

from dreamvideo.errors import SettingsError
from dreamvideo.schedule import FilmClock, Schedule

S = TypeVar("S")


@dataclass(frozen=True, eq=False)
class Course(Generic[S]):
    """A dataclass of settings, and how some of them change.

    Attributes:
        settings: what stays the same, and the schedules.
        curves: name of a setting -> its values, one for each frame and one for the frame that would follow.
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
    """(name, schedule) of the settings that change."""
    for part in dataclasses.fields(settings):  # type: ignore[arg-type]  # a dataclass
        value = getattr(settings, part.name)
        if isinstance(value, Schedule):
            yield part.name, value


def uses_sound(*settings: object) -> bool:
    """Whether a schedule among dataclasses of settings follows a sound."""
    return any(schedule.uses_sound for part in settings for _, schedule in schedules_of(part))


def _with(settings: S, values: Mapping[str, float]) -> S:
    whole = {part.name for part in dataclasses.fields(settings) if isinstance(part.default, int)}  # type: ignore[arg-type]
    changes: dict[str, Any] = {
        name: round(float(value)) if name in whole else float(value) for name, value in values.items()
    }
    return dataclasses.replace(settings, **changes)  # type: ignore[type-var]
