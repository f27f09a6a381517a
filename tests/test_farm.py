"""Several workers, one film: its frames are those of one process, to the last bit, whatever happens."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from farm_room import BEGINS, FRAMES, OPTIONS, QUICK, film_of_cuts, frames_of, when
from PIL import Image

from dreamvideo.cli.main import main
from dreamvideo.errors import JobError, PartialError, WorkerError
from dreamvideo.farm.drive import dream_with_workers
from dreamvideo.farm.pool import Pool
from dreamvideo.farm.processes import Processes
from dreamvideo.farm.share import choose
from dreamvideo.farm.shots import Piece, Shots, find_shots, missing
from dreamvideo.farm.task import Task
from dreamvideo.film import ClipFilm, mark_of
from dreamvideo.jobs.dream import dream_file
from dreamvideo.jobs.folder import JobFolder
from dreamvideo.jobs.parts import PartStore
from dreamvideo.jobs.run import PART_SECONDS_VARIABLE
from dreamvideo.media.stills import open_clip
from dreamvideo.nets import Network, load_network
from dreamvideo.progress import no_progress
from dreamvideo.schedule import Schedule
from dreamvideo.settings import Recipe
from dreamvideo.spans import observe
from dreamvideo.stages import Stages


@pytest.fixture(scope="module")
def network() -> Network:
    return load_network("vgg16-lite", device="cpu")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film_of_cuts(tmp_path_factory.mktemp("clips") / "cuts.mp4")


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, clip: Path, network: Network) -> list[bytes]:
    """The frames that one process makes."""
    path = tmp_path_factory.mktemp("alone") / "out.mkv"
    dream_file(clip, path, network, QUICK)
    return frames_of(path)


@pytest.fixture(autouse=True)
def a_part_for_every_span(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PART_SECONDS_VARIABLE, "0")


class Two:
    """Starts two processes; what it started last is `pool`."""

    def __init__(self) -> None:
        self.pool: Processes

    def __call__(self, task: Task, folder: Path) -> Pool:
        self.pool = Processes(["cpu", "cpu"]).begin(task, folder)
        return self.pool


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


# --- shots ------------------------------------------------------------------------------------------------


def test_the_shots_are_those_that_a_render_finds(clip: Path) -> None:
    with ClipFilm(clip, QUICK.film) as film:
        shots = find_shots(film, QUICK.carry, QUICK.film.detail, no_progress)
        seen = observe(film.source_frames(), QUICK.carry, QUICK.film.detail, Stages())
        assert list(shots.begins) == [frame.index for frame in seen if frame.motion is None] == BEGINS
        assert (shots.frames, shots.broken_at) == (FRAMES, None)
        with open_clip(clip) as reader:
            frames = [timed.frame for timed in reader]
        assert list(shots.marks) == [mark_of(frames[first]) for first in BEGINS]
        whole = find_shots(film, replace(QUICK.carry, cuts="none"), QUICK.film.detail, no_progress)
        assert list(whole.begins) == [0]


def test_what_is_missing(tmp_path: Path) -> None:
    """Also behind a part that one process rendered across a cut; without its state a shot is begun anew."""
    (tmp_path / "parts").mkdir()
    (tmp_path / "states").mkdir()
    store, shots = PartStore(tmp_path, (8, 8)), Shots([0, 10, 20, 30], 40)
    assert missing(store, shots) == list(shots)
    for name in ("00000000-00000012", "00000020-00000025", "00000030-00000040"):
        (tmp_path / "parts" / f"{name}.mkv").touch()
    assert missing(store, shots) == [Piece(1, 10, 20), Piece(2, 20, 30)]
    for state in (12, 25):
        (tmp_path / "states" / f"{state:08}.npz").touch()
    assert missing(store, shots) == [Piece(1, 12, 20, False), Piece(2, 25, 30, False)]


def test_what_is_given_out_first() -> None:
    """The first of the film; but one that is more than a worker's share of what is left."""
    pieces = [Piece(0, 0, 10), Piece(1, 10, 20), Piece(2, 20, 45), Piece(3, 45, 55)]
    assert choose(pieces, 2) == pieces[0] and choose(pieces, 3) == pieces[2]
    assert choose(pieces[1:], 2) == pieces[2] and choose(pieces[3:], 2) == pieces[3]


# --- processes --------------------------------------------------------------------------------------------


def test_two_processes_make_the_same_film(
    tmp_path: Path, clip: Path, network: Network, alone: list[bytes]
) -> None:
    target, done = tmp_path / "out.mkv", []
    two = Two()
    report = dream_with_workers(
        clip, target, network, QUICK, pool_for=two, progress=lambda *told: done.append(told[:2])
    )
    assert frames_of(target) == alone and os.listdir(tmp_path) == ["out.mkv"]
    assert (report.frames, report.resumed_at, report.broken_at) == (FRAMES, 0, None)
    assert done[0] == (0, FRAMES) and done[-1] == (FRAMES, FRAMES) and done == sorted(done)
    assert not any(is_alive(pid) for pid in two.pool.pids)


def test_schedules_run_over_the_whole_film_whoever_renders_a_shot(
    tmp_path: Path, clip: Path, network: Network
) -> None:
    layers = (("conv2_2", Schedule("1-p")), ("conv1_2", Schedule("0:0, 1s:1")))
    dream, film = replace(QUICK.dream, layers=layers), replace(QUICK.film, strength=Schedule("p*loud"))
    recipe = Recipe(dream, QUICK.carry, film)
    dream_file(clip, tmp_path / "alone.mkv", network, recipe)
    dream_with_workers(clip, tmp_path / "out.mkv", network, recipe, pool_for=Two())
    assert frames_of(tmp_path / "out.mkv") == frames_of(tmp_path / "alone.mkv")


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_killed_worker_is_replaced(
    tmp_path: Path, clip: Path, network: Network, alone: list[bytes], caplog: pytest.LogCaptureFixture
) -> None:
    two = Two()
    kill = when(12, lambda: [os.kill(pid, signal.SIGKILL) for pid in two.pool.pids])
    dream_with_workers(clip, tmp_path / "out.mkv", network, QUICK, pool_for=two, progress=kill)
    assert frames_of(tmp_path / "out.mkv") == alone and os.listdir(tmp_path) == ["out.mkv"]
    assert "killed by signal 9; it is done again" in caplog.text


class Deadly(Processes):
    """Its workers die over one shot."""

    def give(self, piece: Piece) -> None:
        super().give(piece)
        if piece.shot == 1:
            next(worker for worker in self._workers if worker.piece == piece).process.kill()


def test_a_shot_that_no_worker_survives_is_told_and_the_rest_kept(
    tmp_path: Path, clip: Path, network: Network, alone: list[bytes]
) -> None:
    target = tmp_path / "out.mkv"
    with pytest.raises(
        PartialError, match=r"shot 1 \(frames 10 to 27\): killed by signal 9.*first 10 frames"
    ):
        deadly = lambda task, folder: Deadly(["cpu", "cpu"]).begin(task, folder)  # noqa: E731
        dream_with_workers(clip, target, network, QUICK, pool_for=deadly)
    assert frames_of(tmp_path / "out-partial.mkv") == alone[:10]
    report = dream_with_workers(clip, target, network, QUICK, pool_for=Two())
    assert report.resumed_at == FRAMES - 18
    assert frames_of(target) == alone and os.listdir(tmp_path) == ["out.mkv"]


def test_one_process_goes_on_where_two_were_and_back(
    tmp_path: Path, clip: Path, network: Network, alone: list[bytes]
) -> None:
    target = tmp_path / "out.mkv"

    def stop() -> None:
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        dream_file(clip, target, network, QUICK, progress=when(14, stop))
    with pytest.raises(KeyboardInterrupt):
        dream_with_workers(clip, target, network, QUICK, pool_for=Two(), progress=when(25, stop))
    assert dream_file(clip, target, network, QUICK).resumed_at >= 14
    assert frames_of(target) == alone and os.listdir(tmp_path) == ["out.mkv"]


def test_what_is_wrong_for_all_is_told_at_once(tmp_path: Path, clip: Path, network: Network) -> None:
    with pytest.raises(WorkerError, match="there is no device cuda:9 here") as caught:
        broken = lambda task, folder: Processes(["cuda:9"]).begin(task, folder)  # noqa: E731
        dream_with_workers(clip, tmp_path / "out.mkv", network, QUICK, pool_for=broken)
    assert caught.value.exit_code == 2


# --- the command ------------------------------------------------------------------------------------------


def start(folder: Path, clip: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "dreamvideo", "dream", str(clip), "-o", "out.mkv", "-q", *OPTIONS]
    return subprocess.Popen([*command, "--workers", "2"], cwd=folder, stderr=subprocess.PIPE)


def workers_of(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task").glob("*/children")
    children = [int(child) for path in found for child in path.read_text().split()]
    return [
        child
        for child in children
        if b"dreamvideo.farm.worker" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_driver_that_is_killed_takes_its_workers_along_and_goes_on(
    tmp_path: Path, clip: Path, alone: list[bytes], number: int
) -> None:
    driver = start(tmp_path, clip)
    parts = tmp_path / "out.mkv.dreamjob" / "parts"
    while driver.poll() is None and len(list(parts.glob("0*.mkv"))) < 2:
        time.sleep(0.01)
    workers = workers_of(driver.pid)
    os.kill(driver.pid, number)
    code = driver.wait()
    assert driver.stderr is not None
    driver.stderr.close()
    assert len(workers) == 2 and code == (130 if number == signal.SIGTERM else -9)
    until = time.monotonic() + 10
    while any(map(is_alive, workers)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(map(is_alive, workers))
    store = PartStore(tmp_path / "out.mkv.dreamjob", (96, 64))
    kept = store.all()
    assert kept and not (tmp_path / "out.mkv").exists()
    if number == signal.SIGKILL:
        again = start(tmp_path, clip)
        assert again.communicate()[1] == b"" and again.returncode == 0
        assert frames_of(tmp_path / "out.mkv") == alone and os.listdir(tmp_path) == ["out.mkv"]


@pytest.mark.parametrize(
    "options, said",
    [
        (("--workers", "2", "--devices", "cpu,cpu"), "name one of them"),
        (("--devices", "cpu,,cpu"), "write devices like cuda:0,cuda:1"),
        (("--workers", "0"), "greater than or equal to 1"),
    ],
)
def test_wrong_workers(
    tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], said: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["dream", str(clip), "-o", str(tmp_path / "out.mkv"), *options])
    assert ended.value.code == 2 and said in capsys.readouterr().err


# --- a farm manager ---------------------------------------------------------------------------------------


def call(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as ended:
        main([*map(str, arguments)])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_shots_and_frames_by_command_then_join(
    tmp_path: Path, clip: Path, alone: list[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    """Two commands at once in one folder, then what they left out, then the film."""
    target = tmp_path / "out.mkv"
    dream = ("dream", clip, "-o", target, *OPTIONS)
    command = [sys.executable, "-m", "dreamvideo", *map(str, dream), "-q", "--shots", "2-3"]
    other = subprocess.Popen(command)
    assert call(*dream, "--frames", "0:10") == 0
    assert other.wait() == 0
    assert "all 10 frames of these shots are there" in capsys.readouterr().err
    assert call("join", target) == 3
    assert "of 4 shots these are not there yet: shot 1 (frames 10 to 27)" in capsys.readouterr().err
    assert call(*dream, "--frames", "10:28", "-q") == 0
    assert call(*dream, "--shots", "4-9") == 2
    assert "there is no shot 4: the clip has 4, counted from 0" in capsys.readouterr().err
    assert call("join", f"{target}.dreamjob") == 0
    assert frames_of(target) == alone and os.listdir(tmp_path) == ["out.mkv"]


def test_several_may_share_a_job_but_nobody_else_holds_it(tmp_path: Path) -> None:
    target = tmp_path / "out.mkv"
    with JobFolder(target, shared=True), JobFolder(target, shared=True):  # noqa: SIM117
        with pytest.raises(JobError, match="is already at"):
            JobFolder(target)
    with JobFolder(target), pytest.raises(JobError, match="is already at"):
        JobFolder(target, shared=True)


@pytest.mark.parametrize(
    "options", [("--shots", "3-1"), ("--frames", "9:2"), ("--shots", "1", "--workers", "2")]
)
def test_wrong_shots(tmp_path: Path, clip: Path, options: tuple[str, ...]) -> None:
    assert call("dream", clip, "-o", tmp_path / "out.mkv", *options) == 2
    assert call("join", tmp_path / "out.mkv") == 2 and not os.listdir(tmp_path)


# --- what is no clip --------------------------------------------------------------------------------------

FALL = ("--size", "64x48", "--detail", "64", "--octaves", "2", "--steps", "2", "--loop", "3s", "--zoom", "2")
LITE = ("--model", "vgg16-lite", "--device", "cpu", "-q")


def test_a_fall_by_two_processes(tmp_path: Path) -> None:
    """One dreams the stills, both look into them."""
    for name, more in (("alone.mkv", ()), ("two.mkv", ("--workers", "2"))):
        assert call("zoom", "-o", tmp_path / name, "--crf", "0", *FALL, *LITE, *more) == 0
    frames = frames_of(tmp_path / "two.mkv")
    assert len(frames) > 60 and frames == frames_of(tmp_path / "alone.mkv")
    assert sorted(os.listdir(tmp_path)) == ["alone.mkv", "two.mkv"]


def test_a_sheet_by_two_processes(tmp_path: Path) -> None:
    """The batches that one process left finished are not drawn again."""
    draw = ("visualize", "conv2_2", "--all", "--size", "32", "--steps", "3", *LITE)
    assert call(*draw, "-o", tmp_path / "alone.png", "--keep-job") == 0
    batches = tmp_path / "alone.png.dreamjob" / "states"
    assert len(os.listdir(batches)) == 2
    shutil.copytree(tmp_path / "alone.png.dreamjob", tmp_path / "two.png.dreamjob")
    (tmp_path / "two.png.dreamjob" / "states" / "00000001.npz").unlink()
    first = (batches / "00000000.npz").stat().st_mtime_ns
    assert call(*draw, "-o", tmp_path / "two.png", "--workers", "2", "--keep-job") == 0
    kept = tmp_path / "two.png.dreamjob" / "states"
    assert (kept / "00000000.npz").stat().st_mtime_ns == first
    assert (kept / "00000001.npz").read_bytes() == (batches / "00000001.npz").read_bytes()
    assert (tmp_path / "two.png").read_bytes() == (tmp_path / "alone.png").read_bytes()


@pytest.mark.parametrize(
    "command, said",
    [
        (("zoom", "--feedback", *FALL, "-o", "out.mkv"), "here each needs the last one"),
        (("visualize", "conv2_2", "-o", "out.mp4"), "a film of growth is drawn by one process"),
        (("dream", "still.png", "-o", "out.png"), "a still has none"),
    ],
)
def test_what_cannot_be_shared(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (32, 32)).save("still.png")
    assert call(*command, *LITE, "--workers", "2") == 2
    assert said in capsys.readouterr().err and os.listdir(tmp_path) == ["still.png"]


# --- several clips ----------------------------------------------------------------------------------------


def test_a_film_of_each_clip(
    tmp_path: Path, clip: Path, alone: list[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    """A broken clip does not stop the others; what is there is skipped; a folder of clips is its clips."""
    clips, films = tmp_path / "clips", tmp_path / "films"
    clips.mkdir()
    shutil.copy(clip, clips / "b.mkv")
    (clips / "a.mp4").write_bytes(b"no clip")
    assert call("dream", clips, "-o", films, *OPTIONS) == 3
    said = capsys.readouterr().err
    assert "1/2: " in said and "a.mp4" in said and "1 of 2 clips could not be dreamed" in said
    assert frames_of(films / "b.mkv") == alone and os.listdir(films) == ["b.mkv"]
    (clips / "a.mp4").unlink()
    assert call("dream", clips / "b.mkv", clip, "-o", f"{films}/", *OPTIONS, "--frames", "2") == 0
    assert "b.mkv: is there, skipped" in capsys.readouterr().err
    assert sorted(os.listdir(films)) == ["b.mkv", "cuts.mp4"] and len(frames_of(films / "cuts.mp4")) == 2


def test_several_clips_want_a_folder_and_names_of_their_own(
    tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("dream", clip, clip.parent / "b.mp4", "-o", tmp_path / "out.mp4") == 2
    assert "name a folder" in capsys.readouterr().err
    assert call("dream", clip, tmp_path / "cuts.mp4", "-o", tmp_path / "films") == 2
    assert "would both become" in capsys.readouterr().err
    assert not os.listdir(tmp_path)
