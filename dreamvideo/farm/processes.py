"""Workers as processes of this machine, one for each device."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from dreamvideo.cores import core_count
from dreamvideo.errors import WorkerError
from dreamvideo.farm.pool import Done, Event, Lost, Told

if TYPE_CHECKING:
    from dreamvideo.farm.shots import Piece  # these import torch, as the workers do meanwhile
    from dreamvideo.farm.task import Task

MOST_FALSE_STARTS = 3  # in a row, after which a device is given up
LAST_WORDS = 4096  # bytes of what a dead worker said, to find its last line in

Message = dict[str, Any]


def threads_of_each(workers: int) -> int:
    """A worker's share of the cores, or what the user says that torch shall have."""
    said = os.environ.get("OMP_NUM_THREADS", "")
    return int(said) if said.isdecimal() and int(said) else max(1, core_count() // workers)


class Worker:
    """A process that renders pieces; what it says goes to `inbox`, and None when it is gone."""

    def __init__(self, device: str, threads: int, inbox: queue.Queue[tuple[Worker, Message]]) -> None:
        self.device = device
        self.piece: Piece | None = None
        self.is_ready = False
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  # closed by `end`
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dreamvideo.farm.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env=environment,
            start_new_session=True,  # a Ctrl-C is for us: we tell it to stop
        )
        self._listener = threading.Thread(target=self._hear, args=(inbox,), daemon=True)
        self._listener.start()

    def tell(self, **facts: object) -> None:
        """Send it a message; one that is dead will be noticed by its silence."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.write(json.dumps(facts).encode() + b"\n")
            self.process.stdin.flush()

    def end(self) -> None:
        """Kill it, and wait until it is gone."""
        self.process.kill()
        self.process.wait()
        self._listener.join()
        with contextlib.suppress(OSError):
            assert self.process.stdin is not None
            self.process.stdin.close()
        self._said.close()

    def why(self) -> str:
        """Why it died: the last line that it said, or how it ended."""
        code = self.process.wait()
        end = self._said.seek(0, os.SEEK_END)
        self._said.seek(max(0, end - LAST_WORDS))
        lines = self._said.read().decode("utf-8", "replace").split("\n")
        said = [line.strip() for line in lines if line.strip()]
        return said[-1] if said else f"killed by signal {-code}" if code < 0 else f"it ended with {code}"

    def _hear(self, inbox: queue.Queue[tuple[Worker, Message]]) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as answers:
            for line in answers:
                with contextlib.suppress(ValueError):  # half a line, of one that was killed
                    inbox.put((self, json.loads(line)))
        inbox.put((self, {"gone": True}))


class Processes:
    """A `pool.Pool` of one process for each of `devices`, that share the cores.

    They start at once, and load what is slow to load while others still think; `begin` gives them work.
    """

    def __init__(self, devices: Sequence[str]) -> None:
        self._threads = threads_of_each(len(devices))
        self._inbox: queue.Queue[tuple[Worker, Message]] = queue.Queue()
        self._false_starts = dict.fromkeys(devices, 0)
        self._is_stopped = False
        self._setup: Message = {}
        self._workers = [Worker(device, self._threads, self._inbox) for device in devices]

    def begin(self, task: Task, folder: Path) -> Processes:
        """Tell the workers what it is about, and in which job's folder; a `drive.PoolFor`."""
        self._setup = {"task": task.to_plain(), "folder": str(folder), "threads": self._threads}
        for worker in self._workers:
            worker.tell(**self._setup, device=worker.device)
        return self

    @property
    def free(self) -> int:
        return sum(worker.is_ready and worker.piece is None for worker in self._workers)

    @property
    def busy(self) -> int:
        return sum(worker.piece is not None for worker in self._workers)

    @property
    def pids(self) -> list[int]:
        """The workers' processes."""
        return [worker.process.pid for worker in self._workers]

    def expect(self, pieces: int) -> None:
        """See `pool.Pool`. They have long been started."""

    def give(self, piece: Piece) -> None:
        """See `pool.Pool`."""
        worker = next(one for one in self._workers if one.is_ready and one.piece is None)
        worker.piece = piece
        worker.tell(piece=asdict(piece))

    def wait(self, seconds: float) -> list[Event]:
        """See `pool.Pool`."""
        events: list[Event] = []
        until = monotonic() + seconds
        while not events:
            try:
                worker, message = self._inbox.get(timeout=max(0.0, until - monotonic()))
            except queue.Empty:
                return events
            events += self._understand(worker, message)
        while not self._inbox.empty():
            events += self._understand(*self._inbox.get())
        return events

    def stop(self) -> None:
        """See `pool.Pool`."""
        self._is_stopped = True
        for worker in self._workers:
            worker.tell(stop=True)

    def close(self) -> None:
        """See `pool.Pool`."""
        for worker in self._workers:
            worker.end()

    def _start(self, device: str) -> Worker:
        worker = Worker(device, self._threads, self._inbox)
        worker.tell(**self._setup, device=device)
        return worker

    def _understand(self, worker: Worker, message: Message) -> list[Event]:
        piece = worker.piece
        if "error" in message:
            raise WorkerError(message["error"], message["code"])
        if "ready" in message:
            worker.is_ready, self._false_starts[worker.device] = True, 0
        if "gone" in message:
            why = worker.why()
            worker.end()
            self._replace(worker, why)
            return [] if piece is None else [Lost(piece, why)]
        if piece is None:
            return []
        if "done" in message or "stopped" in message:
            worker.piece = None
            return [Done(piece)] if "done" in message else []
        return [Told(piece, message["frames"])] if "frames" in message else []

    def _replace(self, worker: Worker, why: str) -> None:
        self._workers.remove(worker)
        if self._is_stopped:
            return
        if not worker.is_ready:
            self._false_starts[worker.device] += 1
        if self._false_starts[worker.device] < MOST_FALSE_STARTS:
            self._workers.append(self._start(worker.device))
        elif not self._workers:
            raise WorkerError(f"no worker could be started on {worker.device}: {why}")
