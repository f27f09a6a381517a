"""Every setting and the only place of its default: frozen dataclasses, checked when made.

The command line, the library and the recipe of a film use these names and no others.
How the defaults were chosen is told in the README ("Why these defaults").
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from dreamvideo.errors import SettingsError

FlowMethod = Literal["dis", "farneback", "raft", "none"]
CutMethod = Literal["auto", "none"]

FLOW_METHODS: tuple[FlowMethod, ...] = ("dis", "farneback", "raft", "none")
CUT_METHODS: tuple[CutMethod, ...] = ("auto", "none")
DEVICES = ("auto", "cpu", "cuda", "mps")


def _require(holds: bool, name: str, rule: str, value: object) -> None:
    if not holds:
        raise SettingsError(f"{name} must be {rule}, got {value}")


@dataclass(frozen=True)
class DreamSettings:
    """How one image is dreamed."""

    layers: tuple[tuple[str, float], ...] = ()
    """(layer, weight) pairs; empty: the one that looks best in the network in use."""

    octaves: int = 4
    """Sizes the image is dreamed at, from small to large."""

    octave_scale: float = 1.4
    """Size ratio between neighbouring octaves."""

    steps: int = 10
    """Gradient steps per octave."""

    step_size: float = 0.008
    """Mean change per pixel and step, images in [0, 1]."""

    natural: float = 0.5
    """How far colours move together as in photographs: 0 is the gradient's own rainbow, 1 nearly grey."""

    smooth: float = 0.7
    """Sigma, px, of the blur of each gradient: finer grain than this does not survive being carried."""

    jitter: int = 32
    """Largest random shift before a step, px."""

    seed: int = 0
    """Decides the jitter; the same in every frame of a shot."""

    def __post_init__(self) -> None:
        _require(1 <= self.octaves <= 20, "octaves", "between 1 and 20", self.octaves)
        _require(1.0 < self.octave_scale <= 4.0, "octave_scale", "over 1 and at most 4", self.octave_scale)
        _require(1 <= self.steps <= 1000, "steps", "between 1 and 1000", self.steps)
        _require(0.0 < self.step_size <= 0.2, "step_size", "over 0 and at most 0.2", self.step_size)
        _require(0.0 <= self.natural <= 1.0, "natural", "between 0 and 1", self.natural)
        _require(0.0 <= self.smooth <= 10.0, "smooth", "between 0 and 10 px", self.smooth)
        _require(0 <= self.jitter <= 512, "jitter", "between 0 and 512 px", self.jitter)
        for name, weight in self.layers:
            _require(weight == weight and abs(weight) <= 1e6, f"weight of layer {name}", "a number", weight)


@dataclass(frozen=True)
class CarrySettings:
    """How the dream is carried from frame to frame."""

    refresh: int = 2
    """Steps per octave on a carried frame, spent where the dream is new or has faded; more where much has."""

    carry: float = 1.0
    """Share of the residual that survives into the next dreamed frame."""

    cadence: int = 6
    """Every how many frames are dreamed, at most; the ones between are carried from both sides."""

    flow: FlowMethod = "dis"
    """Optical flow that carries the dream."""

    cuts: CutMethod = "auto"
    """Whether the dream starts anew at a cut."""

    def __post_init__(self) -> None:
        _require(0 <= self.refresh <= 1000, "refresh", "between 0 and 1000", self.refresh)
        _require(0.0 <= self.carry <= 1.0, "carry", "between 0 and 1", self.carry)
        _require(1 <= self.cadence <= 100, "cadence", "between 1 and 100 frames", self.cadence)
        _require(self.flow in FLOW_METHODS, "flow", "one of " + ", ".join(FLOW_METHODS), self.flow)
        _require(self.cuts in CUT_METHODS, "cuts", "one of " + ", ".join(CUT_METHODS), self.cuts)


@dataclass(frozen=True)
class FilmSettings:
    """Which part of a clip is dreamed, at which size, and how it leaves."""

    detail: int = 640
    """Long side, in px, that flow and dream are computed at."""

    strength: float = 1.0
    """How much of the dream is added to the source; 1 is all of it."""

    size: tuple[int, int] | None = None
    """(width, height) of the output; None: the clip's own."""

    start: float = 0.0
    """Where to begin, seconds."""

    end: float | None = None
    """Where to end, seconds; None: with the clip."""

    frames: int | None = None
    """At most so many frames; None: all."""

    fps: Fraction | None = None
    """Frames per second of the output; None: the clip's own times."""

    crf: int = 18
    """Quality of H.264 and VP9: 0 is lossless, lower is better and larger."""

    audio: bool = True
    """Whether the sound is kept."""

    def __post_init__(self) -> None:
        _require(32 <= self.detail <= 8192, "detail", "between 32 and 8192 px", self.detail)
        _require(0.0 <= self.strength <= 10.0, "strength", "between 0 and 10", self.strength)
        if self.size is not None:
            _require(
                all(1 <= side <= 16384 for side in self.size), "size", "sides of 1 to 16384 px", self.size
            )
        _require(self.start >= 0.0, "start", "0 s or later", self.start)
        _require(self.end is None or self.end > self.start, "end", "later than start", self.end)
        _require(self.frames is None or self.frames >= 1, "frames", "at least 1", self.frames)
        _require(self.fps is None or 0 < self.fps <= 1000, "fps", "over 0 and at most 1000", self.fps)
        _require(0 <= self.crf <= 51, "crf", "between 0 and 51", self.crf)


@dataclass(frozen=True)
class Recipe:
    """All settings of a run."""

    dream: DreamSettings = DreamSettings()
    carry: CarrySettings = CarrySettings()
    film: FilmSettings = FilmSettings()
