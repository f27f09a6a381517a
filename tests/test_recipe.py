"""Recipes as text: what is written comes back, and what is wrong is named in one line."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, is_dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from dreamvideo import __version__
from dreamvideo.errors import InputError, SettingsError
from dreamvideo.recipe import (
    WrittenRecipe,
    differences,
    hash_file,
    is_recipe,
    overlaid,
    settings_from_dict,
    settings_to_dict,
    written_from_dict,
    written_from_toml,
)
from dreamvideo.settings import CarrySettings, DreamSettings, FilmSettings, Recipe

FULL = Recipe(
    DreamSettings(layers=(("conv4_3", 1.0), ('odd "name"\n夢', -0.5)), step_size=0.0123456789, seed=-3),
    CarrySettings(flow="farneback", cuts="none", cadence=1),
    FilmSettings(
        size=(641, 359), start=0.1, end=2.5, frames=7, fps=Fraction(30000, 1001), audio=False, crf=0
    ),
)
NETWORK = ("vgg16-lite", "ab" * 32)


@pytest.mark.parametrize("settings", [Recipe(), FULL])
def test_settings_come_back_from_toml_and_json(settings: Recipe) -> None:
    written = WrittenRecipe(settings, NETWORK, {"guide": "cd" * 32})
    assert written_from_toml(written.to_toml()) == written
    assert written_from_dict(json.loads(json.dumps(written.to_dict()))) == written
    assert is_recipe(written.to_toml()) and not is_recipe("a walk in the park")


def test_the_text_is_plain() -> None:
    text = WrittenRecipe(FULL, NETWORK).to_toml()
    assert text.startswith(f'dreamvideo = "{__version__}"\n')
    for line in ("[network]", "[dream]", "octaves = 4", 'fps = "30000/1001"', "audio = false"):
        assert line in text.splitlines()


def test_what_is_left_out_keeps_its_default() -> None:
    assert written_from_toml('dreamvideo = "0.0.1"\n[dream]\noctaves = 2\n') == WrittenRecipe(
        Recipe(DreamSettings(octaves=2)), version="0.0.1"
    )


def optional_defaults(kind: Any) -> list[tuple[str, object]]:
    found = []
    for name, hint in get_type_hints(kind).items():
        if is_dataclass(hint):
            found += optional_defaults(hint)
        elif type(None) in get_args(hint):
            found.append((name, {part.name: part.default for part in fields(kind)}[name]))
    return found


def test_a_setting_that_may_be_none_is_none_by_default() -> None:
    """TOML has no word for None: it is left out, which must mean the same."""
    assert optional_defaults(Recipe)
    assert [name for name, default in optional_defaults(Recipe) if default is not None] == []


WRONG = [
    ("[dream]\nspeed = 1", "no setting called 'speed' in dream"),
    ("[dreams]\nsteps = 1", "no setting called 'dreams'"),
    ("dream = 3", "dream must be a table of settings, got 3"),
    ("[dream]\nsteps = 1.0", "dream.steps must be a whole number, got 1.0"),
    ("[dream]\nsteps = true", "dream.steps must be a whole number, got True"),
    ("[dream]\noctaves = '9'", "dream.octaves must be a whole number, got '9'"),
    ("[dream]\nsteps = '0:1, tt'", "(column 5, at 'tt')"),
    (f"[dream]\nseed = 0x{'f' * 5000}", "dream.seed must be a whole number, got a number with too many"),
    (f"[dream]\nnatural = 0x{'f' * 5000}", "dream.natural must be a number, got a number with too many"),
    (f"[dream]\nseed = {'1' * 5000}", "the recipe is not TOML"),
    ("[dream]\nsteps = 0", "steps must be between 1 and 1000, got 0"),
    ("[dream]\nnatural = nan", "natural must be between 0 and 1, got nan"),
    ("[dream]\nnatural = []", "dream.natural must be a number, got"),
    ("[dream]\nlayers = 'conv4_3'", "dream.layers must be a list, got 'conv4_3'"),
    ("[dream]\nlayers = [['conv4_3']]", "dream.layers must be a list of 2"),
    ("[dream]\nlayers = [[1, 1.0]]", "dream.layers must be a text, got 1"),
    ("[dream]\nlayers = [['conv4_3', inf]]", "weight of layer conv4_3"),
    ("[film]\nfps = 25.0", "film.fps must be a text like"),
    ("[film]\nfps = '1/0'", "film.fps must be a text like"),
    ("[film]\nfps = '1e999999999'", "film.fps must be a text like"),
    ("[film]\nsize = [640]", "film.size must be a list of 2"),
    ("[film]\naudio = 1", "film.audio must be true or false, got 1"),
    ("[film]\nstart = 1979-05-27", "film.start must be a number, got datetime"),
    ("[carry]\nflow = 'lk'", "carry.flow must be one of dis, farneback"),
    ("[carry]\nflow = ['dis']", "carry.flow must be one of"),
    ("[network]\nname = 'vgg16'", "network.sha256 must be a text, got nothing"),
    ("[network]\nname = 'vgg16'\nsha256 = '../x'", "network.sha256 must be a SHA-256"),
    ("[network]\nurl = 'x'", "no setting called 'url' in network"),
    ("[files]\nguide = 'me.png'", "files.guide must be a SHA-256"),
    ("[dream]\n[dream]", "the recipe is not TOML"),
    ("a = " + "[" * 5000, "the recipe is not TOML"),
    ("\0", "the recipe is not TOML"),
]


@pytest.mark.parametrize("text, words", WRONG, ids=[words[:60] for _, words in WRONG])
def test_what_is_wrong_is_named_in_one_line(text: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        written_from_toml(f'dreamvideo = "{__version__}"\n{text}')
    said = str(caught.value)
    assert words in said and "\n" not in said and len(said) < 200


def test_a_recipe_says_its_version() -> None:
    with pytest.raises(SettingsError, match="dreamvideo must be a text"):
        written_from_toml("[dream]\n")
    with pytest.raises(SettingsError, match="too long"):
        written_from_toml("#" * (1 << 21))


def test_what_differs() -> None:
    before = WrittenRecipe(FULL, NETWORK).to_dict()
    assert differences(before, before) == []
    changed = replace(FULL, dream=replace(FULL.dream, steps=12), film=replace(FULL.film, end=None))
    after = WrittenRecipe(changed, ("vgg16", NETWORK[1])).to_dict()
    assert differences(before, after) == [
        "network.name: 'vgg16-lite' -> 'vgg16'",
        "dream.steps: 10 -> 12",
        "film.end: 2.5 -> unset",
    ]
    assert differences(after, before)[-1] == "film.end: unset -> 2.5"


def test_chosen_settings_win_over_recorded_ones() -> None:
    chosen = Recipe(DreamSettings(steps=3, octaves=2), film=FilmSettings(audio=True))
    both = overlaid(FULL, chosen, {"steps", "audio", "nothing"})
    assert both == replace(FULL, dream=replace(FULL.dream, steps=3), film=replace(FULL.film, audio=True))


@dataclass(frozen=True)
class Curve:
    """Stands for settings that are written as text, such as schedules."""

    points: tuple[float, ...]

    @classmethod
    def parse(cls, text: str) -> Curve:
        try:
            return cls(tuple(float(point) for point in text.split(",")))
        except ValueError:
            raise SettingsError("zoom must be numbers") from None

    def __str__(self) -> str:
        return ",".join(map(str, self.points))


@dataclass(frozen=True)
class Moves:
    zoom: float | Curve = 1.0
    turn: Curve | None = None
    where: Path | None = None


def test_settings_that_are_text_travel_as_text() -> None:
    moves = Moves(Curve((1.0, 2.5)), Curve((0.0,)))
    assert settings_to_dict(moves) == {"zoom": "1.0,2.5", "turn": "0.0"}
    assert settings_from_dict(Moves, settings_to_dict(moves)) == moves
    assert settings_from_dict(Moves, {"zoom": 2}) == Moves(2.0)
    with pytest.raises(SettingsError, match="zoom must be"):
        settings_from_dict(Moves, {"zoom": "fast"})


def test_a_path_cannot_stand_in_a_recipe() -> None:
    with pytest.raises(TypeError, match="recipe"):
        settings_to_dict(Moves(where=Path("secret/place")))


def test_files_are_known_by_their_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert hash_file(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    with pytest.raises(InputError, match="cannot read"):
        hash_file(tmp_path / "b")
