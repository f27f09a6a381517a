"""Settings as plain values, which TOML and JSON hold, and back.

The settings are found by looking at their dataclasses, so a new setting travels by itself.
"""

from __future__ import annotations

import dataclasses
import re
import sys
import types
import typing
from collections.abc import Collection, Iterator, Sequence
from fractions import Fraction
from typing import Any, TypeVar

from dreamvideo.errors import SettingsError

Settings = TypeVar("Settings")
Plain = dict[str, Any]
"""Made of str, int, float, bool, list and dict alone: what TOML and JSON hold."""

SHOWN = 60  # characters of a wrong value that an error shows
_FRACTION = re.compile(r"\d{1,9}(\.\d{1,9}|/\d{1,9})?")  # no exponents: 1e999999999 is a long wait


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
    check_table(data, where, hints)
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


def as_text(value: Any, key: str) -> str:
    """`value`, which must be a text. Raises SettingsError, which names the `key`."""
    return str(_convert(str, value, key))


def check_table(value: Any, where: str, known: Collection[str]) -> None:
    """Raise SettingsError unless `value` is a table that holds nothing but `known` keys."""
    if not isinstance(value, dict):
        raise wrong(where or "the recipe", "a table of settings", value)
    for name in value:
        if name not in known:
            place = f" in {where}" if where else ""
            raise SettingsError(f"no setting called {_shown(name)}{place}: is the recipe of a newer version?")


def _convert(hint: Any, value: Any, key: str) -> Any:
    """A plain value as `hint` wants it."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _convert_any(arguments, value, key)
    if origin is typing.Literal:
        if value in arguments and isinstance(value, str):
            return value
        raise wrong(key, "one of " + ", ".join(map(str, arguments)), value)
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
    raise error or wrong(key, "left out", value)


def _convert_tuple(items: Sequence[Any], value: Any, key: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise wrong(key, "a list", value)
    hints = [items[0]] * len(value) if items[-1] is Ellipsis else items
    if len(value) != len(hints):
        raise wrong(key, f"a list of {len(hints)}", value)
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
    raise wrong(key, words.get(kind, 'a text like "25" or "30000/1001"'), value)


def wrong(key: str, wanted: str, value: Any) -> SettingsError:
    """What to raise for a `value` that is not what is `wanted`."""
    return SettingsError(f"{key} must be {wanted}, got {_shown(value)}")


def _shown(value: Any) -> str:
    """A value on one line, not too long."""
    if value is None:
        return "nothing"
    if isinstance(value, int) and abs(value) >= 1 << 63:  # Python refuses to print very long ones
        return "a number with too many digits"
    text = ascii(value) if isinstance(value, str) else repr(value)
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."
