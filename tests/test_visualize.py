"""What channels, neurons and classes like to see: drawn in a batch, resumed, filmed, on a sheet."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dreamvideo.cli.main import main
from dreamvideo.errors import DreamVideoError, JobError
from dreamvideo.images import image_from_frame, read_still, sheet, tensor_from_image
from dreamvideo.jobs import visualize as job
from dreamvideo.jobs.visualize import visualize_file
from dreamvideo.media.comments import read_comment
from dreamvideo.media.stills import open_clip
from dreamvideo.nets import LOGITS, Network, load_network
from dreamvideo.settings import VisualizeSettings
from dreamvideo.visualize import begin, draw, frames_of, moved, pictures_of, subjects_for

TINY = VisualizeSettings("conv3_1", "0-1", size=32, steps=3)


@pytest.fixture(scope="module")
def network() -> Network:
    return load_network("vgg16-lite", device="cpu")


def drawn(network: Network, settings: VisualizeSettings) -> list[np.ndarray]:
    subjects = subjects_for(network, settings)
    *_, last = draw(network, subjects, settings, begin(subjects, settings))
    return frames_of(last)


def excitements(network: Network, layer: str, frames: Sequence[np.ndarray]) -> torch.Tensor:
    """(pictures, channels)."""
    images = torch.cat([tensor_from_image(image_from_frame(frame)) for frame in frames])
    with torch.inference_mode():
        activation = network(images, (layer,))[layer]
    return activation.flatten(2).mean(dim=2) if activation.dim() > 2 else activation


def test_each_picture_excites_its_own_channel_most(network: Network) -> None:
    channels = [0, 50, 100, 150, 200, 250, 300, 350]
    text = ",".join(map(str, channels))
    frames = drawn(network, VisualizeSettings("conv5_3", text, size=64, steps=32))
    own = excitements(network, "conv5_3", frames)[:, channels]
    assert own.argmax(dim=0).tolist() == list(range(8))


def test_the_network_knows_its_own_pictures_of_classes(network: Network) -> None:
    settings = VisualizeSettings(classes=("sea snake", "462", "volcano", "daisy"), size=96, steps=40)
    best = excitements(network, LOGITS, drawn(network, settings)).argmax(dim=1).tolist()
    assert sum(own == found for own, found in zip(best, (65, 462, 980, 985), strict=True)) >= 3


def test_a_neuron_is_drawn_where_it_is(network: Network) -> None:
    (picture,) = drawn(network, VisualizeSettings("conv3_1:5@0.9,0.1", size=64, steps=24))
    busy = np.abs(np.diff(picture.astype(int), axis=0))
    assert busy[:20, 44:].mean() > 3 * busy[40:, :24].mean()


def test_a_batch_draws_what_single_runs_draw(network: Network) -> None:
    settings = VisualizeSettings("conv4_1", "3,7,9", size=48, steps=6)
    together = drawn(network, settings)
    for frame, channel in zip(together, ("3", "7", "9"), strict=True):
        (alone,) = drawn(network, replace(settings, channels=channel))
        assert np.abs(alone.astype(int) - frame).mean() < 1


def test_variants_of_a_channel_differ(network: Network) -> None:
    settings = VisualizeSettings("conv5_3", "4", size=64, steps=24, diversity=2)
    first, second = drawn(network, settings)
    assert np.abs(first.astype(int) - second).mean() > 10
    (alone,) = drawn(network, replace(settings, diversity=1))
    assert np.abs(alone.astype(int) - first).mean() > 1, "the variants push each other away"


def test_a_drawing_goes_on_to_the_bit(network: Network) -> None:
    subjects = subjects_for(network, TINY)
    steps = list(draw(network, subjects, TINY, begin(subjects, TINY)))
    (again,) = draw(network, subjects, TINY, steps[1])
    assert again.step == 3 and np.array_equal(again.spectrum, steps[2].spectrum)


def test_a_shut_channel_is_woken(network: Network) -> None:
    """A ReLU passes no gradient where it is shut; from nearly grey, many channels are."""
    settings = VisualizeSettings("relu5_3", "all", size=48, steps=1)
    subjects = subjects_for(network, settings)
    with torch.no_grad():
        start = network(pictures_of(torch.from_numpy(begin(subjects[:1], settings).spectrum)), ("relu5_3",))
    shut = [channel for channel in range(384) if start["relu5_3"][0, channel].max() == 0][:4]
    assert shut, "some channel sees nothing in the noise"
    settings = VisualizeSettings("relu5_3", ",".join(map(str, shut)), size=48, steps=24)
    own = excitements(network, "relu5_3", drawn(network, settings))[:, shut]
    assert (own.diagonal() > 0).all()


def test_pictures_start_nearly_grey_and_move_a_little() -> None:
    grey = pictures_of(torch.zeros(1, 3, 64, 33, 2))
    assert grey.shape == (1, 3, 64, 64) and torch.allclose(grey, torch.tensor(0.5))
    ramp = torch.linspace(0, 1, 64).expand(1, 3, 64, 64)
    assert torch.equal(moved(ramp, "0/1"), moved(ramp, "0/1"))
    assert 0.001 < float((moved(ramp, "0/1") - moved(ramp, "0/2")).abs().mean()) < 0.2


@pytest.mark.parametrize(
    "settings, labels",
    [
        (VisualizeSettings("conv1_1"), [str(n) for n in range(9)]),
        (VisualizeSettings("conv1_1", "all"), [str(n) for n in range(16)]),
        (VisualizeSettings("conv5_3:7,3"), ["7", "3"]),
        (VisualizeSettings(classes=("65", "goldfish")), ["sea snake", "goldfish"]),
        (VisualizeSettings("conv1_1", "2", diversity=3), ["2", "2", "2"]),
    ],
)
def test_what_is_drawn(network: Network, settings: VisualizeSettings, labels: list[str]) -> None:
    assert [subject.label for subject in subjects_for(network, settings)] == labels


def test_random_channels_follow_the_seed(network: Network) -> None:
    def chosen(seed: int) -> list[int]:
        settings = VisualizeSettings("conv5_3", "random:16", seed=seed)
        return [subject.channel for subject in subjects_for(network, settings)]

    assert chosen(0) == chosen(0) != chosen(1)
    assert len(set(chosen(0))) == 16 and max(chosen(0)) < 384


@pytest.mark.parametrize(
    "arguments, words",
    [
        (("conv5_4",), "did you mean conv5_"),
        (("conv1_1", "16"), "no channel 16: it has 16, from 0 to 15"),
        (("conv1_1", ""), "channels must be numbers"),
        (("conv1_1", "random:0"), "random:16 and all are also known"),
        (("conv1_1:3", "4"), "give the channels once"),
        ((None,), "a layer or classes"),
        (("conv1_1", None, ("65",)), "a layer or classes"),
        ((None, None, ("sea snak",)), "did you mean sea snake"),
    ],
)
def test_what_cannot_be_drawn(network: Network, arguments: tuple[object, ...], words: str) -> None:
    with pytest.raises(DreamVideoError, match=words):
        subjects_for(network, VisualizeSettings(*arguments))  # type: ignore[arg-type]


def test_a_grid_of_pictures_and_their_labels() -> None:
    pictures = [np.full((20, 30, 3), n, np.uint8) for n in (50, 100, 150)]
    plain = sheet(pictures)
    assert plain.shape == (2 * 24 + 4, 2 * 34 + 4, 3)
    assert (plain[4:24, 4:34] == 50).all() and (plain[28:48, 4:34] == 150).all()
    labelled = sheet(pictures, ["0", "1", "a long name of a class"])
    assert labelled.shape[0] == 2 * 40 + 4 and labelled[24:40, 4:34].max() > 100


def test_a_sheet_that_was_stopped_goes_on(
    tmp_path: Path, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "BATCH", 2)
    settings, drawings = replace(TINY, channels="0-5"), []

    def counted(*arguments: object, **options: object) -> object:
        drawings.append(arguments)
        if len(drawings) == 3:
            raise KeyboardInterrupt
        return draw(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(job, "draw", counted)
    with pytest.raises(KeyboardInterrupt):
        visualize_file(tmp_path / "out.png", network, settings)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.png.dreamjob"]
    with pytest.raises(JobError, match="steps: 3 -> 4"):
        visualize_file(tmp_path / "out.png", network, replace(settings, steps=4))
    visualize_file(tmp_path / "out.png", network, settings)
    assert len(drawings) == 4, "two batches were there"
    visualize_file(tmp_path / "whole.png", network, settings)
    assert np.array_equal(read_still(tmp_path / "out.png"), read_still(tmp_path / "whole.png"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.png", "whole.png"]


def test_a_film_grows_out_of_noise(tmp_path: Path, network: Network) -> None:
    report = visualize_file(tmp_path / "growth.gif", network, replace(TINY, steps=5))
    with open_clip(tmp_path / "growth.gif") as reader:
        frames = [timed.frame for timed in reader]
    assert report.frames == 30 and report.size == (76, 40)
    assert frames[0][4:36, 4:36].std() < frames[-1][4:36, 4:36].std()


def test_the_command(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "dreamvideo", "visualize", "--model", "vgg16-lite", "--device", "cpu"]
    small = ["--size", "32", "--steps", "2", "-q"]
    subprocess.run([*command, "conv1_1", "--all", *small, "-o", tmp_path / "all.png"], check=True)
    subprocess.run([*command, "--class", "sea snake", *small, "-o", tmp_path / "one.png"], check=True)
    assert read_still(tmp_path / "all.png").shape == (4 * 36 + 4, 4 * 36 + 4, 3)
    assert read_still(tmp_path / "one.png").shape == (32, 32, 3)


@pytest.mark.parametrize("name", ["sheet.png", "sheet.jpg", "growth.gif"])
def test_a_drawing_is_made_again_from_its_recipe(tmp_path: Path, name: str) -> None:
    def call(*arguments: str) -> int:
        with pytest.raises(SystemExit) as stopped:
            main(["visualize", "--device", "cpu", "-q", *arguments])
        return int(stopped.value.code or 0)

    first, again, other = (str(tmp_path / f"{word}-{name}") for word in ("first", "again", "other"))
    settings = ("--channels", "2,5", "--size", "32", "--steps", "2", "--seed", "3", "--fps", "5")
    assert call("conv2_1", "--model", "vgg16-lite", *settings, "-o", first) == 0
    assert call("--recipe", first, "-o", again) == 0
    assert Path(again).read_bytes() == Path(first).read_bytes()
    assert call("--recipe", first, "--class", "volcano", "--no-recipe", "-o", other) == 0
    assert read_comment(Path(other)) is None and (read_comment(Path(first)) or "").startswith("dreamvideo")
    assert Path(other).read_bytes() != Path(first).read_bytes(), "a class instead of the channels"
