"""Draw the samples: a clip of clouds with a balloon and a cut to a sunset, and a still of mountains.

Everything is drawn from noise with a fixed seed, so the files belong to the project and can be made again:

    python scripts/make_samples.py [FOLDER]
"""

from __future__ import annotations

import sys
import tempfile
import wave
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from dreamvideo.media.sound import AudioSource
from dreamvideo.media.writer import ClipWriter

SIZE = (640, 360)
FPS = Fraction(24)
SKY_FRAMES, SEA_FRAMES = 54, 30  # 2.25 s of clouds, a cut, 1.25 s of sunset
STILL_SIZE = (960, 640)
SEED = 7
SOUND_RATE = 44_100
CHORD = (220.0, 277.18, 329.63, 440.0)  # A major, Hz


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent / "samples")
    folder.mkdir(exist_ok=True)
    make_clip(folder / "clouds.mp4")
    picture = draw_mountains(STILL_SIZE, np.random.default_rng(SEED))
    quality = [cv2.IMWRITE_JPEG_QUALITY, 90]
    cv2.imwrite(str(folder / "mountains.jpg"), to_frame(picture)[..., ::-1], quality)
    for path in sorted(folder.glob("*.*")):
        print(f"{path} {path.stat().st_size / 1000:.0f} kB")


def make_clip(path: Path) -> None:
    """The clip, with sound."""
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder) / "chord.wav"
        write_chord(sound, float((SKY_FRAMES + SEA_FRAMES) / FPS))
        with ClipWriter(path, SIZE, FPS, crf=20, audio=AudioSource(sound)) as writer:
            for image in (*draw_sky(SIZE), *draw_sunset(SIZE)):
                writer.write(to_frame(image))


# ------------------------------------------------------------------ noise


def value_noise(shape: tuple[int, int], cell: float, rng: np.random.Generator) -> np.ndarray:
    """Smooth noise in [0, 1], (height, width) float32, with features of about `cell` pixels."""
    height, width = shape
    grid = rng.random((int(height / cell) + 4, int(width / cell) + 4)).astype(np.float32)
    x, y = np.meshgrid(
        np.arange(width, dtype=np.float32) / cell + 1, np.arange(height, dtype=np.float32) / cell + 1
    )
    return cv2.remap(grid, x, y, cv2.INTER_CUBIC)


def fractal_noise(
    shape: tuple[int, int], cell: float, octaves: int, rng: np.random.Generator, gain: float = 0.5
) -> np.ndarray:
    """Noise of several scales, each half as large and `gain` times as strong as the one before; in [0, 1]."""
    total = sum(gain**n * value_noise(shape, cell / 2**n, rng) for n in range(octaves))
    return (total - total.min()) / np.ptp(total)


def warped(field: np.ndarray, by: np.ndarray, strength: float) -> np.ndarray:
    """`field` with each pixel taken from up to `strength` pixels beside and below it."""
    height, width = field.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    shift = (by - 0.5) * 2 * strength
    return cv2.remap(field, x + shift, y + shift[::-1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


def slope(field: np.ndarray, distance: int) -> np.ndarray:
    """How much `field` rises towards the upper left, over `distance` pixels."""
    padded = cv2.copyMakeBorder(field, 0, distance, 0, distance, cv2.BORDER_REFLECT)
    return field - padded[distance:, distance:]


def smoothstep(low: float, high: float, value: np.ndarray) -> np.ndarray:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


# ------------------------------------------------------------------ colour


def rgb(text: str) -> np.ndarray:
    """``"87ceeb"`` as float32 RGB in [0, 1]."""
    return np.frombuffer(bytes.fromhex(text), np.uint8).astype(np.float32) / 255


def gradient(stops: list[tuple[float, str]], position: np.ndarray) -> np.ndarray:
    """Colours (..., 3) along `position` in [0, 1], between (position, colour) `stops`."""
    places = [place for place, _ in stops]
    colours = np.stack([rgb(colour) for _, colour in stops])
    return np.stack([np.interp(position, places, colours[:, c]) for c in range(3)], -1).astype(np.float32)


def mix(below: np.ndarray, above: np.ndarray, opacity: np.ndarray) -> np.ndarray:
    """`above` over `below`; `opacity` is (height, width) in [0, 1]."""
    return below + (above - below) * opacity[..., None]


def to_frame(image: np.ndarray) -> np.ndarray:
    """[0, 1] -> uint8, with a little noise against bands in the sky."""
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, image.shape)
    return np.clip(np.rint(image * 255 + noise), 0, 255).astype(np.uint8)


# ------------------------------------------------------------------ first scene: clouds and a balloon


def draw_sky(size: tuple[int, int]) -> Iterator[np.ndarray]:
    """Three layers of cloud, the near ones faster, and a balloon that rises across."""
    rng = np.random.default_rng(SEED)
    width, height = size
    rows = np.broadcast_to(np.linspace(0, 1, height, dtype=np.float32)[:, None], (height, width))
    sky = gradient([(0, "1f5fa8"), (0.55, "6fb1e0"), (1, "d9ecf5")], rows)
    layers = [
        CloudLayer(size, cell=90, speed=0.5, cover=0.60, rng=rng),
        CloudLayer(size, cell=150, speed=1.2, cover=0.56, rng=rng),
        CloudLayer(size, cell=230, speed=2.3, cover=0.72, rng=rng),
    ]
    for number in range(SKY_FRAMES):
        far, middle, near = (layer.at(number) for layer in layers)
        image = mix(mix(sky, *far), *middle)
        image = draw_balloon(image, (95 + 6.5 * number, 215 - 1.4 * number), 48 + 0.12 * number)
        yield mix(image, *near)


def draw_clouds(
    shape: tuple[int, int], cell: float, cover: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """(colour, opacity) of clouds lit from the upper left, where noise is above `cover`."""
    density = warped(fractal_noise(shape, cell, 6, rng, 0.52), fractal_noise(shape, cell, 3, rng), cell * 0.3)
    opacity = smoothstep(cover - 0.10, cover + 0.16, density) * 0.97
    light = cv2.GaussianBlur(density, (0, 0), 5)
    shade = np.clip(0.62 - 5.5 * slope(light, 5) - 0.55 * (density - cover), 0, 1)
    return gradient([(0, "7f93ad"), (0.45, "c4d0de"), (0.75, "f4f6f8"), (1, "ffffff")], shade), opacity


class CloudLayer:
    """A band of cloud wider than the picture."""

    def __init__(
        self, size: tuple[int, int], cell: float, speed: float, cover: float, rng: np.random.Generator
    ) -> None:
        width, height = size
        self._size, self._speed = size, speed
        shape = (height, int(width + speed * SKY_FRAMES) + 2)
        self._colour, self._opacity = draw_clouds(shape, cell, cover, rng)

    def at(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """(colour, opacity) of frame `number`, moved by parts of a pixel."""
        move = np.float32([[1, 0, -self._speed * number], [0, 1, 0]])
        flags = cv2.INTER_LINEAR
        return (
            cv2.warpAffine(self._colour, move, self._size, flags=flags),
            cv2.warpAffine(self._opacity, move, self._size, flags=flags),
        )


def draw_balloon(image: np.ndarray, centre: tuple[float, float], radius: float) -> np.ndarray:
    """A striped hot-air balloon; drawn four times as large and scaled down, so that its edge is smooth."""
    colour, opacity = balloon_sprite()
    scale = radius / 200
    place = np.float32([[scale, 0, centre[0] - 256 * scale], [0, scale, centre[1] - 256 * scale]])
    height, width = image.shape[:2]
    small = cv2.GaussianBlur(colour, (0, 0), 0.4 / scale), cv2.GaussianBlur(opacity, (0, 0), 0.4 / scale)
    placed = [cv2.warpAffine(part, place, (width, height), flags=cv2.INTER_LINEAR) for part in small]
    return mix(image, placed[0] / np.maximum(placed[1], 1e-3)[..., None], placed[1])


def balloon_sprite() -> tuple[np.ndarray, np.ndarray]:
    """(colour times opacity, opacity), 640 x 512: envelope of radius 200 around (256, 256), ropes, basket."""
    y, x = np.mgrid[0:640, 0:512].astype(np.float32)
    u, v = (x - 256) / 200, (y - 256) / 200
    belly = np.sqrt(np.clip(1 - np.minimum(v, 0) ** 2, 0, 1))
    taper = np.where(v > 0, np.clip(1 - 0.22 * v**2 - 0.34 * v**3, 0.17, 1), belly)
    inside = (np.abs(u) < taper) & (v > -1) & (v < 1.3)
    across = np.arcsin(np.clip(u / np.maximum(taper, 1e-3), -1, 1)) / np.pi + 0.5
    stripes = gradient(
        [
            (0, "b3202c"),
            (0.16, "c8323a"),
            (0.17, "f2b632"),
            (0.33, "f6c445"),
            (0.34, "e8572f"),
            (0.66, "ef6a3a"),
            (0.67, "f6c445"),
            (0.83, "f2b632"),
            (0.84, "a81e2b"),
            (1, "8d1926"),
        ],
        across,
    )
    light = np.clip(1.12 - 0.55 * (across - 0.28) ** 2 - 0.35 * np.clip(v, -0.5, 1.2), 0.4, 1.15)
    colour = np.clip(stripes * light[..., None], 0, 1)
    basket = (np.abs(u) < 0.17) & (v > 1.52) & (v < 1.76)
    ropes = (np.abs(np.abs(u) - 0.15) < 0.014) & (v > 1.29) & (v < 1.54)
    colour[basket] = rgb("6b4423") * np.clip(1 - 0.9 * u[basket, None], 0.6, 1.1)
    colour[ropes] = rgb("4a3a2c")
    opacity = (inside | basket | ropes).astype(np.float32)
    return (colour * opacity[..., None]).astype(np.float32), opacity


# ------------------------------------------------------------------ second scene: sunset over the sea


def draw_sunset(size: tuple[int, int]) -> Iterator[np.ndarray]:
    """The sun goes down behind islands; its light runs over moving water."""
    rng = np.random.default_rng(SEED + 1)
    width, height = size
    horizon = int(height * 0.56)
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    streaks = cv2.resize(
        fractal_noise((height, 320), 60, 5, rng), (width + 80, height), interpolation=cv2.INTER_CUBIC
    )
    islands = [ridge(width + 80, rng, horizon - 26, 30, 120), ridge(width + 80, rng, horizon - 8, 16, 70)]
    waves = [fractal_noise((900, 1400), 26, 4, rng) for _ in range(2)]
    for number in range(SEA_FRAMES):
        sun = (width * 0.62, horizon - 46 + 0.55 * number)
        image = sunset_sky(x, y, horizon, sun, streaks[:, number : number + width])
        for depth, (line, colour) in enumerate(zip(islands, ("54304f", "2c1b36"), strict=True)):
            part = np.interp(np.arange(width) + 0.5 * (depth + 1) * number, np.arange(width + 80), line)
            image = mix(image, np.broadcast_to(rgb(colour), image.shape), smoothstep(-0.8, 0.8, y - part))
        yield mix(image, sea(x, y, horizon, sun, waves, number, image), smoothstep(-0.5, 0.5, y - horizon))


def sunset_sky(
    x: np.ndarray, y: np.ndarray, horizon: int, sun: tuple[float, float], streaks: np.ndarray
) -> np.ndarray:
    sky = gradient(
        [(0, "2b2a5c"), (0.45, "8d4a7b"), (0.75, "e8785a"), (1, "ffc56b")], np.clip(y / horizon, 0, 1)
    )
    distance = np.hypot(x - sun[0], y - sun[1])
    glow = np.exp(-distance / 90)[..., None]
    sky = sky + glow * rgb("ffb35c") * 0.55
    disc = smoothstep(25, 23, distance)
    sky = mix(sky, np.broadcast_to(rgb("fff3c4"), sky.shape), disc)
    cloud = smoothstep(0.5, 0.78, streaks) * smoothstep(1.0, 0.55, y / horizon) * 0.85
    lit = gradient(
        [(0, "4a2a55"), (0.6, "d9647a"), (1, "ffd08a")],
        np.clip(np.exp(-distance / 170) + y / horizon * 0.35, 0, 1),
    )
    return np.clip(mix(sky, lit, cloud), 0, 1)


def ridge(width: int, rng: np.random.Generator, base: float, rise: float, cell: float) -> np.ndarray:
    """Height of a skyline in each column, in pixels from the top."""
    line = fractal_noise((4, width), cell, 5, rng)[0]
    return base + rise * (0.5 - line)


def sea(
    x: np.ndarray,
    y: np.ndarray,
    horizon: int,
    sun: tuple[float, float],
    waves: list[np.ndarray],
    number: int,
    above: np.ndarray,
) -> np.ndarray:
    """Water in perspective: two fields of waves that run across each other mirror the sky above."""
    depth = np.clip((y - horizon) / (y.max() - horizon), 0.004, 1)
    far = 1 / (depth + 0.1)
    across, along = (x - x.max() / 2) * far * 0.22 + 700, far * 75
    fields = [
        cv2.remap(wave, across + run, along + 2.2 * number, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        for wave, run in zip(waves, (1.3 * number, -1.3 * number), strict=True)
    ]
    swell = fields[0] + fields[1] - 1
    mirrored = np.clip(2 * horizon - y + swell * 110 * depth, 0, horizon - 1).astype(np.float32)
    beside = np.clip(x + swell * 30 * depth, 0, x.max()).astype(np.float32)
    mirror = cv2.remap(above.astype(np.float32), beside, mirrored, cv2.INTER_LINEAR)
    water = mirror * 0.62 + rgb("1d2547") * (0.25 + 0.3 * depth[..., None])
    path = np.exp(-(((x - sun[0]) / (22 + 75 * depth)) ** 2)) * smoothstep(-0.05, 0.3, swell)
    return np.clip(water + path[..., None] * rgb("ffcf86") * 0.75, 0, 1)


# ------------------------------------------------------------------ still: mountains


def draw_mountains(size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Ranges behind one another in haze, the near ones wooded, under clouds."""
    width, height = size
    y = np.broadcast_to(np.arange(height, dtype=np.float32)[:, None], (height, width))
    image = gradient([(0, "3d6ea5"), (0.35, "9cc3df"), (0.6, "f3e3cb")], y / height)
    clouds, opacity = draw_clouds((height, width), 230, 0.47, rng)
    image = mix(image, clouds, opacity * smoothstep(0.62, 0.3, y / height))
    ranges = [
        (0.46, 0.44, 300, "7d8fa6"),
        (0.56, 0.34, 240, "5f7286"),
        (0.68, 0.24, 210, "4c6b5c"),
        (0.82, 0.20, 170, "34503a"),
    ]
    for number, (base, rise, cell, colour) in enumerate(ranges):
        line = peaks(width, rng, height * base, height * rise, cell)
        image = mix(image, rock(size, rng, rgb(colour), y - line, number), smoothstep(-0.7, 0.7, y - line))
    return np.clip(image, 0, 1)


def peaks(width: int, rng: np.random.Generator, base: float, rise: float, cell: float) -> np.ndarray:
    """As `ridge`, with pointed summits."""
    line = 0.45 * ridged_noise((4, width), cell, rng)[0] + 0.55 * fractal_noise((4, width), cell, 5, rng)[0]
    return base + rise * (0.5 - line)


def rock(
    size: tuple[int, int], rng: np.random.Generator, colour: np.ndarray, depth: np.ndarray, number: int
) -> np.ndarray:
    """Ground of one range: crests lit from the left, snow on far tops, woods on near slopes, haze below."""
    width, height = size
    crests = ridged_noise((height, width), 150 - 20 * number, rng)
    light = np.clip(slope(crests, 2) * (20 - 3 * number), -0.5, 0.5)
    ground = colour * (1 + light)[..., None]
    if number < 2:
        snow = smoothstep(0.42, 0.56, crests * 0.8 + 0.34 + 0.5 * light - depth / 300)
        white = gradient([(0, "7f93b8"), (0.5, "d5dfec"), (1, "ffffff")], np.clip(0.66 + light, 0, 1))
        ground = mix(ground, white, snow * 0.92)
    else:
        trees = fractal_noise((height, width), 8 + 5 * (number - 2), 3, rng, 0.7)
        ground = ground * (0.5 + 0.95 * trees)[..., None]
        meadow = smoothstep(0.55, 0.7, fractal_noise((height, width), 120, 5, rng)) * (number == 3)
        ground = mix(ground, rgb("7c8f45") * (0.75 + 0.4 * trees + 0.5 * light)[..., None], meadow * 0.8)
    haze = np.clip(depth / 240, 0, 1) * (0.7 - 0.19 * number)
    return mix(ground, np.broadcast_to(rgb("d3dfe8"), ground.shape), haze)


def ridged_noise(shape: tuple[int, int], cell: float, rng: np.random.Generator) -> np.ndarray:
    """Noise with sharp crests, in [0, 1]."""
    total = sum(0.55**n * (1 - np.abs(2 * value_noise(shape, cell / 2**n, rng) - 1)) for n in range(6))
    bent = warped(total, fractal_noise(shape, cell, 3, rng), cell * 0.15)
    return (bent - bent.min()) / np.ptp(bent)


# ------------------------------------------------------------------ sound


def write_chord(path: Path, seconds: float) -> None:
    """A soft chord that swells and fades, as 16-bit mono."""
    time = np.arange(int(SOUND_RATE * seconds)) / SOUND_RATE
    tones = sum(np.sin(2 * np.pi * pitch * time + n) / (n + 1) for n, pitch in enumerate(CHORD))
    swell = np.sin(np.pi * time / seconds) ** 0.7 * (0.85 + 0.15 * np.sin(2 * np.pi * 1.5 * time))
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, SOUND_RATE, 0, "NONE", ""))
        file.writeframes((tones * swell * 5500).astype("<i2").tobytes())


if __name__ == "__main__":
    main()
