"""What is given beside the input and means harm: recipes of strangers, and guides, masks and weights that are
no files. For tests and scripts/hostile.py, as `hostile_files`.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

from hostile_files import Case, ffmpeg

from dreamvideo.media.comments import with_comment
from dreamvideo.recipe import WrittenRecipe

RIGHT = WrittenRecipe().to_toml()
STRANGE: dict[str, str] = {
    "octaves": "octaves = 4|octaves = 1000000000",
    "negative": "octaves = 4|octaves = -1",
    "text": 'octaves = 4|octaves = "four"',
    "large": f"octaves = 4|octaves = 1{'0' * 400}",
    "infinite": "octaves = 4|octaves = inf",
    "unknown": "octaves = 4|octopuses = 4",
    "twice": "octaves = 4|octaves = 4\noctaves = 5",
    "scale": "octave_scale = 1.4|octave_scale = 1.0000001",
    "no-scale": "octave_scale = 1.4|octave_scale = nan",
    "steps": "steps = 10|steps = 9999999999999999999",
    "step-size": "step_size = 0.008|step_size = 1e308",
    "size": "detail = 640|detail = 640\nsize = [1000000, 1000000]",
    "no-size": "detail = 640|detail = 640\nsize = [0, -3]",
    "detail": "detail = 640|detail = 1000000000",
    "fps": 'detail = 640|detail = 640\nfps = "1/0"',
    "fast": 'detail = 640|detail = 640\nfps = "999999999/1"',
    "late": "detail = 640|detail = 640\nstart = 1e300",
    "channels": '[dream]|[dream]\nlayers = [["conv1_2:' + "0-65535," * 100_000 + '0", 1.0]]',
    "weight": '[dream]|[dream]\nlayers = [["conv1_2", nan]]',
    "schedule": '[film]|[film]\nstrength = "9**9**9"',
    "path": 'detail = 640|detail = 640\nplatform = "../../etc"',
    "command": 'dreamvideo = "|dreamvideo = "$(touch canary)',
    "jitter": "jitter = 32|jitter = 2000000000",
    "cadence": "cadence = 6|cadence = 4000000000",
}
TEXTS: dict[str, bytes] = {
    "empty": b"",
    "no-text": b"\xff\xfe\0\xd8" * 100,
    "no-toml": b"dreamvideo = [[[[",
    "nested": b"dreamvideo = " + b"[" * 100_000,
    "inline": b"a = " + b"{a=" * 50_000,
    "long": b"a = 1\n" * 2_000_000,
    "dotted": b".".join([b"a"] * 200_000) + b" = 1",
    "noise": random.Random(0).randbytes(5000),
    "codes": b'dreamvideo = "\x1b[2J\x1b]0;x\x07"',
}


def recipes(folder: Path) -> Iterator[Case]:
    """Recipes with strange values, as files and in pictures."""
    good = folder / "good-a.png"
    texts = {name: RIGHT.replace(*change.split("|", 1)).encode() for name, change in STRANGE.items()}
    for name, text in (texts | TEXTS).items():
        path = folder / f"recipe-{name}.toml"
        path.write_bytes(text)
        yield _with(good, "recipe", path, "--recipe", refused=name in TEXTS)
    for name, text in texts.items():
        path = folder / f"recipe-{name}.webp"
        path.write_bytes(with_comment((folder / "good-a.webp").read_bytes(), text.decode()))
        yield _with(good, "recipe", path, "--recipe")
    tagged = folder / "recipe-tags.mkv"
    ffmpeg("-i", folder / "good-a.mkv", "-c", "copy", "-metadata", "comment=" + "x\n[a]\n" * 5000, tagged)
    yield _with(good, "recipe", tagged, "--recipe", refused=True)


def beside(folder: Path) -> Iterator[Case]:
    """Devices, pipes and folders where another file is asked for."""
    good = folder / "good-a.png"
    links = {name: folder / f"beside{name}" for name in (".toml", ".png", ".mp4", ".pth", ".safetensors")}
    for link in links.values():
        link.symlink_to("/dev/zero")
    pipe, drawer = folder / "beside-pipe.toml", folder / "beside-folder.toml"
    os.mkfifo(pipe)
    drawer.mkdir()
    others = [pipe, drawer, folder / "not-there.toml", Path("/dev/stdin"), folder / "cut-37-good-a.png"]
    for option in ("--recipe", "--weights", "--guide", "--mask"):
        for path in (*links.values(), *others):
            yield _with(good, "beside", path, option, refused=True)


def _with(good: Path, kind: str, path: Path, option: str, refused: bool = False) -> Case:
    return Case(kind, f"{option} {path.name}", good, refused, (option, str(path)), "out.png")


EXTRA_KINDS: tuple[Callable[[Path], Iterator[Case]], ...] = (recipes, beside)
