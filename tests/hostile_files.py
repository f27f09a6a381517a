"""Files that mean harm, or came to it: what a stranger's clip can be. For tests and scripts/hostile.py.

Each kind is a function of a folder that yields cases; what lies in the folder beside them are the files that
they are made of, or point at.
"""

from __future__ import annotations

import os
import pickle
import random
import struct
import subprocess
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dreamvideo.media.ffmpeg import find_ffmpeg

CANARY = "canary"
"""A folder of this name appears where code out of a file was run."""


@dataclass(frozen=True)
class Case:
    """One file and what may come of it."""

    kind: str
    name: str
    path: Path
    refused: bool = False
    """Nothing may come of it; else a right result is as good as an error."""
    options: tuple[str, ...] = ()
    """For `dreamvideo dream`, beside the input and the output."""
    output: str = ""
    """Name of the output, where it is not the usual one."""


def ffmpeg(*args: str | Path) -> None:
    command = [find_ffmpeg(), "-hide_banner", "-nostdin", "-loglevel", "error", "-y", *map(str, args)]
    subprocess.run(command, check=True, timeout=60, stderr=subprocess.DEVNULL)  # SVT talks


# --- good files -------------------------------------------------------------------------------------------

PICTURE = ("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=0.4")
SOUND = ("-f", "lavfi", "-i", "sine=f=440:d=0.4")
GOOD_CLIPS: dict[str, Sequence[str]] = {
    "a.mp4": (*SOUND, "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac"),
    "fast.mp4": ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-movflags", "+faststart"),
    "parts.mp4": ("-c:v", "libx264", "-g", "5", "-pix_fmt", "yuv420p", "-movflags", "frag_keyframe"),
    "a.mov": ("-c:v", "mjpeg", "-pix_fmt", "yuvj420p"),
    "a.mkv": (*SOUND, "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "flac"),
    "a.webm": ("-c:v", "libvpx-vp9", "-deadline", "realtime"),
    "a.ts": (*SOUND, "-c:v", "mpeg2video", "-c:a", "mp2"),
    "a.avi": ("-c:v", "mpeg4"),
    "a.gif": (),
    "a.apng": (),
    "moving.webp": ("-c:v", "libwebp_anim"),
    "av1.mp4": ("-c:v", "libsvtav1", "-preset", "12"),
}
STILL_ENDINGS = (".png", ".jpg", ".bmp", ".tiff", ".webp")
GOOD_STILLS = ("a.png", "a.jpg", "a.bmp", "a.tiff", "a.webp")


def good_files(folder: Path) -> list[Path]:
    """A small clip of each common kind, and a still of each."""
    paths = []
    for name, options in GOOD_CLIPS.items():
        paths.append(folder / f"good-{name}")
        if not paths[-1].exists():
            ffmpeg(*PICTURE, *options, paths[-1])
    for name in GOOD_STILLS:
        paths.append(folder / f"good-{name}")
        if not paths[-1].exists():
            ffmpeg(*PICTURE, "-frames:v", "1", "-update", "1", paths[-1])
    return paths


# --- damage -----------------------------------------------------------------------------------------------

CUTS = (1, 8, 37, 64, 0.1, 0.25, 0.5, 0.75, 0.95, -1)  # bytes, shares, or bytes before the end


def truncations(folder: Path) -> Iterator[Case]:
    for good in good_files(folder):
        data = good.read_bytes()
        for cut in CUTS:
            length = len(data) + cut if cut < 0 else round(cut * len(data)) if cut < 1 else cut
            yield _file(folder, "truncated", f"cut-{cut}-{good.name}", data[: int(length)])


def bit_flips(folder: Path, each: int = 3) -> Iterator[Case]:
    """Some bits in the first kilobyte, some anywhere, some in the last kilobyte (an mp4's index)."""
    for good in good_files(folder):
        data = good.read_bytes()
        last = len(data)
        for where, (begin, end) in {
            "head": (4, min(1024, last)),
            "body": (4, last),
            "tail": (max(4, last - 1024), last),
        }.items():
            for seed in range(each):
                chance = random.Random(f"{good.name} {where} {seed}")
                flipped = bytearray(data)
                for _ in range(chance.choice((1, 4, 20))):
                    flipped[chance.randrange(begin, end)] ^= 1 << chance.randrange(8)
                yield _file(folder, "bits flipped", f"flip-{where}-{seed}-{good.name}", bytes(flipped))


def wrong_endings(folder: Path) -> Iterator[Case]:
    goods = {path.name.removeprefix("good-"): path for path in good_files(folder)}
    for source, ending in (
        *(("a.gif", "mp4"), ("a.mp4", "gif"), ("a.png", "mp4"), ("a.mp4", "png"), ("a.jpg", "webm")),
        *(("a.webm", "jpg"), ("a.mkv", "txt"), ("moving.webp", "avi"), ("a.mp4", "m3u8"), ("a.ts", "concat")),
    ):
        name = f"really-{source}.{ending}"
        yield _file(folder, "wrong ending", name, goods[source].read_bytes())


def nothing_in_it(folder: Path) -> Iterator[Case]:
    chance = random.Random(0)
    for ending in ("mp4", "gif", "png", "mkv"):
        yield _file(folder, "nothing in it", f"empty.{ending}", b"", refused=True)
        yield _file(folder, "nothing in it", f"zeros.{ending}", bytes(4096), refused=True)
        yield _file(folder, "nothing in it", f"noise.{ending}", chance.randbytes(4096), refused=True)
        yield _file(folder, "nothing in it", f"text.{ending}", b"to be or not to be\n" * 99, refused=True)


# --- lies -------------------------------------------------------------------------------------------------


def huge_claims(folder: Path) -> Iterator[Case]:
    """Sizes and counts that no file of some kilobytes can hold."""
    goods = {path.name.removeprefix("good-"): path.read_bytes() for path in good_files(folder)}
    kind, many = "huge claim", struct.pack(">I", 1_000_000_000)
    for side in (0, 65535, 32767, 16384):
        gif = bytearray(goods["a.gif"])
        gif[6:10] = struct.pack("<HH", side, side)
        yield _file(folder, kind, f"canvas-{side}.gif", bytes(gif))
        png = _with_size(goods["a.png"], side)
        yield _file(folder, kind, f"size-{side}.png", png)
        yield _file(folder, kind, f"size-{side}.apng", _with_size(goods["a.apng"], side))
        bmp = bytearray(goods["a.bmp"])
        bmp[18:26] = struct.pack("<ii", side, side)
        yield _file(folder, kind, f"size-{side}.bmp", bytes(bmp))
        jpg = bytearray(goods["a.jpg"])
        place = jpg.index(b"\xff\xc0") + 5
        jpg[place : place + 4] = struct.pack(">HH", side, side)
        yield _file(folder, kind, f"size-{side}.jpg", bytes(jpg))
        webp = bytearray(goods["moving.webp"])
        place = webp.index(b"VP8X") + 12
        webp[place : place + 6] = (max(0, side - 1)).to_bytes(3, "little") * 2
        yield _file(folder, kind, f"canvas-{side}.webp", bytes(webp))
        for name in ("a.mp4", "a.mov"):
            film = bytearray(goods[name])
            place = film.index(b"avc1" if name == "a.mp4" else b"jpeg", film.index(b"stsd")) + 28
            film[place : place + 4] = struct.pack(">HH", side, side)
            yield _file(folder, kind, f"size-{side}-{name}", bytes(film))
    for box, offset in (
        (b"stts", 8),
        (b"stts", 12),
        (b"stsz", 12),
        (b"stsz", 8),
        (b"stco", 8),
        (b"ctts", 12),
    ):
        for number in (many, b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff"):
            film = bytearray(goods["a.mp4"])
            if (place := film.find(box)) >= 0:
                film[place + offset : place + offset + 4] = number
                name = f"{box.decode()}-{offset}-{number.hex()}.mp4"
                yield _file(folder, kind, name, bytes(film))
    billion = bytearray(goods["a.mp4"])  # equal samples, each a tick long: no table is needed for a billion
    sizes, times = billion.index(b"stsz"), billion.index(b"stts")
    billion[sizes + 8 : sizes + 16] = struct.pack(">II", 1, 1_000_000_000)
    billion[times + 8 : times + 20] = struct.pack(">III", 1, 1_000_000_000, 1)
    yield _file(folder, kind, "billion-frames.mp4", bytes(billion))
    apng = goods["a.apng"]
    place = apng.index(b"acTL")
    chunk = b"acTL" + many + bytes(4)
    yield _file(folder, kind, "billion-frames.apng", apng[:place] + chunk + _crc(chunk) + apng[place + 16 :])
    yield _file(folder, kind, "box-of-4-gigabytes.mp4", b"\xff\xff\xff\xffftypisom" + goods["a.mp4"][12:])
    yield _file(folder, kind, "deep-boxes.mp4", goods["fast.mp4"][:32] + b"\0\0\1\0moov" * 20_000)


def bombs(folder: Path) -> Iterator[Case]:
    """Little to read, much to hold."""
    for side in (12_000, 30_000):
        rows = zlib.compressobj(9)
        packed = b"".join(rows.compress(bytes(1 + side)) for _ in range(side)) + rows.flush()
        yield _file(folder, "bomb", f"grey-{side}.png", _png(side, 0, packed), refused=True)
        rows = zlib.compressobj(9)
        packed = b"".join(rows.compress(bytes(1 + 4 * side)) for _ in range(side)) + rows.flush()
        yield _file(folder, "bomb", f"colour-{side}.png", _png(side, 6, packed), refused=True)
    good = (folder / "good-a.png").read_bytes()
    bomb = zlib.compress(bytes(1 << 29), 9)
    for name, body in ((b"zTXt", b"Comment\0\0" + bomb), (b"iCCP", b"profile\0\0" + bomb)):
        chunk = name + body
        packed = good[:33] + struct.pack(">I", len(body)) + chunk + _crc(chunk) + good[33:]
        yield _file(folder, "bomb", f"{name.decode()}.png", packed)
    wide = folder / "wide.mp4"
    ffmpeg(
        "-f", "lavfi", "-i", "color=s=16000x8000:r=25:d=0.04", "-c:v", "libx264", "-preset", "ultrafast", wide
    )
    yield Case("bomb", wide.name, wide, refused=True)
    strip = folder / "strip.mkv"
    ffmpeg("-f", "lavfi", "-i", "color=s=16384x2:r=25:d=0.1", "-c:v", "ffv1", strip)
    yield Case("bomb", strip.name, strip)


# --- odd times and streams --------------------------------------------------------------------------------


def odd_times(folder: Path) -> Iterator[Case]:
    x264, kind = ("-c:v", "libx264", "-pix_fmt", "yuv420p"), "odd times"
    made: dict[str, Sequence[str]] = {
        "million-fps.mkv": ("-vf", "setpts=N/1000000/TB", "-enc_time_base", "1:1000000", *x264),
        "million-fps.mp4": ("-vf", "settb=1/1000000,setpts=N", "-enc_time_base", "1:1000000", *x264),
        "negative.mkv": ("-output_ts_offset", "-5", "-avoid_negative_ts", "disabled", *x264),
        "negative.mp4": ("-output_ts_offset", "-5", "-avoid_negative_ts", "disabled", *x264),
        "negative.ts": ("-output_ts_offset", "-5", "-avoid_negative_ts", "disabled", *x264),
        "days-late.mkv": ("-output_ts_offset", "900000", *x264),
        "days-late.mp4": ("-output_ts_offset", "90000", *x264),
        "days-between.mkv": ("-vf", "setpts=if(lt(N\\,5)\\,N\\,N+2000000)/25/TB", "-fps_mode", "vfr", *x264),
        "slow.mkv": ("-vf", "setpts=N*1000/TB", "-fps_mode", "vfr", *x264),
        "no-times.h264": x264,
        "no-duration.webm": ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-live", "1"),
        "no-duration.flv": (*x264, "-flvflags", "no_duration_filesize"),
    }
    for name, options in made.items():
        path = folder / name
        ffmpeg(*PICTURE, *options, path)
        yield Case(kind, name, path)
    good = (folder / "good-a.avi").read_bytes()
    place = good.index(b"strh") + 28
    for name, scale in (
        ("zero-fps", (0, 0)),
        ("zero-scale", (0, 25)),
        ("zero-rate", (1, 0)),
        ("fast", (1, 10**9)),
    ):
        yield _file(
            folder, kind, f"{name}.avi", good[:place] + struct.pack("<II", *scale) + good[place + 8 :]
        )
    late, early = (folder / "late.ts", folder / "early.ts")
    ffmpeg(*PICTURE, *x264, "-output_ts_offset", "100", late)
    ffmpeg(*PICTURE, *x264, "-output_ts_offset", "1", early)
    yield _file(folder, kind, "backwards.ts", late.read_bytes() + early.read_bytes())
    both = [good.read_bytes() for good in (folder / "good-fast.mp4", folder / "good-parts.mp4")]
    for box in (b"mvhd", b"mdhd"):
        for film, data in zip(("fast", "parts"), both, strict=True):
            place = data.index(box) + 16
            for clock in (0, 1, 2**31 - 1, 2**32 - 1):
                lied = data[:place] + struct.pack(">I", clock) + data[place + 4 :]
                yield _file(folder, kind, f"{box.decode()}-{clock}-{film}.mp4", lied)
    for delay in (0, 1, 65535):
        gif = bytearray((folder / "good-a.gif").read_bytes())
        for place in _all(gif, b"\x21\xf9\x04"):
            gif[place + 4 : place + 6] = struct.pack("<H", delay)
        yield _file(folder, kind, f"delay-{delay}.gif", bytes(gif))


def odd_streams(folder: Path) -> Iterator[Case]:
    kind, x264 = "odd streams", ("-c:v", "libx264", "-pix_fmt", "yuv420p")
    pieces = []
    for size in ("64x48", "128x96", "32x64"):
        pieces.append(folder / f"piece-{size}.h264")
        ffmpeg("-f", "lavfi", "-i", f"testsrc2=s={size}:r=25:d=0.2", *x264, pieces[-1])
    yield _file(folder, kind, "changes-size.h264", b"".join(piece.read_bytes() for piece in pieces))
    streams = []
    for size in ("64x48", "128x96"):
        streams.append(folder / f"piece-{size}.ts")
        ffmpeg("-f", "lavfi", "-i", f"testsrc2=s={size}:r=25:d=0.2", *x264, streams[-1])
    yield _file(folder, kind, "changes-size.ts", b"".join(piece.read_bytes() for piece in streams))
    for ending in ("m4a", "mp3", "wav", "ogg", "mkv"):
        path = folder / f"sound-only.{ending}"
        ffmpeg(*SOUND, path)
        yield Case(kind, path.name, path, refused=True)
    cover = folder / "cover-only.m4a"
    still = folder / "good-a.jpg"
    ffmpeg(
        *SOUND, "-i", still, "-map", "0", "-map", "1", "-c:v", "copy", "-disposition:v", "attached_pic", cover
    )
    yield Case(kind, cover.name, cover, refused=True)
    for size in ("1x1", "2x2", "1x64", "3000x2", "17x31"):
        path = folder / f"size-{size}.mkv"
        large = "color=red:s=3000x64:r=25:d=0.2"
        crop = f"format=rgb24,crop={size.replace('x', ':')}"
        ffmpeg("-f", "lavfi", "-i", large, "-vf", crop, "-c:v", "png", path)
        yield Case(kind, path.name, path)
    for name, options in {
        "many-streams.mkv": ["-map", "0"] * 20,
        "strange-pixels.mkv": ["-vf", "setsar=1000/1"],
        "stranger-pixels.mkv": ["-vf", "setsar=1/1000"],
        "turned.mp4": ["-metadata:s:v", "rotate=37"],
        "grey16.mkv": ["-pix_fmt", "gray16le"],
        "tags.mkv": ["-metadata", "title=" + "x\n[error] Stream #0:0: Video: h264, 9x9, 1 fps " * 50],
    }.items():
        path = folder / name
        codec = ["-c:v", "ffv1"] if name.endswith("mkv") else list(x264)
        ffmpeg(*PICTURE, *options, *codec, path)
        yield Case(kind, name, path)


def broken_gifs(folder: Path) -> Iterator[Case]:
    good = (folder / "good-a.gif").read_bytes()
    frames = _all(good, b"\x21\xf9\x04")
    image = good.index(b"\x2c", frames[0])
    made = {
        "no-trailer": good[:-1],
        "trailer-at-once": good[:13] + b"\x3b",
        "no-frame": good[: frames[0]] + b"\x3b",
        "frame-outside": good[: image + 1] + struct.pack("<HH", 60000, 60000) + good[image + 5 :],
        "frame-too-large": good[: image + 5] + struct.pack("<HH", 65535, 65535) + good[image + 9 :],
        "frame-of-nothing": good[: image + 5] + bytes(4) + good[image + 9 :],
        "code-size-0": _with_byte(good, _data_of(good, image), 0),
        "code-size-13": _with_byte(good, _data_of(good, image), 13),
        "code-size-255": _with_byte(good, _data_of(good, image), 255),
        "block-too-long": _with_byte(good, _data_of(good, image) + 1, 255),
        "block-of-0": _with_byte(good, _data_of(good, image) + 1, 0),
        "lzw-of-ones": good[: _data_of(good, image) + 2]
        + b"\xff" * 400
        + good[_data_of(good, image) + 402 :],
        "unknown-blocks": good[: frames[0]] + (b"\x21\x99\x04abcd\x00" * 5000) + good[frames[0] :],
        "endless-comment": good[: frames[0]] + b"\x21\xfe" + (b"\xff" + b"x" * 255) * 4000,
        "many-nothings": good[:13] + b"\x2c" + bytes(8) + b"\0\2\0" * 3000,
        "old-87a": b"GIF87a" + good[6:],
        "version-99z": b"GIF99z" + good[6:],
        "thousand-frames": good[: frames[0]] + good[frames[0] : frames[1]] * 100 + b"\x3b",
    }
    for name, data in made.items():
        yield _file(folder, "broken gif", f"{name}.gif", data)


# --- files that point elsewhere ---------------------------------------------------------------------------


def pointers(folder: Path) -> Iterator[Case]:
    """Playlists and the like: only the file itself may be read."""
    secret = folder / "good-a.ts"
    texts = {
        "list.m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{secret}\n#EXT-X-ENDLIST\n",
        "relative.m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{secret.name}\n#EXT-X-ENDLIST\n",
        "address.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n",
        "list.ffconcat": f"ffconcat version 1.0\nfile {secret.name}\n",
        "unsafe.ffconcat": f"ffconcat version 1.0\nfile '{secret}'\n",
        "address.ffconcat": "ffconcat version 1.0\nfile http://127.0.0.1:9/a.ts\n",
        "a.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n"
        "a=rtpmap:96 H264/90000\n",
        "a.mpd": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period>'
        f"<AdaptationSet><Representation><BaseURL>{secret}</BaseURL></Representation></AdaptationSet></Period></MPD>",
        "a.xspf": f"<playlist><trackList><track><location>file://{secret}</location></track></trackList></playlist>",
        "a.svg": f'<svg xmlns="http://www.w3.org/2000/svg"><image href="file://{secret}" width="9"/></svg>',
        "a.imf": f"<CompositionPlaylist><Asset>{secret}</Asset></CompositionPlaylist>",
        "a.ass": "[Script Info]\n[Events]\nDialogue: 0,0:00:00.00,0:00:09.00,,,0,0,0,,text\n",
        "a.srt": "1\n00:00:00,000 --> 00:00:09,000\ntext\n",
        "a.txt": f"file {secret.name}\n",
        "a.cue": f'FILE "{secret}" WAVE\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n',
        "filter.lavfi": "testsrc2=s=64x48:d=1",
        "a.rtsp": "[Reference]\nRef1=http://127.0.0.1:9/a\n",
        "a.html": f"<video src='{secret}'></video>",
    }
    for name, text in texts.items():
        for ending in ("", ".mp4"):
            yield _file(folder, "points elsewhere", name + ending, text.encode(), refused=True)
    mov = bytearray((folder / "good-a.mov").read_bytes())
    place = mov.find(b"url ")
    if place > 0:  # flag 1: the data is in this very file; 0: it is where the name says
        mov[place + 4 : place + 8] = bytes(4)
        yield _file(folder, "points elsewhere", "data-elsewhere.mov", bytes(mov))
    link = folder / "link-to-clip.mp4"
    link.symlink_to(folder / "good-a.mp4")
    yield Case("points elsewhere", link.name, link)


def no_files(folder: Path) -> Iterator[Case]:
    """Names that lead to what is no file."""
    loop, nowhere, zero = folder / "loop.mp4", folder / "nowhere.mp4", folder / "zero.mp4"
    loop.symlink_to(loop)
    nowhere.symlink_to(folder / "not-there.mp4")
    zero.symlink_to("/dev/zero")
    pipe, empty = folder / "pipe.mp4", folder / "folder.mp4"
    os.mkfifo(pipe)
    empty.mkdir()
    names = [
        loop,
        nowhere,
        zero,
        pipe,
        empty,
        *map(Path, ("/dev/zero", "/dev/null", "/dev/stdin", "/dev/tty")),
    ]
    names += [
        folder / "not-there.mp4",
        folder / "not-there-%04d.png",
        Path("/proc/self/mem"),
        Path("-"),
        Path(""),
    ]
    for path in names:
        yield Case("no file", str(path) or "''", path, refused=True)


NAMES = (
    *(
        "-o",
        "--help.mp4",
        "-i.mp4",
        "%d.mp4",
        "%04d%s%n.mp4",
        "a%20b.mp4",
        "new\nline.mp4",
        "tab\tbell\a.mp4",
    ),
    *(
        "it's.mp4",
        'say "hi".mp4',
        "back\\slash.mp4",
        "$(touch canary).mp4",
        "`touch canary`.mp4",
        "a;b|c&d.mp4",
    ),
    *(
        "*.mp4",
        "[a-z]?.mp4",
        "file:a.mp4",
        "http:a.mp4",
        "concat:a|b.mp4",
        "pipe:0.mp4",
        "@list.mp4",
        "~.mp4",
    ),
    *(
        " .mp4",
        "...mp4",
        "ünïcödé 🎈.mp4",
        "\u202etxt.mp4",
        "x" * 240 + ".mp4",
        "cr\rlf.mp4",
        "\x1b[31mred.mp4",
    ),
)


def odd_names(folder: Path) -> Iterator[Case]:
    """Good clips under bad names, and good clips that shall get bad names."""
    data = (folder / "good-a.mp4").read_bytes()
    place = folder / "names"
    place.mkdir()
    for number, name in enumerate(NAMES):
        path = place / name
        path.write_bytes(data)
        yield Case("odd name", f"from {name!r}", path)
        good = folder / "good-fast.mp4"
        if name.endswith(".mp4"):
            yield Case("odd name", f"to {name!r}", good, output=f"{number}{name}" if name[0] != "-" else name)
    bare = os.fsencode(place) + b"/not-utf8-\xff\xfe.mp4"
    with open(bare, "wb") as file:
        file.write(data)
    yield Case("odd name", "from bytes that are no text", Path(os.fsdecode(bare)))
    yield Case(
        "odd name", "to bytes that are no text", folder / "good-fast.mp4", output=os.fsdecode(b"o-\xff.mp4")
    )


# --- weights ----------------------------------------------------------------------------------------------


class _Runs:
    """Pickled, it makes a folder when it is read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return os.mkdir, (str(self._folder / CANARY),)


def weights(folder: Path) -> Iterator[Case]:
    """Weights with code in them, of wrong shapes, with numbers that are none."""
    from importlib import resources

    import torch
    from safetensors.torch import load_file, save_file

    from dreamvideo.nets.load import LITE_FILE

    lite = Path(str(resources.files("dreamvideo.nets") / LITE_FILE))
    good = load_file(lite)
    evil = pickle.dumps({"conv1_1.weight": _Runs(folder)})
    made: dict[str, bytes] = {
        "evil.pth": evil,
        "evil.safetensors": evil,
        "evil-0.pth": pickle.dumps(_Runs(folder), protocol=0),
        "empty.pth": b"",
        "empty.safetensors": b"",
        "cut.safetensors": lite.read_bytes()[:5000],
        "text.pth": b"these are no weights",
        "header-too-long.safetensors": struct.pack("<Q", 1 << 60) + b"{}",
        "header-no-json.safetensors": struct.pack("<Q", 4) + b"nope",
        "header-lies.safetensors": _safetensors(
            '{"a":{"dtype":"F32","shape":[9999999999],"data_offsets":[0,4]}}'
        ),
        "header-outside.safetensors": _safetensors(
            '{"a":{"dtype":"F32","shape":[1],"data_offsets":[900,904]}}'
        ),
        "header-backwards.safetensors": _safetensors(
            '{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}'
        ),
    }
    with zipfile.ZipFile(folder / "zip.pth", "w") as archive:
        archive.writestr("archive/data.pkl", evil)
        archive.writestr("archive/version", "3")
    made["evil-zip.pth"] = (folder / "zip.pth").read_bytes()
    for name, data in made.items():
        (folder / name).write_bytes(data)
    torch.save({"conv1_1.weight": 3}, folder / "number.pth")
    torch.save([good["conv1_1.weight"]], folder / "list.pth")
    torch.save({}, folder / "nothing.pth")
    first = next(iter(good))
    for name, tensors in {
        "few": {first: good[first]},
        "flat": {key: value.flatten().clone() for key, value in good.items()},
        "swapped": {key: value.transpose(0, -1).contiguous() for key, value in good.items()},
        "scalar": {**good, first: torch.zeros(())},
        "none": {**good, first: torch.zeros(0, 3, 3, 3)},
        "whole": {key: value.to(torch.int32) for key, value in good.items()},
        "complex": {**good, first: good[first].to(torch.complex64)},
        "half": {key: value.half() for key, value in good.items()},
        "nan": {**good, first: torch.full_like(good[first], float("nan"))},
        "inf": {**good, first: torch.full_like(good[first], float("inf"))},
        "large": {key: value * 1e9 for key, value in good.items()},
        "zero": {key: value * 0 for key, value in good.items()},
        "strange-names": {"../../x": good[first], "": good[first].clone()},
    }.items():
        save_file(tensors, folder / f"{name}.safetensors")
    refused = {*made, "number.pth", "list.pth", "nothing.pth", "few.safetensors", "flat.safetensors"}
    for path in sorted((*folder.glob("*.pth"), *folder.glob("*.safetensors"))):
        for model in ("vgg16-lite", "vgg16"):
            yield Case(
                "weights",
                f"{path.name} as {model}",
                folder / "good-a.png",
                path.name in refused or model == "vgg16",
                ("--model", model, "--weights", str(path), "--layer", "conv2_2"),
                "out.png",
            )


KINDS: tuple[Callable[[Path], Iterator[Case]], ...] = (
    *(truncations, bit_flips, wrong_endings, nothing_in_it, huge_claims, bombs, odd_times, odd_streams),
    *(broken_gifs, pointers, no_files, odd_names, weights),
)


def _file(folder: Path, kind: str, name: str, data: bytes, refused: bool = False) -> Case:
    path = folder / name
    path.write_bytes(data)
    return Case(kind, name, path, refused)


def _crc(chunk: bytes) -> bytes:
    return struct.pack(">I", zlib.crc32(chunk))


def _with_size(png: bytes, side: int) -> bytes:
    chunk = b"IHDR" + struct.pack(">II", side, side) + png[24:29]
    return png[:12] + chunk + _crc(chunk) + png[33:]


def _png(side: int, colour: int, packed: bytes) -> bytes:
    head = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, colour, 0, 0, 0)
    chunks = (head, b"IDAT" + packed, b"IEND")
    body = b"".join(struct.pack(">I", len(chunk) - 4) + chunk + _crc(chunk) for chunk in chunks)
    return b"\x89PNG\r\n\x1a\n" + body


def _all(data: bytes | bytearray, what: bytes) -> list[int]:
    places, place = [], data.find(what)
    while place >= 0:
        places.append(place)
        place = data.find(what, place + 1)
    return places


def _data_of(gif: bytes, image: int) -> int:
    """Where the packed pixels of an image block begin: behind its own palette, if it has one."""
    flags = gif[image + 9]
    return image + 10 + (3 << ((flags & 7) + 1) if flags & 0x80 else 0)


def _with_byte(data: bytes, place: int, value: int) -> bytes:
    return data[:place] + bytes([value]) + data[place + 1 :]


def _safetensors(header: str) -> bytes:
    return struct.pack("<Q", len(header)) + header.encode() + bytes(64)
