"""The gradient step beside the plain one: what a peer's loop does, with torch alone."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from dreamvideo.ascent import gradient
from dreamvideo.images import image_from_frame, tensor_from_image
from dreamvideo.nets import load_network
from dreamvideo.nets.cpu import on_one_thread
from dreamvideo.nets.vgg import IMAGENET_MEAN, IMAGENET_STD, LAYERS, VGG
from dreamvideo.nets.weights import read_weights
from dreamvideo.objectives import objective_for
from dreamvideo.settings import DreamSettings
from figures.table import Row

Frames = list[np.ndarray]
LAYER = "relu4_3"
SIZE = (320, 180)
ROUNDS = 7
SHORT_VECTORS = {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
NOISE = 1 / 255  # added to the frames: where they are flat max pooling ties, and which place wins is no error


@on_one_thread()
def random_vgg16(path: Path) -> None:
    """Write VGG16 with He's random weights: as fast as ImageNet's."""
    from safetensors.torch import save_file

    torch.manual_seed(0)
    network = VGG()
    for name, values in network.named_parameters():
        nn.init.kaiming_normal_(values, nonlinearity="relu") if "weight" in name else nn.init.normal_(
            values, std=0.05
        )
    save_file({name: values.contiguous() for name, values in network.state_dict().items()}, path)


class Plain(nn.Module):
    """VGG16 up to a layer as torchvision builds it: a Sequential, with ReLUs in place."""

    def __init__(self, weights: Path, layer: str) -> None:
        super().__init__()
        state = read_weights(weights)
        modules: list[nn.Module] = []
        for name in LAYERS[: LAYERS.index(layer) + 1]:
            if name.startswith("conv"):
                kernel = state[f"{name}.weight"]
                modules.append(nn.Conv2d(kernel.shape[1], kernel.shape[0], 3, padding=1))
                modules[-1].load_state_dict({"weight": kernel, "bias": state[f"{name}.bias"]})
            else:
                modules.append(nn.ReLU(inplace=True) if name.startswith("relu") else nn.MaxPool2d(2))
        self.body = nn.Sequential(*modules).requires_grad_(False).to(memory_format=torch.channels_last)
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        y: Tensor = self.body((image - self.mean) / self.std)
        return y


def plain_gradient(network: Plain, image: Tensor) -> Tensor:
    image = image.detach().requires_grad_()
    network(image).square().mean().backward()
    assert image.grad is not None
    return image.grad


def step_rows(weights: Path, frames: Frames) -> list[Row]:
    """Speed and error of one gradient, in turn with the plain one; the error against float64."""
    plain, network = Plain(weights, LAYER), load_network("vgg16", weights, "cpu")
    objective = objective_for(network, DreamSettings(layers=((LAYER, 1.0),)))
    images = [noisy(tensor_from_image(image_from_frame(cv2.resize(f, SIZE)))) for f in frames]
    ways: list[Callable[[Tensor], Tensor]] = [
        lambda image: plain_gradient(plain, image),
        lambda image: gradient(objective, image),
    ]
    seconds = in_turn([lambda way=way: way(images[0]) for way in ways])
    exact = copy.deepcopy(plain).double()
    errors = []
    for image in images:
        truth = direction(plain_gradient(exact, image.double()))
        errors.append([float((direction(way(image)) - truth).norm()) for way in ways])
    ours = np.mean(errors, axis=0)
    vectors = torch.backends.cpu.get_cpu_capability()
    where = f"VGG16 {LAYER}, {SIZE[0]}x{SIZE[1]}, {torch.get_num_threads()} threads, {vectors}"
    return [
        Row(f"gradient step, {where}", "1.35", f"{seconds[0] / seconds[1]:.2f}", "plain autograd"),
        Row(
            f"its error against float64, {len(images)} frames",
            "at most 1",
            f"{ours[1] / ours[0]:.2f} ({ours[1]:.4f} to {ours[0]:.4f})",
            "plain autograd",
        ),
    ]


def rows_with_short_vectors(weights: Path, frames: Frames) -> list[Row]:
    """The same as on a processor without AVX-512, as most are; none where this is one."""
    if torch.backends.cpu.get_cpu_capability() != "AVX512":
        return []
    kept = weights.with_suffix(".npy")
    np.save(kept, frames)
    run = subprocess.run(
        (sys.executable, "-m", "figures.step", weights, kept),
        env=os.environ | SHORT_VECTORS,
        cwd=Path(__file__).parents[1],
        check=True,
        capture_output=True,
        text=True,
    )
    return [Row(**row) for row in json.loads(run.stdout)]


def direction(gradient: Tensor) -> Tensor:
    """Of length 1: how long a gradient is makes no difference to a step."""
    return gradient / gradient.norm()


def noisy(image: Tensor) -> Tensor:
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(0))
    return (0.05 + 0.9 * image + NOISE * noise).contiguous(memory_format=torch.channels_last)


def in_turn(ways: Sequence[Callable[[], object]]) -> list[float]:
    """Seconds of each way: the least of some rounds, in which all take turns, after one to warm up."""
    least = [float("inf")] * len(ways)
    for round_ in range(1 + ROUNDS):
        for number, way in enumerate(ways):
            begun = perf_counter()
            way()
            if round_:
                least[number] = min(least[number], perf_counter() - begun)
    return least


if __name__ == "__main__":
    kept_weights, kept_frames = map(Path, sys.argv[1:])
    print(json.dumps([vars(row) for row in step_rows(kept_weights, list(np.load(kept_frames)))]))
