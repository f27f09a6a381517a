"""How a value goes from one number to the next: the curves of easings.net by their names, and two more.

An ease takes the share of the time that has passed, 0 to 1, and gives the share of the way: 0 at 0, 1 at 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

Ease = Callable[["np.ndarray"], "np.ndarray"]

POWERS = {"Quad": 2, "Cubic": 3, "Quart": 4, "Quint": 5}
CURVES = ("Sine", *POWERS, "Expo", "Circ", "Back", "Elastic", "Bounce")
EASES = ("linear", "hold", *(side + curve for curve in CURVES for side in ("in", "out", "inOut")))

OVERSHOOT = 1.70158  # Penner's: the way back is 10% of the way


def ease(name: str, share: np.ndarray) -> np.ndarray:
    """The share of the way (the same shape) at a share of the time. `name` is one of `EASES`."""
    import numpy as np

    if name == "linear":
        return share
    if name == "hold":
        return np.zeros_like(share)
    if name.startswith("inOut"):
        curve = name.removeprefix("inOut")
        early = _ease_in(curve, np.minimum(1, 2 * share)) / 2
        late = 1 - _ease_in(curve, np.minimum(1, 2 - 2 * share)) / 2
        return np.where(share < 0.5, early, late)
    if name.startswith("out"):
        return 1 - _ease_in(name.removeprefix("out"), 1 - share)
    return _ease_in(name.removeprefix("in"), share)


def _ease_in(curve: str, x: np.ndarray) -> np.ndarray:
    """Slow at first."""
    import numpy as np

    if curve == "Sine":
        return 1 - np.cos(x * np.pi / 2)
    if curve == "Expo":
        return np.where(x == 0, 0, np.exp2(10 * x - 10))
    if curve == "Circ":
        return 1 - np.sqrt(1 - x * x)
    if curve == "Back":
        return x * x * ((OVERSHOOT + 1) * x - OVERSHOOT)
    if curve == "Elastic":
        wave = -np.exp2(10 * x - 10) * np.sin((10 * x - 10.75) * 2 * np.pi / 3)
        return np.where((x == 0) | (x == 1), x, wave)
    if curve == "Bounce":
        return 1 - _bounce(1 - x)
    return x ** POWERS[curve]


def _bounce(x: np.ndarray) -> np.ndarray:
    """A ball that comes to rest: four parabolas, each half as long as the one before."""
    import numpy as np

    arcs = ((0.0, 0.0), (1.5, 0.75), (2.25, 0.9375), (2.625, 0.984375))
    ends = (1 / 2.75, 2 / 2.75, 2.5 / 2.75)
    fallen = [7.5625 * (x - shift / 2.75) ** 2 + rest for shift, rest in arcs]
    return np.select([x < end for end in ends], fallen[:3], fallen[3])
