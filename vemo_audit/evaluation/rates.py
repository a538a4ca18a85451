"""Rates and means of independent rows, and differences between groups that hold for all pairs of a family at once."""

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from vemo_audit.records.group_figure import GroupFigure, GroupGap

FEWEST = 5
"""Groups of fewer rows are not told. Source: the disclosure limit of slices."""


def wilson(hits: int, rows: int, *, level: float = 0.95) -> tuple[float, float]:
    """The score interval of a share; (NaN, NaN) of nothing.

    Source: Wilson 1927, doi:10.1080/01621459.1927.10502953.
    """
    if not rows:
        return math.nan, math.nan
    z = float(ndtri((1 + level) / 2))
    share = hits / rows
    centre = (share + z * z / (2 * rows)) / (1 + z * z / rows)
    half = z / (1 + z * z / rows) * math.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    low = 0.0 if hits == 0 else max(0.0, centre - half)  # exact at the ends, where rounding leaves a crumb
    high = 1.0 if hits == rows else min(1.0, centre + half)
    return low, high


def newcombe(a: tuple[int, int], b: tuple[int, int], *, level: float = 0.95) -> tuple[float, float, float]:
    """Share of `a` minus share of `b` (each hits of rows) with its interval, from the two Wilson intervals.

    Source: Newcombe 1998, method 10, doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I.
    """
    if not (a[1] and b[1]):
        return math.nan, math.nan, math.nan
    share_a, share_b = a[0] / a[1], b[0] / b[1]
    (low_a, high_a), (low_b, high_b) = (wilson(*one, level=level) for one in (a, b))
    value = share_a - share_b
    below = math.hypot(share_a - low_a, high_b - share_b)
    above = math.hypot(high_a - share_a, share_b - low_b)
    return value, value - below, value + above


def mean_interval(values: NDArray[np.float64], *, level: float = 0.95) -> tuple[float, float, float]:
    """Mean with Student's interval, rows being independent; the interval is NaN below two rows.

    Source: Student 1908, doi:10.1093/biomet/6.1.1.
    """
    if not len(values):
        return math.nan, math.nan, math.nan
    mean = float(values.mean())
    if len(values) < 2:
        return mean, math.nan, math.nan
    half = float(stdtrit(len(values) - 1, (1 + level) / 2)) * float(values.std(ddof=1)) / math.sqrt(len(values))
    return mean, mean - half, mean + half


def welch(
    a: NDArray[np.float64], b: NDArray[np.float64], *, level: float = 0.95
) -> tuple[float, float, float, float]:  # fmt: skip
    """Mean of `a` minus mean of `b`, its interval and its two-sided p; NaN below two rows or without any spread.

    Source: Welch 1947, doi:10.1093/biomet/34.1-2.28.
    """
    if min(len(a), len(b)) < 2:
        return math.nan, math.nan, math.nan, math.nan
    parts = [float(one.var(ddof=1)) / len(one) for one in (a, b)]
    variance, value = sum(parts), float(a.mean() - b.mean())
    if not variance > 0:
        return value, math.nan, math.nan, math.nan
    df = variance**2 / sum(part**2 / (len(one) - 1) for part, one in zip(parts, (a, b), strict=True))
    half = float(stdtrit(df, (1 + level) / 2)) * math.sqrt(variance)
    return value, value - half, value + half, 2 * float(stdtr(df, -abs(value) / math.sqrt(variance)))


def pooled_p(a: tuple[int, int], b: tuple[int, int]) -> float:
    """Two-sided p of equal shares, by the pooled score test; 1 when all rows agree, NaN of nothing.

    Source: Pearson 1900's chi-square of a 2 x 2 table, doi:10.1080/14786440009463897.
    """
    if not (a[1] and b[1]):
        return math.nan
    pooled = (a[0] + b[0]) / (a[1] + b[1])
    variance = pooled * (1 - pooled) * (1 / a[1] + 1 / b[1])
    if not variance > 0:
        return 1.0
    return 2 * float(ndtr(-abs(a[0] / a[1] - b[0] / b[1]) / math.sqrt(variance)))


def holm(p: Sequence[float]) -> tuple[float, ...]:
    """Adjusted p of a family, in its order; NaN stays NaN and does not count.

    Source: Holm 1979, Scandinavian Journal of Statistics 6:65.
    """
    known = sorted((value, k) for k, value in enumerate(p) if math.isfinite(value))
    adjusted, highest = [math.nan] * len(p), 0.0
    for rank, (value, k) in enumerate(known):
        highest = max(highest, min(1.0, (len(known) - rank) * value))
        adjusted[k] = highest
    return tuple(adjusted)


def rate_figure(
    metric: str, hit: NDArray[np.bool_], *, trait: str, group: str, level: float = 0.95, fewest: int = FEWEST
) -> GroupFigure:
    """The share of rows `[N]` that are hits, with its Wilson interval."""
    if len(hit) < fewest:
        return _hidden(metric, trait, group, level=level, method="wilson", unit="share", fewest=fewest)
    hits = int(hit.sum())
    low, high = wilson(hits, len(hit), level=level)
    return GroupFigure(metric, trait, group, len(hit), hits / len(hit), low, high, level, "wilson", "share")


def mean_figure(
    metric: str, values: NDArray[np.float64], *, trait: str, group: str, level: float = 0.95, fewest: int = FEWEST
) -> GroupFigure:
    """The mean of the values `[N]` that are not NaN, with Student's interval."""
    known = values[np.isfinite(values)]
    if len(known) < fewest:
        return _hidden(metric, trait, group, level=level, method="mean-t", unit="plain", fewest=fewest)
    mean, low, high = mean_interval(known, level=level)
    return GroupFigure(metric, trait, group, len(known), mean, low, high, level, "mean-t", "plain")


def gaps(
    metric: str, values: NDArray[np.float64], codes: NDArray[np.object_], *, trait: str, level: float = 0.95,
    fewest: int = FEWEST,
) -> tuple[GroupGap, ...]:  # fmt: skip
    """All pairs of groups, a before b in the alphabet. Values `[N]` of 0 and 1 only are hits, others are averaged.

    NaN is left out. The intervals hold together at `level` (Bonferroni), the p are Holm's over the same pairs. Groups
    of fewer than `fewest` rows are not compared; none or one group gives no pair.
    """
    known = np.isfinite(values)
    names = sorted({str(name) for name in codes[known]})
    parts = {name: values[known & (codes == name)] for name in names}
    pairs = list(combinations([name for name in names if len(parts[name]) >= fewest], 2))
    if not pairs:
        return ()
    each = 1 - (1 - level) / len(pairs)
    shares = bool(np.isin(values[known], (0.0, 1.0)).all())
    method = f"{'newcombe' if shares else 'welch'}, Bonferroni over {len(pairs)}"
    found: list[tuple[float, float, float, float]] = []
    for a, b in pairs:
        if shares:
            hits_a, hits_b = ((int(parts[one].sum()), len(parts[one])) for one in (a, b))
            found.append((*newcombe(hits_a, hits_b, level=each), pooled_p(hits_a, hits_b)))
        else:
            found.append(welch(parts[a], parts[b], level=each))
    adjusted = holm([one[3] for one in found])
    return tuple(
        GroupGap(
            metric, trait, a, b, len(parts[a]), len(parts[b]), value, low, high, level, method, p,
            "share" if shares else "plain",
        )
        for (a, b), (value, low, high, _), p in zip(pairs, found, adjusted, strict=True)
    )  # fmt: skip


def _hidden(
    metric: str, trait: str, group: str, *, level: float, method: str, unit: str, fewest: int
) -> GroupFigure:  # fmt: skip
    because = f"fewer than {fewest} pictures"
    return GroupFigure(metric, trait, group, None, math.nan, math.nan, math.nan, level, method, unit, because)
