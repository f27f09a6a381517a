"""Workers as actors on a Ray cluster, as many as its nodes have room for; nodes may come and go."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from dreamvideo import __version__
from dreamvideo.errors import UsageError, WorkerError
from dreamvideo.farm.cluster import Node, has_gpus, joined, look_around, nodes_of, placed_on, why
from dreamvideo.farm.parcels import chunks, input_files, needed_by, put
from dreamvideo.farm.pool import Done, Event, Lost, Told
from dreamvideo.farm.processes import MOST_FALSE_STARTS

if TYPE_CHECKING:
    from dreamvideo.farm.shots import Piece
    from dreamvideo.farm.task import Task

log = logging.getLogger("dreamvideo")

SECONDS_BETWEEN_COUNTS = 2.0  # of the cluster's nodes
SECONDS_TO_TIDY = 5.0
PASSED_ON = ("DREAMVIDEO_PART_SECONDS",)  # from our environment to the workers'


@dataclass(eq=False)
class Actor:
    """A worker, wherever it is.

    Attributes:
        answers: what it will say next: a reference, while it is opened, or a stream of them.
        pid: of its process, on its node, once it is ready.
    """

    handle: Any
    node: Node
    answers: Any
    is_ready: bool = False
    pid: int = 0
    piece: Piece | None = None


class RayPool:
    """A `pool.Pool` on the cluster at `address`, which must be closed also where `begin` was never called.

    Args:
        most: workers; None: as many as there is room for.
        device: of each: auto, cpu or cuda.
        shared: Whether all nodes see the job's folder and the inputs at the same paths.

    Raises:
        UsageError: There is no such cluster, or nothing on it that could work.
    """

    def __init__(self, address: str, most: int | None, device: str, shared: bool) -> None:
        self._opened = ExitStack()
        self._opened.enter_context(joined(address))
        self._most, self._is_shared = most, shared
        said = os.environ.get("OMP_NUM_THREADS", "")
        self._threads = int(said) if said.isdecimal() and int(said) else 1
        try:
            self._on_gpu = device == "cuda" or (device == "auto" and has_gpus())
            if not nodes_of(self._threads, self._on_gpu):
                lacks = "GPU" if self._on_gpu else f"{self._threads} CPUs" if self._threads > 1 else "CPU"
                raise UsageError(f"--ray {address}: no node has a {lacks} for a worker")
        except BaseException:
            self._opened.close()
            raise
        self._actors: list[Actor] = []
        self._false_starts: Counter[str] = Counter()  # by node
        self._seen: set[str] = set()  # nodes
        self._shunned: set[str] = set()  # those that cannot work
        self._expected, self._counted = 0, -SECONDS_BETWEEN_COUNTS
        self._is_stopped = self._is_waiting = False

    def begin(self, task: Task, folder: Path) -> RayPool:
        """Tell what it is about, and in which job's folder; a `pool.PoolFor`.

        Raises:
            WorkerError: A node cannot work: it does not see the folder, say.
        """
        import ray

        from dreamvideo.farm import ray_worker

        environment = {"OMP_NUM_THREADS": str(self._threads)}
        environment |= {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        self._folder, self._files = folder, {name: str(path) for name, path in task.files.items()}
        self._setup = {
            "version": __version__,
            "task": task.to_plain(),
            "device": "cuda" if self._on_gpu else "cpu",
            "threads": self._threads,
            "environment": environment,
            "folder": str(folder) if self._is_shared else None,
        }
        self._inputs = ray.put({} if self._is_shared else _sent(task.files))
        self._class = ray.remote(
            num_cpus=1 if self._on_gpu else self._threads,
            num_gpus=1 if self._on_gpu else 0,
            max_restarts=0,
            max_task_retries=0,
            concurrency_groups={ray_worker.CONTROL: 1},
        )(ray_worker.RayWorker)
        for node, problem in self._problems(nodes_of(self._threads, self._on_gpu)).items():
            raise WorkerError(f"{node.name} cannot work: {problem}", UsageError.exit_code)
        return self

    @property
    def free(self) -> int:
        return sum(actor.is_ready and actor.piece is None for actor in self._actors)

    @property
    def busy(self) -> int:
        return sum(actor.piece is not None for actor in self._actors)

    def expect(self, pieces: int) -> None:
        """See `pool.Pool`. Workers are started as nodes have room, and as there is something for them."""
        self._expected = pieces
        if pieces and not self._is_stopped and monotonic() - self._counted >= SECONDS_BETWEEN_COUNTS:
            self._counted = monotonic()
            self._start()

    def give(self, piece: Piece) -> None:
        """See `pool.Pool`."""
        actor = next(one for one in self._actors if one.is_ready and one.piece is None)
        parcel = {} if self._is_shared else needed_by(piece, self._folder)
        actor.piece, actor.answers = piece, actor.handle.render.remote(asdict(piece), parcel)

    def wait(self, seconds: float) -> list[Event]:
        """See `pool.Pool`."""
        import ray

        until, events = monotonic() + seconds, list[Event]()
        while not events:
            speaking = {actor.answers: actor for actor in self._actors if actor.answers is not None}
            left = max(0.0, until - monotonic())
            if not speaking:
                time.sleep(left)
                return events
            if not ray.wait(list(speaking), timeout=left)[0]:
                return events
            for answers in ray.wait(list(speaking), num_returns=len(speaking), timeout=0)[0]:
                events += self._hear(speaking[answers])
        return events

    def stop(self) -> None:
        """See `pool.Pool`."""
        self._is_stopped = True
        for actor in self._actors:
            actor.handle.stop.remote()

    def close(self) -> None:
        """See `pool.Pool`."""
        import ray

        with contextlib.suppress(ray.exceptions.RayError):
            if not self._is_shared:
                tidied = [actor.handle.tidy.remote() for actor in self._actors]
                if tidied:
                    ray.wait(tidied, num_returns=len(tidied), timeout=SECONDS_TO_TIDY)
            for actor in self._actors:
                ray.kill(actor.handle)
        self._actors.clear()
        self._opened.close()

    def _start(self) -> None:
        """Start the workers that there is room and something to do for, on the nodes by turns."""
        nodes = [node for node in nodes_of(self._threads, self._on_gpu) if node.id not in self._shunned]
        if not (nodes or self._is_waiting):
            log.warning("the cluster has lost its last node with room for a worker: waiting for another one")
        self._is_waiting = not nodes
        actors_on = Counter(actor.node.id for actor in self._actors)
        starting = sum(not actor.is_ready for actor in self._actors)
        wanted = self._expected - starting - self.free
        if self._most is not None:
            wanted = min(wanted, self._most - len(self._actors))
        fresh = [node for node in nodes if node.id not in self._seen]
        if fresh and wanted > 0:  # these came later
            for node, problem in self._problems(fresh).items():
                self._shun(node, problem)
        able = (node for node in nodes if node.id not in self._shunned)
        rooms = [(place, node) for node in able for place in range(actors_on[node.id], node.room)]
        for _, node in sorted(rooms, key=lambda room: room[0])[: max(0, wanted)]:
            handle = self._class.options(scheduling_strategy=placed_on(node)).remote(self._setup)
            self._actors.append(Actor(handle, node, handle.open.remote(self._inputs)))

    def _hear(self, actor: Actor) -> list[Event]:
        """Understand what it says next."""
        import ray

        try:
            message = ray.get(next(actor.answers) if actor.is_ready else actor.answers)
        except (ray.exceptions.RayError, StopIteration) as error:
            return self._lose(actor, why(error))
        piece = actor.piece
        if "error" in message:
            if actor.is_ready:
                raise WorkerError(message["error"], message["code"])
            self._actors.remove(actor)
            self._shun(actor.node, message["error"], message["code"])
        elif "ready" in message:
            actor.is_ready, actor.pid, actor.answers = True, message["pid"], None
            self._false_starts[actor.node.id] = 0
        elif "parcel" in message:
            put(message["parcel"], self._folder)
        elif "done" in message or "stopped" in message:
            actor.piece = actor.answers = None
            return [Done(piece)] if "done" in message and piece else []
        elif piece is not None:
            return [Told(piece, message["frames"])]
        return []

    def _lose(self, actor: Actor, cause: str) -> list[Event]:
        import ray

        with contextlib.suppress(ray.exceptions.RayError):
            ray.kill(actor.handle)
        self._actors.remove(actor)
        self._counted = -SECONDS_BETWEEN_COUNTS  # look at once who is still there
        if not actor.is_ready:
            self._false_starts[actor.node.id] += 1
            if self._false_starts[actor.node.id] == MOST_FALSE_STARTS:
                self._shun(actor.node, f"workers die there while they start: {cause}")
        return [] if actor.piece is None else [Lost(actor.piece, f"{cause}, on {actor.node.name}")]

    def _problems(self, nodes: list[Node]) -> dict[Node, str]:
        """What keeps nodes from working that were not here before."""
        self._seen |= {node.id for node in nodes}
        return look_around(nodes, self._folder, self._is_shared, self._files)

    def _shun(self, node: Node, problem: str, code: int = 1) -> None:
        """Do without a node. Raises WorkerError where it was the last one."""
        if node.id in self._shunned:
            return
        self._shunned.add(node.id)
        if all(one.id in self._shunned for one in nodes_of(self._threads, self._on_gpu)):
            raise WorkerError(f"{node.name} cannot work: {problem}", code)
        log.warning("%s cannot work, the other nodes go on: %s", node.name, problem)


def _sent(files: Mapping[str, Path]) -> dict[str, Any]:
    """Inputs, put where all nodes can fetch them; see `ray_worker.Sent`."""
    import ray

    return {
        name: (
            str(path),
            {file.name: [ray.put(chunk) for chunk in chunks(file)] for file in input_files(path)},
        )
        for name, path in files.items()
    }
