"""How each kind of file is encoded: ffmpeg's options, and why they are these."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction

KEYFRAME_SECONDS = 2  # players seek to keyframes; platforms ask for 2 s at most
TRACK_TIMESCALE = 90_000  # ticks per second for frames of a variable rate in mp4 and mov
VP9_CRF_OFFSET = 8  # VP9's crf that looks like H.264's, at the usual qualities
LOSSLESS = ("-c:v", "ffv1", "-pix_fmt", "gbrp", "-f", "nut")
"""For the frames of a GIF until the palette is known: exact in colour and time."""

IN_ORDER = ("-bf", "0")
"""H.264 without frames that are stored before their turn."""
QUALITIES: dict[str, tuple[int, ...]] = {".webp": (80, 60, 40, 20), ".avif": (30, 40, 50, 60), ".apng": (0,)}
"""Of the animations but GIF: the usual one, and what is gone down to for size (WebP's quality, AV1's crf)."""

# Without the first, ffmpeg converts RGB with BT.601, which HD players take for BT.709; without the second
# the file does not say what it holds.
_TO_BT709 = (
    "scale=out_color_matrix=bt709:out_range=tv:flags=bicubic+accurate_rnd+full_chroma_int,"
    "format=yuv420p,setparams=color_primaries=bt709:color_trc=bt709,setsar=1"
)


def picture_args(ending: str, fps: Fraction, crf: int) -> list[str]:
    """ffmpeg's output options for the picture of a file with `ending`.

    Args:
        fps: Frames per second, at least roughly: sets the distance of keyframes.
        crf: Quality as H.264 counts it: 0 is lossless, 18 looks like the source, 28 is poor.
    """
    if ending == ".gif":
        return list(LOSSLESS)
    if ending in QUALITIES:
        return [*animation_args(ending, QUALITIES[ending][0]), "-f", muxer(ending)]
    codec = _vp9(crf) if ending == ".webm" else _h264(crf)
    return ["-vf", _TO_BT709, *codec, *_keyframes(fps), "-f", muxer(ending)]


def animation_args(ending: str, quality: int, filters: str = "") -> list[str]:
    """ffmpeg's options for a webp, avif or apng that loops forever; `filters` come before its own."""
    chain = [filters] if filters else []
    if ending == ".avif":
        filters = ",".join([*chain, _TO_BT709])
        codec = ["-c:v", "libaom-av1", "-cpu-used", "6", "-row-mt", "1", "-crf", str(quality), "-b:v", "0"]
        return ["-vf", filters, *codec, "-loop", "0"]
    own = ["-vf", filters] if filters else []
    if ending == ".webp":
        codec = ["-c:v", "libwebp_anim", "-quality", str(quality), "-pix_fmt", "bgra"]
        return [*own, *codec, "-loop", "0"]
    return [*own, "-c:v", "apng", "-pred", "mixed", "-pix_fmt", "rgb24", "-plays", "0"]


def two_pass_args(
    ending: str, fps: Fraction, bits: int, size: tuple[int, int], log: str, number: int
) -> list[str]:
    """ffmpeg's output options for one of two passes that spend so many `bits` per second.

    Args:
        size: (width, height) of the picture to make. log: Where the first pass leaves what it learned.
        number: 1 or 2.
    """
    scale = f"scale={size[0]}:{size[1]}:flags=bicubic+accurate_rnd,setsar=1"
    vp9 = [*_VP9, "-b:v", str(bits)]
    h264 = [*_H264, "-profile:v", "high", "-b:v", str(bits)]
    codec = vp9 if ending == ".webm" else h264
    return ["-vf", scale, *codec, *_keyframes(fps), "-pass", str(number), "-passlogfile", log]


def _keyframes(fps: Fraction) -> list[str]:
    return ["-g", str(max(1, math.ceil(fps * KEYFRAME_SECONDS)))]


def pipe_args(size: tuple[int, int], fps: Fraction, is_variable: bool) -> list[str]:
    """ffmpeg's input options for frames on its stdin: bare RGB, or with their times as in `timestamps`."""
    if is_variable:
        return ["-f", "matroska", "-i", "pipe:0"]
    shape = ["-pix_fmt", "rgb24", "-video_size", f"{size[0]}x{size[1]}"]
    return ["-f", "rawvideo", *shape, "-framerate", f"{fps.numerator}/{fps.denominator}", "-i", "pipe:0"]


def muxer(ending: str) -> str:
    """ffmpeg's name of the container; given explicitly so that no odd file name misleads it."""
    return {".mkv": "matroska"}.get(ending, ending[1:])


def even(size: tuple[int, int], ending: str) -> tuple[int, int]:
    """`size` as the codec of `ending` takes it.

    H.264 with 4:2:0 colour, which every player wants, only stores even sizes: an odd one grows by a pixel.
    """
    if ending not in (".mp4", ".mov", ".mkv"):
        return size
    return size[0] + size[0] % 2, size[1] + size[1] % 2


def timing_args(ending: str, is_variable: bool) -> list[str]:
    """Options that keep every frame at its time."""
    clock = ["-enc_time_base", "1:1000000"] if is_variable else []  # that of `timestamps`
    return ["-fps_mode", "passthrough", *clock, *track_args(ending, is_variable)]


def track_args(ending: str, is_variable: bool) -> list[str]:
    """mp4's own clock: without this it is that of the constant rate."""
    if is_variable and ending in (".mp4", ".mov"):
        return ["-video_track_timescale", str(TRACK_TIMESCALE)]
    return []


def file_args(ending: str, metadata: Mapping[str, str], edit_lists: bool = True) -> list[str]:
    """Options of the finished file: its tags, and of mp4 the index in front: it plays while loading.

    Without `edit_lists` the picture must have no frames out of order (`IN_ORDER`).
    """
    args = [part for key, value in metadata.items() for part in ("-metadata", f"{key}={value}")]
    if ending in (".mp4", ".mov"):
        args += ["-movflags", "+faststart"]
        args += [] if edit_lists else ["-use_editlist", "0"]
    return [*args, "-f", muxer(ending)]


_H264 = ("-c:v", "libx264", "-preset", "medium")
_VP9 = ("-c:v", "libvpx-vp9", "-deadline", "good", "-cpu-used", "2", "-row-mt", "1")


def _h264(crf: int) -> list[str]:
    profile = ["-profile:v", "high"] if crf > 0 else []  # lossless H.264 is a profile of its own
    return [*_H264, *profile, "-crf", str(crf)]


def _vp9(crf: int) -> list[str]:
    quality = str(min(63, crf + VP9_CRF_OFFSET)) if crf > 0 else "0"
    return [*_VP9, "-crf", quality, "-b:v", "0"]
