"""From a file to a file: everything together on tiny clips."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from conftest import MakeClip

from dreamvideo.errors import InputError, OutputError, UnknownNameError, UsageError
from dreamvideo.film import Report
from dreamvideo.images import read_still, write_still
from dreamvideo.jobs.dream import dream_file
from dreamvideo.jobs.run import partial_name
from dreamvideo.measure import measure_files
from dreamvideo.media.outputs import check_job
from dreamvideo.media.probe import probe
from dreamvideo.media.stills import open_clip
from dreamvideo.nets import Network, load_network
from dreamvideo.settings import DreamSettings, FilmSettings, Recipe

# ffmpeg draws what is left open here by chance, whatever the seed
GRADIENT = "gradients=c0=teal:c1=orange:x0=0:y0=0:x1=63:y1=47"
QUICK = DreamSettings(octaves=1, steps=2, layers=(("conv2_2", 1.0),))


@pytest.fixture(scope="module")
def network() -> Network:
    return load_network("vgg16-lite", device="cpu")


def render(source: Path, target: Path, network: Network, **film: object) -> Report:
    return dream_file(source, target, network, Recipe(QUICK, film=FilmSettings(**film)))  # type: ignore[arg-type]


def frames_of(path: Path) -> list[np.ndarray]:
    with open_clip(path) as reader:
        return [timed.frame for timed in reader]


def test_a_clip_keeps_its_frames_rate_size_and_sound(
    tmp_path: Path, make_clip: MakeClip, network: Network
) -> None:
    source = make_clip(
        tmp_path / "in.mp4", "-c:v", "libx264", "-c:a", "aac", fps="24000/1001", seconds=0.5, sound=True
    )
    report = render(source, tmp_path / "out.mp4", network)
    before, after = probe(source), probe(tmp_path / "out.mp4")
    assert report.frames == before.frames == after.frames
    assert after.fps == Fraction(24000, 1001)
    assert after.size == before.size
    assert after.has_audio
    assert {"decode", "motion", "dream", "carry", "encode"} <= report.stages.keys()


def test_strength_nothing_gives_the_source_back(
    tmp_path: Path, make_clip: MakeClip, network: Network
) -> None:
    source = make_clip(tmp_path / "in.mp4", source=GRADIENT, seconds=0.4)
    render(source, tmp_path / "out.mp4", network, strength=0.0, crf=10)
    for before, after in zip(frames_of(source), frames_of(tmp_path / "out.mp4"), strict=True):
        assert np.abs(before.astype(int) - after).mean() < 2


def test_a_small_detail_leaves_a_sharp_large_film(
    tmp_path: Path, make_clip: MakeClip, network: Network
) -> None:
    source = make_clip(tmp_path / "in.mp4", size=(256, 192), seconds=0.2)
    render(source, tmp_path / "out.mp4", network, detail=64, strength=0.3)
    assert measure_files(source, tmp_path / "out.mp4", 256, "dis")["sharpness"] > 0.9


def test_a_still_becomes_a_still(tmp_path: Path, network: Network) -> None:
    picture = np.random.default_rng(0).integers(60, 200, (40, 56, 3), np.uint8)
    write_still(tmp_path / "in.png", picture)
    report = render(tmp_path / "in.png", tmp_path / "out.png", network)
    assert report.frames == 1
    assert read_still(tmp_path / "out.png").shape == picture.shape
    assert not np.array_equal(read_still(tmp_path / "out.png"), picture)


def test_one_pixel_can_be_dreamed(tmp_path: Path, network: Network) -> None:
    write_still(tmp_path / "in.png", np.full((1, 1, 3), 99, np.uint8))
    render(tmp_path / "in.png", tmp_path / "out.png", network)
    assert read_still(tmp_path / "out.png").shape == (1, 1, 3)


def test_a_slash_at_the_end_asks_for_a_folder_whatever_its_name(
    tmp_path: Path, make_clip: MakeClip, network: Network
) -> None:
    source = make_clip(tmp_path / "in.mp4", seconds=0.08)
    dream_file(source, f"{tmp_path}/shot.v2/", network, Recipe(QUICK))
    assert len(list((tmp_path / "shot.v2").glob("*.png"))) == 2


def test_a_folder_of_stills_becomes_a_film_and_back(
    tmp_path: Path, make_clip: MakeClip, network: Network
) -> None:
    source = make_clip(tmp_path / "in.mp4", seconds=0.2)
    render(source, tmp_path / "frames", network)
    report = render(tmp_path / "frames", tmp_path / "out.gif", network, fps=Fraction(10))
    assert report.frames == 5
    assert len(list((tmp_path / "frames").glob("*.png"))) == 5


def test_wrong_pairs_and_layers_are_refused_before_anything_is_made(
    tmp_path: Path, make_clip: MakeClip, network: Network
) -> None:
    clip = make_clip(tmp_path / "in.mp4", seconds=0.2)
    write_still(tmp_path / "in.png", np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(UsageError, match="is a clip"):
        check_job(clip, tmp_path / "out.png", overwrite=False)
    with pytest.raises(UsageError, match="is a still"):
        check_job(tmp_path / "in.png", tmp_path / "out.mp4", overwrite=False)
    with pytest.raises(UnknownNameError, match="did you mean conv4_3"):
        wrong = DreamSettings(layers=(("conv4_4", 1.0),))
        dream_file(clip, tmp_path / "out.mp4", network, Recipe(wrong))
    with pytest.raises(OutputError):
        check_job(clip, clip, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "in.png"]


def test_a_partial_film_gets_a_name_that_is_free(tmp_path: Path) -> None:
    assert partial_name(tmp_path / "a.mp4").name == "a-partial.mp4"
    (tmp_path / "a-partial.mp4").touch()
    assert partial_name(tmp_path / "a.mp4").name == "a-partial-2.mp4"


def test_transparent_pictures_lie_on_black(tmp_path: Path) -> None:
    import cv2

    picture = np.full((4, 4, 4), 200, np.uint8)
    picture[..., 3] = 255
    picture[:, :2, 3] = 0
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    frame = read_still(tmp_path / "a.png")
    assert (frame[:, :2] == 0).all() and (frame[:, 2:] == 200).all()


def test_a_masked_film_is_its_source_where_the_mask_is_black(
    tmp_path: Path, make_clip: MakeClip, network: Network
) -> None:
    source = make_clip(tmp_path / "in.mp4", seconds=0.2)
    mask = np.zeros((24, 32, 3), np.uint8)  # half as large as the clip
    mask[:, 16:] = 255
    write_still(tmp_path / "mask.png", mask)
    dream_file(source, tmp_path / "out", network, Recipe(QUICK), mask=tmp_path / "mask.png")
    for before, after in zip(frames_of(source), frames_of(tmp_path / "out"), strict=True):
        assert np.array_equal(before[:, :24], after[:, :24])
        assert np.abs(before[:, 40:].astype(int) - after[:, 40:]).mean() > 1


def test_a_mask_clip_goes_with_the_source_in_time(
    tmp_path: Path, make_clip: MakeClip, network: Network
) -> None:
    source = make_clip(tmp_path / "in.mp4", seconds=0.4)
    (tmp_path / "masks").mkdir()
    for number in range(10):  # white from frame 5 on
        frame = np.full((48, 64, 3), 255 if number >= 5 else 0, np.uint8)
        write_still(tmp_path / "masks" / f"{number}.png", frame)
    recipe = Recipe(QUICK, film=FilmSettings(start=0.16))
    dream_file(source, tmp_path / "out", network, recipe, mask=tmp_path / "masks")
    before, after = frames_of(source)[4:], frames_of(tmp_path / "out")
    same = [np.array_equal(a, b) for a, b in zip(before, after, strict=True)]
    assert same == [True] + [False] * 5


def test_a_mask_clip_that_is_too_short_is_refused(
    tmp_path: Path, make_clip: MakeClip, network: Network
) -> None:
    source, mask = make_clip(tmp_path / "in.mp4"), make_clip(tmp_path / "mask.mp4", seconds=0.4)
    with pytest.raises(InputError, match=r"mask\.mp4 has only 10 frames, .*in\.mp4 has 25: a mask must be"):
        dream_file(source, tmp_path / "out.mp4", network, Recipe(QUICK), mask=mask)
    assert not (tmp_path / "out.mp4").exists()


def test_a_guide_clip_may_be_shorter(tmp_path: Path, make_clip: MakeClip, network: Network) -> None:
    source, guide = make_clip(tmp_path / "in.mp4"), make_clip(tmp_path / "guide.mp4", seconds=0.2)
    assert dream_file(source, tmp_path / "out.mp4", network, Recipe(QUICK), guide=guide).frames == 25
    with pytest.raises(InputError, match="no such file"):
        dream_file(source, tmp_path / "no.mp4", network, Recipe(QUICK), guide=tmp_path / "none.png")
