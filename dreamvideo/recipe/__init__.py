"""A recipe as text and back: all that decides the frames, and nothing of the machine they were made on.

The settings are found by looking at their dataclasses, so a new setting travels by itself. In TOML::

    dreamvideo = "0.1.0"

    [network]
    name = "vgg16-lite"
    sha256 = "5f..."

    [files]             # what else was looked at, by its content; never a path
    guide = "09..."

    [dream]
    octaves = 4
    ...

A setting that is None is left out; one that an older version did not know keeps today's default.
"""

from dreamvideo.recipe.plain import Plain, differences, overlaid, settings_from_dict, settings_to_dict
from dreamvideo.recipe.written import (
    MAX_TEXT,
    WrittenRecipe,
    hash_file,
    is_recipe,
    tidied,
    written_from_dict,
    written_from_toml,
)

__all__ = [
    "MAX_TEXT",
    "Plain",
    "WrittenRecipe",
    "differences",
    "hash_file",
    "is_recipe",
    "overlaid",
    "settings_from_dict",
    "settings_to_dict",
    "tidied",
    "written_from_dict",
    "written_from_toml",
]
