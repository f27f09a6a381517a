"""A picture as it was encoded -> the finished file: fitted to its limits, with sound and tags."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from dreamvideo.media import gifsicle
from dreamvideo.media.comments import with_comment
from dreamvideo.media.encoding import IN_ORDER, file_args, timing_args, track_args
from dreamvideo.media.ffmpeg import file_url, run
from dreamvideo.media.fit import AnimationFitter, Wish
from dreamvideo.media.fit_video import Film, fit_video
from dreamvideo.media.gif import gif_from_clip
from dreamvideo.media.outputs import ANIMATION_ENDINGS, VIDEO_ENDINGS

log = logging.getLogger("dreamvideo")


@dataclass(frozen=True)
class Unfinished:
    """What there is of a file when its last frame is encoded.

    Attributes:
        name: of the file, for what is told. ending: of the file.
        picture: encoded, alone in a folder where more may be put. sound: the sound to go with it.
        size: (width, height) of the picture. fps: exact, or with `variable` the usual one.
        seconds: of the whole. last: seconds for which the last frame is shown.
    """

    name: str
    ending: str
    picture: Path
    sound: Path | None
    size: tuple[int, int]
    fps: Fraction
    variable: bool
    seconds: Fraction
    last: Fraction
    metadata: Mapping[str, str]
    wish: Wish

    def finish(self) -> Path:
        """Make the complete file; it lies beside the picture.

        Raises:
            EncodeError: ffmpeg fails.
            UsageError: The limit is too small for any file.
        """
        whole = self.picture.with_name("whole" + self.ending)
        comment, wish = self.metadata.get("comment", ""), self.wish
        if wish.limit is not None and self.ending in ANIMATION_ENDINGS:
            fitter = AnimationFitter(self.picture, self.ending, wish.style, comment)
            self._tell(fitter.fit(whole, wish.limit).given_up)
        elif self.ending == ".gif":
            gif_from_clip(self.picture, whole, self.last, wish.style, comment)
            gifsicle.shrink(whole)
        elif self.ending in VIDEO_ENDINGS:
            self._finish_video(whole)
        elif comment:
            whole.write_bytes(with_comment(self.picture.read_bytes(), comment))
        else:
            return self.picture
        return whole

    def _finish_video(self, whole: Path) -> None:
        self._join(self.picture, whole)
        limit = self._limit_of_video()
        if limit is None or whole.stat().st_size <= limit:
            return
        sound = 0 if self.sound is None else self.sound.stat().st_size
        options = [] if self.wish.edit_lists else list(IN_ORDER)
        options += timing_args(self.ending, self.variable)
        film = Film(
            self.picture, self.ending, self.size, self.fps, float(self.seconds), sound, tuple(options)
        )
        self._tell(fit_video(film, self._join, whole, limit))

    def _limit_of_video(self) -> int | None:
        """Bytes, by size and by bit rate."""
        rate = self.wish.bits_per_second
        by_rate = None if rate is None else int(rate * float(self.seconds) / 8)
        return min((limit for limit in (self.wish.limit, by_rate) if limit is not None), default=None)

    def _tell(self, given_up: str) -> None:
        if given_up:
            log.warning("%s had to be made smaller: %s", self.name, given_up)

    def _join(self, picture: Path, whole: Path) -> None:
        """Picture, sound no longer than it, and tags into one file; nothing is encoded again."""
        inputs, maps = ["-i", file_url(picture)], ["-map", "0:v:0"]
        if self.sound is not None:
            inputs += ["-t", f"{float(self.seconds):.6f}", "-i", file_url(self.sound)]
            maps += ["-map", "1:a:0"]
        track = track_args(self.ending, self.variable)
        tags = ["-map_metadata", "-1", *file_args(self.ending, self.metadata, self.wish.edit_lists)]
        run(["-y", *inputs, *maps, "-c", "copy", *track, *tags, file_url(whole)])
