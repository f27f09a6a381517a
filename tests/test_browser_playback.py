"""What is made plays in a browser: size, animation and duration as headless Chromium sees them."""

from __future__ import annotations

import base64
import json
import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from conftest import film

from dreamvideo.media.export import export_clip
from dreamvideo.settings import GifSettings

webdriver = pytest.importorskip("selenium.webdriver", reason="NOT TESTED: that files play needs selenium")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

DRIVER = shutil.which("chromedriver")

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="NOT TESTED: that files play needs chromium and chromedriver"
)

PAGE = """<body><script>
const files = FILES, told = {};
const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
async function animation(type, data) {
  const decoder = new ImageDecoder({type, data: bytes(data)});
  await decoder.tracks.ready;
  await decoder.completed;
  const track = decoder.tracks.selectedTrack, durations = [];
  let image;
  for (let n = 0; n < track.frameCount; n++) {
    image = (await decoder.decode({frameIndex: n})).image;
    durations.push(image.duration);
  }
  return {width: image.displayWidth, height: image.displayHeight, animated: track.animated,
          frames: track.frameCount, repeats: String(track.repetitionCount),
          seconds: durations.reduce((a, b) => a + b, 0) / 1e6};
}
function video(type, data) {
  return new Promise((done, fail) => {
    const element = document.createElement("video");
    element.muted = true;
    element.onerror = () => fail(element.error.message);
    element.oncanplaythrough = () => done({width: element.videoWidth, height: element.videoHeight,
                                           animated: true, seconds: element.duration});
    element.src = `data:${type};base64,${data}`;
  });
}
(async () => {
  for (const [name, [type, data]] of Object.entries(files))
    told[name] = await (type.startsWith("video") ? video : animation)(type, data).catch(e => String(e));
  window.TOLD = JSON.stringify(told);
})();
</script></body>"""

TYPES = {
    "gif": "image/gif",
    "webp": "image/webp",
    "avif": "image/avif",
    "apng": "image/png",
    "mp4": "video/mp4",
    "webm": "video/webm",
}


def ask_chromium(files: dict[str, Path], folder: Path) -> dict[str, Any]:
    """What a page says of the files, by their names."""
    data = {name: [TYPES[name], base64.b64encode(path.read_bytes()).decode()] for name, path in files.items()}
    page = folder / "page.html"
    page.write_text(PAGE.replace("FILES", json.dumps(data)), "utf-8")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--no-first-run"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    try:
        driver.set_script_timeout(60)
        driver.get(page.as_uri())
        told = driver.execute_async_script(
            "const wait = () => window.TOLD ? arguments[0](window.TOLD) : setTimeout(wait, 50); wait()"
        )
    finally:
        driver.quit()
    return json.loads(told)  # type: ignore[no-any-return]


def test_every_kind_plays_and_lasts_as_long_as_the_clip(tmp_path: Path) -> None:
    clip = film(tmp_path / "clip.mp4", size=(96, 54), seconds=1.2, sound=True)
    settings = GifSettings(fps=Fraction(25, 2))
    files = {ending: export_clip(clip, tmp_path / f"out.{ending}", settings)[0] for ending in TYPES}
    told = ask_chromium(files, tmp_path)
    for ending, seen in told.items():
        assert isinstance(seen, dict), f"{ending}: {seen}"
        assert (seen["width"], seen["height"], seen["animated"]) == (96, 54, True), ending
        assert seen["seconds"] == pytest.approx(1.2, abs=0.011 if ending == "gif" else 0.06), ending
        if ending in ("gif", "webp", "avif", "apng"):
            assert (seen["frames"], seen["repeats"]) == (15, "Infinity"), ending
