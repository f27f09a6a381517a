"""Whatever happens, no ffmpeg, no file and no descriptor stays behind, and memory does not grow."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from conftest import H264, count_film, film

from dreamvideo.errors import EncodeError
from dreamvideo.media.ffmpeg import Ffmpeg, find_ffmpeg, run
from dreamvideo.media.probe import probe
from dreamvideo.media.reader import ClipReader
from dreamvideo.media.writer import ClipWriter

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def children() -> set[int]:
    """Processes that this one has started and that are not reaped, zombies included."""
    found = set()
    for task in Path("/proc/self/task").iterdir():
        try:
            found |= {int(pid) for pid in (task / "children").read_text().split()}
        except OSError:  # the thread has just ended
            continue
    return found


@pytest.fixture
def leaves_nothing() -> Iterator[None]:
    """Fails the test if it leaves a process, a thread or an open file."""
    before = children(), threading.active_count(), len(os.listdir("/proc/self/fd"))
    yield
    assert (children(), threading.active_count(), len(os.listdir("/proc/self/fd"))) == before


ENDINGS = ["mp4", "gif", "webm"]


@on_linux
@pytest.mark.usefixtures("leaves_nothing")
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("ending", ENDINGS)
def test_an_exception_leaves_nothing(
    tmp_path: Path, short_clip: Path, error: type[BaseException], ending: str
) -> None:
    out = tmp_path / f"out.{ending}"
    with (
        pytest.raises(error),
        ClipReader(short_clip) as reader,
        ClipWriter(out, reader.size, reader.fps, crf=18, audio=reader.sound) as writer,
    ):
        for number, (frame, _) in enumerate(reader):
            writer.write(frame)
            if number == 3:
                raise error("stop")
    assert os.listdir(tmp_path) == []


@on_linux
@pytest.mark.usefixtures("leaves_nothing")
def test_a_good_end_leaves_nothing_but_the_file(tmp_path: Path, short_clip: Path) -> None:
    for ending in ENDINGS:
        out = tmp_path / f"out.{ending}"
        with ClipReader(short_clip) as reader, ClipWriter(out, reader.size, reader.fps, crf=18) as writer:
            for frame, _ in reader:
                writer.write(frame)
    assert sorted(os.listdir(tmp_path)) == sorted(f"out.{ending}" for ending in ENDINGS)


@on_linux
@pytest.mark.usefixtures("leaves_nothing")
@pytest.mark.parametrize("codec", [H264, ("-c:v", "libsvtav1", "-preset", "12")], ids=["cv2", "ffmpeg"])
def test_reading_half_a_clip_leaves_nothing(tmp_path: Path, codec: tuple[str, ...]) -> None:
    with ClipReader(film(tmp_path / "a.mp4", *codec)) as reader:
        next(iter(reader))
    probe(tmp_path / "a.mp4")


@on_linux
@pytest.mark.usefixtures("leaves_nothing")
def test_a_program_that_leaves_a_reader_open_ends_all_the_same() -> None:
    program = """
from dreamvideo.media.ffmpeg import Ffmpeg
def pictures():
    with Ffmpeg(["-f", "lavfi", "-i", "testsrc2", "-f", "rawvideo", "-"], yields=True) as process:
        yield process.read(100)
left = pictures()
assert len(next(left)) == 100
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


@on_linux
@pytest.mark.usefixtures("leaves_nothing")
def test_a_killed_encoder_is_an_error_with_its_last_words(tmp_path: Path) -> None:
    frame = np.zeros((256, 256, 3), np.uint8)
    with (
        pytest.raises(EncodeError),
        ClipWriter(tmp_path / "out.mp4", (256, 256), Fraction(25), crf=18) as writer,
    ):
        (encoder,) = children()
        os.kill(encoder, 9)
        for _ in range(100):
            writer.write(frame)
    assert os.listdir(tmp_path) == []


@on_linux
@pytest.mark.usefixtures("leaves_nothing")
def test_a_failed_finish_is_an_error(tmp_path: Path) -> None:
    """An encoder that dies after the last frame: its exit code is all that tells."""
    with (
        pytest.raises(EncodeError),
        ClipWriter(tmp_path / "out.mp4", (32, 32), Fraction(25), crf=18) as writer,
    ):
        writer.write(np.zeros((32, 32, 3), np.uint8))
        (encoder,) = children()
        os.kill(encoder, 9)
    assert os.listdir(tmp_path) == []


def test_errors_are_one_line_and_say_what_ffmpeg_said() -> None:
    with pytest.raises(EncodeError, match="missing") as caught:
        run(["-i", "/missing/file.mp4", "-f", "null", "-"])
    assert "\n" not in str(caught.value)


def test_ffmpeg_is_in_its_own_group() -> None:
    """So that Ctrl-C in a terminal reaches Python, which decides what to keep."""
    with Ffmpeg(["-f", "lavfi", "-i", "testsrc2", "-f", "null", "-"]) as process:
        assert os.getpgid(process.pid) != os.getpgid(0)


def test_another_ffmpeg_can_be_named(monkeypatch: pytest.MonkeyPatch, short_clip: Path) -> None:
    monkeypatch.setenv("DREAMVIDEO_FFMPEG", "/nowhere/ffmpeg")
    assert find_ffmpeg() == "/nowhere/ffmpeg"
    with pytest.raises(EncodeError, match="/nowhere/ffmpeg"):
        probe(short_clip)


def test_importing_the_media_layer_starts_nothing_and_needs_no_torch() -> None:
    modules = ", ".join(("probe", "tags", "reader", "stills", "frames", "writer", "outputs"))
    code = f"""
import sys, subprocess
subprocess.Popen = None
from dreamvideo.media import {modules}
assert 'torch' not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@on_linux
@pytest.mark.parametrize("ending", ["mp4", "gif"])
def test_memory_does_not_grow_with_the_clip(tmp_path: Path, ending: str) -> None:
    """Peak memory of this process and of ffmpeg, for 30 frames and for 300 of 320x240 (70 MB of frames)."""
    peaks = [
        _peak_of_copying(
            count_film(tmp_path / f"{n}.mkv", "-c:v", "mjpeg", "-vf", "loop=-1:1,scale=320:240", frames=n),
            ending,
        )
        for n in (30, 300)
    ]
    assert peaks[1] < peaks[0] * 1.1


def _peak_of_copying(clip: Path, ending: str) -> int:
    """Peak resident kB, of Python and the largest ffmpeg, while a clip is read and written."""
    code = f"""
import resource, sys
from dreamvideo.memory import peak_memory
from dreamvideo.media.reader import ClipReader
from dreamvideo.media.writer import ClipWriter
name = sys.argv[1]
with ClipReader(name) as reader, ClipWriter(name + ".{ending}", reader.size, reader.fps, crf=30) as writer:
    for frame, _ in reader:
        writer.write(frame)
print(peak_memory() // 1024, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
    done = subprocess.run([sys.executable, "-c", code, str(clip)], capture_output=True, text=True, check=True)
    return sum(int(peak) for peak in done.stdout.split())
