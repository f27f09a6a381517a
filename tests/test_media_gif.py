"""GIFs: well formed for a strict reader, right in time, still where the clip is still."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from struct import unpack

import numpy as np
import pytest
from conftest import run_ffmpeg
from PIL import Image, ImageSequence

from dreamvideo.media import gifsicle
from dreamvideo.media.gif import (
    GifStyle,
    constant_delays,
    exact_delays,
    exact_rates,
    gif_rate,
    write_gif,
)
from dreamvideo.media.gif_file import _packed, _ways, comments_of
from dreamvideo.media.indexing import Indexer
from dreamvideo.media.palette import Histogram, Scene, choose_palette, scene_palettes
from dreamvideo.media.reader import ClipReader

SIZE = (48, 32)


@dataclass(frozen=True)
class Parsed:
    """A GIF as the specification (GIF89a) reads it."""

    size: tuple[int, int]
    loops: int | None
    delays: list[int]
    boxes: list[tuple[int, int, int, int]]
    comments: list[str]


def parse_gif(data: bytes) -> Parsed:
    """Read every byte of a GIF; an assertion fails at the first that is not as it must be."""
    assert data[:6] == b"GIF89a"
    width, height, flags, background, aspect = unpack("<HHBBB", data[6:13])
    assert flags & 0x80 and aspect == 0 and background < 2 << (flags & 7)
    place, loops, delays, boxes, comments = 13 + (3 * 2 << (flags & 7)), None, [], [], []
    control: tuple[int, ...] | None = None

    def blocks(begin: int) -> tuple[bytes, int]:
        content = b""
        while data[begin]:
            content += data[begin + 1 : begin + 1 + data[begin]]
            begin += 1 + data[begin]
        return content, begin + 1

    while data[place] != 0x3B:
        kind = data[place]
        if kind == 0x21 and data[place + 1] == 0xF9:
            assert data[place + 2] == 4 and data[place + 7] == 0 and control is None
            control = unpack("<BHB", data[place + 3 : place + 7])
            assert control[0] == 0b101, "stays, and one colour is transparent"
            place += 8
        elif kind == 0x21:
            label, (content, place) = data[place + 1], blocks(place + 2)
            if label == 0xFE:
                comments.append(content.decode("utf-8"))
            else:
                assert label == 0xFF and content[:11] == b"NETSCAPE2.0" and content[11] == 1
                loops = int.from_bytes(content[12:14], "little")
        else:
            assert kind == 0x2C and control is not None
            left, top, across, down, local = unpack("<HHHHB", data[place + 1 : place + 10])
            assert across and down and left + across <= width and top + down <= height and not local & 0x60
            table = 2 << (local & 7) if local & 0x80 else 2 << (flags & 7)
            assert control[2] < table, "the transparent colour is in the table"
            place += 10 + (3 * table if local & 0x80 else 0)
            depth = data[place]
            assert 2 <= depth <= 8 and 1 << depth <= max(4, table)
            codes, place = blocks(place + 1)
            assert codes
            delays.append(control[1])
            boxes.append((left, top, across, down))
            control = None
    assert place == len(data) - 1 and control is None
    return Parsed((width, height), loops, delays, boxes, comments)


def moving(count: int, still: bool = False) -> list[np.ndarray]:
    """A soft background with a square that moves over it."""
    x, y = np.meshgrid(np.linspace(60, 180, SIZE[0]), np.linspace(90, 150, SIZE[1]))
    frames = []
    for number in range(count):
        frame = np.stack([x, y, (x + y) / 2], -1)
        if not still:
            frame[4:12, number : number + 8] = (250, 20, 20)
        frames.append(np.rint(frame).astype(np.uint8))
    return frames


def make(path: Path, frames: list[np.ndarray], fps: Fraction = Fraction(25), **style: object) -> Path:
    size = (frames[0].shape[1], frames[0].shape[0])
    delays = constant_delays(len(frames), fps)
    write_gif(path, size, lambda: frames, delays, GifStyle(**style), "made by a test")  # type: ignore[arg-type]
    return path


def read(path: Path) -> list[np.ndarray]:
    with ClipReader(path) as reader:
        return [frame for frame, _ in reader]


def psnr(one: list[np.ndarray], other: list[np.ndarray]) -> float:
    error = np.mean([(a.astype(float) - b) ** 2 for a, b in zip(one, other, strict=True)])
    return float(10 * np.log10(255**2 / error))


@pytest.mark.parametrize("colours", [2, 3, 5, 16, 128, 129, 256])
@pytest.mark.parametrize("dither", ["auto", "ordered", "none"])
def test_every_byte_is_as_the_specification_says(tmp_path: Path, colours: int, dither: str) -> None:
    path = make(tmp_path / "a.gif", moving(6), colours=colours, dither=dither)
    parsed = parse_gif(path.read_bytes())
    assert (parsed.size, parsed.loops, parsed.delays) == (SIZE, 0, [4] * 6)
    assert parsed.comments == ["made by a test"] == list(comments_of(path.read_bytes()))
    assert len(read(path)) == 6


def test_other_readers_take_it_without_a_word(tmp_path: Path) -> None:
    path = make(tmp_path / "a.gif", moving(6) + [255 - frame for frame in moving(3)])
    assert run_ffmpeg("-loglevel", "warning", "-i", path, "-f", "null", "-").strip() == ""
    if shutil.which("gifsicle"):
        done = subprocess.run(["gifsicle", "--info", path], capture_output=True, text=True, check=True)
        assert "9 images" in done.stdout and done.stderr == ""


def test_it_looks_like_the_clip(tmp_path: Path) -> None:
    frames = moving(8)
    assert psnr(read(make(tmp_path / "a.gif", frames, dither="none")), frames) > 42
    assert psnr(read(make(tmp_path / "b.gif", frames)), frames) > 38


def test_only_what_changes_is_drawn(tmp_path: Path) -> None:
    parsed = parse_gif(make(tmp_path / "a.gif", moving(4), dither="none").read_bytes())
    assert parsed.boxes[0] == (0, 0, *SIZE)
    for number, (left, top, width, height) in enumerate(parsed.boxes[1:]):
        assert (left, top, height) == (number, 4, 8) and width <= 9


def test_a_still_clip_stands_still_though_it_is_noisy(tmp_path: Path) -> None:
    noise = np.random.default_rng(0)
    frames = [
        np.clip(frame + noise.integers(-1, 2, frame.shape), 0, 255).astype(np.uint8)
        for frame in moving(6, still=True)
    ]
    shown = read(make(tmp_path / "a.gif", frames))
    changes = [np.abs(after.astype(int) - before).mean() for before, after in pairwise(shown)]
    assert max(changes) < 0.1 < np.abs(frames[1].astype(int) - frames[0]).mean()
    assert len(shown) == 6, "frames are not merged: a loop keeps its N"


def test_what_moves_leaves_no_trace(tmp_path: Path) -> None:
    frames = moving(20)
    last = read(make(tmp_path / "a.gif", frames, hold=12.0))[-1]
    assert np.abs(last.astype(int) - frames[-1]).max() < 24


def test_each_scene_has_its_palette(tmp_path: Path) -> None:
    x = np.tile(np.arange(0, 240, 5, dtype=np.uint8), (SIZE[1], 1))
    red, blue = (np.zeros((SIZE[1], SIZE[0], 3), np.uint8) for _ in range(2))
    red[..., 0], blue[..., 2] = x, x
    frames = [red] * 3 + [blue] * 3
    scenes = list(scene_palettes(frames, 24))
    assert [scene.first for scene in scenes] == [0, 3]
    assert scenes[0].palette[:, 2].max() == 0 and scenes[1].palette[:, 0].max() == 0
    one_for_all = choose_palette(_histogram(frames), 24)
    lone = Indexer(SIZE, "none", 0)
    lone.use(Scene(0, one_for_all, False))
    lone.take(red)
    assert psnr(read(make(tmp_path / "a.gif", frames, colours=25, dither="none")), frames) > psnr(
        [lone.shown], [red]
    )


def _histogram(frames: list[np.ndarray]) -> Histogram:
    histogram = Histogram()
    for frame in frames:
        histogram.add(frame)
    return histogram


def test_a_fade_is_one_scene() -> None:
    frames = [np.full((32, 32, 3), grey, np.uint8) for grey in range(0, 250, 5)]
    assert len(list(scene_palettes(frames, 255))) == 1


def test_few_colours_are_kept_exactly_and_small_things_get_their_own() -> None:
    flag = np.zeros((8, 9, 3), np.uint8)
    flag[:, :3], flag[:, 3:6] = (0, 0, 254), (255, 255, 255)
    assert {tuple(map(int, colour)) for colour in choose_palette(_histogram([flag]), 255)} == {
        (0, 0, 254),
        (255, 255, 255),
        (0, 0, 0),
    }
    sky = np.zeros((100, 100, 3), np.uint8)
    sky[..., 2] = np.linspace(100, 250, 100)
    sky[:10, :10, 0] = np.linspace(100, 250, 10)[:, None]  # 1% of it is a balloon
    reds = choose_palette(_histogram([sky]), 32)[:, 0]
    assert (reds > 50).sum() >= 6


def test_the_palette_is_the_same_each_time() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    assert np.array_equal(choose_palette(_histogram([noise]), 99), choose_palette(_histogram([noise]), 99))


@pytest.mark.parametrize("fps", [Fraction(25), Fraction(24000, 1001), Fraction(100, 3), Fraction(7)])
@pytest.mark.parametrize("count", [1, 2, 99, 1000])
def test_delays_add_up_to_the_duration(fps: Fraction, count: int) -> None:
    delays = constant_delays(count, fps)
    assert len(delays) == count and abs(sum(delays) - 100 * count / fps) <= Fraction(1, 2)
    assert max(delays) - min(delays) <= 1 and (100 % fps or len(set(delays)) == 1)


def test_no_delay_is_so_short_that_browsers_stretch_it() -> None:
    assert min(exact_delays([Fraction(0), Fraction(1, 1000), Fraction(1, 10)])) == 2


@pytest.mark.parametrize(
    ("fps", "asked", "exact"),
    [
        ("24", None, "25"),
        ("24000/1001", None, "25"),
        ("25", None, "25"),
        ("30000/1001", None, "25"),
        ("60", None, "25"),
        ("20", None, "20"),
        ("12", None, "25/2"),
        ("10", None, "10"),
        ("1", None, "1"),
        ("60", "60", "50"),
        ("60", "30", "100/3"),
        ("60", "12", "25/2"),
        ("60", "50", "50"),
    ],
)
def test_rates_are_whole_hundredths(fps: str, asked: str | None, exact: str) -> None:
    assert gif_rate(Fraction(fps), Fraction(asked) if asked else None) == Fraction(exact)


def test_the_rates_to_go_down_to() -> None:
    assert [str(rate) for rate in exact_rates(Fraction(25))] == ["25", "20", "25/2", "10"]


@pytest.mark.skipif(shutil.which("gifsicle") is None, reason="NOT TESTED: no gifsicle here")
def test_gifsicle_keeps_every_frame(tmp_path: Path) -> None:
    frames = moving(6, still=True)
    path = make(tmp_path / "a.gif", frames)
    before = read(path)
    gifsicle.shrink(path)
    assert parse_gif(path.read_bytes()).delays == [4] * 6
    assert all(np.array_equal(one, other) for one, other in zip(before, read(path), strict=True))


@pytest.mark.parametrize("count", [30, 255])
def test_few_colours_are_kept_exactly_whatever_else_is_asked(tmp_path: Path, count: int) -> None:
    """Neighbours in the palette are a grey level apart; nothing is dithered, held or merged."""
    colours = np.array([(200, n, 255 - n // 2) for n in range(count)], np.uint8)
    frames = [colours[np.add.outer(np.arange(32), 8 * np.arange(48) + n) % count] for n in range(4)]
    path = make(tmp_path / "a.gif", frames, hold=6.0, dither="ordered")
    with Image.open(path) as gif:
        shown = [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(gif)]
    assert all(np.array_equal(one, other) for one, other in zip(frames, shown, strict=True))
    again = read(path)
    assert all(np.array_equal(one, other) for one, other in zip(frames, again, strict=True)), "read exactly"


def test_pixels_that_stay_may_be_drawn_once_more(tmp_path: Path) -> None:
    """Stripes after noise: some pixels happen to be right, but holes would only spoil the stripes."""
    noise = np.random.default_rng(0).integers(0, 4, (SIZE[1], SIZE[0]))
    stripes = np.tile(np.arange(SIZE[0]) % 4, (SIZE[1], 1))
    frames = [np.stack([levels * 60] * 3, -1).astype(np.uint8) for levels in (noise, stripes, noise)]
    indexer = Indexer(SIZE, "none", 0)
    indexer.use(*scene_palettes(frames, 255))
    indexer.take(frames[0])
    lengths = [len(_packed(pixels, 3)) for pixels in _ways(indexer.take(frames[1]), 4)]
    assert min(lengths) < lengths[0] / 2
    shown = read(make(tmp_path / "a.gif", frames))
    assert all(np.array_equal(one, other) for one, other in zip(frames, shown, strict=True))
