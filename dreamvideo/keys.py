"""The keys of a shot: its first frame, dreamed from nothing, and those that a dream was carried to.

A carried key costs a tenth of a first one: it is dreamed where it is new, and as much as it has faded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dreamvideo.carry import Carried, level_new, new_strength
from dreamvideo.dream import Effort, dream_levels, dream_residual
from dreamvideo.images import resize, scaled
from dreamvideo.motion.flow import backward_warp
from dreamvideo.motion.reliability import likeness
from dreamvideo.objectives import Objective
from dreamvideo.settings import CarrySettings, DreamSettings

MOST_AT_ONCE = 0.3  # share of a dream given up at a key for a weight that is nearly 0 already
MOST_NEW = 0.6  # share of a key that may be new before the shot begins anew
SURE = 0.8  # a confidence that counts as certain; the rest is what light and noise do
LEAST_NEW = 0.2  # less new than this is left to the renewal
COARSE = 2.5  # times smaller than the finest octave: there what is newly seen gets its shapes
COARSE_COST = 0.75  # of the finest octave's steps, for those of a coarse one: with fewer there is but grain
NEW_SHARE = 0.7  # of the way that the steps of a shot's first frame go, for what is newly seen
NEW_PACE = 4.0  # times the step size, at most, where all is new: larger steps make grain, not patterns
RENEWAL = 3.5  # share of the steps' way taken, on average, for each share of the level that faded
RENEWAL_PACE = 3.0  # times the step size, at most, where patterns are: larger steps tear them apart
WEAK, STRONG = 0.5, 3.0  # times the level: what is weaker is renewed most, what is stronger not at all
MOST_RENEWAL = 1.3  # times the renewal, where a dream is weak
LEAST_RENEWAL = 0.25  # of a step: a shorter way is not worth a look at the whole frame


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
    arrived: Carried,
    before: Aim,
    now: Aim,
    carry: CarrySettings,
) -> Shot:
    """Dream a key on: as many steps at each pixel as it lacks of the dream that should be there.

    A place is new where the flow cannot be trusted, and where the thing that was dreamed on has come to look
    different, in a fade or a change of light. Where nearly all is new, the shot begins anew. What is aimed at
    may change as well, by schedules: as much as it did since the last key (`before`) is given up of the dream
    and dreamed towards the new aim (`now`).
    """
    remembered = backward_warp(shot.source, arrived.route.path)
    kept = np.minimum(1, arrived.route.confidence / SURE) * np.minimum(1, likeness(source, remembered) / SURE)
    kept *= carry.carry
    changed = change(before.dream, now.dream)
    if kept.mean() * (1 - changed) < 1 - MOST_NEW and carry.refresh:
        return begin_shot(source, now)
    residual, new, level = scaled(arrived.residual, kept), 1 - kept, shot.level
    if carry.refresh:
        levels = dream_levels((before if changed else now).objective, source, arrived.residual)
        residual *= 1 - changed
        levels = levels / level if level > 0 else np.ones((1, 1), np.float32)
        efforts = plan_efforts(new, levels, now.dream, carry, changed)
        residual = dream_residual(now.objective, source, now.dream, residual, efforts)
        strength = new_strength(now.frame - shot.frame)
        residual = np.clip(source + level_new(residual, kept, strength), 0, 1) - source
        if changed:
            level = _level_after(level, source, residual, before, now)
    source = remembered + new[..., None] * (source - remembered)
    return Shot(now.frame, residual, source, level)


def _level_after(level: float, source: np.ndarray, residual: np.ndarray, before: Aim, now: Aim) -> float:
    """The level to be held from now on. What was lost under the last aim is not forgotten."""
    reached, was = _level(now, source, residual), _level(before, source, residual)
    is_as_strong = _way(before.dream) == _way(now.dream)
    return max(reached, level * reached / was) if is_as_strong and was > 0 else reached


def _level(aim: Aim, source: np.ndarray, residual: np.ndarray) -> float:
    return float(dream_levels(aim.objective, source, residual).mean())


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


def plan_efforts(
    new: np.ndarray, levels: np.ndarray, dream: DreamSettings, carry: CarrySettings, changed: float = 0.0
) -> list[Effort]:
    """The steps of a carried key in each octave, the smallest first.

    What is newly seen gets its shapes in the coarse octaves, where many steps are cheap, and its grain in
    `refresh` large ones in the finest; with few coarse steps there is nothing but grain. The octaves between
    are left out: they cost as much as all the coarser ones, and the dream is calmer without them. (What is
    half new keeps small steps: its pattern is there.) What has faded is renewed in the finest octave alone:
    being carried costs the fine grain, hardly anything of the coarse. It is renewed most where the dream is
    weak, or what was there first becomes ever stronger beside what came later. What is dreamed towards
    another aim is dreamed everywhere, in all octaves, in few steps.

    Args:
        new: (H, W), 0 to 1, how new each pixel is.
        levels: (h, w), those of the arrived dream's cells (`dream_levels`), beside the level to be held.
        changed: share of the dream that other settings make another.
    """
    new = np.where(new < LEAST_NEW, 0, new).astype(np.float32)
    efforts = [_effort_for_new(new, octave, dream, carry) for octave in reversed(range(dream.octaves))]
    renewal = dream.steps * min(1.0, RENEWAL * (1 - float(levels.mean())))
    if renewal >= LEAST_RENEWAL:
        due = renewal * resize(renewal_shares(levels), (new.shape[1], new.shape[0]))
        steps = max(carry.refresh, math.ceil(due.max() / RENEWAL_PACE))
        way = np.maximum(due, efforts[-1].steps * new * efforts[-1].pace)
        efforts[-1] = Effort(steps, np.ones_like(new), way / steps)
    if changed:
        return [_also_everywhere(effort, changed * dream.steps, carry) for effort in efforts]
    nothing = Effort(0, np.zeros_like(new), np.zeros_like(new))
    first = max(1, math.ceil(math.log(COARSE, dream.octave_scale)))  # that is coarse, counted from the finest
    for between in range(1, min(first, dream.octaves - 1)):
        efforts[-1 - between] = nothing
    return efforts


def renewal_shares(levels: np.ndarray) -> np.ndarray:
    """How much of a renewal is due, by the level there beside that to be held.

    >>> [round(float(share), 2) for share in renewal_shares(np.array([0, 0.5, 0.9, 2, 9]))]
    [1.3, 1.3, 1.09, 0.52, 0.0]
    """
    return MOST_RENEWAL * np.clip((STRONG - levels) / (STRONG - WEAK), 0, 1).astype(np.float32)


def _also_everywhere(effort: Effort, way: float, carry: CarrySettings) -> Effort:
    """The effort with at least so much of a way, in steps, at each pixel."""
    steps = effort.steps
    if effort.is_none:
        steps = max(carry.refresh, math.ceil(way / RENEWAL_PACE))
    ways = np.maximum(way, effort.steps * effort.need * effort.pace)
    return Effort(steps, np.ones_like(effort.need), ways / steps)


def _effort_for_new(new: np.ndarray, octave: int, dream: DreamSettings, carry: CarrySettings) -> Effort:
    """The steps of an octave, of which 0 is the finest."""
    cheap = round(COARSE_COST * carry.refresh * dream.octave_scale ** (2 * octave))
    steps = min(max(carry.refresh, cheap), max(carry.refresh, dream.steps))
    pace = min(NEW_PACE, max(1.0, NEW_SHARE * dream.steps / steps))
    return Effort(steps, new, 1 + (pace - 1) * (new * new * new))
