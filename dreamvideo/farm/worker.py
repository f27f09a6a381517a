"""A worker process: told on stdin, as JSON lines, what to do; tells on stdout how far it is.

First comes the setup: `task`, `folder` (the job's), `device`, `threads`. Then a piece at a time, or `stop`.
It answers `ready`; `frames` of its piece; `done`; `stopped`; or, with `error` and `code`, that it cannot go
on. When stdin ends, whoever gave it work is dead, and so it ends, at once.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import sys
import threading
from pathlib import Path
from typing import Any

import cv2
import torch

from dreamvideo.errors import DreamVideoError
from dreamvideo.farm.shots import Piece
from dreamvideo.farm.task import Task
from dreamvideo.farm.work import open_work


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)  # what others print is no answer
    logging.basicConfig(
        level=logging.ERROR
    )  # warnings about the clip are given once, by the first look at it
    inbox: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    stopped = threading.Event()
    threading.Thread(target=_listen, args=(inbox, stopped), daemon=True).start()

    def answer(**facts: object) -> None:
        print(json.dumps(facts), file=answers, flush=True)

    setup = inbox.get()
    try:
        torch.set_num_threads(setup["threads"])
        cv2.setNumThreads(setup["threads"])
        folder = Path(setup["folder"])
        with open_work(Task.from_plain(setup["task"]), setup["device"]) as work:
            answer(ready=True)
            while not stopped.is_set():
                piece = Piece(**inbox.get()["piece"])
                for frames in work.render(folder, piece, stopped.is_set):
                    answer(frames=frames)
                answer(**{"stopped" if stopped.is_set() else "done": True})
    except DreamVideoError as error:
        answer(error=str(error), code=error.exit_code)


def _listen(inbox: queue.SimpleQueue[dict[str, Any]], stopped: threading.Event) -> None:
    for line in sys.stdin:
        message = json.loads(line)
        if "stop" in message:
            stopped.set()
        else:
            inbox.put(message)
    os._exit(1)


if __name__ == "__main__":
    main()
