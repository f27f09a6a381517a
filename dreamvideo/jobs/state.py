"""A dataclass of arrays and plain values as a file, exactly, and back. Reading executes nothing."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
import zipfile
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import numpy as np

from dreamvideo.errors import JobError
from dreamvideo.media.durable import replace_durably

State = TypeVar("State")
VALUES = "values"  # the one entry of the file that is no array of the state: all plain values, as JSON


def save_state(state: Any, path: Path) -> None:
    """Write a dataclass of arrays, plain values, and tuples or dataclasses of these, to `path` (.npz).

    Raises:
        OSError: It cannot be written; what was at `path` is then still there.
    """
    arrays: dict[str, np.ndarray] = {}
    values = json.dumps(_take_apart(state, "state", arrays))
    part = path.with_name(f"unfinished-{uuid4().hex}-{path.name}")
    try:
        with part.open("wb") as file:
            np.savez(file, **{VALUES: np.array(values)}, **arrays)  # type: ignore[arg-type]
        replace_durably(part, path)
    finally:
        part.unlink(missing_ok=True)


def load_state(path: Path, kind: type[State]) -> State:
    """The inverse of `save_state`.

    Raises:
        JobError: The file is missing, damaged, or of another kind.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return _put_together(kind, json.loads(str(arrays[VALUES])), arrays)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise JobError(f"{path} is damaged: add --fresh to start over") from error


def _take_apart(value: Any, name: str, arrays: dict[str, np.ndarray]) -> Any:
    """`value` as JSON holds it; its arrays go to `arrays`, under dotted names."""
    if isinstance(value, np.ndarray):
        arrays[name] = value
        return {"array": name}
    if dataclasses.is_dataclass(value):
        parts = {part.name: getattr(value, part.name) for part in dataclasses.fields(value)}
        return {key: _take_apart(part, f"{name}.{key}", arrays) for key, part in parts.items()}
    if isinstance(value, (tuple, list)):
        return [_take_apart(item, f"{name}.{place}", arrays) for place, item in enumerate(value)]
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"a job's state cannot hold {type(value).__name__} ({name})")


def _put_together(hint: Any, plain: Any, arrays: Any) -> Any:
    """A value of type `hint` from its plain form."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        (hint,) = [one for one in arguments if one is not types.NoneType]
        return None if plain is None else _put_together(hint, plain, arrays)
    if origin in (tuple, list):
        kinds = [arguments[0]] * len(plain) if origin is list or arguments[-1] is Ellipsis else arguments
        return origin(_put_together(one, item, arrays) for one, item in zip(kinds, plain, strict=True))
    if hint is np.ndarray or origin is np.ndarray:
        return arrays[plain["array"]]
    if dataclasses.is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        parts = {key: _put_together(hints[key], part, arrays) for key, part in plain.items()}
        return typing.cast("type[Any]", hint)(**parts)
    return plain
