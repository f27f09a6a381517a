"""`dreamvideo layers` and `dreamvideo models`: what can be dreamed with, and how to get it."""

from __future__ import annotations

from typing import Annotated

import typer
from typer import Argument, Option

from dreamvideo.cli import options
from dreamvideo.errors import DreamVideoError, WeightsError


def layers(
    model: options.Model = "auto",
    search: Annotated[str | None, Option(metavar="WORD", help="Only layers with this in their name.")] = None,
) -> None:
    """List the layers of a network: channels, stride and receptive field."""
    from dreamvideo.nets.load import choose_model, describe_layers

    name = choose_model(model)
    infos = [info for info in describe_layers(name) if search is None or search in info.name]
    if not infos:
        raise typer.BadParameter(f"no layer of {name} has '{search}' in its name", param_hint="--search")
    width = max(len(info.name) for info in infos)
    typer.echo(f"{'layer':{width}}  channels  stride  sees")
    for info in infos:
        channels, stride = info.channels or "-", info.stride or "-"
        sees = "-" if info.channels is None else "all" if info.field is None else f"{info.field} px"
        typer.echo(f"{info.name:{width}}  {channels:>8}  {stride:>6}  {sees}")


models = typer.Typer(help="List the networks, fetch and check their weights.", rich_markup_mode=None)


@models.callback(invoke_without_command=True)
def listed(context: typer.Context) -> None:
    """List the networks on this machine and those that can be had, fetch and check their weights."""
    if context.invoked_subcommand is not None:
        return
    from dreamvideo.nets.load import VGG16_FILE
    from dreamvideo.nets.weights import weights_folder

    folder = weights_folder()
    typer.echo("vgg16-lite  inside the package, 4 MB, MIT")
    here = {path.name.rsplit("-", 1)[0]: path for path in sorted(folder.glob("*-*.pth"))}
    if "vgg16" not in here:
        typer.echo(
            f"vgg16       `dreamvideo models pull vgg16`, or put torchvision's {VGG16_FILE} into {folder}"
        )
    for name, path in here.items():
        typer.echo(f"{name:11} on this machine, {path.stat().st_size / 1e6:.0f} MB, BSD-3-Clause")
    _list_published(set(here))


def _list_published(here: set[str]) -> None:
    from dreamvideo.nets.published import published
    from dreamvideo.nets.torchvision_nets import torchvision_names

    try:
        names = [name for name in torchvision_names() if name not in here]
    except DreamVideoError as error:
        typer.echo(f"others: {error}")
        return
    typer.echo(
        "\nTo be had with `dreamvideo models pull NAME` (torchvision's, BSD-3-Clause, trained on ImageNet):"
    )
    for name in names:
        typer.echo(f"{name:20} {published(name).megabytes:6.0f} MB")


@models.command()
def pull(
    name: Annotated[str, Argument(help="vgg16, or a classifier of torchvision.")],
    quiet: options.Quiet = False,
) -> None:
    """Fetch the ImageNet weights of a network, or what is missing of them, and check them."""
    from dreamvideo.cli.progress import show_progress
    from dreamvideo.nets.published import published, pull
    from dreamvideo.nets.weights import weights_folder

    if name == "vgg16-lite":
        typer.echo("vgg16-lite is inside the package")
        return
    wanted = published(name)
    with show_progress(f"fetching {wanted.file}", quiet, "MB") as progress:
        path = pull(wanted, weights_folder(), progress)
    if not quiet:
        typer.echo(f"{path}: complete, its hash is right", err=True)


@models.command()
def verify() -> None:
    """Check the hashes of all weights on this machine."""
    from dreamvideo.nets.load import load_network
    from dreamvideo.nets.published import has_its_hash
    from dreamvideo.nets.weights import weights_folder

    load_network("vgg16-lite", device="cpu")
    typer.echo("vgg16-lite: whole")
    damaged = []
    for path in sorted(weights_folder().glob("*-*.pth")):
        whole = has_its_hash(path)
        typer.echo(f"{path.name}: {'whole' if whole else 'DAMAGED'}")
        damaged += [] if whole else [path]
    if damaged:
        raise WeightsError(f"damaged: remove {damaged[0]} and fetch it again")
