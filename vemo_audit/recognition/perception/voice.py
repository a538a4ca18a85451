"""Pitch, intensity and tempo of a voice by our own signal processing, and their summary over a window.

All contours lie on one grid of 10 ms. Missing is NaN: unvoiced has no pitch, digital silence has no intensity.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

RATE_HZ = 16_000


@dataclass(frozen=True, slots=True)
class VoiceSettings:
    """Windows, ranges and costs; the costs of the pitch path are those of Boersma 1993 (IFA Proceedings 17, 97-110)."""

    hop_s: float = 0.01
    pitch_window_s: float = 0.05  # three periods of the lowest pitch
    spectrum_window_s: float = 0.04
    pitch_floor_hz: float = 60.0
    pitch_ceiling_hz: float = 500.0
    candidates: int = 8
    silence_threshold: float = 0.03
    voicing_threshold: float = 0.45
    octave_cost: float = 0.01
    octave_jump_cost: float = 0.35
    voicing_cost: float = 0.14
    mel_bands: int = 26
    cepstra: int = 13


@dataclass(frozen=True, slots=True, eq=False)
class VoiceContours:
    """A voice over time; every array has one value (or row) per 10 ms."""

    time_s: NDArray[np.float64]  # [T], centre of the analysis window
    pitch_hz: NDArray[np.float32]  # [T], NaN where unvoiced
    strength: NDArray[np.float32]  # [T], height of the chosen autocorrelation peak, 0-1
    intensity_db: NDArray[np.float32]  # [T], dB re full scale, NaN in digital silence
    cepstrum: NDArray[np.float32]  # [T, 13], mel-frequency cepstrum
    tilt_db: NDArray[np.float32]  # [T], energy below over above 1 kHz (alpha ratio), NaN in digital silence


def analyse(samples: NDArray[np.float32], settings: VoiceSettings = VoiceSettings()) -> VoiceContours:
    """Contours of mono samples `[M]` at 16 kHz in [-1, 1]. Shorter than one window: arrays of length 0."""
    width = round(settings.pitch_window_s * RATE_HZ)
    hop = round(settings.hop_s * RATE_HZ)
    if len(samples) < width:
        empty = np.zeros(0, np.float32)
        return VoiceContours(np.zeros(0), empty, empty, empty, np.zeros((0, settings.cepstra), np.float32), empty)
    frames = torch.tensor(samples, dtype=torch.float32).unfold(0, width, hop)
    time_s = (np.arange(len(frames)) * hop + width / 2) / RATE_HZ
    pitch_hz, strength = pitch(frames, settings)
    energy = frames.square().mean(dim=1)
    intensity_db = torch.where(energy > 0, 10 * torch.log10(energy.clamp_min(1e-12)), torch.nan)
    inner = round(settings.spectrum_window_s * RATE_HZ)
    power = spectrum(frames[:, (width - inner) // 2 : (width - inner) // 2 + inner])
    cepstrum = mel_cepstrum(power, settings)
    tilt = torch.where(energy > 0, alpha_ratio_db(power), torch.nan)
    return VoiceContours(
        time_s, pitch_hz.numpy(), strength.numpy(), intensity_db.numpy(), cepstrum.numpy(), tilt.numpy()
    )


def pitch(frames: Tensor, settings: VoiceSettings) -> tuple[Tensor, Tensor]:
    """Frames `[T, W]` to pitch in Hz `[T]` (NaN where unvoiced) and peak height `[T]`.

    The autocorrelation of the Hann-windowed frame is divided by that of the window; its highest peaks are candidates,
    and a path through them is chosen that jumps little. Source: Boersma 1993, eq. 9-24 and 27-28 (IFA Proceedings 17).
    """
    peak = frames.abs().amax(dim=1)
    loudest = peak.max().clamp_min(1e-12)
    lag, height = _candidates(frames, settings)
    frequency = RATE_HZ / lag
    voiced_score = height - settings.octave_cost * torch.log2(settings.pitch_floor_hz / frequency)
    voiced_score = torch.where(height > 0, voiced_score, torch.full_like(height, -1e3))
    quiet = 2 - (peak / loudest) / (settings.silence_threshold / (1 + settings.voicing_threshold))
    unvoiced_score = settings.voicing_threshold + quiet.clamp_min(0)
    chosen = _best_path(frequency, voiced_score, unvoiced_score, settings)
    rows = torch.arange(len(frames))
    last = settings.candidates
    voiced = chosen < last
    column = chosen.clamp_max(last - 1)
    pitch_hz = torch.where(voiced, frequency[rows, column], torch.nan)
    return pitch_hz, torch.where(voiced, height[rows, column], torch.zeros_like(peak))


def _candidates(frames: Tensor, settings: VoiceSettings) -> tuple[Tensor, Tensor]:
    """The highest autocorrelation peaks: lags in samples `[T, C]` and heights `[T, C]` (0 where there are fewer)."""
    width = frames.shape[1]
    size = 2 ** math.ceil(math.log2(1.5 * width))
    window = torch.hann_window(width, periodic=False)
    centred = (frames - frames.mean(dim=1, keepdim=True)) * window
    auto = torch.fft.irfft(torch.fft.rfft(centred, size).abs().square(), size)[:, : width // 2 + 2]
    of_window = torch.fft.irfft(torch.fft.rfft(window, size).abs().square(), size)[: width // 2 + 2]
    normal = auto / auto[:, :1].clamp_min(1e-12) / (of_window / of_window[0])
    low = math.floor(RATE_HZ / settings.pitch_ceiling_hz)
    high = min(math.ceil(RATE_HZ / settings.pitch_floor_hz), width // 2)
    left, mid, right = normal[:, low - 1 : high - 1], normal[:, low:high], normal[:, low + 1 : high + 1]
    bend = 2 * mid - left - right
    offset = torch.where(bend > 1e-9, 0.5 * (right - left) / bend.clamp_min(1e-9), torch.zeros_like(mid)).clamp(
        -0.5, 0.5
    )
    height = mid + 0.25 * (right - left) * offset
    is_peak = (mid > left) & (mid >= right) & (mid > 0.5 * settings.voicing_threshold)
    lags = torch.arange(low, high) + offset
    short = height - settings.octave_cost * torch.log2(settings.pitch_floor_hz * lags / RATE_HZ)
    best = torch.where(is_peak, short, -torch.inf).topk(settings.candidates, dim=1).indices
    found = is_peak.gather(1, best)
    height = height.gather(1, best)
    height = torch.where(height > 1, 1 / height.clamp_min(1e-9), height)
    return lags.gather(1, best), torch.where(found, height, torch.zeros_like(height))


def _best_path(frequency: Tensor, voiced: Tensor, unvoiced: Tensor, settings: VoiceSettings) -> Tensor:
    """Viterbi over time: the index of the chosen candidate per frame, C for unvoiced."""
    scores = torch.cat([voiced, unvoiced[:, None]], dim=1).double().numpy()
    octaves = np.log2(frequency.double().numpy())
    count = octaves.shape[1]
    best = scores[0].copy()
    back = np.zeros(scores.shape, dtype=np.int64)
    cost = np.full((count + 1, count + 1), settings.voicing_cost)
    cost[count, count] = 0
    scale = 0.01 / settings.hop_s  # the published costs are for steps of 10 ms
    for t in range(1, len(scores)):
        cost[:count, :count] = settings.octave_jump_cost * np.abs(octaves[t - 1][:, None] - octaves[t][None, :])
        reach = best[:, None] - scale * cost
        back[t] = reach.argmax(axis=0)
        best = reach[back[t], np.arange(count + 1)] + scores[t]
    path = np.empty(len(scores), dtype=np.int64)
    path[-1] = int(best.argmax())
    for t in range(len(scores) - 1, 0, -1):
        path[t - 1] = back[t, path[t]]
    return torch.from_numpy(path)


def spectrum(frames: Tensor) -> Tensor:
    """Power spectrum `[T, F]` of Hann-windowed frames `[T, W]`, zero-padded to 1,024 samples."""
    window = torch.hann_window(frames.shape[1], periodic=False)
    return torch.fft.rfft(frames * window, 1024).abs().square()


def mel_cepstrum(power: Tensor, settings: VoiceSettings) -> Tensor:
    """Mel-frequency cepstrum `[T, cepstra]`. Source: Davis & Mermelstein 1980, with mel = 2595 log10(1 + f / 700)."""
    bins = power.shape[1]
    edges_mel = torch.linspace(0, 2595 * math.log10(1 + RATE_HZ / 2 / 700), settings.mel_bands + 2)
    edges = (700 * (10 ** (edges_mel / 2595) - 1)) / (RATE_HZ / 2) * (bins - 1)
    grid = torch.arange(bins).float()
    rise = (grid[None] - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - grid[None]) / (edges[2:] - edges[1:-1])[:, None]
    mel = torch.log(power @ torch.minimum(rise, fall).clamp_min(0).T + 1e-8)
    n = torch.arange(settings.mel_bands)
    k = torch.arange(settings.cepstra)
    basis = torch.cos(math.pi / settings.mel_bands * (n[:, None] + 0.5) * k[None, :])
    return mel @ basis * math.sqrt(2 / settings.mel_bands)


def alpha_ratio_db(power: Tensor) -> Tensor:
    """Energy in 50-1,000 Hz over 1-5 kHz, in dB `[T]`. Source: Eyben et al. 2016, doi:10.1109/TAFFC.2015.2457417."""
    hz = torch.linspace(0, RATE_HZ / 2, power.shape[1])
    low = power[:, (hz >= 50) & (hz < 1000)].sum(dim=1)
    high = power[:, (hz >= 1000) & (hz < 5000)].sum(dim=1)
    return 10 * torch.log10((low + 1e-12) / (high + 1e-12))


def semitones(hz: NDArray[np.float32]) -> NDArray[np.float32]:
    """Pitch in semitones above 27.5 Hz."""
    return (12 * np.log2(hz / 27.5)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Tempo:
    """How fast somebody speaks. NaN when nothing was voiced."""

    syllables_hz: float  # syllable-like intensity peaks per second
    pause_share: float
    run_s: float  # mean length of a stretch of speech


def tempo(contours: VoiceContours, *, floor_db: float = 25.0, dip_db: float = 2.0, hop_s: float = 0.01) -> Tempo:
    """Syllable-like peaks of the intensity: voiced, within 25 dB of the loudest, each 2 dB above the dip before it.

    Source: after de Jong & Wempe 2009, doi:10.3758/BRM.41.2.385.
    """
    intensity = np.nan_to_num(contours.intensity_db, nan=-120.0)
    voiced = np.isfinite(contours.pitch_hz)
    if not voiced.any():
        return Tempo(math.nan, math.nan, math.nan)
    smooth = np.convolve(np.pad(intensity, 2, mode="edge"), np.full(5, 0.2), mode="valid")
    loud = smooth > smooth.max() - floor_db
    count, dip = 0, math.inf
    for t in range(1, len(smooth) - 1):
        dip = min(dip, smooth[t])
        if (
            loud[t]
            and voiced[t]
            and smooth[t] >= smooth[t - 1]
            and smooth[t] > smooth[t + 1]
            and smooth[t] - dip >= dip_db
        ):
            count, dip = count + 1, math.inf
    speech = functional.max_pool1d(torch.from_numpy(voiced & loud)[None].float(), 21, 1, 10)[0].numpy() > 0
    starts = int(speech[0]) + int(np.sum(speech[1:] & ~speech[:-1]))
    spoken_s = float(speech.sum()) * hop_s
    return Tempo(count / spoken_s, 1 - float(speech.mean()), spoken_s / max(1, starts))
