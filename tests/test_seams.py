"""A long shot split at seams: the same film whoever renders it, and no jump in it."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from conftest import H264, run_ffmpeg
from farm_room import QUICK, frames_of, when

from dreamvideo.clip import dream_residuals
from dreamvideo.errors import SettingsError
from dreamvideo.farm.drive import dream_with_workers
from dreamvideo.farm.processes import Processes
from dreamvideo.farm.shots import find_shots
from dreamvideo.film import ClipFilm
from dreamvideo.jobs.dream import dream_file
from dreamvideo.jobs.run import PART_SECONDS_VARIABLE
from dreamvideo.media.stills import open_clip
from dreamvideo.nets import Network, load_network
from dreamvideo.objectives import objective_for
from dreamvideo.progress import no_progress
from dreamvideo.settings import CarrySettings

SPLIT = 48
SPLIT_QUICK = replace(QUICK, carry=replace(QUICK.carry, split=SPLIT))


@pytest.fixture(scope="module")
def network() -> Network:
    return load_network("vgg16-lite", device="cpu")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One shot of 110 frames that moves."""
    path = tmp_path_factory.mktemp("clips") / "long.mp4"
    run_ffmpeg("-f", "lavfi", "-i", "mandelbrot=s=64x48:r=25", "-frames:v", "110", *H264, path)
    return path


def residuals_of(frames: list[np.ndarray], network: Network, carry: CarrySettings) -> list[np.ndarray]:
    dreamed = dream_residuals(
        iter(frames), objective_for(network, QUICK.dream), QUICK.dream, carry, QUICK.film.detail
    )
    return [residual for _, residual in dreamed]


def test_a_piece_knows_nothing_of_what_lies_before_its_dissolve(clip: Path, network: Network) -> None:
    """To the last bit; and up to the dissolve the film is that without seams."""
    with open_clip(clip) as reader:
        frames = [timed.frame for timed in reader]
    carry = replace(SPLIT_QUICK.carry, cuts="none")
    split, whole = residuals_of(frames, network, carry), residuals_of(frames, network, QUICK.carry)
    other = residuals_of([*(255 - frame for frame in frames[:24]), *frames[24:]], network, carry)
    assert len(split) == len(frames) == 110
    assert np.array_equal(split[:22], whole[:22]) and not np.array_equal(split[48], whole[48])
    assert np.array_equal(split[48:], other[48:]) and not np.array_equal(split[47], other[47])


def test_no_jump_at_a_seam(clip: Path, network: Network) -> None:
    """The dream changes no more from the last frame before a seam to the next than elsewhere."""
    with open_clip(clip) as reader:
        frames = [timed.frame for timed in reader]
    changes = [
        float(np.abs(after - before).mean())
        for before, after in pairwise(residuals_of(frames, network, SPLIT_QUICK.carry))
    ]
    neighbours = np.r_[changes[SPLIT - 7 : SPLIT - 1], changes[SPLIT : SPLIT + 6]]
    assert changes[SPLIT - 1] < 1.05 * neighbours.max()


def test_the_film_is_the_same_whoever_renders_it(
    tmp_path: Path, clip: Path, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process, two workers, or one that is stopped in a dissolve and two that go on."""
    monkeypatch.setenv(PART_SECONDS_VARIABLE, "0")
    with ClipFilm(clip, SPLIT_QUICK.film) as source:
        shots = find_shots(source, SPLIT_QUICK.carry, SPLIT_QUICK.film.detail, no_progress)
    assert [(piece.first, piece.end, piece.warm) for piece in shots] == [
        (0, 48, 0),
        (48, 96, 24),
        (96, 110, 24),
    ]
    dream_file(clip, tmp_path / "alone.mkv", network, SPLIT_QUICK)
    alone = frames_of(tmp_path / "alone.mkv")

    def two(*told: object) -> Processes:
        return Processes(["cpu", "cpu"]).begin(*told)  # type: ignore[arg-type]

    dream_with_workers(clip, tmp_path / "two.mkv", network, SPLIT_QUICK, pool_for=two)
    assert frames_of(tmp_path / "two.mkv") == alone
    stop = when(36, lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        dream_file(clip, tmp_path / "again.mkv", network, SPLIT_QUICK, progress=stop)
    report = dream_with_workers(clip, tmp_path / "again.mkv", network, SPLIT_QUICK, pool_for=two)
    assert 36 <= report.resumed_at < 48 and frames_of(tmp_path / "again.mkv") == alone


def test_pieces_are_no_shorter_than_two_dissolves() -> None:
    with pytest.raises(SettingsError, match="split must be 0, or at least 48 frames"):
        CarrySettings(split=47)
