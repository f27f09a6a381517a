"""The keys of a shot: its first frame, dreamed from nothing, and those that a dream was carried to.

A carried key costs a fraction of a first one: it is dreamed where it is new, and as much as it has faded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import numpy as np

from dreamvideo.carry import Arrived, certainty, level_new, new_strength
from dreamvideo.dream import Effort, Plan, dream_levels, dream_residual
from dreamvideo.images import resize, scaled
from dreamvideo.motion.reliability import likeness, likeness_around
from dreamvideo.objectives import Objective
from dreamvideo.settings import CarrySettings, DreamSettings

MOST_AT_ONCE = 0.3  # share of a dream given up at a key for a weight that is nearly 0 already
MOST_NEW = 0.6  # share of a dream that may be lost at a key before the shot begins anew
LEAST_NEW = 0.2  # less new than this is left to the renewal
COARSE = 2.5  # times smaller than the finest octave: there what is bare gets its shapes
COARSE_WAY = 0.6  # of the steps of a shot's first frame, for what is bare: with less there is but grain
RENEWAL = 1.8  # share of the steps' way taken, on average, for each share of the level that faded
# Times the step size: larger steps tear patterns apart. What a coarse one tears the finest octave mends.
MOST_PACE, MOST_COARSE_PACE = 3.6, 6.0
WEAK, STRONG = 0.5, 3.0  # times the level: what is weaker is renewed most, what is stronger not at all
MOST_RENEWAL = 1.3  # times the renewal, where a dream is weak
LEAST_RENEWAL = 0.25  # of a step: a shorter way is not worth a step all over the frame


@dataclass(frozen=True)
class Aim:
    """What a key is dreamed towards.

    Attributes:
        frame: of the key, in the clip. objective, dream: as they are at that frame.
    """

    frame: int
    objective: Objective
    dream: DreamSettings


@dataclass(frozen=True)
class Shot:
    """What the next key of a shot needs of those before.

    Attributes:
        frame: the last key's place in the clip.
        residual: the last key's, (H, W, 3).
        source: what the residual was dreamed on at each place, (H, W, 3); where it was carried from afar
            that is an old picture of the same thing.
        level: the objective's value on the shot's first key, to be held.
    """

    frame: int
    residual: np.ndarray
    source: np.ndarray
    level: float


def begin_shot(source: np.ndarray, aim: Aim) -> Shot:
    """Dream a key from nothing, with all steps."""
    residual = dream_residual(aim.objective, source, aim.dream)
    return Shot(aim.frame, residual, source, _level(aim, source, residual))


def refresh(
    shot: Shot,
    source: np.ndarray,
    arrived: Arrived,
    before: Aim,
    now: Aim,
    carry: CarrySettings,
) -> Shot:
    """Dream a key on: as many steps at each pixel as it lacks of the dream that should be there.

    A place is new where the flow cannot be trusted, and where the thing that was dreamed on has come to look
    different, in a fade or a change of light. There the dream that stood at the place is kept if what it was
    dreamed on looked alike: leaves, waves, a wet road. It is not kept where something else was, whose edges
    would be seen. Where little is left, the shot begins anew.

    What is aimed at may change as well, by schedules: as much as it did since the last key (`before`) is
    given up of the dream and dreamed towards the new aim (`now`).
    """
    kept = certainty(arrived.confidence) * certainty(likeness(source, arrived.source))
    held = np.maximum(kept, certainty(likeness_around(source, arrived.stood_on)))
    new, level = 1 - kept, shot.level
    changed = change(before.dream, now.dream)
    given_up = 1 - carry.carry * (1 - changed)
    if held.mean() * (1 - given_up) < 1 - MOST_NEW and carry.refresh:
        return begin_shot(source, now)
    residual = (1 - given_up) * scaled(arrived.residual, held)
    if carry.refresh:
        lack = Lack(new, 1 - held, given_up)
        finest: Effort | Plan | None = partial(plan_finest, lack, now.dream, carry, level)
        if given_up or not (now.objective.is_energy and new.any()):
            levels = _levels(before if changed else now, source, arrived.residual)
            finest = plan_finest(lack, now.dream, carry, level, levels)
        efforts = [*plan_shapes(lack, now.dream, carry), finest]
        residual = dream_residual(now.objective, source, now.dream, residual, efforts)
        strength = new_strength(now.frame - shot.frame)
        residual = np.clip(source + level_new(residual, kept, strength), 0, 1) - source
        if changed:
            level = _level_after(level, source, residual, before, now)
    source = arrived.source + new[..., None] * (source - arrived.source)
    return Shot(now.frame, residual, source, level)


def _level_after(level: float, source: np.ndarray, residual: np.ndarray, before: Aim, now: Aim) -> float:
    """The level to be held from now on. What was lost under the last aim is not forgotten."""
    reached, was = _level(now, source, residual), _level(before, source, residual)
    is_as_strong = _way(before.dream) == _way(now.dream)
    return max(reached, level * reached / was) if is_as_strong and was > 0 else reached


def _level(aim: Aim, source: np.ndarray, residual: np.ndarray) -> float:
    return float(_levels(aim, source, residual).mean())


def _levels(aim: Aim, source: np.ndarray, residual: np.ndarray) -> np.ndarray:
    return dream_levels(aim.objective, source, residual, aim.dream)


def change(before: DreamSettings, after: DreamSettings) -> float:
    """Which share of a dream other settings make another, 0 to 1: of its weights, steps, colours and grain.

    Weights count beside one another: all of them twice as large change nothing. What is given up is taken of
    the whole dream; so that nothing is left of a layer whose weight falls to 0, it is the more of it the less
    weight that layer has left.
    """
    shares = list(zip(_shares(before), _shares(after), strict=True))
    moved = sum(abs(b - a) for a, b in shares) / 2
    falling = sum(abs(a) for a, b in shares if abs(b) < abs(a)) or 1.0
    moved = max(moved, min(MOST_AT_ONCE, moved / falling))
    way = abs(math.log2(_way(after) / _way(before)))
    look = abs(after.natural - before.natural) + abs(after.smooth - before.smooth)
    return min(1.0, moved + way + look)


def _way(dream: DreamSettings) -> float:
    """How far the steps of an octave go."""
    return dream.steps * dream.step_size


def _shares(dream: DreamSettings) -> list[float]:
    weights = [weight for _, weight in (*dream.layers, *dream.classes)]
    whole = sum(map(abs, weights)) or 1.0
    return [weight / whole for weight in weights]


@dataclass(frozen=True)
class Lack:
    """What a carried key lacks of the dream that should be there.

    Attributes:
        new: (H, W), 0 to 1, how new each pixel is. bare: (H, W), the share of it where no dream is.
        given_up: share of the dream that was not carried, or belongs to settings that have changed.
    """

    new: np.ndarray
    bare: np.ndarray
    given_up: float = 0.0


def plan_shapes(lack: Lack, dream: DreamSettings, carry: CarrySettings) -> list[Effort | None]:
    """The steps of a carried key in each octave but the finest, the smallest first.

    What is bare gets its shapes in the coarse octaves. Those between are left out: they cost as much as all
    the coarser ones, and the dream is calmer without them. What is given up is dreamed again in all octaves,
    in few steps.
    """
    again = np.full(lack.bare.shape, lack.given_up * dream.steps, np.float32)
    shapes = _effort(np.maximum(again, _way_of_shapes(lack, dream)), carry, MOST_COARSE_PACE)
    between, coarse = _effort(again, carry, MOST_PACE), _coarse(dream)
    return [shapes if octave >= coarse else between for octave in reversed(range(1, dream.octaves))]


def plan_finest(
    lack: Lack, dream: DreamSettings, carry: CarrySettings, level: float, levels: np.ndarray
) -> Effort | None:
    """The steps of a carried key in the finest octave.

    `refresh` steps fit a pattern to what is newly seen, and what has faded is renewed: being carried costs
    the fine grain, hardly anything of the coarse. It is renewed most where the dream is weak, or what was
    there first grows ever stronger beside what came later. What is given up is dreamed again everywhere.

    Args:
        level: to be held. levels: (h, w), those of the arrived dream's cells (`dream_levels`).
    """
    levels = levels / level if level > 0 else np.ones((1, 1), np.float32)
    way = carry.refresh * _large(lack.new)
    renewal = dream.steps * min(1.0, RENEWAL * (1 - float(levels.mean())))
    if renewal >= LEAST_RENEWAL:
        way = np.maximum(way, renewal * resize(renewal_shares(levels), (way.shape[1], way.shape[0])))
    if _coarse(dream) == 0:
        way = np.maximum(way, _way_of_shapes(lack, dream))
    return _effort(np.maximum(way, lack.given_up * dream.steps), carry, MOST_PACE)


def _coarse(dream: DreamSettings) -> float:
    """The first coarse octave, counted from the finest, which is 0: that one where there is no other."""
    return min(math.log(COARSE, dream.octave_scale), dream.octaves - 1)


def _way_of_shapes(lack: Lack, dream: DreamSettings) -> np.ndarray:
    return COARSE_WAY * dream.steps * _large(lack.bare)


def _large(share: np.ndarray) -> np.ndarray:
    return np.where(share < LEAST_NEW, np.float32(0), share)


def _effort(way: np.ndarray, carry: CarrySettings, most_pace: float) -> Effort | None:
    """The least that goes a way (H, W), counted in steps."""
    if not way.any():
        return None
    steps = max(carry.refresh, math.ceil(way.max() / most_pace))
    return Effort(steps, (way > 0).astype(np.float32), way / np.float32(steps))


def renewal_shares(levels: np.ndarray) -> np.ndarray:
    """How much of a renewal is due, by the level there beside that to be held.

    >>> [round(float(share), 2) for share in renewal_shares(np.array([0, 0.5, 0.9, 2, 9]))]
    [1.3, 1.3, 1.09, 0.52, 0.0]
    """
    return MOST_RENEWAL * np.clip((STRONG - levels) / (STRONG - WEAK), 0, 1).astype(np.float32)
