"""Measure vgg16-lite: the five points of its model card, as a table, and pictures of what it dreams.

    python scripts/evaluate_lite.py --teacher FILE --images FOLDER [--weights FILE] [--pictures FOLDER]

The teacher judges what the small network alone has made: it never takes part in making it.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import torch
from lite.dreams import class_pictures, clouds, dream
from lite.photographs import centre_crop, split_photographs
from lite.student import Teacher, load_tensors, normalise
from torch import Tensor, nn

from dreamvideo.measures import mean_square
from dreamvideo.nets import vgg
from dreamvideo.nets.cpu import tune_cpu
from dreamvideo.nets.steady import SteadyNetwork
from dreamvideo.nets.vgg import VGG, vgg_from_state

PACKAGED = Path(vgg.__file__).with_name("vgg16_lite.safetensors")
HELD_OUT, SPLIT_SEED = 128, 3  # as in train_lite.py: photographs never trained on
VIEW = 224  # px, centre square of a whole photograph
CLASS_SEED = 100  # draws the classes of point 2
DEPTHS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")


def untrained(network: VGG) -> VGG:
    """The same architecture with random weights of sensible size: what every figure is compared with."""
    torch.manual_seed(0)
    random = copy.deepcopy(network)
    for module in random.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            nn.init.zeros_(module.bias)
    return random


@torch.no_grad()
def agreement(network: VGG, teacher: Teacher, photographs: list[Path]) -> float:
    """Point 1: share of photographs whose top-1 is in the teacher's top-5."""
    hits = 0
    for path in photographs:
        image = centre_crop(path, VIEW).unsqueeze(0)
        best = network(image, ["logits"])["logits"].argmax(1)
        hits += bool((teacher.logits(image).topk(5).indices == best).any())
    return hits / len(photographs)


def recognised(network: VGG, teacher: Teacher, classes: list[int]) -> tuple[list[bool], Tensor]:
    """Point 2: which classes the teacher has in its top-5 on the network's pictures of them; the pictures."""
    pictures = torch.cat(
        [class_pictures(network, classes[i : i + 10], seed=i) for i in range(0, len(classes), 10)]
    )
    with torch.no_grad():
        top = torch.cat([teacher.logits(p.unsqueeze(0)).topk(5).indices for p in pictures])
    return [c in row for c, row in zip(classes, top.tolist(), strict=True)], pictures


def lift(network: VGG, teacher: Teacher, photographs: list[Path]) -> dict[str, float]:
    """Point 3: mean squared `features.12` of the teacher, relative to the photograph, under three changes.

    The dream of `conv5_3`; white noise of the dream's size (root mean square); and, harder, the dream's own
    residual with its phases scrambled: the same size and the same spectrum, only without the shapes.
    """
    sums = {"dream": 0.0, "noise": 0.0, "scrambled": 0.0}
    generator = torch.Generator().manual_seed(0)
    sources = torch.stack([centre_crop(path, VIEW) for path in photographs])
    for batch in sources.split(10):
        residuals = dream(network, batch, "conv5_3") - batch
        for source, residual in zip(batch.split(1), residuals.split(1), strict=True):
            noise = torch.randn(source.shape, generator=generator)
            phases = torch.fft.rfft2(torch.randn(source.shape[-2:], generator=generator))
            spectrum = torch.fft.rfft2(residual) * phases / phases.abs()
            scrambled = torch.fft.irfft2(spectrum, s=source.shape[-2:])
            before = _late(teacher, source)
            for name, change in {"dream": residual, "noise": noise, "scrambled": scrambled}.items():
                change = change * (residual.norm() / change.norm())
                sums[name] += _late(teacher, (source + change).clamp(0, 1)) / before
    return {name: total / len(photographs) for name, total in sums.items()}


@torch.no_grad()
def _late(teacher: Teacher, images: Tensor) -> float:
    return teacher(normalise(images))[0]["5"].square().mean().item()


def speed(
    network: VGG, layer: str, shape: tuple[int, int] = (288, 384), rounds: int = 5
) -> tuple[float, float]:
    """Point 5: dream steps per second (forward and backward, float32) of this network and of full VGG16.

    Both as the product runs them on a CPU.
    """
    image = torch.rand(1, 3, *shape)
    tune_cpu()
    networks = [
        SteadyNetwork(each.requires_grad_(False).to(memory_format=torch.channels_last))
        for each in (network, VGG())
    ]
    best = [float("inf"), float("inf")]
    for _ in range(
        rounds + 1
    ):  # in turns, so that whatever else the machine does slows both; the first warms up
        for i, each in enumerate(networks):
            best[i] = min(best[i], _seconds(lambda each=each: _ascend(each, image, layer)))
    return 1 / best[0], 1 / best[1]


def _ascend(network: nn.Module, image: Tensor, layer: str) -> None:
    x = image.clone().requires_grad_(True)
    mean_square(network(x, [layer])[layer]).sum().backward()


def _seconds(work: Callable[[], None]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def make_pictures(network: VGG, folder: Path, photographs: list[Path], seen: Tensor | None) -> None:
    """The row of dreams by depth (drawn clouds, then photographs if given), and the grid of classes."""
    folder.mkdir(parents=True, exist_ok=True)
    sources = [clouds(288, 384), *(_fit(p, 288, 384) for p in photographs)]
    rows = []
    for source in sources:
        dreams = [dream(network, source, layer, steps=20, step_size=0.008) for layer in DEPTHS]
        rows.append(torch.cat([source, *dreams], 3)[0])
    save_picture(folder / "lite-depths.jpg", torch.cat(rows, 1))
    if seen is not None:
        columns = 8
        seen = seen[: len(seen) // columns * columns]
        lines = [torch.cat(list(line), 2) for line in seen.split(columns)]
        save_picture(folder / "lite-classes.jpg", torch.cat(lines, 1))


def _fit(path: Path, height: int, width: int) -> Tensor:
    picture = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    scale = max(height / picture.shape[0], width / picture.shape[1])
    picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    top, left = (picture.shape[0] - height) // 2, (picture.shape[1] - width) // 2
    return (
        torch.from_numpy(picture[top : top + height, left : left + width]).permute(2, 0, 1)[None].float()
        / 255
    )


def save_picture(path: Path, image: Tensor) -> None:
    """An image (3, H, W) in [0, 1] into a file."""
    array = (image.permute(1, 2, 0) * 255).round().byte().numpy()
    cv2.imwrite(str(path), cv2.cvtColor(array, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 88])


def row(point: str, target: str, measured: str) -> None:
    print(f"| {point} | {target} | {measured} |", flush=True)


def evaluate(options: argparse.Namespace) -> None:
    network = vgg_from_state(load_tensors(options.weights)).requires_grad_(False).eval()
    teacher = Teacher(options.teacher)
    random = untrained(network)
    _, held_out = split_photographs(options.images, HELD_OUT, SPLIT_SEED)
    fifty = held_out[: options.dreams]
    drawn = torch.randperm(1000, generator=torch.Generator().manual_seed(options.class_seed))
    classes = drawn[: options.classes].tolist()
    print("| point | target | measured |\n|---|---|---|")

    found, chance = agreement(network, teacher, held_out), agreement(random, teacher, held_out)
    row(
        f"1 top-1 in the teacher's top-5, {len(held_out)} held-out photographs",
        "60%",
        f"{found:.1%} (untrained {chance:.1%})",
    )
    pictures = None
    if classes:
        hits, pictures = recognised(network, teacher, classes)
        blind, _ = recognised(random, teacher, classes[:10])
        measured = f"{sum(hits)} of {len(hits)} (untrained {sum(blind)} of {len(blind)})"
        row(f"2 class pictures in the teacher's top-5, {len(hits)} classes", "40%", measured)
    if fifty:
        by, blind = lift(network, teacher, fifty), lift(random, teacher, fifty[:10])
        row(
            f"3 features.12 after a conv5_3 dream over after equal noise, {len(fifty)} photographs",
            "1.5",
            f"{by['dream'] / by['noise']:.2f} (photograph 1, dream {by['dream']:.2f}, "
            f"noise {by['noise']:.2f}, scrambled dream {by['scrambled']:.2f}; "
            f"untrained {blind['dream'] / blind['noise']:.2f})",
        )
    if options.pictures:
        make_pictures(network, options.pictures, options.photograph, pictures)
        row("4 dreams by depth", "look", f"{options.pictures.name}/lite-depths.jpg")
    if options.speed:
        for layer in ("relu3_3", "relu4_3", "relu5_3"):
            own, full = speed(network, layer)
            measured = f"{own / full:.1f} ({own:.1f} and {full:.2f} per second)"
            row(f"5 dream steps per second over VGG16's, {layer}, 384x288, CPU", "8", measured)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--teacher", type=Path, required=True, help="SqueezeNet 1.0's ImageNet weights")
    parser.add_argument("--images", type=Path, required=True, help="the folder that it was trained on")
    parser.add_argument("--weights", type=Path, default=PACKAGED, help="default: the packaged network")
    parser.add_argument("--classes", type=int, default=100, help="class pictures to make; 0 for none")
    parser.add_argument("--class-seed", type=int, default=CLASS_SEED, help="which classes those are")
    parser.add_argument("--dreams", type=int, default=50, help="photographs to dream for point 3; 0 for none")
    parser.add_argument("--speed", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--pictures", type=Path, help="folder for the row of dreams and the grid of classes")
    parser.add_argument("--photograph", type=Path, nargs="*", default=[], help="dream these too, for the row")
    return parser.parse_args()


if __name__ == "__main__":
    evaluate(parse())
