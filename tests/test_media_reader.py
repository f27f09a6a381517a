"""Frames come out in order, all of them, at their times, as they are meant to look."""

from __future__ import annotations

import logging
import os
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from conftest import H264, count_film, cut_off, film, number_of, run_ffmpeg

from dreamvideo.errors import InputError
from dreamvideo.media import decode
from dreamvideo.media.reader import ClipReader, TimedFrame

NTSC = Fraction(24000, 1001)
AV1 = ("-c:v", "libsvtav1", "-preset", "12", "-crf", "20", "-pix_fmt", "yuv420p")
FFV1 = ("-c:v", "ffv1", "-pix_fmt", "yuv420p")


def read(path: Path, **options: object) -> list[TimedFrame]:
    with ClipReader(path, **options) as reader:  # type: ignore[arg-type]
        expected = reader.frames
        frames = list(reader)
        assert len(frames) == expected or reader.broken_at is not None
        assert all(frame.shape[1::-1] == reader.size for frame, _ in frames)
    return frames


def numbers(frames: list[TimedFrame]) -> list[int]:
    return [number_of(frame) for frame, _ in frames]


@pytest.mark.parametrize("count", [1, 2, 9, 30])
def test_every_frame_comes_in_order(tmp_path: Path, count: int) -> None:
    frames = read(count_film(tmp_path / "count.mp4", frames=count))
    assert numbers(frames) == list(range(count))
    assert [time for _, time in frames] == [Fraction(n, 25) for n in range(count)]
    assert frames[0].frame.dtype == np.uint8 and frames[0].frame.flags["C_CONTIGUOUS"]


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mkv", ()),
        ("a.webm", ("-c:v", "libvpx-vp9", "-lossless", "1")),
        ("a.avi", ("-c:v", "mpeg4", "-bf", "2", "-q:v", "1")),
        ("a.ts", ("-c:v", "mpeg2video", "-q:v", "1")),
        ("a.mp4", AV1),
        ("a.gif", ()),
        ("a.apng", ("-f", "apng")),
        ("a.webp", ("-c:v", "libwebp_anim", "-lossless", "1")),
        ("a.avif", AV1),
        ("a.h264", ()),
    ],
)
def test_every_container_gives_all_frames(tmp_path: Path, name: str, codec: tuple[str, ...]) -> None:
    frames = read(count_film(tmp_path / name, *(codec or ("-q:v", "1")), frames=12))
    assert len(frames) == 12
    assert numbers(frames) == pytest.approx(list(range(12)), abs=1)
    assert [time for _, time in frames] == [Fraction(n, 25) for n in range(12)]


def test_a_clip_without_a_duration_is_read(tmp_path: Path) -> None:
    whole = count_film(tmp_path / "whole.mkv", frames=9)
    piped = tmp_path / "piped.mkv"
    run_ffmpeg("-i", whole, "-c", "copy", "-f", "matroska", "-live", "1", piped)
    assert numbers(read(piped)) == list(range(9))


def test_start_end_and_frames_cut_exactly(tmp_path: Path) -> None:
    clip = count_film(tmp_path / "count.mp4", frames=25)
    assert numbers(read(clip, start=0.4, end=0.6)) == [10, 11, 12, 13, 14]
    assert numbers(read(clip, start=0.4, frames=2)) == [10, 11]
    assert numbers(read(clip, start=0.41, frames=1)) == [10]
    assert [time for _, time in read(clip, start=0.4, frames=2)] == [0, Fraction(1, 25)]
    assert numbers(read(clip, end=99)) == list(range(25))


@pytest.mark.parametrize(
    "codec", [("-c:v", "libx264", "-qp", "0", "-g", "5"), (*AV1, "-g", "5")], ids=["cv2", "ffmpeg"]
)
def test_seeking_lands_on_the_frame_asked_for(
    tmp_path: Path, codec: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = count_film(tmp_path / "count.mp4", *codec, "-pix_fmt", "yuv420p", frames=50)
    monkeypatch.setattr(decode, "SEEK_BEYOND", Fraction(1, 2))
    monkeypatch.setattr(decode, "SEEK_EARLY", Fraction(1, 5))
    assert numbers(read(clip, start=1.2)) == pytest.approx(list(range(30, 50)), abs=0)


@pytest.mark.parametrize(("fps", "every"), [(Fraction(5), 5), (Fraction(25, 2), 2), (Fraction(25), 1)])
def test_another_rate_takes_the_last_frame_whose_time_has_come(
    tmp_path: Path, fps: Fraction, every: int
) -> None:
    clip = count_film(tmp_path / "count.mp4", frames=20)
    frames = read(clip, fps=fps)
    assert numbers(frames) == list(range(0, 20, every))
    assert [time for _, time in frames] == [n / fps for n in range(len(frames))]


def test_a_higher_rate_repeats_frames(tmp_path: Path) -> None:
    frames = read(count_film(tmp_path / "count.mp4", frames=4), fps=Fraction(50))
    assert numbers(frames) == [0, 0, 1, 1, 2, 2, 3, 3]


def test_a_variable_rate_keeps_each_time(variable_clip: Path) -> None:
    with ClipReader(variable_clip) as reader:
        frames = list(reader)
    assert reader.is_variable and reader.duration == 1
    assert numbers(frames) == [n for n in range(30) if n % 3 != 1]
    assert [time for _, time in frames] == [Fraction(n, 30) for n in numbers(frames)]


def test_a_variable_rate_becomes_constant_on_request(variable_clip: Path) -> None:
    with ClipReader(variable_clip, fps=Fraction(30)) as reader:
        frames = list(reader)
    assert not reader.is_variable and len(frames) == reader.frames == 30
    assert numbers(frames) == [n - 1 if n % 3 == 1 else n for n in range(30)]


def test_a_part_of_a_variable_clip_begins_with_the_frame_on_display(variable_clip: Path) -> None:
    frames = read(variable_clip, start=0.05, end=0.3)  # between frame 0 (0 s) and frame 2 (0.067 s)
    assert numbers(frames) == [0, 2, 3, 5, 6, 8]
    assert [float(time) for _, time in frames] == pytest.approx(
        [0, 0.0167, 0.05, 0.1167, 0.15, 0.2167], abs=1e-3
    )


@pytest.mark.parametrize("degrees", [90, 180, 270])
@pytest.mark.parametrize("codec", [H264, AV1], ids=["cv2", "ffmpeg"])
def test_rotation_is_applied(tmp_path: Path, degrees: int, codec: tuple[str, ...]) -> None:
    """Left half white; turned counter-clockwise by `degrees`, as ffmpeg's -display_rotation says."""
    source = "color=black:s=96x64:r=25:d=0.2,drawbox=w=48:color=white:t=fill"
    run_ffmpeg("-f", "lavfi", "-i", source, *codec, tmp_path / "flat.mp4")
    turned = tmp_path / "turned.mp4"
    run_ffmpeg("-display_rotation", str(degrees), "-i", tmp_path / "flat.mp4", "-c", "copy", turned)
    frame = read(turned)[0].frame
    assert frame.shape[:2] == ((64, 96) if degrees == 180 else (96, 64))
    white = {90: frame[60:], 180: frame[:, 60:], 270: frame[:36]}[degrees]
    assert white.mean() > 230 and frame.mean() == pytest.approx(127, abs=12)


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp4", H264), ("a.webm", ("-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p"))],
    ids=["cv2", "ffmpeg"],
)
@pytest.mark.parametrize(("aspect", "size"), [("4/3", (85, 48)), ("1/2", (64, 96))])
def test_pixel_aspect_is_applied(
    tmp_path: Path, name: str, codec: tuple[str, ...], aspect: str, size: tuple[int, int]
) -> None:
    clip = film(tmp_path / name, "-vf", f"setsar={aspect}", *codec, seconds=0.2)
    assert read(clip)[0].frame.shape == (size[1], size[0], 3)


def test_pixel_aspect_and_rotation_together(tmp_path: Path) -> None:
    film(tmp_path / "wide.mp4", "-vf", "setsar=2", *H264, seconds=0.2)
    run_ffmpeg("-display_rotation", "90", "-i", tmp_path / "wide.mp4", "-c", "copy", tmp_path / "turned.mp4")
    assert read(tmp_path / "turned.mp4")[0].frame.shape == (128, 48, 3)


RED = (200, 40, 90)


def plain(path: Path, colour: tuple[int, int, int], *options: str, size: str = "64x48") -> np.ndarray:
    """The mean colour of what is read from a clip of one `colour`."""
    source = "color=#{:02x}{:02x}{:02x}".format(*colour) + f":s={size}:r=25:d=0.2,format=gbrp"
    run_ffmpeg("-f", "lavfi", "-i", source, *options, path)
    return read(path)[0].frame.reshape(-1, 3).mean(0)


@pytest.mark.parametrize(
    "options",
    [
        ("-vf", "scale=out_color_matrix=bt601:out_range=tv,format=yuv420p,setparams=colorspace=bt470bg"),
        ("-vf", "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p,setparams=colorspace=bt709"),
        (
            "-vf",
            "scale=out_color_matrix=bt709:out_range=pc,format=yuvj420p,setparams=colorspace=bt709:range=pc",
        ),
        ("-vf", "scale=out_color_matrix=bt709:out_range=tv,format=yuv444p,setparams=colorspace=bt709"),
        ("-vf", "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p10le,setparams=colorspace=bt709"),
    ],
    ids=["601", "709", "full range", "4:4:4", "10 bit"],
)
@pytest.mark.parametrize("codec", [("-c:v", "libx264", "-crf", "4"), ("-c:v", "ffv1")], ids=["h264", "ffv1"])
def test_colours_are_those_of_the_source(
    tmp_path: Path, options: tuple[str, ...], codec: tuple[str, ...]
) -> None:
    assert plain(tmp_path / "red.mkv", RED, *options, *codec) == pytest.approx(RED, abs=3)


def test_untagged_hd_is_bt709_as_in_players(tmp_path: Path) -> None:
    untagged = (
        "-vf",
        "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p",
        *H264,
        "-crf",
        "4",
        "-bsf:v",
    )
    unset = "h264_metadata=colour_primaries=2:transfer_characteristics=2:matrix_coefficients=2"
    assert plain(tmp_path / "hd.mp4", RED, *untagged, unset, size="1280x720") == pytest.approx(RED, abs=3)


def test_grey_video_is_read(tmp_path: Path) -> None:
    grey = plain(tmp_path / "grey.mkv", (90, 90, 90), "-pix_fmt", "gray", "-c:v", "ffv1")
    assert grey == pytest.approx((90, 90, 90), abs=2)


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.apng", ("-f", "apng", "-pix_fmt", "rgba")),
        ("a.webm", ("-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p")),
        ("a.gif", ("-lavfi", "split[a][b];[a]palettegen[p];[b][p]paletteuse")),
        ("a.webp", ("-c:v", "libwebp_anim", "-lossless", "1", "-pix_fmt", "bgra")),
    ],
)
def test_transparent_parts_are_black(tmp_path: Path, name: str, codec: tuple[str, ...]) -> None:
    """Right half transparent over white."""
    source = "color=white:s=64x48:r=25:d=0.2,format=rgba,geq=r=250:g='250-N':b=250:a='if(lt(X,32),255,0)'"
    run_ffmpeg("-f", "lavfi", "-i", source, *codec, tmp_path / name)
    frame = read(tmp_path / name)[-1].frame
    assert frame[:, :28].min() > 220 and frame[:, 36:].max() < 16


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_hdr_is_tone_mapped_not_clipped(tmp_path: Path, transfer: str) -> None:
    """A ramp of code values keeps rising where OpenCV would clip it to white, and stays neutral."""
    ramp = "nullsrc=s=256x32:r=25:d=0.2,geq=lum='256+2.5*X':cb=512:cr=512,format=yuv420p10le"
    tags = f"setparams=color_primaries=bt2020:color_trc={transfer}:colorspace=bt2020nc:range=tv"
    hdr = tmp_path / "hdr.mkv"
    ramp = ramp.replace("geq", "format=yuv420p10le,geq")
    run_ffmpeg("-f", "lavfi", "-i", f"{ramp},{tags}", "-c:v", "ffv1", hdr)
    with ClipReader(hdr) as reader:
        assert reader.info.is_hdr
        frame = next(iter(reader)).frame.astype(int)
    luma = frame[16, ::16].mean(-1)
    assert (np.diff(luma) >= 0).all() and luma[8] < 235 and luma[-1] - luma[8] > 10
    assert np.ptp(frame, axis=-1).max() <= 3


def test_interlaced_video_has_no_combs(tmp_path: Path) -> None:
    """A bar that moves between the two fields of a frame would leave lines of it two pixels apart."""
    moving = "nullsrc=s=96x64:r=50:d=0.4,geq=lum='if(between(X,4*N,4*N+16),235,16)':cb=128:cr=128"
    woven = ("-vf", "interlace=scan=tff:lowpass=0", "-c:v", "libx264", "-crf", "4", "-flags", "+ildct")
    run_ffmpeg("-f", "lavfi", "-i", moving, *woven, "-pix_fmt", "yuv420p", tmp_path / "tv.mp4")
    with ClipReader(tmp_path / "tv.mp4") as reader:
        frames = list(reader)
        assert reader.info.is_interlaced and len(frames) == reader.frames == 10
    assert [time for _, time in frames] == [Fraction(n, 25) for n in range(10)]
    middle = frames[5].frame[8:-8].astype(int)
    assert np.abs(middle[::2] - middle[1::2]).mean() < 6


def test_a_cover_picture_is_not_the_film(tmp_path: Path) -> None:
    clip, cover = film(tmp_path / "a.mp4", *H264, seconds=0.4), tmp_path / "cover.png"
    run_ffmpeg("-f", "lavfi", "-i", "color=red:s=16x16", "-frames:v", "1", cover)
    both = tmp_path / "both.mp4"
    run_ffmpeg(
        "-i",
        cover,
        "-i",
        clip,
        "-map",
        "0",
        "-map",
        "1",
        "-c",
        "copy",
        "-disposition:v:0",
        "attached_pic",
        both,
    )
    frames = read(both)
    assert len(frames) == 10 and frames[0].frame.shape == (48, 64, 3)


def test_a_truncated_clip_yields_what_decodes_and_says_where_it_broke(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clip = film(tmp_path / "whole.mp4", *H264, "-movflags", "+faststart", size=(160, 120), seconds=2)
    broken = cut_off(clip, tmp_path / "broken.mp4", 0.6)
    with caplog.at_level(logging.WARNING, "dreamvideo"), ClipReader(broken) as reader:
        frames = list(reader)
    assert 10 < len(frames) < 50
    assert reader.broken_at == len(frames)
    assert [record.getMessage() for record in caplog.records] == [
        f"broken.mp4 breaks off at frame {len(frames)}"
    ]
    with ClipReader(broken, frames=5) as reader:
        assert len(list(reader)) == 5 and reader.broken_at is None


def test_a_damaged_frame_is_stood_in_for_so_that_sound_stays_in_step(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Frame 4 is in the container but is rubbish that no decoder can use."""
    clip = count_film(tmp_path / "count.mkv", "-c:v", "ffv1", "-g", "1", "-slices", "4", frames=9)
    holed = tmp_path / "holed.mkv"
    run_ffmpeg("-i", clip, "-c", "copy", "-bsf:v", "noise=amount='if(eq(n,4),1,0)'", holed)
    with caplog.at_level(logging.WARNING, "dreamvideo"), ClipReader(holed) as reader:
        frames = list(reader)
    assert [time for _, time in frames] == [Fraction(n, 25) for n in range(9)]
    assert numbers(frames) == [0, 1, 2, 3, 3, 5, 6, 7, 8]
    assert reader.broken_at == 4 and "frame 4" in caplog.text


def test_reading_can_begin_again(short_clip: Path) -> None:
    with ClipReader(short_clip) as reader:
        first = [next(iter(reader)).frame for _ in range(2)]
        assert len(list(reader)) == 25
    assert np.array_equal(*first)


@pytest.mark.parametrize("part", [{"start": 5}, {"start": 0.5, "end": 0.5}, {"start": 0.5, "end": 0.2}])
def test_an_empty_part_is_an_error(short_clip: Path, part: dict[str, float]) -> None:
    with pytest.raises(InputError, match="nothing"):
        ClipReader(short_clip, **part)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name", ["-dash.mp4", "with space.mp4", "100%d %04d.mp4", "ünïcödé-夢.mp4", "new\nline.mp4", "a:b|c'.mp4"]
)
def test_any_name_works(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    film(tmp_path / name, *H264, seconds=0.2)
    film(tmp_path / (name + ".webp"), "-c:v", "libwebp_anim", "-lossless", "1", seconds=0.2)
    monkeypatch.chdir(tmp_path)
    assert len(read(Path(name))) == 5
    assert len(read(Path(name + ".webp"))) >= 1


@pytest.mark.skipif(sys.platform != "linux", reason="names there are text")
def test_a_name_that_is_no_text(tmp_path: Path, short_clip: Path) -> None:
    """OpenCV crashes at it: ffmpeg decodes such a clip."""
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/not-utf8-\xff.mp4"))
    path.write_bytes(short_clip.read_bytes())
    with ClipReader(path) as reader:
        assert sum(1 for _ in reader) == 25


@pytest.mark.parametrize("fps", [None, Fraction(30), Fraction(10)])
def test_frames_that_are_sought_are_those_that_come_in_order(tmp_path: Path, fps: Fraction | None) -> None:
    """Also beyond where seeking begins, and with a start of its own."""
    path = film(tmp_path / "long.mp4", "-g", "50", *H264, size=(32, 32), fps="25", seconds=22)
    with ClipReader(path, start=0.5, fps=fps) as reader:
        whole = list(reader)
        for number in (0, 1, len(whole) * 3 // 4, len(whole) - 1):
            assert_same(list(reader.since(number)), whole[number:])


def test_frames_of_a_variable_clip_are_sought(variable_clip: Path) -> None:
    with ClipReader(variable_clip) as reader:
        whole = list(reader)
        for number in (0, 7, 19):
            assert_same(list(reader.since(number)), whole[number:])


def assert_same(found: list[TimedFrame], wanted: list[TimedFrame]) -> None:
    assert [one.time for one in found] == [one.time for one in wanted]
    assert all(np.array_equal(a.frame, b.frame) for a, b in zip(found, wanted, strict=True))
