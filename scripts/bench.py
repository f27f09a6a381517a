#!/usr/bin/env python3
r"""Measure what dreamvideo promises, each figure beside a reference of the same run, as tables in Markdown.

    scripts/bench.py --quick
    scripts/bench.py --clips CLIP [CLIP ...] --cuts CLIP --memory \
        --model squeezenet1_0 --weights FILE --layer features.7

All the ways to dream a clip run in turn on the same frames in one process, so that their times compare. Warp
errors are measured with Farneback's flow; everything is rendered with DIS. `--quick` takes the sample, and
networks that need no download (VGG16 with random weights, or vgg16-lite's, is as fast as with ImageNet's).
"""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
from collections.abc import Iterator
from pathlib import Path

from figures.film import cuts_row, film_figures, film_table, read, still_row
from figures.frame import frame_rows
from figures.program import large_still_row, memory_row, overlap_row, startup_rows
from figures.step import random_vgg16, rows_with_short_vectors, step_rows
from figures.table import Row, markdown
from figures.threads import in_its_own_thread
from figures.ways import ways

from dreamvideo.nets import load_network
from dreamvideo.objectives import objective_for
from dreamvideo.settings import DreamSettings

SAMPLE = Path(__file__).parents[1] / "samples" / "clouds.mp4"
SHOT = 54  # frames of the sample, before its cut
STEP_FRAMES = slice(0, SHOT, 10)  # whose gradients are compared
WIDE_FRAMES = 2 * SHOT  # at 1080p: of fewer, torch's start and what the encoder holds back take a large share


def main() -> None:
    options = parse()
    print(f"{machine()}\n", flush=True)
    with tempfile.TemporaryDirectory(prefix="dreamvideo-") as name:
        folder = Path(name)
        rows = list(told(program_rows(options, folder)))
    print("\n" + markdown(rows), flush=True)
    figures = {} if options.quick else clip_figures(options)
    if options.json:
        rows_as_dicts = [vars(row) for row in rows]
        options.json.write_text(json.dumps({"machine": machine(), "rows": rows_as_dicts, "clips": figures}))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="the sample and VGG16 alone, in two minutes")
    parser.add_argument("--clips", type=Path, nargs="+", default=[], help="clips to dream in all ways")
    parser.add_argument("--cuts", type=Path, help="a clip with hard cuts")
    parser.add_argument("--model", default="vgg16-lite")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--layer")
    parser.add_argument("--detail", type=int, default=320)
    parser.add_argument("--frames", type=int, default=100, help="of each clip at most")
    parser.add_argument("--memory", action="store_true", help="also the peaks of memory: some minutes")
    parser.add_argument("--json", type=Path, help="write the figures there")
    return parser.parse_args()


def machine() -> str:
    import torch  # not above: it would not see what dreamvideo sets for it

    threads, version = torch.get_num_threads(), torch.__version__
    return (
        f"{platform.machine()}, {torch.backends.cpu.get_cpu_capability()}, {threads} threads, torch {version}"
    )


def program_rows(options: argparse.Namespace, folder: Path) -> Iterator[Row]:
    """What does not depend on the clips."""
    vgg16 = folder / "vgg16.safetensors"
    random_vgg16(vgg16)
    frames = read(SAMPLE, options.detail, SHOT)
    yield from startup_rows(folder)
    yield from in_its_own_thread(step_rows, vgg16, frames[STEP_FRAMES])
    yield from rows_with_short_vectors(vgg16, frames[STEP_FRAMES])
    yield from frame_rows(frames, folder)
    yield overlap_row(SAMPLE, WIDE_FRAMES, folder)
    if options.memory:
        yield memory_row(folder)
        yield large_still_row(vgg16, folder)


def told(rows: Iterator[Row]) -> Iterator[Row]:
    """Each row as soon as it is there."""
    for row in rows:
        print(f"{row.figure}: {row.measured} ({row.reference})", flush=True)
        yield row


def clip_figures(options: argparse.Namespace) -> dict[str, object]:
    """All ways to dream the clips, with the network of the options."""
    network = load_network(options.model, options.weights, "auto")
    dream = DreamSettings(layers=((options.layer or network.default_layer, 1.0),))
    objective = objective_for(network, dream)
    figures: dict[str, object] = {}
    for clip in options.clips:
        frames = read(clip, options.detail, options.frames)
        found = figures[clip.stem] = film_figures(frames, objective, ways(objective, dream))
        print("\n" + film_table(clip.stem, found), flush=True)
    rows = []
    if options.clips:
        rows.append(still_row(read(options.clips[0], options.detail, 1)[0], objective, dream))
    if options.cuts:
        rows.append(cuts_row(read(options.cuts, options.detail, None), objective, dream))
    if rows:
        print("\n" + markdown(rows), flush=True)
    return figures


if __name__ == "__main__":
    main()
