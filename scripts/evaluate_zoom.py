#!/usr/bin/env python3
"""Measure zoom films and schedules: does a loop close, does anything drift, what does it cost. Takes minutes.

    python scripts/evaluate_zoom.py [--model vgg16-lite] [--weights FILE] [--layer NAME] [--size 120x80]

Prints a table: what is measured, what is wanted, what came out.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from time import perf_counter

import numpy as np

from dreamvideo.camera.affine import view_matrix
from dreamvideo.camera.resampling import resample
from dreamvideo.course import course_of
from dreamvideo.dream import activation_strength
from dreamvideo.images import image_from_frame, read_still
from dreamvideo.media.hearing import find_beats, hear, read_sound
from dreamvideo.media.sound import AudioSource
from dreamvideo.media.writer import ClipWriter
from dreamvideo.nets import load_network
from dreamvideo.objectives import Objective, objective_for
from dreamvideo.schedule import FilmClock, Schedule
from dreamvideo.settings import DreamSettings, FilmSettings, ZoomRecipe, ZoomSettings
from dreamvideo.zoom.anchor import Anchor
from dreamvideo.zoom.fall import fall_frames
from dreamvideo.zoom.path import camera_path
from dreamvideo.zoom.plan import clock_of, plan_zoom
from dreamvideo.zoom.renders import FallRender, FeedbackRender

HOUSE = Path(__file__).resolve().parent.parent
STILL = HOUSE / "samples" / "mountains.jpg"
COST_ROUNDS = 3
LOOK = ("mean", "contrast", "saturation", "sharpness")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="vgg16-lite")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--layer")
    parser.add_argument("--size", default="120x80")
    parser.add_argument("--drift-seconds", type=float, default=60)
    parser.add_argument("--only", default="1234567", help="Numbers of what is measured.")
    options = parser.parse_args()
    sys.path.insert(0, str(HOUSE / "tests"))  # the tables of schedules and the track are the tests' own
    dream = DreamSettings(layers=((options.layer, 1.0),) if options.layer else ())
    objective = objective_for(load_network(options.model, options.weights, "cpu"), dream)
    width, height = map(int, options.size.split("x"))
    base = ZoomRecipe(dream, film=FilmSettings(size=(width, height), fps=Fraction(24)))
    print(f"{options.model}, {objective.terms[0].layer}, {options.size}")
    told = {
        "1": lambda: loop(base, objective),
        "2": rate,
        "3": lambda: drift(base, objective, options.drift_seconds),
        "4": lambda: cost(base, objective),
        "5": schedules,
        "6": sound,
        "7": borders,
    }
    for number in options.only:
        for what, wanted, measured in told[number]():
            print(f"{number}  {what:58} {wanted:>22}   {measured}", flush=True)


def film(base: ZoomRecipe, objective: Objective, **zoom: object) -> FallRender | FeedbackRender:
    recipe = replace(base, zoom=ZoomSettings(**zoom))  # type: ignore[arg-type]
    plan = plan_zoom(recipe, clock_of(recipe), base.film.size)
    return (FeedbackRender if recipe.zoom.feedback else FallRender)(plan, objective, read_still(STILL))


def frames_of(render: FallRender | FeedbackRender) -> list[np.ndarray]:
    return [frame for segment in render.segments(None) for frame, _ in segment.frames]


def undone(before: np.ndarray, after: np.ndarray, scale: float) -> float:
    """Mean change between two frames, once the camera has made the same step."""
    size = (before.shape[1], before.shape[0])
    middle = (size[0] / 2 - 0.5, size[1] / 2 - 0.5)
    moved = resample(image_from_frame(before), view_matrix(scale, 0, middle, middle), size)
    return float(np.abs(moved - image_from_frame(after)).mean())


def steps_of(frames: list[np.ndarray]) -> list[float]:
    """Of a loop that doubles in a second: the last is the one back to the first frame."""
    return [undone(a, b, 2 ** (1 / 24)) for a, b in zip(frames, [*frames[1:], frames[0]], strict=True)]


def loop(base: ZoomRecipe, objective: Objective):
    render = film(base, objective, loop=10.0)
    segments = [(list(segment.frames), segment.state) for segment in render.segments(None)]
    frames = [frame for shown, _ in segments for frame, _ in shown]
    steps = steps_of(frames)
    near = np.median([*steps[-7:-1], *steps[:6]])
    yield (
        "last frame to first, beside the median step",
        "within 5%",
        f"{steps[-1] / np.median(steps) - 1:+.1%}",
    )
    yield "the same, beside the 12 steps around it", "-", f"{steps[-1] / near - 1:+.1%}"
    yield (
        "smallest and largest step beside the median",
        "near 1",
        f"{min(steps) / np.median(steps):.2f} {max(steps) / np.median(steps):.2f}",
    )
    fall = render._fall()
    state = segments[-1][1]
    stills, ends = dict(enumerate(state.stills)), (0, render.frames)
    first, again = fall_frames(fall, stills, render.size, objective.device, ends, state.exposure)
    yield "frame N beside frame 0, largest difference", "1e-6", f"{np.abs(first - again).max():.1e}"
    by_feedback = frames_of(film(base, objective, loop=5.0, feedback=True))
    steps = [
        undone(a, b, 2 ** (1 / 24))
        for a, b in zip(by_feedback, [*by_feedback[1:], by_feedback[0]], strict=True)
    ]
    yield "the same by feedback, dissolved", "-", f"{steps[-1] / np.median(steps) - 1:+.1%}"


def path_of(fps: int, **zoom: object):
    clock = FilmClock(4 * fps, Fraction(fps))
    return camera_path(course_of(ZoomSettings(**zoom), clock), clock)  # type: ignore[arg-type]


def rate():
    for zoom in (2.0, 1.01, Schedule("0:1.2, 2s:3 ease:inOutSine")):
        scales = [2 ** path_of(fps, zoom=zoom).depth[2 * fps] for fps in (12, 24, 25, 30, 60)]
        spread = (max(scales) - min(scales)) / min(scales)
        yield f"scale after 2 s at 12 to 60 fps, zoom {zoom}"[:58], "0.1%", f"{spread:.4%}"
    path, image = path_of(24, zoom=1.01), image_from_frame(read_still(STILL)[:160, :240])
    seen = [resample(image, path.whole(frame, (240, 160)), (240, 160)) for frame in range(path.frames)]
    steps = [float(np.abs(a - b).mean()) for a, b in pairwise(seen)]
    yield (
        "zoom 1.01: smallest and largest step beside the median",
        "near 1",
        (f"{min(steps) / np.median(steps):.3f} {max(steps) / np.median(steps):.3f}"),
    )


def look(frame: np.ndarray) -> np.ndarray:
    anchor = Anchor.of(image_from_frame(frame))
    return np.array([anchor.mean.mean(), anchor.contrast, anchor.saturation, anchor.sharpness])


def drift(base: ZoomRecipe, objective: Objective, seconds: float):
    for name, wanted, zoom in (
        ("feedback", "within 10%", {"feedback": True}),
        ("feedback, backwards", "within 10%", {"feedback": True, "zoom": 0.7}),
        ("chain", "within 5%", {}),
        ("chain, backwards", "within 5%", {"zoom": 0.7}),
    ):
        render = film(base, objective, duration=seconds, **zoom)
        looks = [look(frame) for number, frame in enumerate(frames_of(render)) if number % 24 == 0]
        away = np.abs(np.array(looks[2:]) / looks[1] - 1)
        worst, last = away.max(axis=0), np.array(looks[-1]) / looks[1] - 1
        for part, most, end in zip(LOOK, worst, last, strict=True):
            yield f"{name}, {seconds:g} s: {part}, furthest and at the end", wanted, f"{most:.1%} {end:+.1%}"


def cost(base: ZoomRecipe, objective: Objective):
    """Beside feedback as it is, and beside the cheapest there is: one step in each frame. In turn, thrice."""
    frames_of(film(base, objective, loop=0.5, feedback=True))  # or the first would pay for the start
    ways = ((False, 2), (True, 2), (True, 1))
    taken, strength = np.zeros((COST_ROUNDS, len(ways))), np.zeros(len(ways))
    for round_ in range(COST_ROUNDS):
        for way, (feedback, refresh) in enumerate(ways):
            begun = perf_counter()
            recipe = replace(base, carry=replace(base.carry, refresh=refresh))
            frames = frames_of(film(recipe, objective, loop=10.0, feedback=feedback))
            taken[round_, way] = perf_counter() - begun
            if not round_:  # the films of the others are the same
                seen = [activation_strength(objective, image_from_frame(frame)) for frame in frames[::12]]
                strength[way] = np.mean(seen)
    for number, what in ((1, "feedback"), (2, "feedback with one step")):
        ratios = np.sort(taken[:, number] / taken[:, 0])
        yield (
            f"10 s loop by the chain, times faster than by {what}"[:58],
            "8",
            f"{np.median(ratios):.1f} ({ratios[0]:.1f} to {ratios[-1]:.1f})",
        )
        yield f"strength of the chain beside {what}", "equal", f"{strength[0] / strength[number]:.2f}"
    seconds = np.median(taken, axis=0)
    yield "seconds: chain, feedback, with one step", "-", " ".join(f"{one:.1f}" for one in seconds)


def schedules():
    from test_schedule import BY_HAND, DEFORUM, FILM, fuzz

    wrong = [
        text
        for text, frame, value in BY_HAND + DEFORUM
        if abs(Schedule(text).curve(FILM)[frame] - value) > 1e-9
    ]
    yield f"{len(BY_HAND)} expressions and {len(DEFORUM)} of Deforum by hand, wrong", "0", str(len(wrong))
    good, slowest = fuzz(seed=1, count=10_000)
    yield "10,000 random texts: values, longest time", "0.1 s", f"{good}, {slowest:.4f} s"


def sound():
    from test_hearing import CLICKS, bass_level, track

    with tempfile.TemporaryDirectory() as folder:
        source = AudioSource(track(Path(folder) / "track.wav"))
        heard = hear(read_sound(source), 144, Fraction(24))
        beat = heard["beat"]
        peaks = np.flatnonzero((beat > 0.05) & (beat > np.r_[0, beat[:-1]]))
        off = np.abs(peaks - np.floor(CLICKS * 24 + 1e-9)).max() if len(peaks) == len(CLICKS) else None
        yield f"{len(CLICKS)} clicks: peaks of beat, frames off at most", "1", f"{len(peaks)}, {off}"
        away = np.abs(heard["bass"] - bass_level((np.arange(144) + 0.5) / 24)).max()
        yield "bass beside the tone's level, furthest", "-", f"{away:.3f}"
        target = Path(folder) / "film.mp4"
        with ClipWriter(target, (64, 48), Fraction(24), crf=30, audio=source) as writer:
            for _ in range(144):
                writer.write(np.zeros((48, 64, 3), np.uint8))
        before, after = (find_beats(read_sound(one))[0] for one in (source, AudioSource(target)))
        yield "sound beside picture, furthest", "20 ms", f"{1000 * np.abs(before - after).max():.1f} ms"


def borders():
    image = image_from_frame(read_still(STILL)[100:260, 200:440])
    size, middle = (240, 160), (119.5, 79.5)
    repeated, black = 0, 0
    for degrees in range(0, 360, 15):
        for scale in (0.3, 0.7, 1.0, 2.0):
            for shift in ((0.0, 0.0), (150.0, -90.0)):
                matrix = view_matrix(scale, degrees, middle, (middle[0] + shift[0], middle[1] + shift[1]))
                seen = resample(image, matrix, size)
                for edge in (seen, seen[::-1], seen.transpose(1, 0, 2), seen.transpose(1, 0, 2)[::-1]):
                    repeated += bool(np.abs(edge[0] - edge[1]).max() < 1e-3)
                    black += bool(edge[0].max() < 0.02)
    yield "192 views: border rows that are black, or repeated", "0, 0", f"{black}, {repeated}"


if __name__ == "__main__":
    main()
