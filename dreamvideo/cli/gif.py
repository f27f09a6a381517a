"""`dreamvideo gif` and `dreamvideo platforms`: small files to post."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from dreamvideo.cli import options, typed
from dreamvideo.cli.extras import ContactSheetOption, Extras, PosterOption
from dreamvideo.settings import DITHERS, GifSettings


def gif(
    source: Annotated[
        Path, Argument(metavar="IN", readable=False, help="A clip, a GIF, or a folder or pattern of stills.")
    ],
    output: Annotated[
        str,
        Option(
            "--output",
            "-o",
            metavar="OUT",
            help="What to make, by its ending: gif, webp, avif, apng, mp4, mov, webm, mkv.",
        ),
    ],
    platform: options.Platform = None,
    max_size: options.MaxSize = None,
    width: Annotated[
        int | None, Option(help="Width, px; default: 480, or as much as a size limit allows.")
    ] = None,
    fps: Annotated[
        str | None, Option(metavar="FPS", help="Frames per second; default: the clip's, of a GIF 25 at most.")
    ] = None,
    colours: Annotated[int, Option(help="Colours of a GIF, 2 to 256.")] = GifSettings.colours,
    dither: Annotated[
        str,
        Option(
            metavar="|".join(DITHERS), help="Where a pattern hides steps of colour; auto: on smooth areas."
        ),
    ] = GifSettings.dither,
    hold: Annotated[
        float,
        Option(
            help="Grey levels by which a pixel of a GIF may be off: more is smaller and calmer. "
            "Scenes of few colours are kept exactly."
        ),
    ] = GifSettings.hold,
    crop: Annotated[
        str | None, Option(metavar="W:H", help="Keep the middle in this shape, like 1:1, 9:16 or 16:9.")
    ] = None,
    start: options.Start = "0",
    end: options.End = None,
    speed: Annotated[float, Option(help="How much faster than the clip.")] = GifSettings.speed,
    boomerang: Annotated[bool, Option("--boomerang", help="Play it forwards, then backwards.")] = False,
    find_loop: Annotated[
        bool, Option("--find-loop", help="Keep only the part that returns most seamlessly to its beginning.")
    ] = False,
    poster: PosterOption = None,
    contact_sheet: ContactSheetOption = None,
    no_audio: options.NoAudio = False,
    no_recipe: Annotated[
        bool, Option("--no-recipe", help="Do not hand on the recipe that the clip carries.")
    ] = False,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
    as_json: options.AsJson = False,
) -> None:
    """Make a small good GIF, or another file to post, of any clip."""
    settings = GifSettings(
        width=width,
        start=typed.parse_seconds(start, "--start") or 0.0,
        end=typed.parse_seconds(end, "--end"),
        fps=typed.parse_fps(fps, "--fps"),
        colours=colours,
        dither=dither,  # type: ignore[arg-type]  # checked there
        hold=hold,
        crop=crop,
        speed=speed,
        boomerang=boomerang,
        find_loop=find_loop,
        audio=not no_audio,
        platform=platform,
        max_size=typed.parse_bytes(max_size, "--max-size"),
    )
    extras = Extras(poster, contact_sheet)
    extras.check(output, source, overwrite=overwrite)
    from dreamvideo.cli.progress import show_progress
    from dreamvideo.media.export import export_clip

    with show_progress("encoding", quiet) as progress:
        made, frames = export_clip(
            source, output, settings, overwrite=overwrite, tell=not no_recipe, progress=progress
        )
    from dreamvideo.media.probe import probe

    found, length = probe(made), made.stat().st_size
    if not quiet:
        shape = (
            f"{found.size[0]}x{found.size[1]}, {float(found.fps):.4g} frames a second, {found.duration:.2f} s"
        )
        print(f"{made}: {length / 1e6:.2f} MB, {shape}", file=sys.stderr)
    extras.make(made, overwrite=overwrite, tell=not no_recipe, quiet=quiet)
    if as_json:
        told = {"output": str(made), "bytes": length, "frames": frames, "size": found.size}
        typer.echo(json.dumps({**told, "fps": str(found.fps), "seconds": found.duration}, indent=2))


def platforms(
    as_json: Annotated[bool, Option("--json", help="Print the table for machines.")] = False,
) -> None:
    """List what platforms take, with the date and the source of each row."""
    from dataclasses import asdict

    from dreamvideo.media.platforms import DATE, PLATFORMS

    if as_json:
        rows = [asdict(row) for row in PLATFORMS.values()]
        typer.echo(json.dumps({"date": DATE, "platforms": rows}, indent=2, default=str))
        return
    typer.echo(f"as of {DATE}; limits change, and sources disagree: --max-size overrides the bytes\n")
    for row in PLATFORMS.values():
        typer.echo(f"{row.name:10} GIF    {row.animation.told() if row.animation else 'does not move: mp4'}")
        typer.echo(f"{'':10} video  {row.video.told()}; {', '.join(end[1:] for end in row.containers)}")
        typer.echo(f"{'':10} source {row.source}\n{'':10} doubt  {row.doubt}\n")
