"""Where the shots of a clip begin, without dreaming it, and what of them is still to be rendered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import numpy as np

from dreamvideo.film import ClipFilm, mark_of
from dreamvideo.images import resize
from dreamvideo.jobs.parts import PartStore
from dreamvideo.motion.cuts import CutDetector
from dreamvideo.motion.flow import FlowEstimator, flow_estimator
from dreamvideo.progress import Progress
from dreamvideo.seams import hands_over, opens
from dreamvideo.settings import DISSOLVE, CarrySettings
from dreamvideo.spans import detail_size, explained_by, observe_motion

SHOT, STILLS, STRETCH, BATCH = "shot", "stills", "stretch", "batch"  # kinds of pieces


@dataclass(frozen=True)
class Piece:
    """Frames `first` to `end` - 1, all of shot number `shot`: what a worker renders in one go.

    Of other things than clips: all of number `shot` of the `kind`, with a length that tells how much it is.
    """

    shot: int
    first: int
    end: int
    begins_shot: bool = True
    """Else it goes on behind a part, from the state that lies there."""
    mark: int | None = None
    """`film.mark_of` the first frame that is dreamed."""
    warm: int = 0
    """Frames before `first` that are dreamed and thrown away: it begins behind a seam (see `seams`)."""
    kind: str = SHOT
    """What it is called: a shot of a clip; the stills or a stretch of a fall; a batch of pictures."""

    def __len__(self) -> int:
        return self.end - self.first

    def __str__(self) -> str:
        frames = f" (frames {self.first} to {self.end - 1})" if self.kind in (SHOT, STRETCH) else ""
        return f"{self.kind} {self.shot}{frames}"


@dataclass(frozen=True)
class Shots:
    """The shots of a clip: the frame with which each begins, how many there are, where it broke off.

    What lies between the seams of a long shot counts as a shot here.
    """

    begins: Sequence[int]
    frames: int
    broken_at: int | None = None
    marks: Sequence[int] = ()
    """`film.mark_of` the first frame that each is dreamed from."""
    warm: Sequence[int] = ()
    """How many frames before its first one each is dreamed from."""
    kind: str = SHOT

    def __iter__(self) -> Iterator[Piece]:
        nothing = [None] * len(self.begins)
        told = zip(self.marks or nothing, self.warm or [0] * len(nothing), strict=True)
        for number, (first, end) in enumerate(pairwise((*self.begins, self.frames))):
            mark, warm = next(told)
            yield Piece(number, first, end, True, mark, warm, self.kind)


def find_shots(film: ClipFilm, carry: CarrySettings, detail: int, progress: Progress) -> Shots:
    """The shots that a render of `film` at this `detail` (px) finds, to the frame.

    Flow is computed only where the picture changes so much that a cut is possible, so this is quick.

    Raises:
        InputError: The clip cannot be read.
    """
    estimate = flow_estimator(carry.flow)
    detector = CutDetector()
    found: list[tuple[int, int, int]] = []  # where one begins, its mark, what it is warmed up with
    before, index, begun, mark = None, -1, 0, 0
    for index, frame in enumerate(film.source_frames()):
        with film.stages.timed("look"):
            small = resize(frame, detail_size((frame.shape[1], frame.shape[0]), detail))
            is_cut = detector.is_cut(small, partial(_explained, before, small, estimate))
        if before is None or (is_cut and carry.cuts == "auto"):
            begun = index
            found.append((index, mark_of(frame), 0))
        elif opens(index - begun, carry.split):
            mark = mark_of(frame)
        elif hands_over(index - begun, carry.split):
            found.append((index, mark, DISSOLVE))
        before = small
        progress(index + 1, film.frames)
    begins, marks, warm = zip(*found, strict=True)
    return Shots(begins, index + 1, film.broken_at, marks, warm)


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
            pieces.append(replace(shot, first=at, begins_shot=at == shot.first))
    return pieces
