"""What the settings are checked by, and the type of those that may change over a film."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from dreamvideo.errors import SettingsError
from dreamvideo.schedule import Schedule

# A number that may change over a film: it, or a schedule for it. Type checkers see what the dream sees: it is
# given the settings of one frame (`course.Course.at`), where every schedule is a number.
if TYPE_CHECKING:
    Number: TypeAlias = float
    Whole: TypeAlias = int
else:
    Number, Whole = float | Schedule, int | Schedule


def require(holds: bool, name: str, rule: str, value: object) -> None:
    """Raise SettingsError unless the rule `holds` for the setting called `name`."""
    if not holds:
        raise SettingsError(f"{name} must be {rule}, got {value}")


def require_number(value: Number, holds: Callable[[float], bool], name: str, rule: str) -> None:
    """As `require`; a schedule is checked when its values are known, frame by frame."""
    if not isinstance(value, Schedule):
        require(holds(value), name, rule, value)


def require_part(start: float, end: float | None) -> None:
    """Raise SettingsError unless something of a clip can lie between the two, seconds."""
    require(start >= 0.0, "start", "0 s or later", start)
    require(end is None or end > start, "end", "later than start", end)


def require_bytes(size: int | None) -> None:
    """Raise SettingsError for a limit that no file can keep to."""
    require(size is None or 1000 <= size <= 1 << 50, "max_size", "at least 1 kB", size)
