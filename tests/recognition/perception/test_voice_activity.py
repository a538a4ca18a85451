"""Voice activity and tempo against planted syllables and pauses; the reference of loudness by hand."""

import numpy as np
import pytest

from vemo_audit.recognition.perception.voice import VoiceContours, analyse
from vemo_audit.recognition.perception.voice_activity import Reference, Tempo, activity, tempo
from vemo_audit.recognition.perception.voice_settings import RATE_HZ, VoiceSettings


def tone(length_s: float) -> tuple[np.ndarray, np.ndarray]:
    t = np.arange(round(length_s * RATE_HZ)) / RATE_HZ
    return t, 0.1 * sum(np.sin(2 * np.pi * 160 * k * t) / k for k in range(1, 12))


def pace(found: VoiceContours) -> Tempo:
    return tempo(found.intensity_db, np.isfinite(found.pitch_hz), found.speech)


@pytest.mark.parametrize("rate_hz", [2.0, 4.0, 6.0])
def test_planted_syllables_are_counted(rate_hz: float) -> None:
    t, wave = tone(4.0)
    loudness = 0.05 + 0.95 * np.clip(np.sin(2 * np.pi * rate_hz * t), 0, None)
    found = analyse((wave * loudness).astype(np.float32))
    spoken = pace(found)
    assert spoken.syllables_hz * found.speech.sum() * 0.01 == pytest.approx(4 * rate_hz, abs=1.1)


def test_a_pause_is_a_pause() -> None:
    t, wave = tone(4.0)
    found = pace(analyse((wave * ((t < 1.5) | (t > 2.5))).astype(np.float32)))
    assert found.pause_share == pytest.approx(0.25, abs=0.03)
    assert found.run_s == pytest.approx(1.5, abs=0.06)


def test_noise_and_silence_are_not_speech() -> None:
    noise = np.random.default_rng(2).normal(0, 0.1, RATE_HZ).astype(np.float32)
    assert analyse(noise).speech.mean() < 0.1
    assert np.isnan(pace(analyse(np.zeros(RATE_HZ, np.float32))).syllables_hz)


def test_speech_by_hand() -> None:
    """Loud voiced frames with a gap of 0.1 s are one stretch, with a gap of 0.4 s two; a whisper of it is none."""
    settings = VoiceSettings()
    voiced = np.ones(100, bool)
    voiced[20:30] = False
    voiced[50:90] = False
    peak = np.ones(100)
    found = activity(voiced, peak, np.ones(100), settings)
    assert found[:50].all() and not found[50:90].any() and found[90:].all()
    assert not activity(voiced, peak * 0.05, np.ones(100), settings).any()  # 26 dB below


def test_the_reference_by_hand() -> None:
    """It jumps up half a second ahead of a peak, and falls 2 dB a second after it, down to the floor."""
    reference = Reference(VoiceSettings())
    peak = np.full(400, 1e-5)
    peak[100] = 1.0
    found = reference.follow(peak, 400)
    assert found[49] == pytest.approx(1e-4) and found[50] == 1.0 and found[100] == 1.0
    assert 20 * np.log10(found[300]) == pytest.approx(-4.0, abs=1e-6)


def test_the_reference_does_not_depend_on_how_it_is_asked() -> None:
    peak = np.random.default_rng(1).uniform(0, 1, 300)
    whole = Reference(VoiceSettings()).follow(peak, 300)
    one = Reference(VoiceSettings())
    parts = [one.follow(peak[start:], 60) for start in range(0, 300, 60)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
