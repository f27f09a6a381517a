"""The colours of a GIF: a histogram that every frame adds to, then k-means over it.

The histogram is weighted by a power of its counts below one, so that a small red balloon in a wide sky gets
colours of its own: with plain counts it would be drawn in four. The last rounds count plainly: they give no
colour away, but move each to where most of its pixels are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import cv2
import numpy as np

COUNT_POWER = 0.6  # 1 counts pixels alike, 0 counts colours alike
FEW_COLOURS = 256  # of a whole scene: then they are kept as they are
MAX_COLOURS = 40_000  # that a palette is chosen from; where there are more, near ones are taken together
ROUNDS = 12  # of k-means; later ones move no colour by more than a grey level
PLAIN_ROUNDS = 4  # that follow, with plain counts
CHUNK = 1 << 15  # colours compared with all of a palette at once

SCENE_BITS = 3  # of each channel, in the histograms by which scenes are told apart
SCENE_CHANGE = 0.3  # share of pixels whose rough colour must have changed,
SCENE_STEP = 16.0  # and grey levels by which the thumbnail must have changed
THUMBNAIL = (16, 16)


class Scene(NamedTuple):
    """Frames that share a palette."""

    first: int
    """Number of its first frame."""
    palette: np.ndarray
    """(n, 3) uint8."""
    is_exact: bool
    """The palette has every colour of every frame."""


class Histogram:
    """How often each colour occurs; of a drawing, the colours themselves."""

    def __init__(self) -> None:
        self._counts = np.zeros(1 << 24, np.uint32)  # enough for 4000 frames of 1280x720 in one colour
        self._exact: np.ndarray | None = np.zeros(0, np.int32)
        """The colours as 0xRRGGBB, as long as they are few."""

    def add(self, frame: np.ndarray) -> None:
        """Count the pixels of a frame."""
        np.add.at(self._counts, codes_of(frame).ravel(), np.uint32(1))
        if self._exact is not None:
            self._exact = np.union1d(self._exact, codes_of(frame))
            if len(self._exact) > FEW_COLOURS:
                self._exact = None

    def exact(self) -> np.ndarray | None:
        """All colours (n, 3) uint8, where they are few enough for one palette; else None."""
        if self._exact is None:
            return None
        return colours_of(self._exact).astype(np.uint8)

    def colours(self) -> tuple[np.ndarray, np.ndarray]:
        """The colours that occur (N, 3) and how often (N,), both float32, N at most `MAX_COLOURS`."""
        codes = np.flatnonzero(self._counts)
        counts: np.ndarray = self._counts[codes].astype(np.float64)
        colours = colours_of(codes)
        for bits in range(7, 0, -1):
            if len(counts) <= MAX_COLOURS:
                break
            group = np.unique(_cells(colours.astype(np.uint8), bits), return_inverse=True)[1]
            mass = np.bincount(group, counts)
            colours = np.stack([np.bincount(group, counts * part) for part in colours.T], 1) / mass[:, None]
            counts = mass
        return colours.astype(np.float32), counts.astype(np.float32)


def choose_palette(histogram: Histogram, size: int) -> np.ndarray:
    """The `size` colours that come nearest to those of a histogram, fewer if it has fewer: (n, 3) uint8.

    k-means in RGB (what PSNR counts), begun with a median cut: no chance is in it.
    """
    exact = histogram.exact()
    if exact is not None and len(exact) <= size:
        return exact
    colours, counts = histogram.colours()
    smoothed = counts**COUNT_POWER
    centres = _median_cut(colours, smoothed, size)
    for weights in [smoothed] * ROUNDS + [counts] * PLAIN_ROUNDS:
        nearest = nearest_colours(colours, centres)
        mass = np.bincount(nearest, weights, len(centres))
        sums = np.stack([np.bincount(nearest, weights * part, len(centres)) for part in colours.T], 1)
        kept = mass > 0
        centres[kept] = (sums[kept] / mass[kept, None]).astype(np.float32)
    return np.unique(np.rint(centres).astype(np.uint8), axis=0)


def nearest_colours(colours: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """For each colour (N, 3) the index of the nearest in a palette (n, 3)."""
    palette = palette.astype(np.float32)
    squares = (palette**2).sum(1)
    parts = (colours[start : start + CHUNK] for start in range(0, len(colours), CHUNK))
    return np.concatenate([np.argmin(squares - 2 * (part @ palette.T), 1) for part in parts])


def codes_of(frame: np.ndarray) -> np.ndarray:
    """Each pixel's colour as 0xRRGGBB, int32 (H, W)."""
    return _cells(frame, 8)


def colours_of(codes: np.ndarray) -> np.ndarray:
    """The inverse of `codes_of`: (N,) -> (N, 3) float32."""
    return np.stack([codes >> shift & 0xFF for shift in (16, 8, 0)], 1).astype(np.float32)


def scene_palettes(frames: Iterable[np.ndarray], size: int) -> Iterator[Scene]:
    """The scenes, each with at most `size` colours; one begins where the colours change at once."""
    histogram, first, last = Histogram(), 0, None
    for number, frame in enumerate(frames):
        look = _rough_look(frame)
        if last is not None and _is_cut(last, look):
            yield _scene(first, histogram, size)
            histogram, first = Histogram(), number
        histogram.add(frame)
        last = look
    if last is not None:
        yield _scene(first, histogram, size)


def _scene(first: int, histogram: Histogram, size: int) -> Scene:
    palette, exact = choose_palette(histogram, size), histogram.exact()
    return Scene(first, palette, exact is not None and len(exact) <= size)


def _rough_look(frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share of the pixels by rough colour, and a thumbnail."""
    cells = _cells(frame, SCENE_BITS)
    shares = np.bincount(cells.ravel(), minlength=1 << 3 * SCENE_BITS) / cells.size
    return shares, cv2.resize(frame, THUMBNAIL, interpolation=cv2.INTER_AREA).astype(np.float32)


def _is_cut(before: tuple[np.ndarray, np.ndarray], after: tuple[np.ndarray, np.ndarray]) -> bool:
    """Both must change: a fade crosses the borders of rough colours, and a quick move changes thumbnails."""
    shares, picture = (one - other for one, other in zip(before, after, strict=True))
    return bool(np.abs(shares).sum() / 2 > SCENE_CHANGE and np.abs(picture).mean() > SCENE_STEP)


def _cells(colours: np.ndarray, bits: int) -> np.ndarray:
    """The highest `bits` of red, green and blue (..., 3) uint8 as one number, int32 (...)."""
    parts = (colours >> (8 - bits)).astype(np.int32)
    return (parts[..., 0] << 2 * bits) | (parts[..., 1] << bits) | parts[..., 2]


def _median_cut(colours: np.ndarray, weights: np.ndarray, size: int) -> np.ndarray:
    """From one box of all colours: the one that varies most is halved, by weight, until there are `size`."""
    boxes = [np.arange(len(colours))]
    spread = [_spread(colours, weights, boxes[0])]
    while len(boxes) < size:
        widest = max(range(len(boxes)), key=lambda box: spread[box][0])
        if spread[widest][0] <= 0:
            break
        box, axis = boxes[widest], spread[widest][1]
        order = box[np.argsort(colours[box, axis], kind="stable")]
        share = np.cumsum(weights[order])
        cut = min(max(int(np.searchsorted(share, share[-1] / 2)), 1), len(order) - 1)
        boxes[widest], other = order[:cut], order[cut:]
        boxes.append(other)
        spread[widest] = _spread(colours, weights, boxes[widest])
        spread.append(_spread(colours, weights, other))
    means = [np.average(colours[box], axis=0, weights=weights[box]) for box in boxes]
    return np.array(means, np.float32)


def _spread(colours: np.ndarray, weights: np.ndarray, box: np.ndarray) -> tuple[float, int]:
    """How much a box varies along the channel where it varies most, and that channel."""
    if len(box) < 2:
        return 0.0, 0
    part, mass = colours[box], weights[box, None]
    mean = (part * mass).sum(0) / mass.sum()
    errors = ((part - mean) ** 2 * mass).sum(0)
    return float(errors.max()), int(errors.argmax())
