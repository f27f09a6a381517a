"""How stable, strong and even a dreamed clip is."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path
from time import perf_counter

import cv2
import numpy as np

from dreamvideo.clip import dream_residuals
from dreamvideo.dream import activation_strength
from dreamvideo.images import image_from_frame, resize, tensor_from_image
from dreamvideo.measure import warp_error
from dreamvideo.media.stills import open_clip
from dreamvideo.motion.flow import FlowEstimator, backward_warp, flow_estimator
from dreamvideo.motion.reliability import TOLERANCE, leaves_frame, occlusion_mask
from dreamvideo.objectives import Objective
from dreamvideo.settings import CarrySettings, DreamSettings
from dreamvideo.spans import detail_size, observe
from dreamvideo.stages import Stages
from figures.table import Row
from figures.threads import in_its_own_thread
from figures.ways import Frames, Way, carried

UNLIMITED = 1 << 14  # px, a detail that no clip here has: they are read at the size they are dreamed at
LEAST_COVERED = 0.05  # of a frame, that arrived, for it to be asked how strong it is there

Figures = dict[str, float]


def read(path: Path, detail: int, count: int | None) -> Frames:
    """A clip's frames at the detail size."""
    with open_clip(path, frames=count) as reader:
        size = detail_size(reader.size, detail)
        return [resize(timed.frame, size) for timed in reader]


def film_figures(frames: Frames, objective: Objective, ways: dict[str, Way]) -> dict[str, Figures]:
    """Every way to dream the clip, beside the first of them."""
    starts = shot_starts(frames)
    (new, arrived), estimate = sights(frames, starts), flow_estimator("farneback")
    results: dict[str, Figures] = {}
    for name, render in ways.items():
        begun = perf_counter()
        dreamed = in_its_own_thread(render, frames)
        seconds = (perf_counter() - begun) / len(frames)
        output, source = warp_error_within(frames, dreamed, starts, estimate)
        levels = np.array(in_its_own_thread(strengths, objective, dreamed))
        low, high = spread(levels, starts)
        row = dict(
            excess=output - source,
            level=float(levels.mean()),
            seconds=seconds,
            low=low,
            high=high,
            new=new_area_ratio(frames, dreamed, new),
            arrived=in_its_own_thread(strength_within, objective, dreamed, arrived),
        )
        base = next(iter(results.values()), row)
        row["relative_excess"] = row["excess"] / base["excess"]
        row["relative_level"] = row["level"] / base["level"]
        row["relative_arrived"] = row["arrived"] / base["arrived"]
        row["speed"] = base["seconds"] / seconds
        results[name] = row
    return results


def strengths(objective: Objective, frames: Frames) -> list[float]:
    return [activation_strength(objective, image_from_frame(frame)) for frame in frames]


def film_table(clip: str, results: dict[str, Figures]) -> str:
    """As in the README, in Markdown."""
    head = f"| {clip} | excess | strength | per frame | new areas | what arrived | speed | s/frame |"
    lines = [head, "|---" * 8 + "|"]
    lines += [
        f"| {name} | {row['relative_excess']:.3f} | {row['relative_level']:.2f} | {row['low']:.2f}-"
        f"{row['high']:.2f} | {row['new']:.2f} | {row['relative_arrived']:.2f} | {row['speed']:.1f} "
        f"| {row['seconds']:.3f} |"
        for name, row in results.items()
    ]
    return "\n".join(lines)


def shot_starts(frames: Frames) -> list[int]:
    seen = observe(iter(frames), CarrySettings(), UNLIMITED, Stages())
    return [t for t, one in enumerate(seen) if one.motion is None]


def shots(starts: list[int], count: int) -> Iterator[slice]:
    return (slice(a, b) for a, b in pairwise([*starts, count]))


def warp_error_within(
    frames: Frames, dreamed: Frames, starts: list[int], estimate: FlowEstimator
) -> tuple[float, float]:
    """E_warp inside the shots, weighted by their pairs of frames."""
    parts = [
        (s.stop - s.start - 1, warp_error(zip(frames[s], dreamed[s], strict=True), estimate))
        for s in shots(starts, len(frames))
    ]
    parts = [part for part in parts if part[0]]
    weights = np.array([weight for weight, _ in parts], float)
    output, source = np.average([errors for _, errors in parts], axis=0, weights=weights)
    return float(output), float(source)


def sights(frames: Frames, starts: list[int]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """What of each frame is new beside the one before it, and what came since its shot began: bool (H, W).

    The latter is followed along the flow.
    """
    estimate = flow_estimator("dis")
    new = [np.zeros(frame.shape[:2], bool) for frame in frames]
    arrived = list(new)
    for t in sorted(set(range(1, len(frames))) - set(starts)):
        flow, reverse = estimate(frames[t], frames[t - 1]), estimate(frames[t - 1], frames[t])
        new[t] = occlusion_mask(flow, reverse, TOLERANCE) | leaves_frame(flow)
        followed = backward_warp(arrived[t - 1].astype(np.float32), flow) > 0.5
        arrived[t] = cv2.medianBlur((followed | new[t]).astype(np.uint8), 5) > 0
    return new, arrived


def strength_within(objective: Objective, frames: Frames, masks: list[np.ndarray]) -> float:
    """The mean square activation of the first term's layer inside masks, where they cover some of a frame."""
    import torch  # not above: it would not see what dreamvideo sets for it

    layer, levels = objective.terms[0].layer, []
    for frame, mask in zip(frames, masks, strict=True):
        if mask.mean() < LEAST_COVERED:
            continue
        with torch.inference_mode():
            found = objective.network(tensor_from_image(image_from_frame(frame)), (layer,))[layer]
        squares = found[0].square().mean(dim=0).numpy()
        weights = resize(mask.astype(np.float32), (squares.shape[1], squares.shape[0]))
        levels.append(float((squares * weights).sum() / weights.sum()))
    return float(np.mean(levels)) if levels else float("nan")


def spread(levels: np.ndarray, starts: list[int]) -> tuple[float, float]:
    """Least and most of a frame's level over its shot's median."""
    ratios = np.concatenate([levels[s] / np.median(levels[s]) for s in shots(starts, len(levels))])
    return float(ratios.min()), float(ratios.max())


def new_area_ratio(frames: Frames, dreamed: Frames, new: list[np.ndarray]) -> float:
    """Strength of the residual (root mean square) where pixels came into sight, over the frame's rest."""
    new_squares, rest_squares = [], []
    for frame, dream, mask in zip(frames, dreamed, new, strict=True):
        inside = cv2.erode(mask.astype(np.uint8), np.ones((3, 3))) > 0
        squares = (image_from_frame(dream) - image_from_frame(frame)) ** 2
        if inside.mean() > 0.002:
            new_squares.append(squares[inside].mean())
            rest_squares.append(squares[~inside].mean())
    return float(np.sqrt(np.mean(new_squares) / np.mean(rest_squares))) if new_squares else float("nan")


def still_row(frame: np.ndarray, objective: Objective, dream: DreamSettings) -> Row:
    """One picture 120 times: how far the dream moves or drifts."""
    dreamed = [image_from_frame(f) * 255 for f in carried([frame] * 120, objective, dream, CarrySettings())]
    change = max(float(np.abs(b - a).mean()) for a, b in pairwise(dreamed[10:]))
    drift = max(abs(look(dreamed[-1]) / look(dreamed[10]) - 1) for look in (np.mean, np.std, saturation))
    return Row(
        "a picture 120 times: change, drift of mean, contrast, saturation",
        "0.5 levels, 1%",
        f"{change:.3f} levels, {drift:.2%}",
        "its 11th frame",
    )


def saturation(image: np.ndarray) -> float:
    return float((image.max(axis=2) - image.min(axis=2)).mean())


def cuts_row(frames: Frames, objective: Objective, dream: DreamSettings) -> Row:
    """The first frame after each cut, in the film and dreamed from there."""
    starts = shot_starts(frames)
    wanted = set(starts[1:])
    pairs = dream_residuals(iter(frames), objective, dream, CarrySettings(), UNLIMITED)
    worst = 0.0
    for t, (frame, residual) in enumerate(islice(pairs, max(wanted) + 1)):
        if t in wanted:
            (_, alone), *_ = dream_residuals(iter([frame]), objective, dream, CarrySettings(), UNLIMITED)
            worst = max(worst, float(np.abs(residual - alone).max()))
    cuts = ", ".join(map(str, starts[1:]))
    return Row(f"frames after the cuts at {cuts}", "equal", f"off by {worst:g}", "dreamed from there")
