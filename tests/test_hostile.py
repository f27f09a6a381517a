"""Files that mean harm: a right result or one line, nothing run, nothing else read, nothing left behind.

The short form of scripts/hostile.py, which takes all of them under limits of time and memory.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import hostile_extras
import hostile_files
import pytest
from hostile_files import CANARY, Case

from dreamvideo.cli.main import main
from dreamvideo.errors import InputError
from dreamvideo.images import read_still
from dreamvideo.media.stills import open_clip

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes, links and names of POSIX")

FAST = ("--detail", "48", "--octaves", "1", "--steps", "1", "--device", "cpu", "--quiet")
LITE = ("--model", "vgg16-lite", "--layer", "conv1_2")
EVERY = {  # of each kind, one case in so many
    hostile_files.truncations: 17,
    hostile_files.bit_flips: 19,
    hostile_files.wrong_endings: 4,
    hostile_files.nothing_in_it: 3,
    hostile_files.huge_claims: 7,
    hostile_files.broken_gifs: 4,
    hostile_files.odd_times: 9,
    hostile_files.odd_streams: 6,
    hostile_files.pointers: 5,
    hostile_files.no_files: 1,
    hostile_files.odd_names: 5,
    hostile_files.weights: 5,
    hostile_extras.recipes: 5,
    hostile_extras.beside: 2,
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    hostile_files.good_files(folder)
    return folder


def some_of(kind: object, files: Path) -> Iterator[Case]:
    for number, case in enumerate(kind(files)):  # type: ignore[operator]
        if number % EVERY[kind] == 0:  # type: ignore[index]
            yield case


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)
def test_a_right_result_or_one_line(
    kind: object,
    files: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(files)
    for case in some_of(kind, files):
        place = tmp_path / str(len(os.listdir(tmp_path)))
        place.mkdir()
        is_still = case.path.suffix in hostile_files.STILL_ENDINGS and "moving" not in case.name
        output = place / (case.output or ("out.png" if is_still else "out.mkv"))
        network = () if "--model" in case.options else LITE
        with pytest.raises(SystemExit) as ended:
            main(["dream", *FAST, *network, *case.options, f"--output={output}", "--", str(case.path)])
        said = capsys.readouterr().err
        assert ended.value.code in (0, 1, 2, 3) and "unexpected" not in said, (case.name, said)
        if ended.value.code in (0, 3):
            assert not case.refused, case.name
            assert os.listdir(place) == [output.name]
            assert is_readable(output), case.name
        else:
            assert os.listdir(place) == [], case.name
            errors = [line for line in said.splitlines() if line.startswith("dreamvideo: ")]
            assert len(errors) == 1, (case.name, said)
    assert not list(files.rglob(CANARY))


def is_readable(path: Path) -> bool:
    if path.suffix == ".png":
        return bool(read_still(path).size)
    with open_clip(path) as reader:
        return next(iter(reader), None) is not None


def test_a_bomb_is_refused_before_it_is_unpacked(files: Path, tmp_path: Path) -> None:
    case = next(hostile_files.bombs(files))
    assert case.path.stat().st_size < 200_000
    with pytest.raises(InputError, match="megapixels"):
        read_still(case.path)
