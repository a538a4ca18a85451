"""Whose voice it is: the person whose mouth moves with the loudness, or nobody."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class OwnerSettings:
    """When a voice is somebody's. Levels chosen so that chance seldom reaches them in a 4 s window of 25 frames/s."""

    lag_s: float = 0.2  # the mouth may lead or follow the sound by so much
    lag_step_s: float = 0.04
    least_correlation: float = 0.35
    margin: float = 0.15  # over everybody else
    least_s: float = 1.0  # of mouth and sound together
    least_share: float = 0.6  # of the times, in which the mouth was seen


def attribute(
    mouth_speed: Mapping[str, NDArray[np.floating]],
    time_s: NDArray[np.float64],
    *,
    intensity_db: NDArray[np.floating],
    heard_s: NDArray[np.float64],
    settings: OwnerSettings = OwnerSettings(),
) -> str | None:
    """The person a voice belongs to; None when it cannot be told.

    `mouth_speed` is the absolute speed of mouth opening `[T]` of each person at `time_s` `[T]` (any unit, NaN unseen);
    `intensity_db` `[S]` is the loudness at `heard_s` `[S]` (NaN in digital silence). A person is named when their
    correlation, the best within the lags, is at least `least_correlation` and `margin` above everybody else's. A mouth
    that was not seen cannot be ruled out: then nobody is named. Nobody in the picture, or no sound: None.
    """
    if not mouth_speed or len(time_s) < 3 or np.isfinite(intensity_db).sum() < 3:
        return None
    found = {
        person: likeness(speed, time_s, intensity_db=intensity_db, heard_s=heard_s, settings=settings)
        for person, speed in mouth_speed.items()
    }
    if not all(np.isfinite(value) for value in found.values()):
        return None
    best = max(found, key=lambda person: found[person])
    others = max((value for person, value in found.items() if person != best), default=-1.0)
    if found[best] < settings.least_correlation or found[best] - others < settings.margin:
        return None
    return best


def likeness(
    speed: NDArray[np.floating], time_s: NDArray[np.float64], *, intensity_db: NDArray[np.floating],
    heard_s: NDArray[np.float64], settings: OwnerSettings,
) -> float:  # fmt: skip
    """Pearson correlation of mouth speed and loudness at the best lag, -1 to 1; NaN when too little was seen.

    A mouth or a sound that never changes correlates 0.
    """
    seen = np.isfinite(speed)
    if seen.mean() < settings.least_share:
        return float("nan")
    step_s = float(np.median(np.diff(time_s)))
    sound = np.isfinite(intensity_db)
    count = round(settings.lag_s / settings.lag_step_s)
    best = float("nan")
    for k in range(-count, count + 1):
        moved = time_s + k * settings.lag_step_s
        loud = np.interp(moved, heard_s[sound], intensity_db[sound])
        # A gap in the sound is not bridged: only times with a heard neighbour count.
        nearest = np.abs(heard_s[sound][np.clip(np.searchsorted(heard_s[sound], moved), 0, sound.sum() - 1)] - moved)
        both = seen & (nearest <= max(step_s, 0.02))
        if both.sum() * step_s < settings.least_s:
            continue
        value = correlation(speed[both], loud[both])
        best = value if not best >= value else best
    return best


def correlation(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Pearson's r of two rows `[N]`; 0 when either is constant."""
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float((a * b).sum()) / scale if scale > 1e-12 else 0.0
