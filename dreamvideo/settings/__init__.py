"""Every setting and the only place of its default: frozen dataclasses, checked when made.

The command line, the library and the recipe of a film use these names and no others.
How the defaults were chosen is told in the README ("Why these defaults").
"""

from dreamvideo.settings.dream import (
    CUT_METHODS,
    DEVICES,
    DISSOLVE,
    FLOW_METHODS,
    PRECISE,
    PRECISIONS,
    CarrySettings,
    CutMethod,
    DreamSettings,
    FlowMethod,
    Precision,
    weight_names,
)
from dreamvideo.settings.film import (
    DITHERS,
    LAYOUTS,
    MOST_DETAIL,
    SHAPE,
    SHEET_FRAMES,
    CompareSettings,
    Dither,
    FilmSettings,
    GifSettings,
    Layout,
)
from dreamvideo.settings.recipes import Recipe, VisualizeRecipe, ZoomRecipe
from dreamvideo.settings.rules import Number, Whole
from dreamvideo.settings.visualize import VisualizeSettings
from dreamvideo.settings.zoom import DEFAULT_LOOP, ZoomSettings

__all__ = [
    "CUT_METHODS",
    "DEFAULT_LOOP",
    "DEVICES",
    "DISSOLVE",
    "DITHERS",
    "FLOW_METHODS",
    "LAYOUTS",
    "MOST_DETAIL",
    "PRECISE",
    "PRECISIONS",
    "SHAPE",
    "SHEET_FRAMES",
    "CarrySettings",
    "CompareSettings",
    "CutMethod",
    "Dither",
    "DreamSettings",
    "FilmSettings",
    "FlowMethod",
    "GifSettings",
    "Layout",
    "Number",
    "Precision",
    "Recipe",
    "VisualizeRecipe",
    "VisualizeSettings",
    "Whole",
    "ZoomRecipe",
    "ZoomSettings",
    "weight_names",
]
