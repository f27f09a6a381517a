"""The server of the studio: its addresses, its guard, and the loop that serves it."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from dreamvideo.errors import DreamVideoError, UsageError
from dreamvideo.studio.answers import PAGE, Answers, explain
from dreamvideo.studio.folders import ID
from dreamvideo.studio.guard import Guard, keep_token
from dreamvideo.studio.studio import Studio

LOOPBACK = ("127.0.0.1", "localhost", "::1")
PORTS_TRIED = 20


class IdConvertor(Convertor[str]):
    """The only names that lead to files."""

    regex = ID

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("id", IdConvertor())


def build_app(studio: Studio) -> Starlette:
    """The application; it goes behind a `Guard`."""
    answers = Answers(studio)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with studio.at_work():
            yield

    get, post = partial(Route, methods=["GET"]), partial(Route, methods=["POST"])
    return Starlette(
        routes=[
            get("/", answers.page),
            Mount("/page", StaticFiles(directory=PAGE)),
            get("/samples/{number:int}", answers.sample),
            get("/uploads/{id:id}/frame.jpg", answers.frame),
            get("/uploads/{id:id}/source", answers.source),
            get("/uploads/{id:id}/previews/{key:id}.jpg", answers.preview_picture),
            get("/dreams/{id:id}/film", answers.film),
            get("/dreams/{id:id}/picture.jpg", answers.picture),
            get("/api/start", answers.start),
            get("/api/news", answers.news),
            post("/api/uploads", answers.upload),
            post("/api/samples/{number:int}", answers.take_sample),
            get("/api/uploads/{id:id}", answers.uploaded),
            post("/api/uploads/{id:id}/preview", answers.preview),
            post("/api/command", answers.command),
            post("/api/dreams", answers.begin),
            post("/api/dreams/{id:id}/stop", answers.stop),
            post("/api/dreams/{id:id}/resume", answers.resume),
            Route("/api/dreams/{id:id}", answers.remove, methods=["DELETE"]),
        ],
        exception_handlers={
            DreamVideoError: explain,
            HTTPException: explain,
            ClientDisconnect: _nobody_listens,
        },
        lifespan=lifespan,
    )


async def _nobody_listens(request: Any, error: Exception) -> Response:
    return Response(status_code=499)


def guarded(studio: Studio, host: str, password: str) -> tuple[Guard, str]:
    """The application behind its guard, and the token that lets in.

    Raises:
        UsageError: a host that others can reach, without a password.
    """
    is_open = host not in LOOPBACK
    if is_open and not password:
        raise UsageError(
            f"--host {host} lets others in: give --password too, or set DREAMVIDEO_STUDIO_PASSWORD"
        )
    names = {*LOOPBACK, host.lower(), *({socket.gethostname().lower()} if is_open else ())}
    token = keep_token(studio.folder)
    return Guard(build_app(studio), token, password, frozenset(names), is_open, PAGE / "login.html"), token


def listen(host: str, port: int | None, first: int) -> socket.socket:
    """A socket at `port`; where that is None, at the first free one from `first` on.

    Raises:
        UsageError: the port is taken, or the host is not one of this machine.
    """
    wanted = range(first, first + PORTS_TRIED) if port is None else [port]
    for number in wanted:
        try:
            return socket.create_server(
                (host, number), family=socket.AF_INET6 if ":" in host else socket.AF_INET
            )
        except OSError as error:
            reason = error.strerror
        except OverflowError:
            reason = "a port is a number up to 65535"
    raise UsageError(f"cannot serve at {host}, port {wanted[-1]}: {reason}; try another with --port")


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold the folder of a studio.

    Raises:
        UsageError: another studio holds it, or it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = (folder / "lock").open("a")
    except OSError as error:
        raise UsageError(
            f"cannot keep dreams in {folder}: {error.strerror}; name another --folder"
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(
                f"a studio with the folder {folder} runs already; name another --folder"
            ) from error
        yield


class Server(uvicorn.Server):
    """uvicorn, which ends the streams of news when it is asked to stop: else it would wait for them."""

    def __init__(self, config: uvicorn.Config, before_exit: Callable[[], None]) -> None:
        super().__init__(config)
        self._before_exit = before_exit

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._before_exit()
        super().handle_exit(sig, frame)


def serve(app: Guard, studio: Studio, listening: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM."""

    def end_streams() -> None:
        studio.closing = True
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # to be cut off now is no error

    config = uvicorn.Config(
        app,
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="on",
        ws="none",
        timeout_graceful_shutdown=3,
    )
    Server(config, end_streams).run(sockets=[listening])
