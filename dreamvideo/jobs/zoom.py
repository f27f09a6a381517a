"""The job of `dreamvideo zoom`: from a picture, a clip or nothing to a film."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from time import perf_counter

from dreamvideo.film import Report, film_for
from dreamvideo.guide import Guide
from dreamvideo.images import read_still
from dreamvideo.jobs.folder import JobFolder
from dreamvideo.jobs.inputs import Inputs
from dreamvideo.jobs.run import Order, run_job
from dreamvideo.media.beside import Beside
from dreamvideo.media.gif import gif_rate
from dreamvideo.media.platforms import limits_for, target_for, wish_for
from dreamvideo.media.sound import AudioSource
from dreamvideo.media.stills import kind_of_input
from dreamvideo.nets import Network
from dreamvideo.objectives import Objective, objective_for
from dreamvideo.progress import Progress, no_progress
from dreamvideo.recipe import WrittenRecipe
from dreamvideo.render import Render
from dreamvideo.settings import FilmSettings, ZoomRecipe
from dreamvideo.zoom.check import check_zoom
from dreamvideo.zoom.plan import FPS, clock_of, film_size, plan_zoom
from dreamvideo.zoom.renders import FallRender, FeedbackRender
from dreamvideo.zoomed import ZoomedClip


def zoom_file(
    source: Path | None,
    target: str | Path,
    network: Network,
    recipe: ZoomRecipe,
    *,
    guide: Path | None = None,
    audio: Path | None = None,
    overwrite: bool = False,
    fresh: bool = False,
    keep_job: bool = False,
    tell: bool = True,
    progress: Progress = no_progress,
) -> Report:
    """Make a zoom film, going on from where an earlier run of the same was stopped.

    Args:
        source: a still, a clip, or None: noise.
        guide: a picture, clip or folder to dream towards; a clip frame by frame, again and again.
        audio: a sound for the film, that its schedules can follow; None: a clip's own.
        fresh: start over. keep_job: leave the job's folder when the output is complete.
        tell: write the recipe into the output.

    Raises:
        DreamVideoError: anything that a user can do something about.
        KeyboardInterrupt: Ctrl-C or SIGTERM; the job can be gone on with.
    """
    begun = perf_counter()
    recipe, order = order_zoom(source, target, network, recipe, guide, audio, overwrite, keep_job, tell)
    with (
        open_zoom(source, network, recipe, guide, audio, progress) as render,
        JobFolder(order.target, fresh=fresh) as job,
    ):
        report = run_job(job, render, order, progress)
    report.seconds = perf_counter() - begun
    return report


def order_zoom(
    source: Path | None,
    target: str | Path,
    network: Network,
    recipe: ZoomRecipe,
    guide: Path | None,
    audio: Path | None,
    overwrite: bool,
    keep_job: bool,
    tell: bool,
) -> tuple[ZoomRecipe, Order]:
    """The recipe as it is used for `target`, and what the job is; checked."""
    target = target_for(str(target), recipe.film.platform)
    check_zoom(source, target, recipe, None if audio is None else AudioSource(audio), overwrite=overwrite)
    files = {"input": source, "guide": guide, "audio": audio}
    inputs = Inputs({part: path for part, path in files.items() if path is not None})
    written = WrittenRecipe(recipe, (network.name, network.digest), inputs.hashes(leave_out="input"))
    used = replace(recipe, film=_film_for(source, target, recipe))
    wish = wish_for(target, used.film.platform, used.film.max_size)
    return used, Order(target, written, inputs, used.film.crf, keep_job, wish, tell)


@contextmanager
def open_zoom(
    source: Path | None,
    network: Network,
    recipe: ZoomRecipe,
    guide: Path | None,
    audio: Path | None,
    progress: Progress,
) -> Iterator[Render]:
    """The render of a zoom; `recipe` as it is used for the output."""
    sound = None if audio is None else AudioSource(audio)
    with ExitStack() as opened:
        aim = None if guide is None else Guide(opened.enter_context(closing(Beside(guide, repeats=True))))
        objective = objective_for(network, recipe.dream, aim)
        yield opened.enter_context(_render(source, objective, recipe, sound, progress))


def _film_for(source: Path | None, target: str | Path, recipe: ZoomRecipe) -> FilmSettings:
    """The settings as they are used for `target`: a GIF only knows some rates, a platform has limits.

    Raises:
        UsageError: The platform takes nothing like it.
    """
    film = recipe.film
    if source is not None and kind_of_input(source) != "still":
        return film_for(target, source, film if film.end else replace(film, end=recipe.zoom.duration))
    if Path(target).suffix.lower() == ".gif":
        film = replace(film, fps=gif_rate(film.fps or FPS, film.fps))
    limits = limits_for(target, film.platform)
    if limits is None:
        return film
    still = None if source is None else read_still(source)
    size = film_size(film, None if still is None else (still.shape[1], still.shape[0]))
    clock = clock_of(replace(recipe, film=film))
    rate, size = limits.shaped(target, size, clock.fps, clock.frames / float(clock.fps))
    return replace(film, size=size, fps=rate)


def _render(
    source: Path | None,
    objective: Objective,
    recipe: ZoomRecipe,
    sound: AudioSource | None,
    progress: Progress,
) -> AbstractContextManager[Render]:
    if source is not None and kind_of_input(source) != "still":
        return ZoomedClip(source, objective, recipe, sound)
    still = None if source is None else read_still(source)
    size = None if still is None else (still.shape[1], still.shape[0])
    clock = clock_of(recipe, sound)
    plan = plan_zoom(recipe, clock, size)
    if sound is not None:
        sound = replace(sound, end=Fraction(clock.frames) / clock.fps) if recipe.film.audio else None
    kind = FeedbackRender if recipe.zoom.feedback else FallRender
    return nullcontext(kind(plan, objective, still, sound, progress))
