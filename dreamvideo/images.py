"""The only conversions between frames, images and files of stills.

A *frame* is uint8 RGB (H, W, 3). An *image* is float32 RGB in [0, 1]: as an array (H, W, 3) where
OpenCV works on it, as a tensor (1, 3, H, W) where the network does. `size` is (width, height).
"""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from dreamvideo.errors import EncodeError, InputError

if TYPE_CHECKING:
    from torch import Tensor

STILL_ENDINGS = (".png", ".jpg", ".jpeg", ".webp")
JPEG_QUALITY = 95
SHEET_GAP, LABEL_HEIGHT = 4, 16  # px, between the pictures of a sheet, and of a line under them
LABEL_FONT = cv2.FONT_HERSHEY_SIMPLEX
MOST_PIXELS = int(os.environ.get("OPENCV_IO_MAX_IMAGE_PIXELS", 50 << 20))  # set when the package is imported


def read_still(path: Path) -> np.ndarray:
    """A picture file as a frame, upright (EXIF orientation applied), transparency on black.

    Raises:
        InputError: missing, empty or not a picture.
    """
    try:
        data = np.frombuffer(Path(path).read_bytes(), np.uint8)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    try:
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB) if data.size else None
        full = None if picture is None else cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        if "pixels <= " not in str(error):
            raise InputError(f"{path} is damaged") from error
        raise InputError(f"{path} is larger than {MOST_PIXELS >> 20} megapixels: scale it down") from error
    if picture is None:
        raise InputError(f"{path} is not a picture that can be read")
    if full is not None and full.ndim == 3 and full.shape[2] == 4 and full.dtype == np.uint8:
        picture = np.rint(picture * (full[..., 3:] / np.float32(255))).astype(np.uint8)
    return np.ascontiguousarray(picture)


def write_still(path: Path, frame: np.ndarray) -> None:
    """Write a frame as png, jpg or webp by its ending; the file appears only when complete."""
    write_complete(path, encode_still(path, frame))


def encode_still(path: Path, frame: np.ndarray) -> bytes:
    """The bytes of a frame as png, jpg or webp by the ending of `path`."""
    quality = {
        ".jpg": [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY],
        ".webp": [cv2.IMWRITE_WEBP_QUALITY, JPEG_QUALITY],
    }
    ending = path.suffix.lower().replace(".jpeg", ".jpg")
    done, data = cv2.imencode(ending, cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), quality.get(ending, []))
    if not done:
        raise EncodeError(f"cannot encode {path.name} as {ending}")
    return data.tobytes()


def write_complete(path: Path, data: bytes) -> None:
    """Write a file that appears only when complete. Raises EncodeError."""
    try:
        handle, part = tempfile.mkstemp(prefix=".dreamvideo-", suffix=path.suffix, dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            os.chmod(part, 0o644)
            os.replace(part, path)
        finally:
            Path(part).unlink(missing_ok=True)
    except OSError as error:
        raise EncodeError(f"cannot write {path}: {error.strerror}") from error


def png_from_frame(frame: np.ndarray) -> np.ndarray:
    """A frame as the bytes of a PNG, uint8 (n,): a third to a half of its size, exactly."""
    return cv2.imencode(".png", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))[1]


def frame_from_png(data: np.ndarray) -> np.ndarray:
    """The inverse of `png_from_frame`."""
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR_RGB), np.uint8)


def image_from_frame(frame: np.ndarray) -> np.ndarray:
    """uint8 RGB (H, W, 3) -> float32 in [0, 1]."""
    return frame.astype(np.float32) * np.float32(1 / 255)


def frame_from_image(image: np.ndarray) -> np.ndarray:
    """float32 (H, W, 3) -> uint8, rounded; values beyond [0, 1] are clipped."""
    return np.clip(np.rint(image * np.float32(255)), 0, 255).astype(np.uint8)


def add_to_frame(frame: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """A frame plus what is added to it, grey levels in float32: rounded, and clipped to uint8."""
    return cv2.add(frame, levels, dtype=cv2.CV_8U)


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


def recoloured(image: np.ndarray, colours: np.ndarray, added: np.ndarray) -> np.ndarray:
    """A matrix (3, 3) of the colours of a float32 image (H, W, 3), and a colour (3,) added to it."""
    return cv2.transform(image, np.column_stack([colours, added]).astype(np.float32))


def filtered(image: np.ndarray, colours: np.ndarray, taps: np.ndarray) -> np.ndarray:
    """A matrix (3, 3) of the colours of a float32 image (H, W, 3), then taps (n,) along its rows and columns.

    Beyond the border there is nothing.
    """
    return cv2.sepFilter2D(cv2.transform(image, colours), -1, taps, taps, borderType=cv2.BORDER_CONSTANT)


def blend(under: np.ndarray, over: np.ndarray, share: np.ndarray) -> None:
    """Bring an image (H, W, 3) in place towards another, which is used up, by a share (H, W) of the way."""
    over -= under
    over *= cv2.merge([share] * 3)  # numpy is slow at one number for three
    under += over


def resize(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Scale a frame, image or map to `size`: by area downwards, by Lanczos (8x8) upwards."""
    if (picture.shape[1], picture.shape[0]) == size:
        return picture
    shrinks = size[0] <= picture.shape[1] and size[1] <= picture.shape[0]
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LANCZOS4)


def sheet(
    pictures: Sequence[np.ndarray],
    labels: Sequence[str] | None = None,
    columns: int | None = None,
    label_height: int = LABEL_HEIGHT,
) -> np.ndarray:
    """Frames of one size side by side, as square as can be, with a name under each if there are labels.

    One frame without a label stays as it is. The names are as large as `label_height` (px) has room for.
    """
    if len(pictures) == 1 and not labels:
        return pictures[0]
    columns = columns or math.ceil(math.sqrt(len(pictures)))
    height, width = pictures[0].shape[:2]
    cell = (height + SHEET_GAP + (label_height if labels else 0), width + SHEET_GAP)
    rows = math.ceil(len(pictures) / columns)
    drawn = np.zeros((rows * cell[0] + SHEET_GAP, columns * cell[1] + SHEET_GAP, 3), np.uint8)
    for place, picture in enumerate(pictures):
        top, left = (SHEET_GAP + n * side for n, side in zip(divmod(place, columns), cell, strict=True))
        drawn[top : top + height, left : left + width] = picture
        if labels:
            text = drawn[top + height : top + height + label_height, left : left + width]
            _write(text, labels[place])
    return drawn


def _write(place: np.ndarray, text: str) -> None:
    """Draw a line of text into a part of a frame, as large as fits."""
    height, width = place.shape[:2]
    scale = 0.4 * height / LABEL_HEIGHT
    scale = min(scale, scale * (width - 4) / cv2.getTextSize(text, LABEL_FONT, scale, 1)[0][0])
    drawn = np.ascontiguousarray(place)
    cv2.putText(drawn, text, (2, round(height * 0.75)), LABEL_FONT, scale, (220, 220, 220), 1, cv2.LINE_AA)
    place[:] = drawn


def mix(one: np.ndarray, other: np.ndarray, share: np.ndarray) -> np.ndarray:
    """`one` and a `share` (H, W), 0 to 1, of the `other`; both float32 (H, W) or (H, W, C).

    In one pass, but a hundred-thousandth fainter: not for what is mixed again and again.
    """
    return cv2.blendLinear(one, other, 1 - share, share)


def square_sum(vectors: np.ndarray) -> np.ndarray:
    """|v|^2 at each place of float32 (H, W, C): (H, W). Plane by plane, which is several times as fast."""
    first, *others = cv2.split(vectors)
    squares = first * first
    for plane in others:
        squares += plane * plane
    return squares


def scaled(picture: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """A picture (H, W, 3) times a gain at each place, (H, W), float32."""
    return cv2.multiply(picture, cv2.merge([gain, gain, gain]))


def box_mean(values: np.ndarray, side: int) -> np.ndarray:
    """The mean of non-negative values (H, W) over a box of `side` px around each of them."""
    return np.maximum(cv2.blur(values, (side, side)), 0)  # its running sums can fall a hair below 0


def sharpness(frame: np.ndarray) -> float:
    """Mean absolute Laplacian of a frame's luma, grey levels."""
    return float(np.abs(cv2.Laplacian(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), cv2.CV_32F)).mean())
