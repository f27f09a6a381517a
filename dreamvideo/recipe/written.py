"""What a film says of how it was made, as text and back."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomli_w

from dreamvideo import __version__
from dreamvideo.errors import InputError, SettingsError
from dreamvideo.recipe.plain import Plain, as_text, check_table, settings_from_dict, settings_to_dict, wrong
from dreamvideo.settings import Recipe

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MAX_TEXT = 1 << 15  # characters; a recipe has a thousand. TOML's reader takes 20 s for 100,000 dots in a row
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class WrittenRecipe:
    """What a film says of how it was made."""

    settings: Any = field(default_factory=Recipe)
    """A dataclass of settings: `Recipe`, or that of another command."""
    network: tuple[str, str] | None = None
    """Name and SHA-256 of the weights."""
    files: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of what else decided the frames, by its part: guide, mask, ..."""
    version: str = __version__
    """Of dreamvideo."""

    def to_dict(self) -> Plain:
        """The plain form; the settings' own parts stand beside the rest."""
        head: Plain = {"dreamvideo": self.version}
        if self.network is not None:
            head["network"] = {"name": self.network[0], "sha256": self.network[1]}
        if self.files:
            head["files"] = dict(self.files)
        return {**head, **settings_to_dict(self.settings)}

    def to_toml(self) -> str:
        return tomli_w.dumps(self.to_dict())


def written_from_dict(data: Plain, kind: type[Any] = Recipe) -> WrittenRecipe:
    """The inverse of `WrittenRecipe.to_dict`; `kind` is the dataclass of the settings.

    Raises:
        SettingsError: Something is unknown, of another type or out of range; names it.
    """
    rest = dict(data)
    version = as_text(rest.pop("dreamvideo", None), "dreamvideo")
    network = rest.pop("network", None)
    files = rest.pop("files", {})
    if network is not None:
        check_table(network, "network", ("name", "sha256"))
        network = (as_text(network.get("name"), "network.name"), _hash(network, "network", "sha256"))
    check_table(files, "files", files if isinstance(files, dict) else ())
    hashes = {part: _hash(files, "files", part) for part in files}
    return WrittenRecipe(settings_from_dict(kind, rest), network, hashes, version)


def written_from_toml(text: str, kind: type[Any] = Recipe) -> WrittenRecipe:
    """The inverse of `WrittenRecipe.to_toml`.

    Raises:
        SettingsError: It is no TOML, or as in `written_from_dict`.
    """
    return written_from_dict(_parsed(text), kind)


def is_recipe(text: str) -> bool:
    """Whether a comment found in a file is a recipe."""
    return re.match(r'dreamvideo = "', text) is not None


def tidied(text: str) -> str:
    """A recipe of any command, written anew: whatever a stranger's file holds, plain TOML comes out.

    Raises:
        SettingsError: It is no TOML.
    """
    return tomli_w.dumps(_parsed(text))


def hash_file(path: Path) -> str:
    """SHA-256 of a file's content, as it stands in recipes.

    Raises:
        InputError: It cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    return digest.hexdigest()


def _parsed(text: str) -> Plain:
    if len(text) > MAX_TEXT:
        raise SettingsError(f"the recipe is too long: {len(text)} characters")
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"the recipe is not TOML: {' '.join(str(error).split())}") from error


def _hash(table: Plain, where: str, name: str) -> str:
    text = as_text(table.get(name), f"{where}.{name}")
    if not _HASH.fullmatch(text):
        raise wrong(f"{where}.{name}", "a SHA-256 in 64 digits", text)
    return text
