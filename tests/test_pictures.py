"""What is shown of a clip: posters, contact sheets, and a source with its dream in one film."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from conftest import count_film, film, number_of

from dreamvideo.cli.main import main
from dreamvideo.errors import DreamVideoError
from dreamvideo.images import read_still, write_still
from dreamvideo.media.comments import read_comment
from dreamvideo.media.compare import Layouter, compare_clips
from dreamvideo.media.contact import LABEL_HEIGHT, clock, columns_for, contact_sheet
from dreamvideo.media.poster import choose_poster
from dreamvideo.media.probe import probe
from dreamvideo.media.reader import ClipReader
from dreamvideo.media.stills import open_clip
from dreamvideo.media.writer import ClipWriter
from dreamvideo.settings import CompareSettings, Layout

SIZE = (48, 32)
FAST = ("--model", "vgg16-lite", "--device", "cpu", "--octaves", "1", "--steps", "1", "-q")


def write(path: Path, frames: list[np.ndarray], fps: int = 10, **options: Any) -> Path:
    """A clip of these frames, all of one size, without loss."""
    size = (frames[0].shape[1], frames[0].shape[0])
    with ClipWriter(path, size, Fraction(fps), crf=0, **options) as writer:
        for frame in frames:
            writer.write(frame)
    return path


def plain(colour: tuple[int, int, int], count: int = 1) -> list[np.ndarray]:
    return [np.full((SIZE[1], SIZE[0], 3), colour, np.uint8)] * count


def frames_of(path: Path) -> list[np.ndarray]:
    with ClipReader(path) as reader:
        return [frame for frame, _ in reader]


def call(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as stopped:
        main([str(argument) for argument in arguments])
    assert isinstance(stopped.value.code, int)
    return stopped.value.code


@pytest.mark.parametrize(
    ("layout", "size"), [("beside", (98, 32)), ("over", (48, 66)), ("wipe", (48, 32))], ids=lambda x: str(x)
)
def test_every_pixel_is_where_it_belongs(layout: Layout, size: tuple[int, int]) -> None:
    noise = np.random.default_rng(0)
    source, dream = (noise.integers(0, 200, (32, 48, 3)).astype(np.uint8) for _ in range(2))
    layouter = Layouter(layout, SIZE)
    assert layouter.size == size
    joined = layouter.join(source, dream)
    if layout == "beside":
        assert np.array_equal(joined[:, :48], source) and np.array_equal(joined[:, 50:], dream)
        assert (joined[:, 48:50] == 255).all()
    elif layout == "over":
        assert np.array_equal(joined[:32], source) and np.array_equal(joined[34:], dream)
        assert (joined[32:34] == 255).all()
    else:
        assert np.array_equal(joined, source)
        assert np.array_equal(layouter.join(source, dream, 0.5), dream)
        half = layouter.join(source, dream, 0.25)
        assert np.array_equal(half[:, :23], source[:, :23]) and np.array_equal(half[:, 25:], dream[:, 25:])
        assert (half[:, 23:25] == 255).all()


def test_a_wipe_moves_evenly_between_pixels() -> None:
    black, layouter = plain((0, 0, 0))[0], Layouter("wipe", SIZE)
    lines = [layouter.join(black, black, 0.2 + number / 2000)[0, :, 0].astype(float) for number in range(30)]
    places = [line @ np.arange(48) / line.sum() for line in lines]
    assert all(line.sum() == pytest.approx(2 * 255, abs=3) for line in lines)
    assert np.all(np.diff(places) < 0) and np.ptp(np.diff(places)) < 0.02


@pytest.mark.parametrize("ending", ["gif", "apng"])  # exact, so that each frame says which it is
def test_source_and_dream_run_together(tmp_path: Path, ending: str) -> None:
    source = count_film(tmp_path / "source.mkv", fps="10", frames=20)
    dream = write(tmp_path / "dream.mkv", frames_of(source)[5:15], metadata={"comment": 'dreamvideo = "1"'})
    settings = CompareSettings(start=0.5)
    made, count = compare_clips(source, dream, tmp_path / f"out.{ending}", settings)
    assert count == 10 and probe(made).fps == 10 and probe(made).size == (66, 32)
    for number, frame in enumerate(frames_of(made)):
        assert number_of(frame[:, :32]) == number_of(frame[:, 34:]) == number + 5
    assert read_comment(made) == 'dreamvideo = "1"'


def test_a_wipe_ends_where_it_begins_and_shows_both(tmp_path: Path) -> None:
    source = write(tmp_path / "source.mkv", plain((200, 0, 0), 40))
    dream = write(tmp_path / "dream.mkv", plain((0, 0, 200), 40))
    made, _ = compare_clips(source, dream, tmp_path / "out.mp4", CompareSettings(layout="wipe"))
    reds = [float((frame[..., 0] > frame[..., 2]).mean()) for frame in frames_of(made)]
    assert reds[0] == 1 and min(reds) == reds[20] == 0 and reds[1] == pytest.approx(reds[39], abs=0.03)


def test_stills_and_a_still_with_a_film(tmp_path: Path) -> None:
    red, blue = tmp_path / "red.png", tmp_path / "blue.png"
    write_still(red, plain((200, 0, 0))[0])
    write_still(blue, plain((0, 0, 200))[0])
    made, count = compare_clips(red, blue, tmp_path / "both.png", CompareSettings())
    assert count == 1 and read_still(made).shape == (32, 98, 3)
    film_of_it = write(tmp_path / "fall.mkv", plain((0, 0, 200), 5))
    made, count = compare_clips(red, film_of_it, tmp_path / "both.mp4", CompareSettings())
    assert count == 5 and frames_of(made)[4][:, :40, 0].min() > 190


def test_a_comparison_keeps_sound_and_limits(tmp_path: Path) -> None:
    clip = film(tmp_path / "a.mkv", "-c:v", "ffv1", "-c:a", "aac", size=(192, 108), seconds=3.5, sound=True)
    settings = CompareSettings(layout="over", platform="instagram", max_size=150_000)
    made, _ = compare_clips(clip, clip, tmp_path / "out.gif", settings)
    assert made.suffix == ".mp4" and made.stat().st_size <= 150_000 and probe(made).has_audio
    small, _ = compare_clips(clip, clip, tmp_path / "small.mp4", CompareSettings(width=100, audio=False))
    assert probe(small).size[0] == 100 and not probe(small).has_audio


def test_what_cannot_be_compared_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clip = film(tmp_path / "clip.mkv", "-c:v", "ffv1", size=(96, 54), seconds=1)
    still = tmp_path / "still.png"
    write_still(still, plain((9, 9, 9))[0])
    for source, dream, name, settings, words in (
        (clip, still, "o.png", CompareSettings(), "is a still and"),
        (still, still, "o.png", CompareSettings(layout="wipe"), "--layout beside or over"),
        (clip, clip, "o.png", CompareSettings(), "end o.png in .mp4 or .gif"),
        (clip, clip, "o.mp4", CompareSettings(platform="x"), "shapes up to 3:1 .* --layout"),
        (clip, clip, "clip.mkv", CompareSettings(), "input itself"),
    ):
        with pytest.raises(DreamVideoError, match=words):
            compare_clips(source, dream, tmp_path / name, settings)
    compare_clips(clip, clip, tmp_path / "late.mp4", CompareSettings(start=0.6))
    assert "ends 0.60 s before its dream" in caplog.text


def test_a_sheet_shows_the_frames_of_its_times(tmp_path: Path) -> None:
    clip = count_film(tmp_path / "clip.mkv", fps="10", frames=40)
    sheet, count = contact_sheet(clip, 8)
    columns = columns_for(8, (32, 32))
    rows, tall = 8 // columns, 32 + LABEL_HEIGHT + 4
    assert count == 8 and sheet.shape == (rows * tall + 4, columns * 36 + 4, 3)
    for place in range(8):
        row, column = divmod(place, columns)
        top, left = 4 + row * tall, 4 + column * 36
        assert number_of(sheet[top : top + 32, left : left + 32]) == 2 + 5 * place
        assert sheet[top + 32 : top + tall - 4, left : left + 32].max() > 150, "a time under it"
    short, count = contact_sheet(write(tmp_path / "short.mkv", plain((9, 9, 9), 3)))
    assert count == 3 and short.shape[1] == 3 * 52 + 4


def test_times_and_shapes_of_a_sheet() -> None:
    assert [clock(Fraction(text)) for text in ("0", "2.505", "61.999", "3600")] == [
        "0:00.00",
        "0:02.50",
        "1:02.00",
        "60:00.00",
    ]
    assert [columns_for(12, size) for size in ((320, 180), (180, 320), (320, 68))] == [3, 6, 2]


def test_the_poster_is_neither_empty_nor_blurred(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 60, (32, 48, 3))
    x = np.arange(48) * 4
    good = np.stack([np.tile(x, (32, 1)), np.tile(x[::-1], (32, 1)), np.full((32, 48), 90)], -1) + noise // 2
    grey = np.repeat(good.mean(2, keepdims=True), 3, 2)
    faint = 100 + good * 0.2
    blurred = cv2.GaussianBlur(good.astype(np.float32), (0, 0), 5)
    kinds = {"black": good * 0, "white": good * 0 + 255, "blurred": blurred, "faint": faint, "grey": grey}
    frames = [np.clip(frame, 0, 255).astype(np.uint8) for frame in [*kinds.values(), good, *kinds.values()]]
    poster = choose_poster(write(tmp_path / "clip.mkv", frames))
    assert poster.time == Fraction(5, 10) and poster.looked_at == 11
    assert np.abs(poster.frame.astype(int) - frames[5]).mean() < 6
    black = write(tmp_path / "black.mkv", plain((0, 0, 0), 3))
    assert choose_poster(black).frame.max() < 3, "there is nothing better"


def test_a_dream_with_all_that_goes_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    film(Path("clip.mp4"), size=(64, 48), fps="8", seconds=2)
    extras = ("--poster", "p.jpg", "--contact-sheet", "s.png", "--compare", "c.mp4", "--layout", "wipe")
    assert call("dream", "clip.mp4", "-o", "d.mp4", "--start", "1", "--detail", "48", *FAST, *extras) == 0
    assert read_still(Path("p.jpg")).shape == (48, 64, 3)
    assert read_comment(Path("p.jpg")) == read_comment(Path("d.mp4")) == read_comment(Path("c.mp4"))
    with open_clip("c.mp4") as both, open_clip("clip.mp4", start=1) as source:
        assert both.frames == source.frames == 8
        first, second = next(iter(both)).frame, next(iter(source)).frame
    assert np.abs(first.astype(int) - second).mean() < 3, (
        "a wipe begins with the source, where the dream does"
    )
    before = sorted(tmp_path.iterdir())
    for wrong in (
        ("--poster", "d2.mp4"),
        ("--poster", "p.jpg"),
        ("--poster", "p.mp4"),
        ("--compare", "c.png"),
    ):
        assert call("dream", "clip.mp4", "-o", "d2.mp4", *FAST, *wrong) != 0
    assert sorted(tmp_path.iterdir()) == before, "refused before any work"


def test_frames_in_a_folder_keep_their_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    film(Path("clip.mp4"), size=(64, 48), fps="8", seconds=1)
    extras = ("--compare", "c.mp4", "--contact-sheet", "s.png")
    assert call("dream", "clip.mp4", "-o", "frames", "--detail", "48", *FAST, *extras) == 0
    assert probe(Path("c.mp4")).fps == 8 and len(frames_of(Path("c.mp4"))) == 8


def test_the_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    film(Path("clip.mp4"), size=(64, 48), fps="8", seconds=1)
    assert call("compare", "clip.mp4", "clip.mp4", "-o", "both.gif", "--layout", "over") == 0
    assert call("poster", "clip.mp4", "-o", "poster.webp") == 0
    assert "best by sharpness" in capsys.readouterr().err
    assert call("contact-sheet", "both.gif", "-o", "sheet.png", "--frames", "4") == 0
    assert call("gif", "clip.mp4", "-o", "a.gif", "--poster", "p.png", "--contact-sheet", "s.png") == 0
    assert Path("p.png").exists() and Path("s.png").exists()
    assert call("poster", "clip.mp4", "-o", "poster.webp") == 2, "there already"
    assert call("poster", "poster.webp", "-o", "p2.png") == 2, "a still"
    assert call("contact-sheet", "clip.mp4", "-o", "s.gif") != 0
