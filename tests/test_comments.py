"""The recipe in files: there in every kind, the same when it comes back, and enough to dream it again."""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import run_ffmpeg

from dreamvideo.cli.main import main
from dreamvideo.errors import InputError
from dreamvideo.images import encode_still, read_still, write_still
from dreamvideo.media.comments import read_comment, with_comment
from dreamvideo.media.stills import open_clip
from dreamvideo.recipe import written_from_toml

FAST = ("--model", "vgg16-lite", "--device", "cpu", "--detail", "48", "--octaves", "2", "--steps", "2")
FILMS = ["mp4", "mov", "mkv", "webm", "gif", "webp", "apng"]
STILLS = ["png", "webp", "jpg"]
TEXT = 'dreamvideo = "1"\n\n[a]\nname = "<&> \\" 夢 \U0001f600"\n' + "b = 1\n" * 200

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def keep_signals() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        said = capsys.readouterr()
        assert isinstance(stopped.value.code, int)
        return stopped.value.code, said.out, said.err

    return call


@pytest.fixture
def place(tmp_path: Path, short_clip: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shutil.copy(short_clip, "clip.mp4")
    x = np.linspace(0, 255, 64)
    write_still(Path("still.png"), np.stack([np.tile(x, (48, 1))] * 3, -1).astype(np.uint8))
    return tmp_path


def frames_of(path: str) -> list[bytes]:
    with open_clip(path) as reader:
        return [frame.tobytes() for frame, _ in reader]


@pytest.mark.parametrize("ending", FILMS)
def test_a_film_is_dreamed_again_from_itself(run: Run, place: Path, ending: str) -> None:
    settings = ("--layer", "conv3_3=0.5", "--seed", "7", "--fps", "12.5", "--frames", "3", "--no-audio")
    assert run("dream", "clip.mp4", "-o", f"one.{ending}", *FAST, *settings, "-q")[0] == 0
    code, text, _ = run("recipe", f"one.{ending}")
    written = written_from_toml(text)
    assert code == 0 and written.network is not None and written.network[0] == "vgg16-lite"
    assert (written.settings.dream.seed, written.settings.film.frames) == (7, 3)
    assert str(place) not in text and "clip" not in text, "nothing of this machine"
    assert run("dream", "clip.mp4", "-o", f"two.{ending}", "--recipe", f"one.{ending}", "-q") == (0, "", "")
    assert frames_of(f"two.{ending}") == frames_of(f"one.{ending}")
    assert run("recipe", f"two.{ending}")[1] == text


@pytest.mark.parametrize("ending", STILLS)
def test_a_still_is_dreamed_again_from_itself(run: Run, place: Path, ending: str) -> None:
    assert run("dream", "still.png", "-o", f"one.{ending}", *FAST, "--seed", "3", "-q")[0] == 0
    assert run("dream", "still.png", "-o", f"two.{ending}", "--recipe", f"one.{ending}", "-q")[0] == 0
    assert np.array_equal(read_still(Path(f"one.{ending}")), read_still(Path(f"two.{ending}")))
    assert Path(f"one.{ending}").read_bytes() == Path(f"two.{ending}").read_bytes()


def test_what_is_typed_wins_over_the_recipe(run: Run, place: Path) -> None:
    run("dream", "still.png", "-o", "one.png", *FAST, "--seed", "3", "-q")
    Path("r.toml").write_text(run("recipe", "one.png")[1], "utf-8")
    code, _, said = run("dream", "still.png", "-o", "two.png", "--recipe", "r.toml", "--steps", "3", "-q")
    assert (code, said) == (0, "")
    old, new = (written_from_toml(run("recipe", name)[1]).settings for name in ("one.png", "two.png"))
    assert (new.dream.steps, new.dream.seed, new.film) == (3, 3, old.film)
    assert old.dream.steps == 2


def test_a_recipe_can_be_left_out(run: Run, place: Path) -> None:
    run("dream", "clip.mp4", "-o", "one.mp4", *FAST, "--frames", "1", "--no-recipe", "-q")
    run("dream", "still.png", "-o", "one.png", *FAST, "--no-recipe", "-q")
    for name in ("one.mp4", "one.png", "clip.mp4"):
        code, out, said = run("recipe", name)
        assert (code, out) == (1, "") and re.fullmatch(r"dreamvideo: .* carries no recipe: [^\n]*\n", said)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('dreamvideo = "1"\n[dream]\nsteps = 0', "steps must be between"),
        ('dreamvideo = "1"\n[dream]\nspeed = 1', "no setting called 'speed' in dream"),
        ("steps: 3", "the recipe is not TOML"),
    ],
)
def test_a_wrong_recipe_is_refused_in_one_line(run: Run, place: Path, text: str, words: str) -> None:
    Path("r.toml").write_text(text, "utf-8")
    code, out, said = run("dream", "still.png", "-o", "two.png", "--recipe", "r.toml")
    assert (code, out) == (2, "") and words in said and said.count("\n") == 1
    assert not Path("two.png").exists()


def test_schedules_are_part_of_the_recipe(run: Run, place: Path) -> None:
    given = ("--strength", "0:0, 100%:1", "--layer", "conv2_2=0:1,12:0", "--layer", "conv3_1=p")
    assert run("dream", "clip.mp4", "-o", "one.mkv", *FAST, *given, "-q")[0] == 0
    assert run("dream", "clip.mp4", "-o", "two.mkv", "--recipe", "one.mkv", "-q")[0] == 0
    with open_clip(Path("one.mkv")) as one, open_clip(Path("two.mkv")) as two:
        assert all(np.array_equal(a.frame, b.frame) for a, b in zip(one, two, strict=True))


def test_a_still_has_no_time_for_schedules(run: Run, place: Path) -> None:
    Path("change.toml").write_text('dreamvideo = "0.1.0"\n[film]\nstrength = "0:1, 100%:0.5"\n')
    code, _, said = run("dream", "still.png", "-o", "out.png", *FAST, "--recipe", "change.toml", "-q")
    assert code == 2 and "strength is a schedule, '0:1, 100%:0.5'" in said and said.count("\n") == 1


def test_other_weights_than_the_recipes_are_noticed(run: Run, place: Path) -> None:
    network = f'[network]\nname = "vgg16-lite"\nsha256 = "{"0" * 64}"\n'
    Path("r.toml").write_text(f'dreamvideo = "1"\n{network}[film]\ndetail = 48\n', "utf-8")
    arguments = ("dream", "still.png", "-o", "two.png", "--recipe", "r.toml", "-q")
    code, _, said = run(*arguments)
    assert code == 1 and "other weights of vgg16-lite" in said and "--weights" in said
    assert run(*arguments, "--model", "vgg16-lite")[0] == 0


def test_a_stranger_s_comment_cannot_speak_to_the_terminal(run: Run, place: Path) -> None:
    wrong = 'dreamvideo = "1"\nx = "\\u001b[31m\\u0007"\n'
    Path("a.png").write_bytes(with_comment(Path("still.png").read_bytes(), wrong))
    code, out, _ = run("recipe", "a.png")
    assert code == 0 and "\x1b" not in out and "\\u001b" in out


@pytest.mark.parametrize("ending", ["png", "webp", "jpg"])
@pytest.mark.parametrize("shape", [(48, 64), (1, 1), (33, 17)])
def test_stills_hold_text_and_stay_what_they_are(tmp_path: Path, ending: str, shape: tuple[int, int]) -> None:
    path = tmp_path / f"a.{ending}"
    frame = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    data = encode_still(path, frame)
    path.write_bytes(data)
    before = read_still(path)
    assert read_comment(path) is None
    path.write_bytes(with_comment(data, TEXT))
    assert read_comment(path) == TEXT
    assert np.array_equal(read_still(path), before)
    assert run_ffmpeg("-loglevel", "warning", "-i", path, "-f", "null", "-").strip() == ""


def test_a_lossless_webp_holds_text(tmp_path: Path) -> None:
    frame = np.random.default_rng(0).integers(0, 256, (5, 7, 4), np.uint8)
    done, data = cv2.imencode(".webp", frame, [cv2.IMWRITE_WEBP_QUALITY, 101])
    assert done and data.tobytes()[12:16] == b"VP8L"
    path = tmp_path / "a.webp"
    path.write_bytes(with_comment(data.tobytes(), TEXT))
    assert read_comment(path) == TEXT
    both = (cv2.imdecode(data, cv2.IMREAD_UNCHANGED), cv2.imread(str(path), cv2.IMREAD_UNCHANGED))
    assert np.array_equal(*both)


def test_files_that_hold_no_comment_are_left_alone() -> None:
    assert with_comment(b"anything", TEXT) == b"anything"


@pytest.mark.parametrize("begin", [b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b"RIFF\0\0\0\0WEBP", b"GIF89a"])
@pytest.mark.parametrize("rest", [b"", b"\0" * 64, b"\xff" * 64, os.urandom(512)])
def test_damaged_pictures_end_early(tmp_path: Path, begin: bytes, rest: bytes) -> None:
    path = tmp_path / "a"
    path.write_bytes(begin + rest)
    assert read_comment(path) is None


def test_what_is_no_film_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("nothing of the kind")
    with pytest.raises(InputError, match="no film or picture"):
        read_comment(tmp_path / "a.mp4")
    with pytest.raises(InputError, match="no such file"):
        read_comment(tmp_path / "b.mp4")


def test_a_guide_is_asked_for_again(run: Run, place: Path) -> None:
    guide = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    write_still(Path("guide.png"), guide)
    write_still(Path("other.png"), guide[::-1])
    assert run("dream", "still.png", "-o", "one.png", *FAST, "--guide", "guide.png", "-q")[0] == 0
    assert "guide.png" not in run("recipe", "one.png")[1]
    again = ("dream", "still.png", "-o", "two.png", "--recipe", "one.png", "-q")
    for arguments, words in [
        ((), "give it again with --guide"),
        (("--guide", "other.png"), "is not the guide"),
    ]:
        code, _, said = run(*again, *arguments)
        assert code == 2 and words in said
    assert run(*again, "--guide", "guide.png")[0] == 0
    assert Path("one.png").read_bytes() == Path("two.png").read_bytes()
