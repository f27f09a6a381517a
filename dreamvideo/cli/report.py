"""What came of a render, told at its end."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dreamvideo.film import Report
    from dreamvideo.nets import Network


def tell_report(report: Report, network: Network, recipe: Any, quiet: bool, as_json: bool) -> None:
    """One line on stderr, and with `as_json` a report on stdout; `recipe` is a dataclass of settings."""
    per_frame = report.seconds / max(1, report.frames - report.resumed_at)
    if not quiet:
        what = "1 frame" if report.frames == 1 else f"{report.frames} frames"
        if report.resumed_at:
            what += f", {report.resumed_at} of them by an earlier run,"
        print(
            f"{report.output}: {what} in {report.seconds:.1f} s, {per_frame:.2f} s per frame", file=sys.stderr
        )
    if as_json:
        machine = {
            "output": str(report.output),
            "frames": report.frames,
            "fps": None if report.fps is None else str(report.fps),
            "size": report.size,
            "seconds": round(report.seconds, 3),
            "seconds_per_frame": round(per_frame, 4),
            "seconds_per_frame_by_stage": {
                stage: round(seconds / max(1, report.frames), 4) for stage, seconds in report.stages.items()
            },
            "broken_at": report.broken_at,
            "resumed_at": report.resumed_at,
            "network": {"name": network.name, "sha256": network.digest, "device": str(network.device)},
            "settings": asdict(recipe),
        }
        print(json.dumps(machine, indent=2, default=_plain))


def _plain(value: object) -> str:
    return str(value) if isinstance(value, (Fraction, Path)) else repr(value)
