"""A worker on a Ray cluster: an actor that loads the network once, and what every node is asked beforehand.

It says what a worker process says (see `worker`): `ready`; `frames` of its piece; `done`; `stopped`; or,
with `error` and `code`, that it cannot go on. Where no folder is shared it has one of its own, and what is
finished there comes as a `parcel`. Torch is imported only when it is known how many threads it shall have.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from time import monotonic
from typing import Any

import ray

from dreamvideo import __version__
from dreamvideo.errors import DreamVideoError
from dreamvideo.farm.parcels import Parcel, put, take_finished, unpack_input

Message = dict[str, Any]
Sent = Mapping[str, tuple[str, Mapping[str, Sequence[Any]]]]
"""Input -> its path at home, and of each of its files the references to its chunks."""

SECONDS_BETWEEN_TELLING = 0.2
OWN = "dreamvideo-ray-"  # begins the names of the workers' own folders
CONTROL = "control"  # calls that are heard while a piece is rendered


def look_around(folder: str | None, probe: str, files: Mapping[str, str]) -> str:
    """What keeps this node from working, in words; "" if nothing does.

    Args:
        folder: of the job, shared; there is a file called `probe` in it, and this node leaves another one.
            None: nothing is shared.
        files: inputs, at the same paths.
    """
    if folder is None:
        return ""
    try:
        (Path(folder) / probe).read_bytes()
        node = ray.get_runtime_context().get_node_id()
        (Path(folder) / f"{probe}-{node}").write_text(node)
    except OSError as error:
        return f"the folder {folder} is not shared with it ({error.strerror}): share it, or add --no-shared"
    missing = [path for path in files.values() if not Path(path).exists()]
    return f"there is no {missing[0]}: share its folder, or add --no-shared" if missing else ""


class RayWorker:
    """See the module.

    Args:
        setup: `version`, `task`, `device`, `threads`, `environment`; `folder`, the job's, None if not shared.
    """

    def __init__(self, setup: Message) -> None:
        os.environ.update(setup["environment"])
        self._setup = setup
        self._stopped = threading.Event()
        self._opened = ExitStack()
        self._own = None if setup["folder"] else _own_folder()
        self._folder = self._own or Path(setup["folder"])
        logging.getLogger("dreamvideo").setLevel(logging.ERROR)  # warnings are given by the first look

    def open(self, inputs: Sent) -> Message:
        """Load what there is to load. Says `ready`, or what is wrong."""
        setup = self._setup
        if setup["version"] != __version__:
            return _fault(f"it has dreamvideo {__version__}, and not {setup['version']}", 2)
        import cv2
        import torch

        from dreamvideo.farm.task import Task
        from dreamvideo.farm.work import open_work

        torch.set_num_threads(setup["threads"])
        cv2.setNumThreads(setup["threads"])
        try:
            task = Task.from_plain(setup["task"])
            if self._own is not None:
                task = task.at(self._unpack(inputs, self._own))
            self._work = self._opened.enter_context(open_work(task, setup["device"]))
        except DreamVideoError as error:
            return _fault(str(error), error.exit_code)
        return {"ready": True, "pid": os.getpid()}

    @ray.method(num_returns="streaming")  # type: ignore[untyped-decorator]
    def render(self, piece: Message, parcel: Parcel) -> Iterator[Message]:
        """Render a piece, and say so.

        Args:
            parcel: what it is begun with, where no folder is shared.
        """
        from dreamvideo.farm.shots import Piece

        told = monotonic()
        try:
            put(parcel, self._folder)
            for frames in self._work.render(self._folder, Piece(**piece), self._stopped.is_set):
                yield from self._parcels()
                if monotonic() - told >= SECONDS_BETWEEN_TELLING:
                    yield {"frames": frames}
                    told = monotonic()
            yield from self._parcels()
            yield {"stopped" if self._stopped.is_set() else "done": True}
        except DreamVideoError as error:
            yield _fault(str(error), error.exit_code)

    @ray.method(concurrency_group=CONTROL)  # type: ignore[untyped-decorator]
    def stop(self) -> None:
        """Go on no longer than to the end of the frame that it is at."""
        self._stopped.set()

    @ray.method(concurrency_group=CONTROL)  # type: ignore[untyped-decorator]
    def tidy(self) -> None:
        """Remove what it has on the node's disk; it is not asked anything after that."""
        if self._own is not None:
            shutil.rmtree(self._own, ignore_errors=True)

    def _parcels(self) -> Iterator[Message]:
        if self._own is not None and (finished := take_finished(self._own)):
            yield {"parcel": finished}

    def _unpack(self, inputs: Sent, folder: Path) -> dict[str, Path]:
        return {
            name: unpack_input(
                name, Path(path), {file: map(ray.get, parts) for file, parts in files.items()}, folder
            )
            for name, (path, files) in inputs.items()
        }


def _own_folder() -> Path:
    """A new folder for this process; those that killed ones left on this node are removed."""
    for path in Path(tempfile.gettempdir()).glob(f"{OWN}*-*"):
        pid = path.name[len(OWN) :].split("-")[0]
        if pid.isdecimal() and not Path(f"/proc/{pid}").exists() and Path("/proc/self").exists():
            shutil.rmtree(path, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{OWN}{os.getpid()}-"))


def _fault(problem: str, code: int) -> Message:
    return {"error": problem, "code": code}
