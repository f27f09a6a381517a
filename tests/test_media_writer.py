"""A file appears when it is complete, and holds what was written: every frame, its colour and its time."""

from __future__ import annotations

import os
import subprocess
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import describe, number_of, run_ffmpeg

from dreamvideo.errors import EncodeError, OutputError
from dreamvideo.media.ffmpeg import find_ffmpeg
from dreamvideo.media.frames import FramesWriter, open_writer
from dreamvideo.media.probe import probe
from dreamvideo.media.reader import ClipReader
from dreamvideo.media.tags import read_tags
from dreamvideo.media.writer import ClipWriter, check_encoder

CLIPS = ["mp4", "mov", "mkv", "webm", "gif", "webp", "apng"]
RATES = [Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001), Fraction(25, 2), Fraction(2997, 100)]


def grey(number: int, size: tuple[int, int] = (32, 32)) -> np.ndarray:
    """A frame of which `number_of` tells the number; noise keeps encoders from merging frames."""
    noise = np.random.default_rng(number).integers(-1, 2, (size[1], size[0], 1))
    return (
        np.broadcast_to(np.rint(number * 4 * 255 / 219) + noise, (size[1], size[0], 3))
        .clip(0, 255)
        .astype(np.uint8)
    )


def write(path: Path, count: int, fps: Fraction = Fraction(25), size: tuple[int, int] = (32, 32)) -> Path:
    with ClipWriter(path, size, fps, crf=8) as writer:
        for number in range(count):
            writer.write(grey(number, size))
    return path


def left_beside(path: Path) -> list[str]:
    return sorted(set(os.listdir(path.parent)) - {path.name})


@pytest.mark.parametrize("ending", CLIPS)
@pytest.mark.parametrize("count", [1, 2, 9, 30])
def test_frames_out_are_frames_in(tmp_path: Path, ending: str, count: int) -> None:
    path = write(tmp_path / f"out.{ending}", count)
    with ClipReader(path) as reader:
        frames = list(reader)
    assert [number_of(frame) for frame, _ in frames] == list(range(count))
    assert [time for _, time in frames] == [Fraction(n, 25) for n in range(count)]
    assert left_beside(path) == []


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv", "webm"])
@pytest.mark.parametrize("fps", RATES, ids=str)
def test_the_rate_is_exact(tmp_path: Path, ending: str, fps: Fraction) -> None:
    path = write(tmp_path / f"out.{ending}", 30, fps)
    if fps != Fraction(2997, 100) or ending in ("mp4", "mov"):  # in milliseconds it looks like 30000/1001
        assert probe(path).fps == fps
    assert not probe(path).is_variable


@pytest.mark.parametrize("fps", [Fraction(24000, 1001), Fraction(30), Fraction(50)], ids=str)
def test_a_gif_lasts_as_long_as_the_clip(tmp_path: Path, fps: Fraction) -> None:
    info = probe(write(tmp_path / "out.gif", 30, fps))
    assert info.frames == 30 and info.duration == pytest.approx(30 / fps, abs=0.011)


def test_a_gif_is_thinned_to_what_browsers_show(tmp_path: Path) -> None:
    info = probe(write(tmp_path / "out.gif", 30, Fraction(60)))
    assert info.fps == 50 and info.duration == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv", "webm"])
def test_colours_survive(tmp_path: Path, ending: str, smooth_frames: list[np.ndarray]) -> None:
    path = tmp_path / f"out.{ending}"
    with ClipWriter(path, (64, 48), Fraction(25), crf=16) as writer:
        for frame in smooth_frames:
            writer.write(frame)
    with ClipReader(path) as reader:
        error = [
            np.abs(read.astype(int) - sent).mean()
            for (read, _), sent in zip(reader, smooth_frames, strict=True)
        ]
    assert max(error) < 3
    assert "yuv420p(tv, bt709, progressive)" in describe(path)


@pytest.mark.parametrize(("ending", "limit"), [("gif", 8), ("webp", 6), ("apng", 0)])
def test_colours_survive_in_animations(
    tmp_path: Path, ending: str, limit: float, smooth_frames: list[np.ndarray]
) -> None:
    path = tmp_path / f"out.{ending}"
    with ClipWriter(path, (64, 48), Fraction(25), crf=16) as writer:
        for frame in smooth_frames:
            writer.write(frame)
    with ClipReader(path) as reader:
        error = [
            np.abs(read.astype(int) - sent).mean()
            for (read, _), sent in zip(reader, smooth_frames, strict=True)
        ]
    assert max(error) <= limit


def test_an_mp4_plays_everywhere_and_while_it_loads(tmp_path: Path) -> None:
    path = write(tmp_path / "out.mp4", 60)
    said, data = describe(path), path.read_bytes()
    assert "h264 (High)" in said and "yuv420p" in said and "SAR 1:1" in said
    assert data.index(b"moov") < data.index(b"mdat")
    assert len(keyframes(path)) >= 2  # one every two seconds


def keyframes(path: Path) -> list[str]:
    command = [find_ffmpeg(), "-v", "error", "-skip_frame", "nokey", "-i", str(path), "-f", "framecrc", "-"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return [line for line in lines if not line.startswith("#")]


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (33, 17), (33, 32)])
@pytest.mark.parametrize("ending", CLIPS)
def test_odd_sizes_lose_nothing(tmp_path: Path, ending: str, size: tuple[int, int]) -> None:
    """H.264 repeats the last column and row to become even; the others keep the size."""
    path = write(tmp_path / f"out.{ending}", 2, size=size)
    width, height = probe(path).size
    even = ending in ("mp4", "mov", "mkv")
    assert (width, height) == ((size[0] + size[0] % 2, size[1] + size[1] % 2) if even else size)
    if (ending, size) == ("webp", (1, 1)):
        return  # two pixels that near are one to WebP, which joins equal frames
    with ClipReader(path) as reader:
        assert [number_of(frame) for frame, _ in reader] == [0, 1]


TIMES = [Fraction(n, 1000) for n in (0, 40, 67, 100, 500, 533, 800)]


@pytest.mark.parametrize(
    ("ending", "tolerance"),
    [
        ("mp4", 1e-4),
        ("mov", 1e-4),
        ("mkv", 1e-3),
        ("webm", 1e-3),
        ("webp", 1e-3),
        ("apng", 1e-3),
        ("gif", 6e-3),
    ],
)
def test_a_variable_rate_keeps_each_frame_and_its_time(tmp_path: Path, ending: str, tolerance: float) -> None:
    path = tmp_path / f"out.{ending}"
    with ClipWriter(path, (32, 32), Fraction(30), crf=8, variable=True, duration=Fraction(1)) as writer:
        for number, time in enumerate(TIMES):
            writer.write(grey(number), time)
    with ClipReader(path) as reader:
        frames = list(reader)
    assert [number_of(frame) for frame, _ in frames] == list(range(len(TIMES)))
    assert [float(time) for _, time in frames] == pytest.approx(
        [float(time) for time in TIMES], abs=tolerance
    )
    if ending not in ("webp", "apng"):  # ffmpeg gives their last frame a usual duration
        assert reader.info.duration == pytest.approx(1, abs=2e-3)


def test_a_variable_clip_goes_through_unchanged(variable_clip: Path, tmp_path: Path) -> None:
    with (
        ClipReader(variable_clip) as reader,
        ClipWriter(
            tmp_path / "out.mp4",
            reader.size,
            reader.fps,
            crf=8,
            variable=reader.is_variable,
            duration=reader.duration,
        ) as writer,
    ):
        for frame, time in reader:
            writer.write(frame, time)
    with ClipReader(variable_clip) as before, ClipReader(tmp_path / "out.mp4") as after:
        for sent, kept in zip(before, after, strict=True):
            assert number_of(sent.frame) == number_of(kept.frame)
            assert float(sent.time) == pytest.approx(float(kept.time), abs=1e-4)
    assert before.duration == after.duration


def test_times_must_rise(tmp_path: Path) -> None:
    with ClipWriter(tmp_path / "out.mp4", (32, 32), Fraction(25), crf=8, variable=True) as writer:
        writer.write(grey(0), 0.5)
        with pytest.raises(ValueError, match="rise"):
            writer.write(grey(1), 0.5)
        with pytest.raises(ValueError, match="needs its time"):
            writer.write(grey(1))


def test_a_wrong_frame_is_refused(tmp_path: Path) -> None:
    with ClipWriter(tmp_path / "out.mp4", (32, 32), Fraction(25), crf=8) as writer:
        writer.write(grey(0))
        for wrong in (grey(0, (32, 30)), grey(0)[..., 0], grey(0).astype(np.float32)):
            with pytest.raises(ValueError, match="uint8 frame"):
                writer.write(wrong)


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv", "webm"])
def test_tags_come_back(tmp_path: Path, ending: str) -> None:
    comment = '{"layer": "conv4_3", "path": "C:\\\\dir\\\\", "a": "x=1; #2\nnew [STREAM]\nline", "ü": "夢"}'
    with ClipWriter(
        tmp_path / f"out.{ending}", (32, 32), Fraction(25), crf=8, metadata={"comment": comment}
    ) as writer:
        writer.write(grey(0))
    assert read_tags(tmp_path / f"out.{ending}")["comment"] == comment


def test_what_was_there_stays_until_the_new_file_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.write_bytes(b"old")
    with ClipWriter(path, (32, 32), Fraction(25), crf=8) as writer:
        writer.write(grey(0))
        assert path.read_bytes() == b"old"
    assert probe(path).frames == 1


def test_a_partial_film_can_be_kept_under_another_name(tmp_path: Path) -> None:
    with (
        pytest.raises(KeyboardInterrupt),
        ClipWriter(tmp_path / "out.mp4", (32, 32), Fraction(25), crf=8) as writer,
    ):
        try:
            for number in range(5):
                writer.write(grey(number))
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            writer.finish_partial(tmp_path / "out.partial.mp4")
            raise
    assert os.listdir(tmp_path) == ["out.partial.mp4"]
    assert probe(tmp_path / "out.partial.mp4").frames == 5


def test_no_frame_makes_no_file(tmp_path: Path) -> None:
    with (
        pytest.raises(EncodeError, match="no frame"),
        ClipWriter(tmp_path / "o.mp4", (32, 32), Fraction(25), crf=8),
    ):
        pass
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "name", ["-dash.mp4", "a b.gif", "100%d %04d.webp", "夢.apng", "new\nline.mkv", "a:b|c'.webm"]
)
def test_any_name_works(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path(name), 3)
    assert os.listdir(tmp_path) == [name]
    assert probe(tmp_path / name).frames == 3


@pytest.mark.parametrize("ending", CLIPS)
def test_the_encoder_check_encodes_and_leaves_nothing(tmp_path: Path, ending: str) -> None:
    check_encoder(tmp_path / f"out.{ending}", (32, 32), Fraction(25), crf=18)
    check_encoder(tmp_path / f"out.{ending}", (32, 32), Fraction(25), crf=18, variable=True)
    assert os.listdir(tmp_path) == []


def test_a_size_that_the_codec_cannot_encode_fails_in_the_check(tmp_path: Path) -> None:
    with pytest.raises(EncodeError) as caught:
        check_encoder(tmp_path / "out.webp", (16400, 2), Fraction(25), crf=18)
    assert "\n" not in str(caught.value) and len(str(caught.value)) > 40
    assert os.listdir(tmp_path) == []


def test_a_folder_of_frames_is_exact(tmp_path: Path, smooth_frames: list[np.ndarray]) -> None:
    folder = tmp_path / "frames"
    with open_writer(f"{folder}/", (64, 48), Fraction(25), crf=18) as writer:
        assert isinstance(writer, FramesWriter)
        for frame in smooth_frames:
            writer.write(frame)
        assert not folder.exists()
    names = sorted(os.listdir(folder))
    assert names[0] == "frame_000000.png" and len(names) == 8
    for name, frame in zip(names, smooth_frames, strict=True):
        assert np.array_equal(cv2.imread(str(folder / name))[..., ::-1], frame)
    assert os.listdir(tmp_path) == ["frames"]


def test_a_folder_keeps_its_other_files_and_loses_old_frames(tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    for count in (5, 2):
        with FramesWriter(folder, (32, 32)) as writer:
            for number in range(count):
                writer.write(grey(number))
        (folder / "notes.txt").write_text("mine")
    assert sorted(os.listdir(folder)) == ["frame_000000.png", "frame_000001.png", "notes.txt"]


def test_an_unknown_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="mp4"):
        ClipWriter(tmp_path / "out.xyz", (32, 32), Fraction(25), crf=18)


def test_loops_are_endless(tmp_path: Path) -> None:
    gif, webp, apng = (
        write(tmp_path / f"out.{ending}", 3).read_bytes() for ending in ("gif", "webp", "apng")
    )
    assert b"NETSCAPE2.0\x03\x01\x00\x00\x00" in gif
    assert webp[webp.index(b"ANIM") + 12 :][:2] == b"\x00\x00"
    assert apng[apng.index(b"acTL") + 8 :][:4] == b"\x00\x00\x00\x00"


def test_the_writer_needs_no_more_than_one_frame_at_a_time(tmp_path: Path) -> None:
    """The same array may be used again for the next frame."""
    frame = np.zeros((32, 32, 3), np.uint8)
    for variable in (False, True):
        path = tmp_path / "out.mp4"
        with ClipWriter(path, (32, 32), Fraction(25), crf=8, variable=variable) as writer:
            for number in range(5):
                frame[:] = grey(number)
                writer.write(frame, Fraction(number, 25))
        with ClipReader(path) as reader:
            assert [number_of(read) for read, _ in reader] == list(range(5))


def test_ffmpeg_plays_a_written_file_without_a_word(tmp_path: Path) -> None:
    for ending in CLIPS:
        path = write(tmp_path / f"out.{ending}", 5)
        said = run_ffmpeg("-loglevel", "warning", "-i", path, "-f", "null", "-")
        assert said.strip() == ""
