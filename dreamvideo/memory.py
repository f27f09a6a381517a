"""How much memory this process has taken."""

from __future__ import annotations

import sys
from pathlib import Path

STATUS = Path("/proc/self/status")


def peak_memory() -> int | None:
    """The peak of resident memory since this program began, bytes; None where nobody tells.

    On Linux by VmHWM: `getrusage` there counts what the process was forked from, too, like a notebook of
    some gigabytes (setmax_mm_hiwater_rss in the kernel's exec).
    """
    if STATUS.exists():
        told = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
        return int(told["VmHWM"].split()[0]) * 1024
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
