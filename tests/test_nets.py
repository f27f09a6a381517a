"""Networks by name: weights found, checked, refused; torchvision's others where torchvision can be used."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from dreamvideo.errors import DreamVideoError, UnknownNameError, UsageError, WeightsError
from dreamvideo.nets import choose_model, load_network
from dreamvideo.nets.load import VGG16_FILE, read_weights
from dreamvideo.nets.steady import SteadyNetwork
from dreamvideo.nets.torchvision_nets import build_torchvision
from dreamvideo.nets.vgg import CONVOLUTIONS, LAYERS, VGG, VGG16_WIDTHS, VGG16Head, vgg_from_state

TINY_WIDTHS = (2,) * 13


@pytest.fixture
def no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any downloaded weights: returns the folder where they would be."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


def torchvision_layout(network: VGG) -> dict[str, torch.Tensor]:
    """VGG16's weights under the names that torchvision gives them."""
    numbers = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
    state = network.state_dict()
    return {
        f"features.{number}.{part}": state[f"{name}.{part}"]
        for name, number in zip(CONVOLUTIONS, numbers, strict=True)
        for part in ("weight", "bias")
    }


def test_the_layers_are_vgg16s() -> None:
    assert len(LAYERS) == 31
    assert LAYERS[:5] == ("conv1_1", "relu1_1", "conv1_2", "relu1_2", "pool1")
    assert LAYERS[-1] == "pool5"


@pytest.mark.parametrize("wrapped", [lambda network: network, SteadyNetwork], ids=["plain", "steady"])
def test_a_layer_is_the_same_whichever_others_are_asked_for(wrapped: Callable[[VGG], nn.Module]) -> None:
    """Its gradient too: where nobody looks at a ReLU it is computed elsewhere."""
    torch.manual_seed(0)
    network = wrapped(VGG(TINY_WIDTHS).requires_grad_(False))

    def seen(layers: tuple[str, ...], layer: str) -> tuple[torch.Tensor, torch.Tensor]:
        image = torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(1)).requires_grad_()
        found = network(image, layers)[layer]
        (slope,) = torch.autograd.grad(found.square().mean(), image)
        return found.detach(), slope

    for layer in LAYERS:
        for one, other in zip(seen((layer,), layer), seen(LAYERS, layer), strict=True):
            assert torch.equal(one, other), layer


def test_auto_takes_vgg16_when_its_weights_are_here(no_weights: Path) -> None:
    assert choose_model("auto") == "vgg16-lite"
    (no_weights / VGG16_FILE).touch()
    assert choose_model("auto") == "vgg16"


def test_missing_weights_say_where_to_put_them(no_weights: Path) -> None:
    with pytest.raises(WeightsError, match=str(no_weights)):
        load_network("vgg16")


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
def test_torchvisions_vgg16_file_is_read(tmp_path: Path, ending: str) -> None:
    torch.manual_seed(0)
    source = VGG(VGG16_WIDTHS)
    path = tmp_path / f"vgg16{ending}"
    state = torchvision_layout(source)
    save_file(state, path) if ending == ".safetensors" else torch.save(state, path)
    network = load_network("vgg16", path, "cpu")
    image = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        expected, got = source(image, ["conv2_2"]), network(image, ["conv2_2"])
    assert torch.allclose(expected["conv2_2"], got["conv2_2"], atol=1e-4)
    assert not any(p.requires_grad for p in network.module.parameters())  # type: ignore[attr-defined]


def test_a_file_of_other_widths_is_no_vgg16(tmp_path: Path) -> None:
    path = tmp_path / "tiny.safetensors"
    save_file(torchvision_layout(VGG(TINY_WIDTHS)), path)
    with pytest.raises(WeightsError, match="widths"):
        load_network("vgg16", path, "cpu")


def test_weights_of_another_network_say_which_keys_differ(tmp_path: Path) -> None:
    path = tmp_path / "resnet.safetensors"
    save_file({"conv1.weight": torch.zeros(1), "fc.bias": torch.zeros(1)}, path)
    for name, lacking in (("vgg16", "features.0.weight"), ("vgg16-lite", "conv1_1.weight")):
        with pytest.raises(WeightsError, match=rf"not of {name}: it lacks {lacking}.*and has conv1\.weight"):
            load_network(name, path, "cpu")


@pytest.mark.parametrize("name", ["junk.pth", "junk.safetensors"])
def test_a_damaged_file_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"not weights" * 100)
    with pytest.raises(WeightsError) as caught:
        load_network("vgg16", path, "cpu")
    assert "\n" not in str(caught.value)


def test_loading_executes_nothing(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "boom",)  # type: ignore[return-value]

    path = tmp_path / "bomb.pth"
    torch.save({"conv1_1.weight": Bomb()}, path)
    with pytest.raises(WeightsError):
        read_weights(path)
    assert not (tmp_path / "boom").exists()


def test_widths_and_head_are_read_off_the_weights() -> None:
    source = VGG(TINY_WIDTHS, classes=7)
    copy = vgg_from_state(source.state_dict())
    with torch.no_grad():
        assert copy(torch.rand(2, 3, 32, 32), ["logits"])["logits"].shape == (2, 7)


def test_double_precision_where_there_is_none_is_refused() -> None:
    network = replace(load_network("vgg16-lite", None, "cpu"), device=torch.device("mps"))
    with pytest.raises(UsageError, match="--device cpu"):
        network.in_double()


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(UsageError, match="--device auto"):
        load_network("vgg16-lite", device="tpu")


def test_torchvisions_networks_have_layers_by_name(tmp_path: Path) -> None:
    try:
        from torchvision import models
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"TORCHVISION CANNOT BE IMPORTED, its networks were not tested: {error}")
    path = tmp_path / "squeezenet1_1-test.pth"
    reference = models.squeezenet1_1(weights=None).eval()
    torch.save(reference.state_dict(), path)
    network = load_network("squeezenet1_1", path, "cpu")
    image = torch.rand(1, 3, 64, 64)
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    with torch.no_grad():
        expected = reference.features[:6]((image - mean) / std)
        assert torch.allclose(network(image, ["features.5"])["features.5"], expected, atol=1e-4)
    with pytest.raises(UnknownNameError, match="did you mean"):
        network.check_layer("feature.5")
    with pytest.raises(DreamVideoError):
        load_network("squeezenet1_1", tmp_path / "none.pth", "cpu")
    with pytest.raises(UnknownNameError, match="did you mean squeezenet1_1"):
        load_network("squeeznet1_1", path, "cpu")
    with pytest.raises(
        WeightsError, match=r"not of resnet18: it lacks conv1\.weight, .* and has features\.0"
    ):
        load_network("resnet18", path, "cpu")
    state = reference.state_dict()
    torch.save({**state, "features.0.weight": torch.zeros(2, 3, 3, 3)}, path)
    with pytest.raises(WeightsError, match=r"not of squeezenet1_1: features\.0\.weight has another size"):
        load_network("squeezenet1_1", path, "cpu")
    scores = network(image, ["logits"])["logits"]
    with torch.no_grad():
        expected = reference.classifier[:2](reference.features((image - mean) / std)).mean(dim=(2, 3))
    assert torch.allclose(scores, expected, atol=1e-4)


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
def test_a_network_that_asks_for_versions_is_read(tmp_path: Path, ending: str) -> None:
    """MNASNet refuses a state that does not say of which version it is."""
    try:
        state = build_torchvision("mnasnet0_5").classifier.state_dict()
    except DreamVideoError as error:
        pytest.skip(f"TORCHVISION CANNOT BE IMPORTED, MNASNet was not tested: {error}")
    path = tmp_path / f"mnasnet{ending}"
    save_file(state, path) if ending == ".safetensors" else torch.save(state, path)
    network = load_network("mnasnet0_5", path, "cpu")
    assert network(torch.rand(1, 3, 64, 64), ("layers.8",))["layers.8"].dim() == 4


def test_vgg16_is_torchvisions_at_all_31_layers_and_at_its_head(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        from torchvision import models
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"TORCHVISION CANNOT BE IMPORTED, VGG16 was not compared with its own: {error}")
    torch.manual_seed(0)
    reference = models.vgg16(weights=None, init_weights=False).eval()
    state = reference.state_dict()
    path = tmp_path / "vgg16.safetensors"
    save_file({name: tensor for name, tensor in state.items() if name.startswith("features")}, path)
    network = load_network("vgg16", path, "cpu")
    image = torch.rand(1, 3, 64, 64)
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    monkeypatch.setattr("dreamvideo.nets.vgg.read_weights", lambda _: state)  # 494 MB need no file
    with torch.no_grad():
        found, x = network(image, LAYERS), (image - mean) / std
        for name, module in zip(LAYERS, reference.features, strict=True):
            x = module(x.clone())  # its ReLUs work in place
            assert (found[name] - x).norm() <= 1e-5 * x.norm(), name
        scores = VGG16Head(path)(found["pool5"])
        assert (scores - reference((image - mean) / std)).norm() <= 1e-5 * scores.norm()


def test_a_head_that_was_asked_in_full_precision_can_be_asked_in_double(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = {key: torch.rand(8, 8) if key.endswith("weight") else torch.rand(8) for key in VGG16Head.keys}
    state["classifier.0.weight"] = torch.rand(8, 49)
    monkeypatch.setattr("dreamvideo.nets.vgg.read_weights", lambda _: state)
    head, activation = VGG16Head(tmp_path), torch.rand(1, 1, 9, 9)
    full, double = head(activation), deepcopy(head).double()(activation.double())
    assert double.dtype == torch.float64
    torch.testing.assert_close(double.float(), full)


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads in /proc")
def test_loading_starts_no_threads_that_the_dream_would_have_to_share_its_cores_with() -> None:
    code = """
import os, torch
from dreamvideo.nets import load_network
torch.set_num_threads(2)
before = len(os.listdir("/proc/self/task"))
load_network("vgg16-lite", device="cpu")
assert torch.get_num_threads() == 2
print(len(os.listdir("/proc/self/task")) - before)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "0"
