"""A zoom film before anything is dreamed: its length, camera and settings of every frame, all checked."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from dreamvideo.course import Course, course_of, uses_sound
from dreamvideo.images import fit_long_side, image_from_frame, resize
from dreamvideo.media.hearing import hear, read_sound
from dreamvideo.media.sound import AudioSource
from dreamvideo.schedule import FilmClock
from dreamvideo.settings import (
    DEFAULT_LOOP,
    CarrySettings,
    DreamSettings,
    FilmSettings,
    ZoomRecipe,
    ZoomSettings,
)
from dreamvideo.zoom.noise import clouds
from dreamvideo.zoom.path import CameraPath, camera_path, closed

FPS = Fraction(24)
NOISE_SIZE = (640, 360)  # of a film that begins with no picture
LARGEST = 1280  # px, long side of a film from a still, unless a size is asked for
GREY, NOISE_CONTRAST = 0.45, 0.14  # of the noise that a film without a picture begins with


@dataclass(frozen=True, eq=False)
class ZoomPlan:
    """What a zoom film will be.

    Attributes:
        frames: how many it shows. size: (width, height) of them.
        path: of the camera, over the frames that it moves through; shown backwards too with `boomerang`.
        is_loop: it ends as it begins. falls: stills in one round of a loop, negative backwards; 0: none.
    """

    size: tuple[int, int]
    fps: Fraction
    frames: int
    dream: Course[DreamSettings]
    carry: Course[CarrySettings]
    film: Course[FilmSettings]
    zoom: ZoomSettings
    path: CameraPath
    is_loop: bool
    falls: int

    @property
    def detail_size(self) -> tuple[int, int]:
        """(width, height) of the frames as they are dreamed."""
        return fit_long_side(self.size, self.film.settings.detail)


def is_loop(recipe: ZoomRecipe) -> bool:
    """Whether the film ends as it begins: asked for, or nothing else was."""
    zoom = recipe.zoom
    return zoom.loop is not None or (zoom.duration is None and recipe.film.frames is None)


def film_size(film: FilmSettings, still_size: tuple[int, int] | None) -> tuple[int, int]:
    """(width, height) of a film that begins with a still of `still_size`, or None: with noise."""
    return film.size or (NOISE_SIZE if still_size is None else fit_long_side(still_size, LARGEST))


def clock_of(recipe: ZoomRecipe, audio: AudioSource | None = None) -> FilmClock:
    """The length and rate of a zoom film, and what is heard in `audio` if its schedules follow it.

    Raises:
        InputError: the sound cannot be decoded.
    """
    fps = recipe.film.fps or FPS
    seconds = recipe.zoom.duration or recipe.zoom.loop or DEFAULT_LOOP
    frames = recipe.film.frames or max(1, round(seconds * fps))
    if recipe.zoom.boomerang:
        frames = max(2, frames - frames % 2)  # or its first frame would be shown twice in a row
    if audio is None or not uses_sound(recipe.dream, recipe.carry, recipe.film, recipe.zoom):
        return FilmClock(frames, fps, recipe.dream.seed)
    return FilmClock(frames, fps, recipe.dream.seed, hear(read_sound(audio), frames, fps))


def plan_zoom(recipe: ZoomRecipe, clock: FilmClock, still_size: tuple[int, int] | None) -> ZoomPlan:
    """Work out a zoom film.

    Args:
        clock: as `clock_of` gives it, with the sound that drives the film.
        still_size: (width, height) of the picture it begins with; None: noise.

    Raises:
        SettingsError: a schedule that has no value or leaves its range, or a loop that does not close.
    """
    size = film_size(recipe.film, still_size)
    zoom, loops = recipe.zoom, is_loop(recipe)
    closes = loops and not zoom.boomerang
    dream = course_of(recipe.dream, clock, closes=closes)
    carry = course_of(recipe.carry, clock, closes=closes)
    film = course_of(recipe.film, clock, closes=closes)
    path, falls = camera_path(course_of(zoom, clock, closes=closes), clock), 0
    if closes and not zoom.feedback:
        path, falls = closed(path, zoom.symmetry)
    return ZoomPlan(size, clock.fps, clock.frames, dream, carry, film, zoom, path, loops, falls)


def first_picture(still: np.ndarray | None, size: tuple[int, int], seed: int) -> np.ndarray:
    """What a film of `size` begins with, float32: a still that fills the frame, or noise.

    Args:
        still: uint8 (H, W, 3); what of it does not fit is cut off evenly.
    """
    if still is None:
        return np.clip(GREY + NOISE_CONTRAST * clouds(size, seed), 0, 1)
    height, width = still.shape[:2]
    share = min(width / size[0], height / size[1])
    cut = max(1, round(size[0] * share)), max(1, round(size[1] * share))
    left, top = (width - cut[0]) // 2, (height - cut[1]) // 2
    return image_from_frame(resize(still[top : top + cut[1], left : left + cut[0]], size))
