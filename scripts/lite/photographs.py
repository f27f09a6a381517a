"""A folder of photographs in memory, and heavily augmented crops of it, many at a time.

Crops are cut by one vectorised gather on the device: no Python per crop, so a GPU is not kept waiting.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

MIP_LEVELS = 3  # full, half and quarter size: a crop that shrinks reads the level that fits, without aliasing
LUMA = (0.299, 0.587, 0.114)
ROUND_GREY = ((0.0, -1.0, 1.0), (1.0, 0.0, -1.0), (-1.0, 1.0, 0.0))  # generates the turns of hues around grey


def pictures_in(folder: Path) -> list[Path]:
    """The pictures in a folder, by name."""
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in {".jpg", ".jpeg", ".png"})


def split_photographs(folder: Path, held_out: int, seed: int) -> tuple[list[Path], list[Path]]:
    """Photographs to train on and photographs never trained on: for a folder and a seed always the same."""
    paths = pictures_in(folder)
    if len(paths) <= held_out:
        raise ValueError(f"{folder} has {len(paths)} photographs, but {held_out} are to be held out")
    order = torch.randperm(len(paths), generator=torch.Generator().manual_seed(seed)).tolist()
    chosen = set(order[:held_out])
    return (
        [p for i, p in enumerate(paths) if i not in chosen],
        [p for i, p in enumerate(paths) if i in chosen],
    )


def read_rgb(path: Path) -> np.ndarray:
    """A photograph as uint8 RGB, H x W x 3."""
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if bgr is None:
        raise ValueError(f"cannot read {path} as a picture")
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


class Photographs:
    """All photographs at three sizes in one flat array of RGBA words, so that one gather cuts a batch.

    Args:
        paths: pictures of any size. more: others, less like what is to be seen.
        share: of the crops that are cut from `more`.
        device: where the pixels lie and crops are made.
    """

    def __init__(
        self, paths: list[Path], device: torch.device, more: Sequence[Path] = (), share: float = 0.0
    ) -> None:
        words: list[np.ndarray] = []
        table: list[list[tuple[int, int, int]]] = []
        end = 0
        for path in (*paths, *more):
            rgb = read_rgb(path)
            levels = []
            for _ in range(MIP_LEVELS):
                height, width = rgb.shape[:2]
                rgba = np.dstack([rgb, np.zeros((height, width), np.uint8)])
                words.append(np.ascontiguousarray(rgba).view(np.int32).reshape(-1))
                levels.append((end, width, height))
                end += width * height
                rgb = cv2.resize(rgb, (max(1, width // 2), max(1, height // 2)), interpolation=cv2.INTER_AREA)
            table.append(levels)
        self.words = torch.from_numpy(np.concatenate(words)).to(device)
        self.table = torch.tensor(table, device=device)  # (photographs, levels, (first word, width, height))
        self.chances = torch.tensor(
            [(1 - share) / len(paths)] * len(paths) + [share / max(1, len(more))] * len(more), device=device
        )

    def __len__(self) -> int:
        return len(self.table)

    def crops(self, count: int, size: int, smallest: float, generator: torch.Generator) -> Tensor:
        """Random squares of random photographs: place, scale, aspect, rotation and mirror all drawn anew.

        Args:
            count: crops to cut. size: their side in pixels.
            smallest: side of the smallest square cut, as a share of the photograph's short side.

        Returns:
            (count, 3, size, size) float32 in [0, 1].
        """
        device = self.table.device

        def uniform(low: float, high: float) -> Tensor:
            return torch.rand(count, generator=generator, device=device) * (high - low) + low

        which = torch.multinomial(self.chances, count, replacement=True, generator=generator)
        full = self.table[which, 0, 1:].float()  # (count, (width, height))
        side = full.amin(1) * torch.exp(uniform(float(np.log(smallest)), 0.0))
        stretch = torch.exp(uniform(-0.25, 0.25))
        sides = torch.stack([side * stretch, side / stretch], 1).minimum(full)
        centre = sides / 2 + (full - sides) * torch.stack([uniform(0, 1), uniform(0, 1)], 1)
        # Rotate every third crop: rotation shows reflected borders, so not too many.
        angle = uniform(-0.35, 0.35) * (uniform(0, 1) < 0.33)
        mirror = torch.where(uniform(0, 1) < 0.5, -1.0, 1.0)
        level = (sides.amax(1) / size).log2().round().clamp(0, MIP_LEVELS - 1).long()
        shrink = 0.5 ** level.float()

        ticks = (torch.arange(size, device=device) + 0.5) / size - 0.5
        # Bend two fifths, each side along the other: the same thing in other shapes.
        waves = [
            uniform(0, 0.06).view(-1, 1, 1)
            * torch.sin(math.tau * (along * f.view(-1, 1, 1) + f.view(-1, 1, 1) * 7))
            for along, f in ((ticks.view(1, -1, 1), uniform(0.4, 2)), (ticks.view(1, 1, -1), uniform(0.4, 2)))
        ]
        bent = (uniform(0, 1) < 0.4).view(-1, 1, 1)
        u = (ticks.view(1, 1, -1) + waves[0] * bent) * (sides[:, 0] * mirror).view(-1, 1, 1)
        v = (ticks.view(1, -1, 1) + waves[1] * bent) * sides[:, 1].view(-1, 1, 1)
        cos, sin = angle.cos().view(-1, 1, 1), angle.sin().view(-1, 1, 1)
        x = (centre[:, 0].view(-1, 1, 1) + cos * u - sin * v) * shrink.view(-1, 1, 1) - 0.5
        y = (centre[:, 1].view(-1, 1, 1) + sin * u + cos * v) * shrink.view(-1, 1, 1) - 0.5
        return self._bilinear(self.table[which, level], x, y)

    def _bilinear(self, entries: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """Colours at pixel coordinates (B, h, w), mirrored at the borders, as (B, 3, h, w) in [0, 1]."""
        first, width, height = (column.view(-1, 1, 1) for column in entries.unbind(1))
        x = _reflect(x, width - 1)
        y = _reflect(y, height - 1)
        x0, y0 = x.long(), y.long()
        right = (x0 + 1).minimum(width - 1) - x0
        down = ((y0 + 1).minimum(height - 1) - y0) * width
        at = first + y0 * width + x0
        wx, wy = (x - x0).unsqueeze(-1), (y - y0).unsqueeze(-1)
        top = torch.lerp(self._colours(at), self._colours(at + right), wx)
        bottom = torch.lerp(self._colours(at + down), self._colours(at + down + right), wx)
        return torch.lerp(top, bottom, wy)[..., :3].permute(0, 3, 1, 2) / 255

    def _colours(self, at: Tensor) -> Tensor:
        return self.words[at].view(torch.uint8).view(*at.shape, 4).float()


def _reflect(x: Tensor, last: Tensor) -> Tensor:
    return (last - (last - x.abs()).abs()).clamp(min=0)


def recolour(images: Tensor, generator: torch.Generator) -> Tensor:
    """Random contrast, brightness, saturation and white balance for three fifths of the images.

    Of these a third get another hue too.
    """
    count, device = len(images), images.device

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.rand(count, *shape, generator=generator, device=device) * (high - low) + low

    luma = torch.tensor(LUMA, device=device).expand(3, 3)
    saturation = uniform(0.5, 1.5, 1, 1)
    saturation = torch.where(uniform(0, 1, 1, 1) < 0.05, 0.0, saturation)  # a few in greys
    matrix = saturation * torch.eye(3, device=device) + (1 - saturation) * luma
    hue = uniform(-math.pi, math.pi, 1, 1) * (uniform(0, 1, 1, 1) < 0.33)
    matrix = matrix @ (
        hue.cos() * torch.eye(3, device=device)
        + (1 - hue.cos()) / 3
        + hue.sin() / math.sqrt(3) * torch.tensor(ROUND_GREY, device=device)
    )
    contrast = torch.exp(uniform(-0.3, 0.3, 1, 1))
    gains = torch.exp(uniform(-0.1, 0.1, 3, 1))
    matrix = matrix * contrast * gains
    mean = images.mean(dim=(2, 3)).unsqueeze(-1)
    offset = mean * gains - matrix @ mean + uniform(-0.1, 0.1, 1, 1)
    changed = (matrix @ images.flatten(2) + offset).clamp(0, 1).view_as(images)
    return torch.where(uniform(0, 1, 1, 1, 1) < 0.4, images, changed)


def mix(images: Tensor, generator: torch.Generator) -> Tensor:
    """Three in ten get a rectangle of another image, three are blended with one, two get blobs of one.

    Blended pictures look like nothing, and that is why they help: there are endlessly many, and what the
    teacher says of them is known (Beyer et al. 2021, "a good teacher is patient and consistent").
    """
    count, size, device = len(images), images.shape[-1], images.device
    kind = torch.rand(count, 1, 1, generator=generator, device=device)
    extent = torch.rand(count, 2, generator=generator, device=device) * 0.6 + 0.2
    start = torch.rand(count, 2, generator=generator, device=device) * (1 - extent)
    ticks = (torch.arange(size, device=device) + 0.5) / size
    inside = (ticks > start.unsqueeze(-1)) & (ticks < (start + extent).unsqueeze(-1))  # (count, 2, size)
    rectangle = (inside[:, 0].unsqueeze(2) & inside[:, 1].unsqueeze(1)).float()
    blend = torch.rand(count, 1, 1, generator=generator, device=device) * 0.5
    noise = torch.randn(count, 1, 5, 5, generator=generator, device=device)
    blobs = F.interpolate(noise, size=(size, size), mode="bicubic")[:, 0].mul(8).sigmoid()
    share = torch.where(kind < 0.8, blobs, torch.zeros_like(blobs))
    share = torch.where(kind < 0.6, blend, share)
    share = torch.where(kind < 0.3, rectangle, share)
    return torch.lerp(images, images.roll(1, 0), share.unsqueeze(1))


def centre_crop(path: Path, size: int) -> Tensor:
    """A whole photograph as a network sees it when asked for its class: short side `size`, centre square.

    Returns:
        (3, size, size) float32 in [0, 1].
    """
    rgb = read_rgb(path)
    height, width = rgb.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = rgb[top : top + side, left : left + side]
    interpolation = cv2.INTER_AREA if side > size else cv2.INTER_CUBIC
    square = cv2.resize(square, (size, size), interpolation=interpolation)
    return torch.from_numpy(square).permute(2, 0, 1).float() / 255


def roughen(images: Tensor, generator: torch.Generator) -> Tensor:
    """A quarter of the images with noise on them, of up to a tenth of their range.

    Shown to the student while the teacher sees them clean: gradients of networks that know noise from
    shapes look like shapes (Kaur et al. 2019, "Are perceptually-aligned gradients a general property of
    robust classifiers?").
    """
    count, device = len(images), images.device
    strength = torch.rand(count, 1, 1, 1, generator=generator, device=device) * 0.1
    strength *= torch.rand(count, 1, 1, 1, generator=generator, device=device) < 0.25
    return images + strength * torch.randn(images.shape, generator=generator, device=device)
