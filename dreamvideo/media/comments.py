"""The text that pictures and animations carry, in which a film keeps its recipe.

============  ==========================================================
png, apng     an iTXt chunk called Comment
webp          an XMP chunk, the description of the Dublin Core
jpg           a COM segment
gif           a comment extension (`gif_file` writes it)
avif          a box of its own at the end, of the kind ``uuid``
the others    the tag called comment (ffmpeg writes it, `tags` reads it)
============  ==========================================================
"""

from __future__ import annotations

import html
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from struct import pack, unpack
from typing import BinaryIO

import numpy as np

from dreamvideo.errors import InputError
from dreamvideo.images import encode_still, write_complete
from dreamvideo.media.gif_file import comments_of
from dreamvideo.media.probe import require_file
from dreamvideo.media.tags import read_tags

MAX_COMMENT = 1 << 20  # bytes; larger ones are not ours
MAX_CHUNKS = 1_000_000  # that are looked through
GIF_HEAD = 1 << 20  # bytes of a GIF that are searched: ours stands before the first frame

_PNG = b"\x89PNG\r\n\x1a\n"
_KEYWORD = b"Comment\0\0\0\0\0"  # not compressed, of no language
_UUID = b"dreamvideorecipe"
_HAS_XMP, _HAS_ALPHA = 0x04, 0x10  # flags of WebP's VP8X
_XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:description><rdf:Alt>'
    '<rdf:li xml:lang="x-default">{}</rdf:li></rdf:Alt></dc:description></rdf:Description></rdf:RDF>'
    "</x:xmpmeta>"
)
_XMP_TEXT = re.compile(r"<dc:description>.*?<rdf:li[^>]*>(.*?)</rdf:li>", re.DOTALL)


def with_comment(data: bytes, text: str) -> bytes:
    """A complete png, apng, webp, jpg or avif with `text` in it; other files as they are."""
    words = text.encode("utf-8")
    if data.startswith(_PNG):
        end = 8 + 12 + 13  # of the header, which is always first and always 13 bytes
        return data[:end] + _png_chunk(b"iTXt", _KEYWORD + words) + data[end:]
    if data[:2] == b"\xff\xd8" and len(words) <= 0xFFFD:
        return data[:2] + b"\xff\xfe" + pack(">H", len(words) + 2) + words + data[2:]
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _with_xmp(data, _XMP.format(html.escape(text, quote=False)).encode("utf-8"))
    if data[4:12] == b"ftypavis" or data[4:12] == b"ftypavif":
        return data + pack(">I", 24 + len(words)) + b"uuid" + _UUID + words
    return data


def write_picture(path: Path, frame: np.ndarray, text: str) -> None:
    """Write a frame as png, jpg or webp by its ending, with `text` in it unless that is empty."""
    write_complete(path, picture_bytes(path, frame, text))


def picture_bytes(path: Path, frame: np.ndarray, text: str) -> bytes:
    """What `write_picture` writes."""
    data = encode_still(path, frame)
    return with_comment(data, text) if text else data


def read_comment(path: Path) -> str | None:
    """The comment of a film, animation or picture; None if it has none.

    Raises:
        InputError: It is missing, or no file of a kind that has comments.
    """
    require_file(path)
    with path.open("rb") as file:
        head = file.read(12)
        if head[:6] in (b"GIF87a", b"GIF89a"):
            return next(comments_of(head + file.read(GIF_HEAD)), None)
        if head.startswith(_PNG):
            return _read_png(file)
        if head[:2] == b"\xff\xd8":
            return _read_jpeg(file)
        if head[:4] == b"RIFF" and head[8:] == b"WEBP":
            return _read_webp(file)
        if head[4:8] == b"ftyp" and head[8:] in (b"avis", b"avif"):
            return _read_avif(file)
    try:
        return read_tags(path).get("comment")
    except InputError:
        raise InputError(f"{path} is no film or picture that can be read, or is damaged") from None


def _read_png(file: BinaryIO) -> str | None:
    texts = (part for part in _chunks(file, 8, b"iTXt", _png_head) if part.startswith(_KEYWORD))
    return next((text[len(_KEYWORD) :].decode("utf-8", "replace") for text in texts), None)


def _read_webp(file: BinaryIO) -> str | None:
    packets = (part.decode("utf-8", "replace") for part in _chunks(file, 12, b"XMP ", _riff_head))
    return next((html.unescape(match[1]) for xmp in packets if (match := _XMP_TEXT.search(xmp))), None)


def _read_avif(file: BinaryIO) -> str | None:
    boxes = (part for part in _chunks(file, 0, b"uuid", _box_head) if part.startswith(_UUID))
    return next((box[len(_UUID) :].decode("utf-8", "replace") for box in boxes), None)


def _read_jpeg(file: BinaryIO) -> str | None:
    segments = _chunks(file, 2, b"\xff\xfe", _segment_head, head_length=4)
    return next((text.decode("utf-8", "replace") for text in segments), None)


def _chunks(
    file: BinaryIO,
    place: int,
    wanted: bytes,
    read_head: Callable[[bytes], tuple[bytes, int, int]],
    head_length: int = 8,
) -> Iterator[bytes]:
    """The contents of the chunks of one kind, from `place` on, as far as the file is well formed."""
    for _ in range(MAX_CHUNKS):
        file.seek(place)
        head = file.read(head_length)
        if len(head) < head_length:
            return
        kind, length, step = read_head(head)
        if step < head_length:
            return
        if kind == wanted and 0 <= length <= MAX_COMMENT:
            yield file.read(length)
        place += step


# Each of these: a chunk's head -> its kind, the length of its content, and how far the next one is.


def _png_head(head: bytes) -> tuple[bytes, int, int]:
    length, kind = unpack(">I4s", head)
    return kind, length, length + 12


def _riff_head(head: bytes) -> tuple[bytes, int, int]:
    kind, length = unpack("<4sI", head)
    return kind, length, 8 + length + length % 2


def _box_head(head: bytes) -> tuple[bytes, int, int]:
    length, kind = unpack(">I4s", head)
    return kind, length - 8, length


def _segment_head(head: bytes) -> tuple[bytes, int, int]:
    kind, length = unpack(">2sH", head)
    return kind, length - 2, 0 if kind == b"\xff\xda" else length + 2  # the picture itself has no length


def _png_chunk(kind: bytes, content: bytes) -> bytes:
    return pack(">I", len(content)) + kind + content + pack(">I", zlib.crc32(kind + content))


def _with_xmp(data: bytes, xmp: bytes) -> bytes:
    """A WebP with an XMP chunk at its end, which needs the extended header in front."""
    chunks = data[12:]
    if chunks[:4] != b"VP8X":
        chunks = _extended_head(chunks) + chunks
    chunks = chunks[:8] + bytes([chunks[8] | _HAS_XMP]) + chunks[9:]
    chunks += b"XMP " + pack("<I", len(xmp)) + xmp + b"\0" * (len(xmp) % 2)
    return b"RIFF" + pack("<I", len(chunks) + 4) + b"WEBP" + chunks


def _extended_head(chunk: bytes) -> bytes:
    """The VP8X chunk for a still that begins with `chunk`, VP8 (lossy) or VP8L (lossless)."""
    flags = 0
    if chunk[:4] == b"VP8L":
        bits = int(unpack("<I", chunk[9:13])[0])
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        flags = _HAS_ALPHA if bits >> 28 & 1 else 0
    else:
        width, height = (side & 0x3FFF for side in unpack("<HH", chunk[14:18]))
    sides = b"".join((side - 1).to_bytes(3, "little") for side in (width, height))
    return b"VP8X" + pack("<IB3x", 10, flags) + sides
