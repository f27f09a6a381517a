"""How stable, strong and sharp a dream is beside its source."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from dreamvideo.images import image_from_frame
from dreamvideo.motion.flow import FlowEstimator, backward_warp
from dreamvideo.motion.reliability import occlusion_mask


def warp_error(
    sources: Sequence[np.ndarray], outputs: Sequence[np.ndarray], estimate: FlowEstimator
) -> tuple[float, float]:
    """E_warp of Lai et al. 2018 of the outputs and of the sources themselves, which is its floor.

    For each pair of frames, flow t -> t+1 and the occlusion mask come from the sources; frame t+1 is
    warped back onto t; the error is the mean over the pixels not occluded, and over the channels, of
    the squared difference, images in [0, 1]. The mean over all pairs. No square root is taken.

    Args:
        sources, outputs: uint8 RGB (H, W, 3), the same number and size.
        estimate: the flow; one that the dream was *not* carried with.
    """
    errors = []
    for t in range(len(sources) - 1):
        flow, reverse = estimate(sources[t], sources[t + 1]), estimate(sources[t + 1], sources[t])
        seen = ~occlusion_mask(flow, reverse)
        errors.append([_pair_error(outputs, t, flow, seen), _pair_error(sources, t, flow, seen)])
    output, source = np.mean(errors, axis=0)
    return float(output), float(source)


def _pair_error(frames: Sequence[np.ndarray], t: int, flow: np.ndarray, seen: np.ndarray) -> float:
    back = backward_warp(image_from_frame(frames[t + 1]), flow, cv2.INTER_LINEAR)
    squared = (back - image_from_frame(frames[t])) ** 2
    return float(squared[seen].sum() / max(1, 3 * seen.sum()))
