"""Which part of a clip is taken, and how it leaves: as a film, or as a small animation."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from dreamvideo.settings.rules import Number, require, require_bytes, require_number, require_part

Dither = Literal["auto", "ordered", "none"]

Layout = Literal["beside", "over", "wipe"]

LAYOUTS: tuple[Layout, ...] = ("beside", "over", "wipe")
MOST_DETAIL = 8192  # px; a clip is never enlarged to it, so it stands for the clip's own size
SHEET_FRAMES = 12  # on a contact sheet
DITHERS: tuple[Dither, ...] = ("auto", "ordered", "none")
SHAPE = re.compile(r"[1-9]\d{0,3}:[1-9]\d{0,3}")  # width:height


@dataclass(frozen=True)
class FilmSettings:
    """Which part of a clip is dreamed, at which size, and how it leaves."""

    detail: int = 640
    """Long side, in px, that flow and dream are computed at."""

    strength: Number = 1.0
    """How much of the dream is added to the source; 1 is all of it."""

    size: tuple[int, int] | None = None
    """(width, height) of the output; None: the clip's own."""

    start: float = 0.0
    """Where to begin, seconds."""

    end: float | None = None
    """Where to end, seconds; None: with the clip."""

    frames: int | None = None
    """At most so many frames; None: all."""

    fps: Fraction | None = None
    """Frames per second of the output; None: the clip's own times."""

    crf: int = 18
    """Quality of H.264 and VP9: 0 is lossless, lower is better and larger."""

    audio: bool = True
    """Whether the sound is kept."""

    platform: str | None = None
    """Where the film shall go: it keeps to what is taken there; None: anywhere."""

    max_size: int | None = None
    """Bytes that the file may have; None: what the platform takes, else any number."""

    def __post_init__(self) -> None:
        require(32 <= self.detail <= MOST_DETAIL, "detail", f"between 32 and {MOST_DETAIL} px", self.detail)
        require_number(self.strength, lambda x: 0 <= x <= 10, "strength", "between 0 and 10")
        if self.size is not None:
            require(
                all(1 <= side <= 16384 for side in self.size), "size", "sides of 1 to 16384 px", self.size
            )
        require_part(self.start, self.end)
        require(self.frames is None or self.frames >= 1, "frames", "at least 1", self.frames)
        require(self.fps is None or 0 < self.fps <= 1000, "fps", "over 0 and at most 1000", self.fps)
        require(0 <= self.crf <= 51, "crf", "between 0 and 51", self.crf)
        require_bytes(self.max_size)


@dataclass(frozen=True)
class GifSettings:
    """How a clip becomes a small animation."""

    width: int | None = None
    """Width, px, never more than the clip has; None: 480, or what a size limit allows."""

    start: float = 0.0
    """Where to begin, seconds."""

    end: float | None = None
    """Where to end, seconds; None: with the clip."""

    fps: Fraction | None = None
    """Frames per second; None: the clip's, of a GIF 25 at most."""

    colours: int = 256
    """Colours of a scene, one of them transparent."""

    dither: Dither = "auto"
    """Where an ordered pattern hides steps of colour: where the picture is smooth, everywhere, nowhere."""

    hold: float = 6.0
    """Grey levels by which a pixel may be off before it is drawn anew: more is smaller and calmer.

    Scenes whose colours all have their place in the palette are kept exactly.
    """

    crop: str | None = None
    """Shape of the middle part to keep, like 1:1 or 9:16; None: all of it."""

    speed: float = 1.0
    """How much faster than the clip."""

    boomerang: bool = False
    """Whether it plays forwards and then backwards."""

    find_loop: bool = False
    """Whether only the part is kept that returns most seamlessly to its beginning."""

    audio: bool = True
    """Whether a film keeps the sound, where speed and order are the clip's own."""

    platform: str | None = None
    """As in `FilmSettings`."""

    max_size: int | None = None
    """As in `FilmSettings`."""

    def __post_init__(self) -> None:
        require(self.width is None or 16 <= self.width <= 8192, "width", "between 16 and 8192 px", self.width)
        require(2 <= self.colours <= 256, "colours", "between 2 and 256", self.colours)
        require(self.dither in DITHERS, "dither", "one of " + ", ".join(DITHERS), self.dither)
        require(0.0 <= self.hold <= 64.0, "hold", "between 0 and 64 grey levels", self.hold)
        require(
            self.crop is None or SHAPE.fullmatch(self.crop) is not None,
            "crop",
            "a shape like 9:16",
            self.crop,
        )
        require(0.1 <= self.speed <= 100.0, "speed", "between 0.1 and 100", self.speed)
        require_part(self.start, self.end)
        require(self.fps is None or 0 < self.fps <= 1000, "fps", "over 0 and at most 1000", self.fps)
        require_bytes(self.max_size)


@dataclass(frozen=True)
class CompareSettings:
    """How a source and its dream are shown in one film."""

    layout: Layout = "beside"
    """Beside each other, over each other, or the one wiped away for the other and back."""

    start: float = 0.0
    """Where in the source the dream begins, seconds."""

    width: int | None = None
    """Width of the whole, px; None: with both as large as the dream, or what a size limit allows."""

    audio: bool = True
    """Whether a film keeps the sound of the dream."""

    platform: str | None = None
    """As in `FilmSettings`."""

    max_size: int | None = None
    """As in `FilmSettings`."""

    def __post_init__(self) -> None:
        require(self.layout in LAYOUTS, "layout", "one of " + ", ".join(LAYOUTS), self.layout)
        require_part(self.start, None)
        require(self.width is None or 16 <= self.width <= 8192, "width", "between 16 and 8192 px", self.width)
        require_bytes(self.max_size)
