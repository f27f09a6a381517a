"""A step and what runs beside it share the cores."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
import torch

from dreamvideo.cores import Cores

CPU, ELSEWHERE = torch.device("cpu"), torch.device("meta")
WAIT = 10.0  # s, that no test should need


@pytest.fixture(autouse=True)
def four_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    monkeypatch.setenv("MKL_CBWR", "AUTO,STRICT")
    yield
    torch.set_num_threads(before)


def helper_of(cores: Cores) -> tuple[threading.Thread, threading.Event]:
    """A thread that wants a core, to be started; and what it sets when it has one."""
    began = threading.Event()

    def help_out() -> None:
        with cores.helping():
            began.set()

    return threading.Thread(target=help_out), began


def test_a_step_by_itself_has_all_cores() -> None:
    with Cores().stepping(CPU):
        assert torch.get_num_threads() == 4


def test_a_step_leaves_each_helper_a_core_but_keeps_one() -> None:
    cores, seen = Cores(), []
    with cores.helping(), cores.helping():
        with cores.stepping(CPU):
            seen.append(torch.get_num_threads())
        with cores.helping(), cores.helping(), cores.helping(), cores.stepping(CPU):
            seen.append(torch.get_num_threads())
    with cores.stepping(CPU):
        seen.append(torch.get_num_threads())
    assert seen == [2, 1, 4]
    assert torch.get_num_threads() == 4


def test_a_helper_begins_when_the_step_is_over_that_has_all_cores() -> None:
    cores = Cores()
    helper, began = helper_of(cores)
    with cores.stepping(CPU):
        helper.start()
        assert not began.wait(0.05)
    assert began.wait(WAIT)
    helper.join(WAIT)


def test_a_helper_does_not_wait_for_a_step_that_left_it_a_core() -> None:
    cores = Cores()
    helper, began = helper_of(cores)
    with cores.helping(), cores.stepping(CPU):
        helper.start()
        assert began.wait(WAIT)
    helper.join(WAIT)


def test_a_failed_step_and_a_failed_helper_give_their_cores_back() -> None:
    cores = Cores()
    for taken in (cores.stepping(CPU), cores.helping()):
        with pytest.raises(ZeroDivisionError), taken:
            raise ZeroDivisionError
    with cores.helping():
        pass
    with cores.stepping(CPU):
        assert torch.get_num_threads() == 4


def test_with_one_thread_nobody_waits() -> None:
    torch.set_num_threads(1)
    cores = Cores()
    with cores.stepping(CPU), cores.helping():
        assert torch.get_num_threads() == 1


def test_a_step_elsewhere_needs_no_core() -> None:
    cores = Cores()
    with cores.stepping(ELSEWHERE), cores.helping():
        assert torch.get_num_threads() == 4


@pytest.mark.parametrize("threads, left", [(2, 1), (4, 4)])
def test_where_numbers_might_depend_on_it_only_two_threads_become_one(
    monkeypatch: pytest.MonkeyPatch, threads: int, left: int
) -> None:
    monkeypatch.delenv("MKL_CBWR")
    torch.set_num_threads(threads)
    cores = Cores()
    with cores.helping(), cores.stepping(CPU):
        assert torch.get_num_threads() == left


@pytest.mark.skipif(sys.platform != "linux", reason="another OpenMP")
def test_threads_of_torch_do_not_wait_busily_for_long() -> None:
    environment = {**os.environ, "OMP_DISPLAY_ENV": "verbose"}
    environment.pop("GOMP_SPINCOUNT", None)
    told = subprocess.run(
        (sys.executable, "-c", "import dreamvideo, torch"), env=environment, capture_output=True, text=True
    )
    assert "GOMP_SPINCOUNT = '5000'" in told.stderr
