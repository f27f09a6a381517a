"""What is maximised: layers, channels, neurons, classes, guides, and several at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from conftest import count_film, number_of

from dreamvideo.ascent import gradient
from dreamvideo.clip import add_residual
from dreamvideo.dream import activation_strength, dream_image, dream_levels, dream_residual
from dreamvideo.errors import InputError, UnknownNameError, UsageError
from dreamvideo.guide import Guide, best_match, best_matches, guide_likeness
from dreamvideo.images import tensor_from_image, write_still
from dreamvideo.media.beside import Beside
from dreamvideo.nets import LOGITS, Network, load_network
from dreamvideo.objectives import GUIDED_SHIFT, Objective, objective_for
from dreamvideo.settings import DreamSettings, FilmSettings

QUICK = DreamSettings(octaves=2, steps=3)


@pytest.fixture(scope="module")
def network() -> Network:
    return load_network("vgg16-lite", device="cpu")


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    noise = np.random.default_rng(0).random((64, 96, 3), np.float32)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2), None, 0.1, 0.9, cv2.NORM_MINMAX)


def of_layers(*layers: tuple[str, float]) -> DreamSettings:
    return replace(QUICK, layers=layers)


@pytest.mark.parametrize(
    "settings",
    [
        of_layers(("conv5_3:12,40", 1.0)),
        of_layers(("conv5_3:12@0.5,0.5", 1.0)),
        of_layers(("conv4_3@0.2,0.8", 1.0)),
        of_layers(("conv4_3", -1.0)),
        replace(QUICK, classes=(("sea snake", 1.0),)),
        replace(QUICK, classes=(("65", 1.0), ("goldfish", -0.5))),
        replace(QUICK, look="creatures"),
        replace(QUICK, look="edges", layers=(("conv5_3:7", 1.0),), classes=(("65", 1.0),)),
    ],
)
def test_a_dream_raises_what_is_asked_for(
    network: Network, image: np.ndarray, settings: DreamSettings
) -> None:
    objective = objective_for(network, settings)
    before, after = (
        activation_strength(objective, picture) for picture in (image, dream_image(network, image, settings))
    )
    assert after > before + 0.05 * abs(before)


def test_a_neuron_is_dreamed_where_it_is(network: Network) -> None:
    grey = np.full((96, 96, 3), 0.5, np.float32) + np.random.default_rng(0).normal(0, 0.02, (96, 96, 3))
    objective = objective_for(network, of_layers(("conv3_1:5@0.9,0.1", 1.0)))
    slope = gradient(objective, tensor_from_image(grey.astype(np.float32)))[0].abs().sum(dim=0)
    down, right = divmod(int(slope.argmax()), 96)
    assert right > 70 and down < 26
    assert slope[60:, :30].sum() == 0


def test_a_neuron_stays_where_it_is_while_it_is_dreamed(network: Network) -> None:
    """The jitter of other dreams would smear it, and look for it elsewhere in every step."""
    grey = (0.5 + np.random.default_rng(0).normal(0, 0.02, (96, 128, 3))).astype(np.float32)
    objective = objective_for(network, of_layers(("conv3_1:5@0.25,0.5", 1.0)))
    energy = np.square(dream_residual(objective, grey, QUICK)).sum(axis=2)
    down, right = (float(np.average(places, weights=energy)) for places in np.indices(energy.shape))
    assert abs(right - 32) < 6 and abs(down - 48) < 6


def test_a_negative_weight_pushes_away(network: Network, image: np.ndarray) -> None:
    plain = objective_for(network, of_layers(("conv4_3", 1.0)))
    away = dream_image(network, image, of_layers(("conv4_3", -1.0)))
    assert activation_strength(plain, away) < 0.8 * activation_strength(plain, image)


def test_terms_of_one_weight_pull_equally(network: Network, image: np.ndarray) -> None:
    """Unbalanced, the lengths of these three differ by a factor of over 20."""
    settings = replace(QUICK, layers=(("conv1_2", 1.0), ("conv5_1", 1.0)), classes=(("65", 1.0),))
    objective, x = objective_for(network, settings), tensor_from_image(image)

    def lengths(terms: Objective) -> list[float]:
        ones = [replace(terms, terms=(term,)) for term in terms.terms]
        return [float(gradient(one, x).abs().mean()) for one in ones]

    bare = replace(objective, terms=tuple(replace(term, scale=1.0) for term in objective.terms))
    assert max(lengths(objective)) < 4 * min(lengths(objective))
    assert max(lengths(bare)) > 20 * min(lengths(bare))


def test_a_level_below_nothing_is_measured_from_the_source(network: Network, image: np.ndarray) -> None:
    energy, away = (objective_for(network, of_layers(("conv4_3", weight))) for weight in (1.0, -1.0))
    assert energy.is_energy and not away.is_energy
    nothing, settings = np.zeros_like(image), of_layers(("conv4_3", -1.0))
    assert (dream_levels(energy, image, nothing, settings) > 0).all()
    assert dream_levels(away, image, nothing, settings) == 0
    assert dream_levels(away, image, dream_residual(away, image, settings), settings) > 0


@pytest.mark.parametrize(
    "layer, words",
    [
        ("conv5_4", "did you mean conv5_"),
        ("conv5_3:384", "conv5_3 has no channel 384: it has 384, from 0 to 383"),
        ("conv5_3:0,1000,2000", "no channels 1000, 2000"),
    ],
)
def test_layers_and_channels_that_are_not_there(network: Network, layer: str, words: str) -> None:
    with pytest.raises((UnknownNameError, UsageError), match=words):
        objective_for(network, of_layers((layer, 1.0)))


def test_a_class_needs_a_head(network: Network) -> None:
    headless = replace(network, has_head=False)
    with pytest.raises(UsageError, match="vgg16-lite has no head here"):
        objective_for(headless, replace(QUICK, classes=(("65", 1.0),)))


def test_a_dream_of_a_class_is_of_that_class(network: Network) -> None:
    grey = np.full((128, 128, 3), 0.5, np.float32)
    settings = DreamSettings(classes=(("broom", 1.0),), octaves=2, steps=12)
    dreamed = tensor_from_image(dream_image(network, grey, settings))
    scores = network(dreamed, (LOGITS,))[LOGITS][0]
    assert int(scores.argmax()) == 462


def guide_of(path: Path, **options: bool) -> Guide:
    return Guide(Beside(path, **options))


@pytest.fixture
def stripes(tmp_path: Path) -> Path:
    """A picture unlike the noise that is dreamed on."""
    frame = np.zeros((96, 96, 3), np.uint8)
    frame[::12], frame[1::12], frame[2::12], frame[3::12] = 255, 255, 255, 255
    write_still(tmp_path / "stripes.png", frame)
    return tmp_path / "stripes.png"


def test_a_guided_dream_moves_towards_its_guide(network: Network, image: np.ndarray, stripes: Path) -> None:
    settings = replace(of_layers(("conv3_3", 1.0)), steps=8)
    guided = objective_for(network, settings, guide_of(stripes))
    towards, unguided = (
        dream_residual(objective, image, settings) for objective in (guided, objective_for(network, settings))
    )
    unguided *= np.abs(towards).mean() / np.abs(unguided).mean()
    features = guided.terms[0].measure.args[0]  # type: ignore[attr-defined]
    source, free, near = (
        guide_likeness(features, network(tensor_from_image(image + r), ("conv3_3",))["conv3_3"])
        for r in (np.zeros_like(image), unguided, towards)
    )
    assert near > source + 0.1 and near > free + 0.1


def test_strength_is_no_likeness() -> None:
    torch.manual_seed(0)
    features, activation = torch.rand(5, 8), torch.rand(1, 8, 6, 6)
    matched = best_match(features, activation)
    assert float(best_match(activation[0].flatten(1).T, activation)) == pytest.approx(1, abs=1e-5)
    assert float(best_match(9 * features, 9 * activation)) == pytest.approx(float(matched), abs=1e-5)
    assert float(matched) < 1


def test_each_place_takes_the_feature_that_fits_best() -> None:
    features = torch.eye(4)
    places = torch.tensor([[0.1, 0.2, 0.9, 0.0], [0.5, 0.1, 0.1, 0.1]])
    assert best_matches(features, places).tolist() == [2, 0]


def test_a_guide_by_itself_is_matched_in_a_late_layer(network: Network, stripes: Path) -> None:
    def layers(settings: DreamSettings, guide: Guide | None) -> list[str]:
        return [term.layer for term in objective_for(network, settings, guide).terms]

    guide = guide_of(stripes)
    assert layers(QUICK, guide) == ["conv5_3"] and layers(QUICK, None) == ["conv4_3"]
    assert layers(of_layers(("conv3_3", 1.0)), guide) == ["conv3_3"]
    assert layers(replace(QUICK, look="shapes"), guide) == ["conv3_3"]
    assert layers(replace(QUICK, classes=(("65", 1.0),)), guide) == ["conv5_3", LOGITS]


def test_a_picture_is_shifted_as_far_as_all_of_its_objective_bears(network: Network, stripes: Path) -> None:
    guide = guide_of(stripes)
    assert objective_for(network, QUICK).shift == 1
    assert objective_for(network, QUICK, guide).shift == GUIDED_SHIFT < 1
    assert objective_for(network, replace(QUICK, classes=(("65", 1.0),)), guide).shift == GUIDED_SHIFT
    assert objective_for(network, of_layers(("conv4_3", 1.0), ("conv4_3:1@0.5,0.5", 1.0))).shift == 0


def test_a_guide_takes_whole_layers(network: Network, stripes: Path) -> None:
    with pytest.raises(UsageError, match="write conv4_3 without channels"):
        objective_for(network, of_layers(("conv4_3:1", 1.0)), guide_of(stripes))


def test_a_guide_clip_changes_the_objective_frame_by_frame(
    network: Network, image: np.ndarray, tmp_path: Path
) -> None:
    clip = count_film(tmp_path / "guide.mp4", frames=3)
    objective = objective_for(network, of_layers(("conv2_2", 1.0)), guide_of(clip, repeats=True))
    values = [activation_strength(objective.at(frame), image) for frame in (0, 1, 2, 3, 4, 1)]
    assert values[0] == values[3] and values[1] == values[4] == values[5] and values[0] != values[1]
    plain = objective_for(network, of_layers(("conv2_2", 1.0)))
    assert plain.at(7) is plain


def test_a_clip_beside_another_goes_with_it(tmp_path: Path) -> None:
    clip = count_film(tmp_path / "beside.mp4", frames=4)
    beside = Beside(clip)
    assert beside.moves and beside.expected == 4
    assert [number_of(beside.at(frame)) for frame in (0, 0, 2, 3, 1, 2)] == [0, 0, 2, 3, 1, 2]
    with pytest.raises(InputError, match=r"beside\.mp4 has only 4 frames"):
        beside.at(4)
    beside.close()
    again = Beside(clip, repeats=True)
    assert [number_of(again.at(frame)) for frame in (3, 4, 9)] == [3, 0, 1]
    again.close()


def test_outside_the_mask_the_source_is_left_to_the_bit() -> None:
    generator = np.random.default_rng(0)
    frame = generator.integers(0, 256, (60, 80, 3), np.uint8)
    residual = generator.normal(0, 0.2, (30, 40, 3)).astype(np.float32)
    mask = np.zeros((30, 40, 3), np.uint8)
    mask[10:20, 10:30] = 255
    mask = cv2.GaussianBlur(mask, (0, 0), 1.5)
    masked = add_residual(frame, residual, FilmSettings(), mask)
    whole = add_residual(frame, residual, FilmSettings())
    outside = cv2.dilate(mask, np.ones((9, 9)))[..., 0] == 0
    outside = np.kron(outside, np.ones((2, 2), bool))
    assert outside.sum() > 500 and np.array_equal(masked[outside], frame[outside])
    assert np.array_equal(masked[28:32, 36:44], whole[28:32, 36:44])
    edge = np.abs(masked[20:22, 40].astype(int) - frame[20:22, 40]).mean()
    assert 0 < edge < np.abs(whole[20:22, 40].astype(int) - frame[20:22, 40]).mean()


def test_a_nearly_black_mask_is_black() -> None:
    """Encoders give back 2 or 253 for what was black or white."""
    frame = np.full((8, 8, 3), 100, np.uint8)
    residual = np.full((8, 8, 3), 0.302, np.float32)  # 177.0, not half a level beside it
    for grey, expected in ((4, 100), (251, 177)):
        mask = np.full((8, 8, 3), grey, np.uint8)
        assert (add_residual(frame, residual, FilmSettings(), mask) == expected).all()


def test_colours_are_kept(network: Network, image: np.ndarray) -> None:
    source = image * 0.4 + 0.3  # so that nothing is clipped
    residual = dream_residual(
        objective_for(network, QUICK), source, replace(QUICK, keep_colour=True, step_size=0.004)
    )
    spread = residual.max(axis=2) - residual.min(axis=2)
    assert spread.max() < 1e-4 < 0.01 < np.abs(residual).mean()
