"""A recipe as text and back: all that decides the frames, and nothing of the machine they were made on.

The settings are found by looking at their dataclasses, so a new setting travels by itself. In TOML::

    dreamvideo = "0.1.0"

    [network]
    name = "vgg16-lite"
    sha256 = "5f..."

    [files]             # what else was looked at, by its content; never a path
    guide = "09..."

    [dream]
    octaves = 4
    ...

A setting that is None is left out; one that an older version did not know keeps today's default.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import sys
import types
import typing
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import tomli_w

from dreamvideo import __version__
from dreamvideo.errors import InputError, SettingsError
from dreamvideo.settings import Recipe

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Settings = TypeVar("Settings")
Plain = dict[str, Any]
"""Made of str, int, float, bool, list and dict alone: what TOML and JSON hold."""

MAX_TEXT = 1 << 15  # characters; a recipe has a thousand. TOML's reader takes 20 s for 100,000 dots in a row
SHOWN = 60  # characters of a wrong value that an error shows
_HASH = re.compile(r"[0-9a-f]{64}")
_FRACTION = re.compile(r"\d{1,9}(\.\d{1,9}|/\d{1,9})?")  # no exponents: 1e999999999 is a long wait


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
    version = _convert(str, rest.pop("dreamvideo", None), "dreamvideo")
    network = rest.pop("network", None)
    files = rest.pop("files", {})
    if network is not None:
        _table(network, "network", ("name", "sha256"))
        network = (_convert(str, network.get("name"), "network.name"), _hash(network, "network", "sha256"))
    _table(files, "files", files if isinstance(files, dict) else ())
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


def settings_to_dict(settings: Any) -> Plain:
    """A dataclass of settings in its plain form; what is None is left out."""
    values = {part.name: getattr(settings, part.name) for part in dataclasses.fields(settings)}
    return {name: _plain(value) for name, value in values.items() if value is not None}


def settings_from_dict(kind: type[Settings], data: Any, where: str = "") -> Settings:
    """The inverse of `settings_to_dict`.

    Args:
        kind: The dataclass to make.
        where: Dotted name of the part of the recipe that `data` is, for errors.

    Raises:
        SettingsError: A key is unknown, a value of another type or out of range; names it.
    """
    hints = typing.get_type_hints(kind)
    _table(data, where, hints)
    inside = f"{where}." if where else ""
    found = {name: _convert(hints[name], value, inside + name) for name, value in data.items()}
    for part in dataclasses.fields(kind):  # type: ignore[arg-type]  # a dataclass
        if (
            part.name in found
            and dataclasses.is_dataclass(part.default)
            and isinstance(data[part.name], dict)
        ):
            found[part.name] = overlaid(part.default, found[part.name], data[part.name])
    return kind(**found)


def overlaid(recorded: Settings, chosen: Settings, names: Collection[str]) -> Settings:
    """`recorded` with the settings called `names`, at any depth, taken from `chosen`."""
    changes = {}
    for part in dataclasses.fields(recorded):  # type: ignore[arg-type]  # a dataclass
        old, new = getattr(recorded, part.name), getattr(chosen, part.name)
        if dataclasses.is_dataclass(old) and type(old) is type(new) and not _is_text(type(old)):
            changes[part.name] = overlaid(old, new, names)
        elif part.name in names:
            changes[part.name] = new
    return dataclasses.replace(recorded, **changes)  # type: ignore[type-var]


def differences(before: Plain, after: Plain) -> list[str]:
    """What differs between two recipes in their plain form, a line for each: ``dream.steps: 10 -> 12``."""
    old, new = dict(_leaves(before)), dict(_leaves(after))
    return [
        f"{name}: {_shown(old[name]) if name in old else 'unset'} -> "
        f"{_shown(new[name]) if name in new else 'unset'}"
        for name in (*old, *(name for name in new if name not in old))
        if old.get(name) != new.get(name) or (name in old) != (name in new)
    ]


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


def _leaves(data: Plain, where: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in data.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{where}{name}.")
        else:
            yield where + name, value


def _plain(value: Any) -> Any:
    if _is_text(type(value)) or isinstance(value, Fraction):
        return str(value)
    if dataclasses.is_dataclass(value):
        return settings_to_dict(value)
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"{value!r} cannot stand in a recipe")  # a path, say: recipes name no files


def _is_text(kind: type[Any]) -> bool:
    """Whether values of `kind` are written as text (``str(value)``) and read with ``kind.parse``."""
    return callable(getattr(kind, "parse", None))


def _table(value: Any, where: str, known: Collection[str]) -> None:
    """Raise SettingsError unless `value` is a table that holds nothing but `known` keys."""
    if not isinstance(value, dict):
        raise _wrong(where or "the recipe", "a table of settings", value)
    for name in value:
        if name not in known:
            place = f" in {where}" if where else ""
            raise SettingsError(f"no setting called {_shown(name)}{place}: is the recipe of a newer version?")


def _hash(table: Plain, where: str, name: str) -> str:
    text = _convert(str, table.get(name), f"{where}.{name}")
    if not _HASH.fullmatch(text):
        raise _wrong(f"{where}.{name}", "a SHA-256 in 64 digits", text)
    return str(text)


def _convert(hint: Any, value: Any, key: str) -> Any:
    """A plain value as `hint` wants it."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _convert_any(arguments, value, key)
    if origin is typing.Literal:
        if value in arguments and isinstance(value, str):
            return value
        raise _wrong(key, "one of " + ", ".join(map(str, arguments)), value)
    if origin is tuple:
        return _convert_tuple(arguments, value, key)
    if _is_text(hint):
        return hint.parse(_convert(str, value, key))
    if dataclasses.is_dataclass(hint):
        return settings_from_dict(typing.cast("type[Any]", hint), value, key)
    return _convert_scalar(hint, value, key)


def _convert_any(members: Sequence[Any], value: Any, key: str) -> Any:
    """The first member of a union that takes `value`; the last one's complaint if none does.

    Of a number and its schedule, a text can only be the schedule, and nothing else can.
    """
    error: SettingsError | None = None
    texts = [member for member in members if _is_text(member)]
    for member in texts if texts and isinstance(value, str) else members:
        if member is types.NoneType or (member in texts and not isinstance(value, str)):
            continue
        try:
            return _convert(member, value, key)
        except SettingsError as caught:
            error = caught
    raise error or _wrong(key, "left out", value)


def _convert_tuple(items: Sequence[Any], value: Any, key: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise _wrong(key, "a list", value)
    hints = [items[0]] * len(value) if items[-1] is Ellipsis else items
    if len(value) != len(hints):
        raise _wrong(key, f"a list of {len(hints)}", value)
    return tuple(_convert(hint, item, key) for hint, item in zip(hints, value, strict=True))


def _convert_scalar(kind: Any, value: Any, key: str) -> Any:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind is float and is_number and abs(value) <= sys.float_info.max:
        return float(value)
    if kind is float and isinstance(value, float):  # inf and nan: the settings' own ranges refuse them
        return value
    if kind is int and is_number and isinstance(value, int) and abs(value) < 1 << 63:
        return value
    if kind is Fraction and isinstance(value, str) and _FRACTION.fullmatch(value):
        try:
            return Fraction(value)
        except ZeroDivisionError:
            pass
    if kind in (bool, str) and isinstance(value, kind):
        return value
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
    raise _wrong(key, words.get(kind, 'a text like "25" or "30000/1001"'), value)


def _wrong(key: str, wanted: str, value: Any) -> SettingsError:
    return SettingsError(f"{key} must be {wanted}, got {_shown(value)}")


def _shown(value: Any) -> str:
    """A value on one line, not too long."""
    if value is None:
        return "nothing"
    if isinstance(value, int) and abs(value) >= 1 << 63:  # Python refuses to print very long ones
        return "a number with too many digits"
    text = ascii(value) if isinstance(value, str) else repr(value)
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."
