"""The filters of a camera's resampling: cubic B-splines, their inverse, and bell curves that add up."""

from __future__ import annotations

import math
from typing import TypeVar

import numpy as np
from torch import Tensor

Places = TypeVar("Places", Tensor, np.ndarray)

POLE = math.sqrt(3) - 2  # of the cubic B-spline's inverse
REACH = 12  # px after which the inverse has decayed to 1e-7


def gaussian(sigma: float) -> np.ndarray:
    """A kernel of that variance however small it is, so that blurs add up (Lindeberg 1990): samples of a bell
    curve would blur too little under half a pixel."""
    radius = math.ceil(4 * sigma) + 2
    frequency = 2 * math.pi * np.fft.rfftfreq(2 * radius + 1)
    return np.fft.fftshift(np.fft.irfft(np.exp(sigma**2 * (np.cos(frequency) - 1)), 2 * radius + 1))


def prefilter() -> np.ndarray:
    """The inverse of sampling a spline, as a symmetrical filter."""
    kernel = POLE ** np.abs(np.arange(-REACH, REACH + 1.0))
    return kernel / kernel.sum()


def spline_weights(t: Places) -> tuple[Places, Places, Places, Places]:
    """Of the 4 neighbours of places that are `t` px behind the second one."""
    w0, w1, w3 = (1 - t) ** 3 / 6, (4 - 6 * t**2 + 3 * t**3) / 6, t**3 / 6
    return w0, w1, 1 - w0 - w1 - w3, w3
