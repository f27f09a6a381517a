"""A source and its dream in one film: beside or over each other, or a wipe from one to the other."""

from __future__ import annotations

import logging
import math
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from itertools import repeat
from pathlib import Path

import numpy as np

from dreamvideo.errors import UsageError
from dreamvideo.images import read_still, resize
from dreamvideo.media.comments import write_picture
from dreamvideo.media.export import comment_of
from dreamvideo.media.gif import gif_rate
from dreamvideo.media.outputs import check_output, kind_of_output
from dreamvideo.media.platforms import limits_for, target_for, wish_for
from dreamvideo.media.stills import kind_of_input, open_clip
from dreamvideo.media.writer import ClipWriter
from dreamvideo.progress import Progress, no_progress
from dreamvideo.settings import CompareSettings, FilmSettings, Layout

log = logging.getLogger("dreamvideo")

GAP_SHARE = 1 / 180  # of the shorter side: the line between source and dream
WIPE_SECONDS = 4.0  # there and back, roughly: it ends where it begins
WHITE = 255


@dataclass(frozen=True)
class Layouter:
    """Puts two frames of one size (width, height) into one."""

    layout: Layout
    pane: tuple[int, int]

    @property
    def gap(self) -> int:
        """Width of the line between both, px; even, so that the whole is where the panes are."""
        return max(2, 2 * round(min(self.pane) * GAP_SHARE / 2))

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of what comes out."""
        width, height = self.pane
        if self.layout == "beside":
            return 2 * width + self.gap, height
        return (width, 2 * height + self.gap) if self.layout == "over" else (width, height)

    def join(self, source: np.ndarray, dream: np.ndarray, phase: float = 0.0) -> np.ndarray:
        """One frame, (H, W, 3) uint8.

        Args:
            phase: Of a wipe: at 0 and 1 only the source is there, at 0.5 only the dream.
        """
        source, dream = resize(source, self.pane), resize(dream, self.pane)
        if self.layout == "wipe":
            return self._wiped(source, dream, phase)
        width, height = self.size
        whole = np.full((height, width, 3), WHITE, np.uint8)
        whole[: self.pane[1], : self.pane[0]] = source
        whole[height - self.pane[1] :, width - self.pane[0] :] = dream
        return whole

    def _wiped(self, source: np.ndarray, dream: np.ndarray, phase: float) -> np.ndarray:
        """The source left of a line, the dream right of it; the line stands between pixels too."""
        half = self.gap / 2
        place = (self.pane[0] + 2 * half) * (0.5 + 0.5 * math.cos(2 * math.pi * phase)) - half
        columns = np.arange(self.pane[0], dtype=np.float32)
        of_source = np.clip(place - columns, 0, 1)[:, None]
        of_line = np.clip(half + 0.5 - np.abs(columns + 0.5 - place), 0, 1)[:, None]
        mixed = source * of_source + dream * (1 - of_source)
        return np.rint(mixed * (1 - of_line) + WHITE * of_line).astype(np.uint8)


def compare_clips(
    source: Path,
    dream: Path,
    target: str | Path,
    settings: CompareSettings,
    *,
    fps: Fraction | None = None,
    overwrite: bool = False,
    tell: bool = True,
    progress: Progress = no_progress,
) -> tuple[Path, int]:
    """Make a film (of two stills a still) of a source and its dream; the recipe of the dream goes with it.

    Args:
        fps: Of the dream, where it is a folder of frames.

    Returns:
        What was written (an mp4 where the platform wants one), and how many frames it has.

    Raises:
        DreamVideoError: Anything that a user can do something about.
    """
    output = Path(target_for(str(target), settings.platform))
    check_comparison(source, dream, output, settings, overwrite=overwrite)
    comment = comment_of(dream) if tell else ""
    if kind_of_input(dream) == "still":
        frame = read_still(dream)
        layouter = Layouter(settings.layout, (frame.shape[1], frame.shape[0]))
        write_picture(output, layouter.join(read_still(source), frame), comment)
        return output, 1
    return _compare_films(source, dream, output, settings, fps, comment, progress)


def check_comparison(
    source: Path, dream: Path, target: Path, settings: CompareSettings, *, overwrite: bool
) -> None:
    """See that `target` can be made of both, before any work.

    Raises:
        InputError, OutputError, UsageError
    """
    is_still = kind_of_input(dream) == "still"
    if is_still and kind_of_input(source) != "still":
        raise UsageError(f"{dream} is a still and {source} is a clip: give the dream of the clip")
    for path in (source, dream):
        check_output(target, overwrite=overwrite, input_path=path)
    size = None
    if not is_still:
        with closing(open_clip(dream)) as reader:
            size = reader.size
    check_target(target, settings, size)


def check_target(target: str | Path, settings: CompareSettings, size: tuple[int, int] | None) -> None:
    """Raise UsageError if `target` is nothing that a comparison can be.

    Args:
        size: (width, height) of the films that are compared; None: they are stills.
    """
    target = target_for(str(target), settings.platform)
    if size is None and settings.layout == "wipe":
        raise UsageError("a wipe moves, and these are stills: use --layout beside or over")
    if kind_of_output(target, from_still=size is None) != ("still" if size is None else "clip"):
        raise UsageError(
            f"end {Path(target).name} in " + (".png or .jpg" if size is None else ".mp4 or .gif")
        )
    limits = limits_for(target, settings.platform)
    if size is None or limits is None or limits.shape is None:
        return
    width, height = Layouter(settings.layout, size).size
    if max(width, height) > limits.shape * min(width, height):
        raise UsageError(
            f"{limits.name} takes shapes up to {limits.shape}:1 and this is {width}x{height}: "
            "use another --layout (beside, over, wipe)"
        )


def _compare_films(
    source: Path,
    dream: Path,
    output: Path,
    settings: CompareSettings,
    fps: Fraction | None,
    comment: str,
    progress: Progress,
) -> tuple[Path, int]:
    with closing(open_clip(dream, fps=fps)) as reader:
        rate, seconds, sound = reader.fps, float(reader.duration), reader.sound
        layouter = Layouter(settings.layout, reader.size)
    if output.suffix.lower() == ".gif":
        rate = gif_rate(rate, None)
    size, limits = layouter.size, limits_for(output, settings.platform)
    if limits is not None:
        rate, size = limits.shaped(output, size, rate, seconds)
    if settings.width is not None and settings.width < size[0]:
        size = settings.width, max(1, round(size[1] * settings.width / size[0]))
    frames = max(1, round(seconds * rate))
    rounds = max(1, round(seconds / WIPE_SECONDS))
    writer = ClipWriter(
        output,
        size,
        rate,
        crf=FilmSettings.crf,
        audio=sound if settings.audio else None,
        metadata={"comment": comment} if comment else {},
        wish=wish_for(output, settings.platform, settings.max_size),
    )
    with writer, closing(_pairs(source, dream, rate, settings.start, seconds)) as pairs:
        progress(0, frames, None)
        for number, pair in enumerate(pairs):
            joined = resize(layouter.join(*pair, phase=number * rounds / frames % 1), size)
            writer.write(joined)
            progress(number + 1, frames, joined)
    return output, writer.frames


def _pairs(
    source: Path, dream: Path, fps: Fraction, start: float, seconds: float
) -> Generator[tuple[np.ndarray, np.ndarray], None, None]:
    """The frames of both at the same times, as long as both last."""
    with closing(open_clip(dream, fps=fps)) as dreamed:
        if kind_of_input(source) == "still":
            yield from zip(repeat(read_still(source)), (frame for frame, _ in dreamed), strict=False)
            return
        with closing(open_clip(source, start=start, fps=fps)) as original:
            lacking = seconds - float(original.duration)
            if lacking > 2 / fps:
                log.warning(
                    "%s ends %.2f s before its dream, and so does the comparison",
                    source.name,
                    lacking,
                )
            for one, other in zip(original, dreamed, strict=False):
                yield one.frame, other.frame
