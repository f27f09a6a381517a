"""`--workers` and `--devices`: who renders the shots of a clip."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from dreamvideo.errors import UsageError

if TYPE_CHECKING:
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


def dream_with_processes(*arguments: Any, devices: Sequence[str], **options: Any) -> Report:
    """`farm.drive.dream_with_workers`, with a process on each of `devices`."""
    from dreamvideo.farm.drive import dream_with_workers
    from dreamvideo.farm.processes import Processes

    def start(task: Any, folder: Path) -> Processes:
        return Processes(task, folder, devices)

    return dream_with_workers(*arguments, pool_for=start, **options)
