"""What can be made beside the film: its poster, its contact sheet, and it beside its source."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated

from typer import Option

from dreamvideo.errors import OutputError, UsageError
from dreamvideo.settings import LAYOUTS, SHEET_FRAMES, CompareSettings, FilmSettings

PosterOption = Annotated[
    Path | None,
    Option(
        "--poster", metavar="FILE", readable=False, help="Also keep its most telling frame: png, jpg or webp."
    ),
]
ContactSheetOption = Annotated[
    Path | None,
    Option(
        "--contact-sheet",
        metavar="FILE",
        readable=False,
        help="Also make a sheet of its frames with their times: png, jpg or webp.",
    ),
]
CompareOption = Annotated[
    Path | None,
    Option(
        "--compare",
        metavar="FILE",
        readable=False,
        help="Also show it with its source, in one film.",
    ),
]
LayoutOption = Annotated[
    str,
    Option(
        metavar="|".join(LAYOUTS),
        help="Source and dream beside each other, over each other, or a wipe from one to the other and back.",
    ),
]


@dataclass(frozen=True)
class Extras:
    """The files that were asked for beside the output; all are made once it is complete."""

    poster: Path | None = None
    contact_sheet: Path | None = None
    compare: Path | None = None
    layout: str = CompareSettings.layout

    def check(
        self,
        output: str | Path,
        source: Path | None,
        film: FilmSettings | None = None,
        *,
        is_still: bool = False,
        overwrite: bool,
    ) -> None:
        """See that all can be written, before any work.

        Args:
            output: What they are made of, a still or not. source: What that is made of.
            film: The settings of `output`, if it shall be compared.

        Raises:
            OutputError, UsageError
        """
        from dreamvideo.media.outputs import check_output, kind_of_output

        names = [path for path in (self.poster, self.contact_sheet, self.compare) if path is not None]
        places = [os.path.abspath(path) for path in (output, *names)]
        for place, path in zip(places[1:], names, strict=True):
            if places.count(place) > 1:
                raise OutputError(f"{path} is asked for twice: give each file its own name")
            check_output(path, overwrite=overwrite, input_path=source)
        for picture in (self.poster, self.contact_sheet):
            if picture is not None and is_still:
                raise UsageError(f"{output} is a still: leave out {picture}")
            if picture is not None and kind_of_output(picture, from_still=True) != "still":
                raise UsageError(f"end {picture} in .png, .jpg or .webp")
        if self.compare is not None and source is not None and film is not None:
            from dreamvideo.media.compare import check_target
            from dreamvideo.media.stills import open_clip

            size = None
            if not is_still:
                with open_clip(source) as reader:
                    size = film.size or reader.size
            check_target(self.compare, self._comparison(film), size)

    def __bool__(self) -> bool:
        return any((self.poster, self.contact_sheet, self.compare))

    def make(
        self,
        made: Path,
        source: Path | None = None,
        film: FilmSettings | None = None,
        fps: Fraction | None = None,
        *,
        overwrite: bool,
        tell: bool,
        quiet: bool,
    ) -> None:
        """Make them of `made`, which has `fps` if it is a folder; to compare, of `source` with `film` too."""
        from dreamvideo.cli.progress import show_progress

        if self.poster is not None:
            make_poster(made, self.poster, fps, tell=tell, quiet=quiet)
        if self.contact_sheet is not None:
            make_contact_sheet(made, self.contact_sheet, fps=fps, tell=tell, quiet=quiet)
        if self.compare is None or source is None or film is None:
            return
        from dreamvideo.media.compare import compare_clips

        with show_progress("comparing", quiet) as progress:
            path, frames = compare_clips(
                source,
                made,
                self.compare,
                self._comparison(film),
                fps=fps,
                overwrite=overwrite,
                tell=tell,
                progress=progress,
            )
        _say(f"{path}: {frames} frames", quiet)

    def _comparison(self, film: FilmSettings) -> CompareSettings:
        return CompareSettings(
            layout=self.layout,  # type: ignore[arg-type]  # checked there
            start=film.start,
            audio=film.audio,
            platform=film.platform,
            max_size=film.max_size,
        )


def make_poster(clip: Path, target: Path, fps: Fraction | None = None, *, tell: bool, quiet: bool) -> None:
    """Write the most telling frame of a clip, and say which it is."""
    from dreamvideo.cli.progress import show_progress
    from dreamvideo.media.comments import write_picture
    from dreamvideo.media.contact import clock
    from dreamvideo.media.export import comment_of
    from dreamvideo.media.poster import choose_poster

    with show_progress("looking", quiet) as progress:
        poster = choose_poster(clip, fps, progress)
    write_picture(target, poster.frame, comment_of(clip) if tell else "")
    of = f"of {poster.looked_at} the best by sharpness, contrast, colour and likeness to the rest"
    _say(f"{target}: the frame at {clock(poster.time)}, {of}", quiet)


def make_contact_sheet(
    clip: Path,
    target: Path,
    count: int = SHEET_FRAMES,
    fps: Fraction | None = None,
    *,
    tell: bool,
    quiet: bool,
) -> None:
    """Write a sheet of a clip's frames."""
    from dreamvideo.cli.progress import show_progress
    from dreamvideo.media.comments import write_picture
    from dreamvideo.media.contact import contact_sheet
    from dreamvideo.media.export import comment_of

    with show_progress("looking", quiet) as progress:
        sheet, shown = contact_sheet(clip, count, fps, progress)
    write_picture(target, sheet, comment_of(clip) if tell else "")
    _say(f"{target}: {shown} frames, {sheet.shape[1]}x{sheet.shape[0]}", quiet)


def _say(line: str, quiet: bool) -> None:
    if not quiet:
        print(line, file=sys.stderr)
