"""Several clips, or a folder of clips: a film of each."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import typer

from dreamvideo.errors import DreamVideoError, InputError, JobError, PartialError, UsageError
from dreamvideo.media.outputs import ANIMATION_ENDINGS, VIDEO_ENDINGS

CLIP_ENDINGS = (*VIDEO_ENDINGS, *ANIMATION_ENDINGS, ".avi", ".m4v", ".mpg", ".mpeg", ".ts", ".wmv", ".flv")
USUAL_ENDING = ".mp4"  # of a film whose clip has one that cannot be written


def films_of(sources: Sequence[Path], output: str) -> list[tuple[Path, Path]]:
    """The clips and their films, in the folder `output`; none where one source makes one output.

    Raises:
        UsageError: Two films would have one name, or the films no folder.
    """
    clips = _clips_in(sources[0]) if len(sources) == 1 else list(sources)
    if not clips:
        return []
    folder = Path(output)
    if not (output.endswith(("/", os.sep)) or folder.suffix == "" or folder.is_dir()):
        raise UsageError(f"{len(clips)} clips make as many films: name a folder for them instead of {output}")
    films = [(clip, folder / _name(clip)) for clip in clips]
    names: dict[str, Path] = {}
    for clip, film in films:
        if (other := names.setdefault(film.name, clip)) is not clip:
            raise UsageError(f"{other} and {clip} would both become {film}: dream them one by one")
    return films


def _clips_in(place: Path) -> list[Path]:
    """The clips in a folder that holds nothing else that can be dreamed; a folder of stills is one clip."""
    if not place.is_dir():
        return []
    from dreamvideo.media.stills import find_stills

    try:
        find_stills(place)
    except InputError:
        found = sorted(path for path in place.iterdir() if path.suffix.lower() in CLIP_ENDINGS)
        return [path for path in found if path.is_file()]
    return []


def _name(clip: Path) -> str:
    return clip.name if clip.suffix.lower() in (*VIDEO_ENDINGS, ".gif") else clip.stem + USUAL_ENDING


def dream_each(
    films: Sequence[tuple[Path, Path]], overwrite: bool, quiet: bool, make: Callable[[Path, str], int]
) -> int:
    """Make a film of each clip. One that is there is skipped; one that fails does not stop the others.

    Returns:
        The exit code: 3 if not all could be made, 1 if none.
    """
    folder = films[0][1].parent
    if not folder.parent.is_dir():
        raise UsageError(f"the folder {folder.parent} does not exist: make it first")
    folder.mkdir(exist_ok=True)
    codes = []
    for number, (clip, film) in enumerate(films, 1):
        if not quiet:
            print(f"{number}/{len(films)}: {clip}", file=sys.stderr)
        if film.exists() and not overwrite:
            codes.append(0)
            if not quiet:
                print(f"{film}: is there, skipped (--overwrite makes it anew)", file=sys.stderr)
            continue
        try:
            codes.append(make(clip, str(film)))
        except DreamVideoError as error:
            if isinstance(error, UsageError) and not isinstance(error, JobError):
                raise  # it would be wrong for the others as well
            typer.echo(f"dreamvideo: {' '.join(str(error).split())}", err=True)
            codes.append(error.exit_code)
    if not any(codes):
        return 0
    bad = sum(code != 0 for code in codes)
    typer.echo(f"dreamvideo: {bad} of {len(codes)} clips could not be dreamed, or not to their end", err=True)
    partial = PartialError.exit_code
    return partial if 0 in codes or partial in codes else DreamVideoError.exit_code
