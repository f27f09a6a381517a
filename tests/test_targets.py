"""The grammar of what is dreamed: read without torch, refused with a word on what to write."""

from __future__ import annotations

import pytest

from dreamvideo.errors import SettingsError, UnknownNameError
from dreamvideo.settings import DreamSettings
from dreamvideo.targets import (
    LayerTarget,
    class_index,
    class_names,
    parse_channels,
    parse_choice,
    parse_layer,
    split_weight,
)


@pytest.mark.parametrize(
    "text, target",
    [
        ("conv4_3", LayerTarget("conv4_3")),
        ("features.7", LayerTarget("features.7")),
        ("conv5_3:12,40", LayerTarget("conv5_3", (12, 40))),
        ("conv5_3:0-3,7,2", LayerTarget("conv5_3", (0, 1, 2, 3, 7))),
        ("conv5_3:12@0.5,0.25", LayerTarget("conv5_3", (12,), (0.5, 0.25))),
        (" conv5_3 @ 0, 1 ", LayerTarget("conv5_3", (), (0.0, 1.0))),
    ],
)
def test_layers_channels_and_places(text: str, target: LayerTarget) -> None:
    assert parse_layer(text) == target


@pytest.mark.parametrize(
    "text, words",
    [
        ("", "like conv4_3"),
        (":3", "like conv4_3"),
        ("conv5_3:", "channels must be"),
        ("conv5_3:a", "channels must be"),
        ("conv5_3:-1", "channels must be"),
        ("conv5_3:8-3", "count upwards"),
        ("conv5_3:0-99999999", "count upwards"),
        ("conv5_3:" + "0-65535," * 100_000 + "0", "at most 65536"),  # would fill the memory
        ("conv5_3:3@", "place must be"),
        ("conv5_3:3@0.5", "place must be"),
        ("conv5_3:3@0.5,1.5", "place must be"),
        ("conv5_3:3@0.5,nan", "place must be"),
    ],
)
def test_what_is_written_otherwise_is_refused(text: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        parse_layer(text)
    with pytest.raises(SettingsError, match=words):
        DreamSettings(layers=((text, 1.0),))


def test_weights_stand_behind_an_equals_sign() -> None:
    assert split_weight("conv5_3:1@0.5,0.5=-0.5") == ("conv5_3:1@0.5,0.5", "-0.5")
    assert split_weight("sea snake") == ("sea snake", "1")


def test_each_class_is_found_by_its_name_and_its_index() -> None:
    assert len(class_names()) == 1000
    assert [class_index(name) for name in class_names()] == list(range(1000))
    assert class_index("Sea Snake") == class_index("sea-snake") == class_index("sea_snake") == 65
    assert class_index("65") == class_index(" 65\x1f") == 65  # what `strip` takes off `int` may not


@pytest.mark.parametrize(
    "text, words",
    [
        ("sea snke", "did you mean sea snake"),
        ("1000", "from 0 to 999"),
        ("-1", "no class"),
        ("", "no class"),
        ("qqqqqqqqqqqq", "a name of ImageNet"),
    ],
)
def test_a_class_that_is_none_gets_a_suggestion(text: str, words: str) -> None:
    with pytest.raises(UnknownNameError, match=words):
        class_index(text)
    with pytest.raises(UnknownNameError, match=words):
        DreamSettings(classes=((text, 1.0),))


def test_choices_of_channels() -> None:
    assert (parse_choice("all"), parse_choice(" random : 3\x1f"), parse_choice("1,2")) == (None, 3, (1, 2))


def test_a_channel_is_taken_once() -> None:
    assert parse_channels("3,1-4") == (3, 1, 2, 4)
