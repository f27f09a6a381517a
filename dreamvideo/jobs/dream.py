"""The job of `dreamvideo dream`: from a file to a dreamed file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from dreamvideo.course import refuse_schedules
from dreamvideo.film import DreamedClip, Report, dream_still, film_for
from dreamvideo.guide import Guide
from dreamvideo.jobs.folder import JobFolder
from dreamvideo.jobs.inputs import Inputs
from dreamvideo.jobs.run import Order, run_job
from dreamvideo.media.beside import Beside
from dreamvideo.media.outputs import check_job
from dreamvideo.media.platforms import target_for, wish_for
from dreamvideo.nets import Network
from dreamvideo.objectives import Objective, objective_for
from dreamvideo.progress import Progress, no_progress
from dreamvideo.recipe import WrittenRecipe
from dreamvideo.settings import FilmSettings, Recipe


def dream_file(
    source: Path,
    target: str | Path,
    network: Network,
    recipe: Recipe,
    *,
    guide: Path | None = None,
    mask: Path | None = None,
    overwrite: bool = False,
    fresh: bool = False,
    keep_job: bool = False,
    tell: bool = True,
    progress: Progress = no_progress,
) -> Report:
    """Dream `source` into `target`, going on from where an earlier run of the same was stopped.

    The output appears when it is complete.

    Args:
        guide: a picture, clip or folder to dream towards; a clip frame by frame, again and again.
        mask: a picture, clip or folder; the dream is where it is white. A clip goes with the source in time.
        fresh: start over. keep_job: leave the job's folder when the output is complete.
        tell: write the recipe into the output.

    Raises:
        DreamVideoError: anything that a user can do something about.
        KeyboardInterrupt: Ctrl-C or SIGTERM; the job can be gone on with, and the frames so far are in
            `NAME-partial`.
    """
    target = target_for(str(target), recipe.film.platform)
    kind = check_job(source, target, overwrite=overwrite)
    if kind == "still":
        refuse_schedules(recipe.dream, recipe.carry, recipe.film, where="in a still")
    inputs = inputs_of(source, guide, mask)
    written = WrittenRecipe(recipe, (network.name, network.digest), inputs.hashes(leave_out="input"))
    recipe = replace(recipe, film=film_for(target, source, recipe.film))
    begun = perf_counter()
    with ExitStack() as opened:
        # a slip shows here, before anything is made
        objective, where = opened.enter_context(open_aims(network, recipe, guide, mask))
        if kind == "still":
            progress(0, 1)
            comment = written.to_toml() if tell else ""
            dreamed, stages = dream_still(source, Path(target), objective, recipe, where, comment)
            progress(1, 1, dreamed)
            size = (dreamed.shape[1], dreamed.shape[0])
            report = Report(Path(target), 1, None, size, stages=stages.seconds)
        else:
            render = opened.enter_context(DreamedClip(source, objective, recipe, where))
            job = opened.enter_context(JobFolder(target, fresh=fresh))
            order = order_for(target, written, inputs, recipe.film, keep_job, tell)
            report = run_job(job, render, order, progress)
    report.seconds = perf_counter() - begun
    return report


def inputs_of(source: Path, guide: Path | None, mask: Path | None) -> Inputs:
    files = {"input": source, "guide": guide, "mask": mask}
    return Inputs({part: path for part, path in files.items() if path is not None})


@contextmanager
def open_aims(
    network: Network, recipe: Recipe, guide: Path | None, mask: Path | None
) -> Iterator[tuple[Objective, Beside | None]]:
    """What is dreamed and where, with the guide and the mask open."""
    film = recipe.film
    with ExitStack() as opened:
        aim = None if guide is None else Guide(opened.enter_context(closing(Beside(guide, repeats=True))))
        objective = objective_for(network, recipe.dream, aim)
        where = None
        if mask is not None:
            where = Beside(mask, start=film.start, end=film.end, fps=film.fps, frames=film.frames)
            opened.enter_context(closing(where))
        yield objective, where


def order_for(
    target: str, written: WrittenRecipe, inputs: Inputs, film: FilmSettings, keep: bool, tell: bool
) -> Order:
    """The order of a dreamed clip; `film` as it is used for `target`."""
    wish = wish_for(target, film.platform, film.max_size)
    return Order(target, written, inputs, film.crf, keep, wish, tell)
