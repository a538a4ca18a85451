"""Pitch against planted voices, the path against a plain Viterbi, the autocorrelation by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.oracles import planted_voice
from vemo_audit.recognition.perception import voice_pitch
from vemo_audit.recognition.perception.voice_settings import RATE_HZ, VoiceSettings
from vemo_audit.recognition.perception.voice_track import track_pitch

KINDS = ("steady", "glide", "vibrato", "breathy", "jittered")


def measured(kind: str, seed: int, *, noisy: bool) -> dict[str, float]:
    planted = planted_voice.spoken(kind, seed, length_s=4.0)
    if noisy:
        planted = planted_voice.with_noise(planted, 10, seed)
    time_s, pitch_hz = track_pitch(planted.samples.astype(np.float32))
    return planted_voice.errors(time_s, pitch_hz, planted)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("noisy", [False, True])
def test_a_planted_pitch_is_found(kind: str, noisy: bool) -> None:
    found = measured(kind, 31, noisy=noisy)
    assert found["median_cents"] < (8 if kind in ("jittered", "vibrato") else 4)
    assert found["gross_share"] <= 0.005 and found["voicing_error"] < 0.025


def test_twin_an_octave_error_would_be_seen() -> None:
    planted = planted_voice.spoken("steady", 31, length_s=4.0)
    time_s, pitch_hz = track_pitch(planted.samples.astype(np.float32))
    halved = np.where(np.arange(len(pitch_hz)) % 20 == 0, pitch_hz / 2, pitch_hz)
    assert planted_voice.errors(time_s, halved, planted)["gross_share"] > 0.005
    late = planted_voice.errors(time_s + 0.05, pitch_hz, planted)
    assert late["voicing_error"] > 0.025


def test_noise_has_no_pitch() -> None:
    _, pitch_hz = track_pitch(np.random.default_rng(1).normal(0, 0.1, 2 * RATE_HZ).astype(np.float32))
    assert np.isfinite(pitch_hz).mean() < 0.05


def test_the_autocorrelation_by_hand() -> None:
    """Against sums in a loop: windowed products over the window's own."""
    frame = np.random.default_rng(3).normal(0, 1, 64)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(64) / 63)
    windowed = (frame - frame.mean()) * window

    def at(row: np.ndarray, lag: int) -> float:
        return sum(row[i] * row[i + lag] for i in range(64 - lag))

    expected = [at(windowed, k) / at(windowed, 0) / (at(window, k) / at(window, 0)) for k in range(20)]
    found = voice_pitch.autocorrelation(torch.tensor(frame[None], dtype=torch.float32), longest=20)[0]
    np.testing.assert_allclose(found.numpy(), expected, atol=2e-5)


def test_a_silent_frame_has_no_candidate() -> None:
    found = voice_pitch.candidates(torch.zeros(2, 800), VoiceSettings())
    assert (found.height == 0).all()


def test_a_peak_between_samples_is_placed_there() -> None:
    place = 41.37
    row = torch.cos(2 * np.pi * (torch.arange(100) - place) / 30)[None]
    at, height = voice_pitch.sharpen(row, torch.tensor([[41]]))
    assert at.item() == pytest.approx(place, abs=0.02) and height.item() == pytest.approx(1, abs=1e-3)


def slow_path(octave: np.ndarray, voiced: np.ndarray, unvoiced: np.ndarray, settings: VoiceSettings) -> float:
    """The worth of the best path, state by state."""
    count = voiced.shape[1]
    best = [*voiced[0], unvoiced[0]]
    for t in range(1, len(voiced)):
        step = []
        for b in range(count + 1):
            own = unvoiced[t] if b == count else voiced[t, b]
            options = []
            for a in range(count + 1):
                cost = 0.0
                if (a == count) != (b == count):
                    cost = settings.voicing_cost
                elif a != count:
                    cost = settings.octave_jump_cost * abs(octave[t - 1, a] - octave[t, b])
                options.append(best[a] - cost)
            step.append(own + max(options))
        best = step
    return max(best)


def worth_of(path: np.ndarray, octave: np.ndarray, voiced: np.ndarray, unvoiced: np.ndarray) -> float:
    settings, count, total = VoiceSettings(), voiced.shape[1], 0.0
    for t, state in enumerate(path):
        total += unvoiced[t] if state == count else voiced[t, state]
        if t:
            was = path[t - 1]
            if (was == count) != (state == count):
                total -= settings.voicing_cost
            elif state != count:
                total -= settings.octave_jump_cost * abs(octave[t - 1, was] - octave[t, state])
    return total


def test_many_paths_at_once_are_the_best_ones() -> None:
    rng = np.random.default_rng(8)
    octave, voiced, unvoiced = rng.uniform(6, 9, (5, 40, 4)), rng.uniform(0, 1, (5, 40, 4)), rng.uniform(0, 1, (5, 40))
    found = voice_pitch.paths(octave, voiced, unvoiced, VoiceSettings())
    for k in range(5):
        best = slow_path(octave[k], voiced[k], unvoiced[k], VoiceSettings())
        assert worth_of(found[k], octave[k], voiced[k], unvoiced[k]) == pytest.approx(best)
        wrong = found[k].copy()
        wrong[20] = (wrong[20] + 1) % 5
        assert worth_of(wrong, octave[k], voiced[k], unvoiced[k]) < best - 1e-9


def test_a_path_in_blocks_is_the_path_through_all() -> None:
    """What the blocks' margins may cost, against one block that sees everything: nothing on these voices."""
    samples = planted_voice.with_noise(planted_voice.spoken("vibrato", 5, length_s=9.0), 10, 1).samples
    _, blocks = track_pitch(samples.astype(np.float32))
    shifted = track_pitch(np.concatenate((np.zeros(160 * 128), samples)).astype(np.float32))[1][128:]
    agree = np.isfinite(blocks) == np.isfinite(shifted)
    assert agree[5:].mean() > 0.995


@pytest.mark.parametrize("pitch_hz", [160.0, 210.0, 300.0])
def test_jitter_does_not_halve_a_pitch(pitch_hz: float) -> None:
    wave, _ = planted_voice.voice(np.full(RATE_HZ, pitch_hz), jitter=0.01, rng=np.random.default_rng(6))
    _, found = track_pitch(wave.astype(np.float32))
    assert np.nanmean(found < 0.8 * pitch_hz) < 0.02
    _, careless = track_pitch(wave.astype(np.float32), replace(VoiceSettings(), octave_cost=0.01))
    assert np.nanmean(careless < 0.8 * pitch_hz) > 0.2, "the published cost does: else this shows nothing"
