"""Where a camera looks: affine moves."""

from __future__ import annotations

import math

import numpy as np

Matrix = np.ndarray
"""(2, 3) float64: the place (x, y) in the source of the output's pixel (x, y)."""


def view_matrix(
    scale: float,
    degrees: float,
    at: tuple[float, float],
    shown: tuple[float, float],
    density: float = 1.0,
) -> Matrix:
    """The place `at` of the output shows the place `shown` of the source; around it all is turned clockwise.

    They appear `scale` times as large as where there are `density` px of the source per px of the output.
    """
    turn = math.radians(degrees)
    cosine, sine = (function(turn) * density / scale for function in (math.cos, math.sin))
    linear = np.array([[cosine, sine], [-sine, cosine]])
    return np.column_stack([linear, np.array(shown) - linear @ np.array(at)])
