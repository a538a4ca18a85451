"""Metrics of stated probabilities, over the rows that were answered."""

import math

import numpy as np

from vemo_audit.evaluation.metrics.interface import Floats, SumMetric, block, ratio
from vemo_audit.evaluation.tally import NLL_FLOOR


def answered_of(sums: Floats) -> Floats:
    """Rows with an answer `[...]`."""
    total: Floats = block(sums, "rows").sum(axis=-1)
    return total


def ece_of(sums: Floats) -> Floats:
    """Top-label expected calibration error: sum_b |sum of confidence - hits| / n over 15 equal-width bins; 0 is best.

    It is biased upward, more so in small slices. Source: Guo et al. 2017, eq. 3 (arXiv:1706.04599).
    """
    gap = block(sums, "confidence") - block(sums, "hits")
    return ratio(np.abs(gap).sum(axis=-1), answered_of(sums))


def debiased_square_of(sums: Floats) -> Floats:
    """sum_b (n_b / n) (gap_b^2 - v_b), where v_b is the variance of gap_b between subjects; may be negative.

    v_b = m/(m - 1) sum_s (d_s - gap_b n_s)^2 / n_b^2, the linearised cluster variance of a ratio, with d_s and n_s the
    gap and the rows of subject s in bin b, and m its subjects there. A bin of one subject says nothing on the spread
    between subjects and counts as 0.
    Source: Kumar et al. 2019 (arXiv:1909.10155), with a cluster variance in place of their binomial one.
    """
    n, m = block(sums, "rows"), block(sums, "present")
    gap = ratio(block(sums, "confidence") - block(sums, "hits"), n)
    spread = block(sums, "gap_gap") - 2 * gap * block(sums, "gap_rows") + gap**2 * block(sums, "rows_rows")
    variance = ratio(m, np.maximum(m - 1, 0)) * ratio(np.maximum(spread, 0.0), n**2)
    share = ratio(n, answered_of(sums)[..., None])
    parts = np.where((n > 0) & (m > 1), share * (gap**2 - variance), 0.0)
    return np.where(answered_of(sums) > 0, parts.sum(axis=-1), np.nan)


def root_of(squares: Floats) -> Floats:
    """sqrt(max(0, x))."""
    return np.sqrt(np.maximum(squares, 0.0))


def overconfidence_of(sums: Floats) -> Floats:
    """Mean top-label confidence minus hit rate; above 0 the recognizer is surer than it is right."""
    gap = block(sums, "confidence") - block(sums, "hits")
    return ratio(gap.sum(axis=-1), answered_of(sums))


def brier_of(sums: Floats) -> Floats:
    """Mean of sum_k (p_k - 1[y = k])^2, from 0 to 2. Source: Brier 1950, Monthly Weather Review 78(1)."""
    return ratio(block(sums, "brier")[..., 0], answered_of(sums))


def nll_of(sums: Floats) -> Floats:
    """Mean of -log p_y in nats, with p_y raised to at least 1e-12."""
    return ratio(block(sums, "nll")[..., 0], answered_of(sums))


ALL = (
    SumMetric("ece", "low", (0.0, 1.0), ece_of, answered_of, biased=True, biased_by_size=True),
    SumMetric("debiased_ece", "low", (0.0, 1.0), debiased_square_of, answered_of, scale=root_of, biased=True),
    SumMetric("brier", "low", (0.0, 2.0), brier_of, answered_of),
    SumMetric("nll", "low", (0.0, -math.log(NLL_FLOOR)), nll_of, answered_of),
    SumMetric("overconfidence", "zero", (-1.0, 1.0), overconfidence_of, answered_of),
)
