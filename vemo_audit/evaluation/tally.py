"""Counts scored rows into exact integer sums, one row of them per subject and cell."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput
from vemo_audit.records.scored import Scored

BINS = 15
"""Equal-width bins of top-label confidence. Source: Guo et al. 2017, arXiv:1706.04599."""
SHARE_BITS = 40
"""Sums of confidence and Brier scores are kept in units of 2^-40: 8e6 rows per subject and bin before an overflow."""
NLL_BITS = 36
NLL_FLOOR = 1e-12
"""Probabilities below this are raised to it before the logarithm; how often that happened is counted."""
MOST_ALIKE = 1 << 20
"""Rows that one weighted row may stand for."""
_CHUNK_ROWS = 1 << 18

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each block lies: in a row of integer counts, and (`subjects` first, spread last) in a row of sums."""

    classes: int

    @property
    def count_width(self) -> int:
        """Columns of the integer counts."""
        return self.classes * (self.classes + 1) + 3 * BINS + 3

    @property
    def sum_width(self) -> int:
        """Columns of a row of sums: one for the subject itself, the counts, and four of spread per bin."""
        return 1 + self.count_width + 4 * BINS

    def block(self, name: str) -> slice:
        """Columns of one block in a row of sums."""
        start = 1 + self.classes * (self.classes + 1)
        scores = start + 3 * BINS
        spread = scores + 3
        return {
            "confusion": slice(1, start),
            "rows": slice(start, start + BINS),
            "hits": slice(start + BINS, start + 2 * BINS),
            "confidence": slice(start + 2 * BINS, scores),
            "brier": slice(scores, scores + 1),
            "nll": slice(scores + 1, scores + 2),
            "floored": slice(scores + 2, spread),
            "present": slice(spread, spread + BINS),
            "gap_gap": slice(spread + BINS, spread + 2 * BINS),
            "gap_rows": slice(spread + 2 * BINS, spread + 3 * BINS),
            "rows_rows": slice(spread + 3 * BINS, spread + 4 * BINS),
        }[name]


@lru_cache(maxsize=256)
def layout_of(sum_width: int) -> Layout:
    """The layout whose rows of sums have this width."""
    for classes in range(2, 1025):
        layout = Layout(classes)
        if layout.sum_width == sum_width:
            return layout
    raise BadInput(f"sums of width {sum_width}", expected="K (K + 1) + 109 columns for K classes")


def counts_of(scored: Scored, row: Ints, size: int) -> Ints:
    """Integer counts `[size, Layout.count_width]` of the scored rows that fall into each row of a sketch."""
    if scored.weight is not None and len(scored) and not 0 < scored.weight.min() <= scored.weight.max() <= MOST_ALIKE:
        raise BadInput(
            f"weights from {scored.weight.min()} to {scored.weight.max()}", where="sketch",
            expected=f"whole numbers from 1 to {MOST_ALIKE}",
        )  # fmt: skip
    k = len(scored.labels)
    layout = Layout(k)
    counts = np.zeros((size, layout.count_width), np.int64)
    for start in range(0, len(scored), _CHUNK_ROWS):
        part = slice(start, start + _CHUNK_ROWS)
        truth, predicted = scored.truth[part].astype(np.int64), scored.predicted[part].astype(np.int64)
        weight = None if scored.weight is None else scored.weight[part].astype(np.int64)
        answer = np.where(predicted < 0, k, predicted)
        cell = (row[part] * k + truth) * (k + 1) + answer
        counts[:, : k * (k + 1)] += _tally(cell, size * k * (k + 1), weight).reshape(size, -1)
        answered = np.flatnonzero(predicted >= 0)
        probability = scored.probability[part][answered].astype(np.float64)
        _add_scores(
            counts, row[part][answered], probability=probability, truth=truth[answered],
            predicted=predicted[answered], weight=None if weight is None else weight[answered],
        )  # fmt: skip
    return counts


def _add_scores(
    counts: Ints, row: Ints, *, probability: Floats, truth: Ints, predicted: Ints, weight: Ints | None
) -> None:
    """Adds calibration bins and proper scores of answered rows to `counts`, in place."""
    size, n, k = len(counts), len(row), probability.shape[1]
    each = np.ones(n, np.int64) if weight is None else weight
    index = np.arange(n)
    confidence, of_truth = probability[index, predicted], probability[index, truth]
    which = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)  # 1.0 falls in the last bin
    place = row * BINS + which
    brier = np.einsum("ij,ij->i", probability, probability) - 2 * of_truth + 1
    nll = -np.log(np.maximum(of_truth, NLL_FLOOR))
    hit = predicted == truth
    blocks = [
        _tally(place, size * BINS, weight),
        _tally(place[hit], size * BINS, None if weight is None else weight[hit]),
        _tally(place, size * BINS, _fixed(confidence, SHARE_BITS) * each),
        _tally(row, size, _fixed(brier, SHARE_BITS) * each),
        _tally(row, size, _fixed(nll, NLL_BITS) * each),
        _tally(row, size, (of_truth < NLL_FLOOR) * each),
    ]
    counts[:, k * (k + 1) :] += np.concatenate([block.reshape(size, -1) for block in blocks], axis=1)


def _fixed(values: Floats, bits: int) -> Ints:
    """Values 0 or more as multiples of 2^-bits."""
    return np.rint(np.maximum(values, 0.0) * 2.0**bits).astype(np.int64)


def _tally(index: Ints, size: int, weight: Ints | None) -> Ints:
    """Exact integer sums of `weight` (ones when None) by index: float halves of 20 bits never round."""
    if weight is None:
        return np.bincount(index, minlength=size).astype(np.int64, copy=False)
    high = np.bincount(index, weights=weight >> 20, minlength=size)
    if high.size and high.max() >= 2.0**42:
        raise BadInput("an overflow of the integer sums", where="sketch", expected="fewer than 4e6 rows per subject")
    low = np.bincount(index, weights=weight & ((1 << 20) - 1), minlength=size)
    return (high.astype(np.int64) << 20) + low.astype(np.int64)
