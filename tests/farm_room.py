"""What the tests of several workers share: a clip of four shots, quick settings, acts in the middle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from conftest import run_ffmpeg

from dreamvideo.media.stills import open_clip
from dreamvideo.progress import Progress
from dreamvideo.settings import CarrySettings, DreamSettings, FilmSettings, Recipe

QUICK = Recipe(
    DreamSettings(octaves=2, steps=2, layers=(("conv2_2", 1.0),)),
    CarrySettings(cadence=3),
    FilmSettings(detail=64, crf=0),
)
OPTIONS = (
    *("--octaves", "2", "--steps", "2", "--layer", "conv2_2", "--cadence", "3", "--detail", "64"),
    *("--crf", "0", "--model", "vgg16-lite", "--device", "cpu"),
)
BEGINS = [0, 10, 28, 34]
FRAMES = 50


def film_of_cuts(path: Path) -> Path:
    """Four shots of 10, 18, 6 and 16 frames, with sound."""
    gradient = "gradients=c0=red:c1=yellow:x0=0:y0=0:x1=63:y1=47"  # by chance where it says nothing
    sources = ["testsrc2", "mandelbrot", gradient, "cellauto=rule=110:random_seed=1"]
    pictures = [f"{source}{':' if '=' in source else '='}s=96x64:r=25" for source in sources]
    lengths = np.diff([*BEGINS, FRAMES])
    cut = [f"[{n}:v]trim=end_frame={length}[v{n}]" for n, length in enumerate(lengths)]
    joined = "".join(f"[v{n}]" for n in range(4)) + "concat=n=4[v]"
    inputs = [
        word for picture in [*pictures, "sine=f=440:r=48000"] for word in ("-f", "lavfi", "-i", picture)
    ]
    encode = ("-c:v", "libx264", "-qp", "0", "-pix_fmt", "yuv420p", "-c:a", "aac", "-t", "2")
    run_ffmpeg(
        *inputs, "-filter_complex", ";".join([*cut, joined]), "-map", "[v]", "-map", "4:a", *encode, path
    )
    return path


def frames_of(path: Path) -> list[bytes]:
    with open_clip(path) as reader:
        return [timed.frame.tobytes() for timed in reader]


def when(frames: int, act: Callable[[], object]) -> Progress:
    """A progress that does something once, when so many frames are done."""
    acts = [act]

    def progress(done: int, expected: int | None, picture: np.ndarray | None = None) -> None:
        if done >= frames and acts:
            acts.pop()()

    return progress
