"""`dreamvideo zoom`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Context, Option

from dreamvideo.cli import options, typed
from dreamvideo.cli.extras import ContactSheetOption, Extras, PosterOption
from dreamvideo.cli.farm import chosen_crew, opened_crew
from dreamvideo.cli.loading import load
from dreamvideo.cli.recipe import follow
from dreamvideo.cli.report import tell_report
from dreamvideo.errors import PartialError
from dreamvideo.settings import (
    DEFAULT_LOOP,
    CarrySettings,
    DreamSettings,
    FilmSettings,
    ZoomRecipe,
    ZoomSettings,
)

if TYPE_CHECKING:
    from dreamvideo.film import Report
    from dreamvideo.media.sound import AudioSource


def zoom(
    context: Context,
    output: options.FilmOutput,
    source: Annotated[
        Path | None,
        Argument(
            metavar="[IN]", readable=False, help="A still, or a clip to move through; none: begin with noise."
        ),
    ] = None,
    loop: Annotated[
        str | None,
        Option(
            metavar="SECONDS",
            help=f"An endless film of that length: it ends as it begins.  [default: {DEFAULT_LOOP:g}]",
            show_default=False,
        ),
    ] = None,
    duration: Annotated[
        str | None,
        Option(metavar="SECONDS|audio", help="A film of that length, or the sound's, that goes on falling."),
    ] = None,
    frames: Annotated[int | None, Option(help="The same in frames.")] = None,
    zoom: Annotated[
        float,
        Option(
            parser=typed.number,
            metavar="NUMBER",
            help="Times as large after a second; under 1 falls backwards.",
        ),
    ] = ZoomSettings.zoom,
    rotate: Annotated[
        float, Option(parser=typed.number, metavar="NUMBER", help="Degrees per second, clockwise.")
    ] = ZoomSettings.rotate,
    pan: Annotated[
        str, Option(metavar="X,Y", help="Widths and heights of the frame per second that the camera moves.")
    ] = f"{ZoomSettings.pan_x:g},{ZoomSettings.pan_y:g}",
    centre: Annotated[
        str, Option(metavar="X,Y", help="The point it falls into: from 0,0 at the upper left to 1,1.")
    ] = f"{ZoomSettings.centre_x:g},{ZoomSettings.centre_y:g}",
    symmetry: Annotated[int, Option(help="Sectors of a mandala; 1: none.")] = ZoomSettings.symmetry,
    feedback: Annotated[
        bool,
        Option(
            "--feedback", help="Move the last frame and dream it again, instead of falling through stills."
        ),
    ] = False,
    crossfade: Annotated[
        float, Option(help="Share of a loop by feedback in which its end dissolves into its begin.")
    ] = ZoomSettings.crossfade,
    boomerang: Annotated[bool, Option("--boomerang", help="Forwards, then backwards.")] = False,
    audio: Annotated[
        Path | None,
        Option(
            readable=False,
            help="A sound for the film. Schedules can follow it: loud, bass and beat go from 0 to 1.",
        ),
    ] = None,
    plot_schedule: options.PlotSchedule = False,
    model: options.Model = "auto",
    weights: options.Weights = None,
    layers: options.Layers = None,
    classes: options.Classes = None,
    look: options.LookOption = DreamSettings.look,
    guide: options.Guide = None,
    keep_colour: options.KeepColour = DreamSettings.keep_colour,
    octaves: options.Octaves = DreamSettings.octaves,
    octave_scale: options.OctaveScale = DreamSettings.octave_scale,
    steps: options.Steps = DreamSettings.steps,
    refresh: Annotated[
        int,
        Option(parser=typed.whole, metavar="NUMBER", help="Steps per octave on each frame by feedback."),
    ] = ZoomRecipe.carry.refresh,
    step_size: options.StepSize = DreamSettings.step_size,
    natural: options.Natural = DreamSettings.natural,
    smooth: options.Smooth = DreamSettings.smooth,
    precision: options.PrecisionOption = DreamSettings.precision,
    jitter: options.JitterSize = DreamSettings.jitter,
    strength: options.Strength = FilmSettings.strength,
    detail: options.Detail = FilmSettings.detail,
    size: options.Size = None,
    fps: options.Fps = None,
    seed: options.Seed = DreamSettings.seed,
    device: options.Device = "auto",
    workers: options.Workers = None,
    devices: options.Devices = None,
    ray: options.Ray = None,
    no_shared: options.NoShared = False,
    crf: options.Crf = FilmSettings.crf,
    no_audio: options.NoAudio = False,
    platform: options.Platform = None,
    max_size: options.MaxSize = None,
    poster: PosterOption = None,
    contact_sheet: ContactSheetOption = None,
    recipe_file: options.RecipeFile = None,
    no_recipe: options.NoRecipe = False,
    overwrite: options.Overwrite = False,
    fresh: options.Fresh = False,
    keep_job: options.KeepJob = False,
    quiet: options.Quiet = False,
    as_json: options.AsJson = False,
) -> int:
    """Fall into a picture, or into noise; move through a clip.

    Each NUMBER, pan, centre and weight can be a schedule, "0:1.5, 2.5s:3 ease:inOutSine, 100%:1.5": values at
    some frames, seconds (s) or shares (%) of the film, with a line or an ease between them; or arithmetic,
    like "2+sin(2*pi*p)", with t (the frame), p (share of the film), n, max_f, fps, T (seconds), s (the seed),
    loud, bass and beat (of --audio).
    """
    if (loop is not None) + (duration is not None) + (frames is not None) > 1:
        raise typer.BadParameter("give only one length: --loop, --duration or --frames")
    (pan_x, pan_y), (centre_x, centre_y) = (
        typed.parse_pair(pan, "--pan"),
        typed.parse_pair(centre, "--centre"),
    )
    chosen = ZoomRecipe(
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
        CarrySettings(refresh=refresh),
        FilmSettings(
            detail=detail,
            strength=strength,
            size=typed.parse_size(size, "--size"),
            frames=frames,
            fps=typed.parse_fps(fps, "--fps"),
            crf=crf,
            audio=not no_audio,
            platform=platform,
            max_size=typed.parse_bytes(max_size, "--max-size"),
        ),
        ZoomSettings(
            loop=typed.parse_seconds(loop, "--loop"),
            duration=_seconds(duration, audio),
            zoom=zoom,
            rotate=rotate,
            pan_x=pan_x,
            pan_y=pan_y,
            centre_x=centre_x,
            centre_y=centre_y,
            symmetry=symmetry,
            feedback=feedback,
            crossfade=crossfade,
            boomerang=boomerang,
        ),
    )
    sound = _sound(audio)
    followed = follow(context, recipe_file, chosen, model)
    recipe = followed.settings
    if plot_schedule:
        typer.echo(_drawn(recipe, sound))
        return 0
    followed.check_files({"guide": guide, "audio": audio})
    from dreamvideo.media.platforms import target_for
    from dreamvideo.media.stills import kind_of_input
    from dreamvideo.zoom.check import check_zoom

    output, extras = target_for(output, recipe.film.platform), Extras(poster, contact_sheet)

    check_zoom(
        source, output, recipe, sound, overwrite=overwrite
    )  # before torch is imported: a slip is told at once
    extras.check(output, source, overwrite=overwrite)
    if guide is not None:
        kind_of_input(guide)
    from dreamvideo.cli.progress import show_progress

    crew, opened = chosen_crew(workers, devices, ray, no_shared, device), ExitStack()
    pool_for = opened.enter_context(opened_crew(crew)) if crew else None
    with opened, show_progress("zooming", quiet, "picture") as progress:
        network = load(followed.model, weights, "cpu" if pool_for else device, quiet)
        followed.check_network(network)
        from dreamvideo.farm.falls import fall_with_workers
        from dreamvideo.jobs.zoom import zoom_file

        make: Callable[..., Report] = zoom_file
        if pool_for is not None:
            make = partial(fall_with_workers, pool_for=pool_for, weights=weights)
        report = make(
            source,
            output,
            network,
            recipe,
            guide=guide,
            audio=audio,
            overwrite=overwrite,
            fresh=fresh,
            keep_job=keep_job,
            tell=not no_recipe,
            progress=progress,
        )
    tell_report(report, network, recipe, quiet, as_json)
    extras.make(report.output, fps=report.fps, overwrite=overwrite, tell=not no_recipe, quiet=quiet)
    return PartialError.exit_code if report.broken_at is not None else 0


def _sound(audio: Path | None) -> AudioSource | None:
    from dreamvideo.media.probe import require_file
    from dreamvideo.media.sound import AudioSource

    if audio is None:
        return None
    require_file(audio)
    return AudioSource(audio)


def _seconds(text: str | None, audio: Path | None) -> float | None:
    """The length of a film: `12.5`, `1:02.5`, or `audio` for that of its sound."""
    if text != "audio":
        return typed.parse_seconds(text, "--duration")
    sound = _sound(audio)
    if sound is None:
        raise typer.BadParameter("needs --audio FILE", param_hint="--duration audio")
    from dreamvideo.media.hearing import RATE, read_sound

    return len(read_sound(sound)) / RATE


def _drawn(recipe: ZoomRecipe, sound: AudioSource | None) -> str:
    """The schedules of a film, drawn; not for how long a clip is."""
    from dreamvideo.cli.plot import draw_schedules
    from dreamvideo.zoom.plan import clock_of

    return draw_schedules(clock_of(recipe, sound), recipe.dream, recipe.carry, recipe.film, recipe.zoom)
