"""What is known of a clip before it is decoded.

One call of ffmpeg copies the packets of the picture to nowhere: its log describes the streams, and the times
of the packets give the exact number of frames, their rate, and whether the file was cut short.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from dreamvideo.errors import InputError
from dreamvideo.images import MOST_PIXELS
from dreamvideo.media.ffmpeg import Ffmpeg, input_args
from dreamvideo.media.packets import Packets, read_packets
from dreamvideo.media.streams import FileLog, Stream
from dreamvideo.media.timing import Timeline

HDR_TRANSFERS = ("smpte2084", "arib-std-b67")  # PQ and HLG
BROKEN_OFF = ("partial file", "ended prematurely")  # ffmpeg's words for a file that was cut short
MP4_BEGINS = (b"ftyp", b"mdat", b"moov", b"free", b"wide", b"skip")  # bytes 4 to 8


@dataclass(frozen=True)
class ClipInfo:
    """A clip, before it is decoded."""

    path: Path
    size: tuple[int, int]
    """(width, height) as shown: rotation and pixel aspect applied."""
    timeline: Timeline = field(repr=False)
    codec: str
    pixel_format: str
    has_audio: bool
    audio_codec: str | None
    audio_start: Fraction
    """Seconds from the beginning of the clip's clock to that of its sound."""
    rotation: int
    """Degrees, counter-clockwise, by which the stored picture is turned for showing, a multiple of 90."""
    sample_aspect: Fraction
    """Width over height of one stored pixel."""
    transfer: str | None
    """Transfer function as ffmpeg names it; None if the file does not say."""
    matrix: str | None
    has_alpha: bool
    is_interlaced: bool
    stream: int
    """Index of the picture's stream in the file."""
    is_first_picture: bool
    """No other picture stream (a cover, a still) comes before it."""
    is_cut_short: bool
    """The end of the file is missing."""
    stored_size: tuple[int, int]

    @property
    def fps(self) -> Fraction:
        """Exact, e.g. Fraction(24000, 1001)."""
        return self.timeline.fps

    @property
    def frames(self) -> int:
        """How many frames the file holds; a broken one may yield fewer."""
        return len(self.timeline)

    @property
    def duration(self) -> float:
        """Seconds from the first frame's begin to the last frame's end."""
        return float(self.timeline.duration)

    @property
    def is_variable(self) -> bool:
        """Frame times are not a constant rate."""
        return self.timeline.is_variable

    @property
    def is_hdr(self) -> bool:
        return self.transfer in HDR_TRANSFERS


def probe(path: str | Path) -> ClipInfo:
    """Look into the clip at `path`.

    Raises:
        InputError: If it is missing, a folder, empty, unreadable, no video, a playlist, or cut short so that
            nothing of it can be decoded.
    """
    path = Path(path)
    require_file(path)
    raw: list[str] = []
    args = ["-loglevel", "level+info", *input_args(path), "-map", "0:v", "-c", "copy", "-f", "framecrc", "-"]
    with Ffmpeg(args, on_line=raw.append, yields=True) as process:
        packets = read_packets(process.read_lines())
        process.finish()
    log = FileLog(raw)
    if not log.streams:
        raise InputError(_why_unreadable(path, log))
    pictures = [stream for stream in log.streams if stream.kind == "Video"]
    place = _place_of_film(path, log, pictures)
    found = packets.get(place)
    if found is None or not found.shown:
        raise InputError(f"{path} holds no frame: it is empty or was cut short")
    return _describe(path, log, pictures[place], found, is_first=place == 0)


def require_file(path: Path) -> None:
    """Raise InputError, saying what is wrong, unless `path` is a readable file that holds something."""
    if path.is_dir():
        raise InputError(f"{path} is a folder, not a clip")
    if not path.exists():
        raise InputError(f"no such file: {path}")
    if not path.is_file():
        raise InputError(f"{path} is not a regular file")
    if not os.access(path, os.R_OK):
        raise InputError(f"cannot read {path}: permission denied")
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty (0 bytes)")


def _why_unreadable(path: Path, log: FileLog) -> str:
    with path.open("rb") as file:
        is_mp4 = file.read(8)[4:] in MP4_BEGINS
    if is_mp4 and log.complains_of(["moov atom not found"]):
        return f"{path} is cut short: its index (moov) is missing, so nothing can be decoded; copy it again"
    if log.complains_of(["whitelist"]):
        return f"{path} is a playlist or another kind of file that is not read; give the clip itself"
    return f"{path} is not a video, or is damaged"


def _place_of_film(path: Path, log: FileLog, pictures: Sequence[Stream]) -> int:
    """Which of the pictures is the film: the first that is no cover; of an AVIF the last, after a still."""
    films = [place for place, stream in enumerate(pictures) if not stream.is_cover]
    if films:
        return films[-1 if log.is_avif_sequence else 0]
    names = {"Audio": "sound", "Subtitle": "subtitles", "Video": "a cover picture", "Data": "data"}
    kinds = {names.get(stream.kind, stream.kind.lower()) for stream in log.streams}
    raise InputError(f"{path} has no film in it, only {' and '.join(sorted(kinds))}")


def _describe(path: Path, log: FileLog, film: Stream, packets: Packets, is_first: bool) -> ClipInfo:
    if film.size is None:
        raise InputError(f"{path} does not say how large its picture is: it is damaged or was cut short")
    size = shown_size(film.size, film.sample_aspect, film.rotation)
    if max(size[0] * size[1], film.size[0] * film.size[1]) > MOST_PIXELS:
        raise InputError(
            f"{path} claims {size[0]}x{size[1]} px: more than {MOST_PIXELS >> 20} megapixels are not read"
        )
    audio = next((stream for stream in log.streams if stream.kind == "Audio"), None)
    is_cut_short = packets.ends_corrupt or log.complains_of(BROKEN_OFF)
    return ClipInfo(
        path=path,
        size=size,
        timeline=packets.timeline(film.rates, is_cut_short),
        codec=film.codec,
        pixel_format=film.pixel_format,
        has_audio=audio is not None,
        audio_codec=audio.codec if audio else None,
        audio_start=audio.start - log.start if audio else Fraction(0),
        rotation=film.rotation,
        sample_aspect=film.sample_aspect,
        transfer=film.transfer,
        matrix=film.matrix,
        has_alpha=film.has_alpha,
        is_interlaced=film.is_interlaced,
        stream=film.index,
        is_first_picture=is_first,
        is_cut_short=is_cut_short,
        stored_size=film.size,
    )


def shown_size(stored: tuple[int, int], aspect: Fraction, rotation: int) -> tuple[int, int]:
    """(width, height) on a screen with square pixels: nothing shrinks, the short side is stretched."""
    width, height = stored
    if aspect > 1:
        width = round(width * aspect)
    elif aspect < 1:
        height = round(height / aspect)
    return (height, width) if rotation in (90, 270) else (width, height)
