"""The stills of a fall as a film shows them: all with one look, and with as much detail of every size.

As the camera falls a still's coarse detail becomes fine, and a photograph, and what is dreamed into it, has
another share of each size than a dream of dreams: frames would be sharper here and softer there. It is not
held while stills are dreamed of one another: what sharpens, sharpened again and again, grows grain.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import numpy as np
import torch

from dreamvideo.cores import core_count
from dreamvideo.images import frame_from_image, image_from_frame
from dreamvideo.prefetch import MOST_THREADS
from dreamvideo.zoom.anchor import Anchor
from dreamvideo.zoom.nest import Extent, View, compose, look_into
from dreamvideo.zoom.spectrum import Spectrum

ROUNDS = 4  # what is done to one size of detail changes the others a little
SAMPLES = 3  # stills of which it is measured how much contrast a frame loses


def finished(
    stills: Mapping[int, np.ndarray], extent: Extent, loop: int | None, device: torch.device
) -> dict[int, np.ndarray]:
    """Stills by number, uint8 as `chain.dream_stills` makes them, -> those that are shown.

    What counts is the ring of each that is seen, between those around and inside it.

    Args:
        loop: after so many the first comes again, with what its end has made of it; None: never.
    """
    look, size = Anchor.of(image_from_frame(stills[0])), stills[0].shape[1::-1]
    if loop is not None:
        stills = {number % loop: still for number, still in stills.items()}
    ring = extent.shown(size)
    seen = dict.fromkeys(stills, ring)
    if loop is None:
        seen[max(stills)] = extent.shown(size, is_innermost=True)
    usual = Spectrum.usual([Spectrum.of(image_from_frame(still), seen[n]) for n, still in stills.items()])
    gain = _lost_contrast(list(stills.values()), ring, extent, device)
    look = replace(look, contrast=gain * look.contrast, saturation=gain * look.saturation)
    spectrum = Spectrum(gain * usual.strengths)

    def held(number: int) -> np.ndarray:
        image = image_from_frame(stills[number])
        for _ in range(ROUNDS):
            image = spectrum.hold(image, look, seen[number])
        return frame_from_image(image)

    with ThreadPoolExecutor(min(MOST_THREADS, core_count())) as pool:
        return dict(zip(stills, pool.map(held, stills), strict=True))


def _lost_contrast(
    stills: Sequence[np.ndarray], ring: np.ndarray, extent: Extent, device: torch.device
) -> float:
    """Contrast of stills beside that of a frame, which shows most of them smaller: detail is lost there."""
    size = extent.size(1)
    middle = extent.middle(size)
    view = View(0.5, 0, ((middle[0] + 0.5) / size[0], (middle[1] + 0.5) / size[1]))
    ratios = []
    for still in stills[:: math.ceil(len(stills) / SAMPLES)]:
        image = image_from_frame(still)
        frame = look_into(compose(partial(_same, image), 0, extent, device), view, size, extent, device)
        ratios.append(Anchor.of(image, ring).contrast / Anchor.of(frame).contrast)
    return float(np.median(ratios))


def _same(still: np.ndarray, _: int) -> np.ndarray:
    return still
