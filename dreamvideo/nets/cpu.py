"""What makes torch as fast on a CPU as it can be; the same for every network."""

from __future__ import annotations

import ctypes
import sys

import torch

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # glibc's malloc.h
LARGEST_KEPT = 1 << 27  # bytes of a piece: larger ones, of large pictures, would leave holes behind
MOST_KEPT = 1 << 30  # bytes, of all that is free at the heap's end


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
