"""What can be written where is known before any work, and nothing that exists is touched."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dreamvideo.errors import OutputError
from dreamvideo.media.outputs import check_output, kind_of_output


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *(
            (f"out.{ending}", "clip")
            for ending in ("mp4", "mov", "webm", "mkv", "gif", "webp", "apng", "MP4")
        ),
        *((f"out.{ending}", "still") for ending in ("png", "jpg", "jpeg", "JPG")),
        ("out/", "frames"),
        ("out", "frames"),
        ("out.v2/", "frames"),
    ],
)
def test_the_ending_tells_the_kind(name: str, kind: str) -> None:
    assert kind_of_output(name) == kind


def test_webp_from_a_still_is_a_still() -> None:
    assert kind_of_output("out.webp", from_still=True) == "still"
    assert kind_of_output("out.gif", from_still=True) == "clip"


def refused(path: Path | str, *, overwrite: bool = False, input_path: Path | None = None) -> str:
    with pytest.raises(OutputError) as caught:
        check_output(path, overwrite=overwrite, input_path=input_path)
    assert "\n" not in str(caught.value) and caught.value.exit_code == 2
    return str(caught.value)


def test_a_good_output_is_accepted_and_nothing_is_made(tmp_path: Path) -> None:
    for name in ("out.mp4", "frames/", "frames"):
        check_output(f"{tmp_path}/{name}", overwrite=False, input_path=tmp_path / "in.mp4")
    assert os.listdir(tmp_path) == []


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    said = refused(tmp_path / "out.xyz")
    assert ".xyz" in said and all(ending in said for ending in ("mp4", "webm", "gif", "webp", "png"))
    assert "does not exist" in refused(tmp_path / "missing" / "out.mp4")
    assert "does not exist" in refused(tmp_path / "missing" / "frames")


def test_what_exists_needs_overwrite(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.write_bytes(b"old")
    assert "--overwrite" in refused(path)
    check_output(path, overwrite=True)
    assert path.read_bytes() == b"old"
    dangling = tmp_path / "link.mp4"
    dangling.symlink_to(tmp_path / "nowhere.mp4")
    assert "--overwrite" in refused(dangling)


def test_the_input_is_never_the_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "in.mp4"
    source.write_bytes(b"clip")
    (tmp_path / "symlink.mp4").symlink_to(source)
    os.link(source, tmp_path / "hardlink.mp4")
    (tmp_path / "dir").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    for name in ("in.mp4", "./in.mp4", "symlink.mp4", "hardlink.mp4", "dir/in.mp4"):
        for overwrite in (False, True):
            assert "the input itself" in refused(name, overwrite=overwrite, input_path=source)


def test_a_folder_of_frames_for_an_input_folder_is_refused(tmp_path: Path) -> None:
    assert "the input itself" in refused(f"{tmp_path}/", overwrite=True, input_path=tmp_path)


def test_folders_and_files_do_not_replace_each_other(tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    check_output(tmp_path / "frames", overwrite=False)
    (tmp_path / "frames" / "note.txt").touch()
    assert "--overwrite" in refused(tmp_path / "frames")
    check_output(tmp_path / "frames", overwrite=True)
    (tmp_path / "plain").touch()
    assert "is a file" in refused(f"{tmp_path}/plain", overwrite=True)
    (tmp_path / "dir.mp4").mkdir()
    (tmp_path / "dir.mp4" / "x").touch()
    assert "folder" in refused(tmp_path / "dir.mp4")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="permissions do not bind root")
def test_a_folder_that_may_not_be_written_in_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        assert "permission" in refused(tmp_path / "out.mp4")
    finally:
        tmp_path.chmod(0o700)
