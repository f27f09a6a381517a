"""The studio's page in a real Chromium, as a person uses it; and that nothing of it leaves the machine.

Needs chromium, its driver and selenium (`scripts/install` gets them where it can); skips loudly without.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from conftest import film

pytest.importorskip("starlette", reason="NOT TESTED: the page of the studio needs starlette")
webdriver = pytest.importorskip("selenium.webdriver", reason="NOT TESTED: the page needs selenium")

from selenium.common.exceptions import StaleElementReferenceException  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from studio_room import CHECKOUT, Room, drop, studio, wait_for  # noqa: E402

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")
AXE = Path(os.environ.get("DREAMVIDEO_AXE", CHECKOUT / ".venv/axe/node_modules/axe-core/axe.min.js"))
WIDTHS = (390, 1600)
SLOW = 15  # s of a clip that is dreamed long enough for a page to be loaded and a button pressed meanwhile
CHROMIUMS_OWN = re.compile(r"\w+ (http://)?([\w-]+\.)*(google|googleapis|gstatic)\.com[:/]")

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="NOT TESTED: the page of the studio needs chromium and chromedriver"
)


class Trap:
    """A proxy that everything must pass which is not for this machine; it only notes who was called.

    Chromium itself calls its maker, on a blank page too, whatever it is told: that is left out.
    """

    def __init__(self) -> None:
        self.called: list[str] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._note, daemon=True).start()

    def _note(self) -> None:
        while True:
            try:
                caller, _ = self._listening.accept()
            except OSError:  # closed
                return
            with caller:
                called = caller.recv(300).split(b"\r\n")[0].decode("ascii", "replace")
                if not CHROMIUMS_OWN.match(called):
                    self.called.append(called)

    def close(self) -> None:
        self._listening.close()


class Browser:
    """A page of a width, and what one does with it."""

    def __init__(self, width: int, folder: Path, trap: Trap) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for argument in (
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-default-apps",
            "--disable-sync",
            "--no-first-run",
            f"--proxy-server=http://127.0.0.1:{trap.port}",
            "--proxy-bypass-list=127.0.0.1",
        ):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        download = {"behavior": "allow", "downloadPath": str(folder)}
        self.driver.execute_cdp_cmd("Browser.setDownloadBehavior", download)

    def find(self, selector: str) -> Any:
        return wait_for(lambda: next(iter(self.driver.find_elements(By.CSS_SELECTOR, selector)), None))

    def press(self, selector: str) -> None:
        """Click on what is there, or comes; the page may draw it anew meanwhile."""

        def pressed() -> bool:
            element = self.find(selector)
            try:
                if not element.is_displayed():
                    return False
                self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
                element.click()
            except StaleElementReferenceException:
                return False
            return True

        wait_for(pressed)

    def text(self, selector: str) -> str:
        return str(self.find(selector).text)

    def run(self, script: str) -> Any:
        return self.driver.execute_script(f"return {script}")

    def faults(self) -> list[str]:
        """What a person could not read, reach or see on the page as it is."""
        found = [] if self.run("document.documentElement.scrollWidth <= innerWidth") else ["it is too wide"]
        found += self.run(UNNAMED)
        if AXE.is_file():
            self.driver.execute_script(AXE.read_text("utf-8"))
            report = self.driver.execute_async_script("axe.run().then(arguments[0])")
            found += [
                f"{fault['id']}: {node['target']} {node['failureSummary']}"
                for fault in report["violations"]
                if fault["impact"] in ("serious", "critical")
                for node in fault["nodes"]
            ]
        return found

    def requests(self) -> set[str]:
        """The hosts that the page has asked for anything."""
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        urls = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        return {urlsplit(url).netloc for url in urls if not url.startswith("data:")}

    def complaints(self) -> list[str]:
        """What the console says: broken scripts, things that the policy refused, files that are missing."""
        return [entry["message"] for entry in self.driver.get_log("browser")]


UNNAMED = """[...document.querySelectorAll('button, input, a[href], select')]
    .filter((e) => e.checkVisibility() && !e.textContent.trim())
    .filter((e) => !e.getAttribute('aria-label') && !e.labels?.length)
    .map((e) => 'nameless: ' + e.outerHTML)"""


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with studio(tmp_path_factory.mktemp("studio") / "room", "--port", "0") as running:
        yield running


@pytest.fixture(scope="module")
def slow_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With sound; long enough for a person to come in between."""
    return film(tmp_path_factory.mktemp("clips") / "a walk.mp4", seconds=SLOW, sound=True)


@pytest.fixture
def trap() -> Iterator[Trap]:
    trap = Trap()
    yield trap
    trap.close()


@pytest.fixture
def open_page(trap: Trap, tmp_path: Path) -> Iterator[Callable[[Room, int], Browser]]:
    """open_page(room, width): a browser on the address that the studio printed."""
    opened: list[Browser] = []

    def begin(room: Room, width: int) -> Browser:
        opened.append(Browser(width, tmp_path, trap))
        opened[-1].driver.get(f"{room.address}/?token={room.token}")
        return opened[-1]

    yield begin
    for browser in opened:
        browser.driver.quit()


def upload(page: Browser, path: Path) -> None:
    page.find("#file").send_keys(str(path))
    wait_for(lambda: page.find("#work").is_displayed() or page.find("#upload-error").is_displayed())
    assert not page.text("#upload-error")


@pytest.mark.parametrize("width", WIDTHS)
def test_from_a_file_to_a_film(
    room: Room,
    slow_clip: Path,
    tmp_path: Path,
    trap: Trap,
    open_page: Callable[[Room, int], Browser],
    width: int,
) -> None:
    page = open_page(room, width)
    wait_for(lambda: page.find("#gallery-empty").is_displayed())
    assert "token" not in page.driver.current_url
    assert not page.faults(), "the start"

    upload(page, slow_clip)
    wait_for(lambda: page.run("document.querySelector('#work-picture .after')?.naturalWidth > 0"))
    assert page.text("#work-title") == "a walk.mp4"
    assert f"{SLOW} s, 64 \N{MULTIPLICATION SIGN} 48" in page.text("#work-facts")
    wait_for(lambda: page.run("document.querySelectorAll('#aims .strip:first-child img').length") == 3)
    assert not page.faults(), "choosing"
    stability = next(
        control
        for control in page.driver.find_elements(By.CSS_SELECTOR, ".control")
        if "Stability" in control.text
    ).find_element(By.CSS_SELECTOR, "input")
    stability.send_keys(Keys.HOME)
    expected = "dreamvideo dream 'a walk.mp4' -o 'a walk-dream.mp4' --look shapes --cadence 1"
    wait_for(lambda: page.run("document.getElementById('command').textContent") == expected)

    page.press("#go")
    share = wait_for(lambda: page.run("document.getElementById('bar').value"))
    assert 0 < share < 1
    page.driver.refresh()
    wait_for(lambda: page.find("#dream-progress").is_displayed() and "Dreaming" in page.text("#dream-state"))
    assert page.run("document.getElementById('bar').value") >= share
    assert not page.faults(), "running"

    page.press("#dream-actions button:first-child")
    wait_for(lambda: page.text("#dream-state") == "Stopped")
    assert not page.faults(), "stopped"
    assert "Resume" in page.text("#dream-actions .primary")
    page.press("#dream-actions .primary")
    wait_for(lambda: page.text("#dream-state") == "Done")

    film_ready = "(v => v && v.readyState >= 2 && [v.duration, v.videoWidth, v.videoHeight])"
    seen = wait_for(lambda: page.run(f"{film_ready}(document.querySelector('video.after'))"))
    assert seen == [SLOW, 64, 48]
    wait_for(lambda: page.run("document.querySelector('video.after').currentTime > 0"))
    wait_for(lambda: page.run("document.querySelector('video.before')?.readyState >= 2"))
    assert not page.faults(), "done"
    page.press("#dream-actions .primary")
    kept = tmp_path / "a walk-dream.mp4"
    wait_for(kept.exists)
    (made,) = (room.folder / "dreams").glob("*/dream.mp4")
    assert kept.read_bytes() == made.read_bytes()

    page.press("#dream-actions a.button")
    wait_for(lambda: page.find("#work").is_displayed())
    wait_for(lambda: page.run("document.getElementById('command').textContent") == expected)
    page.press("#to-gallery")
    page.press("#cards a")
    page.press("#dream-actions .danger")
    page.press("dialog [value=yes]")
    wait_for(lambda: page.find("#gallery-empty").is_displayed())
    assert not made.exists() and not any((room.folder / "uploads").iterdir())

    assert page.requests() == {urlsplit(room.address).netloc}
    assert not page.complaints()
    assert not trap.called


def test_a_killed_run_is_told_and_resumed(
    room: Room, tmp_path: Path, open_page: Callable[[Room, int], Browser]
) -> None:
    page = open_page(room, 1600)
    upload(page, film(tmp_path / "long.mp4", seconds=30))  # on a busy machine a shorter one was done too soon
    page.press("#go")
    wait_for(lambda: page.run("document.getElementById('bar').value"))
    (state,) = (room.folder / "dreams").glob("*/dream.json")
    os.killpg(json.loads(state.read_text())["pid"], signal.SIGKILL)
    wait_for(lambda: page.text("#dream-state") == "It did not work")
    assert page.text("#dream-error") == "The run was ended from outside, or ran out of memory."
    assert not page.faults(), "failed"
    page.press("#dream-actions .primary")
    wait_for(lambda: page.text("#dream-state") == "Done")


def test_what_cannot_be_read_is_told(
    room: Room, tmp_path: Path, open_page: Callable[[Room, int], Browser]
) -> None:
    page = open_page(room, 390)
    (tmp_path / "notes.mp4").write_text("no film")
    page.find("#file").send_keys(str(tmp_path / "notes.mp4"))
    wait_for(lambda: page.find("#upload-error").is_displayed())
    assert "notes.mp4" in page.text("#upload-error") and page.find("#drop").is_displayed()
    assert not page.faults(), "refused"


def test_a_file_that_is_chosen_before_the_page_is_ready_is_taken(
    room: Room, short_clip: Path, open_page: Callable[[Room, int], Browser]
) -> None:
    page = open_page(room, 1600)
    slow = {"offline": False, "latency": 1500, "downloadThroughput": -1, "uploadThroughput": -1}
    page.driver.execute_cdp_cmd("Network.enable", {})
    page.driver.execute_cdp_cmd("Network.emulateNetworkConditions", slow)
    page.driver.refresh()
    assert not page.run("document.getElementById('samples').childElementCount"), "it is ready already"
    upload(page, short_clip)


def test_neurons_and_classes_are_chosen_by_keyboard(
    room: Room, short_clip: Path, open_page: Callable[[Room, int], Browser]
) -> None:
    page = open_page(room, 1600)
    upload(page, short_clip)
    command = "document.getElementById('command').textContent"
    page.find("#tab-dream").send_keys(Keys.ARROW_RIGHT)
    wait_for(lambda: page.run(command).endswith("--layer conv5_3:0"))
    page.find("#aims [role=radio][tabindex='0']").send_keys(Keys.ARROW_RIGHT)
    wait_for(lambda: page.run(command).endswith("--layer conv5_3:1"))
    page.find("#tab-neurons").send_keys(Keys.ARROW_RIGHT)
    page.find("#class-name").send_keys("sea sna", Keys.ENTER)
    wait_for(lambda: page.run(command).endswith("--class 'sea snake'"))
    wait_for(lambda: page.run("document.querySelector('#work-picture .after')?.naturalWidth > 0"))
    assert not page.faults(), "classes"


def test_a_studio_that_is_gone_is_told(
    tmp_path: Path, short_clip: Path, open_page: Callable[[Room, int], Browser]
) -> None:
    with studio(tmp_path / "room", "--port", "0") as room:
        with room.client() as client:
            drop(client, short_clip)
        page = open_page(room, 390)
        wait_for(lambda: page.find("#begin").is_displayed())
        assert not page.find("#offline").is_displayed()
        room.process.kill()
        wait_for(lambda: page.find("#offline").is_displayed())
        assert not page.faults(), "gone"


def test_a_picture_has_a_loop_and_a_clip_has_none(
    room: Room, short_clip: Path, open_page: Callable[[Room, int], Browser]
) -> None:
    page = open_page(room, 390)
    upload(page, short_clip)
    assert [tab.text for tab in page.driver.find_elements(By.CSS_SELECTOR, "#tabs button")][-1] == "Zoom"
    page.driver.get(f"{room.address}/#/")
    page.press(".sample:last-child")
    page.press("#tab-loop")
    command = "document.getElementById('command').textContent"
    wait_for(lambda: page.run(command).endswith("--look shapes --loop 6"))
    assert page.run("document.querySelectorAll('.chips button')[0].textContent") == "MP4"
    assert not page.faults(), "loop"
    page.press("#go")
    wait_for(lambda: page.text("#dream-state") == "Dreaming stills")
    assert page.run("document.getElementById('done-what').textContent") == "Stills"
    assert not page.faults(), "falling"
    page.press("#dream-actions button:first-child")
    wait_for(lambda: page.text("#dream-state") == "Stopped")
