"""Optical flow between two frames, and sampling along it.

A flow is float32 (H, W, 2), displacements (dx, dy) in px. The *backward flow* points from the current
frame to the previous one, so that sampling the previous frame along it gives the current frame.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, lru_cache

import cv2
import numpy as np

from dreamvideo.cores import core_count
from dreamvideo.settings import FlowMethod

FlowEstimator = Callable[[np.ndarray, np.ndarray], np.ndarray]  # (from, to), frames -> flow from -> to

# Kernels of `backward_warp`. Linear never overshoots: for maps. Lanczos-4 keeps what linear loses and, unlike
# OpenCV's bicubic, does not grow when repeated (energy after 60 passes 0.80, bicubic 9.5): for residuals that
# are carried on and on. Bicubic is as good for once, and takes a seventh of the time.
LINEAR, SHARP, QUICK = cv2.INTER_LINEAR, cv2.INTER_LANCZOS4, cv2.INTER_CUBIC

# Steps in which DIS fits each patch; its own 25 follow noise and blur further than the motion goes. With
# fewer, flows agree with their reverse in more places, so that less of a dream is lost, in a fifth less time.
DIS_STEPS = 6
DIS_STRIDE = 4  # px, at half size, from one patch of 8 to the next; the preset's 3 find no more, in more time
SMALLEST_SIDE = 16  # px; OpenCV's DIS has no pyramid below it
BANDS = max(1, core_count() // 2)  # that a picture is warped in, where the kernel is large


def flow_estimator(method: FlowMethod) -> FlowEstimator:
    """The function that computes the flow from one frame to another, both uint8 RGB (H, W, 3).

    `dis` is Kroeger et al. 2016 (with `DIS_STEPS` and `DIS_STRIDE`, of the medium preset, which on large
    motion beat `fast`), `farneback` Farnebäck 2003, `raft` Teed & Deng 2020 with torchvision's weights;
    `none` is no motion.

    Raises:
        DreamVideoError: `raft` without torchvision or without its weights on this machine.
    """
    if method == "raft":
        from dreamvideo.motion.raft import raft_flow

        estimate: FlowEstimator = raft_flow()
    elif method == "dis":
        estimate = _dis_flow()
    else:
        estimate = {"farneback": _farneback_flow, "none": _no_flow}[method]

    def flow(start: np.ndarray, end: np.ndarray) -> np.ndarray:
        # Farneback and RAFT see a little motion even between equal frames; a still must stand still.
        return _no_flow(start, end) if np.array_equal(start, end) else estimate(start, end)

    return flow


def _dis_flow() -> FlowEstimator:
    """DIS with an object for each thread and size: a small picture changes its settings for good."""
    made = threading.local()

    def estimate(start: np.ndarray, end: np.ndarray) -> np.ndarray:
        shape = start.shape[:2]
        if min(shape) < SMALLEST_SIDE:
            return _no_flow(start, end)
        if getattr(made, "shape", None) != shape:
            made.shape, made.flow = shape, cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
            made.flow.setGradientDescentIterations(DIS_STEPS)
            made.flow.setPatchStride(DIS_STRIDE)
        return made.flow.calc(_grey(start), _grey(end), None)

    return estimate


def _farneback_flow(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    levels, window, iterations, neighbourhood, sigma = 5, 15, 3, 5, 1.1
    return cv2.calcOpticalFlowFarneback(
        _grey(start), _grey(end), None, 0.5, levels, window, iterations, neighbourhood, sigma, 0
    )


def _no_flow(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    return np.zeros((*start.shape[:2], 2), np.float32)


def _grey(frame: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)


@lru_cache(maxsize=4)
def pixel_grid(shape: tuple[int, int]) -> np.ndarray:
    """Every pixel's own (x, y): float32 (H, W, 2)."""
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    grid = np.stack([x, y], axis=-1)
    grid.setflags(write=False)
    return grid


def backward_warp(picture: np.ndarray, flow: np.ndarray, kernel: int = LINEAR) -> np.ndarray:
    """Sample `picture` where `flow` points to.

    Computes ``out[y, x] = picture[y + flow[y, x, 1], x + flow[y, x, 0]]``. To bring the previous frame
    onto the current one, pass the backward flow.

    Args:
        picture: (H, W) or (H, W, C), uint8 or float32.
        flow: (H, W, 2) float32, px.
        kernel: LINEAR, SHARP or QUICK.

    Returns:
        Array like `picture`; positions outside it mirror what is inside.

    Raises:
        ValueError: `picture` and `flow` differ in height or width.

    >>> ramp = np.tile(np.arange(5, dtype=np.float32), (3, 1))
    >>> one_to_the_right = np.full((3, 5, 2), (1, 0), np.float32)
    >>> backward_warp(ramp, one_to_the_right)[0].tolist()
    [1.0, 2.0, 3.0, 4.0, 3.0]
    """
    if picture.shape[:2] != flow.shape[:2]:
        raise ValueError(f"picture is {picture.shape[:2]} but flow is {flow.shape[:2]}")
    position = pixel_grid(flow.shape[:2]) + flow
    if kernel == SHARP and BANDS > 1:
        return _remap_in_bands(picture, position, kernel)
    return cv2.remap(picture, position, None, kernel, borderMode=cv2.BORDER_REFLECT_101)


def _remap_in_bands(picture: np.ndarray, position: np.ndarray, kernel: int) -> np.ndarray:
    """`cv2.remap` in threads of our own: OpenCV's are busy with what is done ahead, and then it takes one."""
    warped, rows = np.empty_like(picture), -(-len(picture) // BANDS)

    def remap(begin: int) -> None:
        band = slice(begin, begin + rows)
        cv2.remap(picture, position[band], None, kernel, dst=warped[band], borderMode=cv2.BORDER_REFLECT_101)

    list(_threads().map(remap, range(0, len(picture), rows)))
    return warped


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(BANDS, thread_name_prefix="warp")


def compose_flows(first: np.ndarray, then: np.ndarray) -> np.ndarray:
    """One flow for two in a row: ``out(x) = first(x) + then(x + first(x))``.

    Sampling once along a composed flow blurs once; sampling at every frame blurs at every frame.
    """
    return first + backward_warp(then, first)
