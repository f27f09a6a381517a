"""`--estimate` and `--preview`: what is told before a render, and what is not touched by it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import film

from dreamvideo.cli.main import main
from dreamvideo.film import Report
from dreamvideo.jobs.before import PREVIEW_SIDE, foretell, preview_recipe, preview_target
from dreamvideo.media.stills import open_clip
from dreamvideo.settings import CarrySettings, FilmSettings, Recipe

SMALL = ("--model", "vgg16-lite", "--device", "cpu", "--detail", "64", "--steps", "2", "--octaves", "2")


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as stopped:
        main([str(argument) for argument in arguments])
    assert isinstance(stopped.value.code, int)
    return stopped.value.code


def test_an_estimate_is_of_the_whole_and_writes_nothing(
    short_clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.mp4"
    assert run("dream", short_clip, "-o", out, *SMALL, "--cadence", "2", "--estimate", "--json", "-q") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["frames"] == 25 and told["sampled"] == 5
    least, most = told["seconds"]
    assert 0 < least < most
    assert told["parts"] == pytest.approx(25 * 64 * 48 * 3 / 2)
    assert told["output"] > 1000
    assert not list(tmp_path.iterdir())


def test_an_estimate_for_people(short_clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("dream", short_clip, "-o", tmp_path / "out.gif", *SMALL, "--estimate", "-q") == 0
    said = capsys.readouterr().out
    sampled = 1 + 2 * CarrySettings.cadence
    assert said.startswith("25 frames: ") and f"told from {sampled} frames" in said


def test_a_still_is_not_estimated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import numpy as np

    from dreamvideo.images import write_still

    still = tmp_path / "still.png"
    write_still(still, np.zeros((32, 32, 3), np.uint8))
    assert run("dream", still, "-o", tmp_path / "out.png", *SMALL, "--estimate", "-q") == 2
    assert "--estimate is for clips" in capsys.readouterr().err


def test_a_preview_has_all_frames_and_a_name_of_its_own(short_clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    assert run("dream", short_clip, "-o", out, *SMALL, "--preview", "-q") == 0
    assert [path.name for path in tmp_path.iterdir()] == ["out-preview.mp4"]
    with open_clip(preview_target(out)) as reader:
        assert reader.frames == 25


def test_a_preview_is_small_and_never_finer_than_asked(tmp_path: Path) -> None:
    wide = film(tmp_path / "wide.mp4", size=(1280, 96), seconds=0.2)
    small = preview_recipe(wide, Recipe())
    assert small.film.size is not None and max(small.film.size) == PREVIEW_SIDE
    assert small.film.detail < FilmSettings.detail and small.carry.cadence > CarrySettings.cadence
    coarse = preview_recipe(wide, Recipe(film=FilmSettings(detail=64, size=(320, 24))))
    assert coarse.film.detail == 64 and coarse.film.size == (320, 24)


def test_a_preview_tells_of_the_whole(
    short_clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("dream", short_clip, "-o", tmp_path / "out.mp4", *SMALL, "--preview") == 0
    assert "told from this preview, the whole takes " in capsys.readouterr().err
    wide = film(tmp_path / "wide.mp4", size=(1280, 96), seconds=0.2)
    report = Report(wide, 10, None, (480, 36), resumed_at=5, seconds=3)
    found = foretell(wide, Recipe(), report)
    assert found.larger == 640 / 256
    assert found.seconds == pytest.approx((6 * 2.5**2 / 2, 6 * 2.5**2 * 2))


def test_the_peak_of_memory_is_this_programs_alone() -> None:
    """Not that of what it was started from, as `getrusage` has it on Linux."""
    held = np.ones(30_000_000)  # 240 MB
    code = "from dreamvideo.memory import peak_memory; print(peak_memory())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < held.nbytes // 2
    code = f"import numpy; numpy.ones({held.size}); {code}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) > held.nbytes
