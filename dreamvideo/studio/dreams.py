"""The dreams of a studio, one folder each: what was asked for, how far it is, what came out.

`dreams/ID/` holds `dream.json` (the rest of this module), `events.jsonl` and its newest picture, `log.txt`,
and the film. What a run tells is read from its events, so that a studio which was restarted knows as much as
the one that started it.
"""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from dreamvideo.studio.folders import new_id, read_json, write_json

State = Literal["queued", "running", "stopped", "failed", "done"]

TAIL_BYTES = 8192  # of the events that are read: the last line is all that counts


@dataclass(frozen=True)
class Dream:
    """Attributes:
    wish: see `wishes.Wish.to_dict`. source: the name of what was dropped; output: that of what is downloaded.
    created, ended: seconds since 1970. order: its place in the queue. pid: of its run, a group leader.
    error: why it failed, one line. note: what else a person should know.
    """

    id: str
    wish: dict[str, Any]
    source: str
    output: str
    created: float
    order: float
    state: State = "queued"
    pid: int = 0
    ended: float = 0.0
    error: str = ""
    note: str = ""


class Dreams:
    """The dreams kept in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        read = (read_json(path) for path in folder.glob("*/dream.json"))
        self._dreams = {data["id"]: Dream(**data) for data in read if data}

    def __iter__(self) -> Any:
        """From the newest to the oldest."""
        return iter(sorted(self._dreams.values(), key=lambda dream: -dream.created))

    def find(self, id: str) -> Dream | None:
        return self._dreams.get(id)

    def waiting(self) -> list[Dream]:
        """Those that are queued, the next first."""
        return sorted((d for d in self if d.state == "queued"), key=lambda dream: dream.order)

    def place(self, dream: Dream) -> Path:
        return self.folder / dream.id

    def film(self, dream: Dream) -> Path:
        """What comes out, under the name that it has in its folder."""
        return self.place(dream) / f"dream.{dream.wish['ending']}"

    def events(self, dream: Dream) -> Path:
        return self.place(dream) / "events.jsonl"

    def picture(self, dream: Dream) -> Path:
        """The newest picture of its run."""
        return self.place(dream) / "events.jsonl.jpg"

    def log(self, dream: Dream) -> Path:
        return self.place(dream) / "log.txt"

    def lock(self, dream: Dream) -> Path:
        return self.place(dream) / "lock"

    def add(self, wish: dict[str, Any], source: str, output: str) -> Dream:
        """Queue a dream; the names are what its owner calls what was dropped, and what comes out."""
        now = time.time()
        dream = Dream(new_id(), wish, source, output, now, now)
        self.place(dream).mkdir()
        return self.change(dream)

    def change(self, dream: Dream, **changes: Any) -> Dream:
        """Write a dream down, with changes."""
        dream = replace(dream, **changes)
        write_json(self.place(dream) / "dream.json", asdict(dream))
        self._dreams[dream.id] = dream
        return dream

    def remove(self, dream: Dream) -> None:
        """Remove a dream and all that it made."""
        del self._dreams[dream.id]
        shutil.rmtree(self.place(dream), ignore_errors=True)

    def last_event(self, dream: Dream) -> dict[str, Any]:
        """The newest line that its run wrote; empty if there is none."""
        try:
            with self.events(dream).open("rb") as file:
                file.seek(max(0, file.seek(0, 2) - TAIL_BYTES))
                lines = file.read().split(b"\n")[:-1]  # what follows the last newline is not written yet
        except OSError:
            return {}
        return json.loads(lines[-1]) if lines else {}

    def last_words(self, dream: Dream) -> str:
        """The last line that its run said."""
        try:
            lines = self.log(dream).read_text("utf-8", "replace").split("\n")
        except OSError:
            return ""
        said = [line.strip() for line in lines if line.strip()]
        return said[-1].removeprefix("dreamvideo: ") if said else ""
