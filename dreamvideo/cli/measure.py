"""`dreamvideo measure`: how stable, strong and sharp a dream is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from dreamvideo.settings import FilmSettings


def measure(
    source: Annotated[Path, Argument(metavar="SOURCE", readable=False, help="The clip that was dreamed.")],
    dream: Annotated[Path, Argument(metavar="DREAM", readable=False, help="What came out.")],
    detail: Annotated[int, Option(help="Long side to measure at, px.")] = FilmSettings.detail,
    flow: Annotated[
        str,
        Option(metavar="farneback|dis|raft", help="Flow to measure with; another than it was dreamed with."),
    ] = "farneback",
    as_json: Annotated[bool, Option("--json", help="Print the figures for machines.")] = False,
) -> None:
    """Measure how stable, strong and sharp a dream is."""
    from dreamvideo.measure import measure_files

    figures = measure_files(source, dream, detail, flow)
    if as_json:
        typer.echo(json.dumps(figures, indent=2))
        return
    for name, value in figures.items():
        typer.echo(f"{name.replace('_', ' '):24} {value:.6g}")
