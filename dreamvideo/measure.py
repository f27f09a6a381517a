"""How stable, strong and sharp a dream is beside its source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from dreamvideo.errors import InputError, SettingsError
from dreamvideo.images import fit_long_side, image_from_frame, resize, sharpness
from dreamvideo.media.stills import open_clip
from dreamvideo.motion.flow import FlowEstimator, backward_warp, flow_estimator
from dreamvideo.motion.reliability import occlusion_mask
from dreamvideo.settings import FLOW_METHODS

Pair = tuple[np.ndarray, np.ndarray]  # (source frame, output frame), uint8 RGB of one size


def warp_error(pairs: Iterable[Pair], estimate: FlowEstimator) -> tuple[float, float]:
    """E_warp of Lai et al. 2018 of the outputs, and of the sources themselves, which is its floor.

    For each two frames, flow t -> t+1 and the occlusion mask come from the sources; frame t+1 is warped back
    onto t; the error is the mean over the pixels not occluded, and over the channels, of the squared
    difference, images in [0, 1]. The mean over all pairs. No square root is taken.

    Args:
        pairs: (source, output), frame by frame.
        estimate: the flow; one that the dream was *not* carried with.

    Returns:
        (of the outputs, of the sources); nan with fewer than two frames.
    """
    errors = [_pair_errors(this, following, estimate) for this, following in pairwise(pairs)]
    if not errors:
        return float("nan"), float("nan")
    output, source = np.mean(errors, axis=0)
    return float(output), float(source)


def _pair_errors(this: Pair, following: Pair, estimate: FlowEstimator) -> tuple[float, float]:
    flow, reverse = estimate(this[0], following[0]), estimate(following[0], this[0])
    seen = ~occlusion_mask(flow, reverse)
    source, output = (_error(a, b, flow, seen) for a, b in zip(this, following, strict=True))
    return output, source


def _error(frame: np.ndarray, following: np.ndarray, flow: np.ndarray, seen: np.ndarray) -> float:
    back = backward_warp(image_from_frame(following), flow)
    squared = (back - image_from_frame(frame)) ** 2
    return float(squared[seen].sum() / max(1, 3 * np.count_nonzero(seen)))


def measure_files(source: Path, dream: Path, detail: int, flow: str) -> dict[str, float]:
    """The figures of a dream beside its source, frame by frame, in constant memory.

    Args:
        detail: long side, px, that both are measured at.
        flow: a flow method; another than the dream was carried with.

    Raises:
        InputError: one of them cannot be read. SettingsError: no such flow.
    """
    method = next((known for known in FLOW_METHODS if known == flow), None)
    if method is None or method == "none":
        raise SettingsError(f"flow must be one of dis, farneback, raft, got {flow}")
    strengths: list[float] = []
    sharp: list[tuple[float, float]] = []

    def watched() -> Iterator[Pair]:
        for pair in _pairs(source, dream, detail):
            strengths.append(float(np.abs(np.subtract(*pair, dtype=np.int16)).mean()))
            sharp.append((sharpness(pair[0]), sharpness(pair[1])))
            yield pair

    output, floor = warp_error(watched(), flow_estimator(method))
    if not strengths:
        raise InputError(f"{source} and {dream} have no frames to compare")
    source_sharpness, dream_sharpness = np.mean(sharp, axis=0)
    return {
        "frames": float(len(strengths)),
        "warp_error": output,
        "warp_error_of_source": floor,
        "excess_warp_error": output - floor,
        "strength": float(np.mean(strengths)),
        "strength_least": min(strengths),
        "strength_most": max(strengths),
        "sharpness": float(dream_sharpness / max(source_sharpness, 1e-9)),
    }


def _pairs(source: Path, dream: Path, detail: int) -> Iterator[Pair]:
    with open_clip(source) as sources, open_clip(dream) as dreams:
        for a, b in zip(sources, dreams, strict=False):
            size = fit_long_side((a.frame.shape[1], a.frame.shape[0]), detail)
            yield resize(a.frame, size), resize(b.frame, size)
