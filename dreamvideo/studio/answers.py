"""What the studio answers to each request of its page."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse

from dreamvideo import __version__
from dreamvideo.errors import DreamVideoError, UsageError
from dreamvideo.jobs.process import ProcessError
from dreamvideo.studio.dreams import Dream
from dreamvideo.studio.offers import offers
from dreamvideo.studio.studio import Studio
from dreamvideo.studio.uploads import (
    MEDIA_TYPES,
    DiskFullError,
    StalledError,
    TooLargeError,
    Upload,
    samples,
)
from dreamvideo.studio.wishes import read_wish

PAGE = Path(__file__).parent / "page"
MAX_JSON_BYTES = 64 * 1024
PREVIEW_SIDES = (64, 1280)  # px
SECONDS_BETWEEN_NEWS = 0.25
SECONDS_BETWEEN_BEATS = 15.0  # something is sent so often, so that a lost page is noticed

CODES: dict[type[DreamVideoError], int] = {
    TooLargeError: 413,
    DiskFullError: 507,
    StalledError: 408,
    ProcessError: 503,
    UsageError: 422,
    DreamVideoError: 415,
}
"""The first that an error is one of."""


class Answers:
    """The answers of one studio."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio

    # --- the page -----------------------------------------------------------------------------------------

    async def page(self, request: Request) -> Response:
        return FileResponse(PAGE / "index.html")

    async def start(self, request: Request) -> Response:
        """What the page needs to begin."""
        return JSONResponse(
            {
                "version": __version__,
                "samples": [{"name": path.name, "type": _media_type(path)} for path in samples()],
                "max_bytes": self.studio.uploads.max_bytes,
                **offers(),
            }
        )

    async def news(self, request: Request) -> Response:
        """A stream of server-sent events: all dreams at first, then each that has changed."""
        return StreamingResponse(self._news(), media_type="text/event-stream")

    async def _news(self) -> AsyncIterator[str]:
        told: dict[str, str] = {}
        beat = monotonic()
        yield "retry: 1000\n\n"
        while not self.studio.closing:
            now = {dream.id: json.dumps(self.studio.view(dream)) for dream in self.studio.dreams}
            changed = [text for id, text in now.items() if told.get(id) != text]
            gone = [id for id in told if id not in now]
            if changed or gone or not told or monotonic() - beat > SECONDS_BETWEEN_BEATS:
                beat = monotonic()
                yield f'data: {{"changed": [{", ".join(changed)}], "gone": {json.dumps(gone)}}}\n\n'
            told = now or {"": ""}
            await asyncio.sleep(SECONDS_BETWEEN_NEWS)

    # --- uploads and previews -----------------------------------------------------------------------------

    async def upload(self, request: Request) -> Response:
        """A file, as the body, `name` in the address."""
        declared = request.headers.get("content-length")
        name = request.query_params.get("name", "")
        upload = await self.studio.uploads.receive(
            name, None if declared is None else int(declared), request.stream()
        )
        return self._told(await self.studio.look(upload), 201)

    async def take_sample(self, request: Request) -> Response:
        upload = await asyncio.to_thread(self.studio.uploads.take_sample, request.path_params["number"])
        return self._told(await self.studio.look(upload), 201)

    async def sample(self, request: Request) -> Response:
        found = samples()
        number = request.path_params["number"]
        if number >= len(found):
            raise HTTPException(404)
        return FileResponse(found[number], media_type=_media_type(found[number]))

    async def uploaded(self, request: Request) -> Response:
        return self._told(self._upload(request), 200)

    async def frame(self, request: Request) -> Response:
        return FileResponse(self.studio.uploads.place(self._upload(request).id) / "frame.jpg")

    async def source(self, request: Request) -> Response:
        path = self.studio.uploads.source(self._upload(request))
        return FileResponse(path, media_type=_media_type(path))

    async def preview(self, request: Request) -> Response:
        """Dream a frame by a wish; `side` px long."""
        upload, asked = self._upload(request), await _read_json(request)
        side = asked.pop("side", None)
        if not isinstance(side, int) or not PREVIEW_SIDES[0] <= side <= PREVIEW_SIDES[1]:
            raise UsageError(f"side must be between {PREVIEW_SIDES[0]} and {PREVIEW_SIDES[1]} px")
        wish = read_wish(asked, from_still=upload.is_still)

        async def is_wanted() -> bool:
            return not await request.is_disconnected()

        picture = await self.studio.preview(upload, wish, side, is_wanted)
        if picture is None:
            return Response(status_code=499)
        key = picture.stem.removeprefix("preview-")
        return JSONResponse({"picture": f"/uploads/{upload.id}/previews/{key}.jpg"})

    async def preview_picture(self, request: Request) -> Response:
        place = self.studio.uploads.place(self._upload(request).id)
        return _file(place / f"preview-{request.path_params['key']}.jpg")

    # --- dreams -------------------------------------------------------------------------------------------

    async def command(self, request: Request) -> Response:
        """The command line of a wish."""
        asked = await _read_json(request)
        upload = self._known(asked.get("upload"))
        wish = read_wish(asked, from_still=upload.is_still)
        return JSONResponse({"command": wish.shown(upload.name, wish.output(upload.name))})

    async def begin(self, request: Request) -> Response:
        asked = await _read_json(request)
        upload = self._known(asked.get("upload"))
        wish = read_wish(asked, from_still=upload.is_still)
        return JSONResponse(self.studio.view(self.studio.begin(upload, wish)), 201)

    async def stop(self, request: Request) -> Response:
        return JSONResponse(self.studio.view(self.studio.queue.stop(self._dream(request))))

    async def resume(self, request: Request) -> Response:
        return JSONResponse(self.studio.view(self.studio.queue.resume(self._dream(request))))

    async def remove(self, request: Request) -> Response:
        self.studio.remove(self._dream(request))
        return Response(status_code=204)

    async def film(self, request: Request) -> Response:
        """What came out, to look at; with `?download`, to keep."""
        dream = self._dream(request)
        path = self.studio.dreams.film(dream)
        name = dream.output if "download" in request.query_params else None
        return _file(path, media_type=_media_type(path), filename=name)

    async def picture(self, request: Request) -> Response:
        return _file(self.studio.dreams.picture(self._dream(request)))

    # --- what a request names -----------------------------------------------------------------------------

    def _told(self, upload: Upload, code: int) -> Response:
        facts = {"id": upload.id, "name": upload.name, "auto": self.studio.auto, **upload.facts}
        return JSONResponse(facts, code)

    def _upload(self, request: Request) -> Upload:
        return self._known(request.path_params["id"])

    def _known(self, id: Any) -> Upload:
        upload = self.studio.uploads.find(id) if isinstance(id, str) else None
        if upload is None:
            raise HTTPException(404, "This file is no longer here: drop it again.")
        return upload

    def _dream(self, request: Request) -> Dream:
        dream = self.studio.dreams.find(request.path_params["id"])
        if dream is None:
            raise HTTPException(404, "This dream is no longer here.")
        return dream


async def explain(request: Request, error: Exception) -> Response:
    """An error as JSON: `error` is a line for a person."""
    if isinstance(error, HTTPException):
        return JSONResponse({"error": error.detail}, error.status_code)
    code = next(code for kind, code in CODES.items() if isinstance(error, kind))
    headers = {"Connection": "close"} if code in (408, 413, 507) else {}  # the rest of the file is not read
    return JSONResponse({"error": " ".join(str(error).split())}, code, headers)


async def _read_json(request: Request) -> dict[str, Any]:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_JSON_BYTES:
            raise HTTPException(413, "That is too long a request.")
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "That is not JSON.") from error
    if not isinstance(asked, dict):
        raise HTTPException(400, "That is not a JSON object.")
    return asked


def _file(path: Path, **options: Any) -> Response:
    if not path.is_file():
        raise HTTPException(404, "This is not here, or not yet.")
    return FileResponse(path, **options)


def _media_type(path: Path) -> str:
    return MEDIA_TYPES.get(path.suffix[1:].lower(), "application/octet-stream")
