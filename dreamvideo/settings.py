"""Every setting and the only place of its default: frozen dataclasses, checked when made.

The command line, the library and the recipe of a film use these names and no others.
How the defaults were chosen is told in the README ("Why these defaults").
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal, TypeAlias

from dreamvideo.errors import SettingsError
from dreamvideo.schedule import Schedule
from dreamvideo.targets import LOOKS, Look, class_index, parse_choice, parse_layer

# A number that may change over a film: it, or a schedule for it. Type checkers see what the dream sees: it is
# given the settings of one frame (`course.Course.at`), where every schedule is a number.
if TYPE_CHECKING:
    Number: TypeAlias = float
    Whole: TypeAlias = int
else:
    Number, Whole = float | Schedule, int | Schedule

FlowMethod = Literal["dis", "farneback", "raft", "none"]
CutMethod = Literal["auto", "none"]

Dither = Literal["auto", "ordered", "none"]

FLOW_METHODS: tuple[FlowMethod, ...] = ("dis", "farneback", "raft", "none")
CUT_METHODS: tuple[CutMethod, ...] = ("auto", "none")
DITHERS: tuple[Dither, ...] = ("auto", "ordered", "none")
SHAPE = re.compile(r"[1-9]\d{0,3}:[1-9]\d{0,3}")  # width:height
DEFAULT_LOOP = 10.0  # s
DEVICES = ("auto", "cpu", "cuda", "mps")


def _require(holds: bool, name: str, rule: str, value: object) -> None:
    if not holds:
        raise SettingsError(f"{name} must be {rule}, got {value}")


def _require_number(value: Number, holds: Callable[[float], bool], name: str, rule: str) -> None:
    """As `_require`; a schedule is checked when its values are known, frame by frame."""
    if not isinstance(value, Schedule):
        _require(holds(value), name, rule, value)


def _require_size(size: int | None) -> None:
    _require(size is None or 1000 <= size <= 1 << 50, "max_size", "at least 1 kB", size)


@dataclass(frozen=True)
class DreamSettings:
    """How one image is dreamed."""

    layers: tuple[tuple[str, Number], ...] = ()
    """(layer, weight) pairs, a layer as in `targets.parse_layer`; a negative weight pushes away."""

    classes: tuple[tuple[str, Number], ...] = ()
    """(class, weight) pairs, a class by a name of ImageNet or its index."""

    look: Look | None = None
    """Early, middle or late layers of the network in use. With no layer, class and look, its best layer."""

    octaves: int = 4
    """Sizes the image is dreamed at, from small to large."""

    octave_scale: float = 1.4
    """Size ratio between neighbouring octaves."""

    steps: Whole = 10
    """Gradient steps per octave."""

    step_size: Number = 0.008
    """Mean change per pixel and step, images in [0, 1]."""

    natural: Number = 0.5
    """How far colours move together as in photographs: 0 is the gradient's own rainbow, 1 nearly grey."""

    keep_colour: bool = False
    """Whether the dream changes the light alone, so that the source keeps its colours."""

    smooth: Number = 0.7
    """Sigma, px, of the blur of each gradient: finer grain than this does not survive being carried."""

    jitter: int = 32
    """Largest random shift before a step, px."""

    seed: int = 0
    """Decides the jitter; the same in every frame of a shot."""

    def __post_init__(self) -> None:
        _require(1 <= self.octaves <= 20, "octaves", "between 1 and 20", self.octaves)
        _require(1.0 < self.octave_scale <= 4.0, "octave_scale", "over 1 and at most 4", self.octave_scale)
        _require_number(self.steps, lambda n: 1 <= n <= 1000, "steps", "between 1 and 1000")
        _require_number(self.step_size, lambda x: 0 < x <= 0.2, "step_size", "over 0 and at most 0.2")
        _require_number(self.natural, lambda x: 0 <= x <= 1, "natural", "between 0 and 1")
        _require_number(self.smooth, lambda x: 0 <= x <= 10, "smooth", "between 0 and 10 px")
        _require(0 <= self.jitter <= 512, "jitter", "between 0 and 512 px", self.jitter)
        _require(self.look in (None, *LOOKS), "look", "one of " + ", ".join(LOOKS), self.look)
        for kind, pairs in (("layer", self.layers), ("class", self.classes)):
            for name, weight in pairs:
                _require_number(weight, lambda x: abs(x) <= 1e6, f"weight of {kind} {name}", "a number")
        for name, _ in self.layers:
            parse_layer(name)
        for name, _ in self.classes:
            class_index(name)


@dataclass(frozen=True)
class CarrySettings:
    """How the dream is carried from frame to frame."""

    refresh: Whole = 1
    """Steps per octave on a carried frame, spent where the dream is new or has faded; more where much has."""

    carry: Number = 1.0
    """Share of the residual that survives into the next dreamed frame."""

    cadence: int = 6
    """Every how many frames are dreamed, at most; the ones between are carried from both sides."""

    flow: FlowMethod = "dis"
    """Optical flow that carries the dream."""

    cuts: CutMethod = "auto"
    """Whether the dream starts anew at a cut."""

    def __post_init__(self) -> None:
        _require_number(self.refresh, lambda n: 0 <= n <= 1000, "refresh", "between 0 and 1000")
        _require_number(self.carry, lambda x: 0 <= x <= 1, "carry", "between 0 and 1")
        _require(1 <= self.cadence <= 100, "cadence", "between 1 and 100 frames", self.cadence)
        _require(self.flow in FLOW_METHODS, "flow", "one of " + ", ".join(FLOW_METHODS), self.flow)
        _require(self.cuts in CUT_METHODS, "cuts", "one of " + ", ".join(CUT_METHODS), self.cuts)


@dataclass(frozen=True)
class FilmSettings:
    """Which part of a clip is dreamed, at which size, and how it leaves."""

    detail: int = 640
    """Long side, in px, that flow and dream are computed at."""

    strength: Number = 1.0
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

    platform: str | None = None
    """Where the film shall go: it keeps to what is taken there; None: anywhere."""

    max_size: int | None = None
    """Bytes that the file may have; None: what the platform takes, else any number."""

    def __post_init__(self) -> None:
        _require(32 <= self.detail <= 8192, "detail", "between 32 and 8192 px", self.detail)
        _require_number(self.strength, lambda x: 0 <= x <= 10, "strength", "between 0 and 10")
        if self.size is not None:
            _require(
                all(1 <= side <= 16384 for side in self.size), "size", "sides of 1 to 16384 px", self.size
            )
        _require(self.start >= 0.0, "start", "0 s or later", self.start)
        _require(self.end is None or self.end > self.start, "end", "later than start", self.end)
        _require(self.frames is None or self.frames >= 1, "frames", "at least 1", self.frames)
        _require(self.fps is None or 0 < self.fps <= 1000, "fps", "over 0 and at most 1000", self.fps)
        _require(0 <= self.crf <= 51, "crf", "between 0 and 51", self.crf)
        _require_size(self.max_size)


@dataclass(frozen=True)
class GifSettings:
    """How a clip becomes a small animation."""

    width: int | None = None
    """Width, px, never more than the clip has; None: 480, or what a size limit allows."""

    start: float = 0.0
    """Where to begin, seconds."""

    end: float | None = None
    """Where to end, seconds; None: with the clip."""

    fps: Fraction | None = None
    """Frames per second; None: the clip's, of a GIF 25 at most."""

    colours: int = 256
    """Colours of a scene, one of them transparent."""

    dither: Dither = "auto"
    """Where an ordered pattern hides steps of colour: where the picture is smooth, everywhere, nowhere."""

    hold: float = 6.0
    """Grey levels by which a pixel may be off before it is drawn anew: more is smaller and calmer."""

    crop: str | None = None
    """Shape of the middle part to keep, like 1:1 or 9:16; None: all of it."""

    speed: float = 1.0
    """How much faster than the clip."""

    boomerang: bool = False
    """Whether it plays forwards and then backwards."""

    find_loop: bool = False
    """Whether only the part is kept that returns most seamlessly to its beginning."""

    audio: bool = True
    """Whether a film keeps the sound, where speed and order are the clip's own."""

    platform: str | None = None
    """As in `FilmSettings`."""

    max_size: int | None = None
    """As in `FilmSettings`."""

    def __post_init__(self) -> None:
        _require(
            self.width is None or 16 <= self.width <= 8192, "width", "between 16 and 8192 px", self.width
        )
        _require(2 <= self.colours <= 256, "colours", "between 2 and 256", self.colours)
        _require(self.dither in DITHERS, "dither", "one of " + ", ".join(DITHERS), self.dither)
        _require(0.0 <= self.hold <= 64.0, "hold", "between 0 and 64 grey levels", self.hold)
        _require(
            self.crop is None or SHAPE.fullmatch(self.crop) is not None,
            "crop",
            "a shape like 9:16",
            self.crop,
        )
        _require(0.1 <= self.speed <= 100.0, "speed", "between 0.1 and 100", self.speed)
        _require(self.start >= 0.0, "start", "0 s or later", self.start)
        _require(self.end is None or self.end > self.start, "end", "later than start", self.end)
        _require(self.fps is None or 0 < self.fps <= 1000, "fps", "over 0 and at most 1000", self.fps)
        _require_size(self.max_size)


@dataclass(frozen=True)
class VisualizeSettings:
    """What is drawn, from noise, of what a network likes to see."""

    layer: str | None = None
    """A layer, with or without channels and place (see `targets.parse_layer`); None: classes alone."""

    channels: str | None = None
    """`0-8,12`, `random:16` or `all`; None: those named with the layer, else its first nine."""

    classes: tuple[str, ...] = ()
    """Names or indices of ImageNet's classes."""

    size: int = 224
    """Side of each picture, px."""

    steps: int = 256
    """Gradient steps."""

    seed: int = 0
    """Decides the noise, the movements and which channels are `random`."""

    diversity: int = 1
    """Pictures of each channel or class, unlike each other."""

    def __post_init__(self) -> None:
        _require(32 <= self.size <= 2048, "size", "between 32 and 2048 px", self.size)
        _require(1 <= self.steps <= 10000, "steps", "between 1 and 10000", self.steps)
        _require(1 <= self.diversity <= 64, "diversity", "between 1 and 64", self.diversity)
        if self.layer is not None:
            parse_layer(self.layer)
        if self.channels is not None:
            parse_choice(self.channels)
        for name in self.classes:
            class_index(name)
        _require(
            (self.layer is None) != (not self.classes), "what is drawn", "a layer or classes", "both or none"
        )


@dataclass(frozen=True)
class VisualizeRecipe:
    """All settings of a run of `visualize`."""

    visualize: VisualizeSettings


@dataclass(frozen=True)
class ZoomSettings:
    """Where the camera of a zoom film goes, and for how long. Speeds are per second, whatever the rate."""

    loop: float | None = None
    """Length, s, of a film that ends as it begins; None, and no duration or frames: `DEFAULT_LOOP`."""

    duration: float | None = None
    """Length, s, of a film that goes on falling."""

    zoom: Number = 2.0
    """Times as large after a second; under 1 falls backwards."""

    rotate: Number = 0.0
    """Degrees per second, clockwise."""

    pan_x: Number = 0.0
    """Widths of the frame per second that the camera moves to the right."""

    pan_y: Number = 0.0
    """Heights of the frame per second that the camera moves down."""

    centre_x: Number = 0.5
    """Where the point that is fallen into lies, in widths of the frame from the left."""

    centre_y: Number = 0.5
    """The same in heights from the top."""

    symmetry: int = 1
    """Sectors of a mandala; 1: no mandala."""

    feedback: bool = False
    """Move the last frame and dream it again, instead of falling through stills."""

    crossfade: float = 0.25
    """Share of a loop by feedback in which its end dissolves into its begin."""

    boomerang: bool = False
    """Forwards, then backwards: closes anything."""

    def __post_init__(self) -> None:
        for name, length in (("loop", self.loop), ("duration", self.duration)):
            _require(length is None or 0.1 <= length <= 86400, name, "between 0.1 and 86400 s", length)
        _require(self.loop is None or self.duration is None, "loop", "given without a duration", self.loop)
        _require_number(self.zoom, lambda x: 0.01 <= x <= 100, "zoom", "between 0.01 and 100 times a second")
        _require_number(self.rotate, lambda x: abs(x) <= 3600, "rotate", "at most 3600 degrees a second")
        for name, pan in (("pan_x", self.pan_x), ("pan_y", self.pan_y)):
            _require_number(pan, lambda x: abs(x) <= 10, name, "at most 10 frames a second")
        for name, centre in (("centre_x", self.centre_x), ("centre_y", self.centre_y)):
            _require_number(centre, lambda x: 0.05 <= x <= 0.95, name, "between 0.05 and 0.95")
        _require(1 <= self.symmetry <= 64, "symmetry", "between 1 and 64", self.symmetry)
        _require(0.05 <= self.crossfade <= 0.5, "crossfade", "between 0.05 and 0.5", self.crossfade)


@dataclass(frozen=True)
class Recipe:
    """All settings of a run."""

    dream: DreamSettings = DreamSettings()
    carry: CarrySettings = CarrySettings()
    film: FilmSettings = FilmSettings()


@dataclass(frozen=True)
class ZoomRecipe:
    """All settings of a zoom film. By feedback frames are scaled up, and fade faster than carried ones."""

    dream: DreamSettings = DreamSettings()
    carry: CarrySettings = CarrySettings(refresh=2)
    film: FilmSettings = FilmSettings()
    zoom: ZoomSettings = ZoomSettings()
