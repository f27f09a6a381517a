"""`dreamvideo visualize`: what a network likes to see."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Context, Option

from dreamvideo.cli import options, typed
from dreamvideo.cli.farm import chosen_crew, opened_crew
from dreamvideo.cli.loading import load
from dreamvideo.cli.recipe import follow
from dreamvideo.settings import PRECISE, VisualizeRecipe, VisualizeSettings

if TYPE_CHECKING:
    from dreamvideo.film import Report

ANY_LAYER = "any"  # where the recipe says what is drawn; nothing looks for it


def visualize(
    context: Context,
    output: options.Output,
    layer: Annotated[
        str | None,
        Argument(metavar="LAYER", help="Like conv5_3; conv5_3:12 a channel; conv5_3:12@0.5,0.5 a neuron."),
    ] = VisualizeSettings.layer,
    channels: Annotated[
        str | None,
        Option(metavar="0-8|random:16|all", help="Channels of the layer; default: the first nine."),
    ] = VisualizeSettings.channels,
    all_channels: Annotated[
        bool, Option("--all", help="A sheet of all channels of the layer, each with its index.")
    ] = False,
    classes: Annotated[
        list[str] | None,
        Option("--class", help="Class to draw, a name of ImageNet or its index; may be given several times."),
    ] = None,
    model: options.Model = "auto",
    weights: options.Weights = None,
    size: Annotated[int, Option(help="Side of each picture, px.")] = VisualizeSettings.size,
    steps: Annotated[
        int, Option(help="Gradient steps; each is a frame of a film.")
    ] = VisualizeSettings.steps,
    seed: options.Seed = VisualizeSettings.seed,
    diversity: Annotated[
        int, Option(help="Pictures of each channel or class, unlike each other.")
    ] = VisualizeSettings.diversity,
    fps: Annotated[str, Option(metavar="FPS", help="Frames per second of a film.")] = str(
        VisualizeSettings.fps
    ),
    crf: options.Crf = VisualizeSettings.crf,
    device: options.Device = "auto",
    precision: Annotated[
        str,
        Option(
            metavar="|".join(PRECISE),
            help="What is computed with; double draws the same on CPU and GPU.",
        ),
    ] = VisualizeSettings.precision,
    workers: options.Workers = None,
    devices: options.Devices = None,
    ray: options.Ray = None,
    no_shared: options.NoShared = False,
    recipe_file: options.RecipeFile = None,
    no_recipe: options.NoRecipe = False,
    overwrite: options.Overwrite = False,
    fresh: options.Fresh = False,
    keep_job: options.KeepJob = False,
    quiet: options.Quiet = False,
    as_json: options.AsJson = False,
) -> int:
    """Draw what channels, neurons or classes like to see."""
    if all_channels and channels is not None:
        raise typer.BadParameter("give --channels or --all, not both", param_hint="--all")
    is_named = layer is not None or bool(classes) or recipe_file is None
    chosen = VisualizeSettings(
        layer=layer if is_named else ANY_LAYER,
        channels="all" if all_channels else channels,
        classes=tuple(classes or ()),
        size=size,
        steps=steps,
        seed=seed,
        diversity=diversity,
        precision=precision,  # type: ignore[arg-type]  # checked there
        fps=typed.parse_fps(fps, "--fps") or VisualizeSettings.fps,
        crf=crf,
    )
    followed = follow(context, recipe_file, VisualizeRecipe(chosen), model)
    settings = followed.settings.visualize
    from dreamvideo.media.outputs import check_output

    check_output(output, overwrite=overwrite)  # before torch is imported: a slip is told at once
    from dreamvideo.cli.progress import show_progress

    crew, opened = chosen_crew(workers, devices, ray, no_shared, device), ExitStack()
    pool_for = opened.enter_context(opened_crew(crew)) if crew else None
    with opened, show_progress("drawing", quiet, "step") as progress:
        network = load(followed.model, weights, "cpu" if pool_for else device, quiet)
        followed.check_network(network)
        from dreamvideo.farm.sheets import draw_with_workers
        from dreamvideo.jobs.visualize import visualize_file

        make: Callable[..., Report] = visualize_file
        if pool_for is not None:
            make = partial(draw_with_workers, pool_for=pool_for, weights=weights)
        report = make(
            output,
            network,
            settings,
            overwrite=overwrite,
            fresh=fresh,
            keep_job=keep_job,
            tell=not no_recipe,
            progress=progress,
        )
    if not quiet:
        print(
            f"{report.output}: {_count(report.frames, report.fps)} in {report.seconds:.1f} s", file=sys.stderr
        )
    if as_json:
        machine = {
            "output": str(report.output),
            "frames": report.frames,
            "fps": None if report.fps is None else str(report.fps),
            "size": report.size,
            "seconds": round(report.seconds, 3),
            "network": {"name": network.name, "sha256": network.digest, "device": str(network.device)},
            "settings": asdict(settings),
        }
        print(json.dumps(machine, indent=2, default=str))
    return 0


def _count(number: int, fps: Fraction | None) -> str:
    what = "picture" if fps is None else "frame"
    return f"1 {what}" if number == 1 else f"{number} {what}s"
