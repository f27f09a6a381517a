#!/usr/bin/env python3
"""How long nine channels in one batch take, beside nine single runs.

    scripts/evaluate_batch.py --network vgg16-lite --network squeezenet1_0=FILE

Some minutes for each network, on a machine with nothing else to do.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from evaluate_objectives import LATE, named_network, row
from torch.profiler import ProfilerActivity, profile

from dreamvideo.nets import Network, load_network
from dreamvideo.settings import VisualizeSettings
from dreamvideo.visualize import WAKING_STEPS, Drawing, begin, draw, subjects_for

PRODUCTS = ("aten::mkldnn_convolution", "mkldnn::_convolution_pointwise", "aten::mm", "aten::addmm")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--network", action="append", type=named_network, required=True, help="NAME or NAME=FILE"
    )
    parser.add_argument("--steps", type=int, default=8, help="of each timed run of the function")
    options = parser.parse_args()
    print("| time | network | wanted | measured |\n|---|---|---|---|", flush=True)
    for name, weights in options.network:
        batches(load_network(name, weights, "cpu"), weights, options.steps)


def batches(network: Network, weights: Path | None, steps: int) -> None:
    """Nine channels of 224 px in a batch, beside one by one: of the function and of the command.

    And what of the batch's time goes into convolutions: less than that cannot be had without fewer of them.
    """
    layer = LATE.get(network.name, network.default_layer)
    settings = VisualizeSettings(layer, "0-8", steps=WAKING_STEPS + steps)
    together = seconds(network, settings)
    alone = sum(seconds(network, replace(settings, channels=str(channel))) for channel in range(9))
    bare = share_of_products(network, settings) * together
    row("time of nine in a batch over nine single runs", network.name, "0.6", f"{together / alone:.2f}")
    row("the same, of its convolutions alone", network.name, "-", f"{bare / alone:.2f}")
    command = ["visualize", layer, "--model", network.name, *(["--weights", str(weights)] if weights else [])]
    runs = [seconds_of_command(*command, "--channels", which) for which in ("0-8", *map(str, range(9)))]
    row("the same, of commands of 256 steps", network.name, "0.6", f"{runs[0] / sum(runs[1:]):.2f}")


def awake(network: Network, settings: VisualizeSettings) -> Iterator[Drawing]:
    """The steps of a drawing behind the first ones, which are slower, and few of a real run's."""
    subjects = subjects_for(network, settings)
    steps = draw(network, subjects, settings, begin(subjects, settings))
    for _ in range(WAKING_STEPS):
        next(steps)
    return steps


def seconds(network: Network, settings: VisualizeSettings) -> float:
    steps = awake(network, settings)
    begun = perf_counter()
    for _ in steps:
        pass
    return perf_counter() - begun


def seconds_of_command(*words: str) -> float:
    with TemporaryDirectory() as folder:
        begun = perf_counter()
        target = str(Path(folder) / "sheet.png")
        subprocess.run([sys.executable, "-m", "dreamvideo", *words, "-o", target, "--quiet"], check=True)
        return perf_counter() - begun


def share_of_products(network: Network, settings: VisualizeSettings) -> float:
    """Which share of a drawing's time goes into convolutions and products of matrices."""
    steps = awake(network, settings)
    with profile(activities=[ProfilerActivity.CPU]) as watched:
        for _ in steps:
            pass
    times = {event.key: event.self_cpu_time_total for event in watched.key_averages()}
    return sum(times.get(name, 0.0) for name in PRODUCTS) / sum(times.values())


if __name__ == "__main__":
    main()
