"""The camera's resampling: exact where it can be, stable where it is repeated, never a border."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from dreamvideo.camera.affine import view_matrix
from dreamvideo.camera.pyramid import assembled, enlarged, pyramid
from dreamvideo.camera.resampling import resample, symmetrical

SIZE = (96, 64)
MIDDLE = (47.5, 31.5)


def texture(seed: int, sigma: float = 1.0) -> np.ndarray:
    noise = np.random.default_rng(seed).random((SIZE[1], SIZE[0], 3), np.float32)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), sigma), None, 0.1, 0.9, cv2.NORM_MINMAX)


def view(scale: float = 1, degrees: float = 0, shift: tuple[float, float] = (0, 0)) -> np.ndarray:
    return view_matrix(scale, degrees, MIDDLE, (MIDDLE[0] + shift[0], MIDDLE[1] + shift[1]))


def test_a_camera_at_rest_changes_nothing() -> None:
    image = texture(0)
    assert np.abs(resample(image, view(), SIZE) - image).max() < 1e-5


def test_whole_pixels_are_moved_exactly() -> None:
    image = texture(1)
    seen = resample(image, view(shift=(5, -3)), SIZE)
    assert np.abs(seen[10:-10, 10:-10] - np.roll(image, (3, -5), (0, 1))[10:-10, 10:-10]).max() < 1e-5


def test_a_quarter_turn_is_clockwise() -> None:
    image = texture(2)
    square = np.ascontiguousarray(image[:, 16:80])
    seen = resample(square, view_matrix(1, 90, (31.5, 31.5), (31.5, 31.5)), (64, 64))
    assert np.abs(seen - np.rot90(square, -1)).max() < 1e-4


@pytest.mark.parametrize("shift", [0.005, 0.1, 0.5])
def test_a_ramp_stays_a_ramp(shift: float) -> None:
    """OpenCV's and torch's bicubic move it by half as much again."""
    ramp = np.tile(np.linspace(0.2, 0.8, SIZE[0], dtype=np.float32)[None, :, None], (SIZE[1], 1, 3))
    slope = 0.6 / (SIZE[0] - 1)
    seen = resample(ramp, view(shift=(shift, 0)), SIZE)
    assert np.abs(seen - ramp - shift * slope)[:, 16:-16].max() < 2e-6


def band_energy(image: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft2(image.mean(-1)[8:-8, 8:-8])) ** 2
    y, x = np.fft.fftfreq(SIZE[1] - 16)[:, None], np.fft.rfftfreq(SIZE[0] - 16)[None]
    frequency = np.hypot(x, y)
    return float(spectrum[(frequency > 0.15) & (frequency < 0.3)].sum())


def test_moving_to_and_fro_neither_explodes_nor_blurs_away() -> None:
    image = texture(3, 0.7)
    moved = image
    for number in range(60):
        moved = resample(moved, view(shift=(0.37 if number % 2 else -0.37, 0)), SIZE)
    kept = band_energy(moved) / band_energy(image)
    assert 0.4 < kept <= 1.0
    assert moved.min() > -0.1 and moved.max() < 1.1


@pytest.mark.parametrize("degrees", [0, 30, 45, 90, 135, 179.5])
@pytest.mark.parametrize("scale", [0.3, 0.7, 1.0, 3.0])
@pytest.mark.parametrize("shift", [(0, 0), (70, -50)])
def test_no_black_and_no_repeated_border(degrees: float, scale: float, shift: tuple[float, float]) -> None:
    seen = resample(texture(4), view(scale, degrees, shift), SIZE)
    assert seen.min() > 0.02
    for edge in (seen, seen[::-1], seen.transpose(1, 0, 2), seen.transpose(1, 0, 2)[::-1]):
        assert np.abs(edge[0] - edge[1]).max() > 1e-3 and np.abs(edge[1] - edge[2]).max() > 1e-3
        assert edge[0].std() > 0.01


@pytest.mark.parametrize("folds", [2, 5, 6, 8])
def test_a_mandala_looks_the_same_after_a_part_of_a_turn(folds: int) -> None:
    image = symmetrical(texture(5, 2.0), folds, MIDDLE)
    turned = resample(image, view(degrees=360 / folds), SIZE)
    y, x = np.mgrid[0 : SIZE[1], 0 : SIZE[0]]
    inside = np.hypot(x - MIDDLE[0], y - MIDDLE[1]) < 28
    assert np.abs(turned - image)[inside].mean() < 0.01
    assert np.abs(texture(5, 2.0) - image)[inside].mean() > 0.05


@pytest.mark.parametrize("finest", [(), (0.45, 0.8)])
def test_a_pyramid_is_the_image_taken_apart(finest: tuple[float, ...]) -> None:
    image = texture(2)[:61, :95]
    *bands, rest = pyramid(image, 3, finest)
    assert len(bands) == 3 + len(finest) and rest.shape == (8, 12, 3)
    assert np.abs(assembled([*bands, rest]) - image).max() < 1e-5
    only_detail = assembled([*bands, np.zeros_like(rest)])
    assert np.abs(only_detail + enlarged(rest, bands) - image).max() < 1e-5
