"""The two networks of the distillation: the teacher with its taps, and vgg16-lite as it is trained.

While it is trained the student has BatchNorm and 1x1 projections; what ships has neither.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dreamvideo.nets.vgg import CONVOLUTIONS, DEPTHS, IMAGENET_MEAN, IMAGENET_STD, VotingHead

WIDTHS = (16, 16, 32, 32, 48, 48, 64, 128, 128, 192, 160, 160, 384)
CLASSES = 1000
# Teacher tap -> (its channels, how many cells its grid lies right of and below the student's).
TAPS = {"3": (5, 256, 0.875), "4": (10, 512, 0.6875), "5": (12, 512, 0.594)}


def normalise(images: Tensor) -> Tensor:
    """RGB in [0, 1] to what ImageNet networks expect."""
    mean = torch.tensor(IMAGENET_MEAN, device=images.device).view(1, 3, 1, 1)
    std = torch.tensor(IMAGENET_STD, device=images.device).view(1, 3, 1, 1)
    return (images - mean) / std


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Weights from safetensors or a torch file; nothing in the file is executed."""
    if path.suffix in (".safetensors", ".start"):
        from safetensors.torch import load_file

        return load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)


class Teacher(nn.Module):
    """SqueezeNet 1.0, frozen: its three taps and its class map.

    forward: normalised images (B, 3, H, W) -> its taps by the student's block, ({"3": (B, 256, h3, w3), ...},
    and its class map (B, 1000, h5, w5), votes against included).
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        from torchvision.models import squeezenet1_0

        network = squeezenet1_0()
        network.load_state_dict(load_tensors(path))
        self.features = network.features
        self.classes = network.classifier[1]
        self.requires_grad_(False).eval()

    def forward(self, x: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        taps = {}
        names = {index: name for name, (index, _, _) in TAPS.items()}
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in names:
                taps[names[index]] = x.clone() if index + 1 < len(self.features) else x
        return taps, self.classes(x)

    def logits(self, images: Tensor) -> Tensor:
        """Class scores of images (B, 3, H, W) in [0, 1]: (B, 1000)."""
        return self.scores(self(normalise(images))[1])

    @staticmethod
    def scores(class_map: Tensor) -> Tensor:
        """(B, 1000, h, w) -> (B, 1000): the average of the votes for each class."""
        return F.relu(class_map.float()).mean(dim=(2, 3))


class Student(nn.Module):
    """vgg16-lite with BatchNorm after every convolution and a projection onto each tap of the teacher.

    forward: normalised images -> ({"3": the last activations of block 3, ...}, class map), on its own grid.
    """

    def __init__(self, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        channels = 3
        for name, width in zip(CONVOLUTIONS, widths, strict=True):
            self.add_module(name, nn.Conv2d(channels, width, 3, padding=1, bias=False))
            self.add_module(f"norm{name[4:]}", nn.BatchNorm2d(width))
            channels = width
        last = dict(zip(CONVOLUTIONS, widths, strict=True))
        self.projections = nn.ModuleDict(
            {block: nn.Conv2d(last[f"conv{block}_3"], wide, 1) for block, (_, wide, _) in TAPS.items()}
        )
        self.head = nn.Conv2d(channels, CLASSES, 1)

    def forward(self, x: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        found = {}
        for block, depth in enumerate(DEPTHS, 1):
            for i in range(1, depth + 1):
                x = self.get_submodule(f"conv{block}_{i}")(x)
                x = F.relu(self.get_submodule(f"norm{block}_{i}")(x), inplace=True)
            if str(block) in TAPS:
                found[str(block)] = x
            if block < len(DEPTHS):
                x = F.max_pool2d(x, 2)
        return found, self.head(x)

    @staticmethod
    def scores(class_map: Tensor) -> Tensor:
        """(B, 1000, h, w) -> (B, 1000), as `VotingHead` counts."""
        return F.leaky_relu(class_map.float(), VotingHead.against).mean(dim=(2, 3))


def shift_grid(x: Tensor, cells: float, shape: tuple[int, int]) -> Tensor:
    """Read a map (B, C, h, w) at `shape` positions `cells` to the right and below, interpolated."""
    height, width = shape
    x = x[..., :height, :] * (1 - cells) + x[..., 1 : height + 1, :] * cells
    return x[..., :width] * (1 - cells) + x[..., 1 : width + 1] * cells


def fold(state: Mapping[str, Tensor], epsilon: float = 1e-5) -> dict[str, Tensor]:
    """The student's weights as they ship: BatchNorm folded into the convolutions, no projections."""
    folded = {}
    for name in CONVOLUTIONS:
        norm = f"norm{name[4:]}"
        gain = state[f"{norm}.weight"] / torch.sqrt(state[f"{norm}.running_var"] + epsilon)
        folded[f"{name}.weight"] = state[f"{name}.weight"] * gain.view(-1, 1, 1, 1)
        folded[f"{name}.bias"] = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * gain
    folded["head.weight"] = state["head.weight"].flatten(1)
    folded["head.bias"] = state["head.bias"]
    return folded
