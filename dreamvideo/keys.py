"""The keys of a shot: its first frame, dreamed from nothing, and those that a dream was carried to.

A carried key costs a tenth of a first one: it is dreamed where it is new, and as much as it has faded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from dreamvideo.carry import Carried, level_new
from dreamvideo.dream import Effort, dream_level, dream_residual
from dreamvideo.motion.flow import backward_warp
from dreamvideo.motion.reliability import likeness
from dreamvideo.objectives import Objective
from dreamvideo.settings import CarrySettings, DreamSettings

MOST_NEW = 0.6  # share of a key that may be new before the shot begins anew
SURE = 0.8  # a confidence that counts as certain; the rest is what light and noise do
LEAST_NEW = 0.2  # less new than this is left to the renewal
NEW_SHARE = 0.7  # of the way that the steps of a shot's first frame go, for what is newly seen
NEW_PACE = 4.0  # times the step size, at most, where all is new: larger steps make grain, not patterns
RENEWAL = 3.0  # share of the steps' way taken everywhere, for each share of the level that faded
RENEWAL_PACE = 2.0  # times the step size, at most, where patterns are: larger steps tear them apart
LEAST_RENEWAL = 0.25  # of a step: a shorter way is not worth a look at the whole frame


@dataclass(frozen=True)
class Shot:
    """What the next key of a shot needs of those before.

    Attributes:
        residual: the last key's, (H, W, 3).
        source: what the residual was dreamed on at each place, (H, W, 3); where it was carried from afar
            that is an old picture of the same thing.
        level: the objective's value on the shot's first key, to be held.
    """

    residual: np.ndarray
    source: np.ndarray
    level: float


def begin_shot(source: np.ndarray, objective: Objective, dream: DreamSettings) -> Shot:
    """Dream a key from nothing, with all steps."""
    residual = dream_residual(objective, source, dream)
    return Shot(residual, source, dream_level(objective, source, residual))


def refresh(
    shot: Shot,
    source: np.ndarray,
    arrived: Carried,
    objective: Objective,
    dream: DreamSettings,
    carry: CarrySettings,
) -> Shot:
    """Dream a key on: as many steps at each pixel as it lacks of the dream that should be there.

    A place is new where the flow cannot be trusted, and where the thing that was dreamed on has come to look
    different, in a fade or a change of light. Where nearly all is new, the shot begins anew.
    """
    remembered = backward_warp(shot.source, arrived.route.path)
    kept = np.minimum(1, arrived.route.confidence / SURE) * np.minimum(1, likeness(source, remembered) / SURE)
    kept *= carry.carry
    if kept.mean() < 1 - MOST_NEW and carry.refresh:
        return begin_shot(source, objective, dream)
    residual, new = arrived.residual * kept[..., None], 1 - kept
    if carry.refresh:
        arrived_level = dream_level(objective, source, arrived.residual)
        faded = 1 - arrived_level / shot.level if shot.level > 0 else 0.0
        residual = dream_residual(objective, source, dream, residual, plan_efforts(new, faded, dream, carry))
        residual = np.clip(source + level_new(residual, kept), 0, 1) - source
    return replace(shot, residual=residual, source=remembered + new[..., None] * (source - remembered))


def plan_efforts(new: np.ndarray, faded: float, dream: DreamSettings, carry: CarrySettings) -> list[Effort]:
    """The steps of a carried key in each octave, the smallest first.

    What is newly seen is dreamed in every octave, in fewer but larger steps than a shot's first frame: in
    `refresh` steps in the finest octaves, in more where they are cheap, so that shapes come out of the coarse
    ones. (What is half new keeps small steps: its pattern is there.) What has faded is renewed in the finest
    octave alone, over the whole frame: being carried costs the fine grain, hardly anything of the coarse.

    Args:
        new: (H, W), 0 to 1, how new each pixel is. faded: share of the level that was lost on the way.
    """
    new = np.where(new < LEAST_NEW, 0, new).astype(np.float32)
    efforts = [_effort_for_new(new, octave, dream, carry) for octave in reversed(range(dream.octaves))]
    renewal = dream.steps * min(1.0, RENEWAL * faded)
    if renewal >= LEAST_RENEWAL:
        steps = max(carry.refresh, math.ceil(renewal / RENEWAL_PACE))
        way = np.maximum(renewal, efforts[-1].steps * new * efforts[-1].pace)
        efforts[-1] = Effort(steps, np.ones_like(new), way / steps)
    return efforts


def _effort_for_new(new: np.ndarray, octave: int, dream: DreamSettings, carry: CarrySettings) -> Effort:
    """octave: 0 is the finest. The steps of each octave but that cost about half of the finest one's."""
    cheap = round(carry.refresh / 2 * dream.octave_scale ** (2 * octave))
    steps = min(max(carry.refresh, cheap), max(carry.refresh, dream.steps))
    pace = min(NEW_PACE, max(1.0, NEW_SHARE * dream.steps / steps))
    return Effort(steps, new, 1 + (pace - 1) * new**3)
