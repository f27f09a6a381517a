"""How an image is dreamed, and how the dream is carried from frame to frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from dreamvideo.settings.rules import Number, Whole, require, require_number
from dreamvideo.targets import LOOKS, Look, class_index, parse_layer

FlowMethod = Literal["dis", "farneback", "raft", "none"]
CutMethod = Literal["auto", "none"]
Precision = Literal["full", "half", "double"]

FLOW_METHODS: tuple[FlowMethod, ...] = ("dis", "farneback", "raft", "none")
CUT_METHODS: tuple[CutMethod, ...] = ("auto", "none")
PRECISIONS: tuple[Precision, ...] = ("full", "half", "double")
PRECISE: tuple[Precision, ...] = ("full", "double")  # of what is not dreamed in a graph on a GPU
DISSOLVE = 24  # frames over which one dream becomes the next at a seam: in fewer of them the change shows
SHORTEST_SPLIT = 2 * DISSOLVE  # frames; half of them are dreamed twice then
DEVICES = ("auto", "cpu", "cuda", "mps")


def weight_names(kind: str, pairs: Sequence[tuple[str, Number]]) -> list[str]:
    """What the weights of (layer, weight) or (class, weight) pairs are called: no two alike.

    >>> weight_names("layer", [("conv3_3", 1), ("conv5_1", 2), ("conv3_3", 3)])
    ['weight of layer conv3_3', 'weight of layer conv5_1', 'weight of layer conv3_3 (2)']
    """
    names: list[str] = []
    for what, _ in pairs:
        name = f"weight of {kind} {what}"
        times = sum(other == name or other.startswith(f"{name} (") for other in names)
        names.append(f"{name} ({times + 1})" if times else name)
    return names


@dataclass(frozen=True)
class DreamSettings:
    """How one image is dreamed."""

    layers: tuple[tuple[str, Number], ...] = ()
    """(layer, weight) pairs, a layer as in `targets.parse_layer`; a negative weight pushes away."""

    classes: tuple[tuple[str, Number], ...] = ()
    """(class, weight) pairs, a class by a name of ImageNet or its index."""

    look: Look | None = None
    """Early, middle or late layers of the network in use. With no layer, class and look, its best layer.
    A guide without layer and look is matched in the layer of `creatures`."""

    octaves: int = 4
    """Sizes the image is dreamed at, from small to large."""

    octave_scale: float = 1.4
    """Size ratio between neighbouring octaves."""

    steps: Whole = 10
    """Gradient steps per octave; fine octaves take fewer and larger ones, see `octaves.step_paces`."""

    step_size: Number = 0.008
    """Mean change per pixel and step, images in [0, 1]."""

    natural: Number = 0.5
    """How far colours move together as in photographs: 0 is the gradient's own rainbow, 1 nearly grey."""

    keep_colour: bool = False
    """Whether the dream changes the light alone, so that the source keeps its colours."""

    smooth: Number = 0.7
    """Sigma, px, of the blur of each gradient: finer grain than this does not survive being carried."""

    precision: Precision = "full"
    """What the network computes with. Full is float32; half, on a GPU, float16, which is several times faster
    and comes to another dream, as strong; double, float64, comes to the same one on CPU and GPU."""

    jitter: int = 32
    """Largest random shift before a step, px."""

    seed: int = 0
    """Decides the jitter; the same in every frame of a shot."""

    def __post_init__(self) -> None:
        require(1 <= self.octaves <= 20, "octaves", "between 1 and 20", self.octaves)
        require(1.0 < self.octave_scale <= 4.0, "octave_scale", "over 1 and at most 4", self.octave_scale)
        require_number(self.steps, lambda n: 1 <= n <= 1000, "steps", "between 1 and 1000")
        require_number(self.step_size, lambda x: 0 < x <= 0.2, "step_size", "over 0 and at most 0.2")
        require_number(self.natural, lambda x: 0 <= x <= 1, "natural", "between 0 and 1")
        require_number(self.smooth, lambda x: 0 <= x <= 10, "smooth", "between 0 and 10 px")
        require(0 <= self.jitter <= 512, "jitter", "between 0 and 512 px", self.jitter)
        require(self.precision in PRECISIONS, "precision", "one of " + ", ".join(PRECISIONS), self.precision)
        require(self.look in (None, *LOOKS), "look", "one of " + ", ".join(LOOKS), self.look)
        for kind, pairs in (("layer", self.layers), ("class", self.classes)):
            for name, (_, weight) in zip(weight_names(kind, pairs), pairs, strict=True):
                require_number(weight, lambda x: abs(x) <= 1e6, name, "a number")
        for name, _ in self.layers:
            parse_layer(name)
        for name, _ in self.classes:
            class_index(name)


@dataclass(frozen=True)
class CarrySettings:
    """How the dream is carried from frame to frame."""

    refresh: Whole = 1
    """Steps of the finest octave on a carried frame, spent where the dream is new or has faded; more where
    much has; and where there is nothing to go on from, some in coarse octaves."""

    carry: Number = 1.0
    """Share of the residual that survives into the next dreamed frame."""

    cadence: int = 10
    """Every how many frames are dreamed, at most; the ones between are carried from both sides."""

    flow: FlowMethod = "dis"
    """Optical flow that carries the dream."""

    cuts: CutMethod = "auto"
    """Whether the dream starts anew at a cut, and after a fade."""

    split: int = 0
    """Every how many frames of a shot its dream becomes a new one, so that workers can share it; 0: never."""

    def __post_init__(self) -> None:
        require_number(self.refresh, lambda n: 0 <= n <= 1000, "refresh", "between 0 and 1000")
        require_number(self.carry, lambda x: 0 <= x <= 1, "carry", "between 0 and 1")
        require(1 <= self.cadence <= 100, "cadence", "between 1 and 100 frames", self.cadence)
        require(self.flow in FLOW_METHODS, "flow", "one of " + ", ".join(FLOW_METHODS), self.flow)
        require(self.cuts in CUT_METHODS, "cuts", "one of " + ", ".join(CUT_METHODS), self.cuts)
        may_split = self.split == 0 or SHORTEST_SPLIT <= self.split <= 1_000_000
        require(may_split, "split", f"0, or at least {SHORTEST_SPLIT} frames", self.split)
