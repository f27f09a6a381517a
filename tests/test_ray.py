"""Workers on a real Ray cluster of two nodes, on this machine: one film, whatever happens to whom."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from farm_room import FRAMES, OPTIONS, QUICK, film_of_cuts, frames_of, when

from dreamvideo.cli.main import main
from dreamvideo.errors import WorkerError
from dreamvideo.farm.cluster import joined
from dreamvideo.farm.drive import dream_with_workers, read_farm
from dreamvideo.farm.falls import fall_with_workers
from dreamvideo.farm.ray_pool import Actor, RayPool
from dreamvideo.farm.shots import Piece, missing
from dreamvideo.jobs.dream import dream_file
from dreamvideo.jobs.folder import job_folder
from dreamvideo.jobs.parts import PartStore
from dreamvideo.jobs.run import PART_SECONDS_VARIABLE
from dreamvideo.jobs.zoom import zoom_file
from dreamvideo.media.stills import open_clip
from dreamvideo.nets import Network, load_network
from dreamvideo.settings import DreamSettings, FilmSettings, ZoomRecipe, ZoomSettings

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster

pytestmark = pytest.mark.skipif(
    find_spec("ray") is None, reason="RAY IS NOT INSTALLED, so --ray is not tested: pip install '.[ray]'"
)

SOON = {"health_check_period_ms": 500, "health_check_failure_threshold": 10}  # a dead node is noticed


@pytest.fixture(scope="module")
def network() -> Network:
    return load_network("vgg16-lite", device="cpu")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film_of_cuts(tmp_path_factory.mktemp("clips") / "cuts.mp4")


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, clip: Path, network: Network) -> list[bytes]:
    """The frames that one process makes."""
    path = tmp_path_factory.mktemp("alone") / "out.mkv"
    dream_file(clip, path, network, QUICK)
    return frames_of(path)


@pytest.fixture(scope="module", autouse=True)
def a_token() -> Iterator[None]:
    """Ray looks for it when it is imported."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (
            ("AUTH_MODE", "token"),
            ("AUTH_TOKEN", "secret" * 8),
            ("USAGE_STATS_ENABLED", "0"),
        ):
            patch.setenv(f"RAY_{name}", value)
        yield


@pytest.fixture(scope="module")
def cluster(a_token: None) -> Iterator[Cluster]:
    """A head that does no work, and two nodes with a processor each; nobody comes in without the token."""
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 0, "include_dashboard": False, "_system_config": SOON}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    for _ in range(2):
        cluster.add_node(num_cpus=1)
    yield cluster
    cluster.shutdown()


@pytest.fixture(autouse=True)
def a_part_for_every_span(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PART_SECONDS_VARIABLE, "0")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


class Unlucky(RayPool):
    """Begins when so many workers are ready; something happens to the one that first is given shot 1."""

    def __init__(self, *arguments: Any, workers: int, happens: Callable[[Actor], object]) -> None:
        super().__init__(*arguments)
        self._workers, self._happens = workers, [happens]
        self.nodes: set[str] = set()

    @property
    def free(self) -> int:
        return super().free if self.nodes or super().free == self._workers else 0

    def give(self, piece: Piece) -> None:
        super().give(piece)
        actor = next(one for one in self._actors if one.piece == piece)
        self.nodes.add(actor.node.id)
        if piece.shot == 1 and self._happens:
            self._happens.pop()(actor)


def test_two_nodes_make_the_same_film(
    tmp_path: Path, clip: Path, network: Network, alone: list[bytes], cluster: Cluster
) -> None:
    """They share the folder. When it is stopped, one process goes on."""
    target, done = tmp_path / "out.mkv", []
    pool = Unlucky(cluster.address, None, "auto", True, workers=2, happens=lambda actor: None)
    stop = when(10, lambda: os.kill(os.getpid(), signal.SIGTERM))

    def progress(*told: Any) -> None:
        done.append(told[:2])
        stop(*told)

    with pytest.raises(KeyboardInterrupt):
        dream_with_workers(clip, target, network, QUICK, pool_for=pool.begin, progress=progress)
    assert done[0] == (0, FRAMES) and done == sorted(done) and len(pool.nodes) == 2
    assert left_of(target, clip) <= FRAMES - 10, "what was told was kept"
    dream_file(clip, target, network, QUICK)
    assert frames_of(target) == alone and os.listdir(tmp_path) == ["out.mkv"]


def left_of(target: Path, clip: Path) -> int:
    """Frames that a job still lacks, wherever in the film they lie."""
    folder = job_folder(target)
    with open_clip(clip) as reader:
        return sum(map(len, missing(PartStore(folder, reader.size), read_farm(folder)[1])))


def test_a_killed_worker_is_replaced_where_nothing_is_shared(
    tmp_path: Path,
    clip: Path,
    network: Network,
    alone: list[bytes],
    cluster: Cluster,
    caplog: pytest.LogCaptureFixture,
) -> None:
    target = tmp_path / "out.mkv"
    pool = Unlucky(
        cluster.address,
        None,
        "cpu",
        False,
        workers=2,
        happens=lambda actor: os.kill(actor.pid, signal.SIGKILL),
    )
    dream_with_workers(clip, target, network, QUICK, pool_for=pool.begin)
    assert frames_of(target) == alone and os.listdir(tmp_path) == ["out.mkv"]
    assert "worker was lost over shot 1 (frames 10 to 27): its process or its machine is gone" in caplog.text
    assert len(pool.nodes) == 2


def test_a_node_is_lost_and_another_one_comes(
    tmp_path: Path,
    clip: Path,
    network: Network,
    alone: list[bytes],
    cluster: Cluster,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Of two nodes one leaves before; the other one, which has it all to do, is lost in the middle."""
    first, last = cluster.worker_nodes
    cluster.remove_node(first)

    def exchange(actor: Actor) -> None:
        assert actor.node.id == last.node_id
        cluster.remove_node(last, allow_graceful=False)
        cluster.add_node(num_cpus=1)

    pool = Unlucky(cluster.address, None, "cpu", True, workers=1, happens=exchange)
    dream_with_workers(clip, tmp_path / "out.mkv", network, QUICK, pool_for=pool.begin)
    assert frames_of(tmp_path / "out.mkv") == alone and os.listdir(tmp_path) == ["out.mkv"]
    assert "its process or its machine is gone" in caplog.text
    assert {last.node_id, *(node.node_id for node in cluster.worker_nodes)} == pool.nodes


def start(folder: Path, clip: Path, address: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "dreamvideo", "dream", str(clip), "-o", "out.mkv", "-q", *OPTIONS]
    return subprocess.Popen([*command, "--ray", address], cwd=folder, stderr=subprocess.PIPE)


def test_a_driver_that_is_killed_is_followed_by_one_that_goes_on(
    tmp_path: Path, clip: Path, alone: list[bytes], cluster: Cluster
) -> None:
    driver = start(tmp_path, clip, cluster.address)
    parts = tmp_path / "out.mkv.dreamjob" / "parts"
    while driver.poll() is None and len(list(parts.glob("0*.mkv"))) < 2:
        time.sleep(0.01)
    driver.kill()
    driver.communicate()
    assert driver.returncode == -signal.SIGKILL and not (tmp_path / "out.mkv").exists()
    again = start(tmp_path, clip, cluster.address)
    assert again.communicate()[1] == b"" and again.returncode == 0
    assert frames_of(tmp_path / "out.mkv") == alone and os.listdir(tmp_path) == ["out.mkv"]


def test_a_fall_whose_stills_travel(tmp_path: Path, network: Network, cluster: Cluster) -> None:
    film = FilmSettings(size=(64, 48), detail=64, crf=0)
    recipe = ZoomRecipe(DreamSettings(octaves=2, steps=2, layers=(("conv2_2", 1.0),)), film=film)
    recipe = ZoomRecipe(recipe.dream, film=film, zoom=ZoomSettings(loop=3, zoom=2))
    zoom_file(None, tmp_path / "alone.mkv", network, recipe)
    pool = RayPool(cluster.address, None, "cpu", False)
    report = fall_with_workers(None, tmp_path / "out.mkv", network, recipe, pool_for=pool.begin)
    assert report.frames > 60 and frames_of(tmp_path / "out.mkv") == frames_of(tmp_path / "alone.mkv")
    assert sorted(os.listdir(tmp_path)) == ["alone.mkv", "out.mkv"]


def test_a_node_that_does_not_see_a_file_is_named(
    tmp_path: Path, clip: Path, network: Network, cluster: Cluster
) -> None:
    gone = tmp_path / "gone.safetensors"
    pool = RayPool(cluster.address, None, "cpu", True)
    with pytest.raises(
        WorkerError, match=r"cannot work: there is no .*gone.safetensors: share its folder"
    ) as caught:
        dream_with_workers(clip, tmp_path / "out.mkv", network, QUICK, pool_for=pool.begin, weights=gone)
    pool.close()
    assert caught.value.exit_code == 2 and not os.listdir(tmp_path)


@pytest.mark.parametrize(
    "options, said",
    [
        (("--ray", "127.0.0.1:1"), "--ray 127.0.0.1:1: "),
        (("--ray", "ray://head:10001"), "write HOST:PORT, auto or local"),
        (("--no-shared",), "is for --ray"),
        (("--ray", "local", "--devices", "cpu"), "the cluster knows its devices"),
    ],
)
def test_wrong_clusters(
    tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], said: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["dream", str(clip), "-o", str(tmp_path / "out.mkv"), *options])
    assert ended.value.code == 2 and said in capsys.readouterr().err and not os.listdir(tmp_path)


def test_local_is_a_cluster_of_its_own(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever runs on this machine, or is named in the environment."""
    import ray

    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    before = signal.getsignal(signal.SIGTERM)
    with joined("local"):
        assert ray.get_runtime_context().gcs_address != cluster.address and len(ray.nodes()) == 1
        assert signal.getsignal(signal.SIGTERM) == before
    with joined("auto"):
        assert ray.get_runtime_context().gcs_address == cluster.address


def test_without_ray(
    tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SystemExit) as ended:
        main(["dream", str(clip), "-o", str(tmp_path / "out.mkv"), "--ray", "local"])
    assert ended.value.code == 2 and "pip install 'dreamvideo[ray]'" in capsys.readouterr().err
