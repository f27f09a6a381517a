"""Runs the dreams of a studio, one at a time, in the order they were asked for."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from typing import Any

from dreamvideo.errors import DreamVideoError, UsageError
from dreamvideo.jobs.process import Run, is_running, signal_run, start_run
from dreamvideo.studio.dreams import Dream, Dreams

SECONDS_BETWEEN_LOOKS = 0.2
GRACE_SECONDS = 20.0  # for a stopped run to finish its frame and keep what is there, before it is killed

Arguments = Callable[[Dream], list[str]]


class Queue:
    """Starts what waits, and sees how it ends.

    Args:
        arguments: the command line that makes a dream, from within its folder.
    """

    def __init__(self, dreams: Dreams, arguments: Arguments) -> None:
        self.dreams, self._arguments = dreams, arguments
        self._process: Run | None = None
        self._stopping: dict[str, float] = {}

    async def work(self) -> None:
        """Look after the queue until cancelled."""
        while True:
            self.step()
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)

    def step(self) -> None:
        """See how the run that goes on is doing; start the next where there is none."""
        if self._process is not None:
            self._process.poll()
        for dream in self.dreams:
            if dream.state == "running":
                self._look_at(dream)
        if not any(dream.state == "running" for dream in self.dreams):
            waiting = self.dreams.waiting()
            if waiting and not is_running(
                self.dreams.lock(waiting[0])
            ):  # it may still be ending: see `pause`
                self._begin(waiting[0])

    def stop(self, dream: Dream) -> Dream:
        """Take a dream out of the queue, or end its run so that it can be resumed."""
        if dream.state == "queued":
            return self.dreams.change(dream, state="stopped")
        if dream.state == "running" and dream.id not in self._stopping:
            self._stopping[dream.id] = time.monotonic() + GRACE_SECONDS
            signal_run(dream.pid, self.dreams.lock(dream), signal.SIGTERM)
        return dream

    def resume(self, dream: Dream) -> Dream:
        """Queue a dream again that was stopped or failed: the same command goes on where it was.

        Raises:
            UsageError: it is in the queue, or done.
        """
        if dream.state not in ("stopped", "failed"):
            raise UsageError("only what was stopped or failed can be resumed")
        return self.dreams.change(dream, state="queued", order=time.time(), error="", note="", ended=0.0)

    def remove(self, dream: Dream) -> None:
        """Remove a dream; its run is killed."""
        signal_run(dream.pid, self.dreams.lock(dream), signal.SIGKILL)
        if self._process is not None and self._process.pid == dream.pid:
            self._process.wait()
        self._stopping.pop(dream.id, None)
        self.dreams.remove(dream)

    def pause(self) -> None:
        """End the run that goes on, to be resumed when the queue works again."""
        for dream in self.dreams:
            if dream.state == "running":
                signal_run(dream.pid, self.dreams.lock(dream), signal.SIGTERM)
                self.dreams.change(dream, state="queued", order=0.0)

    def progress(self, dream: Dream) -> dict[str, Any]:
        """The newest progress of its run, as `cli.events` tells it."""
        event = self.dreams.last_event(dream)
        return event if event.get("event") == "progress" else {}

    def is_stopping(self, dream: Dream) -> bool:
        return dream.id in self._stopping

    def _begin(self, dream: Dream) -> None:
        """Start a dream, unless its run was at its end already when it was to stop: see `pause`."""
        outcome = self._outcome(dream)
        if outcome["state"] == "done":
            self.dreams.change(dream, ended=time.time(), **outcome)
        else:
            self._start(dream)

    def _start(self, dream: Dream) -> None:
        self.dreams.events(dream).unlink(missing_ok=True)
        try:
            self._process = start_run(
                self._arguments(dream),
                self.dreams.place(dream),
                self.dreams.log(dream),
                self.dreams.lock(dream),
            )
        except DreamVideoError as error:
            self.dreams.change(dream, state="failed", error=str(error), ended=time.time())
        else:
            self.dreams.change(dream, state="running", pid=self._process.pid)

    def _look_at(self, dream: Dream) -> None:
        if is_running(self.dreams.lock(dream)):
            if time.monotonic() > self._stopping.get(dream.id, float("inf")):
                signal_run(dream.pid, self.dreams.lock(dream), signal.SIGKILL)
            return
        self.dreams.change(dream, ended=time.time(), **self._outcome(dream))
        self._stopping.pop(dream.id, None)

    def _outcome(self, dream: Dream) -> dict[str, Any]:
        """How a run ended, by the last thing it told."""
        event = self.dreams.last_event(dream)
        if event.get("event") == "finished" and self.dreams.film(dream).exists():
            broke_off = event.get("code") == 3
            note = "The clip breaks off; this is the dream of what there was of it." if broke_off else ""
            return {"state": "done", "note": note}
        if event.get("event") == "failed":
            return {"state": "failed", "error": event["error"]}
        if event.get("event") == "stopped" or dream.id in self._stopping:
            return {"state": "stopped"}
        if not event:
            return {"state": "failed", "error": self.dreams.last_words(dream) or "it did not start"}
        return {"state": "failed", "error": "The run was ended from outside, or ran out of memory."}
