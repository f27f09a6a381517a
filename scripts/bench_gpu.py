#!/usr/bin/env python3
r"""What a device makes of a gradient step: how long it takes, how fast it convolves, which dream it comes to.

    scripts/bench_gpu.py [--device cuda] [--clip CLIP]

The step is VGG16's to conv4_3, with random weights, on noise. The rate inside the convolutions is the work
of both directions by the time of their kernels, as torch's profiler sees them; beside it that of a dense
bfloat16 product. The dreams are vgg16-lite's of the clip's first frame, on the CPU and on the device.
"""

from __future__ import annotations

import argparse
import platform
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
from figures.film import read
from figures.step import random_vgg16

from dreamvideo.ascent import gradient
from dreamvideo.dream import dream_residual
from dreamvideo.graphed import GraphedGradient
from dreamvideo.images import image_from_frame
from dreamvideo.nets import Network, load_network
from dreamvideo.nets.vgg import CONVOLUTIONS, VGG16_WIDTHS
from dreamvideo.objectives import Objective, objective_for
from dreamvideo.settings import DreamSettings, Precision

SAMPLE = Path(__file__).parents[1] / "samples" / "clouds.mp4"
SIZES = ((640, 360), (1280, 720))
DENSE = 8192  # side of the matrices of the product
EFFORTS = ((1, 1), (3, 2), (10, 4))  # steps and octaves
CONVOLUTION = ("conv", "dgrad", "fprop", "implicit_gemm")  # in the names of cuDNN's kernels, and of oneDNN's
DETAIL = 640  # px, of the dreams


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--clip", type=Path, default=SAMPLE)
    parser.add_argument("--quick", action="store_true", help="small sizes and few steps, to see that it runs")
    options = parser.parse_args()
    with TemporaryDirectory(prefix="dreamvideo-") as name:
        vgg16 = Path(name) / "vgg16.safetensors"
        random_vgg16(vgg16)
        print_steps(load_network("vgg16", vgg16, options.device), options.quick)
    print_dreams(options.clip, options.device, options.quick)


def print_steps(network: Network, quick: bool) -> None:
    import torch

    name = torch.cuda.get_device_name() if network.device.type == "cuda" else platform.machine()
    dense = dense_rate(network.device, DENSE // 16 if quick else DENSE)
    print(f"{name}, torch {torch.__version__}; a dense bfloat16 product: {dense:.1f} TFLOP/s\n")
    print("| step | ms | TFLOP/s | ms in convolutions | TFLOP/s there | of the dense product's |")
    print("|---|---|---|---|---|---|")
    for size in ((64, 48),) if quick else SIZES:
        for precision in precisions(network.device):
            objective = objective_for(network, DreamSettings(precision=precision))
            image = torch.rand(1, 3, size[1], size[0], device=network.device, dtype=objective.dtype)
            step = step_of(objective, image, precision)
            ms, inside = 1000 * seconds(step, network.device), convolution_ms(step, network.device)
            work = operations(size) / 1e9
            print(
                f"| {size[0]}x{size[1]}, {precision} | {ms:.2f} | {work / ms:.1f} | {inside:.2f} "
                f"| {work / inside:.1f} | {work / inside / dense:.2f} |",
                flush=True,
            )


def precisions(device: object) -> tuple[Precision, ...]:
    return ("full", "half", "double") if str(device).startswith("cuda") else ("full", "double")


def step_of(objective: Objective, image, precision: Precision) -> Callable[[], object]:  # type: ignore[no-untyped-def]
    """The gradient as a dream finds it on the device."""
    if image.is_cuda:
        graphed = GraphedGradient(objective.total, image, precision)
        return lambda: graphed(image)
    return lambda: gradient(objective, image)


def operations(size: tuple[int, int]) -> int:
    """Multiplications and additions of VGG16's convolutions to conv4_3, forward and for the gradient."""
    channels, count = 3, 0
    for name, width in zip(CONVOLUTIONS, VGG16_WIDTHS, strict=True):
        scale = 2 ** (int(name[4]) - 1)
        count += 2 * 9 * channels * width * (size[0] // scale) * (size[1] // scale)
        channels = width
        if name == "conv4_3":
            break
    return 2 * count


def dense_rate(device: object, side: int) -> float:
    """TFLOP/s of a product of two square bfloat16 matrices."""
    import torch

    one, other = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))  # type: ignore[call-overload]
    return 2 * side**3 / seconds(lambda: one @ other, device) / 1e12


def seconds(function: Callable[[], object], device: object, runs: int = 20) -> float:
    """Mean time, warm."""
    for _ in range(3):
        function()
    wait_for(device)
    begun = perf_counter()
    for _ in range(runs):
        function()
    wait_for(device)
    return (perf_counter() - begun) / runs


def wait_for(device: object) -> None:
    import torch

    if str(device).startswith("cuda"):
        torch.cuda.synchronize()


def convolution_ms(step: Callable[[], object], device: object, runs: int = 5) -> float:
    """The time of a step's convolutions alone."""
    from torch.autograd import DeviceType
    from torch.profiler import ProfilerActivity, profile

    on_gpu = str(device).startswith("cuda")
    with profile(activities=[ProfilerActivity.CUDA if on_gpu else ProfilerActivity.CPU]) as seen:
        for _ in range(runs):
            step()
        wait_for(device)
    events = [event for event in seen.events() or () if is_convolution(event.name, on_gpu)]
    if on_gpu:
        events = [event for event in events if event.device_type == DeviceType.CUDA]
    spent = sum(event.device_time if on_gpu else event.self_cpu_time_total for event in events)
    return spent / 1000 / runs


def is_convolution(name: str, on_gpu: bool) -> bool:
    """Whether a kernel, or a function on a CPU, convolves; what pads for it counts as well."""
    name = name.lower()
    return any(part in name for part in CONVOLUTION) or (on_gpu and ("nhwc" in name and "pool" not in name))


def print_dreams(clip: Path, device: str, quick: bool) -> None:
    """PSNR between dreams of one picture, and how strong they are."""
    source = image_from_frame(read(clip, 64 if quick else DETAIL, 1)[0])
    networks = {place: load_network("vgg16-lite", None, place) for place in ("cpu", device)}
    print("\n| steps x octaves | full, device beside CPU | half beside full | double, device beside CPU |")
    print("|---|---|---|---|")
    for steps, octaves in EFFORTS[:2] if quick else EFFORTS:
        dreams = {}
        for place, network in networks.items():
            for precision in precisions(place):
                settings = DreamSettings(steps=steps, octaves=octaves, precision=precision)
                objective = objective_for(network, settings)
                dreams[precision, place] = source + dream_residual(objective, source, settings)
        alike = [
            decibels(dreams["full", device], dreams["full", "cpu"]),
            decibels(dreams.get(("half", device)), dreams["full", device]),
            decibels(dreams["double", device], dreams["double", "cpu"]),
        ]
        print(f"| {steps} x {octaves} | " + " | ".join(alike) + " |", flush=True)


def decibels(one: np.ndarray | None, other: np.ndarray) -> str:
    if one is None:
        return "-"
    error = np.square((one - other).astype(float)).mean()
    return "equal" if error == 0 else f"{-10 * np.log10(error):.1f}"


if __name__ == "__main__":
    main()
