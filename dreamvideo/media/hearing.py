"""What a film's sound does, frame by frame: how loud it is, how much bass there is, where its beats are."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from dreamvideo.errors import InputError
from dreamvideo.media.ffmpeg import Ffmpeg
from dreamvideo.media.sound import AudioSource, part_args

RATE = 22050  # samples per second that are listened to
CHUNK = 1 << 20  # bytes that are taken from ffmpeg at once
HOP = 128  # samples, 6 ms: how finely beats are found
SHORT, LONG = 512, 2048  # samples of a window: 23 ms for beats, 93 ms for bass
BLOCK = 4096  # windows that are looked at at once
BASS = (30.0, 150.0)  # Hz
COMPRESSION = 1000.0  # of magnitudes before their rises are added up: soft beats count too
AROUND_SECONDS = 0.5  # on either side, what is usual there is no beat
CLEAR = 0.15  # of the clearest beat: what rises less is none
APART_SECONDS = 0.1  # the least time between two beats
EXACT_SECONDS = 0.01  # how far before a frame a beat may seem to be and still fall in it
DECAY_SECONDS = 0.15  # in which a beat dies away to a third
QUIET = 0.02  # of full scale: a track without bass is not amplified until it has some


def read_sound(source: AudioSource) -> np.ndarray:
    """A sound as it goes with a picture: float32 (n,), one channel, `RATE` samples per second.

    Raises:
        InputError: there is no sound that can be decoded.
    """
    args = ["-loglevel", "error", *part_args(source), "-map", "0:a:0", "-af", "aresample=async=1:first_pts=0"]
    with Ffmpeg([*args, "-ac", "1", "-ar", str(RATE), "-f", "f32le", "-"], yields=True) as process:
        data = b"".join(iter(lambda: process.read(CHUNK), b""))
        if process.finish() != 0 or not data:
            raise InputError(f"{source.path} has no sound that can be decoded: {process.last_words()}")
    return np.nan_to_num(np.frombuffer(data, "<f4"))


def hear(sound: np.ndarray, frames: int, fps: Fraction) -> dict[str, np.ndarray]:
    """`loud`, `bass` and `beat` of each frame, float64 (frames,), 0 to 1.

    `loud` and `bass` are the sound's strength while the frame is shown, beside the strongest in the film;
    `beat` is 1 (or less, for a softer one) at the frame in which a beat falls, and dies away after it.
    """
    times = np.arange(frames) / float(fps)
    middles = times + 0.5 / float(fps)
    step = max(1, int(LONG / 4))
    powers = [(_power(block), _bass(block)) for block in _windows(sound, LONG, step)]
    loud, bass = (np.sqrt(np.concatenate(part)) for part in zip(*powers, strict=True))
    places = np.arange(len(loud)) * step / RATE
    return {
        "loud": np.interp(middles, places, loud / max(QUIET, loud.max())),
        "bass": np.interp(middles, places, bass / max(QUIET, bass.max())),
        "beat": _beats(times, *find_beats(sound), float(fps)),
    }


def find_beats(sound: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """When beats are, seconds, and how strong each is, over 0 and at most 1.

    By spectral flux: a beat is where many frequencies rise at once (Bello et al. 2005).
    """
    rises, last = [], None
    for block in _windows(sound, SHORT, HOP):
        levels = np.log1p(COMPRESSION * np.abs(np.fft.rfft(block)) / SHORT)
        before = np.vstack([levels[:1] if last is None else last, levels[:-1]])
        rises.append(np.maximum(0, levels - before).sum(axis=1))
        last = levels[-1:]
    rise = np.concatenate(rises)
    clear = CLEAR * rise.max()
    reach, apart = round(AROUND_SECONDS * RATE / HOP), round(APART_SECONDS * RATE / HOP)
    beats: list[int] = []
    for place in np.flatnonzero(rise > clear):
        near = rise[max(0, place - apart) : place + apart + 1]
        around = rise[max(0, place - reach) : place + reach + 1]
        stands_out = rise[place] == near.max() and rise[place] > clear + np.median(around)
        if stands_out and (not beats or place - beats[-1] > apart):
            beats.append(int(place))
    # a rise is steepest when the begin of a sound lies at a quarter of the window, from its end
    return (np.array(beats) * HOP + SHORT / 4) / RATE, rise[beats] / max(rise.max(), 1e-9)


def _beats(times: np.ndarray, beats: np.ndarray, strengths: np.ndarray, fps: float) -> np.ndarray:
    """Beats that die away: the strongest that is heard in each frame."""
    heard = np.zeros(len(times))
    for beat, strength in zip(beats, strengths, strict=True):
        first = int((beat + EXACT_SECONDS) * fps)
        if first < len(times):
            since = (np.arange(first, len(times)) - first) / fps
            heard[first:] = np.maximum(heard[first:], strength * np.exp(-since / DECAY_SECONDS))
    return heard


def _windows(sound: np.ndarray, length: int, step: int) -> Iterator[np.ndarray]:
    """Hann windows around every `step`th sample, some at a time: (n, length) each."""
    padded = np.pad(sound, length // 2 + 1).astype(np.float32)
    views = np.lib.stride_tricks.sliding_window_view(padded, length)[::step]
    shape = np.hanning(length).astype(np.float32)
    for begin in range(0, len(views), BLOCK):
        yield views[begin : begin + BLOCK] * shape


def _power(windows: np.ndarray) -> np.ndarray:
    """Mean square of each window, of a Hann window's own."""
    return (windows**2).mean(axis=1) / 0.375


def _bass(windows: np.ndarray) -> np.ndarray:
    """The same of its low frequencies alone."""
    spectrum = np.abs(np.fft.rfft(windows)) ** 2
    frequency = np.fft.rfftfreq(LONG, 1 / RATE)
    inside = (frequency >= BASS[0]) & (frequency <= BASS[1])
    return 2 * spectrum[:, inside].sum(axis=1) / LONG**2 / 0.375
