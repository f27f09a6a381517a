"""A fall into a picture made by several workers: the stills by one of them, the frames by all."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from dreamvideo.errors import UsageError
from dreamvideo.farm.pool import Pool, PoolFor
from dreamvideo.farm.run import FarmRun
from dreamvideo.farm.share import Sharing
from dreamvideo.farm.shots import STILLS, STRETCH, Piece, Shots
from dreamvideo.farm.task import Task
from dreamvideo.film import Report
from dreamvideo.jobs.folder import JobFolder
from dreamvideo.jobs.parts import PartStore
from dreamvideo.jobs.run import check_film, finish_job
from dreamvideo.jobs.stop import StopRequest
from dreamvideo.jobs.zoom import open_zoom, order_zoom
from dreamvideo.nets import Network
from dreamvideo.progress import Progress, named, no_progress
from dreamvideo.settings import ZoomRecipe
from dreamvideo.zoom.renders import DREAMING_STILLS, SEGMENT, FallRender, FallState

STRETCH_FRAMES = 5 * SEGMENT  # that a worker looks at in one go


def fall_with_workers(
    source: Path | None,
    target: str | Path,
    network: Network,
    recipe: ZoomRecipe,
    *,
    pool_for: PoolFor,
    weights: Path | None = None,
    guide: Path | None = None,
    audio: Path | None = None,
    overwrite: bool = False,
    fresh: bool = False,
    keep_job: bool = False,
    tell: bool = True,
    progress: Progress = no_progress,
) -> Report:
    """`jobs.zoom.zoom_file` for a fall into a still or noise; the frames are the same to the last bit.

    A still is the dream of the one before, so one worker makes them all. Every frame is a look into them.

    Args:
        network: as the workers will load it from `weights`, on any device.
        pool_for: starts the workers.

    Raises:
        DreamVideoError: as there. UsageError: each frame needs the one before.
        KeyboardInterrupt: Ctrl-C or SIGTERM; the job can be gone on with.
    """
    begun = perf_counter()
    used, order = order_zoom(source, target, network, recipe, guide, audio, overwrite, keep_job, tell)
    task = Task(used, (network.name, network.digest), source, weights, guide, audio=audio)
    with (
        open_zoom(source, network, used, guide, audio, no_progress) as render,
        JobFolder(order.target, fresh=fresh) as job,
    ):
        if not isinstance(render, FallRender):
            raise UsageError(
                "workers can share the frames of a fall into a still: here each needs the last one"
            )
        if job.is_begun:
            job.check(order.plain())
        else:
            job.describe(order.plain(), render.frames)
        check_film(job, render, order)
        with closing(pool_for(task, job.path)) as pool, StopRequest() as stop:
            _share_stills(
                PartStore(job.path, render.size),
                render.still_count,
                pool,
                named(progress, DREAMING_STILLS),
                stop,
            )
            stretches = Shots(range(0, render.frames, STRETCH_FRAMES), render.frames, kind=STRETCH)
            resumed_at = FarmRun(job, render, order, stretches, pool, progress, stop).make()
        report = finish_job(job, render, order, render.frames, resumed_at)
    return replace(report, seconds=perf_counter() - begun)


def _share_stills(store: PartStore, count: int, pool: Pool, progress: Progress, stop: StopRequest) -> None:
    """Have all stills made, which is one piece of work, and wait for it."""

    def missing() -> list[Piece]:
        state = store.any_state(FallState)
        return [] if state is not None and state.is_finished else [Piece(0, 0, count, kind=STILLS)]

    def tell(left: int) -> None:
        progress(count - left, count)

    Sharing(pool, missing).finish(stop, tell)
