"""gifsicle, where it is installed: it packs a finished GIF a little tighter."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path


def shrink(path: Path) -> None:
    """Let gifsicle try, where it is installed; the frames stay the same."""
    program = shutil.which("gifsicle")
    if program is None:
        return
    smaller = path.with_name("gifsicle.gif")
    command = [
        program,
        "-O3",
        "-Okeep-empty",
        "--no-warnings",
        "--no-ignore-errors",
        str(path),
        "-o",
        str(smaller),
    ]
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL)
    if done.returncode == 0 and 0 < smaller.stat().st_size < path.stat().st_size:
        os.replace(smaller, path)
    smaller.unlink(missing_ok=True)
