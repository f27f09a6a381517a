"""What is drawn of what a network likes to see."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from dreamvideo.settings.dream import PRECISE, Precision
from dreamvideo.settings.film import FilmSettings
from dreamvideo.settings.rules import require
from dreamvideo.targets import class_index, parse_choice, parse_layer


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

    precision: Precision = "full"
    """What the network computes with: full or double, see `DreamSettings`."""

    fps: Fraction = Fraction(25)
    """Frames per second of a film of the growth; each is a step."""

    crf: int = FilmSettings.crf
    """As in `FilmSettings`."""

    def __post_init__(self) -> None:
        FilmSettings(fps=self.fps, crf=self.crf)  # checks both
        require(32 <= self.size <= 2048, "size", "between 32 and 2048 px", self.size)
        require(1 <= self.steps <= 10000, "steps", "between 1 and 10000", self.steps)
        require(self.precision in PRECISE, "precision", "one of " + ", ".join(PRECISE), self.precision)
        require(1 <= self.diversity <= 64, "diversity", "between 1 and 64", self.diversity)
        if self.layer is not None:
            parse_layer(self.layer)
        if self.channels is not None:
            parse_choice(self.channels)
        for name in self.classes:
            class_index(name)
        require(
            (self.layer is None) != (not self.classes), "what is drawn", "a layer or classes", "both or none"
        )
