"""What makes torch as fast on a CPU as it can be; the same for every network."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # glibc's malloc.h
LARGEST_KEPT = 1 << 27  # bytes of a piece: larger ones, of large pictures, would leave holes behind
MOST_KEPT = 1 << 30  # bytes, of all that is free at the heap's end


def _is_intel() -> bool:
    try:
        maker = Path("/proc/cpuinfo").read_text()
    except OSError:
        maker = platform.processor()
    return "GenuineIntel" in maker


# MKL's products the same with any number of threads: its conditional numerical reproducibility, which is for
# Intel's processors (on AMD's they were alike without). It looks here when it computes for the first time.
if _is_intel():
    os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")


def tune_cpu() -> None:
    """No time for numbers next to nothing, and none for getting the same memory again and again."""
    torch.set_flush_denormal(True)
    if sys.platform == "linux":
        _keep_freed_memory()


def _keep_freed_memory() -> None:
    """Let glibc keep what a step frees for the next one.

    Given back, it comes anew page by page: in VGG16 that is a tenth of a step.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:  # not glibc
        return
    mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT)
    mallopt(M_TRIM_THRESHOLD, MOST_KEPT)


@contextmanager
def on_one_thread() -> Iterator[None]:
    """While it lasts, torch computes in the thread that calls it alone; a decorator too.

    Each thread that lets torch share out its work keeps helpers of its own. As soon as there are more of them
    than cores, GNU's OpenMP lets them sleep between any two operations, and a step takes up to twice as long:
    so only the thread that dreams may have any.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
