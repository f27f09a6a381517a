"""How the studio's folders are named and written."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any

ID = "[0-9a-f]{16}"
"""What the page may name: nothing else in an address leads to a file."""


def new_id() -> str:
    return secrets.token_hex(8)


def write_json(path: Path, data: dict[str, Any]) -> None:
    """Replace `path` at once, so that whoever reads it sees all of the old or all of the new."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps(data, indent=1), "utf-8")
    os.replace(part, path)


def read_json(path: Path) -> dict[str, Any] | None:
    """What `write_json` wrote; None where there is nothing that can be read."""
    try:
        data = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) else None


def default_folder() -> Path:
    """Where a studio keeps what is dropped and dreamed (moved by XDG_DATA_HOME)."""
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "dreamvideo" / "studio"
