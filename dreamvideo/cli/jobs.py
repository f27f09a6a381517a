"""`dreamvideo jobs`: the renders that were stopped and can be gone on with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

app = typer.Typer(rich_markup_mode=None, help="List the renders that were stopped, or remove their jobs.")


@app.callback(invoke_without_command=True)
def jobs(
    context: typer.Context,
    place: Annotated[
        Path, Option("--in", metavar="FOLDER", readable=False, help="Where to look, or an output.")
    ] = Path(),
) -> None:
    """List the jobs: what each makes, how far it is, how much room it takes."""
    if context.invoked_subcommand is not None:
        return
    from dreamvideo.jobs.listing import find_jobs

    found = list(find_jobs(place))
    if not found:
        typer.echo(f"no jobs in {place.absolute()}", err=True)
    for job in found:
        total = "?" if job.expected is None else job.expected
        by = f", {job.holder} is at it" if job.holder else ""
        typer.echo(f"{job.output}: {job.frames} of {total} frames, {job.size / 1e6:.1f} MB{by}")


@app.command("clean")
def clean(
    places: Annotated[
        list[Path] | None,
        Argument(metavar="[PLACE]...", readable=False, help="Folders to look in, or outputs; default: here."),
    ] = None,
) -> None:
    """Remove the jobs that nobody works at; their outputs can then only be made anew."""
    from dreamvideo.jobs.listing import find_jobs, remove_job

    for place in places or [Path()]:
        for job in find_jobs(place):
            if job.holder:
                typer.echo(f"{job.output}: left, {job.holder} is at it")
                continue
            remove_job(job)
            typer.echo(f"{job.output}: removed, {job.size / 1e6:.1f} MB are free again")
