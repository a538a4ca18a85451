"""Small groups stay hidden: no count of fewer than k people is printed, nor any sum that would give one away."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from vemo_audit.records.audit_run import AuditRun
from vemo_audit.records.measurement import Measurement, State
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
    coarse: frozenset[Key]  # enough people, but the exact count would give a hidden one away

    def people(self, dataset: str, name: str, count: int | None) -> Cell:
        """The number of people of a slice, as far as it may be printed."""
        key = (dataset, name)
        if count is None or key in self.hidden or 0 < count < self.below:
            return Suppressed(self.below)
        return Suppressed(self.below, at_least=True) if key in self.coarse else Number(count, unit="count")

    def clips(self, dataset: str, name: str, count: int | None) -> Cell:
        """The number of clips of a slice; not shown where the people are not."""
        key = (dataset, name)
        if count is None or key in self.hidden or key in self.coarse:
            return Text("not shown")
        return Number(count, unit="count")

    def hides(self, dataset: str, name: str) -> bool:
        """Whether nothing at all may be said about a slice but that it is small."""
        return (dataset, name) in self.hidden


def disclosure(run: AuditRun, *, below: int = BELOW) -> Disclosure:
    """Primary suppression by count, then complementary suppression until no sum gives a hidden count away."""
    counts = _counts(run)
    hidden = frozenset(key for key, count in counts.items() if count is None or 0 < count < below)
    return Disclosure(below, hidden, _coarsened(_sums(counts), counts, hidden, below=below) if hidden else frozenset())


def listed(run: AuditRun, found: Disclosure) -> AuditRun:
    """The run without the parts of hidden groups: a list of them alone would tell how many people there are."""

    def inside(m: Measurement) -> bool:
        return any(pairs and found.hides(m.dataset, slice_name(pairs)) for pairs in _wider(slice_key(m.slice)))

    return replace(run, measurements=tuple(m for m in run.measurements if not inside(m)))


def slice_key(name: str) -> Pairs:
    """'sex=female & age=old' as pairs of trait and value, sorted; () for the whole sample."""
    if name == TOTAL:
        return ()
    return tuple(sorted((part.split("=", 1)[0].strip(), part.split("=", 1)[-1].strip()) for part in name.split(" & ")))


def slice_name(pairs: Pairs) -> str:
    """The name that measurements use for pairs of trait and value."""
    return " & ".join(f"{trait}={value}" for trait, value in pairs) or TOTAL


def _counts(run: AuditRun) -> dict[Key, int | None]:
    """People of every slice that the run speaks of; None when it is hidden already."""
    counts: dict[Key, int | None] = {}
    for part in run.datasets:
        counts[part.card.name, TOTAL] = part.subjects
        for count in part.counts:
            counts[part.card.name, f"{count.trait}={count.value}"] = count.subjects
    for m in run.measurements:
        _note(counts, m)
    return counts


def _note(counts: dict[Key, int | None], m: Measurement) -> None:
    key = (m.dataset, m.slice)
    if m.state is State.HIDDEN:
        counts[key] = None
    elif m.subjects is not None and (key not in counts or (counts[key] is not None and m.subjects < counts[key])):
        counts[key] = m.subjects  # the smallest of several counts protects most
    else:
        counts.setdefault(key, m.subjects)


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


def _coarsened(
    sums: list[Sum], counts: Mapping[Key, int | None], hidden: frozenset[Key], *, below: int
) -> frozenset[Key]:
    """Slices whose exact count must go, smallest first, so that each hidden one keeps at least two possible values.

    A reader knows the sums, that a hidden group has 1 to below-1 people (0 is possible for one that is not even
    listed), and that a coarse one has `below` or more: a linear program says what follows for each hidden group.
    """
    coarse: set[Key] = set()
    for key in sorted(hidden):
        while _possible_values(key, sums, counts, hidden, coarse, below=below) < 2:
            near = {k for one in sums if key in (one.total, *one.parts) for k in (one.total, *one.parts)}
            shown = [k for k in counts if k[0] == key[0] and k not in hidden and k not in coarse]
            if not shown:
                break
            coarse.add(min(shown, key=lambda k: (k not in near, -len(slice_key(k[1])), counts[k] or 0, k)))
    return frozenset(coarse)


def _possible_values(
    key: Key, sums: list[Sum], counts: Mapping[Key, int | None], hidden: frozenset[Key], coarse: set[Key], *, below: int
) -> int:
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
    bounds = [_bounds(k, counts, hidden, coarse, below=below) for k in names]
    cost = np.zeros(len(names))
    cost[place[key]] = 1
    low = linprog(cost, A_eq=equal, b_eq=np.zeros(len(own)), bounds=bounds)
    high = linprog(-cost, A_eq=equal, b_eq=np.zeros(len(own)), bounds=bounds)
    if not (low.success and high.success):
        return 2
    return math.floor(-high.fun + 1e-6) - math.ceil(low.fun - 1e-6) + 1


def _bounds(
    key: Key, counts: Mapping[Key, int | None], hidden: frozenset[Key], coarse: set[Key], *, below: int
) -> tuple[int, int | None]:
    if key in hidden:
        wider = _wider(slice_key(key[1]))
        return (0 if any(pairs and (key[0], slice_name(pairs)) in hidden for pairs in wider) else 1), below - 1
    return (below, None) if key in coarse else (counts[key] or 0, counts[key] or 0)
