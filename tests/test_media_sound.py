"""The sound stays, stays in step, and never costs the film."""

from __future__ import annotations

import logging
import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from conftest import H264, describe, run_ffmpeg

from dreamvideo.media.ffmpeg import find_ffmpeg
from dreamvideo.media.probe import probe
from dreamvideo.media.reader import ClipReader
from dreamvideo.media.sound import AudioSource, prepare_sound
from dreamvideo.media.writer import ClipWriter

RATE = 48_000
FLASH = 1.0  # s: a white picture and a tone begin here, for 0.2 s


@pytest.fixture(scope="module")
def flash_and_beep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds, black and silent but for a white flash and a tone that begin together."""
    path = tmp_path_factory.mktemp("sound") / "flash.mp4"
    during = f"between(t,{FLASH},{FLASH + 0.199})"
    picture = f"color=black:s=32x32:r=25:d=2,drawbox=color=white:t=fill:enable='{during}'"
    tone = f"aevalsrc='0.8*sin(2*PI*1000*t)*{during}':s={RATE}:d=2"
    run_ffmpeg("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", tone, *H264, "-c:a", "aac", path)
    return path


def hear(path: Path) -> np.ndarray:
    """The first channel from the picture's first frame on, as floats at 48 kHz."""
    filters = "aresample=48000:async=1:first_pts=0"
    command = [
        find_ffmpeg(),
        "-v",
        "error",
        "-i",
        str(path),
        "-map",
        "0:a",
        "-af",
        filters,
        "-ac",
        "1",
        "-f",
        "f32le",
        "-",
    ]
    return np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, np.float32)


def onset(path: Path) -> float:
    """Seconds until the tone."""
    return float(np.argmax(np.abs(hear(path)) > 0.2)) / RATE


def flash_time(path: Path) -> float:
    """Seconds until the first white frame."""
    with ClipReader(path) as reader:
        return float(next(time for frame, time in reader if frame.mean() > 128))


def copy_clip(source: Path, target: Path, **part: float) -> None:
    with (
        ClipReader(source, **part) as reader,  # type: ignore[arg-type]
        ClipWriter(target, reader.size, reader.fps, crf=18, audio=reader.sound) as writer,
    ):
        for frame, _ in reader:
            writer.write(frame)


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv", "webm"])
@pytest.mark.parametrize(
    "part", [{}, {"start": 0.6}, {"start": 0.36, "end": 1.6}], ids=["whole", "start", "part"]
)
def test_sound_stays_in_step_with_the_picture(
    flash_and_beep: Path, tmp_path: Path, ending: str, part: dict[str, float]
) -> None:
    out = tmp_path / f"out.{ending}"
    copy_clip(flash_and_beep, out, **part)
    assert flash_time(out) == pytest.approx(FLASH - part.get("start", 0), abs=1e-6)
    assert onset(out) == pytest.approx(FLASH - part.get("start", 0), abs=0.006)
    assert len(hear(out)) / RATE <= probe(out).duration + 0.045  # one packet of AAC


def test_whole_sound_is_copied_and_part_is_not(flash_and_beep: Path, tmp_path: Path) -> None:
    copy_clip(flash_and_beep, tmp_path / "whole.mp4")
    packets = [run_packets(path) for path in (flash_and_beep, tmp_path / "whole.mp4")]
    assert packets[0] == packets[1]
    copy_clip(flash_and_beep, tmp_path / "webm.webm")
    assert probe(tmp_path / "webm.webm").audio_codec == "opus"


def run_packets(path: Path) -> list[str]:
    """Checksums of the sound's packets."""
    command = [
        find_ffmpeg(),
        "-v",
        "error",
        "-i",
        str(path),
        "-map",
        "0:a",
        "-c",
        "copy",
        "-f",
        "framecrc",
        "-",
    ]
    lines = subprocess.run(command, capture_output=True, check=True, text=True).stdout.splitlines()
    return [line.split(",")[5] for line in lines if not line.startswith("#")]


@pytest.mark.parametrize("late", ["0:a", "0:v"])
def test_an_offset_between_sound_and_picture_is_kept(flash_and_beep: Path, tmp_path: Path, late: str) -> None:
    """One of the two streams begins 0.4 s later in the container."""
    shifted = tmp_path / "shifted.mp4"
    maps = ("-map", "1:v", "-map", "0:a") if late == "0:a" else ("-map", "0:v", "-map", "1:a")
    run_ffmpeg("-itsoffset", "0.4", "-i", flash_and_beep, "-i", flash_and_beep, *maps, "-c", "copy", shifted)
    for ending in ("mp4", "mkv", "webm"):
        out = tmp_path / f"out.{ending}"
        copy_clip(shifted, out)
        apart = 0.4 if late == "0:a" else -0.4
        assert onset(out) - flash_time(out) == pytest.approx(apart, abs=0.006)


def test_sound_is_not_longer_than_the_picture(tmp_path: Path) -> None:
    long = tmp_path / "long.mp4"
    run_ffmpeg("-f", "lavfi", "-i", "testsrc2=s=32x32:r=25:d=1", "-f", "lavfi", "-i", "sine=d=3", *H264, long)
    copy_clip(long, tmp_path / "out.mp4", frames=10)
    assert len(hear(tmp_path / "out.mp4")) / RATE == pytest.approx(0.4, abs=0.03)


def test_surround_and_odd_rates_are_taken(tmp_path: Path) -> None:
    surround = tmp_path / "surround.mkv"
    sound = "aevalsrc='sin(500*t)|0|0|0|0|0':c=5.1:s=22050:d=1"
    run_ffmpeg(
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=32x32:r=25:d=1",
        "-f",
        "lavfi",
        "-i",
        sound,
        *H264,
        "-c:a",
        "flac",
        surround,
    )
    copy_clip(surround, tmp_path / "out.webm")
    copy_clip(surround, tmp_path / "out.mp4")
    assert "stereo" in describe(tmp_path / "out.mp4") and "stereo" in describe(tmp_path / "out.webm")


def test_damaged_sound_warns_and_the_film_is_made(
    flash_and_beep: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = AudioSource(tmp_path / "missing.mp4", Fraction(0), None, "aac")
    with caplog.at_level(logging.WARNING, "dreamvideo"):
        assert not prepare_sound(source, ".mp4", tmp_path / "sound.mp4")
        with ClipWriter(tmp_path / "out.mp4", (32, 32), Fraction(25), crf=18, audio=source) as writer:
            writer.write(np.zeros((32, 32, 3), np.uint8))
    assert not probe(tmp_path / "out.mp4").has_audio
    assert [record for record in caplog.records if "sound" in record.getMessage()]
    assert all("\n" not in record.getMessage() for record in caplog.records)


def test_garbled_packets_do_not_stop_the_film(flash_and_beep: Path, tmp_path: Path) -> None:
    garbled = tmp_path / "garbled.mp4"
    run_ffmpeg("-i", flash_and_beep, "-c", "copy", "-bsf:a", "noise=amount=3", garbled)
    copy_clip(garbled, tmp_path / "out.mp4")
    assert probe(tmp_path / "out.mp4").frames == 50
