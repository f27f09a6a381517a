"""The classic: move the last picture, dream it again, and so on for as long as wanted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from dreamvideo.camera.resampling import resample, symmetrical
from dreamvideo.course import Course
from dreamvideo.dream import dream_residual
from dreamvideo.objectives import Objective
from dreamvideo.settings import CarrySettings, DreamSettings, FilmSettings
from dreamvideo.zoom.anchor import Anchor
from dreamvideo.zoom.noise import clouds_around
from dreamvideo.zoom.path import CameraPath

USUAL_FPS = (
    24.0  # at which a frame is dreamed with the full step size; at others a second of dream stays the same
)


@dataclass(frozen=True, eq=False)
class Feedback:
    """How a film is fed back into itself."""

    objective: Objective
    dream: Course[DreamSettings]
    carry: Course[CarrySettings]
    film: Course[FilmSettings]
    path: CameraPath
    fps: float
    symmetry: int

    def place(self, frame: int) -> int:
        """The place of a frame in the film: beyond its end it goes on from its begin."""
        return frame % self.path.frames


@dataclass(frozen=True, eq=False)
class FeedbackState:
    """All that the next frame depends on.

    Attributes:
        frame: its number. image: float32 (H, W, 3). anchor: the look that is held.
    """

    frame: int
    image: np.ndarray
    anchor: Anchor


def feed_back(
    feedback: Feedback, first: np.ndarray, state: FeedbackState | None = None
) -> Iterator[FeedbackState]:
    """The frames of a film, one state each, without end.

    Args:
        first: the picture that frame 0 is the dream of, float32 at the size that is dreamed at.
        state: where to go on; None: at the beginning.
    """
    while True:
        state = _begin(feedback, first) if state is None else _next(feedback, state)
        yield state


def _begin(feedback: Feedback, first: np.ndarray) -> FeedbackState:
    source = _folded(feedback, first, 0)
    residual = dream_residual(feedback.objective.at(0), source, feedback.dream.at(0))
    image = np.clip(source + feedback.film.at(0).strength * residual, 0, 1)
    return FeedbackState(0, image, Anchor.of(image))


def _next(feedback: Feedback, state: FeedbackState) -> FeedbackState:
    frame = state.frame + 1
    moved = _folded(feedback, _moved(feedback, state.image, state.anchor, frame), frame)
    place = feedback.place(frame)
    settings = feedback.dream.at(place)
    pace = feedback.film.at(place).strength * min(2.0, USUAL_FPS / feedback.fps)
    steps = feedback.carry.at(place).refresh
    image = moved
    if steps:
        quick = replace(settings, steps=steps, seed=settings.seed + frame)
        image = np.clip(moved + pace * dream_residual(feedback.objective.at(place), moved, quick), 0, 1)
    return FeedbackState(frame, state.anchor.hold(image), state.anchor)


def _moved(feedback: Feedback, image: np.ndarray, anchor: Anchor, frame: int) -> np.ndarray:
    """The last picture as the camera sees it now; what comes into sight are clouds, to be dreamed on."""
    size, path = (image.shape[1], image.shape[0]), feedback.path
    matrix = path.step(feedback.place(frame - 1) + 1, size)
    moved = np.clip(resample(image, matrix, size, feedback.objective.moved_on), 0, 1)
    new = _outside(matrix, size)
    if new.any():
        moved[new] = anchor.mean + anchor.contrast * _clouds(feedback, np.nonzero(new), size, frame)
    return np.clip(moved, 0, 1)


def _clouds(
    feedback: Feedback, places: tuple[np.ndarray, ...], size: tuple[int, int], frame: int
) -> np.ndarray:
    """Clouds at some places (rows, columns) of a frame, that move with the camera: (n, 3)."""
    middle = feedback.path.centre[feedback.place(frame)] * size - 0.5
    x, y = places[1] - middle[0], places[0] - middle[1]
    rounds, place = divmod(frame, feedback.path.frames)
    depth = rounds * feedback.path.depth[-1] + feedback.path.depth[place]
    return clouds_around(x, y, depth, feedback.dream.settings.seed)


def _outside(matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Where a camera looks beyond what there was: (H, W), True."""
    x, y = np.arange(size[0]), np.arange(size[1])[:, None]
    across, down = (row[0] * x + row[1] * y + row[2] for row in matrix)
    return (across < -0.5) | (across > size[0] - 0.5) | (down < -0.5) | (down > size[1] - 0.5)


def _folded(feedback: Feedback, image: np.ndarray, frame: int) -> np.ndarray:
    if feedback.symmetry == 1:
        return image
    centre = feedback.path.centre[feedback.place(frame)]
    middle = (centre[0] * image.shape[1] - 0.5, centre[1] * image.shape[0] - 0.5)
    return np.clip(symmetrical(image, feedback.symmetry, middle), 0, 1)
