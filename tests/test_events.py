"""`--events`: what a program that watches a run is told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import film

import dreamvideo
from dreamvideo.cli.main import main
from dreamvideo.images import read_still

FAST = ("--model", "vgg16-lite", "--device", "cpu", "--detail", "48", "--octaves", "2", "--steps", "2")


@pytest.fixture(autouse=True)
def keep_signals() -> Any:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert isinstance(stopped.value.code, int)
    return stopped.value.code


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_run_tells_its_begin_its_way_and_its_end(
    short_clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.mp4"
    code = run("dream", str(short_clip), "-o", str(out), *FAST, "--frames", "4", "-q", "--events", "-")
    told = lines(capsys.readouterr().out)
    assert code == 0
    assert told[0] == {"event": "started", "command": "dream"}
    assert told[-1] == {"event": "finished", "output": str(out), "code": 0}
    last = told[-2]
    assert (last["event"], last["label"], last["done"], last["expected"]) == ("progress", "dreaming", 4, 4)
    assert last["left"] == 0 and last["seconds"] > 0


def test_a_run_of_workers_tells_that_it_looks_for_shots(
    short_clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "out.mp4")
    assert run("dream", str(short_clip), "-o", out, *FAST, "-q", "--workers", "1", "--events", "-") == 0
    told = [line for line in lines(capsys.readouterr().out) if line["event"] == "progress"]
    assert list(dict.fromkeys(line["label"] for line in told)) == ["looking for shots", "dreaming"]
    assert all(line["expected"] == told[-1]["done"] for line in told)


def test_a_file_gets_the_newest_picture_beside_it(short_clip: Path, tmp_path: Path) -> None:
    events = tmp_path / "run.jsonl"
    arguments = (str(short_clip), "-o", str(tmp_path / "out.mp4"), *FAST, "--frames", "4")
    assert run("dream", *arguments, "--events", str(events)) == 0
    told = lines(events.read_text())
    assert [line["event"] for line in told if line["event"] != "progress"] == ["started", "finished"]
    assert told[-2]["picture"] >= 1
    assert read_still(tmp_path / "run.jsonl.jpg").shape == (48, 64, 3)


@pytest.mark.parametrize(
    "arguments, code, words",
    [
        (("missing.mp4", "-o", "out.mp4"), 1, "no such file: missing.mp4"),
        (("missing.mp4", "-o", "out.mp4", "--steps", "0"), 2, "steps must be between"),
        (("missing.mp4", "-o", "out.mp4", "--size", "big"), 2, "a size like"),
    ],
)
def test_a_failure_tells_the_line_that_a_person_sees(
    arguments: tuple[str, ...], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("dream", *arguments, "--events", "-") == code
    said = capsys.readouterr()
    last = lines(said.out)[-1]
    assert (last["event"], last["code"]) == ("failed", code)
    assert words in last["error"] and last["error"] in said.err


def test_two_reports_do_not_share_stdout(short_clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("dream", str(short_clip), "-o", "out.mp4", "--json", "--events", "-") == 2
    said = capsys.readouterr()
    assert "--json" in said.err and not said.out


def start(*arguments: str, cwd: Path, **pipes: Any) -> subprocess.Popen[str]:
    checkout = str(Path(dreamvideo.__file__).parent.parent)
    return subprocess.Popen(
        [sys.executable, "-m", "dreamvideo", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": checkout},
        text=True,
        **pipes,
    )


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
def test_a_stopped_run_says_so(tmp_path: Path) -> None:
    film(tmp_path / "long.mp4", seconds=12)
    arguments = ("long.mp4", "-o", "out.mp4", *FAST, "-q", "--events", "-")
    process = start("dream", *arguments, cwd=tmp_path, stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process:
        next(line for line in process.stdout if json.loads(line).get("done"))
        process.send_signal(signal.SIGTERM)
        told = lines(process.stdout.read())
    assert process.returncode == 130
    assert told[-1] == {"event": "stopped"}


@pytest.mark.skipif(os.name != "posix", reason="POSIX pipes")
def test_a_watcher_that_went_away_stops_nothing(short_clip: Path, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    arguments = (str(short_clip), "-o", "out.gif", *FAST, "-q", "--frames", "2", "--events", "-")
    with start("dream", *arguments, cwd=tmp_path, stdout=writer, stderr=subprocess.PIPE) as process:
        os.close(writer)
        assert process.stderr is not None and process.stderr.read() == ""
    assert process.returncode == 0 and (tmp_path / "out.gif").stat().st_size
