"""The carry over a clip: what must hold of a film, in small."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
import pytest

from dreamvideo.carry import Route, arrive, local_energy
from dreamvideo.clip import add_residual, dream_residuals
from dreamvideo.dream import Effort, activation_strength, dream_levels, dream_residual
from dreamvideo.images import image_from_frame
from dreamvideo.keys import MOST_PACE, Aim, Lack, Shot, plan_finest, plan_shapes, refresh
from dreamvideo.measure import warp_error
from dreamvideo.motion.flow import flow_estimator
from dreamvideo.nets import Network, load_network
from dreamvideo.objectives import objective_for
from dreamvideo.prefetch import prefetch
from dreamvideo.settings import CarrySettings, DreamSettings, FilmSettings
from dreamvideo.spans import detail_size

DREAM = DreamSettings(octaves=2, steps=6, layers=(("conv3_3", 1.0),))
EACH_BY_ITSELF = CarrySettings(carry=0.0, cadence=1)
SHAPE = (80, 112)
HELD = np.ones((1, 1), np.float32)  # nothing of the level is lost


@pytest.fixture(scope="module")
def network() -> Network:
    return load_network("vgg16-lite", device="cpu")


def texture(seed: int, shape: tuple[int, int] = (120, 240)) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 255, (*shape, 3), np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2.5), None, 30, 225, cv2.NORM_MINMAX)


def pan(seed: int, count: int, speed: float = 1.5) -> list[np.ndarray]:
    """A camera that moves to the right over a texture, at a fraction of a pixel."""
    world = texture(seed)
    views = (np.float32([[1, 0, -speed * t], [0, 1, -10]]) for t in range(count))
    return [cv2.warpAffine(world, view, SHAPE[::-1], flags=cv2.INTER_AREA) for view in views]


def film(frames: list[np.ndarray], network: Network, carry: CarrySettings) -> list[np.ndarray]:
    pairs = dream_residuals(iter(frames), objective_for(network, DREAM), DREAM, carry, 640)
    return [add_residual(frame, residual, FilmSettings()) for frame, residual in pairs]


@pytest.mark.parametrize("count", [1, 2, 6, 7, 8, 13])
@pytest.mark.parametrize("cadence", [1, 3, 6])
def test_as_many_frames_come_out_as_go_in(network: Network, count: int, cadence: int) -> None:
    frames = pan(0, count)
    quick = DreamSettings(octaves=1, steps=1, layers=(("conv1_1", 1.0),))
    pairs = list(
        dream_residuals(
            iter(frames), objective_for(network, quick), quick, CarrySettings(cadence=cadence), 640
        )
    )
    assert [id(frame) for frame, _ in pairs] == [id(frame) for frame in frames]


@pytest.mark.parametrize("cadence", [1, 4])
def test_carrying_is_far_more_stable_at_the_same_strength(network: Network, cadence: int) -> None:
    frames = pan(1, 10)
    alone, carried = (
        film(frames, network, EACH_BY_ITSELF),
        film(frames, network, CarrySettings(cadence=cadence)),
    )
    estimate = flow_estimator("farneback")
    (wild, floor), (calm, _) = (
        warp_error(zip(frames, out, strict=True), estimate) for out in (alone, carried)
    )
    assert calm - floor < 0.35 * (wild - floor)
    strength = [
        np.mean([activation_strength(objective_for(network, DREAM), image_from_frame(f)) for f in out])
        for out in (alone, carried)
    ]
    assert 0.8 < strength[1] / strength[0] < 1.25


def test_a_still_shot_stands_still(network: Network) -> None:
    frame = pan(2, 1)[0]
    dreamed = film([frame.copy() for _ in range(14)], network, CarrySettings())
    assert np.abs(dreamed[-1].astype(int) - dreamed[3]).mean() < 0.5
    assert dreamed[-1].mean() == pytest.approx(dreamed[3].mean(), rel=0.01)


def test_nothing_of_the_old_shot_is_left_after_a_cut(network: Network) -> None:
    first, second = pan(3, 5, 0.5), [255 - frame for frame in pan(4, 4, 0.5)]
    after_cut = film(first + second, network, CarrySettings(cadence=3))[5:]
    alone = film(second, network, CarrySettings(cadence=3))
    assert all(np.array_equal(a, b) for a, b in zip(after_cut, alone, strict=True))


def test_where_the_dream_adds_nothing_the_source_is_left(network: Network) -> None:
    frame = pan(5, 1)[0]
    nothing = np.zeros((20, 28, 3), np.float32)
    assert np.array_equal(add_residual(frame, nothing, FilmSettings()), frame)
    assert np.array_equal(add_residual(frame, nothing + 1, FilmSettings(strength=0)), frame)


def test_newly_seen_areas_are_dreamed_as_well(network: Network) -> None:
    frames = pan(6, 9, speed=4)
    carried = film(frames, network, CarrySettings(cadence=4))
    added = np.abs(carried[8].astype(int) - frames[8]).mean(axis=(0, 2))
    assert added[-24:].mean() > 0.5 * added[:-24].mean()


def test_strength_scales_what_is_added(network: Network) -> None:
    frame = np.full((40, 60, 3), 128, np.uint8)
    residual = np.full((20, 30, 3), 0.1, np.float32)
    assert add_residual(frame, residual, FilmSettings(strength=0.5)).mean() == pytest.approx(
        128 + 12.75, abs=0.6
    )


def test_the_residual_is_scaled_up_onto_the_source() -> None:
    frame = np.zeros((90, 160, 3), np.uint8)
    out = add_residual(frame, np.full((9, 16, 3), 0.2, np.float32), FilmSettings(size=(320, 180)))
    assert out.shape == (180, 320, 3)
    assert (out == 51).all()


def test_detail_never_enlarges_but_for_what_the_network_must_see() -> None:
    assert detail_size((1920, 1080), 640) == (640, 360)
    assert detail_size((176, 144), 640) == (176, 144)
    assert detail_size((1, 1), 640) == (32, 32)


def test_what_is_new_or_lost_is_given_steps_in_the_finest_octave() -> None:
    new, nothing = np.zeros((8, 8), np.float32), np.zeros((8, 8), np.float32)
    new[:, 4:] = 1
    for octaves in (1, 2, 4):
        dream, carry = replace(DREAM, octaves=octaves), CarrySettings(refresh=2)
        fitted = plan_finest(Lack(new, nothing), dream, carry, 1.0, HELD)
        renewed = plan_finest(Lack(new, nothing), dream, carry, 1.0, np.full((1, 1), 0.8, np.float32))
        assert plan_shapes(Lack(new, nothing), dream, carry) == [None] * (octaves - 1)
        assert fitted is not None and renewed is not None
        assert (fitted.need[:, :4] == 0).all() and (fitted.steps * fitted.pace[:, 4:] == 2).all()
        assert (renewed.need == 1).all() and (renewed.pace <= MOST_PACE).all()
        assert plan_finest(Lack(nothing, nothing), dream, carry, 1.0, HELD) is None


@pytest.mark.parametrize(
    "octaves, scale, steps",
    [(4, 1.4, [1, 0, 0, 1]), (3, 1.4, [1, 0, 1]), (2, 1.4, [1, 1]), (4, 1.8, [1, 1, 0, 1]), (1, 1.4, [2])],
)
def test_what_is_bare_gets_its_shapes_in_coarse_octaves(octaves: int, scale: float, steps: list[int]) -> None:
    dream, carry = DreamSettings(octaves=octaves, octave_scale=scale), CarrySettings()
    everywhere = Lack(np.ones((8, 8), np.float32), np.ones((8, 8), np.float32))
    efforts = [*plan_shapes(everywhere, dream, carry), plan_finest(everywhere, dream, carry, 1.0, HELD)]
    assert [0 if effort is None else effort.steps for effort in efforts] == steps


@pytest.mark.parametrize("jitter", [0, 11])
def test_a_plan_looks_and_steps_in_one_pass(network: Network, jitter: int) -> None:
    """And comes to the same as looking first and stepping then."""
    source = image_from_frame(pan(1, 1)[0])
    carried = np.random.default_rng(2).normal(0, 0.05, source.shape).astype(np.float32)
    dream = replace(DREAM, octaves=1, jitter=jitter)
    objective = objective_for(network, dream)
    seen: list[np.ndarray] = []
    everywhere = np.ones(source.shape[:2], np.float32)

    def plan(levels: np.ndarray) -> Effort:
        seen.append(levels)
        return Effort(2, everywhere, everywhere)

    at_once = dream_residual(objective, source, dream, carried, [plan])
    after = dream_residual(objective, source, dream, carried, [Effort(2, everywhere, everywhere)])
    assert np.allclose(seen[0], dream_levels(objective, source, carried, dream), rtol=1e-4)
    assert np.abs(at_once - after).max() < 1e-5


def test_the_dream_stands_where_what_comes_into_sight_looks_alike(network: Network) -> None:
    """And neither where something else was, nor along a flow that nobody trusts."""
    objective = objective_for(network, DREAM)
    source = np.full((32, 64, 3), 0.4, np.float32)
    residual = np.random.default_rng(1).normal(0, 0.1, source.shape).astype(np.float32)
    shot, aims = Shot(0, residual, source, 1.0), [Aim(n, objective, DREAM) for n in (0, 3)]
    torn = np.full((32, 64, 2), 9, np.float32) * (np.arange(64) < 40)[:, None]
    arrived = arrive(residual, local_energy(residual), source, Route(torn, np.zeros((32, 64), np.float32)))
    now = source.copy()
    now[:, 32:] += 0.5
    stands = refresh(shot, now, arrived, *aims, CarrySettings(refresh=0)).residual
    assert np.abs(stands[:16, :16] - residual[:16, :16]).max() < 1e-3
    assert np.abs(stands[:, 40:]).max() < 0.02


def test_another_aim_is_dreamed_everywhere_in_all_octaves() -> None:
    new = np.zeros((8, 8), np.float32)
    new[:, 4:] = 1
    dream, carry = DreamSettings(), CarrySettings()
    for seen in (new, np.zeros_like(new)):
        lack = Lack(seen, 0 * seen, given_up=0.3)
        for effort in (*plan_shapes(lack, dream, carry), plan_finest(lack, dream, carry, 1.0, HELD)):
            assert effort is not None and (effort.steps * effort.pace >= 0.3 * 10 - 1e-5).all()


def test_what_fades_in_is_dreamed_as_if_it_had_been_there(network: Network) -> None:
    frame = pan(9, 1)[0]
    fade = [np.rint(frame * min(1.0, t / 20)).astype(np.uint8) for t in range(26)]
    faded_in = film(fade, network, CarrySettings())[-1]
    strengths = [
        activation_strength(objective_for(network, DREAM), image_from_frame(dreamed))
        for dreamed in (faded_in, film([frame], network, CarrySettings())[0])
    ]
    assert strengths[0] > 0.7 * strengths[1]


def test_carrying_nothing_dreams_every_frame_by_itself(network: Network) -> None:
    frames = pan(7, 3)
    together = film(frames, network, EACH_BY_ITSELF)
    alone = [film([frame], network, CarrySettings())[0] for frame in frames]
    assert all(np.array_equal(a, b) for a, b in zip(together, alone, strict=True))


def test_frames_are_taken_no_further_ahead_than_needed(network: Network) -> None:
    taken = 0

    def endless() -> Iterator[np.ndarray]:
        nonlocal taken
        while True:
            taken += 1
            yield pan(8, 1)[0]

    quick = DreamSettings(octaves=1, steps=1, layers=(("conv1_1", 1.0),))
    pairs = dream_residuals(endless(), objective_for(network, quick), quick, CarrySettings(cadence=3), 640)
    for _ in range(20):
        next(pairs)
    pairs.close()
    assert taken < 40


def test_an_error_while_reading_ahead_comes_out_in_its_turn() -> None:
    def fails() -> Iterator[int]:
        yield 1
        raise OSError("gone")

    ahead = prefetch(fails(), 4)
    assert next(ahead) == 1
    with pytest.raises(OSError, match="gone"):
        next(ahead)
