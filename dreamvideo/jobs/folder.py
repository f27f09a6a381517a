"""A job's folder: made beside the output, taken by one process, removed when the output is complete."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from pathlib import Path
from typing import Any
from uuid import uuid4

from dreamvideo import __version__
from dreamvideo.errors import EncodeError, JobError, OutputError
from dreamvideo.jobs.lock import Lock, holder
from dreamvideo.jobs.parts import UNFINISHED
from dreamvideo.media.durable import replace_durably
from dreamvideo.recipe import Plain, differences

ENDING = ".dreamjob"
FORMAT = 1  # of the folder; a job of another format cannot be gone on with
OURS = ("lock", "job.json", "farm.json", "parts", "states")  # what lies in a job's folder, beside `work-*`
LOCK, DESCRIPTION, WORK = "lock", "job.json", "work-"


def job_folder(target: str | Path) -> Path:
    """Where the job of an output lies: `film.mp4` -> `film.mp4.dreamjob`."""
    path = Path(os.path.abspath(target))
    return path.with_name(path.name + ENDING)


class JobFolder:
    """The folder of one job, held by this process until the block ends.

    At the end the folder stays if there are finished parts in it to go on from, unless `remove` was called.

    Args:
        target: The output. fresh: Forget what an earlier run left.
        shared: Others who say so may hold it as well; then nothing is tidied up or removed.

    Raises:
        JobError: Another process holds the job, or something else is in its place.
        OutputError: The folder cannot be made.
    """

    def __init__(self, target: str | Path, *, fresh: bool = False, shared: bool = False) -> None:
        self.path, self._is_shared = job_folder(target), shared
        self._lock = self._take()
        try:
            if not shared:
                self._tidy(fresh)
        except OSError as error:
            self._lock.release()
            raise OutputError(f"cannot work in {self.path}: {error.strerror}") from error

    def __enter__(self) -> JobFolder:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._lock.is_held:
            return  # the folder may be another's by now
        if self._is_shared:
            self._lock.release()
            return
        if not self.is_begun:
            self.remove()
            return
        with contextlib.suppress(OSError):  # the next run tries again
            self._tidy(fresh=False)
        self._lock.release()

    @property
    def is_begun(self) -> bool:
        """There is something to go on from."""
        return (self.path / DESCRIPTION).exists()

    def check(self, recipe: Plain) -> None:
        """Raise JobError, naming what differs, unless the job was begun with the same recipe."""
        begun = self.read()
        found = differences(begun.get("recipe", {}), recipe)
        if begun.get("format") != FORMAT or begun.get("version") != __version__:
            found.insert(0, f"dreamvideo: {begun.get('version')} -> {__version__}")
        if found:
            raise JobError(
                f"{self.path.name} was begun otherwise ({'; '.join(found)}): repeat the first command, "
                "or add --fresh to start over"
            )

    def describe(self, recipe: Plain, expected: int) -> None:
        """Write down what the job is: from now on it can be gone on with. Raises EncodeError."""
        self.write(
            DESCRIPTION, {"format": FORMAT, "version": __version__, "recipe": recipe, "expected": expected}
        )

    @property
    def partial(self) -> Path | None:
        """The film of what there was when the job was last stopped."""
        name = self.read().get("partial") if self.is_begun else None
        return self.path.with_name(Path(name).name) if isinstance(name, str) else None

    def remember_partial(self, partial: Path) -> None:
        """Note the name of that film: the next one replaces it, the finished one removes it."""
        if self.is_begun:
            self.write(DESCRIPTION, {**self.read(), "partial": partial.name})

    def forget_partial(self) -> None:
        """Remove that film: the output is complete."""
        if (partial := self.partial) is not None:
            _remove(partial, missing_ok=True)

    def read(self) -> dict[str, Any]:
        """What `describe` wrote.

        Raises:
            JobError: It is damaged.
        """
        return read_description(self.path)

    def write(self, name: str, told: dict[str, Any]) -> None:
        """Write a small file of the folder, whole. Raises EncodeError."""
        part = self.path / f"{UNFINISHED}{uuid4().hex}-{name}"
        try:
            part.write_text(json.dumps(told, indent=1), "utf-8")
            replace_durably(part, self.path / name)
        except OSError as error:
            raise EncodeError(f"cannot write into {self.path}: {error.strerror}") from error

    def remove(self) -> None:
        """Remove the folder: the output is complete, or there is nothing in it to go on from."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.release()

    def _take(self) -> Lock:
        while True:
            try:
                self.path.mkdir(exist_ok=True)
                check_ours(self.path)
                return Lock(self.path / LOCK, shared=self._is_shared)
            except FileExistsError as error:
                raise JobError(f"{self.path} is in the way: move it") from error
            except FileNotFoundError:  # its holder removed it, complete, between two of our looks at it
                if not self.path.parent.exists():
                    raise
            except JobError:
                if self.path.exists():
                    raise
            except OSError as error:
                raise OutputError(f"cannot write into {self.path.parent}: {error.strerror}") from error

    def _tidy(self, fresh: bool) -> None:
        """Remove what a run that was killed left unfinished; all of it if `fresh`."""
        for path in self.path.iterdir():
            if path.name.startswith((WORK, UNFINISHED)) or (fresh and path.name != LOCK):
                _remove(path)
        for path in self.path.glob(f"*/{UNFINISHED}*"):
            path.unlink()


def check_ours(folder: Path) -> None:
    """Raise JobError unless a folder is one that only we can have made."""
    names = {path.name for path in folder.iterdir() if not path.name.startswith((WORK, UNFINISHED))}
    if folder.is_symlink() or not names <= set(OURS):
        raise JobError(f"{folder} is in the way: it is no job of dreamvideo; move it")


def read_description(folder: Path) -> dict[str, Any]:
    """What is written about the job in `folder`.

    Raises:
        JobError: It is damaged.
    """
    try:
        told = json.loads((folder / DESCRIPTION).read_text("utf-8"))
        if isinstance(told, dict):
            return told
    except (OSError, ValueError, RecursionError):
        pass
    raise JobError(f"{folder / DESCRIPTION} is damaged: add --fresh to start over")


def held_by(folder: Path) -> str | None:
    """Who works in a job's folder, in words; None if nobody does."""
    return holder(folder / LOCK)


def _remove(path: Path, missing_ok: bool = False) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=missing_ok)
