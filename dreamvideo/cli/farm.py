"""`--workers`, `--devices`, `--shots` and `dreamvideo join`: who renders the shots of a clip."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument

from dreamvideo.cli import options
from dreamvideo.errors import UsageError

if TYPE_CHECKING:
    from dreamvideo.farm.chosen import Range
    from dreamvideo.film import Report


def worker_devices(workers: int | None, devices: str | None, device: str, kind: str) -> list[str]:
    """The device of each worker process; none where one process shall do it all.

    Args:
        kind: what is made, "clip" or "still".
    """
    if workers is None and devices is None:
        return []
    if workers is not None and devices is not None:
        raise typer.BadParameter("--devices says already how many: name one of them", param_hint="--workers")
    if kind == "still":
        raise UsageError("--workers and --devices share out the shots of a clip: a still has none")
    places = [device] * (workers or 0) if devices is None else [place.strip() for place in devices.split(",")]
    if not all(places):
        raise typer.BadParameter(f"'{devices}': write devices like cuda:0,cuda:1", param_hint="--devices")
    return places


@contextmanager
def shared_dream(devices: Sequence[str], weights: Path | None) -> Iterator[Callable[..., Report]]:
    """`jobs.dream.dream_file`, done by a process on each of `devices`, which start now."""
    from dreamvideo.farm.processes import Processes

    with closing(Processes(devices)) as processes:
        from dreamvideo.farm.drive import dream_with_workers  # imports torch, as the processes do meanwhile

        yield partial(dream_with_workers, pool_for=processes.begin, weights=weights)


def parse_share(frames: str | None, shots: str | None) -> tuple[int | None, Range | None]:
    """`--frames 120` -> the most frames; `--frames 0:500` or `--shots 3-9` -> the shots that are meant."""
    if frames is not None and re.fullmatch(r"\d{1,9}", frames):
        return int(frames), _range(shots, "--shots", r"(\d{1,9})(?:-(\d{1,9}))?", "shots like 3-9, or 3")
    if shots is not None and frames is not None:
        raise typer.BadParameter("name shots or a range of frames, not both", param_hint="--shots")
    if frames is None:
        return None, _range(shots, "--shots", r"(\d{1,9})(?:-(\d{1,9}))?", "shots like 3-9, or 3")
    return None, _range(frames, "--frames", r"(\d{1,9}):(\d{1,9})", "a count, or a range like 0:500")


def _range(text: str | None, option: str, form: str, wanted: str) -> Range | None:
    """The last shot named is meant too; the last frame is not, as everywhere in Python."""
    if text is None:
        return None
    from dreamvideo.farm.chosen import Range

    match, of_frames = re.fullmatch(form, text.strip()), option == "--frames"
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, -1)
    if last < first:
        raise typer.BadParameter(f"'{text[:60]}': write {wanted}", param_hint=option)
    return Range(first, last if of_frames else last + 1, of_frames)


def check_share(chosen: Range | None, others: object, kind: str) -> None:
    """See that a command that renders some shots asks for nothing else.

    Args:
        others: whether it has an option that speaks of the whole film. kind: "clip" or "still".
    """
    if chosen is None:
        return
    if kind == "still":
        raise UsageError("a still has no shots to choose from")
    if others:
        raise UsageError(
            "--shots and --frames A:B render some shots here and leave them in the job: they do not go with "
            "--workers, --devices, --fresh, --keep-job, --estimate, --preview, --poster, --contact-sheet or "
            "--compare"
        )


def dream_range(
    source: Path, output: str, network: Any, recipe: Any, chosen: Range, quiet: bool, **given: Any
) -> None:
    """Render the shots, and tell."""
    from dreamvideo.cli.progress import show_progress
    from dreamvideo.farm.ranges import render_range

    with show_progress("dreaming", quiet) as progress:
        report = render_range(source, output, network, recipe, chosen, progress=progress, **given)
    if not quiet:
        print(
            f"{report.output}: all {report.frames} frames of these shots are there, {report.resumed_at} "
            f"by an earlier run; `dreamvideo join {output}` makes the film",
            file=sys.stderr,
        )


def join(
    place: Annotated[
        Path, Argument(metavar="OUT", readable=False, help="The output, or its job, OUT.dreamjob.")
    ],
    keep_job: options.KeepJob = False,
    no_recipe: options.NoRecipe = False,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
) -> int:
    """Make the film of shots that `dream --shots` rendered, if none is missing."""
    from dreamvideo.cli.progress import show_progress
    from dreamvideo.farm.join import join as join_parts

    with show_progress("joining", quiet) as progress:
        report = join_parts(
            place, overwrite=overwrite, keep_job=keep_job, tell=not no_recipe, progress=progress
        )
    if not quiet:
        print(f"{report.output}: {report.frames} frames in {report.seconds:.1f} s", file=sys.stderr)
    return 3 if report.broken_at is not None else 0
