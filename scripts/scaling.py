#!/usr/bin/env python3
"""How well several workers share a clip: measured with one and two here, simulated up to 256.

    scripts/scaling.py [--rounds 3] [--frames 13] [--lite] [--no-limit] [DREAM OPTIONS]

Dreams a clip of eight shots of equal length with one thread each: by one process (plain), by one worker, by
two workers, in turn, so that what else the machine does strikes all alike. One worker takes a little of a
second core too, for what runs beside the dream; so it is also held to one. And two plain runs at once, which
share nothing: what this machine gives at most. The network is VGG16 with random weights, which takes as long
as the real one. With `--lite`, which takes vgg16-lite, or a `--detail` under the clip's own 512, starting,
decoding and encoding weigh more. Ten minutes a round on two cores, without `--no-limit` some more. Then
joins the kept parts, and tells from these times how long 1 to 256 workers would take for 500 shots of a film,
and what holds them up.
"""

from __future__ import annotations

import argparse
import heapq
import json
import math
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from safetensors.torch import save_file

from dreamvideo.farm.join import join
from dreamvideo.farm.parcels import put, take_finished
from dreamvideo.farm.share import choose
from dreamvideo.farm.shots import Piece
from dreamvideo.media.ffmpeg import find_ffmpeg
from dreamvideo.nets.vgg import VGG, VGG16_WIDTHS
from dreamvideo.settings import DISSOLVE

SHOTS = 8
ON_ONE_CORE = "one on one core"
WAYS: dict[str, tuple[str, ...]] = {
    "plain": (),
    "one": ("--workers", "1"),
    ON_ONE_CORE: ("--workers", "1"),
    "two": ("--workers", "2"),
}
AT_ONCE = "two runs at once"
FILM_SHOTS, FILM_FPS = 500, 24
MEDIAN_SHOT, SPREAD = 4.0, 0.8  # s, log-normal: mean 5.5 s, some over half a minute
WORKERS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
LINK = 110e6  # bytes/s into the machine that encodes: a gigabit
SPLIT = 240


def make_clip(path: Path, frames: int) -> None:
    """Eight shots that move alike and look different."""
    trim = f"trim=end_frame={frames},setpts=PTS-STARTPTS,split={SHOTS}"
    graph = [f"[0:v]{trim}" + "".join(f"[s{n}]" for n in range(SHOTS))]
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


def make_weights(path: Path) -> None:
    """VGG16 with random weights that keep the strength of what goes through."""
    torch.manual_seed(0)
    network = VGG(VGG16_WIDTHS)
    for name, value in network.named_parameters():
        if name.endswith("weight"):
            torch.nn.init.kaiming_normal_(value)
        else:
            torch.nn.init.zeros_(value)
    save_file(network.state_dict(), path)


def start(clip: Path, target: Path, options: list[str], on_one_core: bool = False) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "dreamvideo", "dream", clip, "-o", target, "-q", "--json", *options]
    hold = (lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})) if on_one_core else None
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, preexec_fn=hold)


def finish(run: subprocess.Popen[bytes]) -> dict[str, Any]:
    said, _ = run.communicate()
    if run.returncode:
        sys.exit(f"a run ended with {run.returncode}")
    return json.loads(said)


def dream(clip: Path, target: Path, options: list[str], on_one_core: bool = False) -> dict[str, Any]:
    """The report of a run; its `seconds` are those of the whole command, `busy` those of all cores."""
    begun, before = perf_counter(), children_seconds()
    report = finish(start(clip, target, options, on_one_core))
    return {**report, "seconds": perf_counter() - begun, "busy": children_seconds() - before}


def children_seconds() -> float:
    """Of the processor, in all processes that were started here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def dream_twice(clip: Path, targets: list[Path], options: list[str]) -> float:
    """Seconds for two runs at once, that know nothing of each other."""
    begun = perf_counter()
    for run in [start(clip, target, options) for target in targets]:
        finish(run)
    return perf_counter() - begun


def receiving(job: Path, folder: Path) -> tuple[float, int]:
    """Seconds and bytes for all parts of a job, on their way from the object store into a job's folder."""
    parcel = take_finished(job)
    begun = perf_counter()
    put(parcel, folder)
    seconds, size = perf_counter() - begun, sum(map(len, parcel.values()))
    put(parcel, job)
    return seconds, size


def simulate(
    workers: int, lengths: list[int], warm: list[int], render: float, encode: float, look: float
) -> tuple[float, str]:
    """Seconds for a film, and what they are mostly spent waiting for.

    Args:
        lengths: of the pieces, in frames. warm: frames of each that are dreamed besides.
        render, encode, look: seconds for each frame.
    """
    waiting = [Piece(number, 0, sum(both)) for number, both in enumerate(zip(lengths, warm, strict=True))]
    free, finished = [0.0] * workers, {}
    while waiting:
        piece = choose(waiting, workers)
        waiting.remove(piece)
        finished[piece.shot] = heapq.heappop(free) + len(piece) * render
        heapq.heappush(free, finished[piece.shot])
    encoded = 0.0
    for number, length in enumerate(lengths):
        encoded = max(encoded, finished[number]) + length * encode
    frames = sum(lengths)
    waits = {
        "dreaming": (frames + sum(warm)) * render / workers,
        "the longest shot": max(map(sum, zip(lengths, warm, strict=True))) * render,
        "joining and encoding": frames * encode,
        "finding the shots": frames * look,
    }
    return look * frames + encoded, max(waits, key=waits.__getitem__)


def film_lengths() -> list[int]:
    chance = random.Random(0)
    seconds = (MEDIAN_SHOT * math.exp(chance.gauss(0, SPREAD)) for _ in range(FILM_SHOTS))
    return [max(8, round(FILM_FPS * one)) for one in seconds]


def split_at_seams(lengths: list[int]) -> tuple[list[int], list[int]]:
    """The pieces of long shots; and what is dreamed twice, of each at its begin and at its end."""
    pieces, warm = [], []
    for length in lengths:
        ends = [*range(SPLIT, length, SPLIT), length]
        pieces += [end - begin for begin, end in pairwise((0, *ends))]
        seams = len(ends) - 1
        warm += [DISSOLVE * ((place > 0) + (place < seams)) for place in range(len(ends))]
    return pieces, warm


def foretell(render: float, encode: float, look: float, receive: float) -> None:
    lengths = film_lengths()
    alone = sum(lengths) * render
    print(f"{FILM_SHOTS} shots, {sum(lengths)} frames, the longest {max(lengths)}: {alone / 3600:.1f} h")
    ways = {
        "shared folder": (lengths, [0] * len(lengths), encode),
        "object store": (lengths, [0] * len(lengths), encode + receive),
        f"--split {SPLIT}": (*split_at_seams(lengths), encode),
    }
    print("workers, and for each way: minutes, efficiency, what they wait for")
    for workers in WORKERS:
        told = []
        for way, (pieces, warm, after) in ways.items():
            seconds, bound = simulate(workers, pieces, warm, render, after, look)
            told.append(f"{way}: {seconds / 60:.1f}, {alone / seconds / workers:.0%}, {bound}")
        print(f"{workers:4}  " + "; ".join(told))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--frames", type=int, default=13, help="of each shot")
    parser.add_argument("--lite", action="store_true")
    parser.add_argument("--no-limit", action="store_true", help="leave out the two runs at once")
    args, options = parser.parse_known_args()
    options = ["--device", "cpu", *options]
    times: dict[str, list[float]] = {}
    cores: list[float] = []  # that one worker keeps busy
    frames = SHOTS * args.frames
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip, target = folder / "clip.mp4", folder / "out.mp4"
        make_clip(clip, args.frames)
        if not args.lite:
            make_weights(folder / "random.safetensors")
            options += ["--model", "vgg16", "--weights", str(folder / "random.safetensors")]
        for number in range(args.rounds):
            for way, more in WAYS.items():
                keep = ["--keep-job"] if number == args.rounds - 1 and way == "two" else []
                report = dream(clip, target, [*options, *more, *keep], way == ON_ONE_CORE)
                times.setdefault(way, []).append(report["seconds"])
                if way == "one":
                    cores.append(report["busy"] / report["seconds"])
                print(f"{way}: {report['seconds']:.1f} s, load {os.getloadavg()[0]:.1f}", flush=True)
                look = report["seconds_per_frame_by_stage"].get("look", 0.0)
                target.unlink()
            if not args.no_limit:
                both = [folder / "a.mp4", folder / "b.mp4"]
                times.setdefault(AT_ONCE, []).append(dream_twice(clip, both, options))
                print(f"{AT_ONCE}: {times[AT_ONCE][-1]:.1f} s", flush=True)
                for path in both:
                    path.unlink()
        (folder / "received").mkdir()
        put_seconds, size = receiving(Path(f"{target}.dreamjob"), folder / "received")
        encode = join(target).seconds / frames
    median = {way: statistics.median(seconds) for way, seconds in times.items()}
    print(f"two workers beside one: {median['one'] / median['two']:.2f} times as fast")
    print(f"and beside {ON_ONE_CORE}: {median[ON_ONE_CORE] / median['two']:.2f}")
    busy, here = statistics.median(cores), os.cpu_count() or 1
    most = min(2, here / busy)
    print(f"one keeps {busy:.2f} cores busy, so on {here} cores two are {most:.2f} times as fast at most")
    if AT_ONCE in median:
        print(f"{AT_ONCE} beside one: {2 * median['plain'] / median[AT_ONCE]:.2f} times the work")
    print(f"one worker beside the plain run: {median['one'] / median['plain'] - 1:+.1%}")
    render, receive = median["plain"] / frames, put_seconds / frames + size / frames / LINK
    print(
        f"a frame: {render:.3f} s to render, {encode:.4f} s to join, {look:.4f} s to look at, "
        f"{size / frames / 1e6:.2f} MB and {receive:.4f} s to come through the object store"
    )
    foretell(render, encode, look, receive)


if __name__ == "__main__":
    main()
