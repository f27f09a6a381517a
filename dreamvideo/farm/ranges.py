"""Some of a clip's shots, rendered into the folder of its job and left there, for whoever runs a farm."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from time import perf_counter

from dreamvideo.farm.chosen import Range
from dreamvideo.farm.drive import ordered, shots_of
from dreamvideo.farm.shots import missing
from dreamvideo.farm.work import ClipWork
from dreamvideo.film import DreamedClip, Report
from dreamvideo.jobs.dream import open_aims
from dreamvideo.jobs.folder import JobFolder
from dreamvideo.jobs.parts import PartStore
from dreamvideo.jobs.stop import StopRequest
from dreamvideo.nets import Network
from dreamvideo.progress import Progress, no_progress
from dreamvideo.settings import Recipe


def render_range(
    source: Path,
    target: str | Path,
    network: Network,
    recipe: Recipe,
    chosen: Range,
    *,
    weights: Path | None = None,
    guide: Path | None = None,
    mask: Path | None = None,
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> Report:
    """Render the chosen shots into the job of `target`, which several processes and machines may do at once.

    What of them is there is not done again. `farm.join` makes the film.

    Returns:
        A report whose output is the job's folder, and whose frames are those of the chosen shots.

    Raises:
        DreamVideoError: as `jobs.dream.dream_file`.
        KeyboardInterrupt: Ctrl-C or SIGTERM; what is finished is kept.
    """
    begun = perf_counter()
    task, order = ordered(source, target, network, recipe, weights, guide, mask, overwrite)
    with (
        open_aims(network, task.recipe, guide, mask) as (objective, where),
        DreamedClip(source, objective, task.recipe, where) as render,
        JobFolder(order.target, shared=True) as job,
        StopRequest() as stop,
    ):
        if job.is_begun:
            job.check(order.plain())
        shots = shots_of(job, render, task, order, stop, progress)
        store, numbers = PartStore(job.path, render.size), chosen.chosen(shots)
        pieces = [piece for piece in missing(store, shots) if piece.shot in numbers]
        expected = sum(len(shot) for shot in shots if shot.shot in numbers)
        work, stopped = ClipWork(render, recipe.carry.split), partial(getattr, stop, "is_made")
        done = resumed_at = expected - sum(map(len, pieces))
        for piece in pieces:
            progress(done, expected)
            for frames in work.render(job.path, piece, stopped):
                progress(done + frames, expected)
            order.inputs.check()
            if stop.is_made:
                raise KeyboardInterrupt
            done += len(piece)
        size, stages = render.size, render.stages.seconds
    seconds = perf_counter() - begun
    return Report(job.path, expected, render.fps, size, seconds, stages, resumed_at=resumed_at)
