"""A long clip as equal stretches, so that a chart and its table stay small: borders and means of what is known."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
MOST_MOMENTS = 120
"""Moments in a chart and its table; a longer clip is shown as means over equal stretches."""
FEWEST_MOMENTS = 12
ALL_MOMENTS = 240
"""Moments of all people together: a page stays under its limit of bytes however many people were seen."""
MOST_PEOPLE = ALL_MOMENTS // FEWEST_MOMENTS


def moments(people: int) -> int:
    """How many moments each of so many people gets."""
    return max(FEWEST_MOMENTS, min(MOST_MOMENTS, ALL_MOMENTS // max(people, 1)))


def stretches(time_s: Array, values: Array, *, duration_s: float, most: int) -> tuple[list[float], list[float], Array]:
    """Start, end and means `[S, K]` of at most `most` stretches of values `[T, K]` at times `[T]`.

    Borders lie midway between moments. NaN is left out of a mean; a stretch of nothing else is NaN. No times, none.
    """
    if not len(time_s):
        return [], [], np.zeros((0, values.shape[1]))
    gap_s = float(np.median(np.diff(time_s))) if len(time_s) > 1 else max(duration_s, 1.0)
    middles = (time_s[1:] + time_s[:-1]) / 2
    first, last = max(0.0, float(time_s[0]) - gap_s / 2), float(time_s[-1]) + gap_s / 2
    borders = np.concatenate([[first], middles, [min(last, duration_s) if duration_s > time_s[-1] else last]])
    starts, ends, means = [], [], []
    for part in np.array_split(np.arange(len(time_s)), min(most, len(time_s))):
        rows = values[part].astype(np.float64)
        known = np.isfinite(rows)
        count = known.sum(axis=0)
        total = np.where(known, rows, 0.0).sum(axis=0)
        starts.append(float(borders[part[0]]))
        ends.append(float(borders[part[-1] + 1]))
        means.append(np.where(count > 0, total / np.maximum(count, 1), np.nan))
    return starts, ends, np.array(means)


def note(moments_: int, shown: int) -> str:
    """What a chart says of its stretches; '' where each moment stands for itself."""
    return f"Each stretch is the mean of {moments_ / shown:.1f} moments." if shown < moments_ else ""
