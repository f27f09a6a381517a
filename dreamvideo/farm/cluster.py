"""A Ray cluster: joined only where the user named one, and left without a trace."""

from __future__ import annotations

import ipaddress
import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from dreamvideo.cores import core_count
from dreamvideo.errors import UsageError
from dreamvideo.jobs.parts import UNFINISHED

log = logging.getLogger("dreamvideo")

LOCAL, AUTO = "local", "auto"  # a cluster of our own on this machine; the one that this machine belongs to
TOKEN_FILE = Path("~/.ray/auth_token")
CONNECT_SECONDS = 5  # that an address has to answer: Ray itself would try for minutes


@dataclass(frozen=True)
class Node:
    """A machine of the cluster, and how many workers have room on it."""

    id: str
    name: str
    room: int


@contextmanager
def joined(address: str) -> Iterator[None]:
    """Be part of the cluster at `address`: HOST:PORT, `auto` or `local`.

    Raises:
        UsageError: Ray is not installed, or no cluster is there, or it does not let us in; or we are in one.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would report to its makers
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # as newer ones do; older ones warn
    if address not in (LOCAL, AUTO):
        _knock(address)
    _use_token(address)
    try:
        import ray
    except ImportError as error:
        raise UsageError("--ray needs Ray: pip install 'dreamvideo[ray]'") from error
    if ray.is_initialized():
        raise UsageError("this process is part of a Ray cluster already: leave it first")
    heard = signal.getsignal(signal.SIGTERM)
    try:
        _join(address)
        _hear_again(heard)
        yield
    finally:
        ray.shutdown()
        _hear_again(heard)


def _join(address: str) -> None:
    import ray

    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    own: dict[str, Any] = {"num_cpus": core_count(), "include_dashboard": False} if address == LOCAL else {}
    try:
        ray.init(address, **quiet, **own)
    except (ConnectionError, ValueError, RuntimeError, ray.exceptions.AuthenticationError) as error:
        hint = "" if address == LOCAL else ": is it up, with the same Ray and Python, and our token the same?"
        raise UsageError(f"--ray {address}: {_first_line(error).rstrip('.')}{hint}") from error
    # Ray prints the troubles of its nodes on stdout, where reports for machines go; we tell what matters.
    ray._private.worker._worker_logs_enabled = False


def nodes_of(threads: int, on_gpu: bool) -> list[Node]:
    """The nodes that are there and have room for a worker of so many threads, or with a GPU of its own."""
    import ray

    found = []
    for node in ray.nodes():
        if node["Alive"]:
            has = node["Resources"]
            room = has.get("GPU", 0) if on_gpu else has.get("CPU", 0) // threads
            found.append(Node(node["NodeID"], node["NodeManagerHostname"], int(room)))
    return sorted((node for node in found if node.room), key=lambda node: (node.name, node.id))


def has_gpus() -> bool:
    """Whether any node has a GPU."""
    import ray

    return ray.cluster_resources().get("GPU", 0) > 0


def placed_on(node: Node) -> Any:
    """The scheduling strategy that leads to a node, and to no other."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return NodeAffinitySchedulingStrategy(node.id, soft=False)


def look_around(
    nodes: Sequence[Node], folder: Path, is_shared: bool, files: Mapping[str, str]
) -> dict[Node, str]:
    """Let nodes look around, all at once. Returns those that cannot work, and why.

    Args:
        folder: of the job; with `is_shared` nodes must be able to read what is written there, and we what
            they write.
        files: inputs that they must see then.
    """
    import ray

    from dreamvideo.farm import ray_worker

    probe = folder / f"{UNFINISHED}{uuid4().hex}"
    probe.touch()
    look = ray.remote(num_cpus=0, max_retries=0)(ray_worker.look_around)
    asked = {
        node: look.options(scheduling_strategy=placed_on(node)).remote(
            str(folder) if is_shared else None, probe.name, files
        )
        for node in nodes
    }
    problems = {}
    for node, answer in asked.items():
        written = folder / f"{probe.name}-{node.id}"
        try:
            problem = ray.get(answer)
        except ray.exceptions.RayError as error:
            problem = why(error)
        if is_shared and not problem and not written.exists():
            problem = f"what it writes into {folder} does not arrive here: share it, or add --no-shared"
        written.unlink(missing_ok=True)
        if problem:
            problems[node] = problem
    probe.unlink()
    return problems


def why(error: BaseException) -> str:
    """An error of Ray in a few words: its own messages are pages."""
    cause = getattr(error, "cause", None)
    if cause is not None:  # raised by our own code there
        return f"{type(cause).__name__}: {' '.join(str(cause).split())}"
    return f"its process or its machine is gone ({type(error).__name__})"


def _knock(address: str) -> None:
    host, _, port = address.rpartition(":")
    if not (host and "/" not in host and port.isdecimal() and int(port) < 1 << 16):
        raise UsageError(f"--ray {address}: write HOST:PORT, auto or local")
    try:
        socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
    except OSError as error:
        raise UsageError(f"--ray {address}: no cluster answers there ({error.strerror or error})") from error


def _use_token(address: str) -> None:
    """Show our token where we have one. Without, everyone who reaches a cluster can run anything on it."""
    has_token = any(os.environ.get(name) for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"))
    if address == LOCAL or has_token or TOKEN_FILE.expanduser().exists():
        os.environ.setdefault("RAY_AUTH_MODE", "token")
    if os.environ.get("RAY_AUTH_MODE") != "token" and not _is_here(address):
        log.warning("no token for %s: whoever reaches it can run anything there (see docs/farm.md)", address)


def _is_here(address: str) -> bool:
    host = address.rsplit(":", 1)[0]
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in (AUTO, LOCAL, "localhost")


def _hear_again(handler: Any) -> None:
    """Ray takes SIGTERM for itself."""
    if threading.current_thread() is threading.main_thread() and handler is not None:
        signal.signal(signal.SIGTERM, handler)


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
