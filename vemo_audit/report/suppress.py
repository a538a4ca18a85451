"""Small groups stay hidden: no count of fewer than k people is printed, nor any sum that would give one away."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from vemo_audit.records.audit_run import AuditRun
from vemo_audit.records.measurement import Measurement, State, conditions
from vemo_audit.report.blocks import Cell, Number, Suppressed, Text

BELOW = 5
"""Fewest people whose number may be printed."""
TOTAL = "overall"
Key = tuple[str, str]  # dataset, slice
Pairs = tuple[tuple[str, str], ...]  # trait and value


@dataclass(frozen=True, slots=True)
class Sum:
    """The parts add up to the total: what a reader could subtract."""

    total: Key
    parts: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What may be said about the size of each slice."""

    below: int
    hidden: frozenset[Key]  # fewer than `below` people: no count, no number
    covered: frozenset[Key]  # hidden by the measuring already, to protect another: no count, no number
    coarse: frozenset[Key]  # enough people, but the exact count would give a hidden one away

    def people(self, dataset: str, name: str, count: int | None) -> Cell:
        """The number of people of a slice, as far as it may be printed."""
        key = (dataset, name)
        if key in self.covered:
            return Text("not shown")
        if key in self.coarse:
            return Suppressed(self.below, at_least=True)
        if count is None or key in self.hidden or 0 < count < self.below:
            return Suppressed(self.below)
        return Number(count, unit="count")

    def clips(self, dataset: str, name: str, count: int | None) -> Cell:
        """The number of clips of a slice; not shown where the people are not."""
        if count is None or self.hides(dataset, name) or (dataset, name) in self.coarse:
            return Text("not shown")
        return Number(count, unit="count")

    def hides(self, dataset: str, name: str) -> bool:
        """Whether no number of a slice may be printed."""
        return (dataset, name) in self.hidden or (dataset, name) in self.covered


def disclosure(run: AuditRun, *, below: int = BELOW) -> Disclosure:
    """Primary suppression by count, then complementary suppression until no sum gives a hidden count away."""
    counts = _counts(run)
    judged = {(m.dataset, m.slice): m for m in run.measurements}
    covered = frozenset(key for key, m in judged.items() if m.state is State.HIDDEN and not _is_small(m))
    withheld = {
        key
        for key, count in counts.items()
        if count is None and key in judged and judged[key].state is not State.HIDDEN
    }
    small = {key for key, count in counts.items() if count is None or 0 < count < below}
    hidden = frozenset(small - withheld - covered)
    known = Disclosure(below, hidden, covered, frozenset(withheld))
    return replace(known, coarse=_coarsened(_sums(counts), counts, known)) if hidden else known


def listed(run: AuditRun, found: Disclosure) -> AuditRun:
    """The run without the parts of hidden groups: a list of them alone would tell how many people there are."""

    def inside(m: Measurement) -> bool:
        return any(pairs and found.hides(m.dataset, slice_name(pairs)) for pairs in _wider(slice_key(m.slice)))

    return replace(run, measurements=tuple(m for m in run.measurements if not inside(m)))


def slice_key(name: str) -> Pairs:
    """'sex=female & age=old' as pairs of trait and value, sorted; () for the whole sample."""
    return tuple(sorted(conditions(name)))


def slice_name(pairs: Pairs) -> str:
    """The name that measurements use for pairs of trait and value."""
    return " & ".join(f"{trait}={value}" for trait, value in pairs) or TOTAL


def _is_small(m: Measurement) -> bool:
    """Whether a hidden slice is small itself, not hidden for the sake of another."""
    return not m.because or m.because.startswith("fewer than")


def _counts(run: AuditRun) -> dict[Key, int | None]:
    """People of every slice that the run speaks of, the smallest of several counts; None when it is held back."""
    counts: dict[Key, int | None] = {}
    stated: list[tuple[str, str, int | None]] = [(part.card.name, TOTAL, part.subjects) for part in run.datasets]
    stated += [
        (part.card.name, f"{c.trait}={c.value}", c.subjects) for part in run.datasets for c in part.counts
    ]  # fmt: skip
    stated += [(m.dataset, m.slice, None if m.state is State.HIDDEN else m.subjects) for m in run.measurements]
    for dataset, name, count in stated:
        before = counts.get((dataset, name), count)
        counts[dataset, name] = None if before is None or count is None else min(before, count)
    return counts


def _sums(counts: Mapping[Key, int | None]) -> list[Sum]:
    """Every sum that a reader could form: a slice is the sum of its parts by one more trait."""
    parts: dict[tuple[Key, str], list[Key]] = {}
    for dataset, name in sorted(counts):
        pairs = slice_key(name)
        for pair in pairs:
            rest = tuple(p for p in pairs if p != pair)
            total = next((key for key in counts if key[0] == dataset and slice_key(key[1]) == rest), None)
            if total is not None:
                parts.setdefault((total, pair[0]), []).append((dataset, name))
    return [Sum(total, tuple(members)) for (total, _), members in parts.items()]


def _wider(pairs: Pairs) -> list[Pairs]:
    """All slices that hold a slice, itself left out."""
    return [chosen for size in range(len(pairs)) for chosen in combinations(pairs, size)]


def _coarsened(sums: list[Sum], counts: Mapping[Key, int | None], known: Disclosure) -> frozenset[Key]:
    """Slices whose exact count must go, smallest first, so that each hidden one keeps at least two possible values.

    A reader knows the sums, that a hidden group has 1 to below-1 people (0 is possible for one that is not even
    listed), and that a coarse one has `below` or more: a linear program says what follows for each hidden group.
    """
    coarse = set(known.coarse)
    for key in sorted(known.hidden):
        while _possible_values(key, sums, counts, replace(known, coarse=frozenset(coarse))) < 2:
            near = {k for one in sums if key in (one.total, *one.parts) for k in (one.total, *one.parts)}
            shown = [k for k in counts if k[0] == key[0] and not known.hides(*k) and k not in coarse]
            if not shown:
                break
            coarse.add(min(shown, key=lambda k: (k not in near, -len(slice_key(k[1])), counts[k] or 0, k)))
    return frozenset(coarse)


def _possible_values(key: Key, sums: list[Sum], counts: Mapping[Key, int | None], known: Disclosure) -> int:
    """How many values a hidden count may have for a reader. Sums that contradict each other tell nothing: 2."""
    from scipy.optimize import linprog  # slow to import, and most runs hide nobody

    names = [k for k in counts if k[0] == key[0]]
    place = {k: index for index, k in enumerate(names)}
    own = [one for one in sums if one.total in place]
    if not own:
        return 2
    equal = np.zeros((len(own), len(names)))
    for row, one in enumerate(own):
        equal[row, place[one.total]] = -1
        equal[row, [place[part] for part in one.parts]] = 1
    bounds = [_bounds(k, counts, known) for k in names]
    cost = np.zeros(len(names))
    cost[place[key]] = 1
    low = linprog(cost, A_eq=equal, b_eq=np.zeros(len(own)), bounds=bounds)
    high = linprog(-cost, A_eq=equal, b_eq=np.zeros(len(own)), bounds=bounds)
    if not (low.success and high.success):
        return 2
    return math.floor(-float(high.fun) + 1e-6) - math.ceil(float(low.fun) - 1e-6) + 1


def _bounds(key: Key, counts: Mapping[Key, int | None], known: Disclosure) -> tuple[int, int | None]:
    if key in known.covered:
        return 0, None
    if key in known.hidden:
        unlisted = any(pairs and known.hides(key[0], slice_name(pairs)) for pairs in _wider(slice_key(key[1])))
        return 0 if unlisted else 1, known.below - 1
    return (known.below, None) if key in known.coarse else (counts[key] or 0, counts[key] or 0)
