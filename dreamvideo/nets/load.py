"""From a name to a network that is ready: find its weights, check them, put it on its device."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import torch
from torch import Tensor, nn

from dreamvideo.errors import UsageError, WeightsError
from dreamvideo.nets.cpu import on_one_thread, tune_cpu
from dreamvideo.nets.describe import LayerInfo, describe_nodes, describe_vgg
from dreamvideo.nets.network import Network
from dreamvideo.nets.steady import SteadyNetwork
from dreamvideo.nets.vgg import (
    CONVOLUTIONS,
    VGG,
    VGG16_WIDTHS,
    VGG16Head,
    vgg_from_state,
)
from dreamvideo.nets.weights import read_weights, require_keys, sha256_of, weights_folder

VGG16_FILE = "vgg16-397923af.pth"  # torchvision's name for it; ends in the start of its SHA-256
LITE_FILE = "vgg16_lite.safetensors"
VGG16_LOOKS: Mapping[str, str] = {"edges": "conv2_2", "shapes": "conv3_3", "creatures": "conv5_1"}
LITE_LOOKS: Mapping[str, str] = {"edges": "conv2_2", "shapes": "conv3_3", "creatures": "conv5_3"}
VGG16_BEST_LAYER = "conv4_3"
LITE_BEST_LAYER = "conv4_3"

VGG16_KEYS = {  # torchvision's names -> ours
    f"features.{number}.{part}": f"{name}.{part}"
    for name, number in zip(CONVOLUTIONS, (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28), strict=True)
    for part in ("weight", "bias")
}


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


@on_one_thread()
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
    tune_cpu()
    torch.backends.cudnn.allow_tf32 = False  # full precision is full precision
    torch.backends.cudnn.deterministic = True
    if name == "vgg16-lite":
        path = weights or Path(str(resources.files("dreamvideo.nets") / LITE_FILE))
        module: nn.Module = _lite(path)
        layers, best, looks = VGG.layers, LITE_BEST_LAYER, LITE_LOOKS
    elif name == "vgg16":
        path = weights or weights_folder() / VGG16_FILE
        module = _vgg16(path)
        layers, best, looks = VGG.layers, VGG16_BEST_LAYER, VGG16_LOOKS
    else:
        module, path, layers, best, looks = _torchvision(name, weights)
    has_head = getattr(module, "head", None) is not None
    module = module.eval().requires_grad_(False).to(place).to(memory_format=torch.channels_last)
    if place.type == "cpu" and torch.backends.mkldnn.is_available():
        module = SteadyNetwork(module)
    return Network(name, module, layers, best, looks, has_head, place, sha256_of(path))


def describe_layers(name: str) -> list[LayerInfo]:
    """The layers of a network by its name, in the order of computation; its weights need not be here.

    Raises:
        UnknownNameError: no such network.
    """
    if name == "vgg16":
        return describe_vgg(VGG16_WIDTHS)
    if name == "vgg16-lite":
        state = read_weights(Path(str(resources.files("dreamvideo.nets") / LITE_FILE)))
        return describe_vgg(tuple(state[f"{layer}.weight"].shape[0] for layer in CONVOLUTIONS))
    from dreamvideo.nets.torchvision_nets import build_torchvision

    network = build_torchvision(name)
    return describe_nodes(network.classifier, network.layers)


def _lite(path: Path) -> VGG:
    state = read_weights(path)
    wanted = [f"{name}.{part}" for name in CONVOLUTIONS for part in ("weight", "bias")]
    require_keys(path, "vgg16-lite", state.keys(), wanted)
    return _fill(state, path)


def _vgg16(path: Path) -> VGG:
    """From torchvision's file, with its head, or from one that has our names."""
    state = read_weights(path)
    if "conv1_1.weight" not in state:
        require_keys(path, "vgg16", state.keys(), VGG16_KEYS)
    ours = {VGG16_KEYS.get(name, name): tensor for name, tensor in state.items()}
    network = _fill({name: ours[name] for name in VGG16_KEYS.values() if name in ours}, path)
    widths = [ours[f"{name}.weight"].shape[0] for name in CONVOLUTIONS]
    if widths != list(VGG16_WIDTHS):
        raise WeightsError(f"{path} holds a VGG16 of other widths: {widths}")
    network.head = VGG16Head(path) if VGG16Head.is_in(state) else None
    return network


def _fill(state: Mapping[str, Tensor], path: Path) -> VGG:
    try:
        return vgg_from_state(state)
    except (KeyError, RuntimeError) as error:
        raise WeightsError(f"{path} does not hold weights of VGG16") from error


def _torchvision(
    name: str, weights: Path | None
) -> tuple[nn.Module, Path, tuple[str, ...], str, Mapping[str, str]]:
    from dreamvideo.nets.torchvision_nets import best_layer, build_torchvision, looks

    network = build_torchvision(name)
    path = weights or _find_torchvision_weights(name)
    state = read_weights(path)
    wanted = [key for key in network.classifier.state_dict() if not key.endswith("num_batches_tracked")]
    require_keys(path, name, state.keys(), wanted)
    try:
        network.classifier.load_state_dict(_with_versions(state, network.classifier), strict=False)
    except RuntimeError as error:
        sizes = str(error).split("size mismatch for ")[1:]
        raise WeightsError(
            f"{path} is not of {name}: "
            + (f"{sizes[0].split(':')[0]} has another size" if sizes else str(error))
        ) from error
    return network, path, network.layers, best_layer(name, network.layers), looks(name, network.layers)


def _with_versions(state: Mapping[str, Tensor], classifier: nn.Module) -> Mapping[str, Tensor]:
    """The state, saying of which versions its modules are: MNASNet asks, safetensors does not tell."""
    if hasattr(state, "_metadata"):
        return state
    told = classifier.state_dict()
    told.update(state)
    return told


def _find_torchvision_weights(name: str) -> Path:
    found = sorted(weights_folder().glob(f"{name}-*.pth"))
    if not found:
        raise WeightsError(
            f"no weights of {name} on this machine: `dreamvideo models pull {name}` fetches them, or put "
            f"torchvision's {name}-*.pth into {weights_folder()}, or name a file with --weights"
        )
    return found[-1]
