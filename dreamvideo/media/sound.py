"""The clip's sound, made ready before the first frame, so that a fault in it shows while nothing is lost."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from dreamvideo.errors import EncodeError
from dreamvideo.media.ffmpeg import file_url, input_args, run

log = logging.getLogger("dreamvideo")

COPY = ["-c:a", "copy"]
AAC_PRIMING = 1024  # samples of silence that the encoder puts first
MAX_OFFSET = Fraction(5, 1000)  # s between sound and picture that nobody notices


@dataclass(frozen=True)
class AudioSource:
    """Part of a clip's sound."""

    path: Path
    start: Fraction = Fraction(0)
    """Seconds of the clip's own clock at which the picture begins."""
    end: Fraction | None = None
    """Where it ends; None for the whole."""
    codec: str | None = None
    """As `ClipInfo.audio_codec`; None if not known: then it is encoded anew."""
    offset: Fraction = Fraction(0)
    """As `ClipInfo.audio_start`."""

    @property
    def is_untouched(self) -> bool:
        """Nothing is cut off, and no silence has to be put before it."""
        return self.start == 0 and self.end is None and abs(self.offset) < MAX_OFFSET


@dataclass(frozen=True)
class SoundFormat:
    """How a container likes its sound."""

    copies: frozenset[str]
    """Codecs that it takes as they are."""
    encode: tuple[str, ...]
    """ffmpeg's options for any other."""
    muxer: str


_AAC = ("-c:a", "aac", "-b:a", "192k")
_OPUS = ("-c:a", "libopus", "-b:a", "128k")
SOUND_FORMATS = {
    ".mp4": SoundFormat(frozenset({"aac", "mp3", "ac3", "eac3", "opus"}), _AAC, "mp4"),
    ".mov": SoundFormat(frozenset({"aac", "mp3", "ac3", "eac3", "alac"}), _AAC, "mov"),
    ".mkv": SoundFormat(
        frozenset({"aac", "mp3", "ac3", "eac3", "opus", "vorbis", "flac", "dts"}), _AAC, "matroska"
    ),
    ".webm": SoundFormat(frozenset({"opus", "vorbis"}), _OPUS, "webm"),
}
"""Of each ending that can hold sound."""


def prepare_sound(source: AudioSource, ending: str, target: Path, *, from_zero: bool = False) -> bool:
    """Write the sound that belongs to the picture to `target`, ready to be copied into a file of `ending`.

    Copied as it is where the container takes it and nothing is cut off, else encoded. The sound's zero is
    the picture's first frame; if it begins later, silence fills the gap.

    Args:
        from_zero: Encode it so that no packet begins before zero: the file then needs no edit list.

    Returns:
        False, after a warning, if the sound cannot be used; a clip is not lost for that.
    """
    style = SOUND_FORMATS[ending]
    ways = [_encoded(style, from_zero)]
    if not from_zero and source.is_untouched and source.codec in style.copies:
        ways.insert(0, COPY)
    for way in ways:
        try:
            run(["-y", *part_args(source), "-map", "0:a:0", *way, *_bare(style), file_url(target)])
            if way == COPY:
                _check(target)
            return True
        except EncodeError as error:
            reason = error
    log.warning(
        "the sound of %s cannot be used, the film will be silent: %s", source.path.name, _short(reason)
    )
    return False


def part_args(source: AudioSource) -> list[str]:
    """ffmpeg's input options for a sound."""
    span = [] if source.end is None else ["-t", f"{float(source.end - source.start):.6f}"]
    begin = ["-ss", f"{float(source.start):.6f}"] if source.start > 0 else []
    return [*begin, *span, *input_args(source.path)]


def _encoded(style: SoundFormat, from_zero: bool) -> list[str]:
    # more than two channels are mixed down: phones and browsers play no others from these codecs
    filters = "aresample=async=1:first_pts=0,aformat=channel_layouts=mono|stereo"
    if from_zero:
        filters += f",atrim=start_sample={AAC_PRIMING}"
    return ["-af", filters, *style.encode]


def _bare(style: SoundFormat) -> list[str]:
    return ["-vn", "-sn", "-dn", "-map_metadata", "-1", "-map_chapters", "-1", "-f", style.muxer]


def _check(target: Path) -> None:
    """Decode what was written: a copy of damaged sound succeeds and then does not play."""
    run(["-xerror", *input_args(target), "-map", "0:a", "-f", "null", "-"])


def _short(error: EncodeError) -> str:
    return str(error).split(";")[0]
