"""Zoom films: loops that close, speeds that hold, no drift; `scripts/evaluate_zoom.py` measures them."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import run_ffmpeg

from dreamvideo.camera.affine import view_matrix
from dreamvideo.camera.resampling import resample
from dreamvideo.course import course_of
from dreamvideo.errors import SettingsError, UsageError
from dreamvideo.images import image_from_frame, write_still
from dreamvideo.jobs.state import load_state, save_state
from dreamvideo.jobs.zoom import zoom_file
from dreamvideo.media.hearing import find_beats, read_sound
from dreamvideo.media.probe import probe
from dreamvideo.media.sound import AudioSource
from dreamvideo.media.stills import open_clip
from dreamvideo.nets import Network, load_network
from dreamvideo.objectives import Objective, objective_for
from dreamvideo.schedule import FilmClock, Schedule
from dreamvideo.settings import CarrySettings, DreamSettings, FilmSettings, ZoomRecipe, ZoomSettings
from dreamvideo.zoom.anchor import Anchor, Correction
from dreamvideo.zoom.exposure import STRAY, Exposure
from dreamvideo.zoom.fall import between, fall_frames
from dreamvideo.zoom.nest import JOINING, PER_DOUBLING
from dreamvideo.zoom.path import camera_path
from dreamvideo.zoom.plan import clock_of, plan_zoom
from dreamvideo.zoom.renders import FallRender, FallState, FeedbackRender, ZoomRender, there_and_back
from dreamvideo.zoom.spectrum import Spectrum

QUICK = DreamSettings(octaves=2, steps=3, layers=(("conv3_3", 1.0),))
SIZE = (72, 48)


@pytest.fixture(scope="module")
def network() -> Network:
    return load_network("vgg16-lite", device="cpu")


@pytest.fixture(scope="module")
def objective(network: Network) -> Objective:
    return objective_for(network, QUICK)


def picture(seed: int = 0, size: tuple[int, int] = SIZE) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2), None, 30, 225, cv2.NORM_MINMAX)


def recipe(fps: int = 12, frames: int | None = None, **zoom: object) -> ZoomRecipe:
    film = FilmSettings(size=SIZE, fps=Fraction(fps), frames=frames)
    return ZoomRecipe(QUICK, CarrySettings(refresh=1), film, ZoomSettings(**zoom))  # type: ignore[arg-type]


def render(wanted: ZoomRecipe, objective: Objective, still: np.ndarray | None = None) -> ZoomRender:
    plan = plan_zoom(wanted, clock_of(wanted), SIZE)
    kind = FeedbackRender if wanted.zoom.feedback else FallRender
    return kind(plan, objective, picture() if still is None else still)


def frames_of(made: ZoomRender) -> list[np.ndarray]:
    return [frame for segment in made.segments(None) for frame, _ in segment.frames]


def path_of(fps: int, seconds: float, **zoom: object):  # type: ignore[no-untyped-def]
    clock = FilmClock(round(fps * seconds), Fraction(fps))
    return camera_path(course_of(ZoomSettings(**zoom), clock), clock)  # type: ignore[arg-type]


# --- the camera ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zoom", [2.0, 1.01, 0.5, Schedule("0:1, 2s:3 ease:inOutSine")])
def test_the_rate_of_frames_does_not_matter(zoom: object) -> None:
    scales = [2 ** path_of(fps, 4, zoom=zoom).depth[2 * fps] for fps in (12, 24, 25, 30, 60)]
    assert scales == pytest.approx([scales[-1]] * 5, rel=1e-3)


def test_a_slow_zoom_moves_in_every_frame(objective: Objective) -> None:
    """Not by whole pixels, and not by 32nds of them."""
    path = path_of(24, 2, zoom=1.01)
    image = image_from_frame(picture(1))
    seen = [resample(image, path.whole(frame, SIZE), SIZE) for frame in range(path.frames)]
    steps = [float(np.abs(after - before).mean()) for before, after in pairwise(seen)]
    assert min(steps) > 0 and max(steps) < 1.1 * min(steps)


def test_where_things_stream_from() -> None:
    path = path_of(24, 2, zoom=2.0, pan_x=0.1, rotate=20.0)
    (point,) = {tuple(np.round(place, 6)) for place in path.vanishing(24, (100, 100))}
    shown = path.step(5, (100, 100)) @ [point[0] * 100 - 0.5, point[1] * 100 - 0.5, 1]
    assert shown == pytest.approx([point[0] * 100 - 0.5, point[1] * 100 - 0.5], abs=0.02)
    with pytest.raises(SettingsError, match="pan is too fast"):
        path_of(24, 2, zoom=1.01, pan_x=1.0).vanishing(24, (100, 100))


@pytest.mark.parametrize(
    "zoom, said",
    [
        ({"loop": 2.0, "rotate": 100.0}, r"whole rounds \(360 degrees\).* 1.8 times"),
        ({"loop": 2.0, "rotate": 100.0, "symmetry": 4}, r"whole rounds \(90 degrees\)"),
        ({"loop": 2.0, "zoom": 1.0}, "a loop needs a zoom"),
        ({"loop": 2.0, "zoom": Schedule("0:2, 100%:3")}, "zoom: schedule: a loop must end as it begins"),
        ({"duration": 2.0, "zoom": Schedule("2-2*p")}, "zoom must be between .* at frame"),
        ({"duration": 2.0, "zoom": Schedule("1+beat")}, "--audio FILE"),
    ],
)
def test_what_cannot_be_is_told_before_the_first_dream(zoom: dict[str, object], said: str) -> None:
    wanted = recipe(**zoom)
    with pytest.raises(SettingsError, match=said):
        plan_zoom(wanted, clock_of(wanted), SIZE)


@pytest.mark.parametrize("rate, stills", [(2.0, 6), (1.7, 5), (0.5, -6), (1.05, 2)])
def test_a_loop_falls_through_whole_stills(rate: float, stills: int) -> None:
    wanted = recipe(loop=3.0, zoom=rate)
    plan = plan_zoom(wanted, clock_of(wanted), SIZE)
    assert plan.falls == stills and plan.path.depth[-1] == stills / PER_DOUBLING


# --- the fall -----------------------------------------------------------------------------------------------


def camera_undone(before: np.ndarray, after: np.ndarray, scale: float) -> float:
    """How much two frames differ once the camera has made the same step."""
    middle = (SIZE[0] / 2 - 0.5, SIZE[1] / 2 - 0.5)
    moved = resample(image_from_frame(before), view_matrix(scale, 0, middle, middle), SIZE)
    return float(np.abs(moved - image_from_frame(after)).mean())


@pytest.mark.parametrize("zoom", [{}, {"zoom": 0.5}, {"rotate": 180.0}, {"symmetry": 5}, {"centre_x": 0.7}])
def test_a_loop_closes(objective: Objective, zoom: dict[str, float]) -> None:
    wanted = recipe(loop=2.0, **zoom)
    made = render(wanted, objective)
    assert isinstance(made, FallRender)
    segments = list(made.segments(None))
    stills = dict(enumerate(segments[-1].state.stills))
    fall = made._fall()
    first, again = fall_frames(fall, stills, SIZE, objective.device, (0, 24), segments[-1].state.exposure)
    assert np.abs(first - again).max() <= 1e-6, "frame N is frame 0"
    borders = (first[0], first[-1], first[:, 0], first[:, -1])
    assert all(border.mean() > 0.15 for border in borders) and len(stills) == 2 * PER_DOUBLING


def test_the_seam_is_a_step_like_any_other(objective: Objective) -> None:
    frames = frames_of(render(recipe(loop=2.0), objective))
    assert len(frames) == 24
    steps = [
        camera_undone(a, b, 2 ** (1 / 12)) for a, b in zip(frames, [*frames[1:], frames[0]], strict=True)
    ]
    assert abs(steps[-1] / np.median(steps[:-1]) - 1) < 0.1
    assert not any(np.array_equal(a, b) for a, b in zip(frames, [*frames[1:], frames[0]], strict=True))


def test_the_first_stills_of_a_loop_are_dreamed_on_at_its_end(objective: Objective) -> None:
    made = render(recipe(loop=2.0), objective)
    states = [segment.state for segment in made.segments(None)]
    dreamed = max((state for state in states if not state.is_finished), key=lambda state: len(state.stills))
    assert len(dreamed.stills) == 2 * PER_DOUBLING + JOINING == made.still_count
    first, again = (image_from_frame(dreamed.stills[number]) for number in (0, 2 * PER_DOUBLING))
    away = np.abs(first - again).mean(axis=2)
    middle = (slice(24, 36), slice(36, 54))
    assert away[middle].mean() < 0.7 * away[:6].mean(), "the begin in its middle, the end around it"
    assert all(state.is_finished for state in states[-2:]), "they are finished once"


@pytest.mark.parametrize("rate, length", [(2.0, {"loop": 4.0}), (0.6, {"duration": 4.0})])
def test_a_fall_keeps_its_look(objective: Objective, rate: float, length: dict[str, float]) -> None:
    frames = frames_of(render(recipe(zoom=rate, **length), objective))
    looks = np.array([look(frame) for frame in frames[12::2]])
    assert np.abs(looks / np.median(looks, axis=0) - 1).max() < 0.1


def test_a_frame_that_strays_from_the_usual_look_is_held() -> None:
    usual = cv2.GaussianBlur(np.random.default_rng(0).random((80, 120, 3), np.float32), (0, 0), 1)
    exposure = Exposure.of([usual])
    assert np.abs(exposure.correction(usual).of(usual) - usual).max() < 1 / 255, "what does not is left alone"
    strayed = np.clip(0.55 + 1.15 * (usual - 0.5), 0, 1)
    wanted, held = Anchor.of(usual), Anchor.of(exposure.correction(strayed).of(strayed))
    for was, now in (
        (wanted.mean, held.mean),
        (wanted.contrast, held.contrast),
        (wanted.saturation, held.saturation),
        (wanted.sharpness, held.sharpness),
    ):
        assert now == pytest.approx(was, rel=1.5 * STRAY)


def test_half_way_to_the_next_still_a_frame_is_held_by_what_it_lacks_there() -> None:
    held = [Correction(sharper, np.eye(3), np.zeros(3)) for sharper in (0.0, 1.0, 0.5)]
    depths = (0, 0.25, 0.5, 0.75, 1)
    assert [between(held, depth).sharper for depth in depths] == pytest.approx([0, 0.5, 1, 0.75, 0.5])


def test_finished_stills_have_detail_of_every_size_alike(objective: Objective) -> None:
    made = render(recipe(loop=2.0), objective)
    states = [segment.state for segment in made.segments(None)]
    stills = (
        [state.stills for state in states if len(state.stills) == made.still_count][-1],
        states[-1].stills,
    )
    ring = made._fall().extent.shown(stills[0][0].shape[1::-1])
    spread = [
        np.std(
            [np.log(Spectrum.of(image_from_frame(still), ring).strengths) for still in kind], axis=0
        ).mean()
        for kind in stills
    ]
    assert spread[1] < 0.5 * spread[0]


def test_falling_backwards_shows_what_was_around(objective: Objective) -> None:
    frames = frames_of(render(recipe(duration=1.0, zoom=0.5), objective))
    assert camera_undone(frames[0], frames[-1], 2 ** (-11 / 12)) < 0.25
    small = cv2.resize(frames[0], (36, 24), interpolation=cv2.INTER_AREA)
    inside = cv2.resize(frames[-1][10:38, 15:57], (36, 24), interpolation=cv2.INTER_AREA)
    assert np.corrcoef(small.mean(-1).ravel(), inside.mean(-1).ravel())[0, 1] > 0.5


def test_a_film_can_begin_with_nothing(objective: Objective) -> None:
    wanted = recipe(loop=1.0)
    plan = plan_zoom(wanted, clock_of(wanted), None)
    frames = frames_of(FallRender(plan, objective, None))
    assert len(frames) == 12 and frames[0].std() > 20


@pytest.mark.parametrize(
    "zoom", [{"loop": 2.0}, {"duration": 1.0, "feedback": True}, {"loop": 1.0, "feedback": True}]
)
def test_a_film_that_is_taken_up_again_is_the_same(
    objective: Objective, tmp_path: Path, zoom: dict[str, object]
) -> None:
    wanted = recipe(**zoom)
    whole = [(list(segment.frames), segment.state) for segment in render(wanted, objective).segments(None)]
    for stop in (0, len(whole) // 2):
        made = render(wanted, objective)
        save_state(whole[stop][1], tmp_path / "state.npz")
        rest = made.segments(load_state(tmp_path / "state.npz", made.state_kind))
        shown = [(frame, time) for segment in rest for frame, time in segment.frames]
        expected = [pair for frames, _ in whole[stop + 1 :] for pair in frames]
        assert len(shown) == len(expected)
        assert all(np.array_equal(a, b) and t == u for (a, t), (b, u) in zip(shown, expected, strict=True))


# --- the feedback -------------------------------------------------------------------------------------------


def look(frame: np.ndarray) -> np.ndarray:
    anchor = Anchor.of(image_from_frame(frame))
    return np.array([anchor.mean.mean(), anchor.contrast, anchor.saturation, anchor.sharpness])


@pytest.mark.parametrize("rate", [1.5, 0.7])
def test_feedback_does_not_drift(objective: Objective, rate: float) -> None:
    frames = frames_of(render(recipe(frames=60, feedback=True, zoom=rate), objective))
    assert len(frames) == 60
    assert look(frames[-1]) / look(frames[12]) == pytest.approx(np.ones(4), abs=0.1)
    assert camera_undone(frames[30], frames[31], rate ** (1 / 12)) < camera_undone(frames[30], frames[40], 1)


def test_a_loop_by_feedback_closes(objective: Objective) -> None:
    frames = frames_of(render(recipe(loop=2.0, feedback=True, crossfade=0.4), objective))
    assert len(frames) == 24
    steps = [
        camera_undone(a, b, 2 ** (1 / 12)) for a, b in zip(frames, [*frames[1:], frames[0]], strict=True)
    ]
    assert steps[-1] < 1.5 * np.median(steps)


def test_there_and_back_shows_no_frame_twice_in_a_row(objective: Objective) -> None:
    assert there_and_back(2, True) == [0, 1]
    for zoom in ({"feedback": True}, {}):
        frames = frames_of(render(recipe(loop=0.75, boomerang=True, **zoom), objective))
        assert len(frames) == 8
        assert np.abs(frames[3].astype(int) - frames[5]).max() <= 1 and not np.array_equal(
            frames[0], frames[-1]
        )


# --- files --------------------------------------------------------------------------------------------------


def test_from_a_file_to_a_file(tmp_path: Path, network: Network) -> None:
    write_still(tmp_path / "in.png", picture())
    told = []
    report = zoom_file(
        tmp_path / "in.png",
        tmp_path / "out.mp4",
        network,
        recipe(loop=1.0),
        progress=lambda done, expected, shown=None: told.append((done, expected)),
    )
    made = probe(tmp_path / "out.mp4")
    assert (report.frames, made.frames, made.fps, made.size) == (12, 12, 12, SIZE)
    assert told[-1] == (12, 12)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["in.png", "out.mp4"]


def test_a_film_with_a_sound_that_drives_it(tmp_path: Path, network: Network) -> None:
    track = tmp_path / "clicks.wav"
    run_ffmpeg("-f", "lavfi", "-i", "aevalsrc='sin(5000*t)*lt(mod(t+0.25,0.5),0.01)':d=2:s=44100", track)
    wanted = recipe(duration=2.0, zoom=Schedule("1.2+beat"))
    zoom_file(None, tmp_path / "out.mp4", network, wanted, audio=track)
    made = probe(tmp_path / "out.mp4")
    assert made.frames == 24 and made.has_audio
    before, after = (find_beats(read_sound(AudioSource(path)))[0] for path in (track, tmp_path / "out.mp4"))
    assert len(before) == 4 and np.abs(before - after).max() < 0.02, "sound and picture are in step"
    curve = course_of(wanted.zoom, clock_of(wanted, AudioSource(track))).curves["zoom"]
    assert set(np.flatnonzero(curve[:-1] > 1.8)) >= {3, 9, 15, 21}, "every click at 0.25 s, 0.75 s, ..."


def test_a_clip_plays_while_the_camera_moves(tmp_path: Path, network: Network, short_clip: Path) -> None:
    wanted = replace(recipe(frames=8, zoom=1.5), film=FilmSettings(frames=8, strength=0.0, crf=5))
    zoom_file(short_clip, tmp_path / "out.mp4", network, wanted)
    with open_clip(short_clip) as before, open_clip(tmp_path / "out.mp4") as after:
        pairs = [(a.frame, b.frame) for a, b in zip(before, after, strict=False)]
    assert len(pairs) == 8 and np.abs(pairs[0][0].astype(int) - pairs[0][1]).mean() < 3
    size = (pairs[7][0].shape[1], pairs[7][0].shape[0])
    matrix = path_of(25, 1, zoom=1.5).whole(7, size)
    wanted_frame = resample(image_from_frame(pairs[7][0]), matrix, size)
    unmoved = np.abs(image_from_frame(pairs[7][0]) - image_from_frame(pairs[7][1])).mean()
    assert np.abs(wanted_frame - image_from_frame(pairs[7][1])).mean() < min(0.05, 0.5 * unmoved)


def test_a_zoom_keeps_to_what_a_platform_takes(tmp_path: Path, network: Network, short_clip: Path) -> None:
    def wanted(seconds: float, **limits: object) -> ZoomRecipe:
        loop = recipe(loop=seconds)
        return replace(loop, film=replace(loop.film, **limits))  # type: ignore[arg-type]

    report = zoom_file(None, tmp_path / "out.gif", network, wanted(3.0, platform="instagram"))
    made = probe(tmp_path / "out.mp4")
    assert report.output == tmp_path / "out.mp4", "animations do not move there"
    assert made.fps == 24 and made.duration == 3, "12 frames a second are too few there"
    with pytest.raises(UsageError, match="takes 3 s at least"):
        zoom_file(None, tmp_path / "short.mp4", network, wanted(1.0, platform="instagram"))
    with pytest.raises(UsageError, match="takes 3 s at least"):
        zoom_file(
            short_clip,
            tmp_path / "short.mp4",
            network,
            replace(wanted(1.0, platform="tiktok"), zoom=ZoomSettings(duration=0.5)),
        )
    zoom_file(None, tmp_path / "small.gif", network, wanted(1.0, max_size=20_000))
    assert (tmp_path / "small.gif").stat().st_size <= 20_000


def test_a_loop_of_a_clip_is_refused(tmp_path: Path, network: Network, short_clip: Path) -> None:
    with pytest.raises(UsageError, match="in a clip the camera only moves"):
        zoom_file(short_clip, tmp_path / "out.mp4", network, recipe(loop=1.0))
    with pytest.raises(UsageError, match="a zoom is a film"):
        zoom_file(None, tmp_path / "out.png", network, recipe(loop=1.0))


def test_a_fall_state_is_small(objective: Objective) -> None:
    state = next(iter(render(recipe(loop=2.0), objective).segments(None))).state
    assert isinstance(state, FallState) and len(state.stills) == 1 and state.stills[0].dtype == np.uint8
