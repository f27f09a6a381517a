"""What ffmpeg's log says of a file: its streams, and what is wrong with it.

The log must have been written with ``-loglevel level+info``: a line without a level is then the rest of a
file name that has a newline in it, and is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from dreamvideo.media.timing import rate_from_print

_LEVEL = re.compile(r"^(\[[^\]]* @ 0x[0-9a-f]+\] )*\[(\w+)\] ?")
_STREAM = re.compile(r"^\s*Stream #0:(\d+)(?:\[0x[0-9a-f]+\])?(?:\([^)]*\))?: (\w+): (.*)$")
_FILE_START = re.compile(r"^\s*Duration: .*, start: (-?[\d.]+)")
_PIXELS = re.compile(r", (?P<format>[a-z][a-z0-9]+)(?:\((?P<details>[^)]*)\))?, \d+x\d+")

_ALPHA_FORMATS = re.compile(r"^(rgba|bgra|argb|abgr|yuva|gbrap|ya8|ya16|pal8)")
_ONE_FOR_ALL = (
    "bt709",
    "smpte170m",
    "bt470bg",
    "gbr",
)  # printed once where matrix, primaries, transfer agree


@dataclass(frozen=True)
class Stream:
    """One stream as the log describes it."""

    index: int
    """In the file, over all kinds."""
    kind: str
    """``Video``, ``Audio``, ..."""
    line: str
    """E.g. ``h264 (High), yuv420p(tv, bt709), 64x48 [SAR 1:1 DAR 4:3], 25 fps, 25 tbr, 12800 tbn``."""
    details: tuple[str, ...]
    """The lines below it: tags and side data."""

    @property
    def codec(self) -> str:
        return re.split(r"[ ,(]", self.line, maxsplit=1)[0]

    @property
    def is_cover(self) -> bool:
        return "(attached pic)" in self.line or "(timed thumbnails)" in self.line

    @property
    def start(self) -> Fraction:
        """Seconds; the log names a start only where it is not 0."""
        match = re.search(r", start (-?[\d.]+)", self.line)
        return Fraction(match[1]) if match else Fraction(0)

    @property
    def size(self) -> tuple[int, int] | None:
        """(width, height) as stored; None if the file does not say."""
        match = re.search(r", (\d+)x(\d+)", self.line)
        return (int(match[1]), int(match[2])) if match else None

    @property
    def sample_aspect(self) -> Fraction:
        """Width over height of one stored pixel."""
        match = re.search(r"SAR (\d+):(\d+)", self.line)
        if match is None or 0 in (int(match[1]), int(match[2])):
            return Fraction(1)
        return Fraction(int(match[1]), int(match[2]))

    @property
    def rotation(self) -> int:
        """Degrees, counter-clockwise, by which the stored picture is turned: 0, 90, 180 or 270."""
        angles = (re.search(r"rotation of (-?[\d.]+) degrees", line) for line in self.details)
        return next((round(float(match[1]) / 90) * 90 % 360 for match in angles if match), 0)

    @property
    def pixel_format(self) -> str:
        match = _PIXELS.search(self.line)
        return match["format"] if match else ""

    @property
    def matrix(self) -> str | None:
        """Of YUV, as ffmpeg names it; None if the file does not say."""
        return self._colours[0]

    @property
    def transfer(self) -> str | None:
        """Transfer function, as ffmpeg names it; None if the file does not say."""
        return self._colours[2]

    @property
    def has_alpha(self) -> bool:
        tagged = any(re.match(r"\s*alpha_mode\s*: 1", line) for line in self.details)  # VP8 and VP9 in WebM
        return tagged or bool(_ALPHA_FORMATS.match(self.pixel_format))

    @property
    def is_interlaced(self) -> bool:
        return bool(re.search(r"\b(top|bottom) (coded )?first\b", self._details))

    @property
    def rates(self) -> list[Fraction]:
        """The average rate and the base rate (``25 fps, 25 tbr``), freed from rounding."""
        found = (re.search(rf"([\d.]+k?) {unit}\b", self.line) for unit in ("fps", "tbr"))
        rates = (rate_from_print(match[1]) for match in found if match)
        return [rate for rate in rates if rate is not None]

    @property
    def _details(self) -> str:
        """What follows the pixel format in parentheses: range, colours, field order."""
        match = _PIXELS.search(self.line)
        return (match["details"] or "") if match else ""

    @property
    def _colours(self) -> tuple[str | None, str | None, str | None]:
        """Matrix, primaries and transfer from e.g. ``yuv420p10le(tv, bt2020nc/bt2020/smpte2084)``."""
        if three := re.search(r"([\w-]+)/([\w-]+)/([\w-]+)", self._details):
            matrix, primaries, transfer = (None if word == "unknown" else word for word in three.groups())
            return matrix, primaries, transfer
        words = [word.strip() for word in self._details.split(",")]
        one = next((word for word in words if word in _ONE_FOR_ALL), None)
        return one, one, one


@dataclass(frozen=True)
class FileLog:
    """A log, as the lines that ffmpeg wrote on stderr."""

    raw: Sequence[str]

    @cached_property
    def lines(self) -> list[str]:
        """Without level and speaker."""
        return [line for _, line in self._levelled()]

    @cached_property
    def complaints(self) -> list[str]:
        """Warnings and errors. (The one that holds the file's name is left out: it may hold any word.)"""
        levels = ("warning", "error", "fatal")
        return [
            line for level, line in self._levelled() if level in levels and not line.startswith("Error open")
        ]

    @cached_property
    def streams(self) -> list[Stream]:
        """Those of the input: listed before the log turns to the output."""
        turn = ("Stream mapping", "Output #0")
        end = next((n for n, line in enumerate(self.lines) if line.startswith(turn)), len(self.lines))
        heads = [(n, match) for n, line in enumerate(self.lines[:end]) if (match := _STREAM.match(line))]
        stops = [n for n, _ in heads[1:]] + [end]
        return [
            Stream(int(match[1]), match[2], match[3], tuple(self.lines[begin + 1 : stop]))
            for (begin, match), stop in zip(heads, stops, strict=False)
        ]

    @property
    def start(self) -> Fraction:
        """Seconds: the time in the file that ffmpeg counts from."""
        starts = (_FILE_START.match(line) for line in self.lines)
        return next((Fraction(match[1]) for match in starts if match), Fraction(0))

    @property
    def is_avif_sequence(self) -> bool:
        return any(re.match(r"\s*major_brand\s*: avis", line) for line in self.lines)

    def complains_of(self, words: Iterable[str]) -> bool:
        return any(word in line for line in self.complaints for word in words)

    def _levelled(self) -> Iterator[tuple[str, str]]:
        return ((match[2], line[match.end() :]) for line in self.raw if (match := _LEVEL.match(line)))
