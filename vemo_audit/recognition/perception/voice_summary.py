"""One window of a voice as one row of numbers, whole or as the contours come in: what the voice head reads."""

import math
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from vemo_audit.recognition.perception.voice import VoiceContours, joined
from vemo_audit.recognition.perception.voice_activity import tempo

STATISTICS = ("mean", "sd", "low", "high", "slope")
BY_PERIOD = ("harmonics_db", "jitter", "shimmer")
BY_TILT = ("alpha_db", "hammarberg_db", "slope_low_db_per_khz", "slope_high_db_per_khz")
NAMES = (
    *(f"pitch_{s}" for s in STATISTICS),
    *(f"intensity_{s}" for s in STATISTICS[1:]),
    *(f"{name}_{s}" for name in BY_TILT for s in STATISTICS),
    *(f"{name}_{s}" for name in BY_PERIOD for s in STATISTICS[:4]),
    "strength_mean",
    "voiced_share",
    "pitch_step",
    "intensity_step",
    "syllables_hz",
    "pause_share",
    "run_s",
    *(f"cepstrum{k}_mean" for k in range(1, 13)),
    *(f"cepstrum{k}_sd" for k in range(13)),
    *(f"cepstrum{k}_step" for k in range(13)),
    *(f"cepstrum{k}_low" for k in range(1, 13)),
    *(f"cepstrum{k}_high" for k in range(1, 13)),
    *(f"cepstrum{k}_voiced_mean" for k in range(1, 13)),
    *(f"cepstrum{k}_voiced_sd" for k in range(13)),
    *(f"cepstrum{k}_bend" for k in range(13)),
)
"""Names of the numbers, in order. Loudness is relative to the mean of its window: its level is the microphone's."""
MEANS = tuple(name for name in NAMES if name.endswith("_mean"))
"""The baseline that every further number must beat: means over the frames that are there, nothing about time."""
LEAST_VOICED = 10
"""Voiced frames below which a window holds no voice."""
HEARD_DB = 40.0
"""Frames further than this below the loudest of their window are not described."""


def summarise(contours: VoiceContours, start_s: float, end_s: float) -> NDArray[np.float32] | None:
    """The numbers `[len(NAMES)]` of a window, NaN where a part is missing.

    None when next to nothing in the window is voiced, or all of it is digital silence: an absent voice, not a calm one.
    """
    part = contours.where(slice(*np.searchsorted(contours.time_s, (start_s, end_s))))
    voiced = np.isfinite(part.pitch_hz)
    if voiced.sum() < LEAST_VOICED or not np.isfinite(part.intensity_db).any():
        return None
    heard = np.nan_to_num(part.intensity_db, nan=-np.inf) > np.nanmax(part.intensity_db) - HEARD_DB
    pitch = semitones(part.pitch_hz)
    loudness = part.intensity_db - part.intensity_db[heard].mean()
    pace = tempo(part.intensity_db, voiced, part.speech)
    row = [
        *statistics(part.time_s[voiced], pitch[voiced]),
        *statistics(part.time_s[heard], loudness[heard])[1:],
        *(number for name in BY_TILT for number in statistics(part.time_s[voiced], getattr(part, name)[voiced])),
        *(number for name in BY_PERIOD for number in _present(part.time_s, getattr(part, name))[:4]),
        float(part.strength[voiced].mean()),
        float(voiced[heard].mean()),
        step(pitch),
        step(np.where(heard, part.intensity_db, np.nan)),
        pace.syllables_hz,
        pace.pause_share,
        pace.run_s,
        *_cepstral(part.cepstrum, heard, voiced),
    ]
    return np.asarray(row, dtype=np.float32)


def summaries(
    contours: Iterable[VoiceContours], windows: Iterable[tuple[float, float]]
) -> Iterator[NDArray[np.float32] | None]:
    """`summarise` of each window (start and end in s, neither ever falling) as the contours come in.

    Holds no more than the widest window and what the contours bring at once.
    """
    coming = iter(contours)
    held, ended = joined(()), False
    for start_s, end_s in windows:
        while not ended and (not len(held) or held.time_s[-1] < end_s):
            more = next(coming, None)
            ended = more is None
            held = held if more is None else joined((held.where(held.time_s >= start_s), more))
        yield summarise(held, start_s, end_s)


def _cepstral(cepstrum: NDArray[np.float32], heard: NDArray[np.bool_], voiced: NDArray[np.bool_]) -> list[float]:
    """Level, spread and movement of the cepstrum `[T, 13]`: over what is heard, and over what is voiced."""
    loud, sung = cepstrum[heard], cepstrum[voiced]
    low, high = np.percentile(loud, [20, 80], axis=0)
    first, second = np.abs(np.diff(cepstrum, axis=0))[heard[1:]], np.abs(np.diff(cepstrum, 2, axis=0))[heard[2:]]
    none = np.full(cepstrum.shape[1], math.nan)
    return np.concatenate([
        loud.mean(axis=0)[1:], loud.std(axis=0), first.mean(axis=0) if len(first) else none, low[1:], high[1:],
        sung.mean(axis=0)[1:], sung.std(axis=0), second.mean(axis=0) if len(second) else none,
    ]).tolist()  # fmt: skip


def semitones(hz: NDArray[np.float32]) -> NDArray[np.float32]:
    """Pitch in semitones above 27.5 Hz."""
    return (12 * np.log2(hz / 27.5)).astype(np.float32)


def _present(time_s: NDArray[np.float64], values: NDArray[np.float32]) -> tuple[float, ...]:
    """`statistics` of what is not NaN; NaN when nothing is."""
    there = np.isfinite(values)
    return statistics(time_s[there], values[there]) if there.any() else (math.nan,) * 5


def statistics(time_s: NDArray[np.float64], values: NDArray[np.float32]) -> tuple[float, ...]:
    """Mean, standard deviation, 20th and 80th percentile, and slope per second of values `[T]` at times `[T]`."""
    centred = time_s - time_s.mean()
    spread = float((centred**2).sum())
    slope = float((centred * values).sum() / spread) if spread > 0 else math.nan
    low, high = np.percentile(values, [20, 80])
    return float(values.mean()), float(values.std()), float(low), float(high), slope


def step(values: NDArray[np.float32]) -> float:
    """Mean absolute change between neighbours that are both present; NaN when there are none."""
    changes = np.abs(np.diff(values))
    changes = changes[np.isfinite(changes)]
    return float(changes.mean()) if len(changes) else math.nan
