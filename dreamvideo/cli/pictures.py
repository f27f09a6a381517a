"""`dreamvideo compare`, `dreamvideo poster` and `dreamvideo contact-sheet`: what to show of a clip."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from dreamvideo.cli import options, typed
from dreamvideo.cli.extras import LayoutOption, make_contact_sheet, make_poster
from dreamvideo.errors import OutputError
from dreamvideo.settings import SHEET_FRAMES, CompareSettings

Clip = Annotated[
    Path, Argument(metavar="IN", readable=False, help="A clip, a GIF, or a folder or pattern of stills.")
]
PictureOutput = Annotated[
    Path,
    Option("--output", "-o", metavar="OUT", readable=False, help="What to make: png, jpg or webp."),
]
NoRecipe = Annotated[bool, Option("--no-recipe", help="Do not hand on the recipe that the clip carries.")]


def compare(
    source: Annotated[Path, Argument(metavar="SOURCE", readable=False, help="The clip that was dreamed.")],
    dream: Annotated[Path, Argument(metavar="DREAM", readable=False, help="What came out.")],
    output: Annotated[
        str,
        Option(
            "--output",
            "-o",
            metavar="OUT",
            help="What to make, by its ending: mp4, mov, webm, mkv, gif, webp, apng, avif; "
            "of stills png or jpg.",
        ),
    ],
    layout: LayoutOption = CompareSettings.layout,
    start: Annotated[
        str, Option(metavar="TIME", help="Where in SOURCE the dream begins: seconds, or 1:02.5.")
    ] = "0",
    width: Annotated[
        int | None, Option(help="Width of the whole, px; default: both as large as the dream.")
    ] = CompareSettings.width,
    no_audio: options.NoAudio = False,
    platform: options.Platform = None,
    max_size: options.MaxSize = None,
    no_recipe: NoRecipe = False,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
) -> None:
    """Show a clip and its dream in one film: beside or over each other, or a wipe."""
    settings = CompareSettings(
        layout=layout,  # type: ignore[arg-type]  # checked there
        start=typed.parse_seconds(start, "--start") or 0.0,
        width=width,
        audio=not no_audio,
        platform=platform,
        max_size=typed.parse_bytes(max_size, "--max-size"),
    )
    from dreamvideo.cli.progress import show_progress
    from dreamvideo.media.compare import compare_clips

    with show_progress("comparing", quiet) as progress:
        made, frames = compare_clips(
            source, dream, output, settings, overwrite=overwrite, tell=not no_recipe, progress=progress
        )
    if not quiet:
        what = "1 frame" if frames == 1 else f"{frames} frames"
        print(f"{made}: {what}, {made.stat().st_size / 1e6:.2f} MB", file=sys.stderr)


def poster(
    source: Clip,
    output: PictureOutput,
    no_recipe: NoRecipe = False,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
) -> None:
    """Keep the most telling frame of a clip.

    Black, white and flat frames are left out, and those less than half as sharp as most. Of the rest the one
    is taken that has the best ranks in sharpness, contrast, colour and likeness to the whole clip.
    """
    _check(source, output, overwrite)
    make_poster(source, output, tell=not no_recipe, quiet=quiet)


def contact_sheet(
    source: Clip,
    output: PictureOutput,
    frames: Annotated[int, Option(min=1, max=400, help="How many frames are on it.")] = SHEET_FRAMES,
    no_recipe: NoRecipe = False,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
) -> None:
    """Make a sheet of a clip's frames, evenly over its length, each with its time."""
    _check(source, output, overwrite)
    make_contact_sheet(source, output, frames, tell=not no_recipe, quiet=quiet)


def _check(source: Path, output: Path, overwrite: bool) -> None:
    """See that a picture of the clip `source` can be written, before any work."""
    from dreamvideo.media.contact import check_moves
    from dreamvideo.media.outputs import check_output, kind_of_output

    check_moves(source)
    check_output(output, overwrite=overwrite, input_path=source)
    if kind_of_output(output, from_still=True) != "still":
        raise OutputError(f"end {output} in .png, .jpg or .webp")
