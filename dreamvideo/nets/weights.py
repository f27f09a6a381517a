"""Files of weights: where they are, what is in them (nothing of it is executed), and whose they are."""

from __future__ import annotations

import hashlib
import pickle
import warnings
from collections.abc import Collection, Mapping
from pathlib import Path

import torch
from torch import Tensor

from dreamvideo.errors import WeightsError

SHOWN_KEYS = 2  # names of tensors that an error shows


def weights_folder() -> Path:
    """Where torch keeps downloaded weights (moved by TORCH_HOME)."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def read_weights(path: Path) -> Mapping[str, Tensor]:
    """Tensors by name from a .safetensors or .pth file. Executes nothing that is in the file.

    Raises:
        WeightsError: missing, damaged, or more than tensors.
    """
    if not path.is_file():
        raise WeightsError(
            f"no weights at {path}: put the file there, or name another with --weights "
            "(`dreamvideo models pull` fetches them)"
        )
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            state: object = load_file(path)
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what is odd about a file is told by an error
                state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, KeyError, pickle.UnpicklingError) as error:
        raise WeightsError(f"{path} cannot be read as weights: it is damaged or of another kind") from error
    except Exception as error:  # safetensors has an exception class of its own
        raise WeightsError(f"{path} cannot be read as weights: {error}") from error
    if not isinstance(state, Mapping) or not all(_is_real(value) for value in state.values()):
        raise WeightsError(f"{path} does not hold a network's weights")
    return state


def _is_real(value: object) -> bool:
    return isinstance(value, Tensor) and not value.is_complex()


def require_keys(path: Path, network: str, found: Collection[str], wanted: Collection[str]) -> None:
    """Raises WeightsError, with the keys that differ, where some that are `wanted` were not `found`."""
    missing = [key for key in wanted if key not in found]
    if missing:
        raise WeightsError(
            f"{path} is not of {network}: it lacks {_some(missing)}"
            + (f" and has {_some(extra)}" if (extra := [key for key in found if key not in wanted]) else "")
        )


def _some(keys: list[str]) -> str:
    shown = ", ".join(keys[:SHOWN_KEYS])
    return f"{shown} and {len(keys) - SHOWN_KEYS} more" if len(keys) > SHOWN_KEYS else shown


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
