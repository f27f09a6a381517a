"""Muon (Jordan et al. 2024): steps of equal size in every direction of a weight matrix.

On a short budget it learns convolutions in clearly fewer crops than AdamW.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

QUINTIC = (3.4445, -4.7750, 2.0315)  # Newton-Schulz coefficients with the steepest slope at zero


def orthogonalise(matrix: Tensor, iterations: int = 5) -> Tensor:
    """The nearest matrix with all singular values about one, in bfloat16.

    Args:
        matrix: (rows, columns).
    """
    a, b, c = QUINTIC
    x = matrix.bfloat16()
    wide = x.shape[0] <= x.shape[1]
    x = x if wide else x.T
    x = x / (x.norm() + 1e-7)
    for _ in range(iterations):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return (x if wide else x.T).to(matrix.dtype)


class Muon(torch.optim.Optimizer):
    """For weights followed by a normalisation, so that only the direction of the weights counts.

    Args:
        parameters: tensors of two or more dimensions, rows first.
        lr: length of a step relative to the length of the weights.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float = 0.02, momentum: float = 0.95) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if not state:
                    state["momentum"] = torch.zeros_like(weight)
                average = state["momentum"].lerp_(weight.grad, 1 - group["momentum"])
                direction = weight.grad.lerp(average, group["momentum"])  # Nesterov's look ahead
                direction = orthogonalise(direction.flatten(1)).view_as(weight)
                length = weight.norm()
                weight.sub_(direction * (group["lr"] * length / (direction.norm() + 1e-7)))
                weight.mul_(length / weight.norm())  # else it grows at every step, beyond all numbers
