"""Pitch, intensity and tempo against planted truth."""

import numpy as np
import pytest

from vemo_audit.recognition.perception.voice import RATE_HZ, analyse, tempo
from vemo_audit.recognition.perception.voice_summary import NAMES, summarise


def tone(pitch_hz: np.ndarray, *, level: float = 0.1) -> np.ndarray:
    """Eleven harmonics on a planted pitch contour."""
    phase = 2 * np.pi * np.cumsum(pitch_hz) / RATE_HZ
    return (level * sum(np.sin(k * phase) / k for k in range(1, 12))).astype(np.float32)


def seconds(length_s: float) -> np.ndarray:
    return np.arange(round(length_s * RATE_HZ)) / RATE_HZ


def cents(found_hz: np.ndarray, true_hz: np.ndarray) -> np.ndarray:
    return np.abs(1200 * np.log2(found_hz / true_hz))


@pytest.mark.parametrize("planted_hz", [80.0, 150.0, 220.0, 400.0])
def test_a_gliding_pitch_is_followed_within_five_cents(planted_hz: float) -> None:
    t = seconds(1.0)
    contour = planted_hz * 2 ** (0.2 * np.sin(2 * np.pi * 1.5 * t))
    found = analyse(tone(contour))
    error = cents(found.pitch_hz, np.interp(found.time_s, t, contour))
    assert np.isfinite(found.pitch_hz).mean() > 0.97
    assert np.nanmedian(error) < 5


def test_pitch_survives_noise_at_ten_decibel() -> None:
    rng = np.random.default_rng(5)
    t = seconds(1.5)
    clean = tone(np.full_like(t, 180.0))
    noise = rng.normal(0, 1, len(clean)).astype(np.float32)
    noisy = clean + noise * np.sqrt(np.mean(clean**2) / 10 / np.mean(noise**2))
    found = analyse(noisy)
    error = cents(found.pitch_hz, np.full(len(found.pitch_hz), 180.0))
    assert np.nanmedian(error) < 20 and np.nanmean(error > 600) < 0.02


def test_noise_has_no_pitch() -> None:
    found = analyse(np.random.default_rng(1).normal(0, 0.1, RATE_HZ).astype(np.float32))
    assert np.isfinite(found.pitch_hz).mean() < 0.2


def test_intensity_of_a_full_scale_square_is_zero_decibel() -> None:
    square = np.sign(np.sin(2 * np.pi * 200 * seconds(0.3)) + 1e-9).astype(np.float32)
    np.testing.assert_allclose(analyse(square).intensity_db, 0, atol=0.01)


def test_ten_times_louder_is_twenty_decibel_more() -> None:
    quiet, loud = analyse(tone(np.full(8000, 150.0), level=0.01)), analyse(tone(np.full(8000, 150.0), level=0.1))
    np.testing.assert_allclose(loud.intensity_db - quiet.intensity_db, 20, atol=1e-2)


def test_digital_silence_is_absent_not_calm() -> None:
    silent = analyse(np.zeros(RATE_HZ, np.float32))
    assert np.isnan(silent.intensity_db).all() and np.isnan(silent.pitch_hz).all()
    assert summarise(silent, 0, 1) is None


def test_less_than_a_window_gives_nothing() -> None:
    assert len(analyse(np.zeros(100, np.float32)).time_s) == 0


@pytest.mark.parametrize("rate_hz", [2.0, 4.0, 6.0])
def test_planted_syllables_are_counted(rate_hz: float) -> None:
    t = seconds(4.0)
    loudness = 0.02 + 0.98 * np.clip(np.sin(2 * np.pi * rate_hz * t), 0, None)
    found = tempo(analyse((tone(np.full_like(t, 160.0)) * loudness).astype(np.float32)))
    assert found.syllables_hz == pytest.approx(rate_hz, rel=0.15)


def test_a_pause_is_a_pause() -> None:
    t = seconds(4.0)
    spoken = (t < 1.5) | (t > 2.5)
    found = tempo(analyse((tone(np.full_like(t, 160.0)) * spoken).astype(np.float32)))
    assert found.pause_share == pytest.approx(0.25, abs=0.07)
    assert found.run_s == pytest.approx(1.5, abs=0.2)


def test_a_summary_has_one_number_for_each_name() -> None:
    row = summarise(analyse(tone(np.full(RATE_HZ, 200.0))), 0, 1)
    assert row is not None and row.shape == (len(NAMES),)
    assert row[NAMES.index("pitch_mean")] == pytest.approx(12 * np.log2(200 / 27.5), abs=0.05)
    assert row[NAMES.index("pitch_sd")] < 0.1
