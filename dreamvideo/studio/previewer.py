"""The process that looks into uploads and dreams single frames: the server itself never decodes a stranger's
file, and a crash costs one preview.

It answers JSON lines (see `jobs.process.Assistant`): `look` takes a frame out of a file, `dream` dreams one.
The network stays loaded in between.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dreamvideo.errors import DreamVideoError
from dreamvideo.images import (
    fit_long_side,
    frame_from_image,
    image_from_frame,
    read_still,
    resize,
    write_still,
)
from dreamvideo.media.reader import ClipReader
from dreamvideo.media.stills import kind_of_input
from dreamvideo.recipe import settings_from_dict
from dreamvideo.settings import Recipe
from dreamvideo.studio.preview import dream_small

if TYPE_CHECKING:
    from dreamvideo.nets import Network

FRAME_SIDE = 1280  # px, of the frame that is kept for dreaming
LATEST_LOOK = 2.0  # s: to get at a later frame takes long


def look(path: str, frame: str) -> dict[str, Any]:
    """What is at `path`; a frame of it is written to `frame`, a jpg."""
    if kind_of_input(path) == "still":
        picture = read_still(Path(path))
        facts: dict[str, Any] = {"kind": "still"}
    else:
        with ClipReader(path) as clip:
            facts = {
                "kind": "clip",
                "duration": round(float(clip.duration), 3),
                "frames": clip.frames,
                "fps": round(float(clip.fps), 3),
                "sound": clip.sound is not None,
            }
        with ClipReader(path, start=min(LATEST_LOOK, facts["duration"] / 3), frames=1) as clip:
            picture = next(iter(clip)).frame
    size = (picture.shape[1], picture.shape[0])
    write_still(Path(frame), resize(picture, fit_long_side(size, FRAME_SIDE)))
    return {**facts, "size": size}


def dream(frame: str, target: str, side: int, recipe: dict[str, Any]) -> dict[str, Any]:
    """Dream `frame` by a recipe in its plain form, at most `side` px long, into `target`, a jpg."""
    image = image_from_frame(read_still(Path(frame)))
    dreamed = dream_small(image, network(), side, settings_from_dict(Recipe, recipe))
    write_still(Path(target), frame_from_image(dreamed))
    return {}


@lru_cache(maxsize=1)
def network() -> Network:
    """The network of all previews, loaded when first asked for."""
    from dreamvideo.nets import load_network

    return load_network("vgg16-lite")


def warm() -> dict[str, Any]:
    """Load what the first preview would wait for. Answers which network `auto` is on this machine."""
    from dreamvideo.nets import choose_model

    network()
    return {"auto": choose_model("auto")}


REQUESTS: dict[str, Callable[..., dict[str, Any]]] = {"look": look, "dream": dream, "warm": warm}


def main() -> None:
    """Answer until stdin ends."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no answer
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = REQUESTS[request.pop("do")](**request)
        except (DreamVideoError, OSError) as error:  # the latter: its upload was removed meanwhile
            answer = {"error": " ".join(str(error).split())}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
