"""Pictures that the student dreams while it learns, given back to it with the teacher's answers.

A network trained on photographs alone also rises on patterns that no other network sees anything in, and
gradient ascent finds them. Showing the student its own dreams, and what the teacher makes of them,
takes those away: what is left to dream is what both see.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .student import CLASSES, Student, normalise

STEP = 0.03  # mean change per pixel and step, images in [0, 1]
LIFE = 24  # steps after which, on average, a dream starts anew from a crop


class DreamPool:
    """Pictures in the middle of being dreamed; every call moves some of them one step further.

    Args:
        crops: (N, 3, size, size) in [0, 1], to start from.
    """

    def __init__(self, crops: Tensor, generator: torch.Generator) -> None:
        self.images = crops.clone()
        self.generator = generator
        self.aims = self._new_aims(len(crops))

    def _new_aims(self, count: int) -> Tensor:
        """What each picture is after: a class (0 to 999) or all of a block's activations (below zero)."""
        device = self.images.device
        aims = torch.randint(CLASSES, (count,), generator=self.generator, device=device)
        blocks = -torch.randint(3, 6, (count,), generator=self.generator, device=device)
        of_block = torch.rand(count, generator=self.generator, device=device) < 0.5
        return torch.where(of_block, blocks, aims)

    def advance(self, student: Student, crops: Tensor, autocast: torch.autocast) -> Tensor:
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
        shift = torch.randint(0, 16, (2,), generator=self.generator, device=device).tolist()
        images = images.roll(shift, (2, 3))
        gradient = _gradient(student, images, aims, autocast)
        strength = torch.rand(count, 1, 1, 1, generator=self.generator, device=device) * 2 * STEP
        mean = gradient.abs().mean(dim=(1, 2, 3), keepdim=True) + 1e-12
        images = (images + strength * gradient / mean).clamp(0, 1)
        self.images[which], self.aims[which] = images, aims
        return images


def _gradient(student: Student, images: Tensor, aims: Tensor, autocast: torch.autocast) -> Tensor:
    """d objective / d images, each picture with its own aim, through the network as it will ship (not training)."""
    training = student.training
    student.eval()
    images = images.clone().requires_grad_(True)
    with autocast:
        found = student.features(normalise(images))
        scores = student.head(found["5"]).mean(dim=(2, 3)).float()
    parts = [found[str(b)].float().square().mean(dim=(1, 2, 3)).add(1e-8).log() for b in (3, 4, 5)]
    classes = scores.gather(1, aims.clamp(min=0).unsqueeze(1)).squeeze(1)
    objectives = torch.where(aims >= 0, classes, torch.stack(parts)[(-aims - 3).clamp(0, 2), torch.arange(len(aims))])
    (gradient,) = torch.autograd.grad(objectives.sum(), images)
    student.train(training)
    return gradient
