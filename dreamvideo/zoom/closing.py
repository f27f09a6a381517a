"""How a film that does not close by itself is closed: its end dissolves into its begin."""

from __future__ import annotations

import numpy as np

from dreamvideo.camera.resampling import blurred
from dreamvideo.zoom.nest import PER_DOUBLING, Extent, smooth_step

WIPE = 1.5  # width of the ring in which the begin takes over from the end, log2 of the distance
SMALLEST = -4.0  # where the ring comes from: log2 of the distance from the point that is fallen into
COMMON = 0.05  # sigma, widths, of what is simply cross-faded; finer detail keeps its power


def dissolved(
    end: np.ndarray, begin: np.ndarray, passed: float, centre: np.ndarray, falls_in: bool
) -> np.ndarray:
    """Two images in one, float32 (H, W, 3): `begin` on one side of a ring, `end` on the other.

    The begin comes in the way everything comes that the camera falls towards: from the middle outwards, or
    from the border inwards where it falls backwards. Coarse parts are cross-faded; of the fine parts, which
    have nothing to do with one another, the power is: else the ring would look flat.

    Args:
        passed: 0 to 1, how far the ring has come. centre: of the ring, in shares of the picture.
    """
    size = (end.shape[1], end.shape[0])
    distance = Extent.of(size, centre[None], turns=False).distance(size) / PER_DOUBLING
    ring = SMALLEST + (passed if falls_in else 1 - passed) * (WIPE + 0.5 - SMALLEST)
    inside = smooth_step((ring - distance) / WIPE)[..., None]
    share = inside if falls_in else 1 - inside
    coarse = [blurred(image, COMMON * size[0]) for image in (end, begin)]
    mixed = coarse[0] + (coarse[1] - coarse[0]) * share
    mixed += (end - coarse[0]) * np.sqrt(1 - share) + (begin - coarse[1]) * np.sqrt(share)
    return np.clip(mixed, 0, 1)
