"""The stills of a fall as a film shows them: all with one look, and with as much detail of every size.

As the camera falls a still's coarse detail becomes fine, and a photograph, and what is dreamed into it, has
another share of each size than a dream of dreams: frames would be sharper here and softer there. It is not
held while stills are dreamed of one another: what sharpens, sharpened again and again, grows grain.

A frame shows rings of several stills, which together have not quite the look of each. So frames are held too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from dreamvideo.images import frame_from_image, image_from_frame
from dreamvideo.zoom.anchor import Anchor
from dreamvideo.zoom.nest import Extent
from dreamvideo.zoom.spectrum import Spectrum

ROUNDS = 4  # what is done to one size of detail changes the others a little


def finished(stills: Mapping[int, np.ndarray], extent: Extent, loop: int | None) -> dict[int, np.ndarray]:
    """Stills by number, uint8 as `chain.dream_stills` makes them, -> those that are shown.

    What counts is the ring of each that is seen, between those around and inside it.

    Args:
        loop: after so many the first comes again, with what its end has made of it; None: never.
    """
    look, size = first_look(stills), stills[0].shape[1::-1]
    if loop is not None:
        stills = {number % loop: still for number, still in stills.items()}
    ring = extent.shown(size)
    seen = dict.fromkeys(stills, ring)
    if loop is None:
        seen[max(stills)] = extent.shown(size, is_innermost=True)
    usual = Spectrum.usual([Spectrum.of(image_from_frame(still), seen[n]) for n, still in stills.items()])
    held = {}
    for number, still in stills.items():
        image = image_from_frame(still)
        for _ in range(ROUNDS):
            image = usual.hold(image, look, seen[number])
        held[number] = frame_from_image(image)
    return held


def first_look(stills: Mapping[int, np.ndarray]) -> Anchor:
    """The look of a film, which is that of its first dream."""
    return Anchor.of(image_from_frame(stills[0]))


def look_of_frames(frames: Iterable[np.ndarray], first: Anchor) -> Anchor:
    """What all frames of a fall are held to: a first look, with as much fine detail as some of them have."""
    some = [Anchor.of(frame) for frame in frames]
    sharpness = np.median([(one.sharpness or 0) * first.contrast / one.contrast for one in some])
    return replace(first, sharpness=float(sharpness))
