#!/usr/bin/env python3
"""How well several workers share a clip: measured with one and two here, simulated up to 256.

    scripts/scaling.py [--rounds 3] [--frames 24] [--detail 256] [DREAM OPTIONS]

Dreams a clip of eight shots of equal length with one thread each: by one process (plain), by one worker, by
two workers, in turn, so that what else the machine does strikes all alike. Then joins the kept parts, and
tells from these times how long 1 to 256 workers would take for 500 shots of a film, and what holds them up.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

from dreamvideo.farm.join import join
from dreamvideo.media.ffmpeg import find_ffmpeg

SHOTS = 8
WAYS: dict[str, tuple[str, ...]] = {"plain": (), "one worker": ("--workers", "1"), "two": ("--workers", "2")}
FILM_SHOTS, FILM_FPS, MEDIAN_SHOT, SPREAD = (
    500,
    24,
    4.0,
    0.8,
)  # log-normal: mean 5.5 s, some over half a minute
WORKERS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


def make_clip(path: Path, frames: int) -> None:
    """Eight shots that move alike and look different."""
    graph = [
        f"[0:v]trim=end_frame={frames},setpts=PTS-STARTPTS,split={SHOTS}"
        + "".join(f"[s{n}]" for n in range(SHOTS))
    ]
    graph += [
        f"[s{n}]hue=h={n * 137 % 360},lutrgb=r='val*{1 - n % 2}+{n % 2}*(255-val)'[v{n}]"
        for n in range(SHOTS)
    ]
    graph += ["".join(f"[v{n}]" for n in range(SHOTS)) + f"concat=n={SHOTS}[v]"]
    source = ("-f", "lavfi", "-i", "testsrc2=s=512x288:r=24:d=60")
    encode = ("-map", "[v]", "-c:v", "libx264", "-crf", "12", "-pix_fmt", "yuv420p")
    command = [
        find_ffmpeg(),
        "-loglevel",
        "error",
        *source,
        "-filter_complex",
        ";".join(graph),
        *encode,
        path,
    ]
    subprocess.run(command, check=True)


def dream(clip: Path, target: Path, options: list[str]) -> dict[str, Any]:
    """The report of a run; its `seconds` are those of the whole command."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "dreamvideo", "dream", clip, "-o", target, "-q", "--json", *options]
    begun = perf_counter()
    done = subprocess.run(command, env=environment, check=True, capture_output=True)
    return {**json.loads(done.stdout), "seconds": perf_counter() - begun}


def simulate(
    workers: int, lengths: list[int], render: float, encode: float, look: float
) -> tuple[float, str]:
    """Seconds for a film, and what they are mostly spent waiting for.

    Args:
        lengths: of the shots, frames. render, encode, look: seconds for each frame.
    """
    free = [0.0] * workers
    finished = {}
    for shot in sorted(range(len(lengths)), key=lambda one: -lengths[one]):
        first = min(range(workers), key=free.__getitem__)
        free[first] += lengths[shot] * render
        finished[shot] = free[first]
    rendered = encoded = 0.0
    for shot, length in enumerate(lengths):
        rendered = max(rendered, finished[shot])
        encoded = max(encoded, finished[shot]) + length * encode
    total, frames = look * sum(lengths) + encoded, sum(lengths)
    waits = {
        "dreaming": frames * render / workers,
        "the longest shot": max(lengths) * render,
        "joining and encoding": frames * encode,
        "finding the shots": frames * look,
    }
    return total, max(waits, key=waits.__getitem__)


def film_lengths() -> list[int]:
    chance = random.Random(0)
    seconds = (MEDIAN_SHOT * 2.718281828 ** chance.gauss(0, SPREAD) for _ in range(FILM_SHOTS))
    return [max(8, round(FILM_FPS * one)) for one in seconds]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--frames", type=int, default=24, help="of each shot")
    parser.add_argument("--detail", default="256")
    args, options = parser.parse_known_args()
    options = ["--device", "cpu", "--detail", args.detail, *options]
    times: dict[str, list[float]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as name:
        clip, target = Path(name) / "clip.mp4", Path(name) / "out.mp4"
        make_clip(clip, args.frames)
        for number in range(args.rounds):
            for way, more in WAYS.items():
                keep = ["--keep-job"] if number == args.rounds - 1 and way == "two" else []
                report = dream(clip, target, [*options, *more, *keep])
                times[way].append(report["seconds"])
                print(f"{way}: {report['seconds']:.1f} s, load {os.getloadavg()[0]:.1f}", flush=True)
                look = report["seconds_per_frame_by_stage"].get("look", 0.0)
                target.unlink()
        encode = join(target).seconds / (SHOTS * args.frames)
    median = {way: statistics.median(seconds) for way, seconds in times.items()}
    print(f"two workers beside one: {median['one worker'] / median['two']:.2f} times as fast")
    print(f"one worker beside the plain run: {median['one worker'] / median['plain'] - 1:+.1%}")
    render = median["plain"] / (SHOTS * args.frames)
    lengths = film_lengths()
    alone = sum(lengths) * render
    print(f"a frame: {render:.3f} s to render, {encode:.4f} s to join, {look:.4f} s to look at")
    print(
        f"{FILM_SHOTS} shots, {sum(lengths)} frames, the longest {max(lengths)}: "
        f"one process {alone / 3600:.1f} h"
    )
    for workers in WORKERS:
        seconds, bound = simulate(workers, lengths, render, encode, look)
        share = alone / seconds / workers
        print(f"{workers:4} workers: {seconds / 60:8.1f} min, efficiency {share:4.0%}, bound by {bound}")


if __name__ == "__main__":
    main()
