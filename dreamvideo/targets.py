"""What a network is asked to be excited about, as a user writes it: the one grammar of all commands.

::

    conv4_3               a layer
    conv5_3:12,40-44      some of its channels
    conv5_3:12@0.5,0.25   one neuron: a channel at a place, as shares of width and height
    sea snake             a class, by one of ImageNet's 1000 names or its index
    conv4_3=0.5           any of them with a weight; a negative one pushes away

Here is only what can be said without the network; whether it has such a layer or channel,
`objectives` knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

from dreamvideo.errors import SettingsError, UnknownNameError

Look = Literal["edges", "shapes", "creatures"]
LOOKS: tuple[Look, ...] = ("edges", "shapes", "creatures")  # of early, middle and late layers

CLASS_COUNT = 1000
MOST_CHANNELS = 1 << 16


@dataclass(frozen=True)
class LayerTarget:
    """A layer, or what is looked at in it.

    Attributes:
        channels: numbers of channels; empty: all.
        place: (x, y) as shares of width and height, 0 to 1; None: everywhere.
    """

    layer: str
    channels: tuple[int, ...] = ()
    place: tuple[float, float] | None = None


def split_weight(text: str) -> tuple[str, str]:
    """`conv4_3=0.5` -> ("conv4_3", "0.5"); without a weight it is "1"."""
    what, equals, weight = text.partition("=")
    return what.strip(), weight.strip() if equals else "1"


def parse_layer(text: str) -> LayerTarget:
    """`conv5_3:12,40@0.5,0.5` -> a layer, channels, place.

    Raises:
        SettingsError: it is written in another way.
    """
    rest, at, place = text.partition("@")
    layer, colon, channels = rest.partition(":")
    if not layer.strip():
        raise SettingsError(
            f"layer must be written like conv4_3, conv5_3:12 or conv5_3:12@0.5,0.5, got {text!r}"
        )
    return LayerTarget(
        layer.strip(), parse_channels(channels) if colon else (), parse_place(place) if at else None
    )


def parse_channels(text: str) -> tuple[int, ...]:
    """`0-8,12` -> (0, 1, ..., 8, 12), each once, in the order written.

    Raises:
        SettingsError: empty, or no numbers.
    """
    numbers: list[int] = []
    for part in text.split(","):
        first, dash, last = (piece.strip() for piece in part.partition("-"))
        if not _is_number(first) or (dash and not _is_number(last)):
            raise SettingsError(f"channels must be numbers like 12,40 or 0-8, got {text!r}")
        if dash and not int(first) <= int(last) < int(first) + MOST_CHANNELS:
            raise SettingsError(f"channels must count upwards, as in 0-8, got {text!r}")
        numbers += range(int(first), int(last or first) + 1)
        if len(numbers) > MOST_CHANNELS:  # a stranger's recipe may repeat 0-65535 ten thousand times
            raise SettingsError(f"channels must be at most {MOST_CHANNELS}, got more")
    return tuple(dict.fromkeys(numbers))


def parse_choice(text: str) -> tuple[int, ...] | int | None:
    """`0-8,12` -> those channels; `random:16` -> 16, how many; `all` -> None.

    Raises:
        SettingsError: it is written in another way.
    """
    kind, colon, count = (piece.strip() for piece in text.partition(":"))
    if text.strip() == "all":
        return None
    if colon and kind == "random" and _is_number(count) and int(count):
        return int(count)
    try:
        return parse_channels(text)
    except SettingsError as error:
        raise SettingsError(f"{error}; random:16 and all are also known") from None


def parse_place(text: str) -> tuple[float, float]:
    """`0.5,0.25` -> (x, y).

    Raises:
        SettingsError: not two numbers from 0 to 1.
    """
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError:
        x = y = -1.0
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise SettingsError(f"place must be x,y as shares of width and height, like 0.5,0.5, got {text!r}")
    return x, y


@cache
def class_names() -> tuple[str, ...]:
    """ImageNet's 1000 classes, in the order of every network's head."""
    file = resources.files("dreamvideo") / "nets" / "imagenet_classes.txt"
    return tuple(file.read_text("utf-8").splitlines())


def class_index(text: str) -> int:
    """The index of a class given by its name (in any case) or its index.

    Raises:
        UnknownNameError: no such class; tells the nearest names.
    """
    if _is_number(text := text.strip()):
        if int(text) < CLASS_COUNT:
            return int(text)
        raise UnknownNameError("class", text, (), f"indices go from 0 to {CLASS_COUNT - 1}")
    indices = {_plain(name): index for index, name in enumerate(class_names())}
    plain = _plain(text)
    if plain not in indices:
        raise UnknownNameError(
            "class", plain, indices, "write a name of ImageNet, like sea snake, or an index"
        )
    return indices[plain]


def _plain(name: str) -> str:
    return " ".join(name.lower().replace("_", " ").replace("-", " ").split())


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10
