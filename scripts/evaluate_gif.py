"""How good the GIFs are: budgets, and pictures at equal bytes beside ffmpeg's and gifsicle's.

    scripts/evaluate_gif.py CLIP_OR_FOLDER... [--frames 30] [--width 320] [--only budgets|quality]

For each clip, 12.5 frames a second: five budgets (is it kept, how much of it is used, in how many
encodings), then PSNR against the source frames at the bytes of ffmpeg's `palettegen`/`paletteuse` with their
defaults, and at those of the same after `gifsicle -O3` (ours goes through it too, as a film does where it is
installed), and shimmer: how far the change between frames is off where the source stands still (by 3 grey
levels at most), in grey levels. A picture without any error counts as 138 dB: the median is not moved by it.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import tempfile
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np

from dreamvideo.errors import DreamVideoError
from dreamvideo.images import fit_long_side, resize
from dreamvideo.media.export import export_clip
from dreamvideo.media.ffmpeg import Ffmpeg, file_url, run
from dreamvideo.media.fit import AnimationFitter, shrink_with_gifsicle
from dreamvideo.media.gif import GifStyle, constant_delays, write_gif
from dreamvideo.media.reader import ClipReader
from dreamvideo.settings import GifSettings

FPS = Fraction(25, 2)
STILL = 3  # grey levels: what changes by no more stands still
BUDGETS = (50_000, 150_000, 500_000, 2_000_000, 8_000_000)
DEFAULTS = "split[a][b];[a]palettegen[p];[b][p]paletteuse"
HOLDS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.5, 6.0, 9.0, 12.0, 16.0)

Frames = list[np.ndarray]


def clips_in(places: Sequence[Path]) -> list[Path]:
    """The clips of at least 16 px and 8 frames among files and in folders."""
    paths = [path for place in places for path in (sorted(place.iterdir()) if place.is_dir() else [place])]
    found = []
    for path in paths:
        try:
            with ClipReader(path) as reader:
                if min(reader.size) >= 16 and reader.frames >= 8:
                    found.append(path)
        except DreamVideoError:
            continue
    return found


def load(path: Path, width: int, count: int) -> Frames:
    with ClipReader(path, fps=FPS, frames=count) as reader:
        size = fit_long_side(reader.size, width)
        return [resize(frame, size) for frame, _ in reader]


def frames_of(path: Path, size: tuple[int, int]) -> Frames:
    """Every frame of a GIF, as ffmpeg shows it."""
    length = size[0] * size[1] * 3
    args = ["-loglevel", "error", "-i", file_url(path), "-fps_mode", "passthrough"]
    with Ffmpeg([*args, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], yields=True) as process:
        data = process.read(-1)
    return [
        np.frombuffer(data, np.uint8, length, start).reshape(size[1], size[0], 3)
        for start in range(0, len(data), length)
    ]


def psnr(frames: Frames, shown: Frames) -> float:
    error = np.mean([(a.astype(np.float32) - b) ** 2 for a, b in zip(frames, shown, strict=True)])
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def shimmer(frames: Frames, shown: Frames) -> float:
    wrong = area = 0.0
    for (before, after), (old, new) in zip(pairwise(frames), pairwise(shown), strict=True):
        change = after.astype(np.float32) - before
        still = np.abs(change).max(2) <= STILL
        wrong += float(np.abs(new.astype(np.float32) - old - change)[still].sum())
        area += float(still.sum()) * 3
    return wrong / max(area, 1)


def ffmpeg_gif(frames: Frames, target: Path) -> None:
    height, width = frames[0].shape[:2]
    source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-video_size", f"{width}x{height}"]
    raw = target.with_suffix(".rgb")
    raw.write_bytes(b"".join(frame.tobytes() for frame in frames))
    run(["-y", *source, "-framerate", str(FPS), "-i", file_url(raw), "-lavfi", DEFAULTS, file_url(target)])


def our_gif(frames: Frames, target: Path, hold: float, *, shrink: bool) -> int:
    height, width = frames[0].shape[:2]
    delays = constant_delays(len(frames), FPS)
    write_gif(target, (width, height), lambda: frames, delays, GifStyle(hold=hold), "")
    if shrink:
        shrink_with_gifsicle(target)
    return target.stat().st_size


def at_bytes(frames: Frames, limit: int, target: Path, *, shrink: bool) -> tuple[int, float]:
    """(bytes, hold) of our GIF with the least `hold` that is not larger than `limit`."""
    for hold in HOLDS:
        length = our_gif(frames, target, hold, shrink=shrink)
        if length <= limit:
            break
    return length, hold


def compare(paths: Sequence[Path], width: int, count: int, folder: Path, *, shrink: bool) -> None:
    """Print the table beside ffmpeg's defaults, or (with `shrink`) those after gifsicle, ours likewise."""
    rival = "ffmpeg, gifsicle -O3" if shrink else "ffmpeg"
    print(f"\n| clip | {rival} | ours | dB theirs | ours | shimmer theirs | ours | hold |")
    print("|---|---|---|---|---|---|---|---|")
    rows, losses = [], []
    for path in paths:
        frames = load(path, width, count)
        size = (frames[0].shape[1], frames[0].shape[0])
        theirs, ours = folder / "theirs.gif", folder / "ours.gif"
        ffmpeg_gif(frames, theirs)
        if shrink:
            shrink_with_gifsicle(theirs)
        limit = theirs.stat().st_size
        length, hold = at_bytes(frames, limit, ours, shrink=shrink)
        shown = frames_of(theirs, size), frames_of(ours, size)
        figures = [psnr(frames, part) for part in shown] + [shimmer(frames, part) for part in shown]
        rows.append(figures)
        losses += [path.name] if length > limit or figures[1] < figures[0] or figures[3] > figures[2] else []
        print(
            f"| {path.name} {size[0]}x{size[1]} | {limit / 1000:.1f} kB | {length / 1000:.1f} kB | "
            + " | ".join(f"{figure:.2f}" for figure in figures)
            + f" | {hold:g} |",
            flush=True,
        )
    for name, middle in (("mean", np.mean(rows, 0)), ("median", np.median(rows, 0))):
        print(f"| {name} | | | " + " | ".join(f"{figure:.2f}" for figure in middle) + " | |")
    print(f"\nlarger, worse or more restless on {len(losses)} of {len(rows)}: {', '.join(losses)}")


def budgets(paths: Sequence[Path], count: int, folder: Path) -> None:
    print("\n| clip | " + " | ".join(f"{limit / 1e6:g} MB" for limit in BUDGETS) + " |")
    print("|---" * (len(BUDGETS) + 1) + "|")
    encodings = 0
    encode = AnimationFitter.encode

    def counted(self: AnimationFitter, target: Path, plan: object) -> bool:
        nonlocal encodings
        encodings += 1
        return encode(self, target, plan)  # type: ignore[arg-type]

    AnimationFitter.encode = counted  # type: ignore[assignment, method-assign]
    kept = filled = large = 0
    most = 0
    for path in paths:
        cells = []
        for limit in BUDGETS:
            encodings, target = 0, folder / "budget.gif"
            settings = GifSettings(max_size=limit, end=count / float(FPS))
            try:
                export_clip(path, target, settings, overwrite=True)
            except DreamVideoError as error:
                cells.append(f"refused: {error}")
                continue
            share = target.stat().st_size / limit
            with ClipReader(path) as source, ClipReader(target) as made:
                is_whole = made.size[0] == source.size[0] and made.fps >= min(source.fps, 24)
            kept += share <= 1
            large += not is_whole
            filled += share >= 0.85 and not is_whole
            most = max(most, encodings)
            cells.append(f"{share:.0%} {made.size[0]} px, {encodings}{' (all)' if is_whole else ''}")
        print(f"| {path.name} | " + " | ".join(cells) + " |", flush=True)
    print(
        f"\nunder budget: {kept} of {len(paths) * len(BUDGETS)}; at least 85% used where something had to be "
    )
    print(f"given up: {filled} of {large}; most encodings: {most}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("places", nargs="+", type=Path)
    parser.add_argument("--frames", type=int, default=30)
    parser.add_argument("--width", type=int, default=320)
    parser.add_argument("--only", choices=("budgets", "quality"))
    options = parser.parse_args()
    logging.getLogger("dreamvideo").setLevel(logging.ERROR)
    paths = clips_in(options.places)
    with tempfile.TemporaryDirectory() as folder:
        if options.only != "budgets":
            for shrink in [False, True] if shutil.which("gifsicle") else [False]:
                compare(paths, options.width, options.frames, Path(folder), shrink=shrink)
        if options.only != "quality":
            budgets(paths, options.frames, Path(folder))


if __name__ == "__main__":
    main()
