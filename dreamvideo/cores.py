"""Who computes on a CPU's cores, so that the dream and what runs beside it do not stand in each other's way.

Torch shares out each operation of a step among all cores and waits for the last of them, a thousand times in
a step. As soon as another thread of ours wants one of these cores, all the others wait, busily: with the flow
of coming frames beside it a step took twice as long, at times forty times. So what runs beside the dream asks
for a core, and the next step leaves it one. That is done where numbers do not depend on how many there are
(`nets.steady`): with two, and with more where MKL was told so (`nets.cpu`); elsewhere nobody measured.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def core_count() -> int:
    """How many cores this process may use: in a container fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Cores:
    """The cores of this machine: a step takes all of them, or leaves one to each helper."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._helpers = 0  # that compute or would like to
        self._is_full = False  # a step has all cores

    @contextmanager
    def stepping(self, device: torch.device) -> Iterator[None]:
        """While it lasts, torch computes in this thread, on the cores that helpers leave it; or elsewhere."""
        import torch

        threads = torch.get_num_threads()
        if device.type != "cpu" or not may_be_fewer(threads):
            yield
            return
        with self._changed:
            helpers = self._helpers
            self._is_full = helpers == 0
        try:
            torch.set_num_threads(max(1, threads - helpers))
            yield
        finally:
            torch.set_num_threads(threads)
            with self._changed:
                self._is_full = False
                self._changed.notify_all()

    @contextmanager
    def helping(self) -> Iterator[None]:
        """While it lasts, this thread has a core; it begins when a step has left one."""
        with self._changed:
            self._helpers += 1
            self._changed.wait_for(lambda: not self._is_full)
        try:
            yield
        finally:
            with self._changed:
                self._helpers -= 1


def may_be_fewer(threads: int) -> bool:
    """Whether a network's numbers are known to be the same with fewer threads."""
    return threads == 2 or (threads > 2 and "STRICT" in os.environ.get("MKL_CBWR", ""))


cores = Cores()
