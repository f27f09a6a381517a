"""What is known of a clip before it is decoded; and one clear line for what is no clip."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import pytest
from conftest import H264, cut_off, film, run_ffmpeg

from dreamvideo.errors import InputError
from dreamvideo.media.probe import probe, shown_size
from dreamvideo.media.tags import read_tags


@pytest.mark.parametrize("fps", ["24000/1001", "30000/1001", "25", "50", "25/2"])
@pytest.mark.parametrize("ending", ["mp4", "mkv", "webm", "avi", "ts"])
def test_the_rate_is_an_exact_fraction(tmp_path: Path, fps: str, ending: str) -> None:
    codec = {"webm": ("-c:v", "libvpx", "-deadline", "realtime"), "avi": ("-c:v", "mjpeg")}.get(ending, H264)
    info = probe(film(tmp_path / f"a.{ending}", *codec, fps=fps))
    assert info.fps == Fraction(fps)
    assert not info.is_variable
    assert info.duration == pytest.approx(float(info.frames / Fraction(fps)))


def test_a_clip_is_described(short_clip: Path) -> None:
    info = probe(short_clip)
    assert (info.size, info.fps, info.frames, info.duration) == ((64, 48), 25, 25, 1.0)
    assert (info.codec, info.pixel_format, info.has_audio, info.audio_codec) == (
        "h264",
        "yuv420p",
        True,
        "aac",
    )
    assert not (info.is_variable or info.is_hdr or info.has_alpha or info.is_cut_short)


def test_a_variable_rate_is_noticed_and_rounding_is_not(variable_clip: Path, tmp_path: Path) -> None:
    assert probe(variable_clip).is_variable
    assert not probe(
        film(tmp_path / "a.gif", "-loop", "0", fps="30")
    ).is_variable  # delays of 3, 3, 4, ... cs


def test_frames_before_an_edit_list_do_not_count(tmp_path: Path) -> None:
    run_ffmpeg("-ss", "0.5", "-i", film(tmp_path / "a.mp4", *H264), "-c", "copy", tmp_path / "cut.mp4")
    assert probe(tmp_path / "cut.mp4").frames == pytest.approx(12.5, abs=0.5)


@pytest.mark.parametrize(
    ("stored", "aspect", "rotation", "shown"),
    [
        ((720, 576), Fraction(16, 15), 0, (768, 576)),
        ((720, 480), Fraction(8, 9), 0, (720, 540)),
        ((176, 144), Fraction(128, 117), 0, (193, 144)),
        ((64, 48), Fraction(1), 90, (48, 64)),
        ((64, 48), Fraction(2), 270, (48, 128)),
        ((64, 48), Fraction(1), 180, (64, 48)),
    ],
)
def test_the_size_is_that_on_a_screen(
    stored: tuple[int, int], aspect: Fraction, rotation: int, shown: tuple[int, int]
) -> None:
    assert shown_size(stored, aspect, rotation) == shown


def refused(path: Path) -> str:
    """The one line that says why `path` is not read."""
    with pytest.raises(InputError) as caught:
        probe(path)
    said = str(caught.value)
    assert "\n" not in said and path.name in said and len(said) < 300
    return said


def test_what_is_no_clip_is_refused_in_one_line(tmp_path: Path, short_clip: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("moov atom not found, said the whitelist\n" * 50)
    run_ffmpeg("-f", "lavfi", "-i", "sine=d=0.2", tmp_path / "sound.m4a")
    assert "no such file" in refused(tmp_path / "missing.mp4")
    assert "folder" in refused(tmp_path)
    assert "empty" in refused(tmp_path / "empty.mp4")
    assert "not a video" in refused(tmp_path / "text.mp4")
    assert "no film in it, only sound" in refused(tmp_path / "sound.m4a")
    assert "moov" in refused(cut_off(short_clip, tmp_path / "half.mp4", 0.5))
    whole = film(tmp_path / "whole.mp4", *H264, "-movflags", "+faststart")
    assert "cut short" in refused(
        cut_off(whole, tmp_path / "head.mp4", whole.read_bytes().index(b"mdat") / 6000)
    )
    os.mkfifo(tmp_path / "pipe")
    assert "not a regular file" in refused(tmp_path / "pipe")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="permissions do not bind root")
def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", *H264)
    path.chmod(0)
    assert "permission" in refused(path)


def test_playlists_are_refused(tmp_path: Path, short_clip: Path) -> None:
    """They could make us read other files, and addresses."""
    hls = f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{short_clip}\n#EXT-X-ENDLIST\n"
    lists = {
        "a.m3u8": hls,
        "b.mp4": hls,
        "c.mp4": f"ffconcat version 1.0\nfile {short_clip}\n",
        "d.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
        "e.mpd": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>',
    }
    for name, text in lists.items():
        (tmp_path / name).write_text(text)
        assert "not" in refused(tmp_path / name)


def test_a_name_cannot_pass_for_what_ffmpeg_says(tmp_path: Path) -> None:
    name = "partial file\n  Stream #0:0: Video: h264, yuv420p, 9x9, 7 fps, start 5.0.mp4"
    (tmp_path / name.replace(".mp4", "x.mp4")).write_text("nothing")
    info = probe(film(tmp_path / name, *H264))
    assert (info.size, info.frames, info.is_cut_short) == ((64, 48), 25, False)
    with pytest.raises(InputError, match="not a video"):
        probe(tmp_path / name.replace(".mp4", "x.mp4"))


def test_tags_are_read_with_everything_in_them(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", *H264, "-metadata", "title=a=b;c#d\\e\n[STREAM]\nf")
    assert read_tags(path)["title"] == "a=b;c#d\\e\n[STREAM]\nf"
    with pytest.raises(InputError):
        read_tags(tmp_path / "missing.mp4")
