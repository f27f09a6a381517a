"""Schedules drawn in the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from dreamvideo.course import course_of
from dreamvideo.schedule import FilmClock

WIDTH, HEIGHT = 64, 5  # characters
EIGHTHS = " ▁▂▃▄▅▆▇█"


def draw_schedules(clock: FilmClock, *parts: object) -> str:
    """The schedules in dataclasses of settings, drawn for a film. Raises SettingsError: one has no value."""
    curves = {name: curve for part in parts for name, curve in course_of(part, clock).curves.items()}
    return draw_curves(curves, clock.seconds)


def draw_curves(curves: Mapping[str, np.ndarray], seconds: float) -> str:
    """Each curve with its name, its range, and the time below it; curves: one value for each frame."""
    if not curves:
        return "no schedule: every setting is a number"
    return "\n\n".join("\n".join(_curve(name, curve, seconds)) for name, curve in curves.items())


def _curve(name: str, curve: np.ndarray, seconds: float) -> Iterable[str]:
    lowest, highest = float(curve.min()), float(curve.max())
    columns = np.interp(np.linspace(0, len(curve) - 1, WIDTH), np.arange(len(curve)), curve)
    level = (columns - lowest) / ((highest - lowest) or 1) * (HEIGHT * 8 - 1) + 1
    yield name
    for row in reversed(range(HEIGHT)):
        label = {HEIGHT - 1: highest, 0: lowest}.get(row)
        blocks = "".join(EIGHTHS[int(np.clip(round(value - row * 8), 0, 8))] for value in level)
        yield f"{'' if label is None else f'{label:.4g}':>9} {blocks}".rstrip()
    yield f"{'0 s':>13}{f'{seconds:g} s':>{WIDTH - 3}}"
