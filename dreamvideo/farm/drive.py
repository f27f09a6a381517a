"""A clip dreamed by several workers, from a file to a file: the sister of `jobs.dream`."""

from __future__ import annotations

import json
import logging
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from time import perf_counter

from dreamvideo.errors import JobError, SettingsError
from dreamvideo.farm.pool import PoolFor
from dreamvideo.farm.run import FarmRun
from dreamvideo.farm.shots import Shots, find_shots
from dreamvideo.farm.task import Task
from dreamvideo.film import ClipFilm, Report, film_for
from dreamvideo.jobs.dream import inputs_of, open_aims, order_for
from dreamvideo.jobs.folder import JobFolder
from dreamvideo.jobs.run import Order, check_film, finish_job
from dreamvideo.jobs.stop import StopRequest
from dreamvideo.media.outputs import check_job
from dreamvideo.media.platforms import target_for
from dreamvideo.nets import Network
from dreamvideo.progress import Progress, at_stage, no_progress
from dreamvideo.recipe import WrittenRecipe
from dreamvideo.settings import Recipe

log = logging.getLogger("dreamvideo")

FARM = "farm.json"  # in a job's folder


def dream_with_workers(
    source: Path,
    target: str | Path,
    network: Network,
    recipe: Recipe,
    *,
    pool_for: PoolFor,
    weights: Path | None = None,
    guide: Path | None = None,
    mask: Path | None = None,
    overwrite: bool = False,
    fresh: bool = False,
    keep_job: bool = False,
    tell: bool = True,
    progress: Progress = no_progress,
) -> Report:
    """`jobs.dream.dream_file`, with the shots rendered by workers; the frames are the same to the last bit.

    Args:
        network: as the workers will load it from `weights`, on any device.
        pool_for: starts the workers.

    Raises:
        DreamVideoError: as there. PartialError: a shot that no worker survived; all others are kept.
        KeyboardInterrupt: Ctrl-C or SIGTERM; the job can be gone on with.
    """
    begun = perf_counter()
    task, order = ordered(source, target, network, recipe, weights, guide, mask, overwrite, keep_job, tell)
    with (
        open_aims(network, task.recipe, guide, mask),  # a slip shows here
        ClipFilm(source, task.recipe.film) as film,
        JobFolder(order.target, fresh=fresh) as job,
    ):
        if job.is_begun:
            job.check(order.plain())
        check_film(job, film, order)
        with closing(pool_for(task, job.path)) as pool, StopRequest() as stop:
            shots = shots_of(job, film, task, order, stop, progress)
            resumed_at = FarmRun(job, film, order, shots, pool, progress, stop).make()
        report = finish_job(job, film, order, shots.frames, resumed_at)
    return replace(report, broken_at=shots.broken_at, seconds=perf_counter() - begun)


def ordered(
    source: Path,
    target: str | Path,
    network: Network,
    recipe: Recipe,
    weights: Path | None,
    guide: Path | None,
    mask: Path | None,
    overwrite: bool = False,
    keep_job: bool = False,
    tell: bool = True,
) -> tuple[Task, Order]:
    """What the workers are told, and what the job is; checked."""
    target = target_for(str(target), recipe.film.platform)
    check_job(source, target, overwrite=overwrite)
    inputs = inputs_of(source, guide, mask)
    written = WrittenRecipe(recipe, (network.name, network.digest), inputs.hashes(leave_out="input"))
    used = replace(recipe, film=film_for(target, source, recipe.film))
    order = order_for(target, written, inputs, used.film, keep_job, tell)
    return Task(used, (network.name, network.digest), source, weights, guide, mask), order


def shots_of(
    job: JobFolder, film: ClipFilm, task: Task, order: Order, stop: StopRequest, progress: Progress
) -> Shots:
    """The clip's shots, looked for once in the life of a job, which can be gone on with from then on."""
    if job.is_begun and (job.path / FARM).exists():
        return read_farm(job.path)[1]

    show = at_stage(progress, "looking for shots")

    def look(done: int, expected: int | None, picture: object = None) -> None:
        if stop.is_made:
            raise KeyboardInterrupt
        show(done, expected)

    shots = find_shots(film, task.recipe.carry, task.recipe.film.detail, look)
    if len(shots.begins) == 1:
        log.warning(
            "%s is one shot: only one worker has something to do; --split 240 lets several share it",
            task.source,
        )
    if not job.is_begun:
        job.describe(order.plain(), expected=shots.frames)
    job.write(FARM, {"task": task.to_plain(), "shots": asdict(shots)})
    return shots


def read_farm(folder: Path) -> tuple[Task, Shots]:
    """What `shots_of` wrote into a job's folder.

    Raises:
        JobError: It is damaged.
    """
    try:
        told = json.loads((folder / FARM).read_text("utf-8"))
        return Task.from_plain(told["task"]), Shots(**told["shots"])
    except (OSError, ValueError, KeyError, TypeError, SettingsError) as error:
        raise JobError(f"{folder / FARM} is damaged: add --fresh to start over") from error
