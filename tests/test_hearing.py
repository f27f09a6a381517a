"""What is heard in a track made for it: clicks at 120 a minute over a bass tone that comes and goes."""

from __future__ import annotations

import wave
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from dreamvideo.errors import InputError
from dreamvideo.media.hearing import hear, read_sound
from dreamvideo.media.sound import AudioSource

RATE, SECONDS = 44100, 6
CLICKS = np.arange(0.25, SECONDS, 0.5)


def bass_level(time: np.ndarray) -> np.ndarray:
    """Comes and goes every two seconds."""
    return np.sin(np.pi * time / 2) ** 2


def track(path: Path) -> Path:
    time = np.arange(RATE * SECONDS) / RATE
    sound = 0.5 * bass_level(time) * np.sin(2 * np.pi * 60 * time)
    for click in CLICKS:
        since = np.maximum(time - click, 0)
        sound += 0.4 * np.exp(-since / 0.004) * np.sin(2 * np.pi * 2500 * since)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes((sound * 32000).astype("<i2").tobytes())
    return path


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    return read_sound(AudioSource(track(tmp_path_factory.mktemp("sound") / "track.wav")))


@pytest.mark.parametrize("fps", [12, 24, 25, 30, 60])
def test_a_beat_at_every_click_and_nowhere_else(sound: np.ndarray, fps: int) -> None:
    beat = hear(sound, fps * SECONDS, Fraction(fps))["beat"]
    peaks = np.flatnonzero((beat > 0.05) & (beat > np.r_[0, beat[:-1]]))
    assert len(peaks) == len(CLICKS)
    assert np.abs(peaks - np.floor(CLICKS * fps + 1e-9)).max() <= 1
    assert beat[peaks].min() > 0.6


def test_bass_follows_the_tone(sound: np.ndarray) -> None:
    heard = hear(sound, 24 * SECONDS, Fraction(24))
    wanted = bass_level((np.arange(24 * SECONDS) + 0.5) / 24)
    assert np.abs(heard["bass"] - wanted).max() < 0.12
    assert np.corrcoef(heard["loud"], wanted)[0, 1] > 0.8
    for values in heard.values():
        assert values.shape == (24 * SECONDS,) and values.min() >= 0 and values.max() <= 1


def test_silence_has_no_beat_and_no_bass() -> None:
    heard = hear(np.zeros(22050, np.float32), 24, Fraction(24))
    assert all((values == 0).all() for values in heard.values())


def test_a_frame_longer_than_the_sound() -> None:
    heard = hear(np.zeros(100, np.float32), 48, Fraction(24))
    assert all(len(values) == 48 for values in heard.values())


def test_what_is_no_sound_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound" * 100)
    with pytest.raises(InputError, match=r"text\.wav has no sound"):
        read_sound(AudioSource(tmp_path / "text.wav"))
