"""`dreamvideo dream`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Context, Option

from dreamvideo.cli import options, typed
from dreamvideo.cli.estimate import tell_estimate, tell_preview
from dreamvideo.cli.extras import CompareOption, ContactSheetOption, Extras, LayoutOption, PosterOption
from dreamvideo.cli.farm import check_share, chosen_crew, dream_range, opened_crew, parse_share
from dreamvideo.cli.loading import load
from dreamvideo.cli.many import dream_each, films_of
from dreamvideo.cli.recipe import follow
from dreamvideo.cli.report import tell_report
from dreamvideo.errors import PartialError, UsageError
from dreamvideo.settings import (
    CUT_METHODS,
    FLOW_METHODS,
    CarrySettings,
    CompareSettings,
    DreamSettings,
    FilmSettings,
    Recipe,
)

if TYPE_CHECKING:
    from dreamvideo.film import Report
    from dreamvideo.progress import Progress

log = logging.getLogger("dreamvideo")


def dream(
    context: Context,
    sources: Annotated[
        list[Path],
        Argument(
            metavar="IN...",
            readable=False,
            help="A clip, a GIF, a still, a folder or pattern of numbered stills; or several clips or a "
            "folder of clips, and a folder for OUT: a film of each.",
        ),
    ],
    output: options.Output,
    model: options.Model = "auto",
    weights: options.Weights = None,
    layers: options.Layers = None,
    classes: options.Classes = None,
    look: options.LookOption = DreamSettings.look,
    guide: options.Guide = None,
    mask: options.Mask = None,
    keep_colour: options.KeepColour = DreamSettings.keep_colour,
    octaves: options.Octaves = DreamSettings.octaves,
    octave_scale: options.OctaveScale = DreamSettings.octave_scale,
    steps: options.Steps = DreamSettings.steps,
    refresh: Annotated[
        int,
        Option(
            parser=typed.whole,
            metavar="NUMBER",
            help="Steps of the finest octave on a carried frame, spent where the dream is new or has faded.",
        ),
    ] = CarrySettings.refresh,
    step_size: options.StepSize = DreamSettings.step_size,
    natural: options.Natural = DreamSettings.natural,
    smooth: options.Smooth = DreamSettings.smooth,
    precision: options.PrecisionOption = DreamSettings.precision,
    jitter: options.JitterSize = DreamSettings.jitter,
    strength: options.Strength = FilmSettings.strength,
    detail: options.Detail = FilmSettings.detail,
    size: options.Size = None,
    start: Annotated[str, Option(metavar="TIME", help="Where to begin: seconds, or 1:02.5.")] = "0",
    end: Annotated[str | None, Option(metavar="TIME", help="Where to end; default: with the clip.")] = None,
    frames: Annotated[
        str | None,
        Option(metavar="N|A:B", help="Dream at most N frames; A:B: see --shots, the shots that begin there."),
    ] = None,
    fps: options.Fps = None,
    flow: Annotated[
        str, Option(metavar="|".join(FLOW_METHODS), help="Optical flow that carries the dream.")
    ] = CarrySettings.flow,
    carry: Annotated[
        float,
        Option(
            parser=typed.number,
            metavar="NUMBER",
            help="Share of the dream that survives into the next dreamed frame, 0 to 1.",
        ),
    ] = CarrySettings.carry,
    cadence: Annotated[
        int,
        Option(
            help="Dream every so many frames, sooner where much is new; "
            "those between are carried from both sides."
        ),
    ] = CarrySettings.cadence,
    cuts: Annotated[
        str,
        Option(
            metavar="|".join(CUT_METHODS), help="Whether the dream starts anew at a cut, and after a fade."
        ),
    ] = CarrySettings.cuts,
    plot_schedule: options.PlotSchedule = False,
    split: Annotated[
        int,
        Option(
            metavar="FRAMES",
            help="Dissolve into a new dream every so many frames of a shot, so that workers can share it.",
        ),
    ] = CarrySettings.split,
    seed: options.Seed = DreamSettings.seed,
    device: options.Device = "auto",
    workers: options.Workers = None,
    devices: options.Devices = None,
    ray: options.Ray = None,
    no_shared: options.NoShared = False,
    shots: options.Shots = None,
    crf: options.Crf = FilmSettings.crf,
    no_audio: options.NoAudio = False,
    platform: options.Platform = None,
    max_size: options.MaxSize = None,
    poster: PosterOption = None,
    contact_sheet: ContactSheetOption = None,
    compare: CompareOption = None,
    layout: LayoutOption = CompareSettings.layout,
    recipe_file: options.RecipeFile = None,
    no_recipe: options.NoRecipe = False,
    overwrite: options.Overwrite = False,
    estimate: options.EstimateOption = False,
    preview: options.PreviewOption = False,
    fresh: options.Fresh = False,
    keep_job: options.KeepJob = False,
    quiet: options.Quiet = False,
    as_json: options.AsJson = False,
) -> int:
    """Dream a clip, a GIF, a still or a folder of frames.

    In a clip each NUMBER, and each weight of a layer or class, can be a schedule: "0:1, 2.5s:0.3
    ease:inOutSine, 100%:1", values at some frames, seconds (s) or shares (%) of the clip; or arithmetic, like
    "0.6+0.4*beat", with t (the frame), p (share of the clip), n, max_f, fps, T (seconds), s (the seed), and
    loud, bass and beat of the clip's own sound.
    """
    given = dict(locals())
    extras = Extras(poster, contact_sheet, compare, layout)
    if films := films_of(sources, output):
        if extras:
            raise UsageError("several clips: make posters, sheets and comparisons of the films one by one")
        return dream_each(
            films, overwrite, quiet, lambda clip, film: dream(**{**given, "sources": [clip], "output": film})
        )
    (source,) = sources
    most_frames, chosen_shots = parse_share(frames, shots)
    chosen = Recipe(
        DreamSettings(
            layers=typed.parse_weighted(layers, "--layer"),
            classes=typed.parse_weighted(classes, "--class"),
            look=look,  # type: ignore[arg-type]  # checked there
            keep_colour=keep_colour,
            octaves=octaves,
            octave_scale=octave_scale,
            steps=steps,
            step_size=step_size,
            natural=natural,
            smooth=smooth,
            precision=precision,  # type: ignore[arg-type]  # checked there
            jitter=jitter,
            seed=seed,
        ),
        CarrySettings(refresh, carry, cadence, flow, cuts, split),  # type: ignore[arg-type]  # checked there
        FilmSettings(
            detail=detail,
            strength=strength,
            size=typed.parse_size(size, "--size"),
            start=typed.parse_seconds(start, "--start") or 0.0,
            end=typed.parse_seconds(end, "--end"),
            frames=most_frames,
            fps=typed.parse_fps(fps, "--fps"),
            crf=crf,
            audio=not no_audio,
            platform=platform,
            max_size=typed.parse_bytes(max_size, "--max-size"),
        ),
    )
    followed = follow(context, recipe_file, chosen, model)
    followed.check_files({"guide": guide, "mask": mask})
    recipe = followed.settings
    if plot_schedule:
        typer.echo(_drawn(source, recipe))
        return 0
    from dreamvideo.jobs.before import estimate as estimate_render
    from dreamvideo.jobs.before import foretell, preview_recipe, preview_target
    from dreamvideo.media.platforms import target_for

    output = target_for(output, recipe.film.platform)
    from dreamvideo.media.outputs import check_job
    from dreamvideo.media.stills import kind_of_input

    if preview:
        output = str(preview_target(output))
    kind = check_job(source, output, overwrite=overwrite)  # before torch: a slip is told at once
    crew = chosen_crew(workers, devices, ray, no_shared, device)
    check_share(chosen_shots, crew or fresh or keep_job or estimate or preview or extras, kind)
    if crew and kind == "still":
        raise UsageError("--workers, --devices and --ray share out the shots of a clip: a still has none")
    if extras and (preview or estimate):
        log.warning("a preview or an estimate has no poster, contact sheet or comparison: it is made alone")
        extras = Extras()
    extras.check(output, source, recipe.film, is_still=kind == "still", overwrite=overwrite)
    for beside in (guide, mask):
        if beside is not None:
            kind_of_input(beside)
    whole, recipe = recipe, preview_recipe(source, recipe) if preview else recipe
    from dreamvideo.cli.progress import show_progress

    opened = ExitStack()
    pool_for = opened.enter_context(opened_crew(crew)) if crew and not estimate else None
    with opened:
        network = load(followed.model, weights, "cpu" if pool_for else device, quiet)
        followed.check_network(network)

        if chosen_shots is not None:
            files = {"weights": weights, "guide": guide, "mask": mask}
            dream_range(source, output, network, recipe, chosen_shots, quiet, overwrite=overwrite, **files)
            return 0

        from dreamvideo.farm.drive import dream_with_workers
        from dreamvideo.jobs.dream import dream_file

        make: Callable[..., Report] = dream_file
        if pool_for is not None:
            make = partial(dream_with_workers, pool_for=pool_for, weights=weights)

        def render(target: str | Path, recipe: Recipe, progress: Progress) -> Report:
            return make(
                source,
                target,
                network,
                recipe,
                guide=guide,
                mask=mask,
                overwrite=overwrite,
                fresh=fresh,
                keep_job=keep_job,
                tell=not no_recipe,
                progress=progress,
            )

        with show_progress("looking" if estimate else "dreaming", quiet) as progress:
            if estimate:
                found = estimate_render(source, output, recipe, render, progress)
            else:
                report = render(output, recipe, progress)
    if estimate:
        tell_estimate(found, as_json)
        return 0
    tell_report(report, network, recipe, quiet, as_json)
    if preview and kind != "still" and not quiet:
        tell_preview(foretell(source, whole, report))
    extras.make(
        report.output,
        source,
        recipe.film,
        report.fps,
        overwrite=overwrite,
        tell=not no_recipe,
        quiet=quiet,
    )
    return PartialError.exit_code if report.broken_at is not None else 0


def _drawn(source: Path, recipe: Recipe) -> str:
    """The schedules of a clip's dream, drawn."""
    from dreamvideo.cli.plot import draw_schedules
    from dreamvideo.course import uses_sound
    from dreamvideo.film import ClipFilm

    parts = (recipe.dream, recipe.carry, recipe.film)
    with ClipFilm(source, recipe.film) as film:
        return draw_schedules(film.clock(recipe.dream.seed, uses_sound(*parts)), *parts)
