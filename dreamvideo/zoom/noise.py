"""Something to dream on where there is no picture: noise as coarse as a landscape, on a plane without end."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

TILE = 512  # px of the noise, which repeats
COARSEST = 5  # of its largest clouds lie side by side on a tile
FALL = 1.4  # its amplitudes fall with so high a power of the frequency: a photograph's with 1
AROUND = 2  # tiles around the middle, where noise lies around it
TILES_PER_DOUBLING = AROUND * math.log(2) / (2 * math.pi)  # outwards: clouds as long as wide


@lru_cache(maxsize=2)
def _tile(seed: int) -> np.ndarray:
    """(TILE, TILE, 3), mean 0, deviation 1, without a seam."""
    white = np.random.default_rng(abs(seed)).standard_normal((TILE, TILE, 3))
    frequency = np.hypot(np.fft.fftfreq(TILE, 1 / TILE)[:, None], np.fft.rfftfreq(TILE, 1 / TILE)[None, :])
    strength = np.where(frequency < COARSEST, 0, np.maximum(frequency, 1) ** -FALL)
    spectrum = np.fft.rfft2(white, axes=(0, 1)) * strength[..., None]
    clouds = np.fft.irfft2(spectrum, s=(TILE, TILE), axes=(0, 1))
    return (clouds / clouds.std()).astype(np.float32)


def clouds(size: tuple[int, int], seed: int) -> np.ndarray:
    """Coloured clouds, the same at whatever size: float32 (H, W, 3), mean 0, deviation 1."""
    step = TILE / max(size)
    x, y = np.arange(size[0]) * step, np.arange(size[1])[:, None] * step
    return _sampled(seed, *np.broadcast_arrays(x, y))


def clouds_around(x: np.ndarray, y: np.ndarray, depth: float, seed: int) -> np.ndarray:
    """Coloured clouds around a point that a camera falls away from: they move with it, and get no larger.

    Args:
        x, y: places relative to the point, in any shape. depth: log2 of how much larger things have become.

    Returns:
        float32, that shape and 3 channels; mean 0, deviation 1.
    """
    outwards = (np.log2(np.maximum(np.hypot(x, y), 1e-6)) - depth) * TILES_PER_DOUBLING
    return _sampled(seed, np.arctan2(y, x) * (AROUND / (2 * math.pi)) * TILE, outwards * TILE)


def _sampled(seed: int, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The noise at some places of its plane, in px of the tile; linear between them."""
    tile = _tile(seed)
    left, top = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    across, down = ((place - begin)[..., None] for place, begin in ((x, left), (y, top)))
    rows = [
        tile[(top + below) % TILE, left % TILE] * (1 - across)
        + tile[(top + below) % TILE, (left + 1) % TILE] * across
        for below in (0, 1)
    ]
    return (rows[0] * (1 - down) + rows[1] * down).astype(np.float32)
