"""RAFT from torchvision: slower than DIS, better at large motion and thin things."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from dreamvideo.errors import DreamVideoError, WeightsError

RAFT_FILE = "raft_small_C_T_V2-01064c6d.pth"  # torchvision's name for it
STRIDE, SMALLEST_SIDE = 8, 128  # what torchvision's RAFT asks of its input, px


def raft_flow() -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """A flow function (see `flow.flow_estimator`) with the network loaded once.

    Raises:
        DreamVideoError: no usable torchvision. WeightsError: its RAFT weights are not on this machine.
    """
    import torch

    try:
        from torchvision.models.optical_flow import raft_small
    except (ImportError, RuntimeError) as error:
        raise DreamVideoError(
            "--flow raft needs torchvision, which cannot be used here; use --flow dis"
        ) from error
    from dreamvideo.nets.load import choose_device
    from dreamvideo.nets.weights import read_weights, weights_folder

    path = weights_folder() / RAFT_FILE
    if not path.is_file():
        raise WeightsError(
            f"--flow raft needs torchvision's {RAFT_FILE} in {weights_folder()}; or use --flow dis"
        )
    device = choose_device("auto")
    network = raft_small(weights=None).eval()
    network.load_state_dict(dict(read_weights(path)))
    network = network.to(device)

    def estimate(start: np.ndarray, end: np.ndarray) -> np.ndarray:
        height, width = start.shape[:2]
        down, right = _padding(height), _padding(width)
        pair = [cv2.copyMakeBorder(f, 0, down, 0, right, cv2.BORDER_REPLICATE) for f in (start, end)]
        a, b = (torch.from_numpy(f).permute(2, 0, 1)[None].to(device).float().div(127.5).sub(1) for f in pair)
        with torch.inference_mode():
            flow = network(a, b)[-1][0, :, :height, :width]
        return np.ascontiguousarray(flow.permute(1, 2, 0).cpu().numpy())

    return estimate


def _padding(side: int) -> int:
    return max(SMALLEST_SIDE, -(-side // STRIDE) * STRIDE) - side
