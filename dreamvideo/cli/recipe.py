"""`dreamvideo recipe`, and `--recipe` of the commands that follow one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

import typer
from typer import Argument

from dreamvideo.errors import InputError, UsageError, WeightsError
from dreamvideo.recipe import MAX_TEXT, WrittenRecipe, is_recipe, overlaid, tidied, written_from_toml

if TYPE_CHECKING:
    from dreamvideo.nets import Network

Settings = TypeVar("Settings")

SUBJECTS = ("layer", "channels", "classes")  # of a drawing: what is named anew is all that is drawn
LENGTHS = ("loop", "duration", "frames")  # of a zoom: one of them rules out the others
SPELT = {
    "no_audio": ("audio",),
    "pan": ("pan_x", "pan_y"),
    "centre": ("centre_x", "centre_y"),
    **dict.fromkeys(LENGTHS, LENGTHS),
    **dict.fromkeys(("layer", "classes"), SUBJECTS),
    "all_channels": ("channels",),
}
"""Options whose settings have another name."""
SHOWN_DIGITS = 12  # of a hash: enough to tell two files apart


def recipe(
    file: Annotated[
        Path,
        Argument(metavar="FILE", readable=False, help="A film, an animation or a still."),
    ],
) -> None:
    """Print how a file was made: all settings, version, network and seed, as TOML."""
    typer.echo(tidied(read_text(file)), nl=False)


def read_text(file: Path) -> str:
    """The recipe in a film, animation or still, or in a .toml file that `dreamvideo recipe` printed.

    Raises:
        InputError: It cannot be read, or holds none.
    """
    if file.suffix.lower() == ".toml":
        from dreamvideo.media.probe import require_file

        require_file(file)
        try:
            with file.open(encoding="utf-8") as text_file:
                return text_file.read(MAX_TEXT + 1)
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"cannot read {file}: {getattr(error, 'strerror', 'it is no text')}") from error
    from dreamvideo.media.comments import read_comment

    text = read_comment(file)
    if text is None or not is_recipe(text):
        raise InputError(f"{file} carries no recipe: it was not made by dreamvideo, or with --no-recipe")
    return text


@dataclass(frozen=True)
class Followed(Generic[Settings]):
    """What is to be done, after a recipe was followed where the command line is silent."""

    settings: Settings
    model: str
    recorded: WrittenRecipe | None = None
    """The recipe, if one was named."""
    chose_network: bool = True
    """The command line names a network of its own."""

    def check_network(self, network: Network) -> None:
        """Raise WeightsError if the network is not the one of the recipe, and nobody asked for another."""
        if self.recorded is None or self.recorded.network is None or self.chose_network:
            return
        name, digest = self.recorded.network
        if network.digest != digest:
            raise WeightsError(
                f"the recipe was made with other weights of {name} (SHA-256 {digest[:SHOWN_DIGITS]}...): "
                f"name them with --weights, or take those that are here with --model {name}"
            )

    def check_files(self, given: Mapping[str, Path | None]) -> None:
        """See that each file that the recipe looked at (guide, mask, ...) was given again, and is the same.

        Raises:
            UsageError: One is missing, or has another content.
        """
        from dreamvideo.jobs.inputs import Inputs

        for part, digest in self.recorded.files.items() if self.recorded else ():
            path = given.get(part)
            if path is None:
                raise UsageError(f"the recipe looked at a {part}: give it again with --{part} FILE")
            if Inputs({part: path}).hashes()[part] != digest:
                raise UsageError(
                    f"{path} is not the {part} of the recipe (SHA-256 {digest[:SHOWN_DIGITS]}...)"
                )


def follow(context: typer.Context, file: Path | None, settings: Settings, model: str) -> Followed[Settings]:
    """The `settings` of a command line, laid over those of the recipe in `file`.

    What was typed wins; the rest comes from the recipe, not from the defaults.

    Args:
        settings: All settings, as the options give them. model: Likewise, the network.

    Raises:
        DreamVideoError: The recipe cannot be read, or is wrong.
    """
    if file is None:
        return Followed(settings, model)
    recorded = written_from_toml(read_text(file), type(settings))
    typed = {name for name in context.params if _is_typed(context, name)}
    names = {setting for name in typed for setting in SPELT.get(name, (name,))}
    chose = bool({"model", "weights"} & typed)
    if recorded.network is not None and "model" not in typed:
        model = recorded.network[0]
    base: Any = recorded.settings
    return Followed(overlaid(base, settings, names), model, recorded, chose)


def _is_typed(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
