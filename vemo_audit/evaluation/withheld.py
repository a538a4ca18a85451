"""Numbers of a group whose size is withheld, coarse enough that the size cannot be computed from them."""

import math
from dataclasses import replace

from vemo_audit.records.measurement import Gap, Interval, Measurement, State

NOTE = "counts withheld: with the total they would reveal a hidden slice"
FINEST = 0.001
IN_WORDS = {
    State.DEGENERATE: "people in the group do not differ, or nobody was answered",
    State.INSUFFICIENT_CLUSTERS: "too few people stand behind it, or one of them holds most rows",
}
"""Instead of reasons that would count people."""


def step(rows: int) -> float:
    """The grid on which a number of so many rows is told: 1, 2 or 5 times a power of ten, never finer than one row.

    A share told in full is a fraction of two whole numbers, and the smallest such fraction gives the rows away. On a
    grid of 1/rows or coarser, every number of rows near the true one has a fraction that is rounded to the same value.
    """
    least = max(FINEST, 1 / max(rows, 1))
    power = 10.0 ** math.floor(math.log10(least) + 1e-9)
    return next(width * power for width in (1, 2, 5, 10) if width * power >= least * (1 - 1e-9))


def coarse_measurement(told: Measurement, *, rows: int) -> Measurement:
    """The same number of `rows` rows, with nothing from which rows or subjects could be counted."""
    grid = step(rows)
    because = "; ".join(filter(None, (IN_WORDS.get(told.state, told.because), NOTE)))
    return replace(
        told, rows=None, subjects=None, value=_nearest(told.value, grid), because=because,
        interval=None if told.interval is None else _wider(told.interval, grid),
        others=tuple(_wider(other, grid) for other in told.others),
    )  # fmt: skip


def coarse_gap(gap: Gap, *, rows: int) -> Gap:
    """The same gap; `rows` are those of the smaller side whose size is withheld.

    Degrees of freedom count people. The smallest detectable gap, divided by the width of the interval, tells the
    degrees of freedom, so it keeps two digits, and so does the correlation.
    """
    grid = step(rows)
    return replace(
        gap, value=_nearest(gap.value, grid), because=IN_WORDS.get(gap.state, gap.because),
        interval=None if gap.interval is None else _wider(gap.interval, grid),
        others=tuple(_wider(other, grid) for other in gap.others),
        minimum_detectable=float(f"{gap.minimum_detectable:.2g}"), icc=float(f"{gap.icc:.2g}"),
    )  # fmt: skip


def _nearest(value: float, grid: float) -> float:
    return round(round(value / grid) * grid, 9) if math.isfinite(value) else value


def _wider(interval: Interval, grid: float) -> Interval:
    """The interval with its ends on the grid, never narrower."""
    low, high = math.floor(interval.low / grid + 1e-9), math.ceil(interval.high / grid - 1e-9)
    return replace(
        interval, low=round(low * grid, 9), high=round(high * grid, 9), degrees_of_freedom=math.nan
    )  # fmt: skip
