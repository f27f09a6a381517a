"""From a file to a dreamed file: a clip, a folder of stills, or one still."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from time import perf_counter

import numpy as np

from dreamvideo.clip import add_residual, dream_residuals
from dreamvideo.errors import OutputError, UsageError
from dreamvideo.images import read_still, write_still
from dreamvideo.media.frames import open_writer
from dreamvideo.media.outputs import check_output, kind_of_output
from dreamvideo.media.reader import ClipReader
from dreamvideo.media.stills import StillsReader, kind_of_input, open_clip
from dreamvideo.media.writer import check_encoder
from dreamvideo.nets import Network
from dreamvideo.objectives import objective_for
from dreamvideo.settings import CarrySettings, DreamSettings, FilmSettings
from dreamvideo.stages import Stages

log = logging.getLogger("dreamvideo")

Progress = Callable[[int, int | None], None]  # (frames done, frames expected)


@dataclass
class Report:
    """What came of a render.

    Attributes:
        frames: how many were written. fps: of the output; None for a still.
        seconds: wall time. stages: seconds by stage; they overlap, so they may add up to more.
        broken_at: the frame at which the input broke off, else None.
    """

    output: Path
    frames: int = 0
    fps: Fraction | None = None
    size: tuple[int, int] = (0, 0)
    seconds: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)
    broken_at: int | None = None


def check_job(source: Path, target: Path, *, overwrite: bool) -> str:
    """See that `source` can be read and `target` written, in seconds, before a network is loaded.

    Returns:
        "still" or "clip", by what goes in and what shall come out.

    Raises:
        InputError, OutputError, UsageError
    """
    kind = kind_of_input(source)
    check_output(target, overwrite=overwrite, input_path=source)
    wanted = kind_of_output(target, from_still=kind == "still")
    if kind == "still" and wanted == "still":
        return "still"
    if kind == "still":
        raise UsageError(f"{source} is a still: give the output an ending like .png or .jpg")
    if wanted == "still":
        raise UsageError(
            f"{source} is a clip: give the output an ending like .mp4 or .gif, or --frames 1 and a folder"
        )
    return "clip"


def dream_file(
    source: Path,
    target: Path,
    network: Network,
    dream: DreamSettings,
    carry: CarrySettings,
    film: FilmSettings,
    *,
    overwrite: bool = False,
    progress: Progress = lambda done, expected: None,
) -> Report:
    """Dream `source` into `target`. The output appears when it is complete.

    Raises:
        DreamVideoError: anything that a user can do something about.
        KeyboardInterrupt: after the frames so far were saved beside the output as `NAME-partial`.
    """
    kind = check_job(source, target, overwrite=overwrite)
    objective_for(network, dream.layers)  # an unknown layer shows here, before anything is opened
    begun = perf_counter()
    render = _dream_still if kind == "still" else _dream_clip
    report = render(source, target, network, dream, carry, film, progress)
    report.seconds = perf_counter() - begun
    return report


def _dream_still(
    source: Path,
    target: Path,
    network: Network,
    dream: DreamSettings,
    carry: CarrySettings,
    film: FilmSettings,
    progress: Progress,
) -> Report:
    stages = Stages()
    frame = read_still(source)
    progress(0, 1)
    (dreamed,) = _dream_all(iter([frame]), network, dream, carry, film, stages)
    write_still(target, dreamed)
    progress(1, 1)
    return Report(target, 1, None, (dreamed.shape[1], dreamed.shape[0]), stages=stages.seconds)


def _dream_clip(
    source: Path,
    target: Path,
    network: Network,
    dream: DreamSettings,
    carry: CarrySettings,
    film: FilmSettings,
    progress: Progress,
) -> Report:
    stages = Stages()
    with open_clip(source, start=film.start, end=film.end, fps=film.fps, frames=film.frames) as reader:
        size = film.size or reader.size
        if kind_of_output(target) == "clip":
            check_encoder(target, size, reader.fps, crf=film.crf, variable=reader.is_variable)
        times: list[Fraction] = []
        dreamed = _dream_all(_decoded(reader, times, stages), network, dream, carry, film, stages)
        count = _write_all(dreamed, times, target, size, reader, film, stages, progress)
        return Report(target, count, reader.fps, size, stages=stages.seconds, broken_at=reader.broken_at)


def _decoded(
    reader: ClipReader | StillsReader, times: list[Fraction], stages: Stages
) -> Iterator[np.ndarray]:
    """The reader's frames; their times are put into `times`, to be taken out when they are written."""
    frames = iter(reader)
    while True:
        with stages.timed("decode"):
            timed = next(frames, None)
        if timed is None:
            return
        times.append(timed.time)
        yield timed.frame


def _dream_all(
    frames: Iterator[np.ndarray],
    network: Network,
    dream: DreamSettings,
    carry: CarrySettings,
    film: FilmSettings,
    stages: Stages,
) -> Iterator[np.ndarray]:
    for frame, residual in dream_residuals(frames, network, dream, carry, film.detail, stages):
        with stages.timed("add"):
            dreamed = add_residual(frame, residual, film)
        yield dreamed


def _write_all(
    dreamed: Iterator[np.ndarray],
    times: list[Fraction],
    target: Path,
    size: tuple[int, int],
    reader: ClipReader | StillsReader,
    film: FilmSettings,
    stages: Stages,
    progress: Progress,
) -> int:
    """Encode the frames; returns how many. On Ctrl-C those written so far are kept under another name."""
    audio = reader.sound if film.audio else None
    progress(0, reader.frames)
    with open_writer(
        target,
        size,
        reader.fps,
        crf=film.crf,
        audio=audio,
        variable=reader.is_variable,
        duration=reader.duration if reader.is_variable else None,
    ) as writer:
        try:
            for frame in dreamed:
                with stages.timed("encode"):
                    writer.write(frame, times.pop(0))
                progress(writer.frames, reader.frames)
        except KeyboardInterrupt:
            if writer.frames:
                partial = partial_name(target)
                writer.finish_partial(partial)
                log.warning("stopped: the first %d frames are in %s", writer.frames, partial)
            raise
        return writer.frames


def partial_name(target: Path) -> Path:
    """`dream.mp4` -> `dream-partial.mp4`, or the next of `dream-partial-2.mp4`, ... that is free.

    Raises:
        OutputError: a thousand are there.
    """
    for number in range(1, 1000):
        name = target.with_name(f"{target.stem}-partial{f'-{number}' if number > 1 else ''}{target.suffix}")
        if not name.exists():
            return name
    raise OutputError(f"too many partial films beside {target}: remove some")
