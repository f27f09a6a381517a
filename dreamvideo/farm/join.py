"""The parts of a job whose shots were rendered here and there, put together to the film."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from time import perf_counter

from dreamvideo.errors import JobError, PartialError
from dreamvideo.farm.drive import FARM, read_farm
from dreamvideo.farm.pool import Event
from dreamvideo.farm.run import FarmRun
from dreamvideo.farm.shots import Piece, Shots, missing
from dreamvideo.film import ClipFilm, Report
from dreamvideo.jobs.dream import inputs_of, order_for
from dreamvideo.jobs.folder import ENDING, JobFolder, job_folder
from dreamvideo.jobs.parts import PartStore
from dreamvideo.jobs.run import check_film, finish_job
from dreamvideo.jobs.stop import StopRequest
from dreamvideo.media.outputs import check_output
from dreamvideo.progress import Progress, no_progress
from dreamvideo.recipe import written_from_dict

MOST_NAMED = 8  # missing shots that the error names


class Nobody:
    """A `pool.Pool` without workers: nothing is missing."""

    free = busy = 0

    def expect(self, pieces: int) -> None: ...

    def give(self, piece: Piece) -> None: ...

    def wait(self, seconds: float) -> list[Event]:
        return []

    def stop(self) -> None: ...

    def close(self) -> None: ...


def join(
    place: Path,
    *,
    overwrite: bool = False,
    keep_job: bool = False,
    tell: bool = True,
    progress: Progress = no_progress,
) -> Report:
    """Make the film of a job whose parts are all there; no network is needed.

    Args:
        place: the output, or its job's folder.

    Raises:
        JobError: There is no such job, it is held, damaged, or its input was changed.
        PartialError: Parts are missing; names their shots.
    """
    begun = perf_counter()
    target = place.with_name(place.name.removesuffix(ENDING))
    if not (job_folder(target) / FARM).exists():
        raise JobError(f"there is no job of shots at {job_folder(target)}: `dream --shots` makes one")
    check_output(target, overwrite=overwrite)
    with JobFolder(target) as job:
        task, shots = read_farm(job.path)
        assert task.source is not None  # only dreams of clips have that file
        with ClipFilm(task.source, task.recipe.film) as film, StopRequest() as stop:
            _check_complete(PartStore(job.path, film.size), shots)
            written = written_from_dict(job.read()["recipe"])
            files = {part: digest for part, digest in written.files.items() if part != "input"}
            inputs = inputs_of(task.source, task.guide, task.mask)
            written = replace(written, files=files)
            order = order_for(str(target), written, inputs, task.recipe.film, keep_job, tell)
            job.check(order.plain())
            check_film(job, film, order)
            resumed_at = FarmRun(job, film, order, shots, Nobody(), progress, stop).make()
            report = finish_job(job, film, order, shots.frames, resumed_at)
    return replace(report, broken_at=shots.broken_at, seconds=perf_counter() - begun)


def _check_complete(store: PartStore, shots: Shots) -> None:
    if pieces := missing(store, shots):
        named = ", ".join(map(str, pieces[:MOST_NAMED]))
        more = f" and {len(pieces) - MOST_NAMED} more" if len(pieces) > MOST_NAMED else ""
        raise PartialError(f"of {len(shots.begins)} shots these are not there yet: {named}{more}")
