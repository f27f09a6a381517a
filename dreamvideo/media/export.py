"""A clip as a small animation or film to post: cut, cropped, sped up, looped, and within its limits."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np

from dreamvideo.errors import InputError, UsageError
from dreamvideo.images import resize
from dreamvideo.media.comments import read_comment
from dreamvideo.media.gif import GifStyle, gif_rate, gif_rate_for
from dreamvideo.media.loop import find_loop
from dreamvideo.media.outputs import check_job, work_folder
from dreamvideo.media.platforms import limits_for, target_for, wish_for
from dreamvideo.media.reader import ClipReader
from dreamvideo.media.stills import StillsReader, kind_of_input, open_clip
from dreamvideo.media.writer import ClipWriter
from dreamvideo.settings import FilmSettings, GifSettings

log = logging.getLogger("dreamvideo")

USUAL_WIDTH = 480  # px, where neither a width nor a limit is named
MOST_KEPT = 4 << 30  # bytes of frames that a boomerang keeps on the disk

Progress = Callable[[int, int | None, np.ndarray | None], None]


@dataclass(frozen=True)
class Cut:
    """What of a clip is shown, and how: at `fps` of the output, frames of `size`, from `box`."""

    fps: Fraction
    read_fps: Fraction
    size: tuple[int, int]
    box: tuple[slice, slice]
    first: int
    count: int
    boomerang: bool

    @property
    def frames(self) -> int:
        """How many come out."""
        return 2 * self.count - 2 if self.boomerang and self.count > 2 else self.count


def export_clip(
    source: Path,
    target: str | Path,
    settings: GifSettings,
    *,
    overwrite: bool = False,
    tell: bool = True,
    progress: Progress = lambda done, expected, picture: None,
) -> tuple[Path, int]:
    """Make `target`, an animation or a film, of the clip `source`; the recipe of the source goes with it.

    Returns:
        What was written (an mp4 where the platform wants one), and how many frames.

    Raises:
        DreamVideoError: Anything that a user can do something about.
    """
    if kind_of_input(source) == "still":
        raise UsageError(f"{source} is a still: there is nothing that could move; give a clip")
    output = Path(target_for(str(target), settings.platform))
    check_job(source, output, overwrite=overwrite)
    cut = _plan(source, output, settings)
    style = GifStyle(settings.colours, settings.dither, settings.hold)
    wish = wish_for(output, settings.platform, settings.max_size, style)
    comment = comment_of(source) if tell else ""
    with (
        closing(open_clip(source, start=settings.start, end=settings.end, fps=cut.read_fps)) as reader,
        ClipWriter(
            output,
            cut.size,
            cut.fps,
            crf=FilmSettings.crf,
            audio=reader.sound if settings.audio and _keeps_time(settings) else None,
            metadata={"comment": comment} if comment else {},
            wish=wish,
        ) as writer,
    ):
        progress(0, cut.frames, None)
        for frame in _frames(reader, cut, output):
            writer.write(frame)
            progress(writer.frames, cut.frames, frame)
    return output, writer.frames


def _keeps_time(settings: GifSettings) -> bool:
    return settings.speed == 1 and not settings.boomerang and not settings.find_loop


def _plan(source: Path, output: Path, settings: GifSettings) -> Cut:
    """Decide rate, size and part before anything is encoded."""
    speed = Fraction(settings.speed).limit_denominator(1000)
    is_gif = output.suffix.lower() == ".gif"
    with closing(open_clip(source, start=settings.start, end=settings.end)) as reader:
        own, seconds, size = reader.fps, Fraction(reader.duration) / speed, reader.size
    fps = settings.fps or own * speed
    if is_gif:
        asked = gif_rate_for(source, settings.fps) if settings.fps else None
        fps = asked or gif_rate(fps, None)
    box = _crop(size, settings.crop)
    size = (box[1].stop - box[1].start, box[0].stop - box[0].start)
    first, count = 0, max(1, round(seconds * fps))
    if settings.find_loop:
        first, count = _loop(source, settings, fps / speed)
    limits, before = limits_for(output, settings.platform), fps
    if limits is not None:
        shown = float(count / fps) * (2 if settings.boomerang else 1)
        fps, size = limits.shaped(output, size, fps, shown)
        first, count = round(first * fps / before), max(1, round(count * fps / before))
    size = _narrowed(size, settings, bool(settings.max_size or limits))
    return Cut(fps, fps / speed, size, box, first, count, settings.boomerang)


def _narrowed(size: tuple[int, int], settings: GifSettings, is_limited: bool) -> tuple[int, int]:
    """The size at the width asked for, never wider than the clip."""
    width = settings.width or (size[0] if is_limited else USUAL_WIDTH)
    width = min(width, size[0])
    return width, max(1, round(size[1] * width / size[0]))


def _crop(size: tuple[int, int], shape: str | None) -> tuple[slice, slice]:
    """(rows, columns) of the largest middle part that has the `shape` (like 9:16)."""
    width, height = size
    if shape is not None:
        across, down = (int(part) for part in shape.split(":"))
        width, height = min(width, height * across // down), min(height, width * down // across)
    width, height = max(1, width), max(1, height)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    return slice(top, top + height), slice(left, left + width)


def _loop(source: Path, settings: GifSettings, fps: Fraction) -> tuple[int, int]:
    with closing(open_clip(source, start=settings.start, end=settings.end, fps=fps)) as reader:
        first, count, seam = find_loop(frame for frame, _ in reader)
    log.warning(
        "the loop goes from %.2f s to %.2f s; at the seam the picture changes by %.1f grey levels",
        settings.start + first / fps,
        settings.start + (first + count) / fps,
        seam,
    )
    return first, count


def _frames(reader: ClipReader | StillsReader, cut: Cut, output: Path) -> Iterator[np.ndarray]:
    shown = (
        resize(np.ascontiguousarray(frame[cut.box]), cut.size)
        for frame, _ in islice(reader, cut.first, cut.first + cut.count)
    )
    if not cut.boomerang:
        yield from shown
        return
    if cut.count * cut.size[0] * cut.size[1] * 3 > MOST_KEPT:
        raise UsageError("this is too long to be played backwards: shorten it with --end, or use --width")
    with work_folder(output) as folder, tempfile.TemporaryFile(dir=folder) as kept:
        length, count = 0, 0
        for frame in shown:
            kept.write(frame.data)
            length, count = frame.nbytes, count + 1
            yield frame
        for number in range(count - 2, 0, -1):
            kept.seek(number * length)
            yield np.frombuffer(kept.read(length), np.uint8).reshape(cut.size[1], cut.size[0], 3)


def comment_of(source: Path) -> str:
    """The recipe that the source carries, if it does."""
    try:
        return (read_comment(source) or "") if source.is_file() else ""
    except InputError:
        return ""
