"""From subjects to intervals: jackknife, cluster-t and the cluster bootstrap; the row is never the unit."""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.special import stdtrit

from vemo_audit.errors import BadInput
from vemo_audit.evaluation.metrics.interface import SumMetric
from vemo_audit.evaluation.sketch import Sketch
from vemo_audit.evaluation.slices import Slice
from vemo_audit.records.measurement import Interval

Floats = NDArray[np.float64]

FEWEST_CLUSTERS = 3.0
"""Kish-effective subjects below which no interval is made: the coverage simulations reach down to there."""
_CHUNK_ENTRIES = 1 << 20
_PRODUCT_ENTRIES = 1 << 22
_KEEP_BYTES = 1 << 27
_GRID = 2.0**24
_FINITE_SHARE = 0.9


@dataclass(eq=False)
class Draws:
    """Bootstrap weights shared by every number of an audit: how often each subject was drawn, `[draws, subjects]`.

    Chunk c has a generator of its own, keyed by (seed, c), and a size that depends on the number of subjects only, so
    the weights do not depend on threads or on what was asked before.
    """

    subjects: int
    draws: int
    seed: int
    _kept: dict[int, NDArray[np.uint8]] = field(default_factory=dict, repr=False)

    @property
    def chunk(self) -> int:
        """Draws in one chunk."""
        return max(1, _CHUNK_ENTRIES // max(self.subjects, 1))

    def weights(self, start: int) -> NDArray[np.uint8]:
        """Weights `[<= chunk, subjects]` of the chunk that begins at draw `start`; each row sums to `subjects`."""
        if start in self._kept:
            return self._kept[start]
        size = min(self.chunk, self.draws - start)
        rng = np.random.Generator(np.random.PCG64([self.seed, start]))
        picked = rng.integers(0, self.subjects, size=(size, self.subjects), dtype=np.uint32).astype(np.intp)
        picked += (np.arange(size) * self.subjects)[:, None]
        weights = np.bincount(picked.ravel(), minlength=size * self.subjects).astype(np.uint8)
        made = weights.reshape(size, self.subjects)
        if self.subjects * self.draws <= _KEEP_BYTES:
            self._kept[start] = made
        return made

    def totals(self, subject: NDArray[np.int32], sums: Floats) -> Floats:
        """Sums `[draws, width]` of every draw, for subjects `[S]` with sums `[S, width]`.

        Sums are rounded to multiples of 2^-24 first, so that adding them never rounds, whatever the order: the result
        is the same on any number of threads.
        """
        exact = np.rint(sums * _GRID) / _GRID
        out = np.empty((self.draws, sums.shape[1]))
        together = max(1, _PRODUCT_ENTRIES // (max(len(subject), 1) * self.chunk)) * self.chunk
        for first in range(0, self.draws, together):  # few large products: small ones wait for each other
            starts = range(first, min(first + together, self.draws), self.chunk)
            chosen = np.concatenate([self.weights(start)[:, subject] for start in starts])
            out[first : first + len(chosen)] = chosen.astype(np.float64) @ exact
        return out


def draws(subject_count: int, draws: int, rng: Generator) -> Draws:
    """`draws` resamples of that many subjects with replacement.

    Raises BadInput for no subjects or fewer than 100 draws.
    """
    if subject_count < 1 or draws < 100:
        raise BadInput(f"{draws} draws of {subject_count} subjects", expected="at least one subject and 100 draws")
    return Draws(subject_count, draws, int(rng.integers(0, 2**63)))


class Evidence:
    """The subjects of one slice with their sums, and (made once, when first asked for) their bootstrap totals."""

    def __init__(self, sketch: Sketch, one: Slice, *, draws: Draws | None = None) -> None:
        if draws is not None and draws.subjects != len(sketch.subjects):
            raise BadInput(f"draws of {draws.subjects} subjects", expected=f"the {len(sketch.subjects)} of the sketch")
        self.slice = one
        self.subject, self.sums = sketch.sums(one.mask(sketch) if one.conditions else None)
        self.total = self.sums.sum(axis=0)
        self._draws = draws
        self._totals: Floats | None = None

    def __len__(self) -> int:
        return len(self.subject)

    def value(self, metric: SumMetric) -> float:
        """The metric of the slice."""
        return float(metric.from_sums(self.total))

    def left_out(self, metric: SumMetric) -> Floats:
        """The metric `[S]`, on its interval scale, with each subject left out in turn; exact."""
        return metric.smooth(self.total - self.sums)

    def resampled(self, metric: SumMetric) -> Floats | None:
        """The metric `[draws]` of every draw; None when there are no draws."""
        if self._draws is None:
            return None
        if self._totals is None:
            self._totals = self._draws.totals(self.subject, self.sums)
        return metric.from_sums(self._totals)


def jackknife_variance(left_out: Floats) -> float:
    """(S - 1)/S sum (T_(i) - mean)^2 of values with one subject left out; NaN for fewer than two.

    Source: Efron & Stein 1981, doi:10.1214/aos/1176345462.
    """
    count = len(left_out)
    if count < 2:
        return math.nan
    return float((count - 1) / count * np.sum((left_out - left_out.mean()) ** 2))


def kish(rows: Floats) -> float:
    """Effective number of clusters of sizes `rows`: (sum n)^2 / sum n^2; 0 for none.

    Source: Kish 1965, Survey Sampling.
    """
    square = float(np.sum(rows.astype(np.float64) ** 2))
    return float(np.sum(rows)) ** 2 / square if square else 0.0


def student(probability: float, degrees_of_freedom: float) -> float:
    """Quantile of Student's t."""
    return float(stdtrit(degrees_of_freedom, probability))


def satterthwaite(variances: tuple[float, float], degrees: tuple[float, float]) -> float:
    """Degrees of freedom of a sum of two variances. Source: Satterthwaite 1946, doi:10.2307/3002019."""
    below = sum(v**2 / df for v, df in zip(variances, degrees, strict=True))
    return sum(variances) ** 2 / below if below else math.nan


def cluster_t(value: float, variance: float, degrees_of_freedom: float, *, level: float) -> Interval:
    """value -+ t * sqrt(variance), with Student's t."""
    half = student((1 + level) / 2, degrees_of_freedom) * math.sqrt(variance)
    return Interval(value - half, value + half, level, "cluster-t", degrees_of_freedom)


def percentile(resampled: Floats | None, *, level: float) -> Interval | None:
    """Middle `level` of the resampled values; None without draws or when one in ten is undefined."""
    if resampled is None:
        return None
    finite = resampled[np.isfinite(resampled)]
    if len(finite) < _FINITE_SHARE * len(resampled):
        return None
    low, high = np.quantile(finite, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), level, "percentile")
