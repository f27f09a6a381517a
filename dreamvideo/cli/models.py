"""`dreamvideo layers` and `dreamvideo models`: what can be dreamed with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Option


def layers(
    model: Annotated[str, Option(help="auto, vgg16, vgg16-lite, or a classifier of torchvision.")] = "auto",
) -> None:
    """List the layers of a network."""
    from dreamvideo.nets.load import choose_model
    from dreamvideo.nets.vgg import LAYERS

    name = choose_model(model)
    if name in ("vgg16", "vgg16-lite"):
        names: tuple[str, ...] = LAYERS
    else:
        from dreamvideo.nets.torchvision_nets import build_torchvision

        names = build_torchvision(name).layers
    typer.echo("\n".join(names))


def models() -> None:
    """List the networks on this machine, and where others go."""
    from dreamvideo.nets.load import VGG16_FILE, weights_folder

    folder = weights_folder()
    here = (
        "on this machine"
        if (folder / VGG16_FILE).is_file()
        else f"put torchvision's {VGG16_FILE} into {folder}"
    )
    typer.echo(f"vgg16-lite  inside the package\nvgg16       {here}")
    for path in sorted(Path(folder).glob("*-*.pth")):
        if path.name != VGG16_FILE:
            typer.echo(f"{path.name.rsplit('-', 1)[0]:11} on this machine")
    typer.echo("other classifiers of torchvision: --model NAME --weights FILE")
