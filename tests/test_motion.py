"""Flow, warping, reliability and cuts on pictures whose motion is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from dreamvideo.carry import Route, between, carry_along, entrances, local_energy
from dreamvideo.motion import flow as flow_module
from dreamvideo.motion.cuts import CutDetector
from dreamvideo.motion.flow import DIS_STEPS, DIS_STRIDE, SHARP, backward_warp, compose_flows, flow_estimator
from dreamvideo.motion.reliability import leaves_frame, occlusion_mask, reliability

SHIFT = (3, 2)  # px right, down


def texture(seed: int = 0, shape: tuple[int, int] = (96, 128)) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 255, (*shape, 3), np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2), None, 0, 255, cv2.NORM_MINMAX)


def moved(frame: np.ndarray) -> np.ndarray:
    return np.roll(frame, (SHIFT[1], SHIFT[0]), axis=(0, 1))


@pytest.mark.parametrize("method", ["dis", "farneback"])
def test_backward_flow_points_to_where_the_picture_came_from(method: str) -> None:
    before = texture()
    flow = flow_estimator(method)(moved(before), before)  # type: ignore[arg-type]
    inner = flow[16:-16, 16:-16]
    assert np.abs(inner - (-SHIFT[0], -SHIFT[1])).mean() < 0.5


@pytest.mark.parametrize("method", ["dis", "farneback", "none"])
def test_a_still_scene_has_no_flow(method: str) -> None:
    frame = texture()
    assert not flow_estimator(method)(frame, frame.copy()).any()  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(1, 1), (8, 40), (40, 8), (17, 33)])
def test_flow_of_tiny_frames_is_none_or_finite(shape: tuple[int, int]) -> None:
    frame = texture(shape=shape)
    flow = flow_estimator("dis")(frame, frame[::-1].copy())
    assert flow.shape == (*shape, 2)
    assert np.isfinite(flow).all()


def test_warping_along_no_flow_changes_nothing() -> None:
    frame = texture()
    assert np.array_equal(backward_warp(frame, np.zeros((96, 128, 2), np.float32)), frame)


def test_warping_along_the_flow_undoes_the_motion() -> None:
    before = texture()
    after = moved(before)
    flow = np.full((96, 128, 2), (-SHIFT[0], -SHIFT[1]), np.float32)
    assert np.array_equal(backward_warp(before, flow)[8:, 8:], after[8:, 8:])


@pytest.mark.parametrize("bands", [2, 7, 200])
def test_warping_in_bands_makes_the_same_picture(bands: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is done where there are more cores."""
    picture = texture().astype(np.float32)
    flow = np.random.default_rng(0).uniform(-30, 30, (96, 128, 2)).astype(np.float32)
    warped = []
    for count in (1, bands):
        monkeypatch.setattr(flow_module, "BANDS", count)
        warped.append(backward_warp(picture, flow, SHARP))
    assert np.array_equal(*warped)


def test_warping_refuses_a_flow_of_another_size() -> None:
    with pytest.raises(ValueError, match="flow is"):
        backward_warp(texture(), np.zeros((4, 4, 2), np.float32))


def test_composed_flow_is_both_in_a_row() -> None:
    first = np.full((20, 30, 2), (2, 0), np.float32)
    then = np.full((20, 30, 2), (1, -1), np.float32)
    assert np.allclose(compose_flows(first, then), (3, -1))


def test_consistent_motion_is_not_occluded_and_leaving_is() -> None:
    there = np.full((40, 60, 2), (5, 0), np.float32)
    mask = occlusion_mask(there, -there)
    assert not mask[:, :54].any()
    assert mask[:, 56:].all()
    assert np.array_equal(leaves_frame(there), mask)


def test_flows_that_do_not_return_are_occluded() -> None:
    there = np.full((40, 60, 2), (0, 3), np.float32)
    assert occlusion_mask(there, there)[:36].all()


def test_a_flow_that_tears_a_pattern_is_not_trusted_however_fast_it_is() -> None:
    frame = np.full((40, 90, 3), 128, np.uint8)
    across = np.arange(90, dtype=np.float32)
    squeezed, zoomed = (np.zeros((40, 90, 2), np.float32) for _ in range(2))
    squeezed[..., 0] = np.interp(across, [0, 40, 50, 89], [8, 8, 4, 4])  # 0.4 px per px, at 4 to 8 px a frame
    zoomed[..., 0] = 0.1 * (across - 45)
    trusted = reliability(frame, frame, squeezed, -squeezed)[20]
    assert trusted[43:48].max() < 0.1
    assert trusted[5:35].min() > 0.9
    assert trusted[55:80].min() > 0.9
    assert reliability(frame, frame, zoomed, -zoomed)[20, 10:80].min() > 0.9


def test_reliability_is_whole_where_nothing_changed_and_gone_where_all_did() -> None:
    frame, still = texture(), np.zeros((96, 128, 2), np.float32)
    assert (reliability(frame, frame.copy(), still, still) == 1).all()
    assert reliability(frame, 255 - frame, still, still).mean() < 0.5


def test_a_cut_is_found_and_a_pan_is_not() -> None:
    detector = CutDetector()
    shot = texture(1)
    pan = [np.roll(cv2.GaussianBlur(shot, (0, 0), 4), t, axis=1) for t in range(8)]
    assert not any(detector.is_cut(frame, lambda: 0.9) for frame in pan)
    assert detector.is_cut(255 - texture(2), lambda: 0.1)
    assert not detector.is_cut(255 - texture(2), lambda: 1.0)


def test_a_change_that_motion_explains_is_not_a_cut() -> None:
    detector = CutDetector()
    detector.is_cut(texture(1), lambda: 1.0)
    assert not detector.is_cut(255 - texture(2), lambda: 0.9)


def test_flow_does_not_depend_on_what_was_seen_before() -> None:
    """A DIS object of OpenCV gives other flows for good after it has seen a small picture."""
    rng = np.random.default_rng(0)
    pairs = []
    for height, width in ((48, 64), (360, 640), (16, 17), (96, 128), (27, 48)):
        scene = cv2.GaussianBlur(rng.integers(0, 256, (height + 3, width + 5, 3), np.uint8), (0, 0), 2)
        pairs.append((np.ascontiguousarray(scene[:-3, :-5]), np.ascontiguousarray(scene[3:, 5:])))
    alone = [_fresh_dis(*pair) for pair in pairs]
    estimate = flow_estimator("dis")
    for number in (2, 0, 1, 4, 3, 1, 2, 0):
        assert np.array_equal(estimate(*pairs[number]), alone[number])


def _fresh_dis(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    dis.setGradientDescentIterations(DIS_STEPS)
    dis.setPatchStride(DIS_STRIDE)
    return dis.calc(*(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (start, end)), None)


def test_between_two_keys_the_dream_is_as_strong_and_the_later_one_takes_over_late() -> None:
    here = Route(np.zeros((48, 64, 2), np.float32), np.ones((48, 64), np.float32))
    keys = [np.random.default_rng(seed).normal(0, 0.1, (48, 64, 3)).astype(np.float32) for seed in (1, 2)]
    earlier, later = (carry_along(key, local_energy(key), here) for key in keys)
    assert np.abs(between(earlier, later, 0) - keys[0]).max() < 1e-3
    assert np.abs(between(earlier, later, 1) - keys[1]).max() < 1e-3
    middle = between(earlier, later, 0.5)
    assert np.abs(middle - keys[0]).mean() < 0.9 * np.abs(middle - keys[1]).mean()
    assert middle.std() == pytest.approx(keys[0].std(), rel=0.05), "averaged they would be a third fainter"


def test_what_is_newly_seen_between_two_keys_comes_from_the_later_one() -> None:
    still, sure = np.zeros((48, 64, 2), np.float32), np.ones((48, 64), np.float32)
    keys = [np.random.default_rng(seed).normal(0, 0.1, (48, 64, 3)).astype(np.float32) for seed in (1, 2)]
    earlier = carry_along(keys[0], local_energy(keys[0]), Route(still, 0 * sure))
    later = carry_along(keys[1], local_energy(keys[1]), Route(still, sure))
    assert np.abs(between(earlier, later, 0.2) - keys[1]).max() < 1e-3


def test_where_no_flow_is_trusted_a_dream_stays() -> None:
    residual = np.random.default_rng(3).normal(0, 0.1, (48, 64, 3)).astype(np.float32)
    torn = np.random.default_rng(4).normal(0, 5, (48, 64, 2)).astype(np.float32)
    carried = carry_along(residual, local_energy(residual), Route(torn, np.zeros((48, 64), np.float32)))
    assert np.abs(carried.residual - residual).max() < 1e-6


def test_what_a_pan_brings_in_comes_from_far_inside_piece_by_piece() -> None:
    """From the border itself each strip would bring the same again."""
    world = np.tile(np.arange(400, dtype=np.float32), (40, 1))
    view, step = world[:, :80], 5
    for _ in range(6):
        path = np.full((40, 80, 2), (step, 0), np.float32)
        moved, entered = backward_warp(view, path), view.copy()
        entrances(path).fill(entered)
        view = np.hstack([moved[:, :-step], entered[:, -step:]])
    assert (np.diff(view[:, -30:], axis=1) == 1).all()
