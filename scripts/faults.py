#!/usr/bin/env python3
"""Kill renders at random moments and count how many go on to the same film; and run one of 10,000 frames.

    scripts/faults.py [--kills 50] [--frames 10000] [--seed 0]

Each mode is rendered once in peace, and killed with -9 at random moments, some twice in a row, then finished
by the same command. Right is: the same frames, bit for bit, and nothing left beside the output. The other
faults (full disks, dead and frozen encoders, inputs that change) are in tests/test_faults.py.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from dreamvideo.images import read_still
from dreamvideo.jobs.run import PART_SECONDS_VARIABLE
from dreamvideo.media.ffmpeg import find_ffmpeg
from dreamvideo.media.stills import open_clip

LITE = ("--model", "vgg16-lite", "--device", "cpu", "-q")
QUICK = ("--octaves", "2", "--steps", "2", "--layer", "conv2_2", "--detail", "64", *LITE)
LEAST = ("--octaves", "1", "--steps", "1", "--layer", "conv1_2", "--detail", "32", "--cadence", "10", *LITE)
H264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p")
CLIPS: dict[str, Sequence[str]] = {
    "steady.mp4": ("testsrc2=s=96x64:r=25:d=3", *H264),
    "cuts.mp4": ("testsrc2=s=96x64:r=25:d=3,hue=h='90*floor(t*2)'", *H264),
    "variable.mkv": ("testsrc2=s=96x64:r=25:d=4,select='not(eq(mod(n,3),1))'", "-fps_mode", "vfr", *H264),
    "short.gif": ("testsrc2=s=96x64:r=20:d=3",),
}
MODES: dict[str, Sequence[str]] = {
    "dream each frame": ("dream", "steady.mp4", "-o", "out.mkv", "--cadence", "1", "--crf", "0"),
    "dream, cadence 6": ("dream", "cuts.mp4", "-o", "out.mkv", "--cadence", "6", "--crf", "0"),
    "dream, cuts none": ("dream", "variable.mkv", "-o", "out.mkv", "--cuts", "none", "--crf", "0"),
    "dream to a GIF": ("dream", "short.gif", "-o", "out.gif", "--cadence", "4"),
    "dream to PNGs": ("dream", "steady.mp4", "-o", "out", "--cadence", "3"),
    "visualize --all": ("visualize", "conv2_2", "-o", "out.png", "--all", "--size", "32", "--steps", "8"),
}
OPTIONS = {"visualize --all": LITE}  # other than QUICK


def make_clips(folder: Path) -> None:
    for name, (source, *options) in CLIPS.items():
        command = [find_ffmpeg(), "-loglevel", "error", "-f", "lavfi", "-i", source, *options, folder / name]
        subprocess.run(command, check=True)


def start(folder: Path, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    environment = {**os.environ, PART_SECONDS_VARIABLE: "0.2"}
    command = [sys.executable, "-m", "dreamvideo", *arguments]
    return subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE)


def digest(output: Path) -> str:
    """Of all frames."""
    if output.suffix == ".png":
        return hashlib.sha256(read_still(output)).hexdigest()
    together = hashlib.sha256()
    with open_clip(output) as reader:
        for timed in reader:
            together.update(timed.frame)
    return together.hexdigest()


def kill_at_random(mode: str, kills: int, chance: random.Random) -> tuple[int, int, int]:
    """How many runs were killed, how many then went on from parts, how many came to the same film."""
    arguments = (*MODES[mode], *OPTIONS.get(mode, QUICK))
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        folder = Path(name)
        make_clips(folder)
        output, job = folder / arguments[3], folder / (arguments[3] + ".dreamjob")
        begun = time.monotonic()
        assert start(folder, arguments).wait() == 0
        seconds, wanted = time.monotonic() - begun, digest(output)
        killed = resumed = right = 0
        for _ in range(kills):
            subprocess.run(["rm", "-rf", output, job], check=True)
            for _ in range(chance.choice((1, 1, 2))):
                process = start(folder, arguments)
                try:
                    process.wait(chance.uniform(0.5, 1.0) * seconds)
                except subprocess.TimeoutExpired:
                    process.kill()
                    killed += 1
                process.communicate()
            resumed += (job / "parts").is_dir()
            if not output.exists():
                assert start(folder, arguments).wait() == 0, "the last run must succeed"
            left = sorted(path.name for path in folder.iterdir())
            same = digest(output) == wanted and left == sorted([*CLIPS, output.name])
            right += same
            if not same:
                print(f"WRONG in {mode}: {left}", flush=True)
        return killed, resumed, right


def long_run(frames: int) -> None:
    """One film of many small frames: memory, handles, threads and child processes on the way."""
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        folder = Path(name)
        source = f"testsrc2=s=32x32:r=25:d={frames / 25}"
        command = [find_ffmpeg(), "-loglevel", "error", "-f", "lavfi", "-i", source, *H264, folder / "in.mp4"]
        subprocess.run(command, check=True)
        process = start(folder, ("dream", "in.mp4", "-o", "out.mkv", *LEAST))
        place, shown = Path(f"/proc/{process.pid}"), 0.0
        begun = time.monotonic()
        while process.poll() is None:
            time.sleep(0.5)
            if time.monotonic() - shown >= 15:
                shown = time.monotonic()
                print(f"{shown - begun:6.0f} s: {_look(place)}", flush=True)
        with open_clip(folder / "out.mkv") as reader:
            print(f"exit {process.returncode}, {sum(1 for _ in reader)} frames, left: {os.listdir(folder)}")


def _look(place: Path) -> str:
    try:
        told = dict(line.split(":", 1) for line in (place / "status").read_text().splitlines())
        children = sum(len(path.read_text().split()) for path in place.glob("task/*/children"))
        handles = len(list((place / "fd").iterdir()))
    except (OSError, ValueError):
        return "ended"
    memory = int(told["VmRSS"].split()[0]) // 1024
    return f"{memory} MB, {handles} handles, {told['Threads'].strip()} threads, {children} children"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--frames", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    chance = random.Random(chosen.seed)
    each = -(-chosen.kills // len(MODES))
    for mode in MODES if chosen.kills else ():
        killed, resumed, right = kill_at_random(mode, each, chance)
        print(f"{mode:18} {killed:3} kills in {each} films, {resumed:3} went on, {right:3} same", flush=True)
    if chosen.frames:
        long_run(chosen.frames)
