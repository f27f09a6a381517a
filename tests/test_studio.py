"""The studio's interface: what it makes, whom it lets in, and what it withstands."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from conftest import film

httpx = pytest.importorskip("httpx")
pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from studio_room import FAST, Room, dream, drop, news, studio, until, wait_for  # noqa: E402

from dreamvideo.errors import DreamVideoError, InputError, UsageError  # noqa: E402
from dreamvideo.studio.dreams import Dreams  # noqa: E402
from dreamvideo.studio.folders import write_json  # noqa: E402
from dreamvideo.studio.guard import keep_token  # noqa: E402
from dreamvideo.studio.uploads import (  # noqa: E402
    DiskFullError,
    StalledError,
    TooLargeError,
    Uploads,
)
from dreamvideo.studio.wishes import read_wish  # noqa: E402

NOTHING = "0123456789abcdef"  # an id that nothing has


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with studio(tmp_path_factory.mktemp("studio") / "room", "--port", "0") as running:
        yield running


@pytest.fixture(scope="module")
def client(room: Room) -> Iterator[Any]:
    with room.client() as let_in:
        yield let_in


def contents(folder: Path) -> set[str]:
    """What lies in a folder, but for what a studio's own work changes."""
    while True:
        try:
            return {str(path.relative_to(folder)) for path in folder.rglob("*")}
        except FileNotFoundError:  # a folder went away while it was looked into
            continue


# --- from a file to a film -------------------------------------------------------------------------------


def test_a_clip_is_looked_at_previewed_dreamed_played_and_removed(
    client: Any, room: Room, short_clip: Path
) -> None:
    before = contents(room.folder)
    upload = drop(client, short_clip, "my clip.mp4")
    assert (upload["name"], upload["kind"], upload["size"]) == ("my clip.mp4", "clip", [64, 48])
    assert (upload["frames"], upload["fps"], upload["duration"], upload["sound"]) == (25, 25, 1.0, True)
    assert client.get(f"/uploads/{upload['id']}/frame.jpg").content[:2] == b"\xff\xd8"

    answer = client.post(f"/api/uploads/{upload['id']}/preview", json={"recipe": FAST, "side": 64})
    preview = client.get(answer.json()["picture"])
    assert preview.headers["content-type"] == "image/jpeg" and preview.content[:2] == b"\xff\xd8"

    queued = dream(client, upload, {**FAST, "film": {"detail": 48, "strength": 0.5}})
    assert queued["command"] == (
        "dreamvideo dream 'my clip.mp4' -o 'my clip-dream.mp4' --model vgg16-lite --octaves 2 --steps 2 "
        "--detail 48 --strength 0.5"
    )
    done = until(client, queued, "done", "failed", "stopped")
    assert (done["state"], done["error"], done["output"]) == ("done", "", "my clip-dream.mp4")
    assert done["progress"] == {} or done["progress"]["done"] == 25
    assert client.get(f"/dreams/{done['id']}/picture.jpg").content[:2] == b"\xff\xd8"

    made = (room.folder / "dreams" / done["id"] / "dream.mp4").read_bytes()
    kept = client.get(f"/dreams/{done['id']}/film?download")
    assert kept.content == made and len(made) == done["bytes"]
    assert kept.headers["content-disposition"] == "attachment; filename*=utf-8''my%20clip-dream.mp4"
    assert client.delete(f"/api/dreams/{done['id']}").status_code == 204
    assert done["id"] not in news(client)
    assert contents(room.folder) == before


def test_a_film_can_be_read_in_ranges(client: Any, short_clip: Path) -> None:
    """As browsers do when they seek."""
    upload = drop(client, short_clip)
    whole, address = short_clip.read_bytes(), f"/uploads/{upload['id']}/source"
    part = client.get(address, headers={"Range": "bytes=100-299"})
    assert (part.status_code, part.content) == (206, whole[100:300])
    assert part.headers["content-range"] == f"bytes 100-299/{len(whole)}"
    assert client.get(address, headers={"Range": "bytes=-10"}).content == whole[-10:]
    assert client.get(address, headers={"Range": f"bytes={len(whole)}-"}).status_code == 416
    many = ",".join(f"{at}-{at + 1}" for at in range(0, 2000, 2))
    assert client.get(address, headers={"Range": f"bytes={many}"}).status_code in (200, 206, 400, 416)


def test_a_still_and_the_samples(client: Any) -> None:
    start = client.get("/api/start").json()
    assert [sample["name"] for sample in start["samples"]] == ["clouds.mp4", "mountains.jpg"]
    picture = client.get("/samples/1")
    assert picture.headers["content-type"] == "image/jpeg"
    upload = client.post("/api/samples/1").json()
    assert (upload["kind"], upload["size"]) == ("still", [960, 640])
    done = until(client, dream(client, upload, ending="jpg"), "done", "failed")
    assert done["state"] == "done", done["error"]
    assert client.get(f"/dreams/{done['id']}/film").headers["content-type"] == "image/jpeg"
    assert client.get("/samples/7").status_code == 404
    assert client.post("/api/samples/7").status_code == 415


def test_a_fall_into_a_picture(client: Any) -> None:
    """The same run as `dreamvideo zoom`; a picture gives a film."""
    recipe = {**FAST, "zoom": {"loop": 0.5, "zoom": 4.0}}
    upload = client.post("/api/samples/1").json()
    queued = dream(client, upload, recipe, command="zoom")
    assert queued["command"] == (
        "dreamvideo zoom mountains.jpg -o mountains-zoom.mp4 --model vgg16-lite --octaves 2 --steps 2 "
        "--detail 48 --loop 0.5 --zoom 4"
    )
    done = until(client, queued, "done", "failed")
    assert done["state"] == "done", done["error"]
    asked = {
        "upload": upload["id"],
        "command": "zoom",
        "recipe": {"zoom": {"zoom": "0:1, 1s:2", "pan_x": 0.1}},
    }
    told = client.post("/api/command", json=asked).json()["command"]
    assert told.endswith("--zoom '0:1, 1s:2' --pan '0.1;0'")
    answer = client.post(f"/api/uploads/{upload['id']}/preview", json={**asked, "side": 64})
    assert answer.status_code == 200, answer.text
    client.delete(f"/api/dreams/{done['id']}")


def test_a_film_for_a_platform(client: Any, short_clip: Path) -> None:
    upload = drop(client, short_clip)
    queued = dream(client, upload, {**FAST, "film": {"detail": 48, "platform": "discord"}}, ending="gif")
    assert queued["command"].endswith("--detail 48 --for discord")
    done = until(client, queued, "done", "failed")
    assert done["state"] == "done", done["error"]
    client.delete(f"/api/dreams/{done['id']}")


# --- the queue --------------------------------------------------------------------------------------------

SLOW = {"dream": {"octaves": 2, "steps": 6}, "film": {"detail": 64}, "carry": {"cadence": 1}}


@pytest.fixture(scope="module")
def long_upload(client: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Of a clip that takes long enough to be stopped."""
    return drop(client, film(tmp_path_factory.mktemp("clips") / "long.mp4", seconds=12))


def is_under_way(client: Any, queued: dict[str, Any]) -> bool:
    return bool(news(client)[queued["id"]]["progress"].get("done"))


def test_dreams_wait_and_are_stopped_resumed_and_killed(
    client: Any, room: Room, short_clip: Path, long_upload: dict[str, Any]
) -> None:
    first, second = dream(client, long_upload, SLOW), dream(client, drop(client, short_clip))
    wait_for(lambda: is_under_way(client, first))
    assert news(client)[second["id"]]["state"] == "queued"
    assert client.post(f"/api/dreams/{first['id']}/resume").status_code == 422, "it runs already"
    client.post(f"/api/dreams/{first['id']}/stop")
    stopped = until(client, first, "stopped", "failed")
    assert (stopped["state"], stopped["error"]) == ("stopped", "")
    assert until(client, second, "done", "failed")["state"] == "done", "the next has its turn"

    assert client.post(f"/api/dreams/{first['id']}/resume").json()["state"] == "queued"
    wait_for(lambda: is_under_way(client, first))
    pid = json.loads((room.folder / "dreams" / first["id"] / "dream.json").read_text())["pid"]
    os.killpg(pid, signal.SIGKILL)
    killed = until(client, first, "failed")
    assert killed["error"] == "The run was ended from outside, or ran out of memory."

    client.post(f"/api/dreams/{first['id']}/resume")
    wait_for(lambda: is_under_way(client, first))
    assert client.delete(f"/api/dreams/{first['id']}").status_code == 204, "while it runs"
    assert not (room.folder / "dreams" / first["id"]).exists()
    with pytest.raises(ProcessLookupError):
        wait_for(lambda: os.killpg(pid, 0))


def test_a_run_that_was_killed_is_finished_by_resume(client: Any, room: Room, tmp_path: Path) -> None:
    upload = drop(client, film(tmp_path / "two.mp4", seconds=2))
    queued = dream(client, upload, SLOW)
    wait_for(lambda: is_under_way(client, queued))
    pid = json.loads((room.folder / "dreams" / queued["id"] / "dream.json").read_text())["pid"]
    os.killpg(pid, signal.SIGKILL)
    assert until(client, queued, "failed")["error"]
    client.post(f"/api/dreams/{queued['id']}/resume")
    assert until(client, queued, "done", "failed")["state"] == "done"


def test_a_restart_loses_nothing(tmp_path: Path, short_clip: Path) -> None:
    """Stopped in the middle of a run, or killed: the run goes on, and all dreams are there."""
    folder = tmp_path / "room"
    with studio(folder, "--port", "0") as room, room.client() as client:
        finished = until(client, dream(client, drop(client, short_clip)), "done")
        running = dream(client, drop(client, film(tmp_path / "long.mp4", seconds=10)), SLOW)
        wait_for(lambda: is_under_way(client, running))
        room.process.kill()
    with studio(folder, "--port", "0") as room, room.client() as client:
        assert room.token == (folder / "token").read_text()
        assert news(client)[running["id"]]["state"] == "running", "its process outlived the studio"
        assert news(client)[finished["id"]]["state"] == "done"
        wait_for(lambda: is_under_way(client, running))
    with studio(folder, "--port", "0") as room, room.client() as client:  # after a stop by SIGTERM
        assert until(client, running, "done", "failed")["state"] == "done"


def test_a_run_that_came_to_its_end_while_the_studio_stopped_is_done(
    tmp_path: Path, short_clip: Path
) -> None:
    """The studio queues what it stops; the same command again would refuse to overwrite the film."""
    folder = tmp_path / "room"
    with studio(folder, "--port", "0") as room, room.client() as client:
        finished = until(client, dream(client, drop(client, short_clip)), "done")
    dreams = Dreams(folder / "dreams")
    dreams.change(next(iter(dreams)), state="queued", order=0.0)
    with studio(folder, "--port", "0") as room, room.client() as client:
        assert until(client, finished, "done", "failed")["state"] == "done"


def test_a_stop_in_the_middle_of_a_preview_is_silent(tmp_path: Path) -> None:
    """`studio` looks at what is said."""
    long = {"recipe": {"dream": {"steps": 200, "octaves": 8}}, "side": 1280}
    with studio(tmp_path / "room", "--port", "0") as room, room.client() as client:
        upload = client.post("/api/samples/1").json()

        def ask() -> None:
            with contextlib.suppress(httpx.TransportError), room.client() as visitor:
                visitor.post(f"/api/uploads/{upload['id']}/preview", json=long)

        asking = threading.Thread(target=ask)
        asking.start()
        time.sleep(1)
        room.process.send_signal(signal.SIGTERM)
        asking.join()


def test_two_studios_do_not_share_a_folder(room: Room) -> None:
    with pytest.raises(AssertionError, match="runs already; name another --folder"), studio(room.folder):
        pass


# --- who is let in ----------------------------------------------------------------------------------------

PLACES = ["/", "/api/start", "/api/news", "/samples/0", f"/dreams/{NOTHING}/film", "/page/main.js"]


@pytest.mark.parametrize("place", PLACES)
def test_nothing_without_the_token(room: Room, place: str) -> None:
    assert httpx.get(room.address + place).status_code == 401
    assert httpx.get(room.address + place, params={"token": "wrong"}).status_code == 401
    name = f"dreamvideo-studio-{urlsplit(room.address).port}"
    assert httpx.get(room.address + place, headers={"Cookie": f"{name}=wrong"}).status_code == 401


def test_the_token_becomes_a_cookie_that_only_the_page_has(room: Room) -> None:
    answer = httpx.get(room.address, params={"token": room.token})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie and "path=/" in cookie
    assert (room.folder / "token").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "192.168.0.9", ""]
)
def test_a_foreign_name_is_refused(client: Any, host: str) -> None:
    """A site that points its own name at this machine."""
    assert client.get("/api/start", headers={"Host": host}).status_code in (400, 421)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_foreign_page_is_refused(client: Any, headers: dict[str, str]) -> None:
    assert client.post("/api/samples/1", headers=headers).status_code == 403
    assert client.get("/api/start", headers=headers).status_code == 403


def test_our_own_page_is_not(client: Any, room: Room) -> None:
    headers = {"Origin": room.address, "Sec-Fetch-Site": "same-origin"}
    assert client.get("/api/start", headers=headers).status_code == 200


def test_every_answer_is_fenced_in(client: Any) -> None:
    for place in ("/", "/api/start", "/page/main.js", "/nowhere", "/samples/0"):
        headers = client.get(place).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
        assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"
        assert headers["x-frame-options"] == "DENY"


def test_the_page_names_no_other_place(client: Any) -> None:
    """Nothing is loaded from elsewhere, and no script or style stands inside the page."""
    page = client.get("/").text
    assert not re.search(r"<style|\son\w+=|\sstyle=|<script(?![^>]* src=)", page)
    for name in re.findall(r'(?:href|src)="(/page/[^"]+)"', page):
        text = client.get(name).text
        assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg)", text), name


def test_others_need_a_password(tmp_path: Path) -> None:
    others = ("--host", "0.0.0.0", "--port", "0")
    with (
        pytest.raises(AssertionError, match=r"--host 0\.0\.0\.0 lets others in: give --password"),
        studio(tmp_path / "a", *others),
    ):
        pass
    secret = {"DREAMVIDEO_STUDIO_PASSWORD": "open sesame"}
    with studio(tmp_path / "b", *others, environment=secret, says="plain HTTP") as room:
        port = urlsplit(room.address).port
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as visitor:
            page = visitor.get("/")
            assert page.status_code == 401 and "password" in page.text and "token" not in page.text
            assert visitor.post("/login", data={"password": "wrong"}).status_code == 401
            assert visitor.get("/api/start").status_code == 401
            assert visitor.post("/login", data={"password": "open sesame"}).status_code == 303
            assert visitor.get("/api/start").status_code == 200
            assert visitor.get("/api/start", headers={"Host": "evil.example"}).status_code == 421


# --- what it withstands -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "place",
    [
        "/uploads/..%2f..%2ftoken/source",
        "/uploads/../token",
        "/uploads/%2e%2e/token",
        f"/uploads/{NOTHING}/../../token",
        f"/uploads/{NOTHING}/previews/..%2f..%2f..%2ftoken.jpg",
        "/dreams/..%2ftoken/film",
        "/page/..%2f..%2fcli%2fmain.py",
        "/page/%2e%2e/studio.py",
        "/page//etc/passwd",
        "/samples/-1",
        "/samples/%00",
        "/dreams/0123456789ABCDEF/film",
        f"/dreams/{NOTHING}/film",
        f"/uploads/{NOTHING}/frame.jpg",
    ],
)
def test_only_ids_lead_to_files(client: Any, room: Room, place: str) -> None:
    with socket.create_connection((urlsplit(room.address).hostname, urlsplit(room.address).port)) as raw:
        cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        host = urlsplit(room.address).netloc
        head = f"GET {place} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n"
        raw.sendall(head.encode())
        answer = b"".join(iter(lambda: raw.recv(65536), b""))
    assert answer.split(b" ")[1] == b"404", answer[:200]
    assert room.token.encode() not in answer and b"root:" not in answer


@pytest.mark.parametrize(
    "name", ["../../evil.mp4", "/etc/passwd", "..", "a\x00b.mp4", "<img src=x>.mp4", "é" * 400, ""]
)
def test_names_of_uploads_are_only_shown(client: Any, room: Room, short_clip: Path, name: str) -> None:
    before = contents(room.folder.parent)
    upload = drop(client, short_clip, name)
    made = contents(room.folder.parent) - before
    assert made and all(
        re.fullmatch(rf"room/uploads/{upload['id']}(/[a-z]+\.[a-z0-9]+)?", path) for path in made
    )
    assert "/" not in upload["name"] and "\x00" not in upload["name"] and 0 < len(upload["name"]) <= 120


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"[" * 60_000, b'{"a":' * 5_000, b"9" * 60_000]
)
def test_what_is_not_json_is_told_so(client: Any, body: bytes) -> None:
    for place in ("/api/dreams", "/api/command", f"/api/uploads/{NOTHING}/preview"):
        answer = client.post(place, content=body)
        assert answer.status_code in (400, 404) and answer.json()["error"]


def test_long_requests_are_refused(client: Any) -> None:
    assert client.post("/api/dreams", content=b" " * 70_000).status_code == 413


@pytest.mark.parametrize(
    "wish",
    [
        {"recipe": {"dream": {"octaves": 0}}},
        {"recipe": {"dream": {"octaves": "4"}}},
        {"recipe": {"dream": {"octaves": 4.5}}},
        {"recipe": {"dream": {"octaves": True}}},
        {"recipe": {"dream": {"octaves": 10**30}}},
        {"recipe": {"dream": {"step_size": -1}}},
        {"recipe": {"dream": {"layers": [["conv4_3"]]}}},
        {"recipe": {"dream": {"layers": "conv4_3"}}},
        {"recipe": {"film": {"detail": 10**6}}},
        {"recipe": {"film": {"fps": "1e999999999"}}},
        {"recipe": {"film": {"start": 2, "end": 1}}},
        {"recipe": {"film": {"output": "/etc/passwd"}}},
        {"recipe": {"weights": "/etc/passwd"}},
        {"recipe": []},
        {"recipe": {"zoom": {"loop": 1}}},
        {"command": "zoom", "recipe": {"zoom": {"zoom": 0}}},
        {"command": "zoom", "recipe": {"zoom": {"zoom": "__import__('os')"}}},
        {"command": "measure"},
        {"recipe": {"film": {"platform": "nowhere"}}},
        {"recipe": {"film": {"platform": "instagram"}}, "ending": "gif"},
        {"model": "/etc/passwd"},
        {"model": ["vgg16"]},
        {"ending": "../../evil"},
        {"ending": None},
        {"device": "cuda"},
    ],
)
def test_every_number_is_checked(client: Any, short_clip: Path, wish: dict[str, Any]) -> None:
    upload = drop(client, short_clip)
    asked = {"upload": upload["id"], **wish}
    for place in ("/api/dreams", "/api/command", f"/api/uploads/{upload['id']}/preview"):
        answer = client.post(place, json={**asked, "side": 64} if place.endswith("preview") else asked)
        assert answer.status_code == 422 and answer.json()["error"], answer.text


def test_numbers_that_are_none_are_refused(client: Any, short_clip: Path) -> None:
    upload = drop(client, short_clip)
    for value in ("NaN", "Infinity", "-Infinity", "1e999"):
        body = f'{{"upload": "{upload["id"]}", "recipe": {{"film": {{"strength": {value}}}}}}}'
        assert client.post("/api/dreams", content=body.encode()).status_code in (400, 422), value
    for side in (0, 10**9, "64", None):
        assert client.post(f"/api/uploads/{upload['id']}/preview", json={"side": side}).status_code == 422


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0",
        b"not a film\n" * 1000,
        b"\x89PNG\r\n\x1a\n" + b"\0" * 100,
        b"#EXTM3U\nfile:///etc/passwd\n",
    ],
)
def test_what_is_no_picture_is_refused_and_leaves_nothing(client: Any, room: Room, content: bytes) -> None:
    before = contents(room.folder / "uploads")
    answer = client.post("/api/uploads", params={"name": "odd.mp4"}, content=content)
    assert answer.status_code == 415 and "odd.mp4" in answer.json()["error"], answer.text
    assert str(room.folder) not in answer.text and contents(room.folder / "uploads") == before


def send_raw(room: Room, client: Any, declared: int, body: bytes) -> socket.socket:
    """Begin an upload that declares a length, and send some of it."""
    place = urlsplit(room.address)
    raw = socket.create_connection((place.hostname, place.port), timeout=60)
    cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    head = f"POST /api/uploads?name=x.mp4 HTTP/1.1\r\nHost: {place.netloc}\r\nCookie: {cookie}\r\n"
    raw.sendall(f"{head}Content-Length: {declared}\r\n\r\n".encode() + body)
    return raw


def test_a_gigabyte_declared_and_a_byte_sent(client: Any, room: Room) -> None:
    before = contents(room.folder / "uploads")
    with send_raw(room, client, 10**9, b"x"):
        wait_for(lambda: contents(room.folder / "uploads") != before)
        assert client.get("/api/start").status_code == 200, "it goes on meanwhile"
    wait_for(lambda: contents(room.folder / "uploads") == before)


def test_more_than_is_taken_is_refused_at_once(client: Any, room: Room) -> None:
    before = contents(room.folder / "uploads")
    with send_raw(room, client, 10**10, b"x" * 1000) as raw:
        assert raw.recv(1000).split(b" ")[1] == b"413"
    assert contents(room.folder / "uploads") == before


def test_a_slow_upload_arrives_and_holds_nobody_up(client: Any, room: Room, short_clip: Path) -> None:
    data = short_clip.read_bytes()
    with send_raw(room, client, len(data), data[:100]) as raw:
        for at in range(100, 1000, 100):
            raw.sendall(data[at : at + 100])
            assert client.get("/api/start").elapsed.total_seconds() < 10
            time.sleep(0.05)
        raw.sendall(data[1000:])
        assert raw.recv(1000).split(b" ")[1] == b"201"


def test_fifty_clients_at_once(client: Any, room: Room, short_clip: Path) -> None:
    upload = drop(client, short_clip)

    def visit(number: int) -> tuple[int, ...]:
        with room.client() as visitor:
            return (
                visitor.get("/").status_code,
                len(news(visitor)) and 200,
                visitor.get(f"/uploads/{upload['id']}/source", headers={"Range": "bytes=0-9"}).status_code,
                visitor.post("/api/command", json={"upload": upload["id"], "recipe": FAST}).status_code,
                visitor.post("/api/dreams", content=b"{").status_code,
            )

    with ThreadPoolExecutor(50) as pool:
        outcomes = list(pool.map(visit, range(50)))
    assert set(outcomes) == {(200, 200, 206, 200, 400)}


def test_a_previewer_that_dies_is_started_again(client: Any, room: Room, short_clip: Path) -> None:
    upload = drop(client, short_clip)
    children = Path(f"/proc/{room.process.pid}/task/{room.process.pid}/children")
    if not children.exists():
        pytest.skip("NOT TESTED: this system does not tell a process's children")
    (previewer,) = [
        pid
        for pid in children.read_text().split()
        if b"previewer" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    os.kill(int(previewer), signal.SIGKILL)
    asked = {"recipe": FAST, "side": 65}
    codes = [client.post(f"/api/uploads/{upload['id']}/preview", json=asked).status_code for _ in range(2)]
    assert codes[-1] == 200


# --- its parts --------------------------------------------------------------------------------------------


async def pieces(*chunks: bytes, then: float = 0.0) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
    await asyncio.sleep(then)


@pytest.mark.parametrize(
    "declared, chunks, then, error",
    [
        (None, (b"x" * 600, b"x" * 600), 0.0, TooLargeError),
        (2000, (b"x",), 0.0, TooLargeError),
        (10, (b"x",), 0.0, InputError),
        (10, (b"x",), 5.0, StalledError),
        (None, (), 0.0, InputError),
    ],
)
def test_an_upload_that_ends_badly_leaves_nothing(
    tmp_path: Path, declared: int | None, chunks: tuple[bytes, ...], then: float, error: type[DreamVideoError]
) -> None:
    uploads = Uploads(tmp_path / "uploads", max_bytes=1000, stall_seconds=0.1)
    with pytest.raises(error):
        asyncio.run(uploads.receive("x.mp4", declared, pieces(*chunks, then=then)))
    assert not list(uploads.folder.iterdir())


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(1, 1, 10))  # type: ignore[attr-defined]
    with pytest.raises(DiskFullError, match="make space"):
        asyncio.run(Uploads(tmp_path / "uploads").receive("x.mp4", 5, pieces(b"12345")))


def test_a_token_is_kept_and_is_no_one_elses(tmp_path: Path) -> None:
    token = keep_token(tmp_path)
    assert len(token) >= 40 and keep_token(tmp_path) == token
    (tmp_path / "b").mkdir()
    assert keep_token(tmp_path / "b") != token


def test_a_wish_survives_being_written_down(tmp_path: Path) -> None:
    recipe = {
        "dream": {"layers": [["conv5_1", 0.1234567]], "octaves": 6},
        "film": {"size": [40, 30], "audio": False, "fps": "30000/1001"},
    }
    wish = read_wish({"upload": NOTHING, "recipe": recipe, "ending": "gif"}, from_still=False)
    write_json(tmp_path / "wish.json", wish.to_dict())
    assert read_wish(json.loads((tmp_path / "wish.json").read_text()), from_still=False) == wish
    options = "--layer conv5_1=0.1234567 --octaves 6 --size 40x30 --fps 30000/1001 --no-audio"
    assert wish.shown("-a b.mp4", "o.gif") == f"dreamvideo dream './-a b.mp4' -o o.gif {options}"
    with pytest.raises(UsageError):
        read_wish({"ending": "png"}, from_still=False)


def test_threads_do_not_pile_up(client: Any, room: Room) -> None:
    """A page that reloads again and again leaves nothing behind."""
    for _ in range(20):
        news(client)
    descriptors = Path(f"/proc/{room.process.pid}/fd")
    if descriptors.exists():
        wait_for(lambda: len(list(descriptors.iterdir())) < 60)
    assert threading.active_count() < 20
