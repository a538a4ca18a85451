"""All tables of an audit together: withholds the few counts from which a hidden cell would follow across tables."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from math import prod

import numpy as np
from numpy.typing import NDArray

from vemo_audit.evaluation.sketch import Sketch
from vemo_audit.evaluation.slices import FEWEST_SUBJECTS, OVERALL, Protection, Slice, protect, subject_count, values

MOST_CELLS = 1024
"""Traits are crossed as far as they make so many cells; more traits are looked at in smaller combinations."""
NODES = 2000
"""Steps that one search may take. A count of steps and not of seconds: the same audit withholds the same counts."""
MARGINAL = 4.0
"""What the count of one trait's value costs, where that of a crossing costs 1: comparisons stand on the former."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Crossed:
    """What a reader of all tables knows: every slice is a sum of cells of the full crossing of some traits."""

    slices: tuple[Slice, ...]  # S, the whole sample first
    inside: Floats  # [S, C], 1 where a cell belongs to a slice
    subjects: Floats  # [S], the truth
    rows: Floats  # [S]
    listed: NDArray[np.bool_]  # [S], not part of a hidden slice


def protect_all(sketch: Sketch, found: Sequence[Slice], *, k: int = FEWEST_SUBJECTS) -> Protection:
    """Which of these slices may not be shown, and which without counts, when all of them are published together.

    Each table is protected by itself. Then, for every hidden slice, a whole-number program looks for another table
    that agrees with everything told and has another count there; where there is none, it finds few counts
    whose withholding makes room for one. The size of the whole sample is always told, so what follows from it alone
    stays.

    Source: Fischetti & Salazar-Gonzalez 2000, doi:10.1080/01621459.2000.10474282 (the cell suppression problem).
    """
    hidden: dict[Slice, str] = {}
    uncounted: set[Slice] = set()
    for traits in sorted({one.traits for one in found}):
        table = protect(sketch, traits, k=k)
        hidden.update(table.hidden)
        uncounted |= table.uncounted
    if hidden and OVERALL not in hidden:
        for traits in _crossings(sketch, sorted({trait for one in found for trait in one.traits})):
            crossed = _crossed(sketch, traits, found, hidden)
            for truth, whole in ((crossed.subjects, True), (crossed.rows, False)):
                _open(crossed, truth, hidden, uncounted, k=k, whole=whole)
    return Protection(hidden, frozenset(uncounted))


def _crossings(sketch: Sketch, traits: Sequence[str]) -> list[tuple[str, ...]]:
    """The largest combinations of traits whose crossing is small enough."""
    found: list[tuple[str, ...]] = []
    for size in range(len(traits), 0, -1):
        for some in combinations(traits, size):
            fits = prod(len(values(sketch, trait)) for trait in some) <= MOST_CELLS
            if fits and not any(set(some) <= set(larger) for larger in found):
                found.append(some)
    return found


def _crossed(sketch: Sketch, traits: Sequence[str], found: Iterable[Slice], hidden: Iterable[Slice]) -> _Crossed:
    """A crossing by what can have people: a slice that is not named, and no part of a hidden one, is empty."""
    chosen = [one for one in found if set(one.traits) <= set(traits)]
    named = {frozenset(one.conditions) for one in chosen}
    secret = [frozenset(one.conditions) for one in hidden if set(one.traits) <= set(traits)]
    depth = max(len(one) for one in named)
    cells = [
        cell
        for cell in (frozenset(zip(traits, c, strict=True)) for c in product(*(values(sketch, t) for t in traits)))
        if all(
            frozenset(part) in named or any(whole <= set(part) for whole in secret)
            for size in range(depth + 1)
            for part in combinations(sorted(cell), size)
        )
    ]
    width = len(sketch.labels) * (len(sketch.labels) + 1)
    return _Crossed(
        tuple(chosen), np.array([[float(set(one.conditions) <= cell) for cell in cells] for one in chosen]),
        np.array([float(subject_count(sketch, one)) for one in chosen]),
        np.array([float(sketch.counts[one.mask(sketch), :width].sum()) for one in chosen]),
        np.array([not any(whole < set(one.conditions) for whole in secret) for one in chosen]),
    )  # fmt: skip


def _open(
    crossed: _Crossed, truth: Floats, hidden: dict[Slice, str], uncounted: set[Slice], *, k: int, whole: bool
) -> None:
    """Adds to `uncounted` until every hidden slice has a second answer; the counts are whole numbers or not."""
    secret = np.array([one in hidden for one in crossed.slices])
    still = secret.copy()
    while still.any():
        place = int(np.flatnonzero(still)[0])
        told = np.array([one not in hidden and one not in uncounted for one in crossed.slices])
        low, high = _bounds(crossed, truth, secret, k=k)
        low, high = np.where(told, truth, low), np.where(told, truth, high)
        other = _other(crossed, truth, place, (low, high), np.zeros(len(told), bool), whole=whole)
        if other is None:
            loose = told & np.array([one != OVERALL for one in crossed.slices])
            wide = np.where(loose, float(k), low), np.where(loose, np.inf, high)
            other = _other(crossed, truth, place, wide, loose, whole=whole)
        still[place] = False
        if other is None:
            continue
        differs = np.abs(other - truth) >= 1 - 1e-6
        uncounted |= {one for one, moved, was in zip(crossed.slices, np.abs(other - truth) > 1e-6, told, strict=True)
                      if moved and was}  # fmt: skip
        still &= ~differs


def _bounds(crossed: _Crossed, truth: Floats, secret: NDArray[np.bool_], *, k: int) -> tuple[Floats, Floats]:
    """What a reader knows of a count that is not told; the reason beside a hidden slice says whether it is small."""
    small = secret & (crossed.subjects < k)
    low = np.where(crossed.listed | ~secret, np.where(small, 1.0, float(k)), 0.0)
    people = truth is crossed.subjects
    high = np.where(small & crossed.listed & people, k - 1.0, np.inf)
    return low, high


def _other(
    crossed: _Crossed, truth: Floats, place: int, bounds: tuple[Floats, Floats], loose: NDArray[np.bool_], *,
    whole: bool,
) -> Floats | None:  # fmt: skip
    """Counts `[S]` of another table in these bounds, one away or more at `place`, moving the fewest loose slices."""
    from scipy.optimize import Bounds, LinearConstraint, milp  # slow to import, and most audits hide nobody

    moving = np.flatnonzero(loose)
    cells, slices = crossed.inside.shape[1], len(truth)
    total = float(truth[crossed.slices.index(OVERALL)])
    switch = np.zeros((slices, len(moving)))
    switch[moving, np.arange(len(moving))] = total
    padded = np.hstack([crossed.inside, np.zeros_like(switch)])
    cost = [MARGINAL if len(crossed.slices[i].conditions) == 1 else 1.0 for i in moving]
    weight = np.array(cost) + truth[moving] / (2 * total * max(len(moving), 1))
    best: tuple[float, Floats] | None = None
    for low, high in ((-np.inf, truth[place] - 1), (truth[place] + 1, np.inf)):
        rules = [
            LinearConstraint(padded, *bounds),
            LinearConstraint(padded[[place]], low, high),
            LinearConstraint(np.hstack([crossed.inside, -switch])[moving], -np.inf, truth[moving]),
            LinearConstraint(np.hstack([crossed.inside, switch])[moving], truth[moving], np.inf),
        ]
        found = milp(
            np.r_[np.zeros(cells), weight], constraints=rules if len(moving) else rules[:2],
            integrality=np.r_[np.full(cells, int(whole)), np.zeros(len(moving))],
            bounds=Bounds(0, np.r_[np.full(cells, np.inf), np.ones(len(moving))]), options={"node_limit": NODES},
        )  # fmt: skip
        if found.x is not None and (best is None or found.fun < best[0]):
            best = float(found.fun), crossed.inside @ found.x[:cells]
    return None if best is None else best[1]
