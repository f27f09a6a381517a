"""Where a flow can be trusted: occlusion mask (True = occluded) and reliability (1 = trust, soft)."""

from __future__ import annotations

import cv2
import numpy as np

from dreamvideo.images import image_from_frame, square_sum
from dreamvideo.motion.flow import backward_warp, pixel_grid

# Sundaram, Brox & Keutzer 2010, as used by Ruder et al. 2016. The constants are px at the flow's size.
CONSISTENCY_SHARE, CONSISTENCY_FLOOR = 0.01, 0.5
BOUNDARY_SHARE, BOUNDARY_FLOOR = 0.01, 0.002

# A metric leaves out motion boundaries; a dream there is lost only where it is drawn into streaks. Sundaram's
# formula called slow edges boundaries, where dreams were made anew for nothing, and let fast ones tear.
STRETCH = 0.2  # px per px and frame, that a flow may stretch or squeeze a pattern
DILATION = 3  # px; what is beside an occlusion is half occluded
FEATHER = 1.5  # px, sigma
PHOTOMETRIC = 15.0  # weight of the squared colour difference, images in [0, 1] (Lai et al. 2018 take 50)
# A dream may be carried where a metric would not look: at 1, a quarter of a street scene was thrown away
# and dreamed again every three frames, much of it blurred background.
TOLERANCE = 4.0
AROUND = 9  # px, side of a box: so far beside something unlike its edge is seen


def occlusion_mask(flow: np.ndarray, reverse_flow: np.ndarray, tolerance: float = 1.0) -> np.ndarray:
    """Where `flow` leads to something that was not there: bool (H, W), True = occluded.

    Occluded is where going there and back does not return, |w + w'|^2 >= 0.01 (|w|^2 + |w'|^2) + 0.5
    and at motion boundaries, |grad w|^2 > 0.01 |w|^2 + 0.002 (the right sides times `tolerance`), and
    where the flow leaves the frame.

    Args:
        flow: (H, W, 2) px, from this frame to the other. reverse_flow: from the other to this one.
    """
    boundary = _squared_gradient(flow) > tolerance * (BOUNDARY_SHARE * square_sum(flow) + BOUNDARY_FLOOR)
    return boundary | _does_not_return(flow, reverse_flow, tolerance) | leaves_frame(flow)


def _does_not_return(flow: np.ndarray, reverse_flow: np.ndarray, tolerance: float) -> np.ndarray:
    back = backward_warp(reverse_flow, flow)
    apart = CONSISTENCY_SHARE * (square_sum(flow) + square_sum(back)) + CONSISTENCY_FLOOR
    return square_sum(flow + back) >= tolerance * apart


def leaves_frame(flow: np.ndarray) -> np.ndarray:
    """Where `flow` points outside the frame: bool (H, W)."""
    height, width = flow.shape[:2]
    position = pixel_grid((height, width)) + flow
    x, y = position[..., 0], position[..., 1]
    return (x < 0) | (y < 0) | (x > width - 1) | (y > height - 1)


def reliability(
    frame: np.ndarray, other: np.ndarray, flow: np.ndarray, reverse_flow: np.ndarray
) -> np.ndarray:
    """How far `other`, sampled along `flow`, may stand for `frame`: float32 (H, W), 0 to 1.

    Nothing where going there and back does not return, where the flow leaves the frame, and where it would
    tear a pattern; that is widened and feathered. Times a soft photometric term, exp(-15 sum over channels
    of the squared difference), that also sees changes of light.

    Args:
        frame, other: uint8 RGB (H, W, 3).
    """
    if not flow.any() and not reverse_flow.any():
        trusted = np.ones(flow.shape[:2], np.float32)
    else:
        lost = _does_not_return(flow, reverse_flow, TOLERANCE) | leaves_frame(flow)
        lost |= _squared_gradient(flow) > STRETCH**2
        occluded = cv2.dilate(lost.astype(np.uint8), np.ones((DILATION, DILATION), np.uint8))
        trusted = 1 - cv2.GaussianBlur(occluded.astype(np.float32), (0, 0), FEATHER)
    return trusted * likeness(image_from_frame(frame), image_from_frame(backward_warp(other, flow)))


def likeness(image: np.ndarray, other: np.ndarray) -> np.ndarray:
    """How alike two images (H, W, 3) are at each place: (H, W), 1 where they agree."""
    difference = cv2.blur(cv2.absdiff(image, other), (5, 5))
    return np.exp(-PHOTOMETRIC * square_sum(difference))


def likeness_around(image: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The least `likeness` in a box around each place: what is beside something unlike has its edge."""
    return cv2.erode(likeness(image, other), np.ones((AROUND, AROUND), np.uint8))


def _squared_gradient(flow: np.ndarray) -> np.ndarray:
    """Forward differences of both components, squared and added: (H, W); 0 beyond the border."""
    squares = np.zeros(flow.shape[:2], np.float32)
    squares[:, :-1] += square_sum(flow[:, 1:] - flow[:, :-1])
    squares[:-1] += square_sum(flow[1:] - flow[:-1])
    return squares
