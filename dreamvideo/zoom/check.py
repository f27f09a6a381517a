"""What can be said against a zoom film in seconds, before a network is loaded."""

from __future__ import annotations

from pathlib import Path

from dreamvideo.errors import UsageError
from dreamvideo.media.outputs import check_output, kind_of_output
from dreamvideo.media.sound import AudioSource
from dreamvideo.media.stills import kind_of_input
from dreamvideo.settings import ZoomRecipe
from dreamvideo.zoom.plan import clock_of, plan_zoom


def check_zoom(
    source: Path | None,
    target: str | Path,
    recipe: ZoomRecipe,
    audio: AudioSource | None = None,
    *,
    overwrite: bool,
) -> None:
    """See that a film can be made of `source`, a still, a clip, or None for noise.

    Raises:
        InputError, OutputError, UsageError, SettingsError
    """
    is_clip = source is not None and kind_of_input(source) != "still"
    check_output(target, overwrite=overwrite, input_path=source)
    if kind_of_output(target) == "still":
        raise UsageError(f"a zoom is a film: give {target} an ending like .mp4 or .gif, or name a folder")
    zoom = recipe.zoom
    if is_clip and (zoom.loop is not None or zoom.feedback or zoom.boomerang or zoom.symmetry > 1):
        raise UsageError(
            "in a clip the camera only moves: leave out --loop, --feedback, --boomerang and --symmetry"
        )
    if not is_clip:
        plan_zoom(recipe, clock_of(recipe, audio), None)
