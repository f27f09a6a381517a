"""The times of a stream's packets, from the lines of ``ffmpeg -c copy -f framecrc -``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from dreamvideo.media.timing import Timeline, make_timeline, without_ragged_end

NO_TIME = -(2**63)  # ffmpeg's AV_NOPTS_VALUE
CORRUPT, DISCARD = 0x2, 0x4  # ffmpeg's AV_PKT_FLAG_*


@dataclass
class Packets:
    """Times of one stream's packets, in units of `tick` seconds, in the order of the file."""

    tick: Fraction = Fraction(1)
    shown: list[int] = field(default_factory=list)
    decoded: list[int] = field(default_factory=list)
    last: tuple[int, int] = (NO_TIME, 0)
    """Time and duration of the one that is shown last."""
    lacks_times: bool = False
    """Some do not say when they are shown."""
    ends_corrupt: bool = False
    """The last one is not whole."""

    def take(self, decode: int, show: int, duration: int, flags: int) -> None:
        """Note one packet."""
        if flags & DISCARD:  # before the begin of an edit list: decoded, never shown
            return
        self.decoded.append(decode)
        self.shown.append(show)
        self.lacks_times |= show == NO_TIME
        self.ends_corrupt = bool(flags & CORRUPT)
        self.last = max(self.last, (show, duration))

    def timeline(self, hints: Sequence[Fraction], is_cut_short: bool) -> Timeline:
        """When the frames are shown; `hints` are likely rates. There must be a packet."""
        ticks = sorted(self.decoded if self.lacks_times else self.shown)
        if is_cut_short:
            ticks = without_ragged_end(ticks)
        return make_timeline(ticks, self.tick, self.last[1], hints, is_trusted=not self.lacks_times)


def read_packets(lines: Iterable[str]) -> dict[int, Packets]:
    """Packets by the number of their stream in the output."""
    packets: dict[int, Packets] = {}
    for line in lines:
        if line.startswith("#tb "):
            stream, tick = line[4:].split(":")
            packets[int(stream)] = Packets(Fraction(tick.strip()))
        elif not line.startswith("#"):
            _take(packets, [text.strip() for text in line.split(",")])
    return packets


def _take(packets: dict[int, Packets], fields: Sequence[str]) -> None:
    """`fields` are stream, decoding time, showing time, duration, size, checksum[, F=flags, ...]."""
    flags = int(fields[6][2:], 16) if len(fields) > 6 and fields[6].startswith("F=") else 0
    packets[int(fields[0])].take(int(fields[1]), int(fields[2]), int(fields[3]), flags)
