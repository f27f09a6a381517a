"""A sheet of what a network likes to see, drawn by several workers: a batch of pictures each at a time."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from dreamvideo.errors import UsageError
from dreamvideo.farm.pool import PoolFor
from dreamvideo.farm.share import Sharing
from dreamvideo.farm.shots import BATCH, Piece
from dreamvideo.farm.task import Task
from dreamvideo.film import Report
from dreamvideo.jobs.folder import JobFolder
from dreamvideo.jobs.stop import StopRequest
from dreamvideo.jobs.visualize import BATCH as BATCH_SIZE
from dreamvideo.jobs.visualize import batch_of, batch_path, draw_sheet
from dreamvideo.media.outputs import check_output, kind_of_output
from dreamvideo.nets import Network
from dreamvideo.progress import Progress, no_progress
from dreamvideo.recipe import WrittenRecipe
from dreamvideo.settings import VisualizeRecipe, VisualizeSettings
from dreamvideo.visualize import subjects_for


def draw_with_workers(
    target: str | Path,
    network: Network,
    settings: VisualizeSettings,
    *,
    pool_for: PoolFor,
    weights: Path | None = None,
    overwrite: bool = False,
    fresh: bool = False,
    keep_job: bool = False,
    tell: bool = True,
    progress: Progress = no_progress,
) -> Report:
    """`jobs.visualize.visualize_file` for a still; the pictures are the same to the last bit.

    Args:
        network: as the workers will load it from `weights`, on any device.
        pool_for: starts the workers.

    Raises:
        DreamVideoError: as there. UsageError: a film was asked for, all of whose pictures grow together.
        KeyboardInterrupt: the same call goes on.
    """
    begun = perf_counter()
    check_output(target, overwrite=overwrite)
    if kind_of_output(target, from_still=True) != "still":
        raise UsageError("workers can share the batches of a sheet: a film of growth is drawn by one process")
    subjects = subjects_for(network, settings)
    written = WrittenRecipe(VisualizeRecipe(settings), (network.name, network.digest))
    expected = len(subjects) * settings.steps
    task = Task(written.settings, (network.name, network.digest), weights=weights)
    with JobFolder(target, fresh=fresh) as job:
        if job.is_begun:
            job.check(written.to_dict())
        else:
            job.describe(written.to_dict(), expected)

        def missing() -> list[Piece]:
            numbers = range(-(-len(subjects) // BATCH_SIZE))
            lengths = {number: len(batch_of(subjects, number)) * settings.steps for number in numbers}
            return [
                Piece(number, 0, length, kind=BATCH)
                for number, length in lengths.items()
                if not batch_path(job.path, number).exists()
            ]

        with closing(pool_for(task, job.path)) as pool, StopRequest() as stop:
            Sharing(pool, missing).finish(stop, lambda left: progress(expected - left, expected))
        report = draw_sheet(job, Path(target), network, subjects, written, tell, progress)
        if not keep_job:
            job.remove()
    return replace(report, seconds=perf_counter() - begun)
