"""Frames with their times: from OpenCV, or from ffmpeg where OpenCV would get them wrong.

OpenCV opens AV1 and animated WebP and then yields nothing, clips HDR to white, drops transparency, leaves
the combs of interlaced video in, and takes HD without colour tags for BT.601. Those clips, and any whose
first frame does not come, are decoded by ffmpeg.
"""

from __future__ import annotations

import os
import queue
import re
from collections.abc import Generator, Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from dreamvideo.errors import InputError
from dreamvideo.media.ffmpeg import Ffmpeg, input_args
from dreamvideo.media.probe import ClipInfo
from dreamvideo.media.timing import frame_at, nearest_frame

SEEK_BEYOND = Fraction(15)  # s: from here on seeking is quicker than decoding what is not wanted
SEEK_EARLY = Fraction(5)  # s before the frame wanted: OpenCV seeks by the average rate and may land late
HD_HEIGHT = 720  # untagged video from here on is BT.709 to players and browsers, but BT.601 to OpenCV
ANSWER_SECONDS = 10.0  # the longest that ffmpeg may keep us waiting for the time of a frame it has sent

DecodedFrame = tuple[Fraction, np.ndarray]
"""Seconds from the clip's first frame, and the frame: (height, width, 3) uint8 RGB, as shown."""


def decode(info: ClipInfo, since: Fraction = Fraction(0)) -> Iterator[DecodedFrame]:
    """Decode from the frame on display at `since` (seconds) to the end, one frame at a time.

    Raises:
        InputError: If not one frame can be decoded.
    """
    first = frame_at(info.timeline, since)
    if not needs_ffmpeg(info):
        capture = _open_capture(info)
        if capture is not None:
            first = yield from _decode_with_opencv(info, capture, first)
            if info.is_cut_short or first >= len(info.timeline):
                return  # else OpenCV gave up at a damaged frame: ffmpeg finds the next good one
    yield from _decode_with_ffmpeg(info, first)


def needs_ffmpeg(info: ClipInfo) -> bool:
    """Whether OpenCV is known to decode this wrongly."""
    return (
        info.codec in ("av1", "webp", "webp_anim", "apng")
        or info.is_hdr
        or info.has_alpha
        or info.is_interlaced
        or not info.is_first_picture
        or _is_untagged_hd(info)
        or not _is_text(info.path)
    )


def _is_text(path: Path) -> bool:
    """Whether a name can be handed to OpenCV, which crashes at one that is not UTF-8."""
    try:
        os.path.abspath(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_untagged_hd(info: ClipInfo) -> bool:
    return (
        info.matrix is None
        and info.stored_size[1] >= HD_HEIGHT
        and info.pixel_format.startswith(("yuv", "nv"))
    )


# ------------------------------------------------------------------ OpenCV


def _open_capture(info: ClipInfo) -> cv2.VideoCapture | None:
    """OpenCV on its first frame, or None if that does not come (only the first grab tells)."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # its ffmpeg writes to stderr otherwise
    capture = cv2.VideoCapture(os.path.abspath(info.path), cv2.CAP_FFMPEG)
    capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)  # the default has changed twice between releases
    if capture.isOpened() and capture.grab():
        return capture
    capture.release()
    return None


def _decode_with_opencv(
    info: ClipInfo, capture: cv2.VideoCapture, first: int
) -> Generator[DecodedFrame, None, int]:
    """Yield frames from `first` on; return the index of the one that did not come."""
    try:
        capture, place = _seek(info, capture, first)
        while True:
            if place >= first:
                yield _time(info, capture, place), _retrieve(info, capture)
            if not capture.grab():
                return place + 1
            place = _place(info, capture, place + 1)
    finally:
        capture.release()


def _seek(info: ClipInfo, capture: cv2.VideoCapture, first: int) -> tuple[cv2.VideoCapture, int]:
    """The capture with a frame at or before `first` grabbed, and that frame's index."""
    target = info.timeline.time(first)
    if target <= SEEK_BEYOND or not info.timeline.is_trusted:
        return capture, 0
    capture.set(cv2.CAP_PROP_POS_MSEC, float((target - SEEK_EARLY) * 1000))
    if capture.grab() and (place := _place(info, capture, -1)) <= first and place >= 0:
        return capture, place
    capture.release()
    afresh = _open_capture(info)
    if afresh is None:
        raise InputError(f"cannot decode {info.path} any more")
    return afresh, 0


def _place(info: ClipInfo, capture: cv2.VideoCapture, counted: int) -> int:
    """Index of the grabbed frame: from its time if the container has times, else as `counted`."""
    if not info.timeline.is_trusted:
        return counted
    return nearest_frame(info.timeline, _seconds(capture))


def _time(info: ClipInfo, capture: cv2.VideoCapture, counted: int) -> Fraction:
    return _exact_time(info, _seconds(capture) if info.timeline.is_trusted else None, counted)


def _seconds(capture: cv2.VideoCapture) -> Fraction:
    """Time of the grabbed frame. OpenCV counts from the picture's first frame."""
    return Fraction(capture.get(cv2.CAP_PROP_POS_MSEC)).limit_denominator(1_000_000) / 1000


def _exact_time(info: ClipInfo, decoded: Fraction | None, counted: int) -> Fraction:
    """A frame's time freed from rounding: that of the frame in the container nearest to it."""
    timeline = info.timeline
    if decoded is None:
        return timeline.time(counted) if counted < len(timeline) else counted / timeline.fps
    nominal = timeline.time(nearest_frame(timeline, decoded))
    return nominal if abs(nominal - decoded) <= max(timeline.tick, 1 / timeline.fps / 2) else decoded


def _retrieve(info: ClipInfo, capture: cv2.VideoCapture) -> np.ndarray:
    done, frame = capture.retrieve()
    if not done:
        raise InputError(f"cannot decode a frame of {info.path}")
    if (frame.shape[1], frame.shape[0]) != info.size:
        frame = cv2.resize(frame, info.size, interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), np.uint8)


# ------------------------------------------------------------------ ffmpeg

_SHOWN = re.compile(r"Parsed_showinfo.*\bn: *\d+ pts: *(-?\d+|NOPTS)\b")


def _decode_with_ffmpeg(info: ClipInfo, first: int) -> Iterator[DecodedFrame]:
    """Frames from a pipe; their times come by `showinfo`'s log, which speaks before each frame is sent."""
    times: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    width, height = info.size
    count = 0
    with Ffmpeg(
        _decode_args(info, first), on_line=lambda line: _note_time(line, times), yields=True
    ) as process:
        while len(data := process.read(width * height * 3)) == width * height * 3:
            frame = np.frombuffer(data, np.uint8).reshape(height, width, 3).copy()
            yield _ffmpeg_time(info, times.get(timeout=ANSWER_SECONDS), first + count), frame
            count += 1
        process.finish()
        if not count and first == 0:
            raise InputError(f"cannot decode {info.path} ({info.codec})")


def _note_time(line: str, times: queue.SimpleQueue[str | None]) -> None:
    if match := _SHOWN.search(line):
        times.put(match[1])


def _ffmpeg_time(info: ClipInfo, pts: str | None, counted: int) -> Fraction:
    if pts is None or pts == "NOPTS" or not info.timeline.is_trusted:
        return _exact_time(info, None, counted)
    return _exact_time(info, (int(pts) - info.timeline.ticks[0]) * info.timeline.tick, counted)


def _decode_args(info: ClipInfo, first: int) -> list[str]:
    decoder = ["-c:v", "libvpx-vp9"] if info.codec == "vp9" and info.has_alpha else []
    return [
        *("-loglevel", "info", *_seek_args(info, first), *decoder, *input_args(info.path)),
        *("-map", f"0:{info.stream}", "-vf", ",".join(_filters(info, first))),
        *("-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"),
    ]


def _seek_args(info: ClipInfo, first: int) -> list[str]:
    """Begin near the frame wanted without changing any time."""
    target = info.timeline.time(first)
    if target <= SEEK_BEYOND or not info.timeline.is_trusted:
        return []
    return ["-copyts", "-start_at_zero", "-ss", f"{float(info.timeline.start + target - SEEK_EARLY):.3f}"]


def _filters(info: ClipInfo, first: int) -> list[str]:
    """From a decoded frame to RGB as shown. ffmpeg has turned the picture before the first of these."""
    width, height = info.size
    tick, ticks = info.timeline.tick, info.timeline.ticks
    chain = ["bwdif=mode=send_frame"] if info.is_interlaced else []
    chain.append(f"settb={tick.numerator}/{tick.denominator}")
    if first > 0:
        trim = f"start_pts={ticks[first]}" if info.timeline.is_trusted else f"start_frame={first}"
        chain.append(f"trim={trim}")
    if info.is_hdr:
        chain.append(_tone_map(info))
    if info.has_alpha:
        # Transparent becomes black, as in video players. With 8 bits opaque pixels would lose a grey level.
        chain.append("format=gbrap16,premultiply=inplace=1")
    matrix = ":in_color_matrix=bt709" if _is_untagged_hd(info) else ""
    chain.append(f"scale={width}:{height}:flags=bicubic+accurate_rnd+full_chroma_int{matrix}")
    return [*chain, "format=rgb24", "showinfo=checksum=0"]


def _tone_map(info: ClipInfo) -> str:
    """From PQ or HLG in BT.2020 to BT.709, highlights compressed (Hable) instead of clipped."""
    return (
        f"zscale=tin={info.transfer}:min=bt2020nc:pin=bt2020:t=linear:npl=100,format=gbrpf32le,"
        "zscale=p=bt709,tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=tv,format=yuv444p"
    )
