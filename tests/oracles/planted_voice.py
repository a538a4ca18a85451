"""Voices with a planted pitch: pulse trains through formant filters, so that every instant's truth is known."""

from dataclasses import dataclass, field

import numpy as np
from scipy.signal import decimate, lfilter

RATE_HZ = 16_000
OVER = 4
VOWELS = {"a": (730, 1090, 2440, 3400), "i": (270, 2290, 3010, 3600), "u": (300, 870, 2240, 3300)}


@dataclass
class Planted:
    """A voice and its truth at every sample: pitch in Hz (NaN where unvoiced) and the instants of its pulses."""

    samples: np.ndarray
    pitch_hz: np.ndarray
    pulses_s: np.ndarray = field(default_factory=lambda: np.zeros(0))


def pulses_of(pitch_hz, *, jitter=0.0, rng=None):
    """The instants [s] at which the phase of a contour (one value per oversampled sample) passes a whole cycle."""
    rate = RATE_HZ * OVER
    phase = np.concatenate(([0.0], np.cumsum(pitch_hz) / rate))
    whole = np.arange(1, int(phase[-1]) + 1)
    instants = np.interp(whole, phase, np.arange(len(phase)) / rate)
    if jitter:
        instants = instants + rng.normal(0, 1, len(instants)) * jitter * np.median(np.diff(instants))
    return instants


def sounded(instants, length, *, vowel="a", heights=None):
    """Pulses at `instants` [s] through a glottal tilt and four formants: `length` samples at 16 kHz."""
    rate = RATE_HZ * OVER
    train = np.zeros(length * OVER + 2)
    place = instants * rate
    heights = np.ones(len(instants)) if heights is None else heights
    keep = place < length * OVER
    place, heights = place[keep], heights[keep]
    whole = place.astype(int)
    np.add.at(train, whole, heights * (1 - (place - whole)))
    np.add.at(train, whole + 1, heights * (place - whole))
    pole = np.exp(-2 * np.pi * 150 / rate)
    wave = lfilter([1.0], [1, -2 * pole, pole * pole], train[: length * OVER])
    wave = lfilter([1, -1], [1, -0.999], wave)
    for hz, width in zip(VOWELS[vowel], (80, 90, 120, 150), strict=True):
        r = np.exp(-np.pi * width / rate)
        wave = lfilter([1 - r], [1, -2 * r * np.cos(2 * np.pi * hz / rate), r * r], wave)
    return decimate(wave, OVER, ftype="fir", zero_phase=True)


def voice(pitch_hz, *, vowel="a", jitter=0.0, breath=0.0, rng=None):
    """A steady-loudness voice on a contour [M] at 16 kHz; `breath` is noise over voice in power."""
    fine = np.repeat(pitch_hz, OVER)
    instants = pulses_of(fine, jitter=jitter, rng=rng)
    wave = sounded(instants, len(pitch_hz), vowel=vowel)
    if breath:
        noise = lfilter([1, -0.9], [1], rng.normal(0, 1, len(wave)))
        wave = wave + noise * np.sqrt(breath * np.mean(wave**2) / np.mean(noise**2))
    return wave / np.sqrt(np.mean(wave**2)) * 0.1, instants


def spoken(kind, seed, *, length_s=6.0):
    """Voiced stretches of one kind ('steady', 'glide', 'vibrato', 'breathy', 'jittered') with pauses between."""
    rng = np.random.default_rng([seed, len(kind)])
    parts, truth, pulses, at = [], [], [], 0
    while at < length_s * RATE_HZ:
        silent = round(rng.uniform(0.15, 0.4) * RATE_HZ)
        parts.append(np.zeros(silent))
        truth.append(np.full(silent, np.nan))
        at += silent
        count = round(rng.uniform(0.4, 1.2) * RATE_HZ)
        t = np.arange(count) / RATE_HZ
        middle = np.exp(rng.uniform(np.log(85), np.log(350)))
        contour = np.full(count, middle)
        if kind == "glide":
            contour = middle * 2 ** (rng.uniform(-0.5, 0.5) * (t / t[-1] - 0.5))
        if kind == "vibrato":
            contour = middle * 2 ** (rng.uniform(0.02, 0.06) * np.sin(2 * np.pi * rng.uniform(4, 6.5) * t))
        wave, instants = voice(
            contour, vowel="aiu"[rng.integers(3)], rng=rng, jitter=0.01 if kind == "jittered" else 0.0,
            breath=0.1 if kind == "breathy" else 0.0,
        )  # fmt: skip
        ramp = np.clip(np.minimum(t, t[-1] - t) / 0.005, 0, 1)
        parts.append(wave * ramp * 10 ** (rng.uniform(-10, 0) / 20))
        truth.append(contour)
        pulses.append(instants + at / RATE_HZ)
        at += count
    return Planted(np.concatenate(parts), np.concatenate(truth), np.concatenate(pulses))


def with_noise(planted, snr_db, seed):
    """White noise over the whole length, `snr_db` below the mean power of the voiced part."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, 1, len(planted.samples))
    power = np.mean(planted.samples[np.isfinite(planted.pitch_hz)] ** 2)
    noisy = planted.samples + noise * np.sqrt(power / 10 ** (snr_db / 10))
    return Planted(noisy, planted.pitch_hz, planted.pulses_s)


def errors(found_s, found_hz, planted):
    """Median error in cents over frames that both call voiced, share of these off by over 20 %, voicing errors' share.

    `found_hz` is NaN where unvoiced, at times `found_s`.
    """
    at = np.clip(np.round(found_s * RATE_HZ).astype(int), 0, len(planted.pitch_hz) - 1)
    true_hz = planted.pitch_hz[at]
    heard, voiced = np.isfinite(found_hz), np.isfinite(true_hz)
    both = heard & voiced
    ratio = found_hz[both] / true_hz[both]
    return {
        "median_cents": float(np.median(np.abs(1200 * np.log2(ratio)))),
        "gross_share": float(np.mean(np.abs(ratio - 1) > 0.2)),
        "voicing_error": float(np.mean(heard != voiced)),
    }
