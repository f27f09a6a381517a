"""Frames -> indices into a palette, so that they compress well and stand still.

Two things make a GIF large and restless: dither where there is texture, and pixels that change by less than
the eye sees. So the ordered pattern is laid only where the picture is smooth, as strong as the palette is
coarse there, and fixed to the screen; and a pixel that is shown stays as long as it is right within `hold`.
(Error diffusion shimmers from frame to frame, and cost 13% more bytes at 1.2 dB less on dream texture.)
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from dreamvideo.media.palette import Scene, codes_of, colours_of, nearest_colours
from dreamvideo.settings import Dither

COLOURS = 1 << 24
UNKNOWN = 255  # no index, as a palette has at most 255 colours: no frame had this colour so far
SMOOTH_SIDE = 5  # px: the box in which the luma's deviation tells smooth from textured
SMOOTH, TEXTURED = 2.0, 6.0  # grey levels: dithered fully up to the first, not at all from the second on
INVISIBLE = 3.0  # grey levels: steps of colour below this need no pattern


class Drawing(NamedTuple):
    """A frame as a GIF stores it, all (H, W)."""

    indices: np.ndarray
    """uint8 into the palette: what is on display now, where the palette has it."""
    drawn: np.ndarray
    """bool: what must be drawn; elsewhere the frame before is right."""
    known: np.ndarray
    """bool: where `indices` are right, so that a pixel may be drawn."""


class Indexer:
    """Turns frames, in order, into what a GIF stores.

    Args:
        size: (width, height) of the frames.
        dither: "auto" where the picture is smooth, "ordered" everywhere, "none" nowhere.
        hold: Root of the squared error, over three channels, in grey levels, up to which a pixel stays.
    """

    def __init__(self, size: tuple[int, int], dither: Dither, hold: float) -> None:
        self._dither = dither
        self._hold = hold**2
        width, height = size
        self._pattern = np.tile(_bayer(), (height // 8 + 1, width // 8 + 1))[:height, :width]
        self._shown = np.zeros((height, width, 3), np.float32)
        self._drawing: Drawing | None = None
        self._nearest = np.empty(COLOURS, np.uint8)

    def use(self, scene: Scene) -> None:
        """From now on indices are of this scene's palette; what is shown stays. Where it is exact, all is."""
        self._palette = scene.palette.astype(np.float32)
        self._is_exact = scene.is_exact
        self._nearest.fill(UNKNOWN)
        self._gaps = _gaps(self._palette)
        if self._drawing is not None:
            indices = self._look_up(self.shown)
            known = (self._palette[indices] == self._shown).all(2)
            self._drawing = Drawing(indices, self._drawing.drawn, known)

    def take(self, frame: np.ndarray) -> Drawing:
        """What is to be drawn so that `frame` is on display."""
        indices = self._look_up(self._dithered(frame))
        colours = self._palette[indices]
        if self._drawing is None:
            self._shown = colours
            self._drawing = Drawing(indices, *np.ones((2, *indices.shape), bool))
            return self._drawing
        wanted = frame.astype(np.float32)
        hold = 0.0 if self._is_exact else self._hold
        drawn = _squared(self._shown - wanted) > _squared(colours - wanted) + hold
        drawn &= (self._shown != colours).any(2)
        self._shown = np.where(drawn[..., None], colours, self._shown)
        indices = np.where(drawn, indices, self._drawing.indices)
        self._drawing = Drawing(indices, drawn, self._drawing.known | drawn)
        return self._drawing

    @property
    def shown(self) -> np.ndarray:
        """The picture on display, (H, W, 3) uint8."""
        return self._shown.astype(np.uint8)

    def _look_up(self, frame: np.ndarray) -> np.ndarray:
        """The nearest colour for each pixel; those not seen before are looked for once."""
        codes = codes_of(frame)
        indices = self._nearest[codes]
        new = np.unique(codes[indices == UNKNOWN])
        if len(new):
            self._nearest[new] = nearest_colours(colours_of(new), self._palette)
            indices = self._nearest[codes]
        return indices

    def _dithered(self, frame: np.ndarray) -> np.ndarray:
        if self._dither == "none" or self._is_exact:
            return frame
        plain = self._look_up(frame)
        strength = self._gaps[plain] * self._pattern
        strength *= (self._palette[plain] != frame).any(2)  # what is exact needs no pattern
        if self._dither == "auto":
            strength *= _smoothness(frame)
        return np.clip(frame + strength[..., None], 0, 255).astype(np.uint8)


def _squared(errors: np.ndarray) -> np.ndarray:
    """(H, W, 3) -> (H, W), over the channels."""
    return np.einsum("hwc,hwc->hw", errors, errors)


def _gaps(palette: np.ndarray) -> np.ndarray:
    """How far, in each channel, a grey step goes from each colour to its neighbours in the palette.

    0 where nobody would see it: there is nothing to hide.
    """
    if len(palette) < 3:
        return np.zeros(len(palette), np.float32)
    distances = np.sqrt(((palette[:, None] - palette) ** 2).sum(2) / 3)
    gaps = np.sort(distances, 1)[:, 1:3].mean(1).astype(np.float32)
    return np.where(gaps < INVISIBLE, np.float32(0), gaps)


def _smoothness(frame: np.ndarray) -> np.ndarray:
    """1 where the luma hardly varies around a pixel, 0 on texture, float32 (H, W)."""
    luma = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float32)
    box = (SMOOTH_SIDE, SMOOTH_SIDE)
    deviation = np.sqrt(np.maximum(cv2.blur(luma * luma, box) - cv2.blur(luma, box) ** 2, 0))
    return np.clip((TEXTURED - deviation) / (TEXTURED - SMOOTH), 0, 1)


def _bayer() -> np.ndarray:
    """Bayer's 8 x 8 thresholds, evenly in (-0.5, 0.5), float32."""
    matrix = np.zeros((1, 1))
    for _ in range(3):
        matrix = np.block([[4 * matrix, 4 * matrix + 2], [4 * matrix + 3, 4 * matrix + 1]])
    return ((matrix + 0.5) / 64 - 0.5).astype(np.float32)
