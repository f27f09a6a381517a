#!/usr/bin/env python3
r"""Measure what the objectives promise, with real networks, and print one table.

    scripts/evaluate_objectives.py --network vgg16-lite --network squeezenet1_0=FILE --images FOLDER

`--images` is a folder of photographs, for the guided dreams. Takes some minutes on two cores; `--channels`,
`--classes`, `--size` and `--steps` make it shorter or longer.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from dreamvideo.clip import add_residual
from dreamvideo.dream import dream_residual
from dreamvideo.guide import Guide, guide_features, guide_likeness
from dreamvideo.images import (
    fit_long_side,
    image_from_frame,
    read_still,
    resize,
    tensor_from_image,
    write_still,
)
from dreamvideo.media.beside import Beside
from dreamvideo.nets import LOGITS, Network, load_network
from dreamvideo.objectives import objective_for
from dreamvideo.settings import DreamSettings, FilmSettings, VisualizeSettings
from dreamvideo.visualize import begin, draw, frames_of, subjects_for

BATCH = 8
LATE = {"vgg16-lite": "conv5_3", "vgg16": "conv5_3", "squeezenet1_0": "features.10"}
GUIDE_SIDE = 224  # px, of the guided dreams
USUAL = 40  # photographs whose mean feature is the usual one


def main() -> None:
    options = parse()
    networks = [load_network(name, weights) for name, weights in options.network]
    print("| point | network | wanted | measured |\n|---|---|---|---|", flush=True)
    pictures: dict[str, list[np.ndarray]] = {}
    for network in networks:
        if "1" in options.points:
            channels(network, options)
        if "2" in options.points:
            pictures[network.name] = classes(network, options)
        if "4" in options.points:
            for layer in dict.fromkeys((network.guide_layer, network.default_layer)):
                guides(network, layer, options)
        if "5" in options.points:
            masks(network, options)
    if "2" in options.points:
        for painter in networks:
            for viewer in networks:
                if painter is not viewer:
                    crossed(painter, viewer, pictures[painter.name], options)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--network", action="append", type=named_network, required=True, help="NAME or NAME=FILE"
    )
    parser.add_argument("--images", type=Path, help="folder of photographs, for point 4")
    parser.add_argument("--channels", type=int, default=64)
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--pairs", type=int, default=8, help="source and guide, of point 4")
    parser.add_argument("--size", type=int, default=128, help="of the pictures of points 1 and 2, px")
    parser.add_argument("--steps", type=int, default=128, help="of points 1 and 2")
    parser.add_argument(
        "--pictures", type=Path, help="folder of point 2's pictures: those there are not drawn again"
    )
    parser.add_argument("--points", default="1245", help="which, like 12")
    return parser.parse_args()


def named_network(text: str) -> tuple[str, Path | None]:
    name, equals, weights = text.partition("=")
    return name, Path(weights) if equals else None


def row(point: str, network: str, wanted: str, measured: str) -> None:
    print(f"| {point} | {network} | {wanted} | {measured} |", flush=True)


def channels(network: Network, options: argparse.Namespace) -> None:
    """Point 1: the picture made for a channel excites it most among those made for all of them."""
    layer = LATE.get(network.name, network.default_layer)
    text = f"random:{options.channels}"
    settings = VisualizeSettings(layer, text, size=options.size, steps=options.steps)
    wanted = [subject.channel for subject in subjects_for(network, settings)]
    own = shown(network, layer, drawn(network, settings))[:, wanted]
    right = int((own.argmax(dim=0) == torch.arange(len(wanted))).sum())
    row(f"1 own picture best, {layer}", network.name, "95%", f"{right} of {len(wanted)}")


def classes(network: Network, options: argparse.Namespace) -> list[np.ndarray]:
    """Point 2: the network gives its own picture of a class the first place."""
    indices = chosen_classes(options.classes)
    names = tuple(str(index) for index in indices)
    settings = VisualizeSettings(classes=names, size=options.size, steps=options.steps)
    frames = kept(network, settings, options.pictures) if options.pictures else drawn(network, settings)
    first = shown(network, LOGITS, frames).argmax(dim=1).tolist()
    right = sum(a == b for a, b in zip(first, indices, strict=True))
    row("2 own picture of a class first", network.name, "95%", f"{right} of {len(indices)}")
    return frames


def crossed(painter: Network, viewer: Network, frames: list[np.ndarray], options: argparse.Namespace) -> None:
    indices = chosen_classes(options.classes)
    top = shown(viewer, LOGITS, frames).topk(5, dim=1).indices.tolist()
    right = sum(index in five for index, five in zip(indices, top, strict=True))
    row(
        "2 in the other's first five",
        f"{painter.name} seen by {viewer.name}",
        "-",
        f"{right} of {len(indices)}",
    )


def chosen_classes(count: int) -> list[int]:
    return sorted(random.Random(0).sample(range(1000), count))


def drawn(network: Network, settings: VisualizeSettings) -> list[np.ndarray]:
    subjects = subjects_for(network, settings)
    frames: list[np.ndarray] = []
    for first in range(0, len(subjects), BATCH):
        batch = subjects[first : first + BATCH]
        *_, last = draw(network, batch, settings, begin(batch, settings))
        frames += frames_of(last)
    return frames


def kept(network: Network, settings: VisualizeSettings, folder: Path) -> list[np.ndarray]:
    """`drawn`, where they are not in a folder yet."""
    paths = [
        folder / f"{network.name}-{name}-{settings.size}-{settings.steps}.png" for name in settings.classes
    ]
    missing = [name for name, path in zip(settings.classes, paths, strict=True) if not path.exists()]
    folder.mkdir(exist_ok=True)
    for first in range(0, len(missing), BATCH):
        names = missing[first : first + BATCH]
        for name, frame in zip(names, drawn(network, replace(settings, classes=tuple(names))), strict=True):
            write_still(paths[settings.classes.index(name)], frame)
    return [read_still(path) for path in paths]


def shown(network: Network, layer: str, frames: Sequence[np.ndarray]) -> torch.Tensor:
    """(pictures, channels): the mean activation of each channel, as frames of 8 bits excite it."""
    found = []
    for frame in frames:
        image = tensor_from_image(image_from_frame(frame)).to(network.device)
        with torch.inference_mode():
            activation = network(image, (layer,))[layer].cpu()
        found.append(activation.flatten(2).mean(dim=2) if activation.dim() > 2 else activation)
    return torch.cat(found)


def guides(network: Network, layer: str, options: argparse.Namespace) -> None:
    """Point 4: how near each place comes to the guide's feature that fits best, over all pairs.

    In the layer that `--guide` takes by itself, and in the one that a dream without a guide takes.

    As a cosine of features, and of what in them differs from the mean feature of other photographs: what is
    usual is alike in all pictures. And as their product, which google/deepdream's notebook raises: it grows
    with any excitement, which an unguided dream seeks.
    """
    if options.images is None:
        return
    settings = DreamSettings(layers=((layer, 1.0),))
    usual = usual_feature(network, layer, options.images)
    found = []
    for source_path, guide_path in pairs_of(options.images, options.pairs):
        source = shown_small(source_path)
        free = dream_residual(objective_for(network, settings), source, settings)
        near = dream_residual(objective_for(network, settings, Guide(Beside(guide_path))), source, settings)
        near *= np.abs(free).mean() / np.abs(near).mean()
        features = guide_features(network, layer, read_still(guide_path))
        for dream in (source, np.clip(source + free, 0, 1), np.clip(source + near, 0, 1)):
            activation = activation_of(network, layer, dream)
            products = activation.flatten(2)[0].T @ features.T
            found.append(
                [
                    guide_likeness(features, activation),
                    guide_likeness(features, activation, usual),
                    float(products.amax(dim=1).mean()),
                ]
            )
    before, unguided, guided = np.array(found).reshape(-1, 3, 3).mean(axis=0)
    for number, measure in enumerate(("cosine", "cosine from the usual feature", "product")):
        row(
            f"4 best match, {measure}, {layer}",
            network.name,
            "guided twice the unguided",
            f"source {before[number]:.4g}, unguided {unguided[number]:.4g}, guided {guided[number]:.4g} "
            f"({guided[number] / unguided[number]:.2f} times)",
        )


def usual_feature(network: Network, layer: str, folder: Path) -> torch.Tensor:
    """The mean over photographs, (C,)."""
    paths = random.Random(2).sample(sorted(folder.glob("*.jpg")), USUAL)
    features = [activation_of(network, layer, shown_small(path)).flatten(2)[0].T for path in paths]
    return torch.cat(features).mean(dim=0)


def shown_small(path: Path) -> np.ndarray:
    frame = read_still(path)
    return image_from_frame(resize(frame, fit_long_side((frame.shape[1], frame.shape[0]), GUIDE_SIDE)))


def pairs_of(folder: Path, count: int) -> Iterator[tuple[Path, Path]]:
    chosen = random.Random(1).sample(sorted(folder.glob("*.jpg")), 2 * count)
    return zip(chosen[::2], chosen[1::2], strict=True)


def activation_of(network: Network, layer: str, image: np.ndarray) -> torch.Tensor:
    with torch.inference_mode():
        return network(tensor_from_image(np.ascontiguousarray(image)).to(network.device), (layer,))[layer]


def masks(network: Network, options: argparse.Namespace) -> None:
    """Point 5: where the mask is black the frame is the source to the bit."""
    if options.images is None:
        return
    settings, changed, outside = DreamSettings(steps=3), 0, 0
    for path, _ in pairs_of(options.images, 3):
        frame = read_still(path)
        residual = dream_residual(objective_for(network, settings), image_from_frame(frame), settings)
        height, width = frame.shape[:2]
        radius = np.hypot(*np.meshgrid(np.linspace(-2, 2, width), np.linspace(-2, 2, height)))
        disc = np.rint(255 * np.clip(3 - 2 * radius, 0, 1)).astype(np.uint8)
        dreamed = add_residual(frame, residual, FilmSettings(), np.repeat(disc[..., None], 3, axis=2))
        changed += int((dreamed[disc == 0] != frame[disc == 0]).sum())
        outside += int((disc == 0).sum())
    row("5 values changed outside the mask", network.name, "0", f"{changed} in {outside} pixels")


if __name__ == "__main__":
    main()
