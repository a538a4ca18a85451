"""The mergeable audit sketch: integer sums per subject and cell, from which every sum metric follows exactly."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput
from vemo_audit.records.labels import LabelSet
from vemo_audit.records.scored import UNKNOWN, Scored

BINS = 15
"""Equal-width bins of top-label confidence. Source: Guo et al. 2017, arXiv:1706.04599."""
SHARE_BITS = 40
"""Sums of confidence and Brier scores are kept in units of 2^-40: 8e6 rows per subject and bin before an overflow."""
NLL_BITS = 36
NLL_FLOOR = 1e-12
"""Probabilities below this are raised to it before the logarithm; how often that happened is counted."""
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


@dataclass(frozen=True, eq=False)
class Sketch:
    """One row of integers per (subject, cell) seen, where a cell is one value (or UNKNOWN) of every trait.

    Rows are sorted by subject and cell, so the same evidence has the same bytes whatever road it came by.
    It holds counts per subject, so it is pseudonymous personal data: keep it with the evidence, never in a report.
    """

    recognizer: str
    dataset: str
    labels: LabelSet
    unit: str
    subjects: tuple[str, ...]  # sorted; only those with rows
    vocabulary: Mapping[str, tuple[str, ...]]  # sorted names of the codes of each trait, traits sorted
    subject: NDArray[np.int32]  # [R]
    cells: NDArray[np.int16]  # [R, T], traits in the order of `vocabulary`
    counts: Ints  # [R, Layout.count_width]
    shards: tuple[str, ...] = ()  # digests of the tables that went in

    @staticmethod
    def of(scored: Scored, *, shard: str = "") -> "Sketch":
        """The sketch of scored rows. `shard` names the table they came from, so that nothing is counted twice."""
        traits = sorted(scored.traits)
        vocabulary = {name: tuple(sorted(scored.vocabulary[name])) for name in traits}
        seen = np.unique(scored.subject)
        names = sorted(scored.subjects[i] for i in seen)
        rank = {name: i for i, name in enumerate(names)}
        code = np.array([rank.get(name, -1) for name in scored.subjects], np.int64)
        key = code[scored.subject]
        for name in traits:
            place = {value: i for i, value in enumerate(vocabulary[name])}
            # the last entry is reached by UNKNOWN = -1
            recode = np.array([place[value] + 1 for value in scored.vocabulary[name]] + [0], np.int64)
            key = key * (len(place) + 1) + recode[scored.traits[name]]
        radix = [len(vocabulary[name]) + 1 for name in traits]
        row, kept = _dense(key, len(names) * int(np.prod(radix, dtype=np.int64)))
        cells = np.empty((len(kept), len(traits)), np.int16)
        for column in reversed(range(len(traits))):
            kept, cells[:, column] = np.divmod(kept, radix[column])
        return Sketch(
            scored.recognizer, scored.dataset, scored.labels, scored.unit, tuple(names), MappingProxyType(vocabulary),
            kept.astype(np.int32), cells + np.int16(UNKNOWN), _counts(scored, row, len(kept)),
            (shard,) if shard else (),
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.subject)

    @property
    def traits(self) -> Mapping[str, NDArray[np.int16]]:
        """Codes `[R]` of each trait, as in `Scored`."""
        return {name: self.cells[:, i] for i, name in enumerate(self.vocabulary)}

    def without_subject(self, subject: str) -> "Sketch":
        """The same evidence had this subject never taken part: byte for byte a sketch of the other rows.

        Raises BadInput when the subject has no rows.
        """
        if subject not in self.subjects:
            raise BadInput(f"the subject '{subject}'", where="sketch", expected="a subject with rows in this sketch")
        gone = self.subjects.index(subject)
        keep = self.subject != gone
        moved = self.subject[keep] - (self.subject[keep] > gone)
        names = self.subjects[:gone] + self.subjects[gone + 1 :]
        return replace(
            self, subjects=names, subject=moved.astype(np.int32), cells=self.cells[keep], counts=self.counts[keep]
        )

    def to_bytes(self) -> bytes:
        """The canonical bytes of all that is held."""
        head = [self.recognizer, self.dataset, list(self.labels.names), self.unit, list(self.subjects)]
        parts = [repr([*head, dict(self.vocabulary), list(self.shards)]).encode()]
        parts += [np.ascontiguousarray(a).astype(a.dtype.newbyteorder("<")).tobytes() for a in self._arrays()]
        return b"\0".join(parts)

    def _arrays(self) -> tuple[NDArray[np.int32], NDArray[np.int16], Ints]:
        return self.subject, self.cells, self.counts

    def sums(self, rows: NDArray[np.bool_] | None = None) -> tuple[NDArray[np.int32], Floats]:
        """Subjects `[S]` of the chosen rows, and for each its sums `[S, Layout.sum_width]` in natural units.

        The last blocks hold the squares and products per bin that a cluster variance needs; they add up over
        subjects like everything else.
        """
        subject = self.subject if rows is None else self.subject[rows]
        counts = self.counts if rows is None else self.counts[rows]
        layout = Layout(len(self.labels))
        if not len(subject):
            return subject, np.zeros((0, layout.sum_width))
        first = np.flatnonzero(np.r_[True, subject[1:] != subject[:-1]])
        totals = np.add.reduceat(counts, first, axis=0)
        sums = np.zeros((len(first), layout.sum_width))
        sums[:, 0] = 1
        sums[:, 1 : 1 + layout.count_width] = totals
        for name, bits in (("confidence", SHARE_BITS), ("brier", SHARE_BITS), ("nll", NLL_BITS)):
            sums[:, layout.block(name)] *= 2.0**-bits
        n = sums[:, layout.block("rows")]
        gap = sums[:, layout.block("confidence")] - sums[:, layout.block("hits")]
        sums[:, layout.block("present")] = n > 0
        sums[:, layout.block("gap_gap")] = gap * gap
        sums[:, layout.block("gap_rows")] = gap * n
        sums[:, layout.block("rows_rows")] = n * n
        return subject[first], sums


def merge(a: Sketch, b: Sketch) -> Sketch:
    """Both bodies of evidence as one. Associative and commutative to the byte.

    Raises BadInput, naming both values, when they cannot be added or share a shard.
    """
    for what in ("recognizer", "dataset", "labels", "unit", "vocabulary"):
        left, right = getattr(a, what), getattr(b, what)
        if left != right:
            raise BadInput(
                f"{what} {left!r} and {right!r}", where="merge", expected=f"the same {what} in both sketches"
            )
    twice = set(a.shards) & set(b.shards)
    if twice:
        raise BadInput(f"the shard {min(twice)} in both sketches", where="merge", expected="every shard once")
    names = tuple(sorted({*a.subjects, *b.subjects}))
    rank = {name: i for i, name in enumerate(names)}
    subject = np.concatenate(
        [np.array([rank[name] for name in part.subjects], np.int32)[part.subject] for part in (a, b)]
    )
    cells, counts = np.concatenate([a.cells, b.cells]), np.concatenate([a.counts, b.counts])
    order = np.lexsort((*cells.T[::-1], subject))
    subject, cells, counts = subject[order], cells[order], counts[order]
    if len(subject):
        changed = (subject[1:] != subject[:-1]) | np.any(cells[1:] != cells[:-1], axis=1)
        first = np.flatnonzero(np.r_[True, changed])
        subject, cells, counts = subject[first], cells[first], np.add.reduceat(counts, first, axis=0)
        if counts.min() < 0:
            raise BadInput("an overflow of the integer sums", where="merge", expected="fewer than 8e6 rows per subject")
    return replace(
        a, subjects=names, subject=subject, cells=cells, counts=counts, shards=tuple(sorted({*a.shards, *b.shards}))
    )


def _dense(key: Ints, size: int) -> tuple[Ints, Ints]:
    """Rank `[N]` of each key among the keys that occur, and those keys in order."""
    if size > 8 * max(len(key), 1 << 16):
        kept, row = np.unique(key, return_inverse=True)
        return row.reshape(-1), kept
    present = np.zeros(size, bool)
    present[key] = True
    return (np.cumsum(present) - 1)[key], np.flatnonzero(present)


def _counts(scored: Scored, row: Ints, size: int) -> Ints:
    """Integer counts `[size, Layout.count_width]` of the scored rows that fall into each row of a sketch."""
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
            counts, row[part][answered], probability,
            truth[answered], predicted[answered], None if weight is None else weight[answered],
        )  # fmt: skip
    return counts


def _add_scores(
    counts: Ints, row: Ints, probability: Floats, truth: Ints, predicted: Ints, weight: Ints | None
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
