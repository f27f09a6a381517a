"""A studio: its uploads, its dreams and what works on them."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from dreamvideo.errors import DreamVideoError, InputError
from dreamvideo.jobs.process import Assistant, ProcessError
from dreamvideo.studio.dreams import Dream, Dreams
from dreamvideo.studio.queue import Queue
from dreamvideo.studio.uploads import Upload, Uploads
from dreamvideo.studio.wishes import Wish, read_wish

PREVIEWER = "dreamvideo.studio.previewer"
LOOK_SECONDS, PREVIEW_SECONDS, WARM_SECONDS = 60.0, 120.0, 120.0  # before the previewer is given up
PREVIEWS_KEPT = 60  # of each upload


class Studio:
    """All that a page can ask for, in `folder`."""

    def __init__(self, folder: Path, **limits: Any) -> None:
        self.folder = folder
        self.dreams = Dreams(folder / "dreams")
        self.uploads = Uploads(folder / "uploads", **limits)
        self.uploads.remove_all_but({dream.wish["upload"] for dream in self.dreams})
        self.queue = Queue(self.dreams, self._arguments)
        self.closing = False
        self.auto = ""
        """The network that `auto` is on this machine; known before the first upload is."""
        self._previewer: Assistant | None = None
        self._previewing = asyncio.Lock()

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """The queue works, and the previewer is warm, inside."""
        tasks = [asyncio.create_task(self.queue.work()), asyncio.create_task(self._warm())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            self.queue.pause()
            if self._previewer is not None:
                await asyncio.to_thread(self._previewer.close)

    async def look(self, upload: Upload) -> Upload:
        """See what an upload holds; what cannot be read is removed.

        Raises:
            InputError, ProcessError
        """
        frame = self.uploads.place(upload.id) / "frame.jpg"
        try:
            facts = await self._ask(
                LOOK_SECONDS, do="look", path=str(self.uploads.source(upload)), frame=str(frame)
            )
        except BaseException as error:
            self.uploads.remove(upload.id)
            if isinstance(error, InputError):
                said = str(error).replace(str(self.uploads.source(upload)), upload.name)
                raise InputError(said.replace(upload.source, upload.name)) from error
            raise
        return self.uploads.keep(upload, facts)

    async def preview(self, upload: Upload, wish: Wish, side: int, still_wanted: Any) -> Path | None:
        """A dream of the upload's frame, at most `side` px long; None if nobody wants it any more.

        Raises:
            InputError, ProcessError
        """
        whole = wish.to_dict()["recipe"]
        recipe = {part: whole[part] for part in ("dream", "film")}
        key = hashlib.sha256(json.dumps([side, recipe], sort_keys=True).encode()).hexdigest()[:16]
        place = self.uploads.place(upload.id)
        picture = place / f"preview-{key}.jpg"
        if picture.exists():
            os.utime(picture)
            return picture
        request = {"frame": str(place / "frame.jpg"), "target": str(picture), "side": side, "recipe": recipe}
        done = await self._ask(PREVIEW_SECONDS, still_wanted, do="dream", **request)
        if done is None:
            return None
        kept = sorted(place.glob("preview-*.jpg"), key=lambda path: path.stat().st_mtime)
        for old in kept[:-PREVIEWS_KEPT]:
            old.unlink(missing_ok=True)
        return picture

    def begin(self, upload: Upload, wish: Wish) -> Dream:
        """Queue a dream."""
        return self.dreams.add(wish.to_dict(), upload.name, wish.output(upload.name))

    def remove(self, dream: Dream) -> None:
        """Remove a dream, and its upload if it was the last one of it."""
        self.queue.remove(dream)
        if not any(other.wish["upload"] == dream.wish["upload"] for other in self.dreams):
            self.uploads.remove(dream.wish["upload"])

    def wish(self, dream: Dream) -> Wish:
        """What a dream was asked to be.

        Raises:
            UsageError: its folder holds what this version does not understand.
        """
        upload = self.uploads.find(dream.wish["upload"])
        return read_wish(dream.wish, from_still=upload is not None and upload.is_still)

    def view(self, dream: Dream) -> dict[str, Any]:
        """A dream as the page sees it."""
        upload = self.uploads.find(dream.wish["upload"])
        film, picture = self.dreams.film(dream), self.dreams.picture(dream)
        try:
            command = self.wish(dream).shown(dream.source, dream.output)
        except DreamVideoError:
            command = ""
        return {
            "id": dream.id,
            "state": "stopping" if self.queue.is_stopping(dream) else dream.state,
            "source": dream.source,
            "output": dream.output,
            "created": dream.created,
            "ended": dream.ended,
            "error": dream.error,
            "note": dream.note,
            "wish": dream.wish,
            "command": command,
            "upload": None if upload is None else {"id": upload.id, "name": upload.name, **upload.facts},
            "progress": self.queue.progress(dream) if dream.state != "queued" else {},
            "picture": int(picture.stat().st_mtime * 1000) if picture.exists() else 0,
            "bytes": film.stat().st_size if dream.state == "done" and film.exists() else 0,
        }

    def _arguments(self, dream: Dream) -> list[str]:
        upload = self.uploads.find(dream.wish["upload"])
        if upload is None:
            raise InputError(f"{dream.source} is no longer here: drop it again")
        source = os.path.relpath(self.uploads.source(upload), self.dreams.place(dream))
        arguments = self.wish(dream).arguments(source, self.dreams.film(dream).name)
        return [*arguments, "--events", self.dreams.events(dream).name]

    async def _warm(self) -> None:
        with contextlib.suppress(DreamVideoError):  # the first preview will say so
            self.auto = (await self._ask(WARM_SECONDS, do="warm"))["auto"]

    async def _ask(self, seconds: float, still_wanted: Any = None, **request: Any) -> Any:
        """The previewer's answer; it is started anew if it has died."""
        async with self._previewing:
            if still_wanted is not None and not await still_wanted():
                return None
            if self._previewer is None:
                self._previewer = Assistant(PREVIEWER, self.folder / "previewer.log")
            try:
                answer = await asyncio.to_thread(self._previewer.ask, request, seconds)
            except ProcessError:  # the next request gets another
                await asyncio.to_thread(self._previewer.close)
                self._previewer = None
                raise
        if "error" in answer:
            raise InputError(answer["error"])
        return answer
