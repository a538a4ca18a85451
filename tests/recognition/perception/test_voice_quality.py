"""Harmonics over noise, jitter, shimmer and spectral shape against planted truth and by hand."""

import math

import numpy as np
import pytest
import torch

from tests.oracles import planted_voice
from vemo_audit.recognition.perception import voice_quality
from vemo_audit.recognition.perception.voice import analyse
from vemo_audit.recognition.perception.voice_settings import RATE_HZ, VoiceSettings


def middle(values: np.ndarray) -> np.ndarray:
    return values[20:-20]


@pytest.mark.parametrize("planted_db", [0.0, 10.0, 20.0])
def test_planted_noise_gives_the_planted_ratio(planted_db: float) -> None:
    rng = np.random.default_rng(2)
    wave, _ = planted_voice.voice(np.full(2 * RATE_HZ, 150.0))
    noise = rng.normal(0, 1, len(wave))
    noisy = wave + noise * np.sqrt(np.mean(wave**2) / 10 ** (planted_db / 10))
    found = middle(analyse(noisy.astype(np.float32)).harmonics_db)
    assert np.nanmedian(found) == pytest.approx(planted_db, abs=1.5)


def test_harmonics_over_noise_by_hand() -> None:
    found = voice_quality.harmonics_to_noise_db(torch.tensor([0.5, 10 / 11, 0.0]))
    assert found[0] == pytest.approx(0) and found[1] == pytest.approx(10, abs=1e-4) and math.isnan(found[2])


def local(values: np.ndarray) -> float:
    """Mean absolute difference of neighbours over the mean, pulse by pulse."""
    return float(np.abs(np.diff(values)).mean() / values.mean())


@pytest.mark.parametrize("pitch_hz", [110.0, 210.0])
@pytest.mark.parametrize("jitter", [0.0, 0.005, 0.01])
def test_planted_jitter_is_measured(pitch_hz: float, jitter: float) -> None:
    wave, instants = planted_voice.voice(
        np.full(4 * RATE_HZ, pitch_hz), vowel="a", jitter=jitter, rng=np.random.default_rng(6)
    )
    found = float(np.nanmean(middle(analyse(wave.astype(np.float32)).jitter)))
    assert found == pytest.approx(local(np.diff(instants)), rel=0.25, abs=0.0025)


@pytest.mark.parametrize("spread", [0.0, 0.05, 0.1])
def test_planted_shimmer_is_measured(spread: float) -> None:
    rng = np.random.default_rng(7)
    instants = np.arange(1, 480) / 120
    heights = 1 + spread * rng.normal(0, 1, len(instants))
    wave = planted_voice.sounded(instants, 4 * RATE_HZ, vowel="a", heights=heights)
    found = float(np.nanmean(middle(analyse((wave / np.abs(wave).max() / 2).astype(np.float32)).shimmer)))
    assert found == pytest.approx(local(heights), rel=0.3, abs=0.005)


def test_unvoiced_frames_have_neither() -> None:
    found = voice_quality.periods(
        torch.randn(3, 1024, generator=torch.Generator().manual_seed(1)), torch.full((3,), torch.nan)
    )
    assert torch.isnan(found.jitter).all() and torch.isnan(found.shimmer).all()


def bins_hz() -> torch.Tensor:
    return torch.linspace(0, RATE_HZ / 2, voice_quality.SPECTRUM // 2 + 1)


def test_alpha_ratio_and_hammarberg_index_by_hand() -> None:
    hz = bins_hz()
    power = torch.zeros(1, len(hz))
    power[0, int((hz < 500).sum())] = 100.0
    power[0, int((hz < 3000).sum())] = 1.0
    assert voice_quality.alpha_ratio_db(power).item() == pytest.approx(20, abs=1e-4)
    assert voice_quality.hammarberg_db(power).item() == pytest.approx(20, abs=1e-4)
    power[0, int((hz < 6000).sum())] = 1e6  # above 5 kHz nothing counts
    assert voice_quality.hammarberg_db(power).item() == pytest.approx(20, abs=1e-4)


@pytest.mark.parametrize(("low_hz", "high_hz"), [(0, 500), (500, 1500)])
def test_a_planted_slope_is_read(low_hz: float, high_hz: float) -> None:
    power = 10 ** (-12 * bins_hz()[None] / 1000 / 10)  # 12 dB per kHz down
    assert voice_quality.slope_db_per_khz(power, low_hz, high_hz).item() == pytest.approx(-12, abs=1e-3)


def test_the_cepstrum_against_loops() -> None:
    settings = VoiceSettings()
    power = np.random.default_rng(4).uniform(0.1, 1, 513)
    edges = 700 * (10 ** (np.linspace(0, 2595 * math.log10(1 + 8000 / 700), 28) / 2595) - 1) / 8000 * 512
    mel = []
    for b in range(26):
        total = 0.0
        for k in range(513):
            rise, fall = (k - edges[b]) / (edges[b + 1] - edges[b]), (edges[b + 2] - k) / (edges[b + 2] - edges[b + 1])
            total += power[k] * max(0.0, min(rise, fall))
        mel.append(math.log(total + 1e-8))
    expected = [
        math.sqrt(2 / 26) * sum(mel[n] * math.cos(math.pi / 26 * (n + 0.5) * k) for n in range(26)) for k in range(13)
    ]
    found = voice_quality.mel_cepstrum(torch.tensor(power[None], dtype=torch.float32), settings)[0]
    np.testing.assert_allclose(found.numpy(), expected, atol=2e-3)
