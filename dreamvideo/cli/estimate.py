"""What `--estimate` and `--preview` say of the whole film."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.filesize import decimal

if TYPE_CHECKING:
    from dreamvideo.jobs.before import Estimate, Foretold


def tell_estimate(found: Estimate, as_json: bool) -> None:
    """Print it, for people or for machines, with what it rests on."""
    if as_json:
        print(json.dumps(asdict(found), indent=2))
        return
    least, most = found.seconds
    print(f"{found.frames} frames: {_span(least)} to {_span(most)}")
    memory = "" if found.memory is None else f"; {decimal(found.memory)} of memory"
    print(f"{decimal(found.output)} of film, {decimal(found.parts)} beside it until it is complete{memory}")
    print(
        f"told from {found.sampled} frames at its start: "
        "calm clips take the least, many cuts and much motion the most"
    )


def tell_preview(found: Foretold) -> None:
    """How far a preview is to be trusted, in one line on stderr."""
    least, most = found.seconds
    patterns = f"its patterns are {found.larger:.1f} times finer, " if found.larger > 1 else ""
    print(
        f"told from this preview, the whole takes {_span(least)} to {_span(most)}; {patterns}"
        "its motion is followed more closely",
        file=sys.stderr,
    )


def _span(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 100 * 60 else f"{seconds / 3600:.1f} h"
