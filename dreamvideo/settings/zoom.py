"""Where the camera of a zoom film goes."""

from __future__ import annotations

from dataclasses import dataclass

from dreamvideo.settings.rules import Number, require, require_number

DEFAULT_LOOP = 10.0  # s


@dataclass(frozen=True)
class ZoomSettings:
    """Where the camera of a zoom film goes, and for how long. Speeds are per second, whatever the rate."""

    loop: float | None = None
    """Length, s, of a film that ends as it begins; None, and no duration or frames: `DEFAULT_LOOP`."""

    duration: float | None = None
    """Length, s, of a film that goes on falling."""

    zoom: Number = 2.0
    """Times as large after a second; under 1 falls backwards."""

    rotate: Number = 0.0
    """Degrees per second, clockwise."""

    pan_x: Number = 0.0
    """Widths of the frame per second that the camera moves to the right."""

    pan_y: Number = 0.0
    """Heights of the frame per second that the camera moves down."""

    centre_x: Number = 0.5
    """Where the point that is fallen into lies, in widths of the frame from the left."""

    centre_y: Number = 0.5
    """The same in heights from the top."""

    symmetry: int = 1
    """Sectors of a mandala; 1: no mandala."""

    feedback: bool = False
    """Move the last frame and dream it again, instead of falling through stills."""

    crossfade: float = 0.25
    """Share of a loop by feedback in which its end dissolves into its begin."""

    boomerang: bool = False
    """Forwards, then backwards: closes anything."""

    def __post_init__(self) -> None:
        for name, length in (("loop", self.loop), ("duration", self.duration)):
            require(length is None or 0.1 <= length <= 86400, name, "between 0.1 and 86400 s", length)
        require(self.loop is None or self.duration is None, "loop", "given without a duration", self.loop)
        require_number(self.zoom, lambda x: 0.01 <= x <= 100, "zoom", "between 0.01 and 100 times a second")
        require_number(self.rotate, lambda x: abs(x) <= 3600, "rotate", "at most 3600 degrees a second")
        for name, pan in (("pan_x", self.pan_x), ("pan_y", self.pan_y)):
            require_number(pan, lambda x: abs(x) <= 10, name, "at most 10 frames a second")
        for name, centre in (("centre_x", self.centre_x), ("centre_y", self.centre_y)):
            require_number(centre, lambda x: 0.05 <= x <= 0.95, name, "between 0.05 and 0.95")
        require(1 <= self.symmetry <= 64, "symmetry", "between 1 and 64", self.symmetry)
        require(0.05 <= self.crossfade <= 0.5, "crossfade", "between 0.05 and 0.5", self.crossfade)
