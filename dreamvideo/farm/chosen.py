"""Which shots of a clip a command is for; imports no torch, so that a slip is told at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dreamvideo.errors import UsageError

if TYPE_CHECKING:
    from dreamvideo.farm.shots import Shots


@dataclass(frozen=True)
class Range:
    """`first` to `end` - 1, counted from 0: shots, or frames; then those shots are meant that begin there."""

    first: int
    end: int
    of_frames: bool = False

    def chosen(self, shots: Shots) -> set[int]:
        """The numbers of the shots that are meant. Raises UsageError where a range of shots has none."""
        numbers = range(len(shots.begins))
        if self.of_frames:
            return {number for number in numbers if self.first <= shots.begins[number] < self.end}
        if self.first >= len(numbers):
            raise UsageError(f"there is no shot {self.first}: the clip has {len(numbers)}, counted from 0")
        return set(numbers[self.first : self.end])
