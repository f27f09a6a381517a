"""Take the pictures of the studio that the README shows, with a real Chromium, at two widths.

    python scripts/make_screenshots.py [FOLDER]

The sample clip is dreamed for them, so it takes some minutes. Needs what the tests of the page need.
"""

from __future__ import annotations

import base64
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from studio_room import studio, wait_for
from test_studio_page import Browser, Trap

SIZES = {1600: 1000, 390: 844}  # px: a desk, a phone
SHARE = 0.62  # of their size that the pictures for the README have
QUALITY = 82


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent / "docs")
    trap = Trap()
    with tempfile.TemporaryDirectory() as place:
        shots = {
            width: take(Path(place) / str(width), width, height, trap) for width, height in SIZES.items()
        }
    trap.close()
    for name in shots[1600]:
        save(folder / f"studio-{name}.jpg", side_by_side(shots[1600][name], shots[390][name]))


def take(place: Path, width: int, height: int, trap: Trap) -> dict[str, np.ndarray]:
    """Pictures of the page: empty, previewing, running, done."""
    shots = {}
    with studio(place / "room", "--port", "0") as room:
        page = Browser(width, place, trap)
        page.driver.set_script_timeout(60)
        try:
            page.driver.get(f"{room.address}/?token={room.token}")
            wait_for(lambda: page.run("document.querySelector('.sample video')?.readyState >= 2"))
            shots["empty"] = shot(page, width, height)
            page.press(".sample")
            wait_for(lambda: "as it will look" in page.text("#preview-words"), 300)
            shots["previewing"] = shot(page, width, height)
            page.press("#aims [role=radio]:nth-child(3)")
            wait_for(lambda: "creatures" in page.run("document.getElementById('command').textContent"))
            page.press("#go")
            wait_for(lambda: page.run("document.getElementById('bar').value") > 0.35, 600)
            shots["running"] = shot(page, width, height)
            wait_for(lambda: page.text("#dream-state") == "Done", 600)
            wait_for(lambda: page.run("document.querySelector('video.before')?.readyState >= 2"))
            wait_for(lambda: page.run("document.querySelector('video.after')?.currentTime > 1"))
            page.press("#play")
            page.driver.execute_script("document.querySelector('video.after').currentTime = 1")
            wait_for(
                lambda: page.run("Math.abs(document.querySelector('video.before').currentTime - 1) < .1")
            )
            shots["done"] = shot(page, width, height)
        finally:
            page.driver.quit()
    return shots


def shot(page: Browser, width: int, height: int) -> np.ndarray:
    """The top of the page, as much as a screen shows."""
    page.driver.execute_script("scrollTo(0, 0); document.activeElement.blur()")
    clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
    asked = {"format": "png", "clip": clip, "captureBeyondViewport": True}
    data = page.driver.execute_cdp_cmd("Page.captureScreenshot", asked)["data"]
    return cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)


def side_by_side(desk: np.ndarray, phone: np.ndarray) -> np.ndarray:
    """The desk's picture, and the phone's as high beside it."""
    scale = desk.shape[0] / phone.shape[0]
    phone = cv2.resize(phone, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    gap = np.full((desk.shape[0], 24, 3), 255, np.uint8)
    return np.hstack([desk, gap, phone])


def save(path: Path, picture: np.ndarray) -> None:
    small = cv2.resize(picture, None, fx=SHARE, fy=SHARE, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(path), small, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    print(f"{path} {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
