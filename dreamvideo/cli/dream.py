"""`dreamvideo dream`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from dreamvideo.cli.options import parse_fps, parse_layers, parse_seconds, parse_size
from dreamvideo.settings import (
    CUT_METHODS,
    DEVICES,
    FLOW_METHODS,
    CarrySettings,
    DreamSettings,
    FilmSettings,
    Recipe,
)

if TYPE_CHECKING:
    from dreamvideo.film import Report
    from dreamvideo.nets import Network

EXIT_PARTIAL = 3


def dream(
    source: Annotated[
        Path,
        Argument(
            metavar="IN",
            readable=False,
            help="A clip, a GIF, a still, or a folder or pattern of numbered stills.",
        ),
    ],
    output: Annotated[
        str,
        Option(
            "--output",
            "-o",
            metavar="OUT",
            help="What to make, by its ending: mp4, mov, webm, mkv, gif, webp, apng, png, jpg; or a folder.",
        ),
    ],
    model: Annotated[str, Option(help="auto, vgg16, vgg16-lite, or a classifier of torchvision.")] = "auto",
    weights: Annotated[
        Path | None, Option(readable=False, help="File with the network's weights (.pth, .safetensors).")
    ] = None,
    layer: Annotated[
        list[str] | None,
        Option(
            help="Layer to dream, like conv4_3, or conv4_3=0.5 with a weight; may be given several times."
        ),
    ] = None,
    octaves: Annotated[int, Option(help="Sizes the picture is dreamed at.")] = DreamSettings.octaves,
    octave_scale: Annotated[
        float, Option(help="Size ratio between neighbouring octaves.")
    ] = DreamSettings.octave_scale,
    steps: Annotated[
        int, Option(help="Gradient steps per octave on the first frame of a shot.")
    ] = DreamSettings.steps,
    refresh: Annotated[
        int, Option(help="Steps per octave on a carried frame, spent where the dream is new or has faded.")
    ] = CarrySettings.refresh,
    step_size: Annotated[
        float, Option(help="Mean change per pixel and step, pictures in [0, 1].")
    ] = DreamSettings.step_size,
    natural: Annotated[
        float, Option(help="Colours: 0 is the gradient's own rainbow, 1 as in photographs, nearly grey.")
    ] = DreamSettings.natural,
    smooth: Annotated[
        float, Option(help="Blur of each gradient, sigma in px; finer grain does not survive being carried.")
    ] = DreamSettings.smooth,
    jitter: Annotated[int, Option(help="Largest random shift before a step, px.")] = DreamSettings.jitter,
    strength: Annotated[
        float, Option(help="How much of the dream is added to the source.")
    ] = FilmSettings.strength,
    detail: Annotated[int, Option(help="Long side the dream is computed at, px.")] = FilmSettings.detail,
    size: Annotated[
        str | None, Option(metavar="WxH", help="Size of the output; default: the clip's own.")
    ] = None,
    start: Annotated[str, Option(metavar="TIME", help="Where to begin: seconds, or 1:02.5.")] = "0",
    end: Annotated[str | None, Option(metavar="TIME", help="Where to end; default: with the clip.")] = None,
    frames: Annotated[int | None, Option(help="Dream at most so many frames.")] = None,
    fps: Annotated[
        str | None,
        Option(
            metavar="FPS", help="Frames per second, like 25 or 30000/1001; default: the clip's own times."
        ),
    ] = None,
    flow: Annotated[
        str, Option(metavar="|".join(FLOW_METHODS), help="Optical flow that carries the dream.")
    ] = CarrySettings.flow,
    carry: Annotated[
        float, Option(help="Share of the dream that survives into the next dreamed frame, 0 to 1.")
    ] = CarrySettings.carry,
    cadence: Annotated[
        int,
        Option(
            help="Dream every so many frames, sooner where much is new; "
            "those between are carried from both sides."
        ),
    ] = CarrySettings.cadence,
    cuts: Annotated[
        str, Option(metavar="|".join(CUT_METHODS), help="Whether the dream starts anew at a cut.")
    ] = CarrySettings.cuts,
    seed: Annotated[int, Option(help="Decides the jitter.")] = DreamSettings.seed,
    device: Annotated[str, Option(metavar="|".join(DEVICES), help="Where to compute.")] = "auto",
    crf: Annotated[
        int, Option(help="Quality of H.264 and VP9: lower is better and larger.")
    ] = FilmSettings.crf,
    no_audio: Annotated[bool, Option("--no-audio", help="Leave the sound out.")] = False,
    overwrite: Annotated[bool, Option("--overwrite", help="Replace the output if it exists.")] = False,
    quiet: Annotated[bool, Option("--quiet", "-q", help="Say nothing but warnings and errors.")] = False,
    as_json: Annotated[bool, Option("--json", help="Print a report for machines at the end.")] = False,
) -> int:
    """Dream a clip, a GIF, a still or a folder of frames."""
    recipe = Recipe(
        DreamSettings(
            parse_layers(layer or [], "--layer"),
            octaves,
            octave_scale,
            steps,
            step_size,
            natural,
            smooth,
            jitter,
            seed,
        ),
        CarrySettings(refresh, carry, cadence, flow, cuts),  # type: ignore[arg-type]  # checked there
        FilmSettings(
            detail,
            strength,
            parse_size(size, "--size"),
            parse_seconds(start, "--start") or 0.0,
            parse_seconds(end, "--end"),
            frames,
            parse_fps(fps, "--fps"),
            crf,
            not no_audio,
        ),
    )
    from dreamvideo.media.outputs import check_job

    check_job(source, output, overwrite=overwrite)  # before torch is imported: a slip is told at once
    from dreamvideo.cli.progress import show_progress
    from dreamvideo.film import dream_file
    from dreamvideo.nets import load_network

    network = load_network(model, weights, device)
    if model == "auto" and not quiet:
        print(_which_network(network), file=sys.stderr)
    with show_progress("dreaming", quiet) as progress:
        report = dream_file(source, output, network, recipe, overwrite=overwrite, progress=progress)
    _tell(report, network, recipe, quiet, as_json)
    return EXIT_PARTIAL if report.broken_at is not None else 0


def _which_network(network: Network) -> str:
    if network.name == "vgg16":
        return "dreaming with vgg16 (--model vgg16-lite is faster)"
    from dreamvideo.nets.load import VGG16_FILE, weights_folder

    return (
        "dreaming with vgg16-lite, the small network that ships inside; for the full VGG16 put "
        f"torchvision's {VGG16_FILE} into {weights_folder()} or name it with --model vgg16 --weights FILE"
    )


def _tell(report: Report, network: Network, recipe: Recipe, quiet: bool, as_json: bool) -> None:
    per_frame = report.seconds / max(1, report.frames)
    if not quiet:
        what = "1 frame" if report.frames == 1 else f"{report.frames} frames"
        print(
            f"{report.output}: {what} in {report.seconds:.1f} s, {per_frame:.2f} s per frame", file=sys.stderr
        )
    if as_json:
        machine = {
            "output": str(report.output),
            "frames": report.frames,
            "fps": None if report.fps is None else str(report.fps),
            "size": report.size,
            "seconds": round(report.seconds, 3),
            "seconds_per_frame": round(per_frame, 4),
            "seconds_per_frame_by_stage": {
                stage: round(seconds / max(1, report.frames), 4) for stage, seconds in report.stages.items()
            },
            "broken_at": report.broken_at,
            "network": {"name": network.name, "sha256": network.digest, "device": str(network.device)},
            "settings": asdict(recipe),
        }
        print(json.dumps(machine, indent=2, default=_plain))


def _plain(value: object) -> str:
    return str(value) if isinstance(value, (Fraction, Path)) else repr(value)
