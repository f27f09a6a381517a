"""A dreamed clip as a render: frames from a file, dreamed, at the size of the film. And one dreamed still."""

from __future__ import annotations

import zlib
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from itertools import chain, count, islice
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, TypeVar

import numpy as np

from dreamvideo.clip import DreamedSpan, Place, add_residual, dream_residuals, dream_spans
from dreamvideo.course import course_of, uses_sound
from dreamvideo.errors import InputError
from dreamvideo.images import read_still
from dreamvideo.media.beside import Beside
from dreamvideo.media.comments import write_picture
from dreamvideo.media.gif import gif_rate_for
from dreamvideo.media.hearing import hear, read_sound
from dreamvideo.media.platforms import limits_for
from dreamvideo.media.reader import TimedFrame
from dreamvideo.media.sound import AudioSource
from dreamvideo.media.stills import kind_of_input, open_clip
from dreamvideo.objectives import Objective
from dreamvideo.prefetch import map_ahead
from dreamvideo.render import Segment
from dreamvideo.schedule import FilmClock
from dreamvideo.settings import FilmSettings, Recipe
from dreamvideo.stages import Stages

Clip = TypeVar("Clip", bound="ClipFilm")


@dataclass
class Report:
    """What came of a render.

    Attributes:
        frames: how many were written. fps: of the output; None for a still.
        seconds: wall time. stages: seconds by stage; they overlap, so they may add up to more.
        broken_at: the frame at which the input broke off, else None.
        resumed_at: how many frames an earlier run had finished.
    """

    output: Path
    frames: int = 0
    fps: Fraction | None = None
    size: tuple[int, int] = (0, 0)
    seconds: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)
    broken_at: int | None = None
    resumed_at: int = 0


class ClipFilm:
    """What a film has of its clip: all but the dream.

    Raises:
        InputError: The clip cannot be read.
    """

    def __init__(self, source: Path, film: FilmSettings) -> None:
        self.stages = Stages()
        self._film = film
        self._reader = open_clip(source, start=film.start, end=film.end, fps=film.fps, frames=film.frames)
        self.size: tuple[int, int] = film.size or self._reader.size

    def __enter__(self: Clip) -> Clip:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reader.close()

    @property
    def fps(self) -> Fraction:
        return self._reader.fps

    @property
    def is_variable(self) -> bool:
        return self._reader.is_variable

    @property
    def frames(self) -> int:
        return self._reader.frames

    @property
    def duration(self) -> Fraction:
        return self._reader.duration

    @property
    def sound(self) -> AudioSource | None:
        return self._reader.sound if self._film.audio else None

    @property
    def broken_at(self) -> int | None:
        return self._reader.broken_at

    def clock(self, seed: int, hears: bool, sound: AudioSource | None = None) -> FilmClock:
        """What schedules may ask of this film.

        Args:
            hears: they follow a sound: this one, else the clip's own.

        Raises:
            InputError: the sound cannot be decoded.
        """
        sound = sound or self._reader.sound
        heard = hear(read_sound(sound), self.frames, self.fps) if hears and sound is not None else None
        return FilmClock(self.frames, self.fps, seed, heard)

    def source_frames(self) -> Iterator[np.ndarray]:
        """The clip's own frames, uint8 RGB (H, W, 3)."""
        return (timed.frame for timed in self._reader)


class Way(NamedTuple):
    """How a frame of a span leaves: its place there, the settings of the film at it, and its mask."""

    place: int
    film: FilmSettings
    mask: np.ndarray | None


class DreamedClip(ClipFilm):
    """The dream of a clip or of a folder of stills; a `render.Render`.

    Args:
        mask: The dream is where it is white.
        sound: What schedules follow; None: the clip's own.

    Raises:
        InputError: The clip cannot be read, or is longer than the mask.
        SettingsError: A schedule has no value, or leaves its range.
    """

    state_kind = Place

    def __init__(
        self,
        source: Path,
        objective: Objective,
        recipe: Recipe,
        mask: Beside | None = None,
        sound: AudioSource | None = None,
    ) -> None:
        super().__init__(source, recipe.film)
        follows = uses_sound(recipe.dream, recipe.carry, recipe.film)
        clock = self.clock(recipe.dream.seed, follows, sound)
        self._dream, self._carry = course_of(recipe.dream, clock), course_of(recipe.carry, clock)
        self._added = course_of(recipe.film, clock)
        self._objective, self._mask = objective.scheduled(self._dream.curves), mask
        self.marks: dict[int, int] = {}
        """`mark_of` some frames of the clip: these are sought, and found again by it."""
        if mask is not None and mask.expected is not None and mask.expected < self.frames:
            raise InputError(
                f"{mask.path} has only {mask.expected} frames, {source} has {self.frames}: "
                "a mask must be as long as the clip, or a picture"
            )

    def segments(self, after: Place | None, until: int | None = None) -> Generator[Segment, None, None]:
        """See `render.Render`. What lies before `after` is decoded and dropped, which is exact in any clip,
        unless `marks` prove that seeking found the place.

        Args:
            until: end before this frame, with which a shot begins, and until which none does; None: with the
                clip.
        """
        times: list[Fraction] = []
        begin = after.frames if after else 0
        wanted = None if until is None else until - begin
        decoded, numbers = islice(self._decoded(begin, times), wanted), count(begin)
        is_one_shot = until is not None  # in a dissolve the cut detector would not know what came before
        courses = self._dream, self._carry
        spans = dream_spans(
            decoded, self._objective, *courses, self._film.detail, self.stages, after, is_one_shot
        )
        with closing(spans):
            for span in spans:
                with closing(map_ahead(partial(self._finish, span), self._ways(span, numbers))) as finished:
                    yield Segment(((frame, times.pop(0)) for frame in finished), span.place)

    def _ways(self, span: DreamedSpan, numbers: Iterator[int]) -> Iterator[Way]:
        for place in range(len(span.frames)):
            number = next(numbers)
            mask = None if self._mask is None else self._mask.at(number)
            yield Way(place, self._added.at(number), mask)

    def _finish(self, span: DreamedSpan, way: Way) -> np.ndarray:
        """A frame as it leaves."""
        residual = span.residual(way.place)
        with self.stages.timed("add"):
            return add_residual(span.frames[way.place], residual, way.film, way.mask)

    def _decoded(self, skipped: int, times: list[Fraction]) -> Iterator[np.ndarray]:
        """The reader's frames; their times are put into `times`, to be taken out when they are written."""
        frames = self._frames_from(skipped)
        while True:
            with self.stages.timed("decode"):
                timed = next(frames, None)
            if timed is None:
                return
            times.append(timed.time)
            yield timed.frame

    def _frames_from(self, number: int) -> Iterator[TimedFrame]:
        mark = self.marks.get(number)
        if mark is not None:
            frames = self._reader.since(number)
            if (first := next(frames, None)) is not None and mark_of(first.frame) == mark:
                return chain([first], frames)
        return islice(iter(self._reader), number, None)


def mark_of(frame: np.ndarray) -> int:
    """A number by which a frame is known again: two frames of a clip hardly ever share one."""
    return zlib.crc32(np.ascontiguousarray(frame).data)


def film_for(target: str | Path, source: Path, film: FilmSettings) -> FilmSettings:
    """The settings as they are used for `target`: a GIF only knows some rates, a platform has limits.

    Raises:
        UsageError: The platform takes nothing like it.
    """
    if Path(target).suffix.lower() == ".gif":
        film = replace(film, fps=gif_rate_for(source, film.fps))
    limits = limits_for(target, film.platform)
    if limits is None or kind_of_input(source) == "still":
        return film
    with open_clip(source, start=film.start, end=film.end, fps=film.fps, frames=film.frames) as reader:
        rate, size = limits.shaped(target, film.size or reader.size, reader.fps, float(reader.duration))
    return replace(film, size=size, fps=rate)


def dream_still(
    source: Path,
    target: Path,
    objective: Objective,
    recipe: Recipe,
    mask: Beside | None = None,
    comment: str = "",
) -> tuple[np.ndarray, Stages]:
    """Dream the still `source` into `target`, with a `comment` in it unless that is empty.

    Returns what was written, and where the time went.
    """
    stages = Stages()
    pairs = dream_residuals(
        iter([read_still(source)]), objective, recipe.dream, recipe.carry, recipe.film.detail, stages
    )
    ((frame, residual),) = pairs
    dreamed = add_residual(frame, residual, recipe.film, None if mask is None else mask.at(0))
    write_picture(target, dreamed, comment)
    return dreamed, stages
