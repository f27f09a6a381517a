"""Weights fetched from a real server of this machine: progress, resume, hash, a server that is not there."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import monotonic
from typing import ClassVar

import pytest

from dreamvideo.errors import DreamVideoError, UnknownNameError, WeightsError
from dreamvideo.nets.published import Published, has_its_hash, published, pull

DATA = bytes(range(256)) * 8192  # 2 MB
DIGEST = hashlib.sha256(DATA).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """One file, with ranges; `/short...` breaks off in the middle, `/plain...` knows no ranges."""

    ranges: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        asked = self.headers["Range"]
        self.ranges.append(asked)
        if self.path.startswith("/missing"):
            self.send_error(404)
            return
        begin = int(asked.removeprefix("bytes=").rstrip("-")) if asked and "plain" not in self.path else 0
        if begin >= len(DATA):
            self.send_error(416)
            return
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(DATA) - begin))
        self.end_headers()
        stop = len(DATA) // 2 if self.path.startswith("/short") else len(DATA)
        self.wfile.write(DATA[begin:stop])

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    """The address of a server that runs during a test."""
    Handler.ranges.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()


def wanted(server: str, path: str = "net", digest: str = DIGEST) -> Published:
    file = f"{path}-{digest[:8]}.pth"
    return Published("net", f"{server}/{file}", file, 2.0)


def test_a_file_appears_when_it_is_complete(tmp_path: Path, server: str) -> None:
    told: list[tuple[int, int | None]] = []
    path = pull(
        wanted(server), tmp_path / "new", lambda done, expected, _=None: told.append((done, expected))
    )
    assert path.read_bytes() == DATA and [p.name for p in path.parent.iterdir()] == [path.name]
    assert told[-1] == (2, 2) and len(told) > 2
    assert pull(wanted(server), tmp_path / "new") == path and len(Handler.ranges) == 1, "it is there"


def test_what_broke_off_goes_on(tmp_path: Path, server: str) -> None:
    with pytest.raises(DreamVideoError, match="goes on"):
        pull(wanted(server, "short"), tmp_path)
    (part,) = tmp_path.iterdir()
    assert part.name.startswith(".short") and part.stat().st_size == len(DATA) // 2
    part.rename(tmp_path / f".net-{DIGEST[:8]}.pth.part")
    assert pull(wanted(server), tmp_path).read_bytes() == DATA
    assert Handler.ranges == [None, f"bytes={len(DATA) // 2}-"]


def test_a_part_that_is_all_there_is_only_checked(tmp_path: Path, server: str) -> None:
    (tmp_path / f".net-{DIGEST[:8]}.pth.part").write_bytes(DATA)
    assert pull(wanted(server), tmp_path).read_bytes() == DATA


def test_a_server_without_ranges_sends_all_again(tmp_path: Path, server: str) -> None:
    (tmp_path / f".plain-{DIGEST[:8]}.pth.part").write_bytes(b"x" * 1000)
    assert pull(wanted(server, "plain"), tmp_path).read_bytes() == DATA


def test_a_wrong_hash_leaves_nothing(tmp_path: Path, server: str) -> None:
    with pytest.raises(WeightsError, match="arrived damaged"):
        pull(wanted(server, digest="0" * 64), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_damaged_file_is_fetched_again(tmp_path: Path, server: str) -> None:
    target = tmp_path / f"net-{DIGEST[:8]}.pth"
    target.write_bytes(b"damaged")
    assert not has_its_hash(target)
    assert has_its_hash(pull(wanted(server), tmp_path))


@pytest.mark.parametrize("path, words", [("missing", "the server answers 404"), ("", "refused")])
def test_a_server_out_of_reach_names_file_and_folder(
    tmp_path: Path, server: str, path: str, words: str
) -> None:
    begun = monotonic()
    address = server if path else "http://127.0.0.1:9"
    with pytest.raises(DreamVideoError, match=words) as caught:
        pull(wanted(address, path or "net"), tmp_path)
    said = str(caught.value)
    assert f"{path or 'net'}-{DIGEST[:8]}.pth" in said and str(tmp_path) in said and "127.0.0.1" not in said
    assert "\n" not in said and monotonic() - begun < 60


def test_torchvisions_table_names_the_files() -> None:
    try:
        import torchvision  # noqa: F401
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"NOT TESTED: torchvision cannot be used here: {error}")
    assert published("vgg16").file == "vgg16-397923af.pth" and published("vgg16").megabytes > 500
    with pytest.raises(UnknownNameError, match="did you mean resnet5"):
        published("resnet51")
