"""How long a person waits for the studio: from the command to the page, and from a clip to the first preview.

    python scripts/bench_studio.py [RUNS]

The clip is 10 s of 1920x1080 at 30 frames per second, made for this. Each run starts a studio of its own; the
clip is dropped as soon as the page is there, while the network is still being loaded, and once more when all
is warm.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from studio_room import studio

from dreamvideo.media.ffmpeg import find_ffmpeg

QUICK_SIDE = 320  # px, of the first preview of the page


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    rows: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as place:
        clip = make_clip(Path(place) / "clip.mp4")
        print(f"clip: 10 s, 1920x1080, {clip.stat().st_size / 1e6:.1f} MB")
        for number in range(runs):
            begun = time.perf_counter()
            with studio(Path(place) / str(number), "--port", "0") as room, room.client() as client:
                load_page(client)
                rows.setdefault("command to page", []).append(time.perf_counter() - begun)
                for name in ("drop to preview, at once", "drop to preview, warm"):
                    rows.setdefault(name, []).append(preview(client, clip))
    for name, seconds in rows.items():
        print(f"{name:26} median {statistics.median(seconds):.2f} s, worst {max(seconds):.2f} s of {runs}")


def load_page(client: httpx.Client) -> None:
    """All that the page needs to be seen."""
    for place in ("/", "/page/studio.css", "/page/main.js", "/api/start"):
        client.get(place).raise_for_status()


def preview(client: httpx.Client, clip: Path) -> float:
    """Seconds from a dropped clip to the bytes of the first preview, as the page asks for it."""
    begun = time.perf_counter()
    with clip.open("rb") as file:
        answer = client.post("/api/uploads", params={"name": clip.name}, content=file)
    upload = answer.raise_for_status().json()
    wish = {"recipe": {"dream": {"look": "shapes"}}, "side": QUICK_SIDE}
    asked = client.post(f"/api/uploads/{upload['id']}/preview", json=wish).raise_for_status()
    client.get(asked.json()["picture"]).raise_for_status()
    return time.perf_counter() - begun


def make_clip(path: Path) -> Path:
    picture = "testsrc2=s=1920x1080:r=30:d=10,noise=alls=12:allf=t"
    encode = ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "24", "-pix_fmt", "yuv420p"]
    command = [find_ffmpeg(), "-v", "error", "-f", "lavfi", "-i", picture, *encode, str(path)]
    subprocess.run(command, check=True)
    return path


if __name__ == "__main__":
    main()
