"""How much the subjects at hand could have shown, and how many more would decide."""

import math

import numpy as np

from vemo_audit.errors import BadInput
from vemo_audit.evaluation.metrics.accuracy import accuracy_of, rows_of
from vemo_audit.evaluation.metrics.interface import Floats
from vemo_audit.evaluation.resample import student
from vemo_audit.records.measurement import Gap

POWER = 0.8
"""Share of repeated audits in which a gap of the minimum detectable size would be found."""
MOST_SUBJECTS = 1_000_000
"""Plans beyond this are no plans."""


def minimum_detectable(
    variance: float, degrees_of_freedom: float, *, level: float = 0.95, power: float = POWER
) -> float:
    """The smallest true gap that this design finds with that power: (t_(1+level)/2 + t_power) sqrt(V).

    Source: Bloom 1995, doi:10.1177/0193841X9501900504.
    """
    return _quantiles(degrees_of_freedom, level=level, power=power) * math.sqrt(variance)


def intraclass_correlation(*groups: Floats) -> float:
    """Share of the variance of a hit that lies between subjects of the same group; 0 or more.

    `groups` are sums by subject `[S_g, width]`. One-way analysis of variance within groups, unequal sizes:
    (MSB - MSW) / (MSB + (n0 - 1) MSW). NaN with fewer than two subjects or one row each.
    Source: Donner 1986, doi:10.2307/1403259.
    """
    between = within = rows = overlap = 0.0
    subjects = 0
    for sums in groups:
        n = rows_of(sums)
        kept, n = sums[n > 0], n[n > 0]
        if not len(n):
            continue
        share = accuracy_of(kept)
        mean = float(accuracy_of(kept.sum(axis=0)))
        between += float(np.sum(n * (share - mean) ** 2))
        within += float(np.sum(n * share * (1 - share)))
        rows += float(n.sum())
        overlap += float(np.sum(n**2) / n.sum())
        subjects += len(n)
    groups_used = sum(1 for sums in groups if len(sums))
    if subjects <= groups_used or rows <= subjects:
        return math.nan
    mean_between, mean_within = between / (subjects - groups_used), within / (rows - subjects)
    size = (rows - overlap) / (subjects - groups_used)
    below = mean_between + (size - 1) * mean_within
    return max(0.0, (mean_between - mean_within) / below) if below > 0 else math.nan


def subjects_needed(gap: Gap, limit: float) -> int | None:
    """Subjects per group that would decide, with power .8, whether a true gap of the measured size lies within `limit`.

    The variance of one subject is taken from the measured interval; both groups get the same number. None when the gap
    has no interval or group sizes, or lies so near the limit that a million subjects a group would not decide.
    """
    if limit < 0 or not math.isfinite(limit):
        raise BadInput(f"a limit of {limit}", where="subjects_needed", expected="0 or more")
    if gap.interval is None or not gap.subjects_a or not gap.subjects_b or not math.isfinite(gap.value):
        return None
    level, df = gap.interval.level, gap.interval.degrees_of_freedom
    half = (gap.interval.high - gap.interval.low) / 2
    variance = (half / student((1 + level) / 2, df)) ** 2
    of_one = variance / (1 / gap.subjects_a + 1 / gap.subjects_b)
    distance = abs(abs(gap.value) - limit)

    def decides(count: int) -> bool:
        return minimum_detectable(2 * of_one / count, 2 * (count - 1), level=level) <= distance

    low, high = 1, 2
    while not decides(high):
        low, high = high, high * 2
        if high > 2 * MOST_SUBJECTS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if decides(middle) else (middle, high)
    return high if high <= MOST_SUBJECTS else None


def _quantiles(degrees_of_freedom: float, *, level: float, power: float) -> float:
    return student((1 + level) / 2, degrees_of_freedom) + student(power, degrees_of_freedom)
