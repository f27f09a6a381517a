"""The job of `dreamvideo visualize`: a sheet of pictures, batch by batch, or a film of how they grow."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np

from dreamvideo.errors import EncodeError, UsageError
from dreamvideo.excitement import Subject
from dreamvideo.film import Report
from dreamvideo.images import sheet
from dreamvideo.jobs.folder import JobFolder
from dreamvideo.jobs.inputs import Inputs
from dreamvideo.jobs.parts import UNFINISHED
from dreamvideo.jobs.run import Order, run_job
from dreamvideo.jobs.state import load_state, save_state
from dreamvideo.jobs.stop import StopRequest
from dreamvideo.media.comments import picture_bytes
from dreamvideo.media.durable import replace_durably
from dreamvideo.media.outputs import check_output, kind_of_output
from dreamvideo.media.sound import AudioSource
from dreamvideo.nets import Network
from dreamvideo.progress import Progress, no_progress
from dreamvideo.recipe import WrittenRecipe
from dreamvideo.render import Segment
from dreamvideo.settings import VisualizeRecipe, VisualizeSettings
from dreamvideo.stages import Stages
from dreamvideo.visualize import Drawing, begin, draw, frames_of, subjects_for

BATCH = 16  # pictures drawn at once; what a kill may cost
MOST_LABELLESS = 16  # pictures on a sheet that needs no labels
MOST_GROWING = 64  # pictures of a film: they are all drawn at once
HELD_SECONDS = 1  # that a film stays on the finished pictures


@dataclass
class Batch:
    """Finished pictures of a sheet, (B, H, W, 3) uint8."""

    pictures: np.ndarray


def visualize_file(
    target: str | Path,
    network: Network,
    settings: VisualizeSettings,
    *,
    overwrite: bool = False,
    fresh: bool = False,
    keep_job: bool = False,
    tell: bool = True,
    progress: Progress = no_progress,
) -> Report:
    """Draw what the settings ask for into `target`: a still, or a film of its growth with a frame a step.

    What an earlier run of the same left unfinished is gone on with; the output appears when it is complete.

    Args:
        fresh: start over. keep_job: leave the job's folder when the output is complete.
        tell: write the recipe into the output.

    Raises:
        DreamVideoError: anything that a user can do something about.
        KeyboardInterrupt: the same call goes on.
    """
    check_output(target, overwrite=overwrite)
    subjects = subjects_for(network, settings)
    begun = perf_counter()
    written = WrittenRecipe(VisualizeRecipe(settings), (network.name, network.digest))
    is_still = kind_of_output(target, from_still=True) == "still"
    if not is_still and len(subjects) > MOST_GROWING:
        raise UsageError(f"a film shows at most {MOST_GROWING} pictures, not {len(subjects)}: make a still")
    with JobFolder(target, fresh=fresh) as job:
        if is_still:
            report = draw_sheet(job, Path(target), network, subjects, written, tell, progress)
            if not keep_job:
                job.remove()
        else:
            growth = Growth(network, subjects, settings)
            order = Order(target, written, Inputs({}), settings.crf, keep_job, tell=tell)
            report = run_job(job, growth, order, progress)
    report.seconds = perf_counter() - begun
    return report


def batch_of(subjects: Sequence[Subject], number: int) -> Sequence[Subject]:
    """What is drawn together, as batch `number`."""
    return subjects[number * BATCH : (number + 1) * BATCH]


def batch_path(folder: Path, number: int) -> Path:
    """Where a finished batch lies in a job's folder."""
    return folder / "states" / f"{number:08}.npz"


def keep_batch(folder: Path, number: int, drawing: Drawing) -> list[np.ndarray]:
    """Put a finished batch into a job's folder. Returns its pictures, uint8 RGB (H, W, 3)."""
    pictures, path = frames_of(drawing), batch_path(folder, number)
    path.parent.mkdir(exist_ok=True)
    save_state(Batch(np.stack(pictures)), path)
    return pictures


def draw_sheet(
    job: JobFolder,
    target: Path,
    network: Network,
    subjects: Sequence[Subject],
    written: WrittenRecipe,
    tell: bool,
    progress: Progress,
) -> Report:
    """Draw what of a sheet is not there yet, and write it."""
    settings: VisualizeSettings = written.settings.visualize
    if job.is_begun:
        job.check(written.to_dict())
    expected = len(subjects) * settings.steps
    pictures: list[np.ndarray] = []
    with StopRequest() as stop:
        for number, first in enumerate(range(0, len(subjects), BATCH)):
            batch, path = batch_of(subjects, number), batch_path(job.path, number)
            progress(first * settings.steps, expected, sheet(pictures) if pictures else None)
            if job.is_begun and path.exists():
                pictures.extend(load_state(path, Batch).pictures)
                continue
            noise = begin(batch, settings)
            for drawing in draw(network, batch, settings, noise):
                progress(first * settings.steps + drawing.step * len(batch), expected)
                if stop.is_made:
                    raise KeyboardInterrupt
            if not job.is_begun and len(subjects) > BATCH:
                job.describe(written.to_dict(), expected)
            pictures += keep_batch(job.path, number, drawing)
    labels = [subject.label for subject in subjects] if len(subjects) > MOST_LABELLESS else None
    whole = sheet(pictures, labels)
    _write(job, target, picture_bytes(target, whole, written.to_toml() if tell else ""))
    progress(expected, expected, whole)
    return Report(target, len(pictures), None, (whole.shape[1], whole.shape[0]))


def _write(job: JobFolder, target: Path, data: bytes) -> None:
    """The sheet, by way of the job's folder: a kill leaves nothing beside it."""
    part = job.path / f"{UNFINISHED}sheet{target.suffix}"
    try:
        part.write_bytes(data)
        replace_durably(part, target)
    except OSError as error:
        raise EncodeError(f"cannot write {target}: {error.strerror}") from error


class Growth:
    """Pictures growing out of noise, a frame a step; a `render.Render`."""

    state_kind = Drawing
    is_variable = False
    sound: AudioSource | None = None
    broken_at: int | None = None

    def __init__(self, network: Network, subjects: Sequence[Subject], settings: VisualizeSettings) -> None:
        self.stages = Stages()
        self.fps = settings.fps
        self.frames = settings.steps + round(HELD_SECONDS * self.fps)
        self.duration = self.frames / self.fps
        self._network, self._subjects, self._settings = network, subjects, settings
        empty = np.zeros((settings.size, settings.size, 3), np.uint8)
        height, width = sheet([empty] * len(subjects)).shape[:2]
        self.size: tuple[int, int] = width, height

    def segments(self, after: Drawing | None) -> Generator[Segment, None, None]:
        """See `render.Render`."""
        drawing = after or begin(self._subjects, self._settings)
        steps = draw(self._network, self._subjects, self._settings, drawing)
        while True:
            with self.stages.timed("draw"):
                newest = next(steps, None)
            if newest is None:
                break
            drawing = newest
            yield Segment([(sheet(frames_of(drawing)), (drawing.step - 1) / self.fps)], drawing)
        last = sheet(frames_of(drawing))
        held = range(self._settings.steps, self.frames)
        yield Segment(((last, number / self.fps) for number in held), drawing)
