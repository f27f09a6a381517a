"""Where the camera is in each frame of a zoom film. Speeds are added up in log-scale, so the rate of frames
does not matter."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dreamvideo.camera.affine import Matrix, view_matrix
from dreamvideo.course import Course
from dreamvideo.errors import SettingsError
from dreamvideo.schedule import FilmClock
from dreamvideo.settings import ZoomSettings
from dreamvideo.zoom.nest import PER_DOUBLING

SMALLEST_TURN = 1e-9  # degrees
ADMITTED = 0.02  # stills and degrees that a loop may be away from closing
NEAREST = 0.02  # of a side: how near to the border of a frame the point that is fallen into may come


@dataclass(frozen=True, eq=False)
class CameraPath:
    """A camera over a film, one value for each frame and one for the frame that would follow.

    Attributes:
        depth: log2 of how much larger things are than in the first frame. degrees: how far it has turned.
        pan: how far it has moved, (n, 2), and centre: what it zooms and turns about, in widths and heights.
    """

    depth: np.ndarray
    degrees: np.ndarray
    pan: np.ndarray
    centre: np.ndarray

    @property
    def frames(self) -> int:
        return len(self.depth) - 1

    @property
    def turns(self) -> bool:
        return bool(np.ptp(self.degrees) > SMALLEST_TURN)

    def step(self, frame: int, size: tuple[int, int]) -> Matrix:
        """From frame - 1 to `frame`: where in the last one each pixel of this one was."""
        scale = 2 ** (self.depth[frame] - self.depth[frame - 1])
        degrees = self.degrees[frame] - self.degrees[frame - 1]
        return self._matrix(scale, degrees, self.pan[frame] - self.pan[frame - 1], frame, size)

    def whole(self, frame: int, size: tuple[int, int]) -> Matrix:
        """From the camera at rest to `frame`: where in what lies before it each pixel of the frame is."""
        return self._matrix(2 ** self.depth[frame], self.degrees[frame], self.pan[frame], frame, size)

    def _matrix(
        self, scale: float, degrees: float, pan: np.ndarray, frame: int, size: tuple[int, int]
    ) -> Matrix:
        sides = np.array(size)
        at = self.centre[frame] * sides - 0.5
        shown = at + pan * sides
        return view_matrix(scale, degrees, (at[0], at[1]), (shown[0], shown[1]))

    def vanishing(self, fps: float, size: tuple[int, int]) -> np.ndarray:
        """Where the point is that things stream away from, in shares of a frame of `size`: (n, 2).

        Under zoom, turn and pan at once that is the place that stands still.

        Raises:
            SettingsError: it lies outside the frame: one pans too fast for this zoom.
        """
        speed = (np.gradient(self.depth) * math.log(2) + 1j * np.radians(np.gradient(self.degrees))) * fps
        pan = np.gradient(self.pan, axis=0) * fps * np.array(size)
        if not pan.any():
            return self.centre
        with np.errstate(divide="ignore", invalid="ignore"):
            aside = (pan[:, 0] + 1j * pan[:, 1]) / speed
        point = self.centre + np.column_stack([aside.real, aside.imag]) / np.array(size)
        inside = (point >= NEAREST) & (point <= 1 - NEAREST)
        if not inside.all():
            raise SettingsError(
                "the pan is too fast for this zoom: the point it falls into leaves the frame; "
                "pan slower, or use --feedback"
            )
        return point


def camera_path(zoom: Course[ZoomSettings], clock: FilmClock) -> CameraPath:
    """Follow the speeds from frame to frame, each step at the mean of the speeds at its ends."""
    fps = float(clock.fps)
    values = [zoom.at(frame) for frame in range(clock.frames + 1)]
    speeds = np.array([(math.log2(v.zoom), v.rotate, v.pan_x, v.pan_y) for v in values]) / fps
    places = np.vstack([np.zeros((1, 4)), np.cumsum((speeds[1:] + speeds[:-1]) / 2, axis=0)])
    centre = np.array([(v.centre_x, v.centre_y) for v in values])
    return CameraPath(places[:, 0], places[:, 1], places[:, 2:], centre)


def closed(path: CameraPath, symmetry: int) -> tuple[CameraPath, int]:
    """The path of a loop, its speed adjusted so that it falls through so many whole stills; and their number.

    The number is negative if it falls backwards, 0 if the camera comes back by itself.

    Raises:
        SettingsError: it cannot close: it turns or pans by a part of a round.
    """
    whole_turn = 360 / symmetry
    rest = (path.degrees[-1] + whole_turn / 2) % whole_turn - whole_turn / 2
    if abs(rest) > ADMITTED:
        near = round(path.degrees[-1] / whole_turn) or math.copysign(1, path.degrees[-1])
        raise SettingsError(
            f"a loop must turn by whole rounds ({whole_turn:g} degrees), and this turns by "
            f"{path.degrees[-1]:g}: rotate {near * whole_turn / path.degrees[-1]:.6g} times as fast"
        )
    fall = path.depth[-1] * PER_DOUBLING
    if np.ptp(path.depth) < ADMITTED:
        raise SettingsError(
            "a loop needs a zoom: it closes by falling into its own begin; give --duration instead"
        )
    stills = 0 if abs(fall) < ADMITTED else int(math.copysign(max(PER_DOUBLING, round(abs(fall))), fall))
    depth = path.depth
    adjusted = depth * (stills / fall) if stills else depth - depth[-1] * np.linspace(0, 1, len(depth))
    adjusted[-1] = stills / PER_DOUBLING
    degrees = path.degrees - rest * np.linspace(0, 1, len(path.degrees))
    return CameraPath(adjusted, degrees, path.pan, path.centre), stills
