#!/usr/bin/env python3
r"""Measure what dreamvideo promises, on real clips with a real network, and print one table.

    scripts/bench.py --clips CLIP [CLIP ...] --cuts CLIP \
        --model squeezenet1_0 --weights FILE --layer features.7

All the ways to dream a clip run in turn on the same frames in one process, so that their times compare. Warp
errors are measured with Farneback's flow; everything is rendered with DIS.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice, pairwise
from pathlib import Path
from time import perf_counter

import cv2
import numpy as np
import torch

from dreamvideo.clip import add_residual, dream_residuals
from dreamvideo.dream import activation_strength, dream_residual
from dreamvideo.images import image_from_frame, resize
from dreamvideo.measure import warp_error
from dreamvideo.media.stills import open_clip
from dreamvideo.motion.flow import backward_warp, flow_estimator
from dreamvideo.motion.reliability import leaves_frame, occlusion_mask
from dreamvideo.nets import load_network
from dreamvideo.objectives import Objective, objective_for
from dreamvideo.settings import CarrySettings, DreamSettings, FilmSettings, Recipe
from dreamvideo.spans import detail_size, observe
from dreamvideo.stages import Stages

Frames = list[np.ndarray]
Way = Callable[[Frames], Frames]
EACH_BY_ITSELF = CarrySettings(carry=0.0, cadence=1)


def main() -> None:
    options = parse()
    network = load_network(options.model, options.weights, "auto")
    dream = DreamSettings(layers=((options.layer or network.default_layer, 1.0),))
    objective = objective_for(network, dream)
    figures: dict[str, object] = {"machine": machine(), "layer": dream.layers[0][0], "detail": options.detail}
    print(json.dumps(figures))
    for clip in options.clips:
        frames = read(clip, options.detail, options.frames)
        figures[clip.stem] = bench_clip(clip.stem, frames, objective, dream)
    figures["still"] = bench_still(read(options.clips[0], options.detail, 1)[0], objective, dream)
    if options.cuts:
        figures["cuts"] = bench_cuts(read(options.cuts, options.detail, None), objective, dream)
    if options.memory:
        figures["memory"] = bench_memory()
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=Path, nargs="+", required=True, help="clips to dream")
    parser.add_argument("--cuts", type=Path, help="a clip with hard cuts")
    parser.add_argument("--model", default="vgg16-lite")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--layer")
    parser.add_argument("--detail", type=int, default=320)
    parser.add_argument("--frames", type=int, default=120, help="of each clip at most")
    parser.add_argument("--memory", action="store_true", help="also compare 100 frames with 1000")
    parser.add_argument("--json", type=Path, help="write the figures there")
    return parser.parse_args()


def machine() -> str:
    return f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}"


def read(path: Path, detail: int, count: int | None) -> Frames:
    """A clip's frames at the detail size."""
    with open_clip(path, frames=count) as reader:
        size = detail_size(reader.size, detail)
        return [resize(timed.frame, size) for timed in reader]


def bench_clip(
    name: str, frames: Frames, objective: Objective, dream: DreamSettings
) -> dict[str, dict[str, float]]:
    """Every way to dream the clip: stability, strength and speed beside each frame by itself."""
    ways: dict[str, Way] = {
        "each frame by itself": lambda f: carried(f, objective, dream, EACH_BY_ITSELF),
        "0.85 frame + 0.15 last dream": lambda f: blended(f, objective, dream),
        "warped picture at 0.5, 5 steps": lambda f: warped(f, objective, dream),
        "dreamvideo": lambda f: carried(f, objective, dream, CarrySettings()),
        "dreamvideo --cadence 3": lambda f: carried(f, objective, dream, CarrySettings(cadence=3)),
        "dreamvideo --cadence 1": lambda f: carried(f, objective, dream, CarrySettings(cadence=1)),
    }
    starts = shot_starts(frames)
    estimate = flow_estimator("farneback")
    results: dict[str, dict[str, float]] = {}
    for way, render in ways.items():
        begun = perf_counter()
        dreamed = render(frames)
        seconds = (perf_counter() - begun) / len(frames)
        output, source = warp_error_within(frames, dreamed, starts, estimate)
        levels = np.array([activation_strength(objective, image_from_frame(d)) for d in dreamed])
        low, high = spread(levels, starts)
        new = new_area_ratio(frames, dreamed, starts)
        results[way] = dict(
            excess=output - source, level=float(levels.mean()), seconds=seconds, low=low, high=high, new=new
        )
        print_row(name, way, results[way], results["each frame by itself"])
    return results


def print_row(clip: str, way: str, row: dict[str, float], base: dict[str, float]) -> None:
    row["relative_excess"] = row["excess"] / base["excess"]
    row["relative_level"] = row["level"] / base["level"]
    row["speed"] = base["seconds"] / row["seconds"]
    print(
        f"{clip:10} {way:32} excess {row['relative_excess']:.3f}  "
        f"strength {row['relative_level']:.2f}  per frame {row['low']:.2f}-{row['high']:.2f}  "
        f"new areas {row['new']:.2f}  {row['seconds']:.3f} s/frame, {row['speed']:.1f}x",
        flush=True,
    )


def carried(frames: Frames, objective: Objective, dream: DreamSettings, carry: CarrySettings) -> Frames:
    pairs = dream_residuals(iter(frames), objective, dream, carry, detail=1 << 14)
    return [add_residual(frame, residual, FilmSettings()) for frame, residual in pairs]


def blended(frames: Frames, objective: Objective, dream: DreamSettings) -> Frames:
    """As pytorch-deepdream: no flow, every frame in full."""
    dreamed: Frames = []
    for frame in frames:
        image = image_from_frame(frame)
        start = 0.85 * image + 0.15 * image_from_frame(dreamed[-1]) if dreamed else image
        dreamed.append(
            add_residual(frame, start + dream_residual(objective, start, dream) - image, FilmSettings())
        )
    return dreamed


def warped(frames: Frames, objective: Objective, dream: DreamSettings) -> Frames:
    """The last dream, warped, mixed half and half with the frame; five steps."""
    estimate, few = flow_estimator("dis"), replace(dream, steps=5)
    dreamed: Frames = []
    for t, frame in enumerate(frames):
        image = start = image_from_frame(frame)
        if dreamed:
            start = 0.5 * image + 0.5 * image_from_frame(
                backward_warp(dreamed[-1], estimate(frame, frames[t - 1]))
            )
        settings = few if dreamed else dream
        dreamed.append(
            add_residual(frame, start + dream_residual(objective, start, settings) - image, FilmSettings())
        )
    return dreamed


def shot_starts(frames: Frames) -> list[int]:
    seen = observe(iter(frames), CarrySettings(), 1 << 14, Stages())
    return [t for t, one in enumerate(seen) if one.motion is None]


def shots(starts: list[int], count: int) -> Iterator[slice]:
    return (slice(a, b) for a, b in pairwise([*starts, count]))


def warp_error_within(frames: Frames, dreamed: Frames, starts: list[int], estimate) -> tuple[float, float]:
    """E_warp inside the shots, weighted by their pairs of frames."""
    parts = [
        (s.stop - s.start - 1, warp_error(zip(frames[s], dreamed[s], strict=True), estimate))
        for s in shots(starts, len(frames))
    ]
    parts = [part for part in parts if part[0]]
    weights = np.array([weight for weight, _ in parts], float)
    output, source = np.average([errors for _, errors in parts], axis=0, weights=weights)
    return float(output), float(source)


def spread(levels: np.ndarray, starts: list[int]) -> tuple[float, float]:
    """Least and most of a frame's level over its shot's median."""
    ratios = np.concatenate([levels[s] / np.median(levels[s]) for s in shots(starts, len(levels))])
    return float(ratios.min()), float(ratios.max())


def new_area_ratio(frames: Frames, dreamed: Frames, starts: list[int]) -> float:
    """Strength of the residual (root mean square) where pixels came into sight, over the frame's rest."""
    estimate, new_squares, rest_squares = flow_estimator("dis"), [], []
    for t in range(1, len(frames)):
        if t in starts:
            continue
        flow, reverse = estimate(frames[t], frames[t - 1]), estimate(frames[t - 1], frames[t])
        new = (
            cv2.erode(
                (occlusion_mask(flow, reverse, 4.0) | leaves_frame(flow)).astype(np.uint8), np.ones((3, 3))
            )
            > 0
        )
        squares = (image_from_frame(dreamed[t]) - image_from_frame(frames[t])) ** 2
        if new.mean() > 0.002:
            new_squares.append(squares[new].mean())
            rest_squares.append(squares[~new].mean())
    return float(np.sqrt(np.mean(new_squares) / np.mean(rest_squares))) if new_squares else float("nan")


def bench_still(frame: np.ndarray, objective: Objective, dream: DreamSettings) -> dict[str, float]:
    """One picture 120 times: how far the dream moves or drifts."""
    dreamed = [image_from_frame(f) * 255 for f in carried([frame] * 120, objective, dream, CarrySettings())]
    change = max(float(np.abs(b - a).mean()) for a, b in pairwise(dreamed[10:]))
    drift = {
        name: abs(measure(dreamed[-1]) / measure(dreamed[10]) - 1)
        for name, measure in (("mean", np.mean), ("contrast", np.std), ("saturation", saturation))
    }
    print(
        f"still      change {change:.3f} grey levels per frame; drift "
        + ", ".join(f"{k} {v:.2%}" for k, v in drift.items())
    )
    return {"change": change, **{name: float(value) for name, value in drift.items()}}


def saturation(image: np.ndarray) -> float:
    return float((image.max(axis=2) - image.min(axis=2)).mean())


def bench_cuts(frames: Frames, objective: Objective, dream: DreamSettings) -> dict[str, object]:
    """The first frame after each cut, in the film and dreamed from there."""
    starts = shot_starts(frames)
    wanted = set(starts[1:])
    pairs = dream_residuals(iter(frames), objective, dream, CarrySettings(cadence=6), 1 << 14)
    worst = 0.0
    for t, (frame, residual) in enumerate(islice(pairs, max(wanted) + 1)):
        if t in wanted:
            (_, alone), *_ = dream_residuals(iter([frame]), objective, dream, CarrySettings(), 1 << 14)
            worst = max(worst, float(np.abs(residual - alone).max()))
    print(
        f"cuts       at {starts[1:]}; frames after them differ from dreaming from there by at most {worst:g}"
    )
    return {"starts": starts, "difference": worst}


def bench_memory() -> dict[str, float]:
    """Peak memory, MB, of the whole program on 100 and on 1000 frames of a small clip."""
    peaks = {}
    for count in (100, 1000):
        with tempfile.TemporaryDirectory() as folder:
            clip = Path(folder) / "in.mp4"
            write_noise(clip, count)
            command = [sys.executable, __file__, str(clip), str(Path(folder) / "out.mp4")]
            peaks[count] = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    ratio = peaks[1000] / peaks[100]
    print(f"memory     peak {peaks[100]:.0f} MB for 100 frames, {peaks[1000]:.0f} MB for 1000: {ratio:.3f}")
    return {str(count): peak for count, peak in peaks.items()}


def write_noise(path: Path, count: int) -> None:
    """A small clip whose texture drifts."""
    from fractions import Fraction

    from dreamvideo.media.writer import ClipWriter

    texture = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 255, (128, 512, 3), np.uint8), (0, 0), 3)
    with ClipWriter(path, (160, 96), Fraction(25), crf=20) as writer:
        for t in range(count):
            writer.write(np.ascontiguousarray(texture[:96, t % 350 : t % 350 + 160]))


def dream_and_tell_peak(source: Path, target: Path) -> None:
    """Run in a process of its own: dream a clip, print the peak of its memory in MB."""
    from dreamvideo.jobs.dream import dream_file

    dream_file(source, target, load_network("vgg16-lite"), Recipe())
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


if __name__ == "__main__":
    if len(sys.argv) == 3 and not sys.argv[1].startswith("--"):
        dream_and_tell_peak(Path(sys.argv[1]), Path(sys.argv[2]))
    else:
        main()
