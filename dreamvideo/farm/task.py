"""All that a worker must be told to render pieces of something, whatever it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dreamvideo.errors import SettingsError
from dreamvideo.recipe import Plain, WrittenRecipe, written_from_dict
from dreamvideo.settings import Recipe, VisualizeRecipe, ZoomRecipe

KINDS: dict[str, type[Any]] = {"dream": Recipe, "zoom": ZoomRecipe, "visualize": VisualizeRecipe}
FILES = ("source", "weights", "guide", "mask", "audio")


@dataclass(frozen=True)
class Task:
    """What is made, as it can be told to another process or machine.

    Attributes:
        recipe: as it is used for the output; its type, one of `KINDS`, tells what is made.
        network: name and SHA-256 of the weights, which are in the file `weights` or where they usually are.
        source, weights, guide, mask, audio: files, at the same paths wherever it is worked on.
    """

    recipe: Any
    network: tuple[str, str]
    source: Path | None = None
    weights: Path | None = None
    guide: Path | None = None
    mask: Path | None = None
    audio: Path | None = None

    @property
    def files(self) -> dict[str, Path]:
        """Those that there are, by name."""
        found = {name: getattr(self, name) for name in FILES}
        return {name: path.absolute() for name, path in found.items() if path is not None}

    def at(self, files: Mapping[str, Path]) -> Task:
        """The same, with its files at other places."""
        return replace(self, **files)  # type: ignore[arg-type]  # the names of files

    def to_plain(self) -> Plain:
        (kind,) = (name for name, recipe in KINDS.items() if type(self.recipe) is recipe)
        written = WrittenRecipe(self.recipe, self.network).to_dict()
        return {"kind": kind, "recipe": written, **{name: str(path) for name, path in self.files.items()}}

    @classmethod
    def from_plain(cls, plain: Plain) -> Task:
        """Raises SettingsError if it is damaged."""
        written = written_from_dict(plain["recipe"], KINDS[plain["kind"]])
        if written.network is None:
            raise SettingsError("a task without a network")
        return cls(
            written.settings, written.network, **{name: Path(plain[name]) for name in FILES if name in plain}
        )
