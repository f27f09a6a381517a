"""A camera that moves through a playing clip, whose dream is carried along."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from dreamvideo.camera.resampling import blurred, resample
from dreamvideo.course import course_of, uses_sound
from dreamvideo.film import DreamedClip
from dreamvideo.images import frame_from_image, image_from_frame
from dreamvideo.media.sound import AudioSource
from dreamvideo.objectives import Objective
from dreamvideo.settings import Recipe, ZoomRecipe
from dreamvideo.zoom.path import camera_path

SCREEN_BLUR = 0.45  # sigma, px of the film: what a clip is blurred by where it is shown smaller than it is


class ZoomedClip(DreamedClip):
    """The dream of a clip as a moving camera sees it; a `render.Render`.

    The camera moves before anything else looks at the frames: so the flow that carries the dream is that of
    camera and clip together, and the film is dreamed at its own size, however near the camera comes. Beyond
    its border a clip is mirrored.
    """

    def __init__(
        self, source: Path, objective: Objective, recipe: ZoomRecipe, sound: AudioSource | None = None
    ) -> None:
        film = replace(recipe.film, end=recipe.zoom.duration)
        super().__init__(source, objective, Recipe(recipe.dream, recipe.carry, film), sound=sound)
        self._sound = sound
        clock = self.clock(recipe.dream.seed, uses_sound(recipe.zoom), sound)
        self._path = camera_path(course_of(recipe.zoom, clock), clock)
        self._device = objective.device

    @property
    def sound(self) -> AudioSource | None:
        if self._sound is None or not self._film.audio:
            return super().sound
        return replace(self._sound, end=self.duration)

    def _decoded(self, skipped: int, times: list[Fraction]) -> Iterator[np.ndarray]:
        for number, frame in enumerate(super()._decoded(skipped, times), skipped):
            with self.stages.timed("look"):
                seen = self._seen(frame, min(number, self._path.frames))
            yield seen

    def _seen(self, frame: np.ndarray, number: int) -> np.ndarray:
        size = (frame.shape[1], frame.shape[0])
        density = 2.0 ** -self._path.depth[number]
        image = blurred(image_from_frame(frame), SCREEN_BLUR * math.sqrt(max(0.0, density**2 - 1)))
        return frame_from_image(resample(image, self._path.whole(number, size), size, self._device))
