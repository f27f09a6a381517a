"""From a file to a dreamed file: a clip, a folder of stills, or one still."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from time import perf_counter

import numpy as np

from dreamvideo.clip import add_residual, dream_residuals
from dreamvideo.errors import OutputError
from dreamvideo.images import read_still, write_still
from dreamvideo.media.frames import FramesWriter, open_writer
from dreamvideo.media.outputs import check_job, kind_of_output
from dreamvideo.media.reader import ClipReader
from dreamvideo.media.stills import StillsReader, open_clip
from dreamvideo.media.writer import ClipWriter, check_encoder
from dreamvideo.nets import Network
from dreamvideo.objectives import objective_for
from dreamvideo.settings import FilmSettings, Recipe
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


def dream_file(
    source: Path,
    target: str | Path,
    network: Network,
    recipe: Recipe,
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
    objective_for(network, recipe.dream.layers)  # an unknown layer shows here, before anything is opened
    begun = perf_counter()
    render = _dream_still if kind == "still" else _dream_clip
    report = render(source, target, network, recipe, progress)
    report.seconds = perf_counter() - begun
    return report


def _dream_still(
    source: Path, target: str | Path, network: Network, recipe: Recipe, progress: Progress
) -> Report:
    stages, target = Stages(), Path(target)
    frame = read_still(source)
    progress(0, 1)
    (dreamed,) = _dream_all(iter([frame]), network, recipe, stages)
    write_still(target, dreamed)
    progress(1, 1)
    return Report(target, 1, None, (dreamed.shape[1], dreamed.shape[0]), stages=stages.seconds)


def _dream_clip(
    source: Path, target: str | Path, network: Network, recipe: Recipe, progress: Progress
) -> Report:
    stages, film = Stages(), recipe.film
    with open_clip(source, start=film.start, end=film.end, fps=film.fps, frames=film.frames) as reader:
        size = film.size or reader.size
        if kind_of_output(target) == "clip":
            check_encoder(target, size, reader.fps, crf=film.crf, variable=reader.is_variable)
        times: list[Fraction] = []
        with (
            closing(_dream_all(_decoded(reader, times, stages), network, recipe, stages)) as dreamed,
            _open_writer(target, size, reader, film) as writer,
        ):
            count = _write_all(dreamed, times, writer, Path(target), reader.frames, stages, progress)
        return Report(
            Path(target), count, reader.fps, size, stages=stages.seconds, broken_at=reader.broken_at
        )


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
    frames: Iterator[np.ndarray], network: Network, recipe: Recipe, stages: Stages
) -> Generator[np.ndarray, None, None]:
    residuals = dream_residuals(frames, network, recipe.dream, recipe.carry, recipe.film.detail, stages)
    with closing(residuals) as pairs:
        for frame, residual in pairs:
            with stages.timed("add"):
                dreamed = add_residual(frame, residual, recipe.film)
            yield dreamed


def _open_writer(
    target: str | Path, size: tuple[int, int], reader: ClipReader | StillsReader, film: FilmSettings
) -> ClipWriter | FramesWriter:
    return open_writer(
        target,
        size,
        reader.fps,
        crf=film.crf,
        audio=reader.sound if film.audio else None,
        variable=reader.is_variable,
        duration=reader.duration if reader.is_variable else None,
    )


def _write_all(
    dreamed: Iterator[np.ndarray],
    times: list[Fraction],
    writer: ClipWriter | FramesWriter,
    target: Path,
    expected: int,
    stages: Stages,
    progress: Progress,
) -> int:
    """Encode the frames; returns how many. On Ctrl-C those written so far are kept under another name."""
    progress(0, expected)
    try:
        for frame in dreamed:
            with stages.timed("encode"):
                writer.write(frame, times.pop(0))
            progress(writer.frames, expected)
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
