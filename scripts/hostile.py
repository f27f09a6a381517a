#!/usr/bin/env python3
"""Dream every hostile file (tests/hostile_files.py, hostile_extras.py) by the command line, under limits.

    scripts/hostile.py [--kind WORDS] [--folder FOLDER]

Each file is dreamed by a process of its own, forked from one that has imported everything, so that 600 files
do not mean 600 imports of torch. For each: exit code as documented, one line where it failed, no traceback,
20 s and 2 GB at most (all processes together), nothing written but the output, which must then be a film
that can be read; no process left; nothing made of what may not be read.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import hostile_files
from hostile_extras import EXTRA_KINDS
from hostile_files import CANARY, KINDS, Case

import dreamvideo.jobs.dream  # noqa: F401  # imported before the forks
from dreamvideo.cli.main import main
from dreamvideo.errors import DreamVideoError
from dreamvideo.media.stills import open_clip
from dreamvideo.nets import load_network  # noqa: F401

SECONDS, BYTES = 20.0, 2 << 30
FAST = ("--detail", "48", "--octaves", "1", "--steps", "1", "--device", "cpu", "--quiet")
LITE = ("--model", "vgg16-lite", "--layer", "conv1_2")
CHATTER = ("libpng ", "Corrupt JPEG data", "Premature end of JPEG")  # C libraries speak to stderr themselves
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass
class Outcome:
    code: int | None  # None: had to be killed
    said: str
    seconds: float
    bytes: int


def run(arguments: list[str], folder: Path) -> Outcome:
    """`dreamvideo ARGUMENTS` in a process group of its own, watched."""
    said = tempfile.TemporaryFile()  # noqa: SIM115  # closed when it is dropped
    begun = time.monotonic()
    child = os.fork()
    if child == 0:
        os.setsid()
        os.chdir(folder)
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        for stream in (1, 2):
            os.dup2(said.fileno(), stream)
        code = 70
        try:
            main(arguments)
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 71
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    most, code = 0, None
    while time.monotonic() - begun < SECONDS and most < BYTES:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            break
        most = max(most, sum(resident(pid) for pid in family(child)))
        time.sleep(0.01)
    seconds = time.monotonic() - begun
    if code is None:
        for pid in family(child):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        os.waitpid(child, 0)
    said.seek(0)
    return Outcome(code, said.read().decode("utf-8", "replace"), seconds, most)


def family(pid: int) -> list[int]:
    """A process and its descendants."""
    found = [pid]
    for one in found:
        with contextlib.suppress(OSError):  # it, or one of its threads, ended meanwhile
            for path in Path(f"/proc/{one}/task").glob("*/children"):
                found += [int(child) for child in path.read_text().split()]
    return found


def resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    except (OSError, IndexError):
        return 0


def strays(mark: str) -> list[str]:
    """Processes, other than this one, whose command line holds `mark`."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            line = path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            if mark in line and path.parent.name != str(os.getpid()):
                found.append(line)
    return found


def wrongs(case: Case, outcome: Outcome, place: Path, output: Path, files: Path) -> list[str]:
    """What is not as it should be."""
    wrong = []
    if outcome.code is None:
        wrong.append(f"killed after {outcome.seconds:.1f} s with {outcome.bytes >> 20} MB")
    elif outcome.code not in (0, 1, 2, 3):
        wrong.append(f"exit code {outcome.code}")
    if "Traceback" in outcome.said or "unexpected" in outcome.said:
        wrong.append("a traceback or an unexpected error")
    lines = [line for line in outcome.said.splitlines() if line and not line.startswith(CHATTER)]
    if not all(line.startswith(("dreamvideo: ", "dreaming with")) for line in lines):
        wrong.append(
            f"says something else: {[line for line in lines if not line.startswith('dreamvideo: ')][:2]}"
        )
    made = {path.name for path in place.iterdir()}
    if outcome.code in (0, 3):
        if case.refused:
            wrong.append("was not refused")
        if made != {output.name}:
            wrong.append(f"left {made}")
        elif not readable(output):
            wrong.append("the output cannot be read")
    elif made:
        wrong.append(f"left {made}")
    elif outcome.code is not None and not lines:
        wrong.append("failed without a word")
    if list(files.rglob(CANARY)):
        wrong.append("RAN CODE OUT OF A FILE")
    if stray := strays(str(place)):
        wrong.append(f"left a process: {stray[0][:80]}")
    return wrong


def readable(output: Path) -> bool:
    if output.suffix == ".png":
        from dreamvideo.images import read_still

        return bool(read_still(output).size)
    try:
        with open_clip(output) as reader:
            return next(iter(reader), None) is not None
    except DreamVideoError:
        return False


def command_of(case: Case, output: Path) -> list[str]:
    network = () if "--model" in case.options else LITE
    return ["dream", *FAST, *network, *case.options, "--output=" + str(output), "--", str(case.path)]


def hostile(kinds: str, folder: Path) -> int:
    tally: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    worst_seconds, worst_bytes, deviations, count = 0.0, 0, 0, 0
    files, place = folder / "files", folder / "place"
    files.mkdir(parents=True)
    for kind in (*KINDS, *EXTRA_KINDS):
        if not re.search(kinds, kind.__name__):
            hostile_files.good_files(files)
            continue
        for case in kind(files):
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
            still = case.path.suffix in hostile_files.STILL_ENDINGS and "moving" not in case.name
            output = place / (case.output or ("out.png" if still else "out.mkv"))
            outcome = run(command_of(case, output), files)
            count += 1
            tally[case.kind][str(outcome.code)] += 1
            worst_seconds, worst_bytes = max(worst_seconds, outcome.seconds), max(worst_bytes, outcome.bytes)
            for wrong in wrongs(case, outcome, place, output, files):
                deviations += 1
                last = outcome.said.strip().splitlines()[-1:]
                print(f"DEVIATION {case.kind} / {case.name}: {wrong} | {last}", flush=True)
    for name, codes in tally.items():
        told = ", ".join(f"exit {code}: {number}" for code, number in sorted(codes.items()))
        print(f"{name:18} {sum(codes.values()):4} files  {told}")
    worst = f"slowest {worst_seconds:.1f} s, largest {worst_bytes >> 20} MB"
    print(f"{count} files, {deviations} deviations; {worst}")
    return 1 if deviations else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kind", default="", help="only kinds whose name holds this (a regular expression)")
    parser.add_argument("--folder", type=Path, help="keep the files here")
    chosen = parser.parse_args()
    if chosen.folder:
        sys.exit(hostile(chosen.kind, chosen.folder))
    with tempfile.TemporaryDirectory(prefix="hostile-") as temporary:
        sys.exit(hostile(chosen.kind, Path(temporary)))
