"""What the page asks for, as settings that have been checked, and as a command line."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from dreamvideo.errors import UsageError
from dreamvideo.media.platforms import find_platform
from dreamvideo.recipe import settings_from_dict, settings_to_dict
from dreamvideo.settings import Recipe, ZoomRecipe

RECIPES: dict[str, Any] = {"dream": Recipe, "zoom": ZoomRecipe}
"""The commands that a page can ask for, and the settings of each."""

ENDINGS = {"still": ("png", "jpg", "webp"), "clip": ("mp4", "gif", "webm", "webp", "mov")}
"""What can be made; the first is what is made when nothing is said."""

MODELS = ("auto", "vgg16", "vgg16-lite")

PAIRS = {"pan": ("pan_x", "pan_y"), "centre": ("centre_x", "centre_y")}
"""Options that hold two settings."""

PAIRED = {name for pair in PAIRS.values() for name in pair}


@dataclass(frozen=True)
class Wish:
    """A dream that was asked for."""

    upload: str
    command: str
    recipe: Any
    model: str
    ending: str

    def to_dict(self) -> dict[str, Any]:
        """The inverse of `read_wish`."""
        return {**dataclasses.asdict(self), "recipe": settings_to_dict(self.recipe)}

    def arguments(self, source: str, output: str) -> list[str]:
        """The command line that makes it: only what differs from the defaults."""
        model = [] if self.model == "auto" else ["--model", self.model]
        return [self.command, source, "-o", output, *model, *_options(self.recipe)]

    def output(self, name: str) -> str:
        """What the dream of a file called `name` is called."""
        return f"{PurePath(name).stem}-{self.command}.{self.ending}"

    def shown(self, source: str, output: str) -> str:
        """The command line for a person to copy."""
        return shlex.join(["dreamvideo", *self.arguments(_as_path(source), _as_path(output))])


def read_wish(data: Any, *, from_still: bool) -> Wish:
    """Check what the page sent, by the same settings as the command line's.

    Raises:
        UsageError: an unknown setting, a value of another type or out of range.
    """
    if not isinstance(data, dict) or not data.keys() <= {field.name for field in dataclasses.fields(Wish)}:
        raise UsageError("a wish has upload, command, recipe, model and ending")
    command = _one_of(data.get("command", "dream"), "command", RECIPES)
    recipe = settings_from_dict(RECIPES[command], data.get("recipe", {}))
    endings = ENDINGS["still" if from_still and command == "dream" else "clip"]
    if recipe.film.platform is not None:
        taken = find_platform(recipe.film.platform).containers
        endings = tuple(ending for ending in endings if f".{ending}" in taken)
    return Wish(
        str(data.get("upload", "")),
        command,
        recipe,
        _one_of(data.get("model", MODELS[0]), "model", MODELS),
        _one_of(data.get("ending", endings[0] if endings else None), "ending", endings),
    )


def _one_of(value: Any, name: str, known: Any) -> str:
    if isinstance(value, str) and value in known:
        return value
    raise UsageError(f"{name} must be one of " + ", ".join(known))


def _options(settings: Any, defaults: Any = None) -> Iterator[str]:
    """The options of all settings, at any depth, that are not as in `defaults`; None: those of their kind."""
    defaults = defaults or type(settings)()
    for part in dataclasses.fields(settings):
        value, default = getattr(settings, part.name), getattr(defaults, part.name)
        if dataclasses.is_dataclass(part.default):
            yield from _options(value, default)
        elif value != default and part.name not in PAIRED:
            yield from _option(part.name, value)
    for name, (x, y) in PAIRS.items():
        if hasattr(settings, x):
            values, usual = ([getattr(place, each) for each in (x, y)] for place in (settings, defaults))
            if values != usual:
                yield from (f"--{name}", ";".join(map(_written, values)))


def _option(name: str, value: Any) -> Iterator[str]:
    if name in ("layers", "classes"):
        for what, weight in value:
            option = {"layers": "--layer", "classes": "--class"}[name]
            yield from (option, what if weight == 1 else f"{what}={_written(weight)}")
    elif name == "size":
        yield from ("--size", f"{value[0]}x{value[1]}")
    elif name == "platform":
        yield from ("--for", value)
    elif isinstance(value, bool):
        yield f"--{'' if value else 'no-'}{name.replace('_', '-')}"
    else:
        yield from (f"--{name.replace('_', '-')}", _written(value))


def _written(value: Any) -> str:
    """A number, schedule or word as a command line has it: 2 for 2.0, and all digits that there are."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _as_path(name: str) -> str:
    """`-clip.mp4` would be taken for an option."""
    return f"./{name}" if name.startswith("-") else name
