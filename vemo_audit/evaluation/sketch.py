"""The mergeable audit sketch: integer sums per subject and cell, from which every sum metric follows exactly."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput
from vemo_audit.evaluation.tally import NLL_BITS, SHARE_BITS, Floats, Ints, Layout, counts_of
from vemo_audit.records.labels import LabelSet
from vemo_audit.records.scored import UNKNOWN, Scored


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
        subject, cells = _decoded(kept, radix)
        return Sketch(
            scored.recognizer, scored.dataset, scored.labels, scored.unit, tuple(names), MappingProxyType(vocabulary),
            subject, cells, counts_of(scored, row, len(kept)), (shard,) if shard else (),
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


def merge(*parts: Sketch) -> Sketch:
    """All bodies of evidence as one. Associative and commutative to the byte.

    Raises BadInput, naming both values, when they cannot be added or share a shard.
    """
    if not parts:
        raise BadInput("nothing to merge", where="merge", expected="one sketch or more")
    first, shards = parts[0], list(parts[0].shards)
    for part in parts[1:]:
        for what in ("recognizer", "dataset", "labels", "unit", "vocabulary"):
            left, right = getattr(first, what), getattr(part, what)
            if left != right:
                raise BadInput(f"{what} {left!r} and {right!r}", where="merge", expected=f"the same {what} in all")
        twice = set(shards) & set(part.shards)
        if twice:
            raise BadInput(f"the shard {min(twice)} twice", where="merge", expected="every shard once")
        shards += part.shards
    names = tuple(sorted({name for part in parts for name in part.subjects}))
    rank = {name: i for i, name in enumerate(names)}
    radix = [len(values) + 1 for values in first.vocabulary.values()]
    keys = [_keys(part, rank, radix) for part in parts]
    rows, kept = _dense(np.concatenate(keys), len(names) * int(np.prod(radix, dtype=np.int64)))
    counts = np.zeros((len(kept), first.counts.shape[1]), np.int64)
    end = 0
    for part in parts:
        start, end = end, end + len(part)
        counts[rows[start:end]] += part.counts  # a part has each row once
    if counts.size and counts.min() < 0:
        raise BadInput("an overflow of the integer sums", where="merge", expected="fewer than 4e6 rows per subject")
    subject, cells = _decoded(kept, radix)
    return replace(first, subjects=names, subject=subject, cells=cells, counts=counts, shards=tuple(sorted(shards)))


def _keys(part: Sketch, rank: Mapping[str, int], radix: list[int]) -> Ints:
    """One integer per row that sorts by subject, then cell."""
    key = np.array([rank[name] for name in part.subjects], np.int64)[part.subject]
    for column, size in enumerate(radix):
        key = key * size + (part.cells[:, column] - UNKNOWN)
    return key


def _decoded(keys: Ints, radix: list[int]) -> tuple[NDArray[np.int32], NDArray[np.int16]]:
    """Subjects and cells of such integers."""
    cells = np.empty((len(keys), len(radix)), np.int16)
    for column in reversed(range(len(radix))):
        keys, code = np.divmod(keys, radix[column])
        cells[:, column] = code + UNKNOWN
    return keys.astype(np.int32), cells


def _dense(key: Ints, size: int) -> tuple[Ints, Ints]:
    """Rank `[N]` of each key among the keys that occur, and those keys in order."""
    if size > 8 * max(len(key), 1 << 16):
        kept, row = np.unique(key, return_inverse=True)
        return row.reshape(-1), kept
    present = np.zeros(size, bool)
    present[key] = True
    return (np.cumsum(present) - 1)[key], np.flatnonzero(present)
