"""The bytes of an animated GIF, frame by frame (GIF89a; the loop is Netscape's extension).

A frame holds only the box in which something changes. What stays in it may be transparent, so that the
picture before shows through, or drawn once more: whichever packs better is found by trying (2% to 11% of the
bytes). Pillow packs the indices (LZW).
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import pack
from typing import BinaryIO

import cv2
import numpy as np
from PIL import Image

from dreamvideo.media.indexing import Drawing

MAX_DELAY = 0xFFFF  # 1/100 s
MAX_SIDE = 0xFFFF  # px
_HEAD = b"GIF89a"
_LOOP_FOREVER = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"
_COMMENT, _CONTROL, _IMAGE, _TRAILER = b"\x21\xfe", b"\x21\xf9\x04", b"\x2c", b"\x3b"
_KEEP = 1 << 2  # disposal: leave the frame where it is
_HAS_TRANSPARENT = 1
_HAS_TABLE = 1 << 7
SHORTEST_RUNS = (1, 3, 16, MAX_SIDE)
"""Pixels that stay, in a row: the least that are left transparent. The last is: none of them."""


class GifFile:
    """Writes a GIF that loops forever into an open file.

    Args:
        file: Where to write.
        size: (width, height).
        palette: (n, 3) uint8, n at most 255: that of the file; frames may bring their own.
        comment: Text kept in the file, "" for none.
    """

    def __init__(self, file: BinaryIO, size: tuple[int, int], palette: np.ndarray, comment: str) -> None:
        self._file = file
        self._palette = palette
        table = _table(palette)
        file.write(_HEAD + pack("<HHBBB", *size, _HAS_TABLE | 7 << 4 | _exponent(table), 0, 0) + table)
        file.write(_LOOP_FOREVER)
        if comment:
            file.write(_COMMENT + _blocks(comment.encode("utf-8")))

    def add(self, drawing: Drawing, palette: np.ndarray, delay: int) -> None:
        """Write a frame.

        Args:
            drawing: The frame in `palette`.
            palette: The file's own (the same array), or another that only this frame uses.
            delay: For how long it is shown, 1/100 s.
        """
        top, bottom, left, right = _box(drawing.drawn)
        part = np.s_[top:bottom, left:right]
        table = b"" if palette is self._palette else _table(palette)
        flags = _HAS_TABLE | _exponent(table) if table else 0
        depth = max(2, _exponent(_table(palette)) + 1)
        transparent = len(palette)
        cut = Drawing(*(layer[part] for layer in drawing))
        self._file.write(
            _CONTROL
            + pack("<BHBB", _KEEP | _HAS_TRANSPARENT, min(delay, MAX_DELAY), transparent, 0)
            + _IMAGE
            + pack("<HHHHB", left, top, right - left, bottom - top, flags)
            + table
            + min((_packed(pixels, depth) for pixels in _ways(cut, transparent)), key=len)
        )

    def finish(self) -> None:
        """Write the end; the file stays open."""
        self._file.write(_TRAILER)


def comments_of(data: bytes) -> Iterator[str]:
    """The comments of a GIF, as far as it is one; damaged ones end early."""
    place = len(_HEAD) + 7 + _table_length(data[10:11])
    while place < len(data) and data[place : place + 1] != _TRAILER:
        if data[place : place + 1] == _IMAGE:
            place += 10 + _table_length(data[place + 9 : place + 10]) + 1
            _, place = _read_blocks(data, place)
        elif data[place : place + 1] == b"\x21":
            kind = data[place : place + 2]
            content, place = _read_blocks(data, place + 2)
            if kind == _COMMENT:
                yield content.decode("utf-8", "replace")
        else:
            return


def _ways(drawing: Drawing, transparent: int) -> Iterator[np.ndarray]:
    """Indices that all look the same: with few or many of the pixels that stay left transparent."""
    stays = ~drawing.drawn
    if not stays.any():
        yield drawing.indices
        return
    width = stays.shape[1]
    for shortest in SHORTEST_RUNS:
        left_out = _runs(stays, shortest) if shortest <= width else np.zeros_like(stays)
        yield np.where(left_out | ~drawing.known, transparent, drawing.indices).astype(np.uint8)


def _runs(marked: np.ndarray, shortest: int) -> np.ndarray:
    """What of `marked` lies in runs of at least so many pixels in a row, bool (h, w)."""
    edge = ((0, 0), (shortest, shortest))
    padded = np.pad(marked.astype(np.uint8), edge)
    opened = cv2.morphologyEx(padded, cv2.MORPH_OPEN, np.ones((1, shortest), np.uint8))
    return opened[:, shortest:-shortest] > 0


def _packed(pixels: np.ndarray, depth: int) -> bytes:
    """LZW of (h, w) indices of `depth` bits, in sub-blocks."""
    image = Image.frombytes("P", (pixels.shape[1], pixels.shape[0]), pixels.tobytes())
    return bytes([depth]) + image.tobytes("gif", "P", depth, 0) + b"\0"


def _box(drawn: np.ndarray) -> tuple[int, int, int, int]:
    """(top, bottom, left, right) around what is drawn; one pixel if nothing is."""
    rows, columns = np.flatnonzero(drawn.any(1)), np.flatnonzero(drawn.any(0))
    if not len(rows):
        return 0, 1, 0, 1
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _table(palette: np.ndarray) -> bytes:
    """The palette and the transparent colour, filled up to a power of two."""
    length = 1 << max(1, len(palette).bit_length())  # room for one more than it has
    return palette.tobytes().ljust(3 * length, b"\0")


def _exponent(table: bytes) -> int:
    """n for a table of 2 ** (n + 1) colours."""
    return (len(table) // 3).bit_length() - 2


def _table_length(flags: bytes) -> int:
    return 3 << ((flags[0] & 7) + 1) if flags and flags[0] & _HAS_TABLE else 0


def _blocks(data: bytes) -> bytes:
    parts = (data[start : start + 255] for start in range(0, len(data), 255))
    return b"".join(bytes([len(part)]) + part for part in parts) + b"\0"


def _read_blocks(data: bytes, place: int) -> tuple[bytes, int]:
    """The content of sub-blocks, and the place after them."""
    parts = []
    while place < len(data) and (length := data[place]):
        parts.append(data[place + 1 : place + 1 + length])
        place += 1 + length
    return b"".join(parts), place + 1
