"""A folder or pattern of pictures is a clip, in the order of its numbers."""

from __future__ import annotations

import logging
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import H264, film

from dreamvideo.errors import InputError
from dreamvideo.media.reader import ClipReader
from dreamvideo.media.stills import StillsReader, find_stills, kind_of_input, open_clip


def draw(path: Path, level: int, size: tuple[int, int] = (8, 6)) -> Path:
    """A PNG (or by its ending) of one grey level."""
    path.parent.mkdir(exist_ok=True)
    done, data = cv2.imencode(path.suffix, np.full((size[1], size[0], 3), level, np.uint8))
    assert done
    path.write_bytes(data.tobytes())
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """shot_1.png, 2, 9, 10 and 100, each as bright as its number; and things that are no pictures."""
    folder = tmp_path / "my shots %d"
    for number in (100, 9, 1, 10, 2):
        draw(folder / f"shot_{number}.png", number)
    (folder / "notes.txt").touch()
    draw(folder / ".hidden.png", 0)
    return folder


def levels(path: Path | str, **options: object) -> list[int]:
    with open_clip(path, **options) as reader:  # type: ignore[arg-type]
        frames = [int(frame.max()) for frame, _ in reader]
        assert len(frames) == reader.frames
    return frames


def test_numbers_are_in_numeric_order(folder: Path) -> None:
    assert levels(folder) == [1, 2, 9, 10, 100]
    assert levels(folder / "shot_%d.png") == [1, 2, 9, 10, 100]
    assert levels(folder / "shot_*.png") == [1, 2, 9, 10, 100]
    assert levels(folder / "shot_??.png") == [10]
    assert levels(folder / "shot_%02d.png") == [10, 100]


def test_stills_have_the_interface_of_a_clip(folder: Path) -> None:
    with open_clip(folder) as reader:
        assert isinstance(reader, StillsReader)
        assert (reader.fps, reader.frames, reader.size, reader.duration) == (25, 5, (8, 6), Fraction(5, 25))
        assert not reader.is_variable and reader.sound is None
        assert [time for _, time in reader] == [Fraction(n, 25) for n in range(5)]
        assert reader.broken_at is None


def test_a_part_of_the_stills(folder: Path) -> None:
    assert levels(folder, start=0.04, frames=2) == [2, 9]
    assert levels(folder, fps=Fraction(10), start=0.2, end=0.4) == [9, 10]
    with pytest.raises(InputError, match="5 pictures"):
        open_clip(folder, start=1)


def test_a_damaged_still_ends_the_clip_with_a_warning(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "shot_9.png").write_bytes(b"not a picture")
    with caplog.at_level(logging.WARNING, "dreamvideo"), open_clip(folder) as reader:
        assert len(list(reader)) == 2
    assert reader.broken_at == 2 and "shot_9.png" in caplog.text


def test_a_still_of_another_size_ends_the_clip_with_a_warning(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    draw(folder / "shot_10.png", 10, size=(16, 12))
    with caplog.at_level(logging.WARNING, "dreamvideo"), open_clip(folder) as reader:
        assert len(list(reader)) == 3
    assert reader.broken_at == 3 and "16x12" in caplog.text


def test_nothing_to_read_is_an_error(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "empty").mkdir()
    for nothing in (tmp_path / "empty", folder / "other_*.png", tmp_path / "missing" / "a_%d.png"):
        assert kind_of_input(nothing) == "stills"
        with pytest.raises(InputError, match=r"no pictures|no such folder"):
            find_stills(nothing)


def test_the_kind_is_seen_in_the_file_not_in_its_name(tmp_path: Path, folder: Path) -> None:
    for ending in ("png", "jpg", "webp"):
        assert kind_of_input(draw(tmp_path / f"a.{ending}", 9)) == "still"
    assert kind_of_input(draw(tmp_path / "a.png", 9).rename(tmp_path / "a.mp4")) == "still"
    film(tmp_path / "b.webp", "-c:v", "libwebp_anim", source="testsrc2=s=320x240", seconds=0.2)
    film(tmp_path / "c.png", "-f", "apng", seconds=0.2)
    film(tmp_path / "d.gif", "-loop", "0", seconds=0.2)
    film(tmp_path / "%d.mp4", *H264, seconds=0.2)
    for name in ("b.webp", "c.png", "d.gif", "%d.mp4"):
        assert kind_of_input(tmp_path / name) == "clip"
    assert kind_of_input(folder) == "stills"
    with pytest.raises(InputError, match="no such file"):
        kind_of_input(tmp_path / "missing.png")


def test_a_clip_is_opened_as_a_clip(short_clip: Path) -> None:
    with open_clip(short_clip, frames=3) as reader:
        assert isinstance(reader, ClipReader) and len(list(reader)) == 3
