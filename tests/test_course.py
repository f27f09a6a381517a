"""Settings that change over a film: every number and weight, checked before the first dream, and dreamed."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from dreamvideo.course import course_of
from dreamvideo.dream import activation_strength
from dreamvideo.errors import SettingsError
from dreamvideo.film import DreamedClip
from dreamvideo.images import image_from_frame
from dreamvideo.keys import change
from dreamvideo.media.stills import open_clip
from dreamvideo.nets import Network, load_network
from dreamvideo.objectives import objective_for
from dreamvideo.schedule import FilmClock, Schedule
from dreamvideo.settings import CarrySettings, DreamSettings, FilmSettings, Recipe

CLOCK = FilmClock(10, Fraction(25))
QUICK = DreamSettings(octaves=2, steps=4, layers=(("conv2_2", 1.0),))


@pytest.fixture(scope="module")
def network() -> Network:
    return load_network("vgg16-lite", device="cpu")


def test_numbers_and_weights_of_a_frame() -> None:
    settings = replace(
        QUICK,
        layers=(("conv2_2", Schedule("1-p")), ("conv3_1", 2.0), ("conv2_2", Schedule("p"))),
        classes=(("sea snake", Schedule("3*p")),),
        steps=Schedule("10*p"),
        natural=Schedule("p/2"),
    )
    with pytest.raises(SettingsError, match=r"steps must be between 1 and 1000.* at frame 0"):
        course_of(settings, CLOCK)
    course = course_of(replace(settings, steps=Schedule("1+10*p")), CLOCK)
    now = course.at(5)
    assert now.layers == (("conv2_2", 0.5), ("conv3_1", 2.0), ("conv2_2", 0.5))
    assert now.classes == (("sea snake", 1.5),) and (now.steps, now.natural) == (6, 0.25)
    assert course.at(99) == course.at(10), "beyond the last frame they stay"


def test_what_is_wrong_names_the_weight() -> None:
    for weight, said in (("1/t", "weight of layer conv2_2: schedule: this is inf"), ("1e7", "at frame 0")):
        with pytest.raises(SettingsError, match=said):
            course_of(replace(QUICK, layers=(("conv2_2", Schedule(weight)),)), CLOCK)


def test_an_objective_follows_its_weights(network: Network) -> None:
    layers = (("conv2_2", Schedule("1-p")), ("conv3_1", Schedule("p")))
    settings = replace(QUICK, layers=layers)
    objective = objective_for(network, settings).scheduled(course_of(settings, CLOCK).curves)
    assert [term.weight for term in objective.at(3).terms] == pytest.approx([0.7, 0.3])


def test_how_much_a_change_of_settings_changes() -> None:
    both = replace(QUICK, layers=(("conv2_2", 1.0), ("conv3_1", 0.0)))
    assert change(both, replace(both, layers=(("conv2_2", 2.0), ("conv3_1", 0.0)))) == 0
    assert change(both, replace(both, layers=(("conv2_2", 0.9), ("conv3_1", 0.1)))) == pytest.approx(0.1)
    assert change(both, replace(both, layers=(("conv2_2", 0.0), ("conv3_1", 1.0)))) == 1
    assert 0 < change(QUICK, replace(QUICK, step_size=1.1 * QUICK.step_size)) < 0.2


def residuals(clip: Path, network: Network, recipe: Recipe) -> list[np.ndarray]:
    """What a dream adds to each frame."""
    with DreamedClip(clip, objective_for(network, recipe.dream), recipe) as render, open_clip(clip) as source:
        dreamed = [frame for segment in render.segments(None) for frame, _ in segment.frames]
        return [
            image_from_frame(frame) - image_from_frame(timed.frame)
            for frame, timed in zip(dreamed, source, strict=True)
        ]


def test_the_strength_of_each_frame(network: Network, short_clip: Path) -> None:
    """0 to frame 5, then 1: what is added is nothing, then all of it."""
    film = FilmSettings(detail=64, strength=Schedule("t>=5"))
    added = residuals(short_clip, network, Recipe(QUICK, CarrySettings(cadence=3), film))
    whole = residuals(short_clip, network, Recipe(QUICK, CarrySettings(cadence=3), FilmSettings(detail=64)))
    assert not any(frame.any() for frame in added[:5])
    assert all(np.array_equal(a, b) for a, b in zip(added[5:], whole[5:], strict=True))


def test_the_clips_own_sound_drives_its_dream(network: Network, short_clip: Path) -> None:
    film = FilmSettings(detail=64, strength=Schedule("loud"), audio=False)
    assert np.abs(residuals(short_clip, network, Recipe(QUICK, film=film))[12]).mean() > 0.01


def test_layers_cross_fade(network: Network, short_clip: Path) -> None:
    """After the fade the second layer is excited more than half as much as if it had always been dreamed."""
    layers = (("conv2_2", Schedule("0:1, 15:0")), ("conv3_3", Schedule("0:0, 15:1")))
    film, carry = FilmSettings(detail=64), CarrySettings(cadence=3)
    second = replace(QUICK, layers=(("conv3_3", 1.0),))
    judge = objective_for(network, second)
    with open_clip(short_clip) as clip:
        source = image_from_frame([timed.frame for timed in clip][-1])

    def excited(dream: DreamSettings) -> float:
        last = residuals(short_clip, network, Recipe(dream, carry, film))[-1]
        return activation_strength(judge, source + last) - activation_strength(judge, source)

    assert excited(replace(QUICK, layers=layers)) > (excited(second) + excited(QUICK)) / 2
    assert excited(second) > 2 * excited(QUICK)
