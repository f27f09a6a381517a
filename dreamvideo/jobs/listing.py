"""Which jobs there are, and their removal."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dreamvideo.errors import JobError
from dreamvideo.jobs.folder import DESCRIPTION, ENDING, LOCK, JobFolder, check_ours, held_by, read_description
from dreamvideo.jobs.parts import Part, PartStore


@dataclass(frozen=True)
class JobSummary:
    """A job as it lies on the disk."""

    folder: Path
    frames: int
    """Finished and kept."""
    expected: int | None
    """Of the whole film; None if the job broke off before anything was kept."""
    size: int
    """Bytes."""
    holder: str | None
    """Who works at it, in words."""

    @property
    def output(self) -> Path:
        """What it makes."""
        return self.folder.with_name(self.folder.name.removesuffix(ENDING))


def find_jobs(place: Path) -> list[JobSummary]:
    """The jobs in a folder, or that of an output, or the one that `place` itself is.

    Raises:
        JobError: There is nothing at `place`.
    """
    beside = place.parent / (place.name + ENDING)
    if place.name.endswith(ENDING) and place.is_dir():
        folders = [place]
    elif place.name and beside.is_dir():
        folders = [beside]
    elif place.is_dir():
        folders = sorted(place.glob(f"*{ENDING}"))
    else:
        raise JobError(f"there is no folder and no job called {place}")
    return [_summary(folder) for folder in folders if _is_job(folder)]


def remove_job(job: JobSummary) -> None:
    """Remove a job's folder and all that is kept in it, unless somebody works there.

    Raises:
        JobError: A process holds it, or it holds what is not ours.
    """
    with JobFolder(job.output) as folder:
        folder.remove()
    if job.folder.exists():
        raise JobError(f"cannot remove {job.folder}: permission denied")


def _is_job(folder: Path) -> bool:
    try:
        check_ours(folder)
    except (JobError, OSError):
        return False
    return (folder / LOCK).exists() or (folder / DESCRIPTION).exists()


def _summary(folder: Path) -> JobSummary:
    expected, frames = None, 0
    if (folder / DESCRIPTION).exists():
        with contextlib.suppress(JobError):  # damaged: it can still be listed and removed
            expected = read_description(folder).get("expected")
        frames = _covered(PartStore(folder, (0, 0)).all())
    return JobSummary(folder, frames, expected, sum(_sizes(folder)), held_by(folder))


def _covered(parts: list[Part]) -> int:
    """How many frames lie in parts: shots may have been rendered in any order."""
    frames = end = 0
    for part in parts:
        frames += max(0, part.end - max(end, part.first))
        end = max(end, part.end)
    return frames


def _sizes(folder: Path) -> Iterator[int]:
    for path in folder.rglob("*"):
        try:
            yield path.lstat().st_size
        except OSError:  # its job goes on meanwhile
            continue
