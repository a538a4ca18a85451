"""What a voice sounds like beside its pitch: harmonics over noise, jitter, shimmer, spectral tilt and cepstrum."""

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from vemo_audit.recognition.perception.voice_pitch import SIDE, hann, sharpen
from vemo_audit.recognition.perception.voice_settings import RATE_HZ, VoiceSettings

LPC = 18
"""Order of the linear prediction: two per kHz of the sampling rate, and two."""
SPECTRUM = 1024
"""Points of the Fourier transform of a spectrum frame."""


@dataclass(frozen=True, slots=True, eq=False)
class Periods:
    """Two neighbouring periods around the middle of each frame; NaN where they were not found."""

    jitter: Tensor  # [T], their difference over their mean
    shimmer: Tensor  # [T], difference of the heights of their two peaks over the mean height


def harmonics_to_noise_db(height: Tensor) -> Tensor:
    """Harmonics over noise in dB `[T]` from the autocorrelation at the period: 10 log10(r / (1 - r)), within -20 to 40.

    NaN where `height` is 0 (no period). Source: Boersma 1993, eq. 4.
    """
    share = height.clamp(1e-6, 1 - 1e-6)
    found = (10 * torch.log10(share / (1 - share))).clamp(-20, 40)
    return torch.where(height > 0, found, torch.nan)


def periods(frames: Tensor, lag: Tensor) -> Periods:
    """Jitter and shimmer of frames `[T, W]` whose period is `lag` `[T]` samples (NaN where unvoiced).

    The instants of three neighbouring pulses come from the whitened frame, where no formant rings from one into the
    next; the heights of two neighbouring peaks from the sound itself. Averaged over the voiced frames this is the
    local jitter and shimmer: mean absolute difference of neighbours over the mean.
    Source: Baken & Orlikoff 2000, "Clinical Measurement of Speech and Voice", ch. 5 and 6.
    """
    centred = frames - frames.mean(dim=1, keepdim=True)
    period = torch.nan_to_num(lag, nan=100.0)
    place, _, timed = _three_peaks(whitened(centred), period)
    _, height, tall = _three_peaks(centred, period)
    before, after = place[1] - place[0], place[2] - place[1]
    jitter = (after - before).abs() / ((after + before) / 2).clamp_min(1)
    shimmer = (height[2] - height[1]).abs() / ((height[2] + height[1]) / 2).clamp_min(1e-9)
    voiced = torch.isfinite(lag)
    return Periods(
        torch.where(voiced & timed, jitter, torch.nan),
        torch.where(voiced & tall & (height[1:].amin(dim=0) > 0), shimmer, torch.nan),
    )


def _three_peaks(rows: Tensor, period: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Places `[3, T]` and heights `[3, T]` of the highest peak of either sign nearest the middle, and of the highest of
    that sign within a fifth of a period of one period before and after it; and whether all of them fit `[T]`."""
    width = rows.shape[1]
    index = torch.arange(width)[None, :]
    near = (index - width // 2).abs() <= period[:, None] / 2
    middle = torch.where(near, rows.abs(), -1.0).argmax(dim=1)
    rows = rows * torch.sign(rows.gather(1, middle[:, None]))
    here, height = (one[:, 0] for one in sharpen(rows, middle[:, None]))
    found, fits = [(here, height)], torch.ones_like(middle, dtype=torch.bool)
    for step in (-1, 1):
        expected = here + step * period
        away = (index - expected[:, None]).abs()
        other = torch.where(away <= 0.2 * period[:, None], rows, -torch.inf).argmax(dim=1)
        fits = fits & (expected - 0.2 * period > SIDE) & (expected + 0.2 * period < width - SIDE - 1)
        found.insert(1 + step, tuple(one[:, 0] for one in sharpen(rows, other[:, None])))
    return torch.stack([one[0] for one in found]), torch.stack([one[1] for one in found]), fits


def whitened(frames: Tensor) -> Tensor:
    """What linear prediction of order LPC cannot foresee of frames `[T, W]`: `[T, W]`; the pulses of a voice stand out.

    Source: Makhoul 1975, "Linear prediction: a tutorial review", doi:10.1109/PROC.1975.9792 (autocorrelation method).
    """
    width = frames.shape[1]
    power = torch.fft.rfft(frames * hann(width), 2 * width).abs().square()
    auto = torch.fft.irfft(power, 2 * width)[:, : LPC + 1]
    # A little white noise keeps the equations well posed, also for silence.
    auto = auto / auto[:, :1].clamp_min(1e-12)
    steps = torch.arange(LPC)
    matrix = auto[:, (steps[:, None] - steps[None, :]).abs()] + 1e-4 * torch.eye(LPC)
    ahead = torch.linalg.solve(matrix.double(), auto[:, 1:, None].double())[..., 0].float()
    left = frames.clone()
    for k in range(LPC):
        left[:, k + 1 :] -= ahead[:, k : k + 1] * frames[:, : width - k - 1]
    return left


def spectrum(frames: Tensor) -> Tensor:
    """Power spectrum `[T, 513]` of Hann-windowed frames `[T, W]`, zero-padded to 1,024 samples."""
    return torch.fft.rfft(frames * hann(frames.shape[1]), SPECTRUM).abs().square()


def mel_cepstrum(power: Tensor, settings: VoiceSettings) -> Tensor:
    """Mel-frequency cepstrum `[T, cepstra]`. Source: Davis & Mermelstein 1980, with mel = 2595 log10(1 + f / 700)."""
    bank, basis = _mel(power.shape[1], settings.mel_bands, settings.cepstra)
    return torch.log(power @ bank + 1e-8) @ basis


@lru_cache(maxsize=4)
def _mel(bins: int, bands: int, cepstra: int) -> tuple[Tensor, Tensor]:
    """Triangles `[bins, bands]` evenly spaced in mel, and the cosines `[bands, cepstra]` of the cepstrum."""
    edges_mel = torch.linspace(0, 2595 * math.log10(1 + RATE_HZ / 2 / 700), bands + 2)
    edges = (700 * (10 ** (edges_mel / 2595) - 1)) / (RATE_HZ / 2) * (bins - 1)
    grid = torch.arange(bins).float()
    rise = (grid[None] - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - grid[None]) / (edges[2:] - edges[1:-1])[:, None]
    n, k = torch.arange(bands), torch.arange(cepstra)
    basis = torch.cos(math.pi / bands * (n[:, None] + 0.5) * k[None, :]) * math.sqrt(2 / bands)
    return torch.minimum(rise, fall).clamp_min(0).T.contiguous(), basis


def band(bins: int, low_hz: float, high_hz: float) -> slice:
    """The bins of a spectrum with `low_hz` <= frequency < `high_hz`."""
    per_hz = (bins - 1) / (RATE_HZ / 2)
    return slice(math.ceil(low_hz * per_hz), math.ceil(high_hz * per_hz))


def alpha_ratio_db(power: Tensor) -> Tensor:
    """Energy in 50-1,000 Hz over 1-5 kHz, in dB `[T]`. Source: Eyben et al. 2016, doi:10.1109/TAFFC.2015.2457417."""
    bins = power.shape[1]
    low = power[:, band(bins, 50, 1000)].sum(dim=1)
    high = power[:, band(bins, 1000, 5000)].sum(dim=1)
    return 10 * torch.log10((low + 1e-12) / (high + 1e-12))


def hammarberg_db(power: Tensor) -> Tensor:
    """The highest peak in 0-2 kHz over the highest in 2-5 kHz, in dB `[T]`. Source: as `alpha_ratio_db`."""
    bins = power.shape[1]
    low = power[:, band(bins, 0, 2000)].amax(dim=1)
    high = power[:, band(bins, 2000, 5000)].amax(dim=1)
    return 10 * torch.log10((low + 1e-12) / (high + 1e-12))


def slope_db_per_khz(power: Tensor, low_hz: float, high_hz: float) -> Tensor:
    """Slope of the straight line through the spectrum in dB between two frequencies, dB per kHz `[T]`.

    Source: as `alpha_ratio_db`; least squares.
    """
    part = band(power.shape[1], low_hz, high_hz)
    khz = torch.linspace(0, RATE_HZ / 2000, power.shape[1])[part]
    centred = khz - khz.mean()
    return (10 * torch.log10(power[:, part] + 1e-12)) @ (centred / centred.square().sum())
