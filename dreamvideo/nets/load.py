"""From a name to a network that is ready: find its weights, check them, put it on its device."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import torch
from torch import Tensor, nn

from dreamvideo.errors import UsageError, WeightsError
from dreamvideo.nets.network import Network
from dreamvideo.nets.vgg import CONVOLUTIONS, VGG, VGG16_WIDTHS, vgg_from_state

VGG16_FILE = "vgg16-397923af.pth"  # torchvision's name for it; ends in the start of its SHA-256
LITE_FILE = "vgg16_lite.safetensors"
VGG16_BEST_LAYER = "conv4_3"
LITE_BEST_LAYER = "conv4_3"


def weights_folder() -> Path:
    """Where torch keeps downloaded weights (moved by TORCH_HOME)."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def choose_model(name: str, weights: Path | None = None) -> str:
    """`auto` -> vgg16 when its weights are on this machine, else vgg16-lite; other names as they are."""
    if name != "auto":
        return name
    return "vgg16" if weights or (weights_folder() / VGG16_FILE).exists() else "vgg16-lite"


def choose_device(name: str) -> torch.device:
    """`auto` -> cuda, else mps, else cpu.

    Raises:
        UsageError: a device that is not here.
    """
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(device for device, here in present.items() if here))
    if not present.get(name.split(":")[0], False):
        raise UsageError(f"there is no device {name} here; use --device auto")
    return torch.device(name)


def load_network(name: str = "auto", weights: Path | None = None, device: str = "auto") -> Network:
    """Load a network by its name; nothing is downloaded.

    Args:
        name: `auto`, `vgg16`, `vgg16-lite` or a classifier of torchvision.
        weights: a .pth or .safetensors file; None: where torch keeps them, or inside the package.
        device: `auto`, `cpu`, `cuda`, `cuda:1`, `mps`.

    Raises:
        UnknownNameError, WeightsError, UsageError
    """
    name = choose_model(name, weights)
    place = choose_device(device)
    torch.set_flush_denormal(True)
    if name == "vgg16-lite":
        path = weights or Path(str(resources.files("dreamvideo.nets") / LITE_FILE))
        module: nn.Module = _fill_vgg(read_weights(path), path)
        layers, best = VGG.layers, LITE_BEST_LAYER
    elif name == "vgg16":
        path = weights or weights_folder() / VGG16_FILE
        module = _fill_vgg(_rename_torchvision(read_weights(path)), path, VGG16_WIDTHS)
        layers, best = VGG.layers, VGG16_BEST_LAYER
    else:
        module, path, layers, best = _torchvision(name, weights)
    module = module.eval().requires_grad_(False).to(place).to(memory_format=torch.channels_last)
    return Network(name, module, layers, best, place, _sha256(path))


def _torchvision(name: str, weights: Path | None) -> tuple[nn.Module, Path, tuple[str, ...], str]:
    from dreamvideo.nets.torchvision_nets import best_layer, build_torchvision

    network = build_torchvision(name)
    path = weights or _find_torchvision_weights(name)
    try:
        network.classifier.load_state_dict(dict(read_weights(path)), strict=False)
    except RuntimeError as error:
        raise WeightsError(f"{path} does not hold weights of {name}") from error
    return network, path, network.layers, best_layer(name, network.layers)


def _find_torchvision_weights(name: str) -> Path:
    found = sorted(weights_folder().glob(f"{name}-*.pth"))
    if not found:
        raise WeightsError(
            f"no weights of {name} on this machine: put torchvision's {name}-*.pth into {weights_folder()} "
            "or name a file with --weights"
        )
    return found[-1]


def read_weights(path: Path) -> Mapping[str, Tensor]:
    """Tensors by name from a .safetensors or .pth file. Executes nothing that is in the file.

    Raises:
        WeightsError: missing, damaged, or more than tensors.
    """
    if not path.is_file():
        raise WeightsError(f"no weights at {path}: put the file there or name another with --weights")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, KeyError, pickle.UnpicklingError) as error:
        raise WeightsError(f"{path} cannot be read as weights: it is damaged or of another kind") from error
    except Exception as error:  # safetensors has an exception class of its own
        raise WeightsError(f"{path} cannot be read as weights: {error}") from error
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise WeightsError(f"{path} does not hold a network's weights")
    return state


def _fill_vgg(state: Mapping[str, Tensor], path: Path, widths: tuple[int, ...] | None = None) -> VGG:
    try:
        network = vgg_from_state(state)
    except (KeyError, RuntimeError) as error:
        raise WeightsError(f"{path} does not hold weights of VGG16") from error
    got = tuple(network.get_submodule(name).out_channels for name in CONVOLUTIONS)
    if widths and got != widths:
        raise WeightsError(f"{path} holds a VGG16 of other widths: {got}")
    return network


def _rename_torchvision(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """torchvision's `features.N.weight` -> `conv4_3.weight`; its three-layer head is left out."""
    if "conv1_1.weight" in state:
        return {name: tensor for name, tensor in state.items() if name.startswith("conv")}
    numbers = sorted({int(name.split(".")[1]) for name in state if name.startswith("features.")})
    names = dict(zip(numbers, CONVOLUTIONS, strict=False))
    return {
        f"{names[int(name.split('.')[1])]}.{name.split('.')[2]}": tensor
        for name, tensor in state.items()
        if name.startswith("features.") and int(name.split(".")[1]) in names
    }


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
