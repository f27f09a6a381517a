"""Shared fixtures: tiny clips, made with the bundled ffmpeg when a test asks for them."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from dreamvideo.media.ffmpeg import find_ffmpeg

H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")

MakeClip = Callable[..., Path]
"""make_clip(path, *options, source=..., size=..., fps=..., seconds=..., sound=...) -> path"""


def run_ffmpeg(*args: str | Path) -> str:
    """Run ffmpeg, which must succeed, and return what it said."""
    command = [find_ffmpeg(), "-hide_banner", "-nostdin", "-y", *map(str, args)]
    done = subprocess.run(command, capture_output=True, timeout=60)
    said = done.stderr.decode("utf-8", "replace")
    assert done.returncode == 0, said
    return said


def describe(path: Path) -> str:
    """The lines with which ffmpeg describes a file."""
    return run_ffmpeg("-i", f"file:{path}", "-c", "copy", "-f", "null", "-").split("Stream mapping")[0]


def film(
    path: Path,
    *options: str,
    source: str = "testsrc2",
    size: tuple[int, int] = (64, 48),
    fps: str = "25",
    seconds: float = 1,
    sound: bool = False,
) -> Path:
    """Make a clip of a lavfi `source`; `options` come before the file and default to H.264."""
    picture = f"{source}{':' if '=' in source else '='}s={size[0]}x{size[1]}:r={fps}:d={seconds}"
    inputs = ["-f", "lavfi", "-i", picture]
    if sound:
        inputs += ["-f", "lavfi", "-i", f"sine=f=440:r=48000:d={seconds}"]
    run_ffmpeg(*inputs, *(options or H264), f"file:{path}")
    return path


def cut_off(path: Path, target: Path, share: float) -> Path:
    """Copy only the first `share` of a file's bytes."""
    data = path.read_bytes()
    target.write_bytes(data[: int(len(data) * share)])
    return target


def count_film(path: Path, *options: str, fps: str = "25", frames: int = 25) -> Path:
    """A clip whose frames say which they are: see `number_of`. At most 50 frames."""
    rate = f"r={fps}:s=32x32:d=100"
    lossless = ("-c:v", "libx264", "-qp", "0", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
    picture = f"nullsrc={rate},geq=lum='16+4*N':cb=128:cr=128"
    run_ffmpeg("-f", "lavfi", "-i", picture, "-frames:v", str(frames), *(options or lossless), f"file:{path}")
    return path


def number_of(frame: np.ndarray) -> int:
    """Which frame of a `count_film` this is."""
    return round((float(frame.mean()) / 255 * 219) / 4)


@pytest.fixture(autouse=True)
def hear_ctrl_c() -> Iterator[None]:
    """Shells make what they start in the background deaf to it; the tests that send it want to be heard."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def make_clip() -> MakeClip:
    return film


@pytest.fixture(scope="session")
def short_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """25 frames of 64x48 at 25 fps with sound, H.264 and AAC in mp4."""
    return film(tmp_path_factory.mktemp("clips") / "short.mp4", *H264, sound=True)


@pytest.fixture(scope="session")
def variable_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 of a second's 30 frames, 32x32: 0, 2, 3, 5, 6, ..., 29, each at its own time; see `number_of`."""
    path = tmp_path_factory.mktemp("clips") / "variable.mp4"
    picture = "nullsrc=r=30:s=32x32:d=1,geq=lum='16+4*N':cb=128:cr=128,select='not(eq(mod(n,3),1))'"
    lossless = ("-c:v", "libx264", "-qp", "0", "-bf", "2", "-pix_fmt", "yuv420p")
    run_ffmpeg("-f", "lavfi", "-i", picture, "-fps_mode", "vfr", *lossless, path)
    return path


@pytest.fixture
def smooth_frames() -> list[np.ndarray]:
    """Eight 64x48 frames of soft colour that drifts: what encoders keep well."""
    x, y = np.meshgrid(np.linspace(0, np.pi, 64), np.linspace(0, np.pi, 48))
    waves = [
        np.stack([np.sin(x + t), np.sin(y + 2 * t), np.cos(x + y + t)], -1) for t in np.linspace(0, 1, 8)
    ]
    return [np.rint(128 + 100 * wave).astype(np.uint8) for wave in waves]
