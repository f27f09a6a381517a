"""What the student is asked for: the teacher's features and its view of the classes, position by position."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .student import TAPS, Student, Teacher, shift_grid

TEMPERATURE = 4.0  # of the class maps, which are very sure of themselves position by position


class RelativeError(torch.autograd.Function):
    """Mean of weight * (own - target)^2 over all elements of two (B, C, h, w) maps, weight one per channel.

    Images that excite the teacher more than the batch's median count less by as much: else dreams, whose
    activations are huge, would be all that is learned. By hand because these maps are the largest tensors of
    a step: few passes, in their own bfloat16.
    """

    @staticmethod
    def forward(ctx, own: Tensor, target: Tensor, weight: Tensor) -> Tensor:  # type: ignore[override]
        energy = (target.square().mean(dim=(2, 3)).float() * weight).mean(1)
        calm = (energy.median() / energy.clamp(min=1e-6)).clamp(max=1).view(-1, 1, 1, 1)
        difference = own - target
        scaled = difference * (calm * weight.view(1, -1, 1, 1)).to(own.dtype)
        ctx.save_for_backward(scaled)
        return (difference * scaled).sum(dtype=torch.float32) / own.numel()

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple:  # type: ignore[override]
        (scaled,) = ctx.saved_tensors
        return scaled * (2 * gradient / scaled.numel()).to(scaled.dtype), None, None


def losses(
    student: Student,
    found: tuple[dict[str, Tensor], Tensor],
    targets: tuple[dict[str, Tensor], Tensor],
    variances: dict[str, Tensor],
) -> dict[str, Tensor]:
    """Squared errors relative to the teacher's variance (taps, class map) and divergences (map, its average).

    Args:
        found: what the student made of some images. targets: what the teacher did.
        variances: of every channel of the teacher's taps and of its class map, (C,) each.
    """
    errors: dict[str, Tensor] = {}
    features, class_map = found
    for block, target in targets[0].items():
        own = shift_grid(features[block], TAPS[block][2], target.shape[-2:])
        if block == "3":  # neighbours say nearly the same here: every other position is enough
            i, j = (int(n) for n in torch.randint(2, (2,)))
            own, target = own[..., i::2, j::2], target[..., i::2, j::2]
        errors[f"tap{block}"] = RelativeError.apply(
            student.projections[block](own), target, 1 / variances[block]
        )
    own = shift_grid(class_map, TAPS["5"][2], targets[1].shape[-2:])
    errors["map"] = RelativeError.apply(own, targets[1], 1 / variances["map"])
    errors["map_kl"] = _divergence(own.float(), targets[1].float(), TEMPERATURE)
    errors["average_kl"] = _divergence(student.scores(class_map), Teacher.scores(targets[1]), 1.0)
    return errors


def _divergence(own: Tensor, target: Tensor, temperature: float) -> Tensor:
    """KL(teacher || student) over classes, averaged over all else."""
    own = F.log_softmax(own / temperature, dim=1)
    target = F.log_softmax(target / temperature, dim=1)
    return (target.exp() * (target - own)).sum(1).mean()


def weights_of_losses(progress: float) -> dict[str, float]:
    """Features first; the classes count for more as the features settle."""
    late = min(1.0, progress / 0.6)
    return {
        "tap3": 1.0 - 0.5 * late,
        "tap4": 1.0,
        "tap5": 1.0,
        "map": 0.5,
        "map_kl": 0.1 + 0.3 * late,
        "average_kl": 0.1 + 0.9 * late,
    }
