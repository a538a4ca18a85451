"""How far a recognizer's action units follow those of a teacher: agreement between two models, never accuracy."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.special import ndtri

from vemo_audit.errors import BadInput
from vemo_audit.records.group_figure import OVERALL, GroupFigure
from vemo_audit.records.units import UNITS

Floats = NDArray[np.float64]

LEAST_P99 = 0.10
"""A unit whose 99th percentile at the teacher lies below this is not compared. Source: recognition.md, section 9."""
FEWEST_PICTURES = 10
"""Below this a correlation is not told."""
MEAN = "mean agreement"


@dataclass(frozen=True, slots=True)
class Agreement:
    """Pearson r of each compared unit, overall and by group, and the means over the units."""

    figures: tuple[GroupFigure, ...]
    compared: tuple[str, ...]
    not_targets: tuple[str, ...]  # units that the teacher cannot see

    @property
    def mean(self) -> GroupFigure:
        """The mean r over the compared units, of everybody."""
        return next(f for f in self.figures if f.metric == MEAN and f.trait == OVERALL)


def agreement(
    estimates: Floats, teacher: Floats, groups: Mapping[str, NDArray[np.object_]], *, rng: Generator,
    targets: NDArray[np.bool_] | None = None, level: float = 0.95, draws: int = 1000, units: Sequence[str] = UNITS,
) -> Agreement:  # fmt: skip
    """Pearson r between estimates and teacher scores `[N, U]`, a picture a row, NaN where either has none.

    `groups` are traits with the value of each picture `[N]`. `targets [U]` says which units the teacher can see;
    without it they are those whose 99th percentile in `teacher` reaches LEAST_P99. Intervals: Fisher's z for each
    unit, a percentile bootstrap of pictures for the means. The mean is NaN while one compared unit has no r: a unit
    without any variation agrees with nothing, and is not left out of the mean. Raises BadInput for other shapes.
    """
    if estimates.shape != teacher.shape or estimates.ndim != 2 or estimates.shape[1] != len(units):
        raise BadInput(
            f"estimates {estimates.shape} and scores {teacher.shape}", where="agreement with the teacher",
            expected=f"[N, {len(units)}] both",
        )  # fmt: skip
    for trait, codes in groups.items():
        if len(codes) != len(estimates):
            raise BadInput(f"{len(codes)} values of '{trait}'", expected=f"one for each of {len(estimates)} pictures")
    seen = seen_by(teacher) if targets is None else targets & np.isfinite(teacher).any(axis=0)
    names = [unit for unit, kept in zip(units, seen, strict=True) if kept]
    ours, theirs = (np.asarray(one, dtype=np.float64)[:, seen] for one in (estimates, teacher))
    everybody = np.ones(len(ours), dtype=bool)
    parts = [(OVERALL, "everybody", everybody)]
    for trait, codes in groups.items():
        parts += [(trait, str(value), codes == value) for value in sorted({str(one) for one in codes})]
    found: list[GroupFigure] = []
    for trait, group, rows in parts:
        found += _of_group(ours[rows], theirs[rows], names, trait=trait, group=group, rng=rng, level=level, draws=draws)
    return Agreement(tuple(found), tuple(names), tuple(unit for unit in units if unit not in names))


def seen_by(teacher: Floats) -> NDArray[np.bool_]:
    """Which columns of `[N, U]` reach LEAST_P99 at their 99th percentile; NaN is left out, an empty column is not."""
    found = [
        np.percentile(column[np.isfinite(column)], 99) if np.isfinite(column).any() else 0.0 for column in teacher.T
    ]
    return np.asarray(np.array(found) >= LEAST_P99)


def pearson(x: Floats, y: Floats) -> tuple[float, int]:
    """Correlation of the rows where both are known, and their number; NaN where either does not vary.

    Source: Pearson 1895, doi:10.1098/rspl.1895.0041.
    """
    both = np.isfinite(x) & np.isfinite(y)
    x, y = x[both], y[both]
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return math.nan, len(x)
    x, y = x - x.mean(), y - y.mean()
    below = math.sqrt(float(x @ x) * float(y @ y))
    return (float(np.clip(float(x @ y) / below, -1, 1)) if below > 0 else math.nan), len(x)


def fisher(r: float, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """The interval of a correlation of n independent rows; (NaN, NaN) below four rows.

    Source: Fisher 1921, Metron 1:3: atanh(r) +- z / sqrt(n - 3). It takes the two for jointly normal: approximate.
    """
    if n < 4 or not math.isfinite(r):
        return math.nan, math.nan
    z = math.atanh(min(max(r, -1 + 1e-15), 1 - 1e-15))
    half = float(ndtri((1 + level) / 2)) / math.sqrt(n - 3)
    return math.tanh(z - half), math.tanh(z + half)


def _of_group(
    ours: Floats, theirs: Floats, names: Sequence[str], *, trait: str, group: str, rng: Generator, level: float,
    draws: int,
) -> list[GroupFigure]:  # fmt: skip
    found = []
    values = []
    for k, unit in enumerate(names):
        r, n = pearson(ours[:, k], theirs[:, k])
        low, high = fisher(r, n, level=level)
        because = "" if math.isfinite(r) else "no variation, or no picture"
        if n < FEWEST_PICTURES:
            r, low, high, because = math.nan, math.nan, math.nan, f"fewer than {FEWEST_PICTURES} pictures"
        told = n if n >= FEWEST_PICTURES else None
        values.append(r)
        found.append(
            GroupFigure(f"agreement: {unit}", trait, group, told, r, low, high, level, "fisher-z", "plain", because)
        )
    mean = float(np.mean(values)) if values else math.nan
    low, high = _resampled(ours, theirs, rng=rng, level=level, draws=draws) if math.isfinite(mean) else (math.nan,) * 2
    both = int((np.isfinite(ours) & np.isfinite(theirs)).any(axis=1).sum()) if names else 0
    because = "" if math.isfinite(mean) else "a compared unit has no correlation"
    told = both if both >= FEWEST_PICTURES else None
    return [GroupFigure(MEAN, trait, group, told, mean, low, high, level, "bootstrap", "plain", because), *found]


def _resampled(ours: Floats, theirs: Floats, *, rng: Generator, level: float, draws: int) -> tuple[float, float]:
    """Percentile interval of the mean r, pictures drawn with replacement.

    Source: Efron 1979, doi:10.1214/aos/1176344552. Draws in which a unit does not vary are left out.
    """
    both = np.isfinite(ours) & np.isfinite(theirs)
    centred = [np.where(both, one - np.nanmean(np.where(both, one, np.nan), axis=0), 0.0) for one in (ours, theirs)]
    x, y = centred
    sums = np.concatenate([both.astype(np.float64), x, y, x * x, y * y, x * y], axis=1)
    means = []
    for _ in range(draws):
        weight = rng.multinomial(len(ours), np.full(len(ours), 1 / len(ours))).astype(np.float64)
        n, sx, sy, sxx, syy, sxy = (weight @ sums).reshape(6, -1)
        with np.errstate(invalid="ignore", divide="ignore"):
            r = (sxy - sx * sy / n) / np.sqrt((sxx - sx * sx / n) * (syy - sy * sy / n))
        means.append(float(r.mean()))
    kept = np.array([mean for mean in means if math.isfinite(mean)])
    if len(kept) < draws // 2:
        return math.nan, math.nan
    low, high = np.percentile(kept, [50 * (1 - level), 50 * (1 + level)])
    return float(low), float(high)
