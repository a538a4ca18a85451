"""One window of a voice as one row of numbers: what the voice head reads."""

import math

import numpy as np
from numpy.typing import NDArray

from vemo_audit.recognition.perception.voice import VoiceContours, semitones, tempo

STATISTICS = ("mean", "sd", "low", "high", "slope")
NAMES = (
    *(f"pitch_{s}" for s in STATISTICS),
    *(f"intensity_{s}" for s in STATISTICS[1:]),
    *(f"tilt_{s}" for s in STATISTICS),
    "strength_mean",
    "voiced_share",
    "pitch_step",
    "intensity_step",
    "syllables_hz",
    "pause_share",
    "run_s",
    *(f"cepstrum{k}_mean" for k in range(1, 13)),
    *(f"cepstrum{k}_sd" for k in range(13)),
    *(f"cepstrum{k}_step" for k in range(1, 13)),
)
"""Names of the numbers, in order. Mean loudness is left out on purpose: it is the microphone's, not the speaker's."""


def summarise(contours: VoiceContours, start_s: float, end_s: float) -> NDArray[np.float32] | None:
    """The numbers `[len(NAMES)]` of a window, NaN where a part is missing.

    None when nothing in the window is voiced, or all of it is digital silence: an absent voice, not a calm one.
    """
    inside = (contours.time_s >= start_s) & (contours.time_s < end_s)
    part = VoiceContours(
        contours.time_s[inside], contours.pitch_hz[inside], contours.strength[inside],
        contours.intensity_db[inside], contours.cepstrum[inside], contours.tilt_db[inside],
    )  # fmt: skip
    voiced = np.isfinite(part.pitch_hz)
    if voiced.sum() < 10 or not np.isfinite(part.intensity_db).any():
        return None
    heard = np.isfinite(part.intensity_db) & (part.intensity_db > np.nanmax(part.intensity_db) - 40)
    pitch = semitones(part.pitch_hz[voiced])
    cepstrum = part.cepstrum[heard]
    steps = np.abs(np.diff(part.cepstrum, axis=0))[heard[1:]]
    pace = tempo(part)
    row = [
        *statistics(part.time_s[voiced], pitch),
        *statistics(part.time_s[heard], part.intensity_db[heard])[1:],
        *statistics(part.time_s[voiced], part.tilt_db[voiced]),
        float(part.strength[voiced].mean()),
        float(voiced[heard].mean()),
        step(semitones(part.pitch_hz)),
        step(np.where(heard, part.intensity_db, np.nan)),
        pace.syllables_hz,
        pace.pause_share,
        pace.run_s,
        *cepstrum.mean(axis=0)[1:],
        *cepstrum.std(axis=0),
        *(steps.mean(axis=0)[1:] if len(steps) else [math.nan] * 12),
    ]
    return np.asarray(row, dtype=np.float32)


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
