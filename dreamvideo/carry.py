"""One dreamed frame to the next: the residual travels along the flow.

D = S + R: a dream is its source plus a residual. Only R is carried, so the source keeps its full
sharpness however long a shot is. A *span* leads from one dreamed frame (a *key*) to the next; inside it
flows are composed, so that R is resampled once per span and not once per frame. Where no flow can be trusted
R stays where it was: there it is a pattern that belongs to something else, which the next key fits to what it
is on now. That takes fewer steps than a dream from nothing, and makes fuller ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dreamvideo.images import blend, box_mean, mix, scaled, square_sum
from dreamvideo.motion.flow import QUICK, SHARP, backward_warp, compose_flows
from dreamvideo.motion.reliability import leaves_frame

SURE = 0.8  # a confidence that counts as certain; the rest is what light and noise do
# Of a frame's side: from so far inside comes what enters over its border. What was at the border itself would
# come again with each key and make a wallpaper of a pan; from here it comes piece by piece, as it was.
INSIDE = 0.75
LOCAL = 15  # px, side of the box in which the strength of a residual is measured and held
MOST_GAIN = 1.5  # what holding the strength may amplify; more would be amplified noise
# The local strength of what is newly dreamed, times the frame's, two frames after the last key or less; and
# what each further frame adds. Where keys are close together, what is new at one is often new at the next.
NEW_STRENGTH, STRENGTH_PER_FRAME, MOST_STRENGTH = 0.64, 0.08, 0.8
LEAST_NEW_GAIN, MOST_NEW_GAIN = 0.4, 5.0  # between which it is brought there
# Power of the way from one key to the next by which the later one takes over. Near the earlier key it was
# carried there and back and fits worst: with 1.5 the first pair of a span has 8% more warp error than its
# neighbours (`scripts/evaluate_seams.py`), with 3 it has 4%.
TAKE_OVER = 3.0
UNSURE = 1e-5  # confidence that both keys have everywhere: where no flow is trusted they cross-fade in place
TINY = 1e-8


@dataclass(frozen=True)
class Motion:
    """How two neighbouring frames, `before` and `after`, hang together.

    Attributes:
        backward: flow after -> before, (H, W, 2) px. forward: flow before -> after.
        backward_reliability: (H, W), how far `before` sampled along `backward` stands for `after`;
        forward_reliability: the other way round.
    """

    backward: np.ndarray
    forward: np.ndarray
    backward_reliability: np.ndarray
    forward_reliability: np.ndarray


@dataclass(frozen=True)
class Route:
    """The way from a frame to a key.

    Attributes:
        path: flow from here to the key, (H, W, 2) px. confidence: (H, W), 0 to 1, how far to trust it.
    """

    path: np.ndarray
    confidence: np.ndarray


@dataclass(frozen=True)
class Carried:
    """A residual that came from a key.

    Attributes:
        residual: (H, W, 3), weaker than it was by what resampling takes. Where the route is not to be trusted
            it is what stood there.
        energy: (H, W), its local energy at the key. confidence: (H, W), how far to trust its route.
    """

    residual: np.ndarray
    energy: np.ndarray
    confidence: np.ndarray


@dataclass(frozen=True)
class Arrived:
    """What came from one key to the next.

    Attributes:
        residual: (H, W, 3), as strong as it was.
        confidence: (H, W), how far to trust that it is what belongs there.
        source: what it was dreamed on where it came from, (H, W, 3). stood_on: what the residual that stood
            there was dreamed on.
    """

    residual: np.ndarray
    confidence: np.ndarray
    source: np.ndarray
    stood_on: np.ndarray


def routes_back(motions: Sequence[Motion]) -> list[Route]:
    """The ways to a key from the frames after it, one for each motion, in order."""
    return list(_routes((motion.backward, motion.backward_reliability) for motion in motions))


def routes_ahead(motions: Sequence[Motion]) -> list[Route]:
    """The ways to a key from the frames before it; those and the `motions` between them in time order."""
    steps = ((motion.forward, motion.forward_reliability) for motion in reversed(motions))
    return list(_routes(steps))[::-1]


def _routes(steps: Iterable[tuple[np.ndarray, np.ndarray]]) -> Iterator[Route]:
    """steps: (flow towards the key, reliability of that flow), frame by frame away from the key."""
    route: Route | None = None
    for flow, reliable in steps:
        if route is None:
            route = Route(flow, reliable)
        else:
            confidence = reliable * backward_warp(route.confidence, flow)
            route = Route(compose_flows(flow, route.path), confidence)
        yield route


def carry_along(residual: np.ndarray, energy: np.ndarray, route: Route) -> Carried:
    """Bring a key's residual, and its `local_energy`, to where a route begins, between two keys."""
    return _carried((residual, energy), route, (residual.copy(), energy), QUICK)


def arrive(residual: np.ndarray, energy: np.ndarray, source: np.ndarray, route: Route) -> Arrived:
    """Bring a key's residual, and what it was dreamed on, to the next key, to be dreamed on."""
    stood = [picture.copy() for picture in (residual, energy, source)]
    entered = entrances(route.path)
    for picture in stood:
        entered.fill(picture)
    carried = _carried((residual, energy), route, (stood[0], stood[1]), SHARP)
    held = hold_strength(carried.residual, carried.energy)
    return Arrived(held, carried.confidence, backward_warp(source, route.path), stood[2])


def _carried(
    moving: tuple[np.ndarray, np.ndarray], route: Route, standing: tuple[np.ndarray, np.ndarray], kernel: int
) -> Carried:
    """A residual and its energy, along a route as far as it is trusted; for the rest those standing there.

    The residual standing there is used up.
    """
    (residual, energy), (standing_residual, standing_energy) = moving, standing
    moved, moved_energy = backward_warp(residual, route.path, kernel), backward_warp(energy, route.path)
    stays = 1 - certainty(route.confidence)
    blend(moved, standing_residual, stays)
    return Carried(moved, moved_energy + stays * (standing_energy - moved_energy), route.confidence)


def certainty(confidence: np.ndarray) -> np.ndarray:
    """A confidence, 0 to 1, of which all that is `SURE` counts in full."""
    return np.minimum(1, confidence / np.float32(SURE))


@dataclass(frozen=True)
class Entrances:
    """Places to which a path leads from outside the frame, and those far inside from that border.

    Attributes:
        rows, columns: of the former, (n,). inner_rows, inner_columns: of the latter.
    """

    rows: np.ndarray
    columns: np.ndarray
    inner_rows: np.ndarray
    inner_columns: np.ndarray

    def fill(self, picture: np.ndarray) -> None:
        """Bring to a picture's entrances, in place, what is far inside."""
        picture[self.rows, self.columns] = picture[self.inner_rows, self.inner_columns]


def entrances(path: np.ndarray) -> Entrances:
    """Those of a path, (H, W, 2) px."""
    rows, columns = np.nonzero(leaves_frame(path))
    x, y = path[rows, columns].T
    height, width = path.shape[:2]
    return Entrances(rows, columns, _inside(rows, y, height), _inside(columns, x, width))


def _inside(places: np.ndarray, way: np.ndarray, side: int) -> np.ndarray:
    """Along one side of a picture: places, and for those whose way leads out of it, ones far inside."""
    last, led = side - 1, places + way
    inwards = (led < 0).astype(int) - (led > last)
    return last - np.abs(last - np.abs(places + inwards * round(INSIDE * side)))


def between(earlier: Carried, later: Carried, position: float) -> np.ndarray:
    """The residual between two keys, carried there from both.

    Each side counts by its nearness in time and by its confidence: what is newly seen comes from the
    later key, what is about to be covered from the earlier one. Where both agree this is a cross-fade;
    where they differ, averaging loses contrast, which is held.

    Args:
        position: 0 at the earlier key, 1 at the later one.
    """
    taken_over = position**TAKE_OVER
    a = (1 - taken_over) * (earlier.confidence + UNSURE)
    b = taken_over * (later.confidence + UNSURE)
    share = b / (a + b)
    mixed = mix(earlier.residual, later.residual, share)
    return hold_strength(mixed, mix(earlier.energy, later.energy, share), MOST_GAIN**2)


def local_energy(residual: np.ndarray) -> np.ndarray:
    """Mean square of a residual (H, W, 3) around each pixel: (H, W)."""
    return box_mean(square_sum(residual), LOCAL)


def hold_strength(residual: np.ndarray, energy: np.ndarray, most: float = MOST_GAIN) -> np.ndarray:
    """Amplify a residual, up to `most` times, where resampling or averaging weakened it below an energy."""
    gain = np.sqrt(energy / (local_energy(residual) + TINY))
    return scaled(residual, np.clip(gain, 1.0, most))


def new_strength(frames: int) -> float:
    """How strong what is newly dreamed becomes, times the rest, at a key so many frames after the last.

    >>> [round(new_strength(frames), 2) for frames in (1, 2, 3, 6, 50)]
    [0.64, 0.64, 0.72, 0.8, 0.8]
    """
    return min(MOST_STRENGTH, NEW_STRENGTH + STRENGTH_PER_FRAME * max(0, frames - 2))


def level_new(residual: np.ndarray, kept: np.ndarray, strength: float) -> np.ndarray:
    """Bring the newly dreamed parts of a residual to one strength, times that of the carried ones.

    What stood there, or came in a few steps, has any contrast: too weak and a new area is bare, too strong
    and it flickers.

    Args:
        kept: (H, W), 0 to 1, how much of the residual was carried there; the rest is new.
    """
    energy = local_energy(residual)
    carried = float(np.vdot(energy, kept)) / (float(kept.sum()) + TINY)
    gain = np.clip(strength * np.sqrt(carried / (energy + TINY)), LEAST_NEW_GAIN, MOST_NEW_GAIN)
    return scaled(residual, 1 + (gain - 1) * (1 - kept))
