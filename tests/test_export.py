"""Files to post: within their limits, in few encodings, and what is given up is said."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from conftest import describe, film, number_of
from test_media_gif import parse_gif

from dreamvideo.cli.typed import parse_bytes
from dreamvideo.errors import DreamVideoError, UsageError
from dreamvideo.images import write_still
from dreamvideo.media.export import export_clip
from dreamvideo.media.fit import ENCODINGS, AnimationFitter, Plan
from dreamvideo.media.loop import find_loop
from dreamvideo.media.platforms import DATE, PLATFORMS, Limits, find_platform, limits_for, target_for
from dreamvideo.media.probe import probe
from dreamvideo.media.reader import ClipReader
from dreamvideo.settings import GifSettings

H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "libmp3lame")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """4 s of 192x108 at 30000/1001 frames a second, with sound that is not AAC."""
    path = tmp_path_factory.mktemp("export") / "clip.mkv"
    return film(path, *H264, size=(192, 108), fps="30000/1001", seconds=4, sound=True)


def export(source: Path, target: Path, **settings: object) -> Path:
    return export_clip(source, target, GifSettings(**settings))[0]  # type: ignore[arg-type]


def is_index_in_front(path: Path) -> bool:
    data = path.read_bytes()
    return data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("name", PLATFORMS)
def test_a_film_is_as_the_platform_takes_it(tmp_path: Path, clip: Path, name: str) -> None:
    row = PLATFORMS[name]
    limits = row.video
    made = export(clip, tmp_path / "out.mp4", platform=name)
    info, said = probe(made), describe(made)
    assert made.suffix == ".mp4" and made.suffix in row.containers
    assert info.codec == "h264" and "yuv420p(tv, bt709" in said and "SAR 1:1" in said
    assert "Audio: aac (LC)" in said
    assert made.stat().st_size <= limits.bytes and is_index_in_front(made)
    assert limits.fps[0] <= info.fps <= limits.fps[1] and not info.is_variable
    assert limits.seconds[0] <= info.duration <= limits.seconds[1]
    assert info.duration == pytest.approx(4, abs=0.05)
    assert min(info.size) >= limits.min_side
    if limits.box:
        assert info.size[0] <= limits.box[0] and info.size[1] <= limits.box[1]
    if not limits.edit_lists:
        assert b"elst" not in made.read_bytes()


@pytest.mark.parametrize("name", PLATFORMS)
def test_an_animation_is_as_the_platform_takes_it(
    tmp_path: Path, clip: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    limits = PLATFORMS[name].animation
    made = export(clip, tmp_path / "out.gif", platform=name)
    if limits is None:
        assert made.suffix == ".mp4" and f"animations do not move on {name}" in caplog.text
        return
    parsed, info = parse_gif(made.read_bytes()), probe(made)
    assert made.stat().st_size <= limits.bytes and parsed.loops == 0
    assert abs(sum(parsed.delays) - 400) <= 2 and len(set(parsed.delays)) == 1
    assert limits.frames is None or len(parsed.delays) <= limits.frames
    assert limits.box is None or (info.size[0] <= limits.box[0] and info.size[1] <= limits.box[1])
    assert info.size == (192, 108) and info.fps == 25


def test_every_row_has_its_source_and_its_doubt() -> None:
    assert DATE and {"x", "discord", "reddit", "slack", "tumblr", "instagram", "tiktok"} <= set(PLATFORMS)
    assert {"whatsapp", "bluesky", "web"} <= set(PLATFORMS)
    for row in PLATFORMS.values():
        assert row.source and row.doubt and row.containers[0] == ".mp4"
        assert row.video.name == row.name and "http" not in row.source
        assert (row.animation is None) == (".gif" not in row.containers)
        assert row.video.told() and (row.animation is None or row.animation.told())


def test_what_a_platform_does_not_take_is_said_with_the_nearest() -> None:
    limits = Limits("here", 10**6, seconds=(3, 60), frames=100, shape=Fraction(3), min_side=90, pixels=10**6)
    with pytest.raises(UsageError, match=r"here takes 60 s at most and this is 90\.0 s.*--end.*--speed 1\.5"):
        limits.check_seconds(90)
    with pytest.raises(UsageError, match=r"here takes 3 s at least.*--boomerang"):
        limits.check_seconds(2)
    with pytest.raises(UsageError, match=r"100 frames at most.*10 s"):
        limits.rate(Fraction(25), 30)
    assert limits.rate(Fraction(25), 5) == 20
    with pytest.raises(UsageError, match=r"shapes up to 3:1.*--crop"):
        limits.size((400, 100), 1)
    assert limits.size((60, 45), 1) == (120, 90)
    assert math.prod(limits.size((400, 200), 100)) <= 10**4 + 400
    assert Limits("here", 1, fps=(23, 60)).rate(Fraction(10), 5) == 30
    with pytest.raises(UsageError, match=r"no platform called 'discrod': did you mean discord"):
        find_platform("discrod")
    with pytest.raises(UsageError, match=r"whatsapp takes mp4: end a\.webm"):
        target_for("a.webm", "whatsapp")
    assert limits_for("a.gif", None) is None


BUDGETS = {".gif": (60_000, 100_000), ".webp": (20_000,), ".avif": (12_000,), ".apng": (400_000,)}


@pytest.mark.parametrize(
    ("ending", "limit"), [(ending, limit) for ending, limits in BUDGETS.items() for limit in limits]
)
def test_an_animation_fills_its_budget_in_few_encodings(
    tmp_path: Path, clip: Path, ending: str, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans: list[Plan] = []
    encode = AnimationFitter.encode

    def counted(self: AnimationFitter, target: Path, plan: Plan) -> None:
        plans.append(plan)
        encode(self, target, plan)

    monkeypatch.setattr(AnimationFitter, "encode", counted)
    made = export(clip, tmp_path / f"out{ending}", max_size=limit)
    assert 0.8 * limit <= made.stat().st_size <= limit and len(plans) <= ENCODINGS
    assert probe(made).duration == pytest.approx(4, abs=0.11)
    assert os.listdir(tmp_path) == [made.name]


@pytest.mark.parametrize("ending", ["mp4", "webm"])
@pytest.mark.parametrize("limit", [110_000, 125_000])
def test_a_film_fills_its_budget_sound_counted(tmp_path: Path, clip: Path, ending: str, limit: int) -> None:
    made = export(clip, tmp_path / f"out.{ending}", max_size=limit)
    assert 0.75 * limit <= made.stat().st_size <= limit
    assert "Audio:" in describe(made) and probe(made).duration == pytest.approx(4, abs=0.05)


def test_what_is_given_up_is_said(tmp_path: Path, clip: Path, caplog: pytest.LogCaptureFixture) -> None:
    export(clip, tmp_path / "out.gif", max_size=30_000)
    assert (
        "out.gif had to be made smaller: " in caplog.text and "frames a second instead of 25" in caplog.text
    )


@pytest.mark.parametrize("ending", ["gif", "mp4", "webp"])
def test_a_budget_under_any_size_is_refused_with_the_nearest(tmp_path: Path, clip: Path, ending: str) -> None:
    with pytest.raises(DreamVideoError, match=r"too little.*allow.*or keep [\d.]+ s of it"):
        export(clip, tmp_path / f"out.{ending}", max_size=1000)
    assert os.listdir(tmp_path) == []


def test_a_still_cannot_move(tmp_path: Path) -> None:
    write_still(tmp_path / "a.png", np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(UsageError, match="is a still"):
        export(tmp_path / "a.png", tmp_path / "out.gif")


@pytest.mark.parametrize(
    ("shape", "size"), [("1:1", (108, 108)), ("9:16", (60, 108)), ("16:9", (192, 108)), ("4:1", (192, 48))]
)
def test_crops(tmp_path: Path, clip: Path, shape: str, size: tuple[int, int]) -> None:
    made = export(clip, tmp_path / "out.gif", crop=shape, end=0.2)
    assert probe(made).size == size


def numbers(path: Path) -> list[int]:
    with ClipReader(path) as reader:
        return [number_of(frame) for frame, _ in reader]


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from conftest import count_film

    return count_film(tmp_path_factory.mktemp("counted") / "count.mp4", frames=20)


def test_a_boomerang_returns_without_showing_its_ends_twice(tmp_path: Path, counted: Path) -> None:
    made = export(counted, tmp_path / "out.mp4", boomerang=True)
    assert numbers(made) == [*range(20), *range(18, 0, -1)]
    assert "Audio:" not in describe(made)


def test_speed_and_cut(tmp_path: Path, counted: Path) -> None:
    assert numbers(export(counted, tmp_path / "a.mp4", speed=2.0, fps=Fraction(25))) == list(range(0, 20, 2))
    assert numbers(export(counted, tmp_path / "b.mp4", start=0.2, end=0.4)) == list(range(5, 10))
    slow = export(counted, tmp_path / "c.gif", speed=0.5, fps=Fraction(25))
    assert probe(slow).duration == pytest.approx(1.6, abs=0.01)


def circling(count: int, period: int) -> Iterator[np.ndarray]:
    """A spot that goes round and round in a dark frame, with something else at both ends."""
    for number in range(count):
        frame = np.full((64, 96, 3), 30, np.uint8)
        angle = 2 * np.pi * number / period
        x, y = round(48 + 30 * np.cos(angle)), round(32 + 20 * np.sin(angle))
        frame[y - 8 : y + 8, x - 8 : x + 8] = 230
        frame[:8] = min(255, 20 * abs(number - count // 2) if abs(number - count // 2) > period else 0)
        yield frame


def test_the_best_loop_is_found_and_has_n_frames() -> None:
    first, count, seam = find_loop(circling(70, 24))
    assert count in (24, 48) and seam < 1
    frames = list(circling(70, 24))
    assert np.abs(frames[first].astype(int) - frames[first + count]).mean() < 0.5
    assert find_loop(iter([])) == (0, 0, 0.0)


def test_a_loop_of_the_clip_is_cut_out(tmp_path: Path, counted: Path) -> None:
    made = export(counted, tmp_path / "out.gif", find_loop=True)
    assert 4 <= len(parse_gif(made.read_bytes()).delays) <= 20


def test_the_recipe_of_a_dream_goes_on(tmp_path: Path, counted: Path) -> None:
    from dreamvideo.media.comments import read_comment
    from dreamvideo.media.writer import ClipWriter

    with ClipWriter(
        tmp_path / "dream.mp4", (32, 32), Fraction(25), crf=18, metadata={"comment": 'dreamvideo = "1"'}
    ) as writer:
        for _ in range(3):
            writer.write(np.zeros((32, 32, 3), np.uint8))
    assert read_comment(export(tmp_path / "dream.mp4", tmp_path / "a.gif")) == 'dreamvideo = "1"'
    export_clip(tmp_path / "dream.mp4", tmp_path / "b.gif", GifSettings(), tell=False)
    assert read_comment(tmp_path / "b.gif") is None


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("8MB", 8_000_000),
        ("9.5 MB", 9_500_000),
        ("500kB", 500_000),
        ("1MiB", 1 << 20),
        ("8000000", 8_000_000),
    ],
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert parse_bytes(text, "--max-size") == size


@pytest.mark.parametrize("text", ["", "MB", "-1MB", "8 apples", "1e9", "8MBB"])
def test_other_sizes_are_not(text: str) -> None:
    import typer

    with pytest.raises(typer.BadParameter):
        parse_bytes(text, "--max-size")
