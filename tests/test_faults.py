"""What can go wrong around a render: never a wrong film, never work lost, always a line that says why."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import film

from dreamvideo.errors import DreamVideoError, EncodeError, InputError
from dreamvideo.jobs import run as run_module
from dreamvideo.jobs.dream import dream_file
from dreamvideo.jobs.folder import job_folder
from dreamvideo.media import ffmpeg
from dreamvideo.media.stills import open_clip
from dreamvideo.nets import Network, load_network
from dreamvideo.progress import Progress
from dreamvideo.settings import CarrySettings, DreamSettings, FilmSettings, Recipe

QUICK = Recipe(
    DreamSettings(octaves=1, steps=1, layers=(("conv2_2", 1.0),)),
    CarrySettings(cadence=3),
    FilmSettings(detail=48, crf=0),
)
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture(scope="module")
def network() -> Network:
    return load_network("vgg16-lite", device="cpu")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("clips") / "in.mp4", seconds=1.2, sound=True)


@pytest.fixture(autouse=True)
def a_part_for_every_span(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(run_module.PART_SECONDS_VARIABLE, "0")


SmallDisk = Callable[[int], Path]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """small_disk(kilobytes) -> a folder on a disk of that size; again: the same disk at another size."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = False

    def mount(kilobytes: int, *options: str) -> Path:
        nonlocal mounted
        how = ",".join((f"size={kilobytes}k", *options, *(["remount"] if mounted else [])))
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", how, "none", place], capture_output=True)
        if done.returncode:
            pytest.skip("a small disk can only be mounted by root")
        mounted = True
        return place

    yield mount
    if mounted:
        subprocess.run(["umount", "-l", place], check=True)


def frames_of(path: Path) -> list[bytes]:
    with open_clip(path) as reader:
        return [timed.frame.tobytes() for timed in reader]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, clip: Path, network: Network) -> list[bytes]:
    path = tmp_path_factory.mktemp("whole") / "out.mkv"
    dream_file(clip, path, network, QUICK)
    return frames_of(path)


def at_frame(frame: int, act: Callable[[], object]) -> Progress:
    """A progress that does something when a frame is done."""

    def progress(done: int, expected: int | None, picture: np.ndarray | None = None) -> None:
        if done == frame and picture is not None:
            act()

    return progress


def children() -> list[int]:
    found = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return [int(child) for path in found for child in path.read_text().split()]


# --- killed -----------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_killed_process_goes_on(tmp_path: Path, clip: Path, undisturbed: list[bytes]) -> None:
    """A real process, killed with -9 as soon as there is a part, twice; then left in peace."""
    options = ["--octaves", "1", "--steps", "1", "--layer", "conv2_2", "--cadence", "3", "--detail", "48"]
    command = [
        sys.executable,
        "-m",
        "dreamvideo",
        "dream",
        str(clip),
        "-o",
        "out.mkv",
        "--crf",
        "0",
        *options,
    ]
    command += ["--model", "vgg16-lite", "--device", "cpu", "-q"]
    for kills in (1, 2):
        process = subprocess.Popen(command, cwd=tmp_path)
        parts = tmp_path / "out.mkv.dreamjob" / "parts"
        while process.poll() is None and len(list(parts.glob("0*.mkv"))) < 2 * kills:
            time.sleep(0.005)
        process.kill()
        process.wait()
    if (tmp_path / "out.mkv.dreamjob").exists():
        subprocess.run(command, cwd=tmp_path, check=True)
    assert frames_of(tmp_path / "out.mkv") == undisturbed
    assert os.listdir(tmp_path) == ["out.mkv"]


# --- the disk ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kilobytes", [16, 64, 120, 200, 280])
def test_a_full_disk_is_told_and_nothing_is_lost(
    small_disk: SmallDisk, clip: Path, network: Network, undisturbed: list[bytes], kilobytes: int
) -> None:
    place = small_disk(kilobytes)
    target = place / "out.mkv"
    with pytest.raises(DreamVideoError, match=r"disk is full|No space left|cannot write"):
        dream_file(clip, target, network, QUICK)
    assert os.listdir(place) in ([], ["out.mkv.dreamjob"])
    small_disk(64_000)
    dream_file(clip, target, network, QUICK)
    assert frames_of(target) == undisturbed
    assert os.listdir(place) == ["out.mkv"]


def test_a_folder_that_becomes_read_only(
    tmp_path: Path, clip: Path, network: Network, undisturbed: list[bytes]
) -> None:
    target = tmp_path / "out.mkv"
    refusing = pytest.MonkeyPatch()

    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    shut = at_frame(20, lambda: refusing.setattr(os, "replace", refuse))
    with pytest.raises(EncodeError, match="Read-only"):
        dream_file(clip, target, network, QUICK, progress=shut)
    refusing.undo()
    assert dream_file(clip, target, network, QUICK).resumed_at >= 15
    assert frames_of(target) == undisturbed


@pytest.mark.parametrize("name", ["replace", "rename"])
def test_a_name_that_cannot_be_given(
    tmp_path: Path, clip: Path, network: Network, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    target = tmp_path / ("out.mkv" if name == "replace" else "frames")
    monkeypatch.setenv(run_module.PART_SECONDS_VARIABLE, "60")
    monkeypatch.setattr(os, name, refuse)
    with pytest.raises(EncodeError, match="Permission denied"):
        dream_file(clip, target, network, QUICK)
    assert os.listdir(tmp_path) == []


# --- the encoder ------------------------------------------------------------------------------------------


@on_linux
def test_a_dead_encoder_is_told_and_the_job_goes_on(
    tmp_path: Path, clip: Path, network: Network, undisturbed: list[bytes]
) -> None:
    target = tmp_path / "out.mkv"

    def shoot() -> None:
        for child in children():
            os.kill(child, signal.SIGKILL)

    with pytest.raises(EncodeError):
        dream_file(clip, target, network, QUICK, progress=at_frame(15, shoot))
    assert os.listdir(tmp_path) == ["out.mkv.dreamjob"]
    assert dream_file(clip, target, network, QUICK).resumed_at >= 9
    assert frames_of(target) == undisturbed


@on_linux
def test_an_encoder_that_hangs_is_ended(
    tmp_path: Path, clip: Path, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ffmpeg, "STUCK_SECONDS", 0.4)

    def freeze() -> None:
        for child in children():
            os.kill(child, signal.SIGSTOP)

    with pytest.raises(EncodeError, match="did nothing"):
        dream_file(clip, tmp_path / "out.mkv", network, QUICK, progress=at_frame(15, freeze))
    assert not children()
    assert dream_file(clip, tmp_path / "out.mkv", network, QUICK).frames == 30


def test_an_encoder_that_is_missing(
    tmp_path: Path, clip: Path, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DREAMVIDEO_FFMPEG", str(tmp_path / "nowhere"))
    with pytest.raises(EncodeError, match="cannot start ffmpeg"):
        dream_file(clip, tmp_path / "out.mkv", network, QUICK)
    assert os.listdir(tmp_path) == []


# --- the input --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["written over", "exchanged", "longer"])
def test_an_input_that_changes_under_way_makes_no_film(
    tmp_path: Path, clip: Path, network: Network, how: str
) -> None:
    source, other = tmp_path / "in.mp4", film(tmp_path / "other.mp4", source="rgbtestsrc")
    shutil.copy(clip, source)

    def change() -> None:
        if how == "exchanged":
            os.replace(other, source)
        else:
            source.write_bytes(other.read_bytes() if how == "written over" else source.read_bytes() + b"0")

    with pytest.raises(InputError, match="was changed"):
        dream_file(source, tmp_path / "out.mkv", network, QUICK, progress=at_frame(12, change))
    assert not (tmp_path / "out.mkv").exists()


@pytest.mark.skipif(os.name != "posix", reason="files that are open cannot be removed on Windows")
def test_an_input_that_goes_away_under_way(
    tmp_path: Path, clip: Path, network: Network, undisturbed: list[bytes]
) -> None:
    """What is open can be read to its end; a job that has not hashed it yet cannot be begun."""
    source, target = tmp_path / "in.mp4", tmp_path / "out.mkv"
    shutil.copy(clip, source)
    dream_file(source, target, network, QUICK, progress=at_frame(12, source.unlink))
    assert frames_of(target) == undisturbed
    assert os.listdir(tmp_path) == ["out.mkv"]


def test_a_clock_that_jumps_is_not_looked_at(
    tmp_path: Path, clip: Path, network: Network, monkeypatch: pytest.MonkeyPatch, undisturbed: list[bytes]
) -> None:
    target = tmp_path / "out.mkv"
    clock = iter((4e9 if n % 2 else 0.0) for n in range(1_000_000))
    monkeypatch.setattr(time, "time", lambda: next(clock))
    with pytest.raises(KeyboardInterrupt):
        stop = at_frame(12, lambda: os.kill(os.getpid(), signal.SIGINT))
        dream_file(clip, target, network, QUICK, progress=stop)
    for path in job_folder(target).rglob("*"):
        os.utime(path, (4e9, 4e9))
    assert dream_file(clip, target, network, QUICK).resumed_at >= 12
    assert frames_of(target) == undisturbed


# --- the long run -----------------------------------------------------------------------------------------


@on_linux
def test_nothing_grows_with_the_frames(
    tmp_path: Path, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Handles, threads and child processes, with a part for every span (scripts/faults.py: 10,000 frames)."""
    source = film(tmp_path / "in.mp4", size=(32, 32), seconds=6)
    seen: list[tuple[int, int, int]] = []

    def look(done: int, expected: int | None, picture: np.ndarray | None = None) -> None:
        if done % 10 == 0 and picture is not None:
            seen.append((len(os.listdir("/proc/self/fd")), threading.active_count(), len(children())))

    dream_file(source, tmp_path / "out.mkv", network, replace(QUICK), progress=look)
    assert max(seen[len(seen) // 2 :]) <= max(seen[: len(seen) // 2])
    assert not children()
