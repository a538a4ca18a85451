"""Pitch by autocorrelation: batched candidates for every frame, and the cheapest path through them.

Source: Boersma 1993, "Accurate short-term analysis of the fundamental frequency" (IFA Proceedings 17, 97-110).
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vemo_audit.recognition.perception.voice_settings import RATE_HZ, VoiceSettings

SIDE = 6
"""Samples on each side of a point from which the values around it are interpolated."""
FINE = 4
"""Interpolated values per sample."""
ROWS = 64
"""Frames transformed together: what they need stays in the cache, and below what an allocator takes from the system."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Peaks of the autocorrelation by frame; `height` is 0 where there are fewer."""

    lag: Tensor  # [T, C], samples
    height: Tensor  # [T, C], 0-1


def autocorrelation(frames: Tensor, *, longest: int) -> Tensor:
    """Autocorrelation `[T, longest]` of Hann-windowed frames `[T, W]` over that of the window; 1 at lag 0.

    A silent frame gives zeros. Source: Boersma 1993, eq. 9.
    """
    width = frames.shape[1]
    size = fast_size(width + longest)
    parts = [torch.fft.irfft(power_of(part, size), size)[:, :longest] for part in frames.split(ROWS)]
    return _normal(torch.cat(parts), width, size, step=1)


def coarse_autocorrelation(frames: Tensor, *, band_hz: float, longest: int) -> Tensor:
    """The same of what lies below `band_hz` (half amplitude there), at every second lag: `[T, longest]`, at 8 kHz."""
    width = frames.shape[1]
    size = fast_size(width + 2 * longest)
    bins = size // 4 + 1
    weight = low_pass(size, band_hz)[:bins]
    parts = [
        torch.fft.irfft(power_of(part, size, bins=bins) * weight, size // 2)[:, :longest] for part in frames.split(ROWS)
    ]
    return _normal(torch.cat(parts), width, size, step=2)


def power_of(frames: Tensor, size: int, *, bins: int | None = None) -> Tensor:
    """Power spectrum `[T, size / 2 + 1]`, or its first `bins`, of the windowed frames, each freed of its mean."""
    found = torch.fft.rfft((frames - frames.mean(dim=1, keepdim=True)) * hann(frames.shape[1]), size)[:, :bins]
    return found.real.square() + found.imag.square()  # four times as fast as abs().square()


def _normal(auto: Tensor, width: int, size: int, *, step: int) -> Tensor:
    window = window_autocorrelation(width, size)[::step][: auto.shape[1]]
    return auto / (auto[:, :1].clamp_min(1e-12) * window)


@lru_cache(maxsize=16)
def hann(width: int) -> Tensor:
    """The window `[W]`; shared, never written to."""
    return torch.hann_window(width, periodic=False)


@lru_cache(maxsize=16)
def window_autocorrelation(width: int, size: int) -> Tensor:
    """Autocorrelation `[size]` of the Hann window, 1 at lag 0."""
    auto = torch.fft.irfft(torch.fft.rfft(hann(width).double(), size).abs().square(), size)
    return (auto / auto[0]).clamp_min(1e-6).float()


@lru_cache(maxsize=16)
def low_pass(size: int, band_hz: float) -> Tensor:
    """Weight of each bin of the power spectrum: 1 below the band, 0 above, a raised-cosine edge an octave wide."""
    hz = torch.linspace(0, RATE_HZ / 2, size // 2 + 1)
    octave = torch.log2(hz.clamp_min(1) / band_hz).clamp(-0.5, 0.5)
    return 0.5 - 0.5 * torch.sin(math.pi * octave)


@lru_cache(maxsize=16)
def fast_size(least: int) -> int:
    """The smallest 2^a 3^b 5^c with a at least 3 and b at most 3 that is at least `least`: a fast transform."""
    return min(
        2**a * 3**b * 5**c for a in range(3, 14) for b in range(4) for c in range(4) if 2**a * 3**b * 5**c >= least
    )


@lru_cache(maxsize=4)
def interpolation() -> Tensor:
    """Weights `[2 SIDE + 1, 2 FINE + 1]` from samples around a point to values within a sample of it.

    Lagrange's polynomial through all of them: exact to rounding for what is sampled well above its band.
    """
    node = torch.arange(-SIDE, SIDE + 1).double()
    place = torch.arange(-FINE, FINE + 1).double() / FINE
    weights = torch.ones(len(node), len(place), dtype=torch.float64)
    for k in range(len(node)):
        for other in range(len(node)):
            if other != k:
                weights[k] *= (place - node[other]) / (node[k] - node[other])
    return weights.float()


def sharpen(rows: Tensor, place: Tensor) -> tuple[Tensor, Tensor]:
    """The highest value within a sample of each `place` `[T, C]` of rows `[T, L]`: where `[T, C]`, and how high.

    Interpolation to a quarter of a sample, then a parabola. A place nearer than SIDE to an end is moved in.
    """
    place = place.clamp(SIDE, rows.shape[1] - SIDE - 1)
    around = torch.arange(-SIDE, SIDE + 1)
    near = rows.gather(1, (place[..., None] + around).flatten(1)).view(*place.shape, 2 * SIDE + 1)
    fine = near @ interpolation()
    top = fine[..., 1:-1].argmax(dim=-1, keepdim=True) + 1
    left, mid, right = (fine.gather(-1, top + step)[..., 0] for step in (-1, 0, 1))
    bend = 2 * mid - left - right
    offset = torch.where(bend > 1e-12, 0.5 * (right - left) / bend.clamp_min(1e-12), 0.0).clamp(-0.5, 0.5)
    return place + (top[..., 0] - FINE + offset) / FINE, mid + 0.25 * (right - left) * offset


def candidates(frames: Tensor, settings: VoiceSettings) -> Candidates:
    """The highest peaks of the autocorrelation of frames `[T, W]` between the lags of ceiling and floor."""
    low = math.floor(RATE_HZ / settings.pitch_ceiling_hz)
    high = min(math.ceil(RATE_HZ / settings.pitch_floor_hz), frames.shape[1] // 2)
    normal = autocorrelation(frames, longest=high + SIDE + 2)
    left, mid, right = normal[:, low - 1 : high - 1], normal[:, low:high], normal[:, low + 1 : high + 1]
    is_peak = (mid > left) & (mid >= right) & (mid > 0.5 * settings.voicing_threshold)
    short = mid - settings.octave_cost * torch.log2(settings.pitch_floor_hz / RATE_HZ * torch.arange(low, high))
    best = torch.where(is_peak, short, -torch.inf).topk(settings.candidates, dim=1).indices
    lag, height = sharpen(normal, best + low)
    height = torch.where(height > 1, 1 / height.clamp_min(1e-9), height)
    return Candidates(lag, torch.where(is_peak.gather(1, best), height, 0.0))


def scores(found: Candidates, settings: VoiceSettings) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Octaves `[T, C]` and the worth of each candidate `[T, C]`. Source: Boersma 1993, eq. 24."""
    octave = torch.log2(RATE_HZ / found.lag.double())
    worth = found.height.double() - settings.octave_cost * (math.log2(settings.pitch_floor_hz) - octave)
    return octave.numpy(), torch.where(found.height > 0, worth, -1e3).numpy()


def unvoiced_worth(frames: Tensor, settings: VoiceSettings) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What speaks against a voice in frames `[T, W]` at any pitch: peak `[T]` of the middle 10 ms, and a cost `[T]`.

    The cost is that of an edge: the middle third holds less than half the power of the loudest one, so the period that
    the autocorrelation sees is a neighbour's. Without it a voice begins and ends half a window early and late.
    """
    centred = frames - frames.mean(dim=1, keepdim=True)
    middle, near = frames.shape[1] // 2, round(0.005 * RATE_HZ)
    peak = centred[:, middle - near : middle + near].abs().amax(dim=1)
    third = frames.shape[1] // 3
    power = centred[:, : 3 * third].square().view(len(frames), 3, third).mean(dim=2).clamp_min(1e-12)
    halvings = torch.log2(power.amax(dim=1) / power[:, 1])
    return peak.double().numpy(), (settings.edge_cost * (halvings - 1).clamp_min(0)).double().numpy()


def refine(frames: Tensor, lag: Tensor, settings: VoiceSettings) -> Tensor:
    """The chosen lags `[T]`, measured again at one to six periods: a peak at m periods is m times as exact.

    Peaks weigh with the square of m and of the window's autocorrelation there; one that is not where it is expected,
    within 1.4 samples, does not count. Only what lies below `refine_band_hz` is looked at, so 8 kHz suffice.
    """
    longest = int(0.28 * frames.shape[1])  # in steps of two samples: with its neighbours, a fast transform
    normal = coarse_autocorrelation(frames, band_hz=settings.refine_band_hz, longest=longest + SIDE + 2)
    window = window_autocorrelation(frames.shape[1], fast_size(frames.shape[1] + 2 * (longest + SIDE + 2)))[::2]
    total, weights, best = torch.zeros_like(lag), torch.zeros_like(lag), lag / 2
    for periods in (torch.tensor([1.0]), torch.tensor([2.0, 3.0]), torch.tensor([4.0, 5.0, 6.0])):
        target = periods * best[:, None]
        place, height = sharpen(normal, target.round().long().clamp(1, longest))
        seen = (target < longest) & ((place - target).abs() < 0.7) & (height > 0.3)
        weight = torch.where(seen, (periods * window[place.round().long().clamp(0, longest)]).square(), 0.0)
        total, weights = total + (weight * place / periods).sum(dim=1), weights + weight.sum(dim=1)
        best = torch.where(weights > 0, total / weights.clamp_min(1e-9), best)
    return 2 * best


def paths(
    octave: NDArray[np.float64], voiced: NDArray[np.float64], unvoiced: NDArray[np.float64], settings: VoiceSettings
) -> NDArray[np.int64]:
    """Viterbi over many stretches at once: octaves and worths `[B, T, C]`, worth of 'unvoiced' `[B, T]`.

    Returns the chosen candidate `[B, T]`, C for unvoiced. Source: Boersma 1993, eq. 27 and 28.
    """
    stretches, steps, count = voiced.shape
    scale = 0.01 / settings.hop_s  # the published costs are for steps of 10 ms
    octave = np.ascontiguousarray(octave.transpose(1, 2, 0))  # [T, C, B]: a step of all stretches lies together
    worth = np.concatenate((voiced.transpose(1, 2, 0), unvoiced.T[:, None]), axis=1)
    reach = np.full((steps, count + 1, count + 1, stretches), -scale * settings.voicing_cost)  # from, to
    reach[:, count, count] = 0.0
    jump = np.abs(octave[:-1, :, None] - octave[1:, None, :])
    reach[1:, :count, :count] = np.multiply(jump, -scale * settings.octave_jump_cost, out=jump)
    best = worth[0]
    for t in range(1, steps):
        reach[t] += best[:, None]
        best = reach[t].max(axis=0) + worth[t]
    path = np.empty((steps, stretches), np.int64)
    path[-1] = best.argmax(axis=0)
    rows = np.arange(stretches)
    for t in range(steps - 1, 0, -1):
        path[t - 1] = reach[t][:, path[t], rows].argmax(axis=0)
    return path.T
