"""The network that a command asks for, loaded, and one line that says which it is."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dreamvideo.nets import Network


def load(model: str, weights: Path | None, device: str, quiet: bool) -> Network:
    """Load a network (this imports torch); where the choice was left to us, say on stderr what it fell on."""
    from dreamvideo.nets import load_network

    network = load_network(model, weights, device)
    if model == "auto" and not quiet:
        print(_which(network), file=sys.stderr)
    return network


def _which(network: Network) -> str:
    if network.name == "vgg16":
        return "dreaming with vgg16 (--model vgg16-lite is faster)"
    from dreamvideo.nets.load import VGG16_FILE
    from dreamvideo.nets.weights import weights_folder

    return (
        "dreaming with vgg16-lite, the small network that ships inside; for the full VGG16 put "
        f"torchvision's {VGG16_FILE} into {weights_folder()} or name it with --model vgg16 --weights FILE"
    )
