"""Pictures dreamed while the student learns, and given to it with the teacher's answers.

Two kinds, and each takes away what a few photographs cannot. The teacher's own dreams show every one of its
classes, also those of which there is no photograph, on any background: with one photograph per class the
student otherwise learns photographs by heart. The student's dreams show what it would show later: a
network trained on photographs alone also rises on patterns in which no other network sees anything, and
gradient ascent finds them; with the teacher's answer beside it, what is left to dream is what both see.
"""

from __future__ import annotations

import random

import torch
from torch import Tensor

from .student import CLASSES, Student, Teacher, normalise

STEP = 0.03  # mean change per pixel and step, images in [0, 1]
LIFE = 16  # steps after which, on average, a dream starts anew from a crop
JITTER = 16  # px, largest shift before a step


class DreamPool:
    """Pictures in the middle of being dreamed; every call moves some of them one step further.

    Args:
        network: the student or the teacher.
        crops: (N, 3, size, size) in [0, 1], to start from.
    """

    def __init__(self, network: Student | Teacher, crops: Tensor, generator: torch.Generator) -> None:
        self.network = network
        self.images = crops.clone()
        self.generator = generator
        self.aims = self._new_aims(len(crops))

    def _new_aims(self, count: int) -> Tensor:
        """What each picture is after: a class (0 to 999) or, one in four, a whole block (-3 to -5)."""
        device = self.images.device
        aims = torch.randint(CLASSES, (count,), generator=self.generator, device=device)
        blocks = -torch.randint(3, 6, (count,), generator=self.generator, device=device)
        of_block = torch.rand(count, generator=self.generator, device=device) < 0.25
        return torch.where(of_block, blocks, aims)

    def advance(self, crops: Tensor, autocast: torch.autocast) -> Tensor:
        """Dream as many pictures as `crops` has one step further; a few of them start again from those crops.

        Returns:
            (len(crops), 3, size, size) in [0, 1].
        """
        count = len(crops)
        device = crops.device
        which = torch.randperm(len(self.images), generator=self.generator, device=device)[:count]
        fresh = torch.rand(count, generator=self.generator, device=device) < 1 / LIFE
        images = torch.where(fresh.view(-1, 1, 1, 1), crops, self.images[which])
        aims = torch.where(fresh, self._new_aims(count), self.aims[which])
        shift = (
            random.randrange(JITTER),
            random.randrange(JITTER),
        )  # no random number of the device waits for it
        images = images.roll(shift, (2, 3))
        gradient = _gradient(self.network, images, aims, autocast)
        strength = torch.rand(count, 1, 1, 1, generator=self.generator, device=device) * 2 * STEP
        mean = gradient.abs().mean(dim=(1, 2, 3), keepdim=True) + 1e-12
        images = (images + strength * gradient / mean).clamp(0, 1)
        self.images[which], self.aims[which] = images, aims
        return images


def _gradient(network: Student | Teacher, images: Tensor, aims: Tensor, autocast: torch.autocast) -> Tensor:
    """d objective / d images, each picture with its own aim, through the network as it ships."""
    training = network.training
    network.eval()
    images = images.detach().clone(memory_format=torch.channels_last).requires_grad_(True)
    with autocast:
        found, class_map = network(normalise(images))
    scores = network.scores(class_map)
    blocks = torch.stack(
        [found[b].float().square().mean(dim=(1, 2, 3)).add(1e-8).log() for b in ("3", "4", "5")]
    )
    classes = scores.gather(1, aims.clamp(min=0).unsqueeze(1)).squeeze(1)
    rows = torch.arange(len(aims), device=aims.device)
    objectives = torch.where(aims >= 0, classes, blocks[(-aims - 3).clamp(0, 2), rows])
    (gradient,) = torch.autograd.grad(objectives.sum(), images)
    network.train(training)
    return gradient
