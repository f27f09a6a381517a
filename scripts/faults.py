#!/usr/bin/env python3
"""Kill renders at random moments and count how many go on to the same film; and run one of 10,000 frames.

    scripts/faults.py [--kills 50] [--frames 10000] [--seed 0] [--only WORDS]

Each mode is rendered once in peace, and killed with -9 at a random moment between the making of its job and
its end, some films twice, then finished by the same command. Right is: the same frames, bit for bit, nothing
left beside the output nor in the folder for temporary files, and no process left. Late kills, that come when
the film has its name already, may leave its job: `dreamvideo jobs clean` must then remove it. The other
faults (full disks, dead and frozen encoders, inputs that change) are in tests/test_faults.py.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from dreamvideo.images import read_still
from dreamvideo.jobs.folder import job_folder
from dreamvideo.jobs.run import PART_SECONDS_VARIABLE
from dreamvideo.media.ffmpeg import find_ffmpeg
from dreamvideo.media.stills import open_clip

DREAMVIDEO = (sys.executable, "-m", "dreamvideo")
PART_SECONDS = "0.2"
LOOK_SECONDS = 5.0  # between two looks at the long run
LITE = ("--model", "vgg16-lite", "--device", "cpu", "-q")
QUICK = ("--octaves", "2", "--steps", "4", "--layer", "conv2_2", "--detail", "128", *LITE)
LEAST = ("--octaves", "1", "--steps", "2", "--layer", "conv1_2", "--detail", "64", "--cadence", "4", *LITE)
H264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p")
SOURCES: dict[str, Sequence[str]] = {
    "steady.mp4": ("testsrc2=s=128x96:r=25:d=4", *H264),
    "cuts.mp4": ("testsrc2=s=128x96:r=25:d=6,hue=h='90*floor(t*2)'", *H264),
    "variable.mkv": ("testsrc2=s=128x96:r=25:d=6,select='not(eq(mod(n,3),1))'", "-fps_mode", "vfr", *H264),
    "short.gif": ("testsrc2=s=128x96:r=20:d=5",),
    "still.png": ("mandelbrot=s=128x96", "-frames:v", "1"),
}
CLIP = ("-o", "out.mkv", "--crf", "0")
MODES: dict[str, Sequence[str]] = {
    "dream each frame": ("dream", "steady.mp4", *CLIP, "--cadence", "1", *QUICK),
    "dream, cadence 6": ("dream", "cuts.mp4", *CLIP, "--cadence", "6", *QUICK),
    "dream, cuts none": ("dream", "variable.mkv", *CLIP, "--cuts", "none", *QUICK),
    "dream to a GIF": ("dream", "short.gif", "-o", "out.gif", "--cadence", "4", *QUICK),
    "dream to PNGs": ("dream", "steady.mp4", "-o", "out", "--cadence", "3", *QUICK),
    "zoom loop": ("zoom", "still.png", *CLIP, "--loop", "8", "--rotate", "45", *QUICK),
    "zoom, no loop": ("zoom", *CLIP, "--duration", "5", "--size", "128x96", *QUICK),
    "zoom feedback": ("zoom", "still.png", *CLIP, "--feedback", "--loop", "3", *QUICK),
    "zoom boomerang": ("zoom", "still.png", *CLIP, "--feedback", "--boomerang", "--loop", "5", *QUICK),
    "zoom in a clip": ("zoom", "steady.mp4", *CLIP, "--duration", "3", "--zoom", "1.2", *QUICK),
    "visualize --all": (
        "visualize",
        "conv4_3",
        "-o",
        "out.png",
        "--all",
        "--size",
        "48",
        "--steps",
        "24",
        *LITE,
    ),
    "visualize a film": ("visualize", "conv4_3", *CLIP, "--steps", "96", "--size", "64", *LITE),
}


@dataclass
class Count:
    """Kills, those that left something to go on from, late ones, films made, those that were right."""

    kills: int = 0
    begun: int = 0
    late: int = 0
    films: int = 0
    right: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(*(mine + its for mine, its in zip(astuple(self), astuple(other), strict=True)))

    def __str__(self) -> str:
        return (
            f"{self.kills:3} kills, {self.begun:3} of them with parts or states to go on from, "
            f"{self.late} late; {self.films:3} films, {self.right:3} the same"
        )


class Place:
    """A folder with the sources in it, and the command of one mode."""

    def __init__(self, folder: Path, mode: str) -> None:
        self.folder, self.temporary = folder / "work", folder / "temporary"
        self.folder.mkdir()
        self.temporary.mkdir()
        self._command = [*DREAMVIDEO, *MODES[mode]]
        self.output = self.folder / MODES[mode][MODES[mode].index("-o") + 1]
        for name, (source, *options) in SOURCES.items():
            make(source, *options, target=self.folder / name)

    def start(self) -> subprocess.Popen[bytes]:
        environment = {**os.environ, PART_SECONDS_VARIABLE: PART_SECONDS, "TMPDIR": str(self.temporary)}
        process = subprocess.Popen(self._command, cwd=self.folder, env=environment)
        while process.poll() is None and not job_folder(self.output).exists():
            time.sleep(0.002)
        return process

    def kill(self, seconds: float, chance: random.Random) -> bool:
        """Start, and kill up to `seconds` after the job was made; False: it had ended before."""
        process = self.start()
        try:
            process.wait(chance.uniform(0, seconds))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return True
        return False

    def make(self) -> float:
        """The output, however much of it there was; seconds since the job was made or taken up."""
        process, begun = self.start(), time.monotonic()
        assert process.wait() == 0, "the last run must succeed"
        return time.monotonic() - begun

    def is_begun(self) -> bool:
        """There is something of an earlier run to go on from."""
        kept = [*job_folder(self.output).glob("parts/0*.mkv"), *job_folder(self.output).glob("states/0*.npz")]
        return bool(kept)

    def clean(self) -> None:
        subprocess.run([*DREAMVIDEO, "jobs", "clean", self.output], check=True, stdout=subprocess.DEVNULL)

    def clear(self) -> None:
        self.output.unlink() if self.output.is_file() else shutil.rmtree(self.output)

    def left(self) -> list[str]:
        """What is there beside the sources and the output: files, and processes that work on them."""
        files = {path.name for path in self.folder.iterdir()} - {*SOURCES, self.output.name}
        return sorted([*files, *(path.name for path in self.temporary.iterdir()), *self._processes()])

    def _processes(self) -> list[str]:
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                line = path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            except OSError:
                continue
            found += [line] if str(self.folder) in line else []
        return found


def make(source: str, *options: str | Path, target: Path) -> None:
    command = [find_ffmpeg(), "-loglevel", "error", "-f", "lavfi", "-i", source, *options, target]
    subprocess.run(command, check=True)


def digest(output: Path) -> str:
    """Of all frames."""
    if output.suffix == ".png":
        return hashlib.sha256(read_still(output)).hexdigest()
    together = hashlib.sha256()
    with open_clip(output) as reader:
        for timed in reader:
            together.update(timed.frame)
    return together.hexdigest()


def kill_at_random(mode: str, kills: int, chance: random.Random) -> Count:
    count = Count()
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        place = Place(Path(name), mode)
        seconds = place.make()
        wanted = digest(place.output)
        while count.kills < kills:
            place.clear()
            for _ in range(chance.choice((1, 1, 2))):
                if place.output.exists() or not place.kill(seconds, chance):
                    break
                count.kills += 1
                count.begun += place.is_begun()
            if not place.output.exists():
                place.make()
            elif job_folder(place.output).exists():
                count.late += 1
                place.clean()
            count.films += 1
            left, same = place.left(), digest(place.output) == wanted
            count.right += same and not left
            if left or not same:
                print(
                    f"WRONG in {mode}: {'the same film' if same else 'another film'}, left {left}", flush=True
                )
    return count


def long_run(frames: int) -> None:
    """One film of many small frames: memory, handles, threads and child processes on the way."""
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        folder = Path(name)
        make(f"testsrc2=s=64x48:r=25:d={frames / 25}", *H264, target=folder / "in.mp4")
        command = [*DREAMVIDEO, "dream", "in.mp4", "-o", "out.mkv", *LEAST]
        environment = {**os.environ, PART_SECONDS_VARIABLE: PART_SECONDS}
        process = subprocess.Popen(command, cwd=folder, env=environment)
        begun, shown = time.monotonic(), 0.0
        while process.poll() is None:
            time.sleep(0.5)
            if time.monotonic() - shown >= LOOK_SECONDS:
                shown = time.monotonic()
                parts = sorted(folder.glob("*/parts/0*.mkv"))
                done = int(parts[-1].stem.split("-")[1]) if parts else 0
                print(f"{shown - begun:6.0f} s: {done:6} frames kept, {_look(process.pid)}", flush=True)
        with open_clip(folder / "out.mkv") as reader:
            print(f"exit {process.returncode}, {sum(1 for _ in reader)} frames, left: {os.listdir(folder)}")


def _look(pid: int) -> str:
    place = Path(f"/proc/{pid}")
    try:
        told = dict(line.split(":", 1) for line in (place / "status").read_text().splitlines())
        children = [
            int(child) for path in place.glob("task/*/children") for child in path.read_text().split()
        ]
        handles = len(list((place / "fd").iterdir()))
        memory = [_megabytes(one) for one in (pid, *children)]
    except (OSError, ValueError, KeyError):
        return "ended"
    return (
        f"{memory[0]} MB, {handles} handles, {told['Threads'].strip()} threads, "
        f"{len(children)} children with {sum(memory[1:])} MB"
    )


def _megabytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--frames", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="modes whose name holds this (a regular expression)")
    chosen = parser.parse_args()
    modes = [mode for mode in MODES if re.search(chosen.only, mode)] if chosen.kills else []
    chance, total = random.Random(chosen.seed), Count()
    for mode in modes:
        count = kill_at_random(mode, -(-chosen.kills // len(modes)), chance)
        total += count
        print(f"{mode:18} {count}", flush=True)
    if modes:
        print(f"{'all':18} {total}", flush=True)
    if chosen.frames:
        long_run(chosen.frames)
    sys.exit(0 if total.right == total.films else 1)
