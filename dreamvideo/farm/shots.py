"""Where the shots of a clip begin, without dreaming it, and what of them is still to be rendered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np

from dreamvideo.film import ClipFilm, mark_of
from dreamvideo.images import resize
from dreamvideo.jobs.parts import PartStore
from dreamvideo.motion.cuts import CutDetector
from dreamvideo.motion.flow import FlowEstimator, flow_estimator
from dreamvideo.progress import Progress
from dreamvideo.settings import CarrySettings
from dreamvideo.spans import detail_size, explained_by, observe_motion


@dataclass(frozen=True)
class Piece:
    """Frames `first` to `end` - 1, all of shot number `shot`: what a worker renders in one go."""

    shot: int
    first: int
    end: int
    begins_shot: bool = True
    """Else it goes on behind a part, from the state that lies there."""
    mark: int | None = None
    """`film.mark_of` the shot's first frame."""

    def __len__(self) -> int:
        return self.end - self.first

    def __str__(self) -> str:
        return f"shot {self.shot} (frames {self.first} to {self.end - 1})"


@dataclass(frozen=True)
class Shots:
    """The shots of a clip: the frame with which each begins, how many there are, where it broke off."""

    begins: Sequence[int]
    frames: int
    broken_at: int | None = None
    marks: Sequence[int] = ()
    """`film.mark_of` the frames in `begins`."""

    def __iter__(self) -> Iterator[Piece]:
        for number, (first, end) in enumerate(pairwise((*self.begins, self.frames))):
            yield Piece(number, first, end, mark=self.marks[number] if self.marks else None)


def find_shots(film: ClipFilm, carry: CarrySettings, detail: int, progress: Progress) -> Shots:
    """The shots that a render of `film` at this `detail` (px) finds, to the frame.

    Flow is computed only where the picture changes so much that a cut is possible, so this is quick.

    Raises:
        InputError: The clip cannot be read.
    """
    estimate = flow_estimator(carry.flow)
    detector = CutDetector()
    begins, marks, before, index = [], [], None, -1
    for index, frame in enumerate(film.source_frames()):
        with film.stages.timed("look"):
            small = resize(frame, detail_size((frame.shape[1], frame.shape[0]), detail))
            is_cut = detector.is_cut(small, partial(_explained, before, small, estimate))
        if before is None or (is_cut and carry.cuts == "auto"):
            begins.append(index)
            marks.append(mark_of(frame))
        before = small
        progress(index + 1, film.frames)
    return Shots(begins, index + 1, film.broken_at, marks)


def _explained(before: np.ndarray | None, small: np.ndarray, estimate: FlowEstimator) -> float:
    return explained_by(None if before is None else observe_motion(before, small, estimate))


def missing(store: PartStore, shots: Shots) -> list[Piece]:
    """What is still to be rendered, in order: of each shot nothing, all, or what lies behind its last part.

    A part may cross cuts, where it was rendered by one process.
    """
    pieces, reached = [], 0
    for shot in shots:
        at = max(reached, shot.first)
        if chain := store.finished(at):
            at = chain[-1].end
        if shot.first < at < shot.end and not store.keeps_state(at):
            at = shot.first
        reached = max(reached, at)
        if at < shot.end:
            pieces.append(Piece(shot.shot, at, shot.end, at == shot.first, shot.mark))
    return pieces
