"""The only conversions between frames, images and files of stills.

A *frame* is uint8 RGB (H, W, 3). An *image* is float32 RGB in [0, 1]: as an array (H, W, 3) where
OpenCV works on it, as a tensor (1, 3, H, W) where the network does. `size` is (width, height).
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from dreamvideo.errors import EncodeError, InputError

if TYPE_CHECKING:
    from torch import Tensor

STILL_ENDINGS = (".png", ".jpg", ".jpeg", ".webp")
JPEG_QUALITY = 95


def read_still(path: Path) -> np.ndarray:
    """A picture file as a frame, upright (EXIF orientation applied), transparency on black.

    Raises:
        InputError: missing, empty or not a picture.
    """
    try:
        data = np.frombuffer(Path(path).read_bytes(), np.uint8)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB) if data.size else None
    if picture is None:
        raise InputError(f"{path} is not a picture that can be read")
    full = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    if full is not None and full.ndim == 3 and full.shape[2] == 4 and full.dtype == np.uint8:
        picture = np.rint(picture * (full[..., 3:] / np.float32(255))).astype(np.uint8)
    return np.ascontiguousarray(picture)


def write_still(path: Path, frame: np.ndarray) -> None:
    """Write a frame as png, jpg or webp by its ending; the file appears only when complete."""
    quality = {
        ".jpg": [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY],
        ".webp": [cv2.IMWRITE_WEBP_QUALITY, JPEG_QUALITY],
    }
    ending = path.suffix.lower().replace(".jpeg", ".jpg")
    done, data = cv2.imencode(ending, cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), quality.get(ending, []))
    if not done:
        raise EncodeError(f"cannot encode {path.name} as {ending}")
    handle, part = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=ending, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data.tobytes())
        os.chmod(part, 0o644)
        os.replace(part, path)
    except OSError as error:
        raise EncodeError(f"cannot write {path}: {error.strerror}") from error
    finally:
        Path(part).unlink(missing_ok=True)


def image_from_frame(frame: np.ndarray) -> np.ndarray:
    """uint8 RGB (H, W, 3) -> float32 in [0, 1]."""
    return frame.astype(np.float32) * np.float32(1 / 255)


def frame_from_image(image: np.ndarray) -> np.ndarray:
    """float32 (H, W, 3) -> uint8, rounded; values beyond [0, 1] are clipped."""
    return np.clip(np.rint(image * np.float32(255)), 0, 255).astype(np.uint8)


def tensor_from_image(image: np.ndarray) -> Tensor:
    """float32 (H, W, C) -> (1, C, H, W) sharing its memory (so channels last)."""
    import torch

    return torch.from_numpy(image).permute(2, 0, 1).unsqueeze(0)


def image_from_tensor(tensor: Tensor) -> np.ndarray:
    """(1, C, H, W) on any device -> float32 (H, W, C), contiguous."""
    return np.ascontiguousarray(tensor.detach().squeeze(0).permute(1, 2, 0).float().cpu().numpy())


def fit_long_side(size: tuple[int, int], long_side: int) -> tuple[int, int]:
    """(width, height) scaled down, never up, so that the longer side is at most `long_side` px."""
    scale = min(1.0, long_side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def resize(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Scale a frame, image or map to `size`: by area downwards, by Lanczos (8x8) upwards."""
    if (picture.shape[1], picture.shape[0]) == size:
        return picture
    shrinks = size[0] <= picture.shape[1] and size[1] <= picture.shape[0]
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LANCZOS4)


def box_mean(values: np.ndarray, side: int) -> np.ndarray:
    """The mean of non-negative values (H, W) over a box of `side` px around each of them."""
    return np.maximum(cv2.blur(values, (side, side)), 0)  # its running sums can fall a hair below 0


def sharpness(frame: np.ndarray) -> float:
    """Mean absolute Laplacian of a frame's luma, grey levels."""
    return float(np.abs(cv2.Laplacian(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), cv2.CV_32F)).mean())
