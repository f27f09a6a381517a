"""All that a worker must be told to render pieces of a clip's dream, and how it renders one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from dreamvideo.clip import Place
from dreamvideo.errors import InputError, WeightsError
from dreamvideo.farm.shots import Piece
from dreamvideo.film import DreamedClip
from dreamvideo.jobs.dream import open_aims
from dreamvideo.jobs.parts import PartStore
from dreamvideo.jobs.run import part_seconds
from dreamvideo.nets import load_network
from dreamvideo.recipe import Plain, WrittenRecipe, written_from_dict
from dreamvideo.settings import Recipe


@dataclass(frozen=True)
class Task:
    """A clip's dream, as it can be told to another process or machine; its files lie at the same paths there.

    Attributes:
        recipe: as it is used for the output.
        network: name and SHA-256 of the weights, which are in the file `weights` or where they usually are.
    """

    source: Path
    recipe: Recipe
    network: tuple[str, str]
    weights: Path | None = None
    guide: Path | None = None
    mask: Path | None = None

    def to_plain(self) -> Plain:
        paths = {"source": self.source, "weights": self.weights, "guide": self.guide, "mask": self.mask}
        told = {name: str(path.absolute()) for name, path in paths.items() if path is not None}
        return {"recipe": WrittenRecipe(self.recipe, self.network).to_dict(), **told}

    @classmethod
    def from_plain(cls, plain: Plain) -> Task:
        """Raises SettingsError if it is damaged."""
        written = written_from_dict(plain["recipe"])
        paths = {name: Path(plain[name]) for name in ("weights", "guide", "mask") if name in plain}
        assert written.network is not None
        return cls(Path(plain["source"]), written.settings, written.network, **paths)

    @contextmanager
    def open(self, device: str) -> Iterator[DreamedClip]:
        """The render, with its network on `device`.

        Raises:
            DreamVideoError: Files or device are not here, or not the same.
        """
        name, digest = self.network
        network = load_network(name, self.weights, device)
        if network.digest != digest:
            raise WeightsError(f"the weights of {name} on this machine are others than where the job began")
        with (
            open_aims(network, self.recipe, self.guide, self.mask) as (objective, where),
            DreamedClip(self.source, objective, self.recipe, where) as render,
        ):
            yield render


def render_piece(
    render: DreamedClip,
    store: PartStore,
    piece: Piece,
    tell: Callable[[int], None],
    is_stopped: Callable[[], bool],
) -> None:
    """Render a piece into parts of `store`; when stopped, what there is by then.

    Args:
        tell: called with how many of its frames are done.

    Raises:
        DreamVideoError: The clip cannot be read any more, the disk is full, ...
    """
    after = Place(piece.first) if piece.begins_shot else store.state(piece.first, Place)
    if piece.begins_shot and piece.mark is not None:
        render.marks[piece.first] = piece.mark
    kept, seconds = monotonic(), part_seconds()
    with store.open(piece.first) as part, closing(render.segments(after, piece.end)) as segments:
        for frames, state in segments:
            for frame, time in frames:
                part.write(frame, time)
                tell(part.end - piece.first)
            if part.end == piece.end or is_stopped() or monotonic() - kept >= seconds:
                part.commit(state)
                kept = monotonic()
            if is_stopped():
                return
        if part.end < piece.end:
            raise InputError(f"a clip ends at frame {part.end} that had {piece.end} before: add --fresh")
