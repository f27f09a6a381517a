"""All settings of a run, by command."""

from __future__ import annotations

from dataclasses import dataclass

from dreamvideo.settings.dream import CarrySettings, DreamSettings
from dreamvideo.settings.film import FilmSettings
from dreamvideo.settings.visualize import VisualizeSettings
from dreamvideo.settings.zoom import ZoomSettings


@dataclass(frozen=True)
class Recipe:
    """All settings of a run."""

    dream: DreamSettings = DreamSettings()
    carry: CarrySettings = CarrySettings()
    film: FilmSettings = FilmSettings()


@dataclass(frozen=True)
class ZoomRecipe:
    """All settings of a zoom film. By feedback frames are scaled up, and fade faster than carried ones."""

    dream: DreamSettings = DreamSettings()
    carry: CarrySettings = CarrySettings(refresh=2)
    film: FilmSettings = FilmSettings()
    zoom: ZoomSettings = ZoomSettings()


@dataclass(frozen=True)
class VisualizeRecipe:
    """All settings of a run of `visualize`."""

    visualize: VisualizeSettings
