"""Another picture that grows out of the one before gets a dream of its own."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import H264, run_ffmpeg
from farm_room import QUICK, frames_of

from dreamvideo.clip import Place, dream_residuals, dream_spans
from dreamvideo.course import Course
from dreamvideo.farm.drive import dream_with_workers
from dreamvideo.farm.processes import Processes
from dreamvideo.film import ClipFilm
from dreamvideo.jobs.dream import dream_file
from dreamvideo.jobs.state import load_state, save_state
from dreamvideo.motion.fades import NO_FADE
from dreamvideo.nets import Network, load_network
from dreamvideo.objectives import objective_for
from dreamvideo.settings import DISSOLVE, CarrySettings, DreamSettings
from dreamvideo.spans import observe
from dreamvideo.stages import Stages

FADE = 16  # frames
DREAM = DreamSettings(octaves=2, steps=4, layers=(("conv3_3", 1.0),))


@pytest.fixture(scope="module")
def network() -> Network:
    return load_network("vgg16-lite", device="cpu")


def picture(seed: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 9, 3), np.uint8)
    return cv2.resize(coarse, (96, 64), interpolation=cv2.INTER_CUBIC)


def dissolving(first: np.ndarray, second: np.ndarray, before: int = 12, after: int = 8) -> list[np.ndarray]:
    """A still picture that another grows out of."""
    shares = [*[0.0] * before, *((n + 1) / (FADE + 1) for n in range(FADE)), *[1.0] * after]
    return [cv2.addWeighted(first, 1 - share, second, share, 0) for share in shares]


def grown(frames: Sequence[np.ndarray]) -> list[int]:
    """The frames with which another picture is there, as a fade remembers it from then on."""
    fade, found = NO_FADE, []
    for number, frame in enumerate(frames):
        fade = fade.after(frame)
        if fade.has_grown:
            found.append(number)
    return found


@pytest.mark.parametrize("first", [picture(1), np.zeros((64, 96, 3), np.uint8)], ids=["dissolve", "fade in"])
def test_a_fade_is_seen_before_it_is_long_over(first: np.ndarray) -> None:
    found = grown(dissolving(first, picture(2)))
    assert found and 12 + FADE // 2 <= found[0] <= 12 + FADE + 5
    assert found == list(range(found[0], 12 + FADE + 8)), "until somebody begins to dream anew"


def test_what_moves_or_becomes_a_little_lighter_is_no_fade() -> None:
    wide = cv2.GaussianBlur(np.random.default_rng(3).integers(0, 256, (64, 400, 3), np.uint8), (0, 0), 4)
    wide = cv2.normalize(wide, None, 0, 255, cv2.NORM_MINMAX)
    for speed in (1, 3, 7):
        assert not grown([wide[:, n * speed : n * speed + 96] for n in range(40)])
    assert not grown([cv2.add(picture(4) // 2, (n, n, n, 0)) for n in range(20)])


def test_a_slow_fade_is_seen_on_its_way() -> None:
    shares = [n / 60 for n in range(61)]
    found = grown([cv2.addWeighted(picture(1), 1 - share, picture(2), share, 0) for share in shares])
    assert found and found[0] < 60


@pytest.mark.parametrize("grey", [0, 255])
def test_what_has_faded_in_is_dreamed_as_strongly_and_as_large_as_after_a_cut(
    network: Network, grey: int
) -> None:
    objective = objective_for(network, DREAM)

    def last_of(frames: list[np.ndarray]) -> np.ndarray:
        *_, (_, residual) = dream_residuals(iter(frames), objective, DREAM, CarrySettings(), 96)
        return residual

    begin = np.full((64, 96, 3), grey, np.uint8)
    faded_in = last_of(dissolving(begin, picture(2), after=DISSOLVE + 8))
    for sigma in (0.3, 2.5):
        wanted, there = (
            cv2.GaussianBlur(one, (0, 0), sigma).std() for one in (last_of([picture(2)]), faded_in)
        )
        assert there > 0.85 * wanted


def test_the_new_dream_grows_in(network: Network) -> None:
    """Nowhere does the dream jump: not when the new one begins, nor when it takes over."""
    frames = dissolving(picture(1), picture(2), after=DISSOLVE + 12)
    objective = objective_for(network, DREAM)
    residuals = [r for _, r in dream_residuals(iter(frames), objective, DREAM, CarrySettings(cadence=4), 96)]
    steps = [np.abs(b - a).mean() / np.abs(a).mean() for a, b in pairwise(residuals)]
    assert max(steps[12 + FADE :]) < 0.35


def test_where_nobody_looks_for_cuts_nothing_begins_anew(network: Network) -> None:
    for cuts, begins in (("auto", True), ("none", False)):
        courses = Course(DREAM), Course(CarrySettings(cuts=cuts))
        frames = iter(dissolving(picture(1), picture(2)))
        spans = dream_spans(frames, objective_for(network, DREAM), *courses, 96)
        assert any(span.place.coming is not None for span in spans) == begins


def test_a_worker_sees_a_fade_as_well(tmp_path: Path, network: Network) -> None:
    """In the second of two shots, which it renders without having seen the first."""
    first = "color=white:s=96x64:r=25:d=0.4[a];testsrc2=s=96x64:r=25:d=2.4,fade=in:0:16[b];[a][b]concat[v]"
    run_ffmpeg("-filter_complex", first, "-map", "[v]", *H264, tmp_path / "fade.mp4")
    dream_file(tmp_path / "fade.mp4", tmp_path / "alone.mkv", network, QUICK)
    with ClipFilm(tmp_path / "fade.mp4", QUICK.film) as source:
        seen = list(observe(source.source_frames(), QUICK.carry, QUICK.film.detail, Stages()))
    assert [one.index for one in seen if one.motion is None] == [0, 10]
    assert any(one.since == 0 for one in seen[10:])

    def one(*told: object) -> Processes:
        return Processes(["cpu"]).begin(*told)  # type: ignore[arg-type]

    dream_with_workers(tmp_path / "fade.mp4", tmp_path / "worker.mkv", network, QUICK, pool_for=one)
    assert frames_of(tmp_path / "worker.mkv") == frames_of(tmp_path / "alone.mkv")


def test_a_job_goes_on_within_a_fade_and_a_dissolve(network: Network, tmp_path: Path) -> None:
    frames = dissolving(picture(1), picture(2), after=DISSOLVE + 8)
    objective, courses = objective_for(network, DREAM), (Course(DREAM), Course(CarrySettings(cadence=4)))

    def dreamed(after: Place | None = None) -> list[tuple[Place, list[np.ndarray]]]:
        spans = dream_spans(
            iter(frames[after.frames if after else 0 :]), objective, *courses, 96, after=after
        )
        return [(one.place, [one.residual(n) for n in range(len(one.frames))]) for one in spans]

    whole = dreamed()
    fading = next(n for n, (place, _) in enumerate(whole) if place.past.fade.begin is not None)
    coming = [n for n, (place, _) in enumerate(whole) if place.coming is not None]
    assert coming
    for number in (fading, coming[0], coming[-1]):
        save_state(whole[number][0], tmp_path / "place.npz")
        rest = dreamed(load_state(tmp_path / "place.npz", Place))
        assert len(rest) == len(whole) - number - 1
        for (_, these), (_, those) in zip(rest, whole[number + 1 :], strict=True):
            assert all(np.array_equal(a, b) for a, b in zip(these, those, strict=True))
