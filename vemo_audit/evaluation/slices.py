"""Slices of the sample by traits, and which of them are too small to be shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput
from vemo_audit.evaluation.sketch import Sketch
from vemo_audit.records.scored import UNKNOWN

UNKNOWN_NAME = "unknown"
FEWEST_SUBJECTS = 5
"""The disclosure limit k: a cell of fewer subjects is hidden. A policy may only raise it."""


class Coded(Protocol):
    """What has trait codes by row: `Scored` and `Sketch`."""

    @property
    def traits(self) -> Mapping[str, NDArray[np.int16]]: ...
    @property
    def vocabulary(self) -> Mapping[str, tuple[str, ...]]: ...
    def __len__(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Slice:
    """All rows that have every stated value; no condition is the whole sample."""

    conditions: tuple[tuple[str, str], ...] = ()  # (trait, value), ordered by trait

    @property
    def name(self) -> str:
        return " & ".join(f"{trait}={value}" for trait, value in self.conditions) or "overall"

    @property
    def traits(self) -> tuple[str, ...]:
        return tuple(trait for trait, _ in self.conditions)

    def mask(self, coded: Coded) -> NDArray[np.bool_]:
        """Which rows belong here. Raises BadInput for a trait or value that the data does not have."""
        rows = np.ones(len(coded), bool)
        for trait, value in self.conditions:
            rows &= _is(coded, trait, value)
        return rows


OVERALL = Slice()


@dataclass(frozen=True, slots=True)
class Protection:
    """Cells of one table of traits that stay hidden, and those shown without their counts."""

    hidden: Mapping[Slice, str]  # why
    uncounted: frozenset[Slice]


def slices(coded: Coded, traits: Sequence[str], depth: int = 2) -> tuple[Slice, ...]:
    """The whole sample, each value of each trait, and every intersection of up to `depth` traits that has rows.

    Unknown is a value of its own. Raises BadInput for a trait that the data does not have.
    """
    found = [OVERALL]
    for count in range(1, depth + 1):
        for names in combinations(sorted(set(traits)), count):
            for chosen in product(*(values(coded, trait) for trait in names)):
                one = Slice(tuple(zip(names, chosen, strict=True)))
                if one.mask(coded).any():
                    found.append(one)
    return tuple(found)


def values(coded: Coded, trait: str) -> tuple[str, ...]:
    """Values of a trait that occur, in alphabetical order, unknown last."""
    codes = set(np.unique(_codes(coded, trait)).tolist())
    names = sorted(
        name for i, name in enumerate(coded.vocabulary[trait]) if i in codes and name.casefold() != UNKNOWN_NAME
    )
    unknown = bool(_is(coded, trait, UNKNOWN_NAME).any())
    return (*names, UNKNOWN_NAME) if unknown else tuple(names)


def subject_count(sketch: Sketch, one: Slice) -> int:
    """How many subjects have rows in a slice."""
    return len(np.unique(sketch.subject[one.mask(sketch)]))


def protect(sketch: Sketch, traits: Sequence[str], *, k: int = FEWEST_SUBJECTS) -> Protection:
    """Which cells of the table spanned by `traits` (of any depth) may not be shown.

    1. A cell of fewer than k subjects is hidden, and so is every cell inside a hidden one.
    2. A line of cells (all conditions but one held fixed) with exactly one hidden cell would give it away by
       subtraction from the line's total, so the next smallest cell is hidden too, until no line is left.
    3. When the one hidden cell is of subjects whose value is unknown, the next smallest cell keeps its number and only
       its counts are withheld: the subtraction has then two unknowns too many, and no group loses its voice because
       one subject did not answer. A cell of k subjects beside one subject leaves no doubt, so the next larger is taken.
    """
    if not traits:
        few = len(sketch.subjects) < k
        return Protection({OVERALL: _too_few(k)} if few else {}, frozenset())
    names = tuple(sorted(set(traits)))
    cells = {
        one: subject_count(sketch, one)
        for one in (
            Slice(tuple(zip(names, chosen, strict=True))) for chosen in product(*(values(sketch, t) for t in names))
        )
    }
    cells = {one: count for one, count in cells.items() if count}
    hidden = {one: _too_few(k) for one, count in cells.items() if count < k}
    uncounted: set[Slice] = set()
    for parents in combinations(names, len(names) - 1):
        above = protect(sketch, parents, k=k)
        for one in cells:
            parent = Slice(tuple(c for c in one.conditions if c[0] in parents))
            if parent in above.hidden:
                hidden.setdefault(one, f"it lies inside a hidden slice ({parent.name})")
    while _complement(cells, hidden, uncounted, k=k):
        pass
    return Protection(hidden, frozenset(uncounted - hidden.keys()))


def counts(
    sketch: Sketch, trait: str, *, k: int = FEWEST_SUBJECTS, protection: Protection | None = None
) -> tuple[tuple[str, int | None, int | None], ...]:
    """For each value of a trait its name, subjects and rows; None where they may not be told."""
    protection = protection or protect(sketch, (trait,), k=k)
    width = len(sketch.labels) * (len(sketch.labels) + 1)
    told: list[tuple[str, int | None, int | None]] = []
    for value in values(sketch, trait):
        one = Slice(((trait, value),))
        if one in protection.hidden or one in protection.uncounted:
            told.append((value, None, None))
        else:
            told.append((value, subject_count(sketch, one), int(sketch.counts[one.mask(sketch), :width].sum())))
    return tuple(told)


def _complement(cells: Mapping[Slice, int], hidden: dict[Slice, str], uncounted: set[Slice], *, k: int) -> bool:
    """Covers one cell that subtraction would need; False when there is none left to cover."""
    for one in list(hidden):
        for place in range(len(one.conditions)):
            line = [c for c in cells if _same_but(c, one, place)]
            open_cells = [c for c in line if c not in hidden]
            if len(open_cells) != len(line) - 1 or not open_cells:
                continue
            smallest = min(open_cells, key=lambda c: (cells[c], c.name))
            if one.conditions[place][1] == UNKNOWN_NAME:
                if not uncounted.isdisjoint(open_cells):
                    continue
                # k or more and 1 or more: their sum must leave two answers at least
                roomy = [c for c in open_cells if cells[c] + cells[one] >= k + 2]
                if roomy:
                    uncounted.add(min(roomy, key=lambda c: (cells[c], c.name)))
                else:
                    hidden[smallest] = f"together with its total it would reveal a slice of fewer than {k} people"
            else:
                hidden[smallest] = f"together with its total it would reveal a slice of fewer than {k} people"
            return True
    return False


def _same_but(a: Slice, b: Slice, place: int) -> bool:
    return all(x == y for i, (x, y) in enumerate(zip(a.conditions, b.conditions, strict=True)) if i != place)


def _too_few(k: int) -> str:
    return f"fewer than {k} people"


def _codes(coded: Coded, trait: str) -> NDArray[np.int16]:
    if trait not in coded.traits:
        known = ", ".join(sorted(coded.traits)) or "none"
        raise BadInput(f"the trait '{trait}'", expected=f"one of the traits in the data: {known}")
    return coded.traits[trait]


def _is(coded: Coded, trait: str, value: str) -> NDArray[np.bool_]:
    """Rows whose trait has this value; the code UNKNOWN and a value spelt 'unknown' are the same group."""
    codes, names = _codes(coded, trait), coded.vocabulary[trait]
    if value == UNKNOWN_NAME:
        spelt = [i for i, name in enumerate(names) if name.casefold() == UNKNOWN_NAME]
        return np.isin(codes, [UNKNOWN, *spelt])
    if value not in names:
        raise BadInput(f"the value '{value}' of trait '{trait}'", expected=f"one of {', '.join(names)}")
    found: NDArray[np.bool_] = codes == names.index(value)
    return found
