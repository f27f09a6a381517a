"""What platforms take: one table, dated, each row with its source and its doubts.

The limits change often and several sources disagree; where they do, the smaller one stands here. `--max-size`
overrides the bytes. MB are 10**6 bytes.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from dreamvideo.errors import UnknownNameError, UsageError
from dreamvideo.media.fit import Wish
from dreamvideo.media.gif import GifStyle, exact_rates
from dreamvideo.media.outputs import ANIMATION_ENDINGS

log = logging.getLogger("dreamvideo")

DATE = "2026-11"
"""When the table was last gone through."""

MB = 1_000_000
LOWEST_FPS = Fraction(10)  # a limit on frames that asks for fewer is an error


@dataclass(frozen=True)
class Limits:
    """What is taken of one kind of file; None where nothing is known."""

    name: str
    """Of the platform."""
    bytes: int
    box: tuple[int, int] | None = None
    """Largest (width, height)."""
    min_side: int = 1
    """The shorter side, px."""
    fps: tuple[int, int] = (0, 50)
    """The lowest and the highest rate."""
    seconds: tuple[float, float] = (0.0, math.inf)
    """The shortest and the longest film."""
    frames: int | None = None
    pixels: int | None = None
    """Width times height times frames."""
    shape: Fraction | None = None
    """The longer side over the shorter one, at most."""
    edit_lists: bool = True
    """mp4 and mov may have them."""
    bits_per_second: int | None = None

    def told(self) -> str:
        """All that is known, in one line."""
        parts = [f"{self.bytes / MB:g} MB"]
        if self.box:
            parts.append(f"{self.box[0]}x{self.box[1]}")
        if self.min_side > 1:
            parts.append(f"{self.min_side} px at least")
        parts.append(f"{self.fps[0]}-{self.fps[1]} fps" if self.fps[0] > 1 else f"{self.fps[1]} fps")
        if self.seconds[1] < math.inf:
            parts.append(f"{self.seconds[0]:g}-{self.seconds[1]:g} s")
        if self.frames:
            parts.append(f"{self.frames} frames")
        if self.pixels:
            parts.append(f"{self.pixels / 1e6:g} M pixels in all")
        if self.shape:
            parts.append(f"shapes up to {self.shape}:1")
        if self.bits_per_second:
            parts.append(f"{self.bits_per_second / 1e6:g} Mbit/s")
        return ", ".join(parts)

    def check_seconds(self, seconds: float) -> None:
        """Raise UsageError, with the nearest that would do, if a film is too short or too long."""
        shortest, longest = self.seconds
        if seconds > longest + 0.01:
            raise UsageError(
                f"{self.name} takes {longest:g} s at most and this is {seconds:.1f} s: shorten it with "
                f"--end, or with dreamvideo gif --speed {math.ceil(seconds / longest * 100) / 100:g}"
            )
        if seconds < shortest - 0.01:
            raise UsageError(
                f"{self.name} takes {shortest:g} s at least and this is {seconds:.1f} s: take more of "
                "the clip, or use dreamvideo gif --boomerang"
            )

    def rate(self, fps: Fraction, seconds: float) -> Fraction:
        """The rate nearest to `fps` that is taken; below the lowest, each frame is shown several times.

        Raises:
            UsageError: So many seconds are too many frames at any usual rate.
        """
        lowest, highest = self.fps
        rate = min(fps, Fraction(highest))
        if rate < lowest:
            rate = rate * math.ceil(lowest / rate)
        if self.frames is not None and seconds * rate > self.frames:
            if seconds * LOWEST_FPS > self.frames:
                raise UsageError(
                    f"{self.name} takes {self.frames} frames at most: of these {seconds:.1f} s at "
                    f"{LOWEST_FPS} frames a second that is {self.frames / LOWEST_FPS} s; use --end"
                )
            rate = Fraction(self.frames) / Fraction(seconds).limit_denominator(1000)
        return rate

    def size(self, size: tuple[int, int], frames: int) -> tuple[int, int]:
        """The size nearest to `size`, of the same shape, that is taken.

        Raises:
            UsageError: No size of this shape is taken.
        """
        if self.shape is not None and max(size) > self.shape * min(size):
            raise UsageError(
                f"{self.name} takes shapes up to {self.shape}:1 and this is {size[0]}x{size[1]}: --crop of "
                "dreamvideo gif cuts it"
            )
        scale = Fraction(1)
        if self.box is not None:
            scale = min(scale, Fraction(self.box[0], size[0]), Fraction(self.box[1], size[1]))
        if self.pixels is not None:
            scale = min(scale, Fraction(math.sqrt(self.pixels / (size[0] * size[1] * frames))))
        scale = max(scale, Fraction(0 if min(size) >= self.min_side else self.min_side, min(size)))
        return max(1, math.floor(size[0] * scale)), max(1, math.floor(size[1] * scale))

    def shaped(
        self, target: str | Path, size: tuple[int, int], fps: Fraction, seconds: float
    ) -> tuple[Fraction, tuple[int, int]]:
        """The rate and size nearest to those of a film that are taken, exact ones for a GIF.

        Raises:
            UsageError: Its duration or shape is not taken.
        """
        self.check_seconds(seconds)
        rate = self.rate(fps, seconds)
        if Path(target).suffix.lower() == ".gif" and rate != fps:
            rate = next(exact_rates(rate))
        return rate, self.size(size, math.ceil(seconds * rate))


@dataclass(frozen=True)
class Platform:
    """A row of the table."""

    name: str
    animation: Limits | None
    """Of GIFs and other animations; None: they do not move there, or are not taken."""
    video: Limits
    containers: tuple[str, ...]
    """Endings that are taken, the best first."""
    source: str
    """By title; no row is better than it."""
    doubt: str


_ROWS = (
    Platform(
        "x",
        Limits("x", 15 * MB, box=(1280, 1080), frames=350, pixels=300_000_000, shape=Fraction(3)),
        Limits("x", 8000 * MB, fps=(1, 60), seconds=(0.5, 1200), shape=Fraction(3)),
        (".mp4", ".mov", ".gif"),
        "X developer documentation, media best practices (2026); a blog of xconvert on the mobile apps",
        "5 MB for GIFs in the mobile apps; older pages say 140 s and 512 MB; 720p is shown to most",
    ),
    Platform(
        "discord",
        Limits("discord", 9_500_000),
        Limits("discord", 9_500_000, fps=(1, 60)),
        (".mp4", ".webm", ".mov", ".gif", ".webp", ".avif"),
        "ffmpeg4discord pull request 67 and Compressor issue 95, which cite the API's change log",
        "20 MB since August 2026, 10 MB before: what is safe in both; paid accounts 50 and 500 MB",
    ),
    Platform(
        "reddit",
        Limits("reddit", 20 * MB),
        Limits("reddit", 1000 * MB, fps=(1, 60), seconds=(0.0, 900)),
        (".mp4", ".mov", ".gif"),
        "aggregators' pages and a mirror of Reddit's advertising specification",
        "GIFs become videos there; the advertising specification asks for 30 frames a second at most",
    ),
    Platform(
        "slack",
        Limits("slack", 5 * MB),
        Limits("slack", 1000 * MB, fps=(1, 60)),
        (".mp4", ".mov", ".webm", ".gif"),
        "blogs",
        "1 GB is taken; GIFs beyond some MB are not shown in the line of talk",
    ),
    Platform(
        "tumblr",
        Limits("tumblr", 3 * MB, box=(540, 4096)),
        Limits("tumblr", 500 * MB, fps=(1, 60)),
        (".mp4", ".mov", ".gif"),
        "pages that contradict each other",
        "3 to 10 MB are told for GIFs that move at once; 500 MB for videos is from memory",
    ),
    Platform(
        "instagram",
        None,
        Limits(
            "instagram",
            300 * MB,
            box=(1920, 1920),
            fps=(23, 60),
            seconds=(3, 900),
            edit_lists=False,
            bits_per_second=25_000_000,
        ),
        (".mp4", ".mov"),
        "mirrors of Meta's documentation for Reels at ayrshare and circleboom",
        "300 MB and 1 GB are both told",
    ),
    Platform(
        "tiktok",
        None,
        Limits("tiktok", 1000 * MB, min_side=360, fps=(23, 60), seconds=(3, 600)),
        (".mp4", ".mov", ".webm"),
        "documentation of ayrshare",
        "1 to 10 GB are told",
    ),
    Platform(
        "whatsapp",
        None,
        Limits("whatsapp", 16 * MB, fps=(1, 60)),
        (".mp4",),
        "AWS End User Messaging, supported media file types and sizes in WhatsApp (of the Cloud API)",
        "the apps take more in some countries, and compress it anew",
    ),
    Platform(
        "bluesky",
        None,
        Limits("bluesky", 100 * MB, fps=(1, 60), seconds=(0.0, 180)),
        (".mp4", ".mov", ".webm"),
        "third parties' pages",
        "100 MB and 1 GB are both told; GIFs are sent as videos",
    ),
    Platform(
        "web",
        Limits("web", 5 * MB, box=(1280, 1280)),
        Limits("web", 20 * MB, box=(1920, 1920), fps=(1, 60)),
        (".mp4", ".webm", ".gif", ".webp", ".avif", ".apng"),
        "our own choice: what a page loads within seconds",
        "no platform's limit",
    ),
)
PLATFORMS = {row.name: row for row in _ROWS}


def find_platform(name: str) -> Platform:
    """The row called `name`.

    Raises:
        UnknownNameError: There is none; names the nearest, or all.
    """
    if name not in PLATFORMS:
        raise UnknownNameError("platform", name, PLATFORMS, "there are " + ", ".join(PLATFORMS))
    return PLATFORMS[name]


def target_for(target: str, platform: str | None) -> str:
    """The output as the platform takes it: where GIFs do not move an mp4, and a line that says so.

    Raises:
        UnknownNameError: There is no such platform.
        UsageError: The ending is not taken there.
    """
    if platform is None:
        return target
    row, path = find_platform(platform), Path(target)
    ending = path.suffix.lower()
    if ending in ANIMATION_ENDINGS and row.animation is None:
        log.warning("animations do not move on %s: an mp4 is made", platform)
        return str(path.with_suffix(".mp4"))
    if ending not in row.containers:
        known = ", ".join(container[1:] for container in row.containers)
        raise UsageError(f"{platform} takes {known}: end {path.name} in one of them")
    return target


def limits_for(target: str | Path, platform: str | None) -> Limits | None:
    """What the platform takes of a file with the ending of `target`; None where no platform is named."""
    if platform is None:
        return None
    row = find_platform(platform)
    return row.animation if Path(target).suffix.lower() in ANIMATION_ENDINGS else row.video


def wish_for(
    target: str | Path, platform: str | None, max_size: int | None, style: GifStyle | None = None
) -> Wish:
    """What the file must keep to; `max_size` goes before the platform's bytes."""
    limits, style = limits_for(target, platform), style or GifStyle()
    if limits is None:
        return Wish(max_size, style)
    return Wish(max_size or limits.bytes, style, limits.edit_lists, limits.bits_per_second, plain_sound=True)
