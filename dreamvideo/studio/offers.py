"""What the page offers to choose from, in words for people."""

from __future__ import annotations

from typing import Any

from dreamvideo.media.platforms import PLATFORMS
from dreamvideo.recipe import settings_to_dict
from dreamvideo.studio.wishes import ENDINGS, RECIPES
from dreamvideo.targets import class_names

LAYERS = ("conv1_2", "conv2_2", "conv3_3", "conv4_1", "conv4_2", "conv4_3", "conv5_1", "conv5_2", "conv5_3")
"""Shown one by one, from early to late; the others of a block look like these."""

NEURONS = {"conv3_3": 96, "conv4_3": 192, "conv5_1": 128, "conv5_3": 384}
"""Layers whose neurons are shown, and how many vgg16-lite has there: VGG16 has more, under other numbers."""

LOOKS = (
    {"name": "edges", "title": "Edges", "hint": "strokes and lines"},
    {"name": "shapes", "title": "Shapes", "hint": "patterns and weaves"},
    {"name": "creatures", "title": "Creatures", "hint": "eyes, heads, beasts"},
)
CLASSES = (
    "peacock",
    "jellyfish",
    "castle",
    "golden retriever",
    "fire engine",
    "sea snake",
    "strawberry",
    "African elephant",
    "hen",
)
"""Shown before one is asked for by name."""

MODELS = (
    {"name": "auto", "label": "the best here"},
    {"name": "vgg16", "label": "VGG16"},
    {"name": "vgg16-lite", "label": "vgg16-lite"},
)


def offers() -> dict[str, Any]:
    """All of it, and what is when nothing is said."""
    return {
        "commands": list(RECIPES),
        "defaults": {command: settings_to_dict(recipe()) for command, recipe in RECIPES.items()},
        "endings": ENDINGS,
        "looks": LOOKS,
        "layers": LAYERS,
        "neurons": [{"name": name, "channels": count} for name, count in NEURONS.items()],
        "examples": CLASSES,
        "classes": class_names(),
        "models": MODELS,
        "platforms": [
            {"name": row.name, "endings": [ending[1:] for ending in row.containers]}
            for row in PLATFORMS.values()
        ],
    }
