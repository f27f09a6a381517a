"""A render, from where it was to its end: parts kept on the way, the film encoded, signals heard."""

from __future__ import annotations

import dataclasses
import logging
import os
import shutil
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from dreamvideo.errors import OutputError
from dreamvideo.film import Report
from dreamvideo.jobs.folder import JobFolder
from dreamvideo.jobs.inputs import Inputs
from dreamvideo.jobs.parts import Part, PartStore, PartWriter
from dreamvideo.jobs.stop import StopRequest
from dreamvideo.media.fit import Wish
from dreamvideo.media.frames import FramesWriter, open_writer
from dreamvideo.media.lossless import SHARE_OF_RAW
from dreamvideo.media.outputs import kind_of_output
from dreamvideo.media.writer import ClipWriter, check_encoder
from dreamvideo.progress import Progress
from dreamvideo.recipe import Plain, WrittenRecipe
from dreamvideo.render import Film, Render

log = logging.getLogger("dreamvideo")

PART_SECONDS = 20.0  # of work that a kill may cost; each part costs a tenth of a second and its state
PART_SECONDS_VARIABLE = "DREAMVIDEO_PART_SECONDS"  # another number of seconds, for tests


@dataclass(frozen=True)
class Order:
    """What shall be made, and of what."""

    target: str | Path
    recipe: WrittenRecipe
    """All that decides the film, but for the hashes of the inputs."""
    inputs: Inputs
    crf: int
    keep: bool = False
    """Leave the job's folder when the film is complete."""
    wish: Wish | None = None
    """What the file must keep to."""
    tell: bool = True
    """Write the recipe into the film."""

    def plain(self) -> Plain:
        """The whole recipe; reads the inputs."""
        files = {**self.recipe.files, **self.inputs.hashes()}
        return dataclasses.replace(self.recipe, files=files).to_dict()

    def tags(self) -> dict[str, str]:
        """What the film says of itself; of its input nothing: a recipe is for any."""
        return {"comment": self.recipe.to_toml()} if self.tell else {}


def run_job(job: JobFolder, render: Render, order: Order, progress: Progress) -> Report:
    """Make the film, going on behind the parts that `job` holds. Removes the job when the film is there.

    Raises:
        KeyboardInterrupt: Ctrl-C or SIGTERM: what there is was kept as parts, and as a film `NAME-partial`.
        JobError: The job was begun with another input or other settings, or is damaged.
        DreamVideoError: Whatever went wrong; the job keeps what it has.
    """
    if job.is_begun:
        job.check(order.plain())
    check_film(job, render, order)
    with StopRequest() as stop:
        count, resumed_at = _Run(job, render, order, progress, stop).make()
    return finish_job(job, render, order, count, resumed_at)


def check_film(job: JobFolder, film: Film, order: Order) -> None:
    """See that the encoder can make it, before anything is rendered. Raises EncodeError."""
    if kind_of_output(order.target) == "clip":
        variable = film.is_variable
        check_encoder(order.target, film.size, film.fps, crf=order.crf, variable=variable, work=job.path)


def open_film(job: JobFolder, film: Film, order: Order) -> ClipWriter | FramesWriter:
    """The encoder of the film."""
    return open_writer(
        order.target,
        film.size,
        film.fps,
        crf=order.crf,
        audio=film.sound,
        variable=film.is_variable,
        metadata=order.tags(),
        wish=order.wish,
        duration=film.duration if film.is_variable else None,
        work=job.path,
    )


def leave_film(job: JobFolder, order: Order, writer: ClipWriter | FramesWriter) -> Path | None:
    """Not all of it will come now: what is encoded becomes a film under another name. None: nothing is."""
    if not writer.frames:
        return None
    partial = job.partial or partial_name(Path(order.target))
    job.remember_partial(partial)
    writer.finish_partial(partial)
    return partial


def finish_job(job: JobFolder, film: Film, order: Order, frames: int, resumed_at: int) -> Report:
    """The film is there: tidy up, and tell."""
    job.forget_partial()
    if not order.keep:
        job.remove()
    return Report(
        Path(order.target),
        frames,
        film.fps,
        film.size,
        stages=film.stages.seconds,
        broken_at=film.broken_at,
        resumed_at=resumed_at,
    )


class _Run:
    """One run of a job, and what all of its steps need."""

    def __init__(
        self, job: JobFolder, render: Render, order: Order, progress: Progress, stop: StopRequest
    ) -> None:
        self._job, self._render, self._order = job, render, order
        self._progress, self._stop = progress, stop
        self._store = PartStore(job.path, render.size)

    def make(self) -> tuple[int, int]:
        """The film, complete: how many frames it has, and how many of them were there before."""
        parts, state = self._finished()
        begin = parts[-1].end if parts else 0
        warn_of_a_full_disk(self._job.path, self._render, begin)
        self._progress(begin, self._render.frames)
        with open_film(self._job, self._render, self._order) as writer, self._store.open(begin) as part:
            self._feed(parts, writer)
            self._render_on(state, writer, part)
            self._order.inputs.check()
        return writer.frames, begin

    def _finished(self) -> tuple[Sequence[Part], Any | None]:
        """The parts to go on behind, and the state there."""
        parts = self._store.finished() if self._job.is_begun else []
        while True:
            state = self._store.state(parts[-1].end if parts else 0, self._render.state_kind)
            if state is not None or not parts:
                return parts, state
            parts.pop()

    def _feed(self, parts: Sequence[Part], writer: ClipWriter | FramesWriter) -> None:
        """Encode what an earlier run rendered."""
        done = parts[-1].end if parts else 0
        for part in parts:
            for frame, time in self._store.read(part):
                writer.write(frame, time)
                if self._stop.is_made:
                    self._leave(writer)
            self._progress(done, self._render.frames)

    def _render_on(self, state: Any | None, writer: ClipWriter | FramesWriter, part: PartWriter) -> None:
        """Render what follows `state`, encode it, and keep it in parts."""
        seconds = part_seconds()
        stages, kept = self._render.stages, monotonic()
        with closing(self._render.segments(state)) as segments:
            for frames, state in segments:
                for frame, time in frames:
                    with stages.timed("encode"):
                        writer.write(frame, time)
                    with stages.timed("keep"):
                        part.write(frame, time)
                    self._progress(writer.frames, self._render.frames, frame)
                if self._stop.is_made or monotonic() - kept >= seconds:
                    with stages.timed("keep"):
                        self._commit(part, state)
                    kept = monotonic()
                if self._stop.is_made:
                    self._leave(writer)
        if self._order.keep and state is not None:
            self._commit(part, state)

    def _commit(self, part: PartWriter, state: Any) -> None:
        self._order.inputs.check()
        if not self._job.is_begun:
            self._job.describe(self._order.plain(), expected=self._render.frames)
        part.commit(state)

    def _leave(self, writer: ClipWriter | FramesWriter) -> None:
        """Stopped: what is encoded becomes a film under another name."""
        if (partial := leave_film(self._job, self._order, writer)) is not None:
            log.warning(
                "stopped: the first %d frames are in %s; the same command goes on", writer.frames, partial
            )
        raise KeyboardInterrupt


def part_seconds() -> float:
    """Of work that go into a part."""
    return float(os.environ.get(PART_SECONDS_VARIABLE, PART_SECONDS))


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


def warn_of_a_full_disk(folder: Path, render: Film, done: int) -> None:
    """Say at once, not in the middle of the night, that the parts may not find room."""
    needed = (render.frames - done) * render.size[0] * render.size[1] * 3 * SHARE_OF_RAW
    free = shutil.disk_usage(folder).free
    if needed > free:
        log.warning(
            "the job may need %.1f GB beside the output, and %.1f GB are free there", needed / 1e9, free / 1e9
        )
