"""Zoom films from a still or from noise as renders, that can be gone on with: see `render.Render`."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from dreamvideo.camera.affine import view_matrix
from dreamvideo.camera.resampling import resample
from dreamvideo.images import frame_from_image, frame_from_png, image_from_frame, png_from_frame, resize
from dreamvideo.media.sound import AudioSource
from dreamvideo.objectives import Objective
from dreamvideo.progress import Progress, named, no_progress
from dreamvideo.render import Segment
from dreamvideo.stages import Stages
from dreamvideo.zoom.chain import Chain, dream_stills
from dreamvideo.zoom.closing import dissolved
from dreamvideo.zoom.exposure import Exposure
from dreamvideo.zoom.fall import Fall, fall_frames
from dreamvideo.zoom.feedback import Feedback, FeedbackState, feed_back
from dreamvideo.zoom.finish import finished
from dreamvideo.zoom.nest import PER_DOUBLING, Extent
from dreamvideo.zoom.plan import ZoomPlan, first_picture

STILL_DENSITY = 1.25  # px of a still per dreamed px of a frame, where it just fills that
DREAMING_STILLS = "dreaming stills"
SEGMENT = 12  # frames of a fall that are finished together
SAMPLES = 5  # frames that tell what is usual


@dataclass
class ZoomRender:
    """What all zoom films have in common.

    Attributes:
        still: the picture it begins with, uint8 (H, W, 3); None: noise. sound: to go with it.
    """

    plan: ZoomPlan
    objective: Objective
    still: np.ndarray | None
    sound: AudioSource | None = None
    progress: Progress = no_progress

    is_variable = False
    broken_at: int | None = None

    def __post_init__(self) -> None:
        self.stages = Stages()
        self.objective = self.objective.scheduled(self.plan.dream.curves)

    @property
    def size(self) -> tuple[int, int]:
        return self.plan.size

    @property
    def fps(self) -> Fraction:
        return self.plan.fps

    @property
    def frames(self) -> int:
        return self.plan.frames

    @property
    def duration(self) -> Fraction:
        return self.plan.frames / self.plan.fps

    def _timed(self, frame: np.ndarray, number: int) -> tuple[np.ndarray, Fraction]:
        return frame, number / self.plan.fps


def there_and_back(count: int, boomerang: bool) -> list[int]:
    """The numbers of the camera's frames in the order in which a film shows them; no frame twice in a row.

    With `boomerang` their count is even.

    >>> there_and_back(6, True)
    [0, 1, 2, 3, 2, 1]
    """
    if not boomerang:
        return list(range(count))
    turn = count // 2
    return [*range(turn + 1), *range(turn - 1, 0, -1)]


# --- the fall ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class FallState:
    """All that the rest of a fall depends on.

    Attributes:
        stills: those that are dreamed, uint8, in the order of their making. frames: how many are shown.
        exposure: of all frames, once all stills are there and finished; None: not yet.
    """

    stills: tuple[np.ndarray, ...]
    frames: int
    exposure: Exposure | None = None

    @property
    def is_finished(self) -> bool:
        """Whether all stills are there, as they are shown."""
        return self.exposure is not None


@dataclass
class FallRender(ZoomRender):
    """First all stills, then the frames, each one look into them."""

    state_kind = FallState

    def segments(self, after: FallState | None) -> Generator[Segment, None, None]:
        """See `render.Render`. While stills are dreamed segments have no frames."""
        plan, fall = self.plan, self._fall()
        chain = Chain(
            self.objective,
            plan.dream,
            plan.film,
            fall.extent,
            plan.zoom.symmetry,
            fall.numbers(),
            fall.loop,
            {number: fall.frame_of(number) for number in fall.numbers()},
        )
        stills = list(after.stills) if after else []
        exposure = after.exposure if after else None
        dreamed = dream_stills(chain, self._first(fall), tuple(stills))
        progress = named(self.progress, DREAMING_STILLS)
        while exposure is None and len(stills) < len(chain.numbers):
            with self.stages.timed("dream"):
                stills.append(next(dreamed))
            progress(len(stills), len(chain.numbers), stills[-1])
            yield Segment((), FallState(tuple(stills), 0))
        if exposure is None:
            with self.stages.timed("finish"):
                stills, exposure = self._finished(fall, dict(zip(chain.numbers, stills, strict=True)))
            yield Segment((), FallState(tuple(stills), 0, exposure))
        order = there_and_back(plan.frames, plan.zoom.boomerang)
        by_number = dict(zip(fall.shown(), stills, strict=True))
        done = after.frames if after else 0
        seen = self._shown(
            fall_frames(fall, by_number, plan.size, self.objective.device, order[done:], exposure)
        )
        for begin in range(done, plan.frames, SEGMENT):
            end = min(begin + SEGMENT, plan.frames)
            frames = (self._timed(next(seen), number) for number in range(begin, end))
            yield Segment(frames, FallState(tuple(stills), end, exposure))

    @property
    def still_count(self) -> int:
        """How many stills are dreamed."""
        return len(self._fall().numbers())

    def _fall(self) -> Fall:
        plan = self.plan
        centre = plan.path.vanishing(float(plan.fps), plan.size)
        extent = Extent.of(plan.size, centre, plan.path.turns)
        return Fall(
            plan.path.depth * PER_DOUBLING, plan.path.degrees, centre, extent, abs(plan.falls) or None
        )

    def _first(self, fall: Fall) -> np.ndarray:
        """The picture it begins with, as large as a still: around the frame it is mirrored."""
        plan = self.plan
        density = STILL_DENSITY * plan.detail_size[0] / plan.size[0]
        size = fall.extent.size(density)
        framed_size = round(plan.size[0] * density), round(plan.size[1] * density)
        framed = first_picture(self.still, framed_size, plan.dream.settings.seed)
        shown = tuple(fall.centre[0] * framed_size - 0.5)
        return np.clip(resample(framed, view_matrix(1, 0, fall.extent.middle(size), shown), size), 0, 1)

    def _finished(self, fall: Fall, stills: dict[int, np.ndarray]) -> tuple[list[np.ndarray], Exposure]:
        """All stills as they are shown, in the order of their making, and the exposure of all frames."""
        held = finished(stills, fall.extent, fall.loop, self.objective.device)
        some = range(0, fall.frames, math.ceil(fall.frames / SAMPLES))
        frames = fall_frames(fall, held, self.plan.size, self.objective.device, some, None)
        return list(held.values()), Exposure.of(frames)

    def _shown(self, frames: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        while True:
            with self.stages.timed("look"):
                frame = next(frames, None)
            if frame is None:
                return
            yield frame_from_image(frame)


# --- the feedback -----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class FedBackState:
    """All that the rest of a film by feedback depends on.

    Attributes:
        last: the last picture. kept: those that are shown again, as PNGs. frames: how many are shown.
    """

    last: FeedbackState
    kept: tuple[np.ndarray, ...]
    frames: int


@dataclass
class FeedbackRender(ZoomRender):
    """Each frame the dream of the one before it."""

    state_kind = FedBackState

    def segments(self, after: FedBackState | None) -> Generator[Segment, None, None]:
        """See `render.Render`. Frames that are only kept for later make segments without frames."""
        plan, zoom = self.plan, self.plan.zoom
        kept, frames = (list(after.kept), after.frames) if after else ([], 0)
        shared = round(zoom.crossfade * plan.frames) if plan.is_loop and not zoom.boomerang else 0
        forth = there_and_back(plan.frames, zoom.boomerang)
        last = after.last if after else None
        fed = feed_back(self._feedback(), self._first(), last)
        while frames < plan.frames:
            if zoom.boomerang and frames > max(forth):
                picture = image_from_frame(frame_from_png(kept[forth[frames]]))
            else:
                with self.stages.timed("dream"):
                    last = next(fed)
                picture = last.image
                if zoom.boomerang or last.frame < shared:
                    kept.append(png_from_frame(frame_from_image(picture)))
                if last.frame < shared:
                    self.progress(last.frame, plan.frames, frame_from_image(picture))
                    yield Segment((), FedBackState(last, tuple(kept), frames))
                    continue
                if (passed := last.frame - plan.frames) >= 0:
                    way = (passed + 1) / (shared + 1)
                    centre = plan.path.vanishing(float(plan.fps), plan.size)[passed]
                    picture = dissolved(
                        picture,
                        image_from_frame(frame_from_png(kept[passed])),
                        way,
                        centre,
                        plan.path.depth[-1] >= 0,
                    )
            frame = frame_from_image(resize(picture, plan.size))
            frames += 1
            assert last is not None
            yield Segment([self._timed(frame, frames - 1)], FedBackState(last, tuple(kept), frames))

    def _feedback(self) -> Feedback:
        plan = self.plan
        return Feedback(
            self.objective, plan.dream, plan.carry, plan.film, plan.path, float(plan.fps), plan.zoom.symmetry
        )

    def _first(self) -> np.ndarray:
        return first_picture(self.still, self.plan.detail_size, self.plan.dream.settings.seed)
