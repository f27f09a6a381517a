"""Frames with their times as a stream that ffmpeg reads: uncompressed video in a minimal Matroska.

A raw video pipe has a rate but no times, so frames of a variable rate go in a container. Matroska is the
simplest that ffmpeg reads from a pipe with a time for each frame: RFC 8794 (EBML) and RFC 9559; the codec
is V_UNCOMPRESSED with the fourcc that ffmpeg knows as rgb24. One cluster holds one frame.
"""

from __future__ import annotations

from fractions import Fraction

TICK = Fraction(1, 1_000_000)  # s: times and durations are written in microseconds

_EBML, _DOC_TYPE = 0x1A45DFA3, 0x4282
_SEGMENT, _INFO, _TIMESTAMP_SCALE = 0x18538067, 0x1549A966, 0x2AD7B1
_TRACKS, _TRACK_ENTRY, _TRACK_NUMBER, _TRACK_UID, _TRACK_TYPE, _CODEC_ID = (
    0x1654AE6B,
    0xAE,
    0xD7,
    0x73C5,
    0x83,
    0x86,
)
_DEFAULT_DURATION = 0x23E383
_VIDEO, _PIXEL_WIDTH, _PIXEL_HEIGHT, _COLOUR_SPACE = 0xE0, 0xB0, 0xBA, 0x2EB524
_CLUSTER, _TIMESTAMP, _BLOCK_GROUP, _BLOCK, _BLOCK_DURATION = 0x1F43B675, 0xE7, 0xA0, 0xA1, 0x9B

_UNKNOWN_SIZE = b"\x01\xff\xff\xff\xff\xff\xff\xff"  # of a segment that is still being written
_RGB24 = b"RGB\x18"


def stream_head(size: tuple[int, int], fps: Fraction) -> bytes:
    """What comes before the first frame.

    Args:
        size: (width, height) of the frames.
        fps: The usual rate; encoders choose their level by it.
    """
    width, height = size
    video = _number(_PIXEL_WIDTH, width) + _number(_PIXEL_HEIGHT, height) + _element(_COLOUR_SPACE, _RGB24)
    track = (
        _number(_TRACK_NUMBER, 1)
        + _number(_TRACK_UID, 1)
        + _number(_TRACK_TYPE, 1)
        + _number(_DEFAULT_DURATION, round(1_000_000_000 / fps))
        + _element(_CODEC_ID, b"V_UNCOMPRESSED")
        + _element(_VIDEO, video)
    )
    nanoseconds = int(TICK * 1_000_000_000)
    return (
        _element(_EBML, _element(_DOC_TYPE, b"matroska"))
        + _id(_SEGMENT)
        + _UNKNOWN_SIZE
        + _element(_INFO, _number(_TIMESTAMP_SCALE, nanoseconds))
        + _element(_TRACKS, _element(_TRACK_ENTRY, track))
    )


def frame_head(time: Fraction, duration: Fraction, length: int) -> bytes:
    """What comes before the `length` bytes of a frame shown at `time` for `duration` (seconds)."""
    block_start = b"\x81\x00\x00\x80"  # track 1, at its cluster's time, a keyframe
    block_head = _id(_BLOCK) + _size(len(block_start) + length) + block_start
    group_start = _number(_BLOCK_DURATION, max(1, round(duration / TICK)))
    group_head = (
        _id(_BLOCK_GROUP) + _size(len(group_start) + len(block_head) + length) + group_start + block_head
    )
    cluster_start = _number(_TIMESTAMP, round(time / TICK))
    return _id(_CLUSTER) + _size(len(cluster_start) + len(group_head) + length) + cluster_start + group_head


def _id(element: int) -> bytes:
    return element.to_bytes((element.bit_length() + 7) // 8, "big")


def _size(length: int) -> bytes:
    """A length as EBML's eight-byte variable integer."""
    return (length | 1 << 56).to_bytes(8, "big")


def _element(element: int, content: bytes) -> bytes:
    return _id(element) + _size(len(content)) + content


def _number(element: int, value: int) -> bytes:
    return _element(element, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))
