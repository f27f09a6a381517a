"""A task, opened: the network is loaded, the files are open, and pieces can be rendered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Protocol

from dreamvideo.clip import Place
from dreamvideo.errors import InputError, JobError, WeightsError
from dreamvideo.farm.shots import STILLS, Piece
from dreamvideo.farm.task import Task
from dreamvideo.film import DreamedClip
from dreamvideo.jobs.dream import open_aims
from dreamvideo.jobs.parts import PartStore
from dreamvideo.jobs.run import part_seconds
from dreamvideo.jobs.visualize import batch_of, keep_batch
from dreamvideo.jobs.zoom import open_zoom
from dreamvideo.nets import Network, load_network
from dreamvideo.progress import no_progress
from dreamvideo.settings import Recipe, VisualizeRecipe, VisualizeSettings
from dreamvideo.spans import Past
from dreamvideo.visualize import begin, draw, subjects_for
from dreamvideo.zoom.renders import FallRender, FallState

IsStopped = Callable[[], bool]


class Work(Protocol):
    """What a worker does with pieces."""

    def render(self, folder: Path, piece: Piece, is_stopped: IsStopped) -> Iterator[int]:
        """Render a piece into a job's folder; when stopped, what there is by then.

        Yields:
            How much of it is done, often.

        Raises:
            DreamVideoError: The clip cannot be read any more, the disk is full, ...
        """


@contextmanager
def open_work(task: Task, device: str) -> Iterator[Work]:
    """Open a task, with its network on `device`.

    Raises:
        DreamVideoError: Files or device are not here, or not the same.
    """
    name, digest = task.network
    network, recipe = load_network(name, task.weights, device), task.recipe
    if network.digest != digest:
        raise WeightsError(f"the weights of {name} on this machine are others than where the job began")
    if isinstance(recipe, VisualizeRecipe):
        yield SheetWork(network, recipe.visualize)
        return
    with ExitStack() as opened:
        if isinstance(recipe, Recipe):
            assert task.source is not None
            aims = opened.enter_context(open_aims(network, recipe, task.guide, task.mask))
            render = opened.enter_context(DreamedClip(task.source, aims[0], recipe, aims[1]))
            yield ClipWork(render, recipe.carry.split)
        else:
            zoom = open_zoom(task.source, network, recipe, task.guide, task.audio, no_progress)
            fall = opened.enter_context(zoom)
            assert isinstance(fall, FallRender)
            yield FallWork(fall)


class ClipWork:
    """Shots of a clip's dream."""

    def __init__(self, render: DreamedClip, split: int) -> None:
        self._render, self._split = render, split

    def render(self, folder: Path, piece: Piece, is_stopped: IsStopped) -> Iterator[int]:
        """See `Work`."""
        render, store = self._render, PartStore(folder, self._render.size)
        after = self._place(piece, store)
        number = after.frames
        if piece.begins_shot and piece.mark is not None:
            render.marks[number] = piece.mark
        kept, seconds = monotonic(), part_seconds()
        with store.open(piece.first) as part, closing(render.segments(after, piece.end)) as segments:
            for frames, state in segments:
                for frame, time in frames:
                    if number >= piece.first:  # else it only warms up
                        part.write(frame, time)
                    number += 1
                    yield part.end - piece.first
                is_due = part.end == piece.end or is_stopped() or monotonic() - kept >= seconds
                if is_due and part.end > part.first:
                    part.commit(state)
                    kept = monotonic()
                if is_stopped():
                    return
            if part.end < piece.end:
                raise InputError(f"a clip ends at frame {part.end} that had {piece.end} before: add --fresh")

    def _place(self, piece: Piece, store: PartStore) -> Place:
        """Where the dream of a piece begins, or goes on."""
        if piece.begins_shot:
            begun = piece.first - self._split if piece.warm else None
            return Place(Past(piece.first - piece.warm, begun))
        place = store.state(piece.first, Place)
        if place is None:
            raise JobError(f"what frame {piece.first} goes on from is gone: repeat the command")
        return place


class FallWork:
    """The stills of a fall, and stretches of frames that look into them."""

    def __init__(self, render: FallRender) -> None:
        self._render = render
        self._stills: FallState | None = None

    def render(self, folder: Path, piece: Piece, is_stopped: IsStopped) -> Iterator[int]:
        """See `Work`."""
        store = PartStore(folder, self._render.size)
        work = self._dream_stills if piece.kind == STILLS else self._look
        yield from work(store, piece, is_stopped)

    def _dream_stills(self, store: PartStore, piece: Piece, is_stopped: IsStopped) -> Iterator[int]:
        """One still after the other, each kept when it is there; then all are finished."""
        state = store.state(0, FallState)
        with store.open(0) as part, closing(self._render.segments(state)) as segments:
            while not is_stopped() and (state is None or not state.is_finished):
                state = next(segments).state
                part.commit(state)
                yield min(len(state.stills), len(piece))

    def _look(self, store: PartStore, piece: Piece, is_stopped: IsStopped) -> Iterator[int]:
        if self._stills is None:
            self._stills = store.any_state(FallState)
        if self._stills is None:
            raise JobError("the stills of the fall are gone: add --fresh to start over")
        begin = replace(self._stills, frames=piece.first)
        with store.open(piece.first) as part, closing(self._render.segments(begin)) as segments:
            for frames, state in segments:
                for frame, time in islice(frames, piece.end - part.end):
                    part.write(frame, time)
                    yield part.end - piece.first
                if part.end == piece.end or is_stopped():
                    part.commit(replace(state, frames=part.end))
                    return


class SheetWork:
    """Batches of pictures of what a network likes to see."""

    def __init__(self, network: Network, settings: VisualizeSettings) -> None:
        self._network, self._settings = network, settings
        self._subjects = subjects_for(network, settings)

    def render(self, folder: Path, piece: Piece, is_stopped: IsStopped) -> Iterator[int]:
        """See `Work`. A batch that is not finished is not kept."""
        batch = batch_of(self._subjects, piece.shot)
        for drawing in draw(self._network, batch, self._settings, begin(batch, self._settings)):
            if is_stopped():
                return
            yield drawing.step * len(batch)
        keep_batch(folder, piece.shot, drawing)
