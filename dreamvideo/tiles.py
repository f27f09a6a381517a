"""What a network makes of a large image, tile by tile: memory depends on the tile, not on the image.

Where something is asked of every pixel, every tile is seen with what surrounds it (`CONTEXT`), so that there
are no seams: a pixel's gradient comes from activations around it, and those from pixels around them. Tiles
begin where the poolings of a network do.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import product

import torch
from torch import Tensor

Local = Callable[[Tensor], Tensor]
Mean = Callable[[Tensor], Tensor]

log = logging.getLogger("dreamvideo")

LARGEST = 1216  # px, side of a tile with its context; VGG16's activations on one take 1.8 GB
SMALLEST = 448  # px; smaller ones are nearly all context
GRID = 32  # px, after which the poolings of a network repeat; all the sizes here are multiples of it
CONTEXT = 128  # px; conv4_3 of VGG16 looks 46 px far


def local_in_tiles(local: Local, image: Tensor, side: int = LARGEST) -> Tensor:
    """Something of every pixel, like the gradient of a sum over all places, of an image of any size.

    Where a GPU runs out of memory it is tried again with smaller tiles.

    Args:
        local: (1, 3, h, w) -> (1, C, h, w), each pixel by what is near it.
        image: (1, 3, H, W).
        side: px, of the largest tiles.

    Raises:
        torch.OutOfMemoryError: even the smallest tile is too large.
    """
    return _fitting(partial(_local, local, image), side)


def mean_in_tiles(mean: Mean, image: Tensor, side: int = LARGEST) -> Tensor:
    """A mean over the places of an image of any size; in tiles, each of which sees nothing beyond its border.

    Where a GPU runs out of memory it is tried again with smaller tiles.

    Args:
        mean: over the places of a picture, (1, 3, h, w) -> (1,).
        image: (1, 3, H, W).
        side: px, of the largest tiles.

    Raises:
        torch.OutOfMemoryError: even the smallest tile is too large.
    """
    return _fitting(partial(_mean, mean, image), side)


def _fitting(attempt: Callable[[int], Tensor], side: int) -> Tensor:
    """An attempt with tiles of at most `side` px, or with the next smaller ones for which there is memory."""
    while True:
        try:
            return attempt(side)
        except torch.OutOfMemoryError:
            if side == SMALLEST:
                raise
            side = max(SMALLEST, side // 2 // GRID * GRID)
            _tell_once(side)


def _mean(mean: Mean, image: Tensor, side: int) -> Tensor:
    height, width = image.shape[2:]
    if max(height, width) <= side:
        return mean(image)
    sums = [
        mean(image[:, :, rows.kept, columns.kept]) * (rows.length * columns.length)
        for rows, columns in product(tiles(height, side), tiles(width, side))
    ]
    return sum(sums[1:], sums[0]) / (height * width)


def _local(local: Local, image: Tensor, side: int) -> Tensor:
    height, width = image.shape[2:]
    if max(height, width) <= side:
        return local(image)
    whole: Tensor | None = None
    for rows, columns in product(tiles(height, side), tiles(width, side)):
        part = local(image[:, :, rows.seen, columns.seen])
        if whole is None:
            whole = torch.empty_like(image[:, : part.shape[1]])
        whole[:, :, rows.kept, columns.kept] = part[:, :, rows.kept_of_seen, columns.kept_of_seen]
    assert whole is not None
    return whole


@dataclass(frozen=True)
class Stretch:
    """A tile along one side of an image: what of the image it sees, and what of that it is kept for."""

    seen: slice
    kept: slice

    @property
    def length(self) -> int:
        """Px that are kept."""
        return self.kept.stop - self.kept.start

    @property
    def kept_of_seen(self) -> slice:
        return slice(self.kept.start - self.seen.start, self.kept.stop - self.seen.start)


def tiles(length: int, side: int) -> Iterator[Stretch]:
    """The tiles of at most `side` px along a side of an image of `length` px."""
    step = side - 2 * CONTEXT
    for start in range(0, length, step):
        stop = min(length, start + step)
        yield Stretch(slice(max(0, start - CONTEXT), min(length, stop + CONTEXT)), slice(start, stop))


@lru_cache(maxsize=8)
def _tell_once(side: int) -> None:
    log.warning("not enough memory on this device: going on in tiles of %d px", side)
