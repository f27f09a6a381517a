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
    arrived, estimate = arrived_masks(frames, starts), flow_estimator("farneback")
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
            new=new_area_ratio(frames, dreamed, starts),
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


def came_into_sight(frame: np.ndarray, before: np.ndarray, estimate: FlowEstimator) -> np.ndarray:
    """What of a frame the one before it does not show: bool (H, W)."""
    flow, reverse = estimate(frame, before), estimate(before, frame)
    return occlusion_mask(flow, reverse, TOLERANCE) | leaves_frame(flow)


def arrived_masks(frames: Frames, starts: list[int]) -> list[np.ndarray]:
    """What of each frame came into sight since its shot began, followed along the flow: bool (H, W)."""
    estimate, masks = flow_estimator("dis"), []
    mask = np.zeros(frames[0].shape[:2], np.uint8)
    for t, frame in enumerate(frames):
        if t in starts:
            mask = np.zeros_like(mask)
        else:
            followed = backward_warp(mask.astype(np.float32), estimate(frame, frames[t - 1])) > 0.5
            new = came_into_sight(frame, frames[t - 1], estimate)
            mask = cv2.medianBlur((followed | new).astype(np.uint8), 5)
        masks.append(mask > 0)
    return masks


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


def new_area_ratio(frames: Frames, dreamed: Frames, starts: list[int]) -> float:
    """Strength of the residual (root mean square) where pixels came into sight, over the frame's rest."""
    estimate, new_squares, rest_squares = flow_estimator("dis"), [], []
    for t in range(1, len(frames)):
        if t in starts:
            continue
        seen = came_into_sight(frames[t], frames[t - 1], estimate).astype(np.uint8)
        new = cv2.erode(seen, np.ones((3, 3))) > 0
        squares = (image_from_frame(dreamed[t]) - image_from_frame(frames[t])) ** 2
        if new.mean() > 0.002:
            new_squares.append(squares[new].mean())
            rest_squares.append(squares[~new].mean())
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
