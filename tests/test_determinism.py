"""The same recipe gives the same frames: with one thread or two, again, and nearly so on a GPU.

That a film that was stopped is the same to the last bit is in tests/test_jobs.py, that workers make the same
one in tests/test_farm.py. `nets/steady.py` says how it comes about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cache, partial
from importlib import resources
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from dreamvideo.ascent import gradient
from dreamvideo.camera.resampling import resample
from dreamvideo.clip import add_residual, dream_residuals
from dreamvideo.cores import may_be_fewer
from dreamvideo.guide import Guide, best_match
from dreamvideo.images import image_from_frame, tensor_from_image, write_still
from dreamvideo.measures import Measure, mean_of, mean_square
from dreamvideo.media.beside import Beside
from dreamvideo.nets import Network, load_network
from dreamvideo.nets.load import LITE_FILE
from dreamvideo.nets.steady import SteadyNetwork
from dreamvideo.nets.torchvision_nets import build_torchvision
from dreamvideo.nets.vgg import CONVOLUTIONS, vgg_from_state
from dreamvideo.nets.weights import read_weights
from dreamvideo.objectives import objective_for
from dreamvideo.settings import (
    CarrySettings,
    DreamSettings,
    FilmSettings,
    Precision,
    VisualizeSettings,
    ZoomRecipe,
    ZoomSettings,
)
from dreamvideo.visualize import begin, draw, frames_of, subjects_for
from dreamvideo.zoom.plan import clock_of, plan_zoom
from dreamvideo.zoom.renders import FallRender, FeedbackRender

THREADS = (1, 2, 8) if may_be_fewer(8) else (1, 2)  # with 8, even on fewer cores, work is shared otherwise
SIZE = (288, 208)  # large enough that torch shares its sums among threads
NETWORKS = ("vgg16-lite", "squeezenet1_0")
DREAM = DreamSettings(octaves=2, steps=2)
VISUALIZE: dict[str, Any] = {"size": 150, "steps": 3}
LEAST_ERROR = 255**2 / 10**4  # mean square, grey levels: 40 dB


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path | None]:
    """Of a network by its name: torchvision's have random ones here."""
    folder = tmp_path_factory.mktemp("weights")

    @cache
    def of(name: str) -> Path | None:
        if name == "vgg16-lite":
            return None
        torch.manual_seed(0)
        save_file(build_torchvision(name).classifier.state_dict(), folder / f"{name}.safetensors")
        return folder / f"{name}.safetensors"

    return of


@pytest.fixture
def with_threads() -> Iterator[Callable[[int], None]]:
    before = torch.get_num_threads(), cv2.getNumThreads()

    def set_both(count: int) -> None:
        torch.set_num_threads(count)
        cv2.setNumThreads(count)

    yield set_both
    torch.set_num_threads(before[0])
    cv2.setNumThreads(before[1])


def source(number: int = 0, size: tuple[int, int] = SIZE) -> np.ndarray:
    """A frame of a film in which a picture drifts."""
    x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    x = x + 3 * number
    waves = [np.sin(x / 9) * np.cos(y / 7), np.sin((x + y) / 13), np.cos(y / 5)]
    return np.rint(128 + 80 * np.stack(waves, -1)).astype(np.uint8)


def dreamed(
    network: Network, folder: Path, carry: CarrySettings, frames: int, **wanted: object
) -> list[np.ndarray]:
    settings = replace(DREAM, **wanted)  # type: ignore[arg-type]
    sources = map(source, range(frames))
    pairs = dream_residuals(sources, objective_for(network, settings), settings, carry, max(SIZE))
    return [add_residual(frame, residual, FilmSettings()) for frame, residual in pairs]


def guided(network: Network, folder: Path) -> list[np.ndarray]:
    write_still(folder / "guide.png", source(40, (200, 150)).transpose(1, 0, 2))
    objective = objective_for(network, DREAM, Guide(Beside(folder / "guide.png")))
    pairs = dream_residuals(map(source, range(2)), objective, DREAM, CarrySettings(), max(SIZE))
    return [add_residual(frame, residual, FilmSettings()) for frame, residual in pairs]


def zoomed(network: Network, folder: Path, zoom: ZoomSettings) -> list[np.ndarray]:
    film = FilmSettings(size=(144, 96), fps=Fraction(4), frames=None if zoom.loop else 4)
    recipe = ZoomRecipe(DREAM, CarrySettings(), film, zoom)
    kind = FeedbackRender if zoom.feedback else FallRender
    render = kind(plan_zoom(recipe, clock_of(recipe), SIZE), objective_for(network, DREAM), source())
    return [frame for segment in render.segments(None) for frame, _ in segment.frames]


def visualized(network: Network, folder: Path, **wanted: object) -> list[np.ndarray]:
    settings = VisualizeSettings(**VISUALIZE, **wanted)  # type: ignore[arg-type]
    subjects = subjects_for(network, settings)
    *_, last = draw(network, subjects, settings, begin(subjects, settings))
    return frames_of(last)


Mode = Callable[[Network, Path], Sequence[np.ndarray]]
MODES: dict[str, Mode] = {
    "each frame": partial(dreamed, carry=CarrySettings(cadence=1), frames=2),
    "cadence 4": partial(dreamed, carry=CarrySettings(cadence=4), frames=5),
    "nothing carried": partial(dreamed, carry=CarrySettings(cadence=2, carry=0.0), frames=2),
    "guided": guided,
    "class": partial(dreamed, carry=CarrySettings(), frames=1, classes=(("sea snake", 1.0), ("462", 0.5))),
    "zoom loop": partial(zoomed, zoom=ZoomSettings(loop=2)),
    "zoom feedback": partial(zoomed, zoom=ZoomSettings(feedback=True)),
    "visualize classes": partial(visualized, classes=("65", "462"), diversity=2),
}


def visualized_channels(network: Network, folder: Path) -> list[np.ndarray]:
    return visualized(network, folder, layer=network.default_layer, channels="0-2")


MODES["visualize channels"] = visualized_channels


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", NETWORKS)
def test_one_thread_or_two(
    name: str,
    mode: str,
    weights: Callable[[str], Path | None],
    with_threads: Callable[[int], None],
    tmp_path: Path,
) -> None:
    network = load_network(name, weights(name), "cpu")
    films = []
    for threads in (1, 2):
        with_threads(threads)
        films.append(MODES[mode](network, tmp_path))
    one, two = films
    assert one
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


LATE = {
    "googlenet": "inception5b",
    "resnet18": "layer4",
    "mobilenet_v2": "features",
    "densenet121": "features",
    "efficientnet_b0": "features",
}


@pytest.mark.parametrize("name", LATE)
def test_torchvisions_networks_do_not_depend_on_threads(
    name: str, weights: Callable[[str], Path | None], with_threads: Callable[[int], None]
) -> None:
    """Down to the deepest layer, at a size that neither strides nor threads divide evenly."""
    network = load_network(name, weights(name), "cpu")
    objective = objective_for(network, DreamSettings(layers=((LATE[name], 1.0),)))
    image = tensor_from_image(image_from_frame(source(size=(225, 138))))
    found = []
    for threads in THREADS:
        with_threads(threads)
        found.append((gradient(objective, image), objective(image)))
    for slope, value in found[1:]:
        assert torch.equal(slope, found[0][0]) and torch.equal(value, found[0][1])
    assert found[0][0].abs().max() > 0


@pytest.mark.parametrize(
    "channels, wide, kernel, stride, padding, dilation",
    [
        (3, 8, 3, 1, 1, 1),
        (3, 8, 7, 2, 3, 1),
        (3, 8, 11, 4, 2, 1),
        (32, 8, 3, 2, 1, 1),
        (32, 8, 3, 2, 0, 1),
        (32, 16, 1, 1, 0, 1),
        (32, 48, 1, 2, 0, 1),
        (24, 40, 1, 1, 0, 1),
        (16, 16, (1, 7), 1, (0, 3), 1),
        (16, 16, 3, 1, 2, 2),
        (16, 16, 3, (2, 1), 1, 1),
        (16, 16, 3, 2, 2, 2),
    ],
)
@pytest.mark.parametrize("size", [(19, 26), (12, 11), (7, 8)])
def test_a_steady_convolution_is_a_convolution(
    channels: int, wide: int, kernel: Any, stride: Any, padding: Any, dilation: int, size: tuple[int, int]
) -> None:
    torch.manual_seed(0)
    conv = torch.nn.Conv2d(channels, wide, kernel, stride, padding, dilation).requires_grad_(False)
    x = torch.randn(2, channels, *size)
    steady = SteadyNetwork(_Only(conv))
    found = []
    for convolve in (conv, lambda x: steady(x, ("it",))["it"]):
        image = x.clone().requires_grad_()
        out = convolve(image)
        (slope,) = torch.autograd.grad(out, image, torch.cos(torch.arange(out.numel()).view_as(out)))
        found.append((out.detach(), slope))
    for plain, made in zip(*found, strict=True):
        torch.testing.assert_close(made, plain, rtol=1e-4, atol=1e-4)


class _Only(torch.nn.Module):
    """A network of one layer."""

    def __init__(self, layer: torch.nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, images: torch.Tensor, layers: Sequence[str]) -> dict[str, torch.Tensor]:
        return dict.fromkeys(layers, self.layer(images))


@pytest.mark.parametrize("measure", [mean_square, mean_of((3,)), partial(best_match, torch.eye(8))])
def test_a_measure_does_not_depend_on_threads(measure: Measure, with_threads: Callable[[int], None]) -> None:
    """Early layers of large frames have so many places that one sum over them would be shared out."""
    activation = torch.rand(1, 8, 301, 299, generator=torch.Generator().manual_seed(0))
    activation = activation.contiguous(memory_format=torch.channels_last)
    found = []
    for threads in (1, 2):
        with_threads(threads)
        found.append(measure(activation))
    assert torch.equal(*found)


@pytest.mark.parametrize("size", [(9, 7), (23, 63), (65, 103), (333, 107)], ids=str)
@pytest.mark.parametrize("step", [0.6, 1.0, 1.9])
def test_a_view_does_not_depend_on_threads(
    size: tuple[int, int], step: float, with_threads: Callable[[int], None]
) -> None:
    """Products of small matrices end elsewhere for each number of them."""
    image = np.random.default_rng(0).random((round(step * size[1]), round(step * size[0]), 3), np.float32)
    matrix = np.array([[step, 0, 0.3], [0, step, -0.2]])
    seen = []
    for threads in THREADS:
        with_threads(threads)
        seen.append(resample(image, matrix, size, blur=0.4))
    assert seen[0].shape == (size[1], size[0], 3)
    assert all(np.array_equal(one, seen[0]) for one in seen)


def in_another_order(network: Network) -> Network:
    """The same network with its channels shuffled, so that it sums in another order."""
    state = read_weights(Path(str(resources.files("dreamvideo.nets") / LITE_FILE)))
    chance = torch.Generator().manual_seed(0)
    before = torch.arange(3)
    shuffled = dict(state)
    for name in CONVOLUTIONS[: CONVOLUTIONS.index(network.default_layer)]:
        kernel = state[f"{name}.weight"]
        order = torch.randperm(len(kernel), generator=chance)
        shuffled[f"{name}.weight"] = kernel[order][:, before]
        shuffled[f"{name}.bias"] = state[f"{name}.bias"][order]
        before = order
    name = f"{network.default_layer}.weight"
    shuffled[name] = state[name][:, before]
    module = vgg_from_state(shuffled).eval().requires_grad_(False).to(memory_format=torch.channels_last)
    return replace(network, module=module)


def test_double_precision_does_not_depend_on_the_order_of_sums() -> None:
    """A GPU has another one. With all the steps of the defaults, by which full precision differs."""
    network = load_network("vgg16-lite", None, "cpu")
    networks = network, in_another_order(network)
    errors: dict[Precision, float] = {}
    for precision in ("full", "double"):
        one, other = (dreamed_as_by_default(version, precision) for version in networks)
        errors[precision] = max(
            np.square(a.astype(float) - b).mean() for a, b in zip(one, other, strict=True)
        )
    assert errors["double"] < LEAST_ERROR / 1000
    assert errors["full"] > LEAST_ERROR / 10


def dreamed_as_by_default(network: Network, precision: Precision) -> list[np.ndarray]:
    settings = DreamSettings(precision=precision)
    sources = (source(number, (120, 80)) for number in range(3))
    pairs = dream_residuals(
        sources, objective_for(network, settings), settings, CarrySettings(cadence=2), 120
    )
    return [add_residual(frame, residual, FilmSettings()) for frame, residual in pairs]


needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


def assert_a_gpu_makes_the_same(mode: str, name: str, weights: Path | None, folder: Path) -> None:
    here, there = (MODES[mode](load_network(name, weights, device), folder) for device in ("cpu", "cuda"))
    errors = [np.square(a.astype(float) - b).mean() for a, b in zip(here, there, strict=True)]
    assert max(errors) < LEAST_ERROR, errors


@needs_gpu
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", NETWORKS)
def test_a_gpu_makes_the_same_in_double_precision(
    name: str,
    mode: str,
    weights: Callable[[str], Path | None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With all the steps of the defaults."""
    monkeypatch.setitem(globals(), "DREAM", DreamSettings(precision="double"))
    monkeypatch.setitem(globals(), "VISUALIZE", {"size": 64, "precision": "double"})
    assert_a_gpu_makes_the_same(mode, name, weights(name), tmp_path)


@needs_gpu
@pytest.mark.parametrize("mode", [mode for mode in MODES if not mode.startswith(("visualize", "zoom"))])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_gpu_makes_nearly_the_same_in_a_few_steps(
    name: str, mode: str, weights: Callable[[str], Path | None], tmp_path: Path
) -> None:
    """In full precision: more than a few, as a zoom takes, come to another dream."""
    assert_a_gpu_makes_the_same(mode, name, weights(name), tmp_path)
