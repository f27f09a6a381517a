"""Jobs: what was rendered is not lost, and what goes on is the same film to the last bit."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from conftest import run_ffmpeg

from dreamvideo.cli.main import main
from dreamvideo.errors import JobError
from dreamvideo.jobs import run as run_module
from dreamvideo.jobs.dream import dream_file
from dreamvideo.jobs.folder import JobFolder, job_folder
from dreamvideo.jobs.listing import find_jobs
from dreamvideo.jobs.lock import Lock, holder
from dreamvideo.jobs.parts import Part, PartStore
from dreamvideo.jobs.state import load_state, save_state
from dreamvideo.jobs.stop import StopRequest
from dreamvideo.media.stills import open_clip
from dreamvideo.nets import Network, load_network
from dreamvideo.schedule import Schedule
from dreamvideo.settings import CarrySettings, DreamSettings, FilmSettings, Recipe

QUICK = Recipe(
    DreamSettings(octaves=2, steps=2, layers=(("conv2_2", 1.0),)),
    CarrySettings(cadence=3),
    FilmSettings(detail=48, crf=0),
)


@pytest.fixture(scope="module")
def network() -> Network:
    return load_network("vgg16-lite", device="cpu")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """30 frames of 64x48 with a cut in the middle, and sound."""
    folder = tmp_path_factory.mktemp("clips")
    path = folder / "cut.mp4"
    graph = "[0:v]trim=end_frame=15[a];[1:v]trim=end_frame=15,setpts=PTS-STARTPTS[b];[a][b]concat=n=2[v]"
    run_ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=2", "-f", "lavfi", "-i", "mandelbrot=s=64x48:r=25"),
        *("-f", "lavfi", "-i", "sine=f=440:r=48000:d=1.2"),
        *("-filter_complex", graph, "-map", "[v]", "-map", "2:a", "-c:v", "libx264", "-pix_fmt", "yuv420p"),
        *("-c:a", "aac", "-t", "1.2", path),
    )
    return path


@pytest.fixture(autouse=True)
def a_part_for_every_span(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(run_module.PART_SECONDS_VARIABLE, "0")


def frames_of(path: Path) -> list[bytes]:
    with open_clip(path) as reader:
        return [timed.frame.tobytes() for timed in reader]


class Stop:
    """A progress that presses Ctrl-C when so many frames are done."""

    def __init__(self, at: int, number: int = signal.SIGINT) -> None:
        self._at, self._number = at, number

    def __call__(self, done: int, expected: int | None, picture: np.ndarray | None = None) -> None:
        if done == self._at and picture is not None:
            os.kill(os.getpid(), self._number)


class Kill(BaseException):
    """Stands for what no code of ours can catch."""


def kill_at(frame: int) -> run_module.Progress:
    def progress(done: int, expected: int | None, picture: np.ndarray | None = None) -> None:
        if done == frame and picture is not None:
            raise Kill

    return progress


def left(folder: Path) -> list[str]:
    """Every name in a folder, hidden ones too, also inside of jobs."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


# --- going on ---------------------------------------------------------------------------------------------

WAYS = {
    "cadence 3": QUICK,
    "each frame": replace(QUICK, carry=CarrySettings(cadence=1)),
    "nothing carried": replace(QUICK, carry=CarrySettings(cadence=4, carry=0.0)),
    "no refresh": replace(QUICK, carry=CarrySettings(cadence=4, refresh=0, flow="farneback")),
    "no cuts, other size and rate": replace(
        QUICK,
        carry=CarrySettings(cadence=5, cuts="none"),
        film=FilmSettings(detail=48, crf=0, size=(50, 34), start=0.2, fps=Fraction(20)),
    ),
    "schedules": Recipe(
        replace(
            QUICK.dream,
            layers=(("conv2_2", Schedule("0:1, 50%:0")), ("conv3_2", Schedule("p"))),
            step_size=Schedule("0.01+0.005*sin(2*pi*p)"),
        ),
        CarrySettings(cadence=3, refresh=Schedule("0:1, 0.6s:2")),
        FilmSettings(detail=48, crf=0, strength=Schedule("0.5+0.5*loud*p")),
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_stopped_twice_it_is_the_same_film(tmp_path: Path, clip: Path, network: Network, way: str) -> None:
    recipe = WAYS[way]
    whole = dream_file(clip, tmp_path / "whole.mkv", network, recipe)
    target = tmp_path / "out.mkv"
    for stop in (Stop(4), Stop(13, signal.SIGTERM)):
        with pytest.raises(KeyboardInterrupt):
            dream_file(clip, target, network, recipe, progress=stop)
    report = dream_file(clip, target, network, recipe)
    assert 13 <= report.resumed_at < report.frames == whole.frames
    assert frames_of(target) == frames_of(tmp_path / "whole.mkv")
    assert left(tmp_path) == ["out.mkv", "whole.mkv"]


@pytest.mark.parametrize("target", ["out.gif", "frames"])
def test_every_kind_of_output_goes_on(tmp_path: Path, clip: Path, network: Network, target: str) -> None:
    dream_file(clip, tmp_path / f"whole-{target}", network, QUICK)
    with pytest.raises(KeyboardInterrupt):
        dream_file(clip, tmp_path / target, network, QUICK, progress=Stop(7))
    dream_file(clip, tmp_path / target, network, QUICK)
    assert frames_of(tmp_path / target) == frames_of(tmp_path / f"whole-{target}")


def test_a_clip_of_variable_rate_keeps_its_times(
    tmp_path: Path, variable_clip: Path, network: Network
) -> None:
    with pytest.raises(KeyboardInterrupt):
        dream_file(variable_clip, tmp_path / "out.mkv", network, QUICK, progress=Stop(9))
    dream_file(variable_clip, tmp_path / "out.mkv", network, QUICK)
    with open_clip(variable_clip) as source, open_clip(tmp_path / "out.mkv") as dream:
        pairs = zip(source, dream, strict=True)  # mkv counts in milliseconds
        assert all(abs(before.time - after.time) <= Fraction(1, 1000) for before, after in pairs)


def test_a_partial_film_is_playable_and_goes_when_the_film_is_there(
    tmp_path: Path, clip: Path, network: Network
) -> None:
    target = tmp_path / "out.mkv"
    for stop in (7, 20):
        with pytest.raises(KeyboardInterrupt):
            dream_file(clip, target, network, QUICK, progress=Stop(stop))
        partial = frames_of(tmp_path / "out-partial.mkv")
        assert stop <= len(partial) <= stop + 3
    dream_file(clip, target, network, QUICK)
    assert frames_of(target)[: len(partial)] == partial
    assert left(tmp_path) == ["out.mkv"]


def test_killed_without_a_word_it_goes_on(tmp_path: Path, clip: Path, network: Network) -> None:
    target = tmp_path / "out.mkv"
    dream_file(clip, tmp_path / "whole.mkv", network, QUICK)
    with pytest.raises(Kill):
        dream_file(clip, target, network, QUICK, progress=kill_at(20))
    assert dream_file(clip, target, network, QUICK).resumed_at >= 15
    assert frames_of(target) == frames_of(tmp_path / "whole.mkv")


def test_a_short_render_leaves_nothing_when_it_fails(
    tmp_path: Path, clip: Path, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(run_module.PART_SECONDS_VARIABLE, "60")
    with pytest.raises(Kill):
        dream_file(clip, tmp_path / "out.mkv", network, QUICK, progress=kill_at(20))
    assert left(tmp_path) == []


def test_a_kept_job_makes_the_film_again_without_dreaming(
    tmp_path: Path, clip: Path, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out.mkv"
    dream_file(clip, target, network, QUICK, keep_job=True)
    before = frames_of(target)
    monkeypatch.setattr(Network, "__call__", None)
    report = dream_file(clip, target, network, QUICK, overwrite=True)
    assert (report.resumed_at, frames_of(target)) == (30, before)


def test_fresh_starts_over(tmp_path: Path, clip: Path, network: Network) -> None:
    target = tmp_path / "out.mkv"
    with pytest.raises(KeyboardInterrupt):
        dream_file(clip, target, network, QUICK, progress=Stop(7))
    assert dream_file(clip, target, network, QUICK, fresh=True).resumed_at == 0


# --- what is not gone on with -----------------------------------------------------------------------------


def begun(tmp_path: Path, clip: Path, network: Network) -> tuple[Path, Path]:
    """A copy of the clip, and an output whose job was stopped."""
    source, target = tmp_path / "in.mp4", tmp_path / "out.mkv"
    shutil.copy(clip, source)
    with pytest.raises(KeyboardInterrupt):
        dream_file(source, target, network, QUICK, progress=Stop(7))
    return source, target


def test_another_setting_is_refused_by_name(tmp_path: Path, clip: Path, network: Network) -> None:
    source, target = begun(tmp_path, clip, network)
    other = replace(QUICK, dream=replace(QUICK.dream, steps=3), film=replace(QUICK.film, strength=0.5))
    with pytest.raises(JobError, match=r"dream.steps: 2 -> 3; film.strength: 1.0 -> 0.5.*--fresh"):
        dream_file(source, target, network, other)
    assert dream_file(source, target, network, QUICK).resumed_at


def test_another_input_or_network_is_refused(tmp_path: Path, clip: Path, network: Network) -> None:
    source, target = begun(tmp_path, clip, network)
    with pytest.raises(JobError, match=r"network.sha256: .* -> 'ffff'"):
        dream_file(source, target, replace(network, digest="ffff"), QUICK)
    with source.open("ab") as file:
        file.write(b"\0")
    with pytest.raises(JobError, match=r"files.input: .* -> "):
        dream_file(source, target, network, QUICK)


def test_another_version_is_refused(tmp_path: Path, clip: Path, network: Network) -> None:
    source, target = begun(tmp_path, clip, network)
    path = job_folder(target) / "job.json"
    path.write_text(path.read_text().replace('"version": "', '"version": "9'))
    with pytest.raises(JobError, match="dreamvideo: 9"):
        dream_file(source, target, network, QUICK)


@pytest.mark.parametrize(
    "name, harm",
    [
        *(("job.json", "cut"), ("parts/*.json", "cut"), ("states/*.npz", "cut")),
        *(("parts/*.mkv", "cut"), ("parts/*.mkv", "flip")),
    ],
)
def test_a_damaged_job_is_no_film(tmp_path: Path, clip: Path, network: Network, name: str, harm: str) -> None:
    source, target = begun(tmp_path, clip, network)
    path = sorted(job_folder(target).glob(name))[0]
    data = bytearray(path.read_bytes())
    if harm == "cut":
        del data[len(data) // 2 :]
    else:
        data[len(data) // 2] ^= 255
    path.write_bytes(data)
    with pytest.raises(JobError, match="damaged: add --fresh"):
        dream_file(source, target, network, QUICK)
    assert not target.exists()


def test_a_folder_in_the_way_is_left_alone(tmp_path: Path, clip: Path, network: Network) -> None:
    foreign = tmp_path / "out.mkv.dreamjob"
    foreign.mkdir()
    (foreign / "diary.txt").write_text("dear diary")
    with pytest.raises(JobError, match="is in the way"):
        dream_file(clip, tmp_path / "out.mkv", network, QUICK, fresh=True)
    os.symlink(tmp_path, tmp_path / "b.mkv.dreamjob")
    with pytest.raises(JobError, match="is in the way"):
        dream_file(clip, tmp_path / "b.mkv", network, QUICK, fresh=True)
    Path(tmp_path / "c.mkv.dreamjob").touch()
    with pytest.raises(JobError, match="is in the way"):
        dream_file(clip, tmp_path / "c.mkv", network, QUICK)
    assert (foreign / "diary.txt").exists()


# --- who works here ---------------------------------------------------------------------------------------


def test_the_second_run_says_who_holds_the_output(tmp_path: Path, clip: Path, network: Network) -> None:
    target = tmp_path / "out.mkv"
    with JobFolder(target), pytest.raises(JobError, match=f"process {os.getpid()} on .* is already at"):
        dream_file(clip, target, network, QUICK)
    dream_file(clip, target, network, QUICK)


def test_a_dead_process_holds_nothing(tmp_path: Path) -> None:
    code = f"""
import os
from pathlib import Path
from dreamvideo.jobs.lock import Lock
lock = Lock(Path({str(tmp_path / "lock")!r}))
os.kill(os.getpid(), 9)
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == -9
    assert (tmp_path / "lock").exists() and holder(tmp_path / "lock") is None
    lock = Lock(tmp_path / "lock")
    assert f"process {os.getpid()}" in str(holder(tmp_path / "lock"))
    lock.release()


def test_of_many_at_once_one_gets_the_folder(tmp_path: Path) -> None:
    """Each removes the folder when it is done: what the others then get must be the folder that is there."""
    inside, most, got = 0, 0, 0
    guard = threading.Lock()

    def work() -> None:
        nonlocal inside, most, got
        for _ in range(60):
            try:
                with JobFolder(tmp_path / "out.mkv") as job:
                    with guard:
                        inside, most, got = inside + 1, max(most, inside + 1), got + 1
                    assert (job.path / "lock").exists()
                    with guard:
                        inside -= 1
            except JobError:
                continue

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1 and got > 0
    assert left(tmp_path) == []


# --- signals ----------------------------------------------------------------------------------------------


def test_the_second_signal_stops_at_once() -> None:
    with StopRequest() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.is_made
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)


def test_ignored_signals_stay_ignored_and_handlers_come_back() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with StopRequest() as stop:
            os.kill(os.getpid(), signal.SIGINT)
            assert not stop.is_made
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


# --- states and parts -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Inner:
    values: np.ndarray
    level: float


@dataclass(frozen=True)
class Outer:
    count: int
    inner: Inner
    maybe: np.ndarray | None
    other: Inner | None
    changes: tuple[float, ...]
    pair: tuple[int, str]
    pictures: list[np.ndarray]


def test_a_state_comes_back_as_it_was(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    state = Outer(
        7,
        Inner(rng.random((3, 4, 2), np.float32), 0.1 + 0.2),
        None,
        Inner(rng.integers(0, 255, (2, 2), np.uint8), float("inf")),
        (1 / 3, 2e-30),
        (3, "ä"),
        [rng.random((2, 2)), rng.random(3)],
    )
    save_state(state, tmp_path / "a.npz")
    back = load_state(tmp_path / "a.npz", Outer)
    assert (back.count, back.inner.level, back.maybe, back.changes, back.pair) == (
        *(7, 0.1 + 0.2, None),
        *((1 / 3, 2e-30), (3, "ä")),
    )
    assert back.inner.values.dtype == np.float32
    pairs = [(back.inner.values, state.inner.values), *zip(back.pictures, state.pictures, strict=True)]
    assert all(np.array_equal(one, two) for one, two in pairs)
    assert os.listdir(tmp_path) == ["a.npz"]


def test_a_state_with_code_in_it_is_not_run(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "run"),)

    np.savez(tmp_path / "a.npz", values=np.array([Evil()], object))
    with pytest.raises(JobError, match="damaged"):
        load_state(tmp_path / "a.npz", Outer)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (1, 5), (3, 3), (17, 5), (64, 48), (641, 3)])
def test_parts_are_exact_at_any_size(tmp_path: Path, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, (size[1], size[0], 3), np.uint8) for _ in range(3)]
    store = PartStore(tmp_path, size)
    with store.open(0) as writer:
        for number, frame in enumerate(frames):
            writer.write(frame, Fraction(number, 7))
        writer.commit(Inner(np.zeros(1), 0.0))
        writer.write(frames[0], Fraction(9))  # never committed
    assert store.finished() == [Part(0, 3)]
    back = list(store.read(Part(0, 3)))
    assert [time for _, time in back] == [Fraction(0), Fraction(1, 7), Fraction(2, 7)]
    assert all(np.array_equal(frame, one) for frame, (one, _) in zip(frames, back, strict=True))
    assert not list(tmp_path.rglob("unfinished*"))


def test_parts_count_as_far_as_they_follow_each_other(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    for name in ("00000000-00000005", "00000005-00000007", "00000005-00000009", "00000010-00000020"):
        (tmp_path / "parts" / f"{name}.mkv").touch()
    store = PartStore(tmp_path, (8, 8))
    assert store.finished() == [Part(0, 5), Part(5, 9)]
    assert store.finished(10) == [Part(10, 20)]


# --- the command ------------------------------------------------------------------------------------------


def test_jobs_are_listed_and_removed(
    tmp_path: Path,
    clip: Path,
    network: Network,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, target = begun(tmp_path, clip, network)
    (tmp_path / "not-ours.mkv.dreamjob").mkdir()
    (job,) = find_jobs(tmp_path)
    assert (job.output, job.expected, job.holder) == (target, 30, None)
    assert 7 <= job.frames <= 10 and job.size > 1000
    with JobFolder(target), pytest.raises(SystemExit) as ended:
        main(["jobs", "clean", str(target)])
    assert ended.value.code == 0 and "left, process" in capsys.readouterr().out and job.folder.exists()
    with pytest.raises(SystemExit):
        main(["jobs", "--in", str(tmp_path)])
    assert f"{target}: {job.frames} of 30 frames" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["jobs", "clean", str(tmp_path)])
    assert "removed" in capsys.readouterr().out
    assert not job.folder.exists() and (tmp_path / "not-ours.mkv.dreamjob").exists()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(["jobs"])
    assert capsys.readouterr().err == f"no jobs in {tmp_path}\n"
