"""One dreamed frame to the next: the residual travels along the flow.

D = S + R: a dream is its source plus a residual. Only R is carried, so the source keeps its full
sharpness however long a shot is. A *span* leads from one dreamed frame (a *key*) to the next; inside it
flows are composed, so that R is resampled once per span and not once per frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dreamvideo.images import box_mean
from dreamvideo.motion.flow import SHARP, backward_warp, compose_flows

LOCAL = 15  # px, side of the box in which the strength of a residual is measured and held
MOST_GAIN = 1.5  # what holding the strength may amplify; more would be amplified noise
# The local strength of what is newly dreamed, times the frame's, two frames after the last key or less; and
# what each further frame adds. Where keys are close together, what is new at one is often new at the next.
NEW_STRENGTH, STRENGTH_PER_FRAME, MOST_STRENGTH = 0.62, 0.07, 0.9
LEAST_NEW_GAIN, MOST_NEW_GAIN = 0.4, 5.0  # between which it is brought there
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
    """A residual that came from a key, (H, W, 3), by its route."""

    residual: np.ndarray
    route: Route


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
    """Bring a key's residual to where a route begins, and hold its `local_energy` there."""
    moved = backward_warp(residual, route.path, SHARP)
    return Carried(hold_strength(moved, backward_warp(energy, route.path)), route)


def blend(earlier: Carried, later: Carried, position: float) -> np.ndarray:
    """The residual between two keys, carried there from both.

    Each side counts by its nearness in time and by its confidence: what is newly seen comes from the
    later key, what is about to be covered from the earlier one. Where both agree this is a cross-fade;
    where they differ, averaging loses contrast, which is held.

    Args:
        position: 0 at the earlier key, 1 at the later one.
    """
    a = (1 - position) * earlier.route.confidence
    b = position * later.route.confidence
    share = (b / (a + b + TINY))[..., None]
    mixed = earlier.residual * (1 - share) + later.residual * share
    energies = local_energy(earlier.residual), local_energy(later.residual)
    wanted = energies[0] * (1 - share[..., 0]) + energies[1] * share[..., 0]
    return hold_strength(mixed, wanted)


def local_energy(residual: np.ndarray) -> np.ndarray:
    """Mean square of a residual (H, W, 3) around each pixel: (H, W)."""
    return box_mean(np.einsum("hwc,hwc->hw", residual, residual), LOCAL)


def hold_strength(residual: np.ndarray, energy: np.ndarray) -> np.ndarray:
    """Amplify a residual where resampling or averaging weakened it, so that its local energy is `energy`."""
    gain = np.sqrt(energy / (local_energy(residual) + TINY))
    return residual * np.clip(gain, 1.0, MOST_GAIN)[..., None]


def new_strength(frames: int) -> float:
    """How strong what is newly dreamed becomes, times the rest, at a key so many frames after the last.

    >>> [round(new_strength(frames), 2) for frames in (1, 2, 3, 6, 50)]
    [0.62, 0.62, 0.69, 0.9, 0.9]
    """
    return min(MOST_STRENGTH, NEW_STRENGTH + STRENGTH_PER_FRAME * max(0, frames - 2))


def level_new(residual: np.ndarray, kept: np.ndarray, strength: float) -> np.ndarray:
    """Bring the newly dreamed parts of a residual to one strength, times that of the carried ones.

    A few large steps make patterns of any contrast: too weak and a new area is bare, too strong and it
    flickers.

    Args:
        kept: (H, W), 0 to 1, how much of the residual was carried there; the rest is new.
    """
    energy = local_energy(residual)
    carried = float(np.vdot(energy, kept)) / (float(kept.sum()) + TINY)
    gain = np.clip(strength * np.sqrt(carried / (energy + TINY)), LEAST_NEW_GAIN, MOST_NEW_GAIN)
    return residual * (1 + (gain - 1) * (1 - kept))[..., None]
