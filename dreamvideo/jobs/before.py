"""Before a long render: what it will take, told from a few frames, and a small fast version of it."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

from dreamvideo.errors import UsageError
from dreamvideo.images import fit_long_side
from dreamvideo.media.lossless import SHARE_OF_RAW
from dreamvideo.media.stills import kind_of_input, open_clip
from dreamvideo.memory import peak_memory
from dreamvideo.progress import Progress, no_progress
from dreamvideo.settings import Recipe

if TYPE_CHECKING:
    from dreamvideo.film import Report

SHORTEST_SHOTS = 2.0  # seconds: on the whole, few films are cut faster
CALMER, WILDER = 0.5, 2.0  # how much less, or more, the rest may take than what was looked at tells

PREVIEW_DETAIL = 256  # px, the long side that a preview is dreamed at
PREVIEW_SIDE = 480  # px, its own long side
PREVIEW_CADENCE = 12


class Render(Protocol):
    """`jobs.dream.dream_file` for one source, network, guide and mask."""

    def __call__(self, target: Path, recipe: Recipe, progress: Progress) -> Report: ...


@dataclass(frozen=True)
class Estimate:
    """What a whole render will take.

    Attributes:
        frames: of the whole. sampled: how many of them were rendered to tell the rest.
        seconds: the least and the most it may take.
        output: bytes of the film. parts: bytes kept beside it until it is complete.
        memory: bytes, the peak of this process; None where that is not known (Windows).
    """

    frames: int
    sampled: int
    seconds: tuple[float, float]
    output: int
    parts: int
    memory: int | None


def estimate(
    source: Path, target: str | Path, recipe: Recipe, render: Render, progress: Progress = no_progress
) -> Estimate:
    """Render a shot's first frame and the next two keys, with what lies between them: three dreamed frames.

    Raises:
        UsageError: the source is a still. InputError: it cannot be read.
    """
    if kind_of_input(source) == "still":
        raise UsageError("--estimate is for clips: a still takes no longer than it takes to ask")
    film, times = recipe.film, [perf_counter()]
    with open_clip(source, start=film.start, end=film.end, fps=film.fps, frames=film.frames) as reader:
        frames, fps, size = reader.frames, reader.fps, film.size or reader.size

    def watch(done: int, expected: int | None, picture: Any = None) -> None:
        if done == len(times):
            times.append(perf_counter())
        progress(done, expected, picture)

    sample = replace(film, frames=min(frames, 1 + 2 * recipe.carry.cadence))
    with tempfile.TemporaryDirectory(prefix="dreamvideo-") as folder:
        few = Path(folder) / f"few{Path(target).suffix}"
        report = render(few, replace(recipe, film=sample), watch)
        output = sum(file.stat().st_size for file in [few, *few.rglob("*")] if file.is_file())
    return Estimate(
        frames,
        report.frames,
        _whole_time(frames, fps, times[1] - times[0], report),
        round(output * frames / report.frames),
        round(frames * size[0] * size[1] * 3 * SHARE_OF_RAW),
        peak_memory(),
    )


def _whole_time(frames: int, fps: Fraction, first: float, report: Report) -> tuple[float, float]:
    """first: seconds until the first frame was done, with all that is done once."""
    each = max(0.0, report.seconds - first) / max(1, report.frames - 1)
    most_shots = 1 + frames / float(fps) / SHORTEST_SHOTS
    return first + CALMER * each * (frames - 1), most_shots * first + WILDER * each * (frames - 1)


@dataclass(frozen=True)
class Foretold:
    """What a preview says of the whole film.

    Attributes:
        larger: how many times as large its patterns are, beside the picture.
        seconds: the least and the most that the whole may take.
    """

    larger: float
    seconds: tuple[float, float]


def foretell(source: Path, recipe: Recipe, preview: Report) -> Foretold:
    """What the preview of a recipe says of the whole: the same clip, smaller, with fewer keys."""
    with open_clip(source, start=recipe.film.start, frames=1) as reader:
        side = max(reader.size)
    larger = min(side, recipe.film.detail) / min(side, PREVIEW_DETAIL, recipe.film.detail)
    all_at_once = preview.seconds * preview.frames / max(1, preview.frames - preview.resumed_at)
    seconds = all_at_once * larger**2
    return Foretold(larger, (seconds * CALMER, seconds * WILDER))


def preview_target(target: str | Path) -> Path:
    """`dream.mp4` -> `dream-preview.mp4`: a preview never takes the film's own name."""
    path = Path(target)
    return path.with_name(f"{path.stem}-preview{path.suffix}")


def preview_recipe(source: Path, recipe: Recipe) -> Recipe:
    """The recipe made small and fast. Its patterns are larger beside the picture, its motion coarser."""
    film = recipe.film
    size = film.size
    if size is None:
        with open_clip(source, start=film.start, frames=1) as reader:
            size = reader.size
    if max(size) > PREVIEW_SIDE:
        size = fit_long_side(size, PREVIEW_SIDE)
    return replace(
        recipe,
        carry=replace(recipe.carry, cadence=max(PREVIEW_CADENCE, recipe.carry.cadence)),
        film=replace(film, detail=min(PREVIEW_DETAIL, film.detail), size=size),
    )
