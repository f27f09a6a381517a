"""The command line: what it makes, what it says, how it ends, and what it leaves when it cannot go on.

Most tests call `main` in this process. Those about signals, pipes and imports start a real one.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, fields
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from conftest import H264, cut_off, describe, film

import dreamvideo
from dreamvideo.cli.main import app, main
from dreamvideo.cli.progress import show_progress
from dreamvideo.images import read_still, write_still
from dreamvideo.media.decode import decode
from dreamvideo.media.reader import ClipReader
from dreamvideo.nets.vgg import LAYERS
from dreamvideo.progress import at_stage
from dreamvideo.settings import MOST_DETAIL, CarrySettings, DreamSettings, FilmSettings

CHECKOUT = Path(dreamvideo.__file__).parent.parent
COMMANDS: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]

FAST = ("--model", "vgg16-lite", "--device", "cpu", "--detail", "48", "--octaves", "2", "--steps", "2")
CLIP_FRAMES = 25

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


Run = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def keep_signals() -> Iterator[None]:
    """`main` takes over SIGTERM; pytest gets it back."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """run("dream", "in.mp4", ...) -> how it ended and what it said."""

    def call(*arguments: str) -> Outcome:
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        said = capsys.readouterr()
        assert isinstance(stopped.value.code, int)
        return Outcome(stopped.value.code, said.out, said.err)

    return call


@pytest.fixture
def place(tmp_path: Path, short_clip: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder of a test: good and bad inputs under short names."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))  # a machine without weights
    shutil.copy(short_clip, "clip.mp4")
    write_still(Path("still.png"), np.full((48, 64, 3), (200, 120, 40), np.uint8))
    Path("empty.mp4").touch()
    Path("text.mp4").write_text("not a film, whatever its name says\n" * 50)
    cut_off(short_clip, Path("headless.mp4"), 0.5)  # its index is at the end
    Path("bare").mkdir()
    os.symlink("clip.mp4", "link.mp4")
    os.link("clip.mp4", "twin.mp4")
    Path("old.mp4").write_bytes(b"an old film")
    Path("garbage.pth").write_bytes(b"no weights")
    return tmp_path


def contents(folder: Path) -> dict[str, bytes | None]:
    """Everything in a folder, hidden things too: name -> bytes, None for a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in folder.rglob("*")}


def count(path: Path | str) -> int:
    with ClipReader(path) as reader:
        return sum(1 for _ in reader)


def refused(outcome: Outcome, code: int, words: str) -> None:
    """One line on stderr, nothing on stdout, that code."""
    assert (outcome.code, outcome.out) == (code, ""), outcome
    assert re.fullmatch(rf"dreamvideo: [^\n]*{words}[^\n]*\n", outcome.err), outcome.err


# --- wrong before anything is looked into: told at once, without torch -----------------------------------

SLIPS_IN_NAMES: list[tuple[list[str], int, str]] = [
    (["missing.mp4", "-o", "out.mp4"], 1, "no such file: missing.mp4"),
    (["empty.mp4", "-o", "out.mp4"], 1, "empty.mp4 is empty"),
    (["clip.mp4", "-o", "nowhere/out.mp4"], 2, "the folder .*nowhere does not exist: make it first"),
    (["clip.mp4", "-o", "out.avi"], 2, r"cannot write '\.avi' files: .*mp4"),
    (["clip.mp4", "-o", "old.mp4"], 2, "old.mp4 exists: add --overwrite"),
    (["clip.mp4", "-o", "."], 2, "not empty: add --overwrite"),
    (["clip.mp4", "-o", "text.mp4/out.mp4"], 2, "does not exist"),
    (["clip.mp4", "-o", "clip.mp4", "--overwrite"], 2, "is the input itself"),
    (["clip.mp4", "-o", "./bare/../clip.mp4", "--overwrite"], 2, "is the input itself"),
    (["clip.mp4", "-o", "link.mp4", "--overwrite"], 2, "is the input itself"),
    (["link.mp4", "-o", "clip.mp4", "--overwrite"], 2, "is the input itself"),
    (["clip.mp4", "-o", "twin.mp4", "--overwrite"], 2, "is the input itself"),
]

OUT_OF_RANGE = [
    ("--octaves", "0"),
    ("--octaves", "21"),
    ("--octave-scale", "1"),
    ("--octave-scale", "nan"),
    ("--steps", "0"),
    ("--step-size", "0"),
    ("--step-size", "-1"),
    ("--natural", "1.5"),
    ("--smooth", "-1"),
    ("--jitter", "-1"),
    ("--refresh", "-1"),
    ("--carry", "1.5"),
    ("--cadence", "0"),
    ("--flow", "lucas"),
    ("--cuts", "maybe"),
    ("--strength", "-1"),
    ("--strength", "inf"),
    ("--detail", "8"),
    ("--size", "0x100"),
    ("--start", "-1"),
    ("--end", "0"),
    ("--frames", "0"),
    ("--fps", "0"),
    ("--crf", "52"),
]

NOT_UNDERSTOOD = [
    ("--octaves", "many"),
    ("--detail", "nativ"),
    ("--size", "640"),
    ("--size", "640x"),
    ("--start", "soon"),
    ("--start", "inf"),
    ("--end", "1:x"),
    ("--end", "nan"),
    ("--fps", "25/0"),
    ("--fps", "fast"),
    ("--layer", "conv4_3=much"),
    ("--jiter", "3"),
]

GOOD = ["clip.mp4", "-o", "out.mp4"]


def slips() -> list[list[str]]:
    """Every command line that must fail at once."""
    wrong = [arguments for arguments, _, _ in SLIPS_IN_NAMES]
    wrong += [[*GOOD, *pair] for pair in OUT_OF_RANGE + NOT_UNDERSTOOD]
    return [["dream", *arguments] for arguments in wrong] + [["dream"], ["dream", "clip.mp4"], ["draem"], []]


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: object) -> None:
        raise AssertionError("a network was loaded")

    monkeypatch.setattr("dreamvideo.nets.load_network", load)


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("arguments, code, words", SLIPS_IN_NAMES, ids=lambda value: str(value))
def test_slips_in_names(run: Run, place: Path, arguments: list[str], code: int, words: str) -> None:
    before = contents(place)
    refused(run("dream", *arguments), code, words)
    assert contents(place) == before


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("option, value", OUT_OF_RANGE)
def test_settings_out_of_range(run: Run, place: Path, option: str, value: str) -> None:
    before = contents(place)
    name = option.strip("-").replace("-", "_")
    refused(run("dream", *GOOD, option, value), 2, f"{name} must be .*, got ")
    assert contents(place) == before


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("option, value", NOT_UNDERSTOOD)
def test_options_not_understood(run: Run, place: Path, option: str, value: str) -> None:
    before = contents(place)
    refused(run("dream", *GOOD, option, value), 2, rf"{option}\b.*--help\)")
    assert contents(place) == before


@pytest.mark.usefixtures("no_network")
def test_a_file_that_may_not_be_read(run: Run, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Permissions do not bind root, so the answer of the system is made up."""
    monkeypatch.setattr("os.access", lambda path, mode: mode != os.R_OK)
    refused(run("dream", *GOOD), 1, "cannot read clip.mp4: permission denied")


@pytest.mark.usefixtures("no_network")
def test_a_folder_that_may_not_be_written_in(run: Run, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: not mode & os.W_OK)
    refused(run("dream", *GOOD), 2, "cannot write into .*: permission denied")


def test_usage_without_what_is_needed(run: Run, place: Path) -> None:
    refused(run("dream", "clip.mp4"), 2, "--output")
    refused(run("dream", "-o", "out.mp4"), 2, "IN")
    refused(run("draem"), 2, "Did you mean 'dream'")
    bare = run()
    assert bare.code == 2 and bare.out == "" and bare.err.startswith("Usage: ")


def started(*arguments: str, code: str = "") -> list[str]:
    """A command that runs dreamvideo, or Python `code`, in a process of its own."""
    return [sys.executable, *(["-c", code] if code else ["-m", "dreamvideo"]), *arguments]


def environment() -> dict[str, str]:
    """What such a process gets: this checkout, wherever it runs."""
    return {**os.environ, "PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1"}


def test_help_and_slips_do_not_wait_for_torch(place: Path) -> None:
    code = """
import json, sys
from dreamvideo.cli.main import main
for arguments in json.load(sys.stdin):
    try:
        main(arguments)
    except SystemExit as stopped:
        assert (stopped.code == 0) == ("--help" in arguments or "--version" in arguments), arguments
    assert "torch" not in sys.modules, arguments
"""
    lines = [["--help"], ["--version"], *([name, "--help"] for name in COMMANDS), *slips()]
    done = subprocess.run(
        started(code=code), input=json.dumps(lines), capture_output=True, text=True, env=environment()
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


# --- wrong inside: told before anything is dreamed --------------------------------------------------------


@pytest.mark.parametrize(
    "arguments, code, words",
    [
        (["text.mp4", "-o", "out.mp4"], 1, "text.mp4 is not a video, or is damaged"),
        (["headless.mp4", "-o", "out.mp4"], 1, r"headless.mp4 is cut short: its index \(moov\) is missing"),
        (["bare", "-o", "out.mp4"], 1, "no pictures .* match bare"),
        (["shot_%03d.png", "-o", "out.mp4"], 1, "no pictures .* match shot_%03d.png"),
        (["clip.mp4", "-o", "out.mp4", "--start", "9"], 1, "clip.mp4 is 1.00 s long: there is nothing"),
        (["clip.mp4", "-o", "out.png"], 2, "clip.mp4 is a clip: give the output an ending like .mp4"),
        (["still.png", "-o", "out.mp4"], 2, "still.png is a still: give the output an ending like .png"),
        (["clip.mp4", "-o", "out.mp4", "--layer", "conv4_4"], 2, "conv4_4.*did you mean conv4_[123]"),
        (["clip.mp4", "-o", "out.mp4", "--layer", "conv43"], 2, "did you mean conv4_3"),
        (["clip.mp4", "-o", "out.mp4", "--layer", "xyz"], 2, "no layer .* called 'xyz': `dreamvideo layers"),
        (["clip.mp4", "-o", "out.mp4", "--device", "tpu"], 2, "no device tpu here; use --device auto"),
        (["clip.mp4", "-o", "out.mp4", "--weights", "none.pth"], 1, "no weights at none.pth"),
        (
            ["clip.mp4", "-o", "out.mp4", "--weights", "garbage.pth"],
            1,
            "garbage.pth cannot be read as weights",
        ),
        (["clip.mp4", "-o", "out.mp4", "--model", "vgg16"], 1, "no weights at .*vgg16-397923af.pth"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_inside(run: Run, place: Path, arguments: list[str], code: int, words: str) -> None:
    before = contents(place)
    fast = [] if "--model" in arguments else list(FAST[:2])
    refused(run("dream", *arguments, *fast), code, words)
    assert contents(place) == before


def test_an_unknown_network(run: Run, place: Path) -> None:
    need_torchvision()
    refused(
        run("dream", *GOOD, "--model", "squeezenet"),
        2,
        "no network .*'squeezenet': did you mean squeezenet1_",
    )
    refused(run("layers", "--model", "vgg61"), 2, "no network called 'vgg61': did you mean vgg1")


def need_torchvision() -> None:
    """Skip, loudly, where torchvision cannot be imported (a CPU build of torch beside it, say)."""
    try:
        import torchvision  # noqa: F401
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"NOT TESTED: torchvision cannot be used here: {error}")


def test_a_clip_that_breaks_in_the_middle(run: Run, place: Path, caplog: pytest.LogCaptureFixture) -> None:
    whole = film(place / "whole.mp4", *H264, "-movflags", "+faststart", size=(160, 120), seconds=2)
    cut_off(whole, place / "broken.mp4", 0.6)
    outcome = run("dream", "broken.mp4", "-o", "out.mp4", *FAST, "--json")
    frames = count("out.mp4")
    assert outcome.code == 3
    assert 1 < frames < 50
    assert f"broken.mp4 breaks off at frame {frames}" in caplog.messages
    report = json.loads(outcome.out)
    assert (report["frames"], report["broken_at"]) == (frames, frames)


# --- what it makes ----------------------------------------------------------------------------------------


def dreamed(run: Run, *arguments: str) -> None:
    """A dream that must succeed without a word."""
    assert run("dream", *arguments, *FAST, "--quiet") == Outcome(0, "", "")


def test_a_clip_keeps_its_frames_rate_size_and_sound(run: Run, place: Path) -> None:
    dreamed(run, "clip.mp4", "-o", "out.mp4")
    with ClipReader("out.mp4") as reader:
        assert (reader.size, reader.fps) == ((64, 48), Fraction(25))
        assert sum(1 for _ in reader) == CLIP_FRAMES
    assert "Audio:" in describe(Path("out.mp4"))
    assert "out.mp4" in os.listdir() and not [name for name in os.listdir() if name.startswith(".")]


def test_a_dream_is_not_its_source(run: Run, place: Path) -> None:
    dreamed(run, "clip.mp4", "-o", "out.mp4", "--frames", "2")
    with ClipReader("clip.mp4") as source, ClipReader("out.mp4") as dream:
        change = np.abs(next(iter(source)).frame.astype(int) - next(iter(dream)).frame).mean()
    assert change > 2


def test_the_same_seed_gives_the_same_film(run: Run, place: Path) -> None:
    dreamed(run, "clip.mp4", "-o", "one.mp4", "--frames", "3")
    dreamed(run, "clip.mp4", "-o", "two.mp4", "--frames", "3")
    dreamed(run, "clip.mp4", "-o", "three.mp4", "--frames", "3", "--seed", "1")
    one, two, three = (Path(f"{name}.mp4").read_bytes() for name in ("one", "two", "three"))
    assert one == two and one != three


def test_part_of_a_clip_at_another_size_and_rate(run: Run, place: Path) -> None:
    dreamed(
        run,
        *("clip.mp4", "-o", "out.mp4", "--start", "0:00.2", "--end", "0.8s"),
        *("--fps", "10", "--size", "40x30", "--no-audio"),
    )
    with ClipReader("out.mp4") as reader:
        assert (reader.size, reader.fps) == ((40, 30), Fraction(10))
        assert sum(1 for _ in reader) == 6
    assert "Audio:" not in describe(Path("out.mp4"))


@pytest.mark.parametrize("ending", ["mov", "mkv", "webm", "gif", "webp", "apng"])
def test_every_kind_of_film(run: Run, place: Path, ending: str) -> None:
    dreamed(run, "clip.mp4", "-o", f"out.{ending}", "--frames", "3", "--fps", "5")
    assert count(f"out.{ending}") == 3


@pytest.mark.parametrize("ending", ["png", "jpg", "jpeg", "webp"])
def test_a_still_makes_a_still(run: Run, place: Path, ending: str) -> None:
    dreamed(run, "still.png", "-o", f"out.{ending}")
    assert read_still(Path(f"out.{ending}")).shape == (48, 64, 3)


def test_a_folder_of_frames_in_and_out(run: Run, place: Path) -> None:
    dreamed(run, "clip.mp4", "-o", "frames", "--frames", "3")
    names = [f"frame_{number:06d}.png" for number in range(3)]
    assert sorted(os.listdir("frames")) == names
    dreamed(run, "frames", "-o", "again")
    dreamed(run, "frames/frame_%06d.png", "-o", "out.mp4", "--fps", "30000/1001")
    assert sorted(os.listdir("again")) == names
    with ClipReader("out.mp4") as reader:
        assert (reader.fps, sum(1 for _ in reader)) == (Fraction(30000, 1001), 3)


def test_a_gif_makes_a_film(run: Run, place: Path) -> None:
    film(place / "small.gif", "-loop", "0", fps="10", size=(32, 24), seconds=0.4)
    dreamed(run, "small.gif", "-o", "out.mp4")
    assert count("out.mp4") == 4


def test_overwrite_replaces(run: Run, place: Path) -> None:
    dreamed(run, "clip.mp4", "-o", "old.mp4", "--overwrite", "--frames", "1")
    assert count("old.mp4") == 1


def test_names_that_begin_with_a_dash(run: Run, place: Path) -> None:
    shutil.copy("clip.mp4", "-clip.mp4")
    outcome = run("dream", *FAST, "--frames", "2", "-q", "-o", "-out.mp4", "--", "-clip.mp4")
    assert outcome == Outcome(0, "", "")
    assert count("-out.mp4") == 2


def test_layers_with_weights_and_every_way_to_carry(run: Run, place: Path) -> None:
    layers = ("--layer", "conv3_3=1", "--layer", "relu4_2=0.5")
    dreamed(run, "clip.mp4", "-o", "a.mp4", *layers, "--frames", "3", "--flow", "farneback", "--cadence", "1")
    dreamed(run, "clip.mp4", "-o", "b.mp4", *layers, "--frames", "3", "--flow", "none", "--carry", "0.5")
    dreamed(
        run, "clip.mp4", "-o", "c.mp4", "--frames", "3", "--carry", "0", "--cuts", "none", "--refresh", "0"
    )
    assert [count(name) for name in ("a.mp4", "b.mp4", "c.mp4")] == [3, 3, 3]


# --- what it says -----------------------------------------------------------------------------------------


def test_the_report_for_machines(run: Run, place: Path) -> None:
    fast = [*FAST, "--layer", "conv3_3=0.5", "--json"]
    outcome = run("dream", "clip.mp4", "-o", "out.mp4", "--frames", "3", "--fps", "30000/1001", *fast)
    report = json.loads(outcome.out)
    assert outcome.code == 0
    assert (report["frames"], report["fps"], report["size"]) == (3, "30000/1001", [64, 48])
    assert report["output"] == "out.mp4" and report["broken_at"] is None
    assert {"decode", "motion", "dream", "encode"} <= report["seconds_per_frame_by_stage"].keys()
    assert report["network"]["name"] == "vgg16-lite" and report["network"]["device"] == "cpu"
    assert re.fullmatch("[0-9a-f]{64}", report["network"]["sha256"])
    settings = report["settings"]
    for part, kind in {"dream": DreamSettings, "carry": CarrySettings, "film": FilmSettings}.items():
        assert settings[part].keys() == {field.name for field in fields(kind)}
    assert settings["dream"]["layers"] == [["conv3_3", 0.5]] and settings["dream"]["steps"] == 2
    assert settings["film"]["fps"] == "30000/1001" and settings["film"]["detail"] == 48


def test_native_detail_is_the_sources_own(run: Run, place: Path) -> None:
    outcome = run("dream", "still.png", "-o", "out.png", *FAST, "--detail", "native", "--json")
    assert outcome.code == 0
    assert json.loads(outcome.out)["settings"]["film"]["detail"] == MOST_DETAIL


def test_a_dream_tells_what_it_made_and_with_what(run: Run, place: Path) -> None:
    outcome = run("dream", "still.png", "-o", "out.png", *FAST[2:])
    network, film_line = outcome.err.splitlines()
    assert (outcome.code, outcome.out) == (0, "")
    assert "vgg16-lite" in network and "vgg16-397923af.pth" in network and "--weights" in network
    assert re.fullmatch(r"out\.png: 1 frame in [\d.]+ s, [\d.]+ s per frame", film_line)


def test_the_version(run: Run) -> None:
    assert run("--version") == Outcome(0, f"dreamvideo {dreamvideo.__version__}\n", "")


@pytest.mark.parametrize("command", COMMANDS)
def test_help(run: Run, command: str) -> None:
    outcome = run(command, "--help")
    assert (outcome.code, outcome.err) == (0, "")
    assert COMMANDS[command].help.splitlines()[0] in outcome.out
    assert "\x1b" not in outcome.out, "plain text, also where colours are forced"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_explains_itself(command: str) -> None:
    assert not [parameter.name for parameter in COMMANDS[command].params if not parameter.help]


def test_layers_are_listed_in_order(run: Run, place: Path) -> None:
    outcome = run("layers", "--model", "vgg16-lite")
    head, *lines = (line.split() for line in outcome.out.splitlines())
    assert (outcome.code, outcome.err, head) == (0, "", ["layer", "channels", "stride", "sees"])
    assert [line[0] for line in lines] == list(LAYERS)
    assert ["conv4_3", "192", "8", "92", "px"] in lines and ["pool5", "384", "32", "212", "px"] in lines
    found = run("layers", "--model", "vgg16", "--search", "pool").out.splitlines()[1:]
    assert [line.split()[0] for line in found] == [f"pool{block}" for block in range(1, 6)]
    refused(run("layers", "--model", "vgg16", "--search", "fire"), 2, "no layer of vgg16 has 'fire'")


def test_models_tell_where_weights_go(run: Run, place: Path) -> None:
    outcome = run("models")
    assert outcome.code == 0 and "vgg16-lite  inside the package" in outcome.out
    assert str(place / "torch") in outcome.out


def test_layers_of_a_network_of_torchvision(run: Run) -> None:
    need_torchvision()
    outcome = run("layers", "--model", "squeezenet1_0")
    lines = [line.split() for line in outcome.out.splitlines()]
    assert outcome.code == 0 and ["features.7", "256", "8", "59", "px"] in lines


def test_measure(run: Run, place: Path) -> None:
    dreamed(run, "clip.mp4", "-o", "out.mp4", "--frames", "4")
    outcome = run("measure", "clip.mp4", "out.mp4", "--detail", "64", "--json")
    figures = json.loads(outcome.out)
    assert (
        outcome.code == 0 and figures and all(isinstance(value, (int, float)) for value in figures.values())
    )
    plain = run("measure", "clip.mp4", "out.mp4", "--detail", "64")
    assert plain.code == 0 and len(plain.out.splitlines()) == len(figures)
    refused(run("measure", "clip.mp4", "missing.mp4"), 1, "missing.mp4")
    refused(run("measure", "clip.mp4", "out.mp4", "--flow", "lucas"), 2, "flow")


# --- one place for a default ------------------------------------------------------------------------------

OPTIONS_OF_THEIR_OWN = {
    "sources",
    "workers",
    "devices",
    "ray",
    "no_shared",
    "shots",
    "output",
    "guide",
    "mask",
    "model",
    "weights",
    "device",
    "overwrite",
    "estimate",
    "preview",
    "poster",
    "contact_sheet",
    "compare",
    "layout",
    "fresh",
    "keep_job",
    "plot_schedule",
    "recipe_file",
    "no_recipe",
    "quiet",
    "as_json",
    "events",
    "help",
}
SPELT_OTHERWISE = {
    "layers": ("layers", None),
    "classes": ("classes", None),
    "start": ("start", "0"),
    "no_audio": ("audio", False),
    "platform": ("platform", None),
}
"""option -> (setting, the default in the words of the command line)"""


def test_every_option_defaults_to_its_setting() -> None:
    settings = {
        field.name: field.default
        for kind in (DreamSettings, CarrySettings, FilmSettings)
        for field in fields(kind)
    }
    options = {p.name: p.default for p in COMMANDS["dream"].params if p.name not in OPTIONS_OF_THEIR_OWN}
    for name, (setting, default) in SPELT_OTHERWISE.items():
        assert options.pop(name) == default
        settings.pop(setting)
    assert options == settings
    assert (DreamSettings.layers, FilmSettings.start, FilmSettings.audio) == ((), 0.0, True)


# --- how it ends ------------------------------------------------------------------------------------------


def test_a_process_of_its_own(place: Path) -> None:
    done = subprocess.run(
        started("dream", "clip.mp4", "-o", "out.gif", "--frames", "2", *FAST, "--quiet"),
        capture_output=True,
        text=True,
        env=environment(),
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert count("out.gif") == 2


def test_debugging_keeps_the_traceback(place: Path) -> None:
    command = started("dream", "missing.mp4", "-o", "out.mp4")
    debugged = subprocess.run(
        command, capture_output=True, text=True, env={**environment(), "DREAMVIDEO_DEBUG": "1"}
    )
    assert debugged.returncode == 1 and "InputError: no such file" in debugged.stderr
    assert "Traceback" in debugged.stderr


@pytest.mark.skipif(os.name != "posix", reason="POSIX pipes")
def test_a_reader_that_went_away(place: Path) -> None:
    """As in `dreamvideo layers | head -1`."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            started("layers", "--model", "vgg16-lite"),
            stdout=writer,
            stderr=subprocess.PIPE,
            env=environment(),
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


def test_the_time_left_is_that_of_the_stage_at_hand(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The stills of a fall are slow, the frames after them quick."""
    clock = [0.0]
    monkeypatch.setattr("dreamvideo.cli.progress.monotonic", lambda: clock[0])
    with show_progress("zooming", quiet=False, unit="picture") as progress:
        for done, expected, seconds in ((1, 3, 10), (2, 3, 10), (3, 3, 10), (1, 21, 1), (11, 21, 10)):
            clock[0] += seconds
            progress(done, expected)
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1] == "zooming: 11/21 pictures, 1.0 pictures/s, 0:10 left"


def test_a_stage_has_a_name_and_a_pace_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = [0.0]
    monkeypatch.setattr("dreamvideo.cli.progress.monotonic", lambda: clock[0])
    with show_progress("dreaming", quiet=False) as progress:
        look = at_stage(progress, "looking for shots")
        for stage, done, seconds in ((look, 0, 0), (look, 60, 6), (progress, 61, 6), (progress, 67, 6)):
            clock[0] += seconds
            stage(done, 70)
    assert capsys.readouterr().err.splitlines() == [
        "looking for shots: 60/70 frames, 10.0 frames/s, 0:01 left",
        "dreaming: 67/70 frames, 1.0 frames/s, 0:03 left",
    ]


TELLS_EVERY_FRAME = """
import signal
import dreamvideo.cli.progress as progress
from dreamvideo.cli.main import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # shells ignore it for background jobs
progress.SECONDS_BETWEEN_LINES = 0
main()
"""


@on_linux
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("output", ["out.mp4", "frames"])
def test_stopped_in_the_middle(tmp_path: Path, number: signal.Signals, output: str) -> None:
    """What was rendered is kept under another name; no ffmpeg and nothing hidden stays behind."""
    clip = film(tmp_path / "long.mp4", seconds=12)
    command = started("dream", clip.name, "-o", output, *FAST, "--cadence", "2", code=TELLS_EVERY_FRAME)
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    with process:
        line = next(line for line in process.stderr if re.match(r"dreaming: \d+/300 frames", line))
        process.send_signal(number)
        rest = process.stderr.read()
    partial = "out-partial.mp4" if output == "out.mp4" else "frames-partial"
    assert process.returncode == 130, line + rest
    assert "Traceback" not in rest
    assert sorted(os.listdir(tmp_path)) == sorted(["long.mp4", partial, f"{output}.dreamjob"])
    kept = count(tmp_path / partial) if output == "out.mp4" else len(os.listdir(tmp_path / partial))
    assert 1 <= kept < 300
    assert f"the first {kept} frames are in {partial}" in rest
    assert not running_with(str(tmp_path))


@pytest.mark.parametrize(
    "moment", ["dreamvideo.nets.network.Network.__call__", "dreamvideo.media.frames.FramesWriter.write"]
)
def test_stopped_while_a_frame_is_being_decoded(
    run: Run, place: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Frames are decoded in a thread: it must have ended before its reader is closed."""
    before = contents(place)
    decoding = threading.Event()

    def decode_slowly(*arguments: Any) -> Iterator[Any]:
        with closing(decode(*arguments)) as decoded:
            for number, frame in enumerate(decoded):
                if number == 3:
                    decoding.set()
                    threading.Event().wait(0.3)  # a frame that takes its time
                yield frame

    def interrupt(*_: Any) -> None:
        assert decoding.wait(30)
        raise KeyboardInterrupt

    monkeypatch.setattr("dreamvideo.media.reader.decode", decode_slowly)
    monkeypatch.setattr(moment, interrupt)
    assert run("dream", "clip.mp4", "-o", "frames", *FAST, "-q").code == 130
    assert contents(place) == before


def running_with(words: str) -> list[str]:
    """Command lines of running processes that hold `words`."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
        except OSError:  # it ended meanwhile
            continue
    return [line for line in found if words in line]
