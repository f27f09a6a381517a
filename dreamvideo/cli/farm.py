"""`--workers`, `--devices`, `--ray`, `--shots` and `dreamvideo join`: who does the work."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument

from dreamvideo.cli import options
from dreamvideo.errors import UsageError

if TYPE_CHECKING:
    from dreamvideo.farm.chosen import Range
    from dreamvideo.farm.pool import PoolFor
    from dreamvideo.farm.processes import Processes
    from dreamvideo.farm.ray_pool import RayPool


@dataclass(frozen=True)
class Crew:
    """Who does the work; false where one process shall do it all.

    Attributes:
        devices: of worker processes on this machine.
        ray: where the cluster is; None: there is none. most: workers there, None: as many as have room.
        device: of each worker there. is_shared: whether its machines share folders.
    """

    devices: Sequence[str] = ()
    ray: str | None = None
    most: int | None = None
    device: str = "auto"
    is_shared: bool = True

    def __bool__(self) -> bool:
        return bool(self.devices) or self.ray is not None


def chosen_crew(
    workers: int | None, devices: str | None, ray: str | None, no_shared: bool, device: str
) -> Crew:
    """What `--workers`, `--devices`, `--ray` and `--no-shared` say."""
    if workers is not None and devices is not None:
        raise typer.BadParameter("--devices says already how many: name one of them", param_hint="--workers")
    if ray is not None:
        if devices is not None:
            raise typer.BadParameter("the cluster knows its devices: leave it out", param_hint="--devices")
        if device not in ("auto", "cpu", "cuda"):
            raise typer.BadParameter("with --ray it is auto, cpu or cuda", param_hint="--device")
        return Crew(ray=ray, most=workers, device=device, is_shared=not no_shared)
    if no_shared:
        raise typer.BadParameter(
            "is for --ray: processes of one machine share its folders", param_hint="--no-shared"
        )
    places = [device] * (workers or 0) if devices is None else [place.strip() for place in devices.split(",")]
    if not all(places):
        raise typer.BadParameter(f"'{devices}': write devices like cuda:0,cuda:1", param_hint="--devices")
    return Crew(places)


@contextmanager
def opened_crew(crew: Crew) -> Iterator[PoolFor]:
    """Starts the crew now, so that it loads what is slow to load while we do; what gives it work."""
    pool: Processes | RayPool
    if crew.ray is None:
        from dreamvideo.farm.processes import Processes

        pool = Processes(crew.devices)
    else:
        from dreamvideo.farm.ray_pool import RayPool

        pool = RayPool(crew.ray, crew.most, crew.device, crew.is_shared)
    with closing(pool):
        yield pool.begin


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
            "--workers, --devices, --ray, --fresh, --keep-job, --estimate, --preview, --poster, --contact-"
            "sheet or --compare"
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
