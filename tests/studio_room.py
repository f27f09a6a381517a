"""A studio for tests: a real server in a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

import dreamvideo

CHECKOUT = Path(dreamvideo.__file__).parent.parent
PATIENCE = 90.0  # s, on a machine that does other things too

FAST = {"dream": {"octaves": 2, "steps": 2}, "film": {"detail": 48}}
"""A recipe that takes no time."""


@dataclass
class Room:
    """A running studio."""

    folder: Path
    address: str
    token: str
    process: subprocess.Popen[str]

    @contextmanager
    def client(self) -> Iterator[httpx.Client]:
        """A browser that has been let in, without the browser."""
        with httpx.Client(base_url=self.address, timeout=PATIENCE) as client:
            answer = client.get("/", params={"token": self.token})
            assert answer.status_code == 303, answer.text
            yield client


@contextmanager
def studio(
    folder: Path, *options: str, environment: dict[str, str] | None = None, says: str = ""
) -> Iterator[Room]:
    """Start `dreamvideo studio`; it is stopped at the end. `says`: what it warns of on stderr."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dreamvideo", "studio", "--folder", str(folder), "--no-open", *options],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stderr is not None
    line = process.stdout.readline()
    found = re.search(r"(http://[^/]+)/(?:\?token=(\S+))?", line)
    if not found:
        process.kill()
        raise AssertionError(line + process.communicate()[1])
    token = found[2] or (folder / "token").read_text()
    room = Room(folder, found[1], token, process)
    try:
        wait_for(lambda: answers(room))
        yield room
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=PATIENCE)[1]
    assert says in said if says else not said, said


def answers(room: Room) -> bool:
    try:
        return httpx.get(room.address).status_code > 0
    except httpx.TransportError:
        return False


def wait_for(condition: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """Ask until the answer is true; returns it."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        if answer := condition():
            return answer
        time.sleep(0.05)
    raise AssertionError(f"still not so after {patience} s")


def drop(client: httpx.Client, path: Path, name: str | None = None) -> dict[str, Any]:
    """Upload a file."""
    answer = client.post("/api/uploads", params={"name": name or path.name}, content=path.read_bytes())
    assert answer.status_code == 201, answer.text
    upload: dict[str, Any] = answer.json()
    return upload


def news(client: httpx.Client) -> dict[str, Any]:
    """All dreams by their id, as the stream tells them first."""
    import json

    with client.stream("GET", "/api/news") as stream:
        for line in stream.iter_lines():
            if line.startswith("data: "):
                return {dream["id"]: dream for dream in json.loads(line[6:])["changed"]}
    raise AssertionError("the stream ended")


def dream(client: httpx.Client, upload: dict[str, Any], recipe: Any = FAST, **wish: Any) -> dict[str, Any]:
    """Queue a dream."""
    answer = client.post(
        "/api/dreams", json={"upload": upload["id"], "recipe": recipe, "model": "vgg16-lite", **wish}
    )
    assert answer.status_code == 201, answer.text
    queued: dict[str, Any] = answer.json()
    return queued


def until(client: httpx.Client, dream: dict[str, Any], *states: str) -> dict[str, Any]:
    """Wait until a dream is in one of the states."""

    def look() -> dict[str, Any] | None:
        seen: dict[str, Any] = news(client)[dream["id"]]
        return seen if seen["state"] in states else None

    found: dict[str, Any] = wait_for(look)
    return found
