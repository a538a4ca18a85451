"""Small groups stay hidden, alone and by subtraction."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from vemo_audit.records.audit_run import TraitCount
from vemo_audit.report import suppress
from vemo_audit.report.blocks import Number, Suppressed
from vemo_audit.report.suppress import BELOW, disclosure


def with_counts(run, counts: dict[str, dict[str, int]], total: int):
    """The run with other people by trait; measurements that speak of other slices are dropped."""
    part = run.datasets[0]
    made = tuple(TraitCount(t, v, n, n) for t, values in counts.items() for v, n in values.items())
    return replace(run, datasets=(replace(part, subjects=total, counts=made),), measurements=(), gaps=())


def crossed(run, table: dict[tuple[str, str], int]):
    """The run with people by two traits at once."""
    a = {x: sum(n for (p, _), n in table.items() if p == x) for x in dict.fromkeys(p for p, _ in table)}
    b = {y: sum(n for (_, q), n in table.items() if q == y) for y in dict.fromkeys(q for _, q in table)}
    new = with_counts(run, {"a": a, "b": b}, sum(table.values()))
    template = run.measurements[0]
    measurements = tuple(
        replace(template, id=f"{x}{y}", slice=f"a={x} & b={y}", subjects=n, rows=n) for (x, y), n in table.items()
    )
    return replace(new, measurements=measurements)


def shown(run, found, name: str, count: int):
    return found.people(run.datasets[0].card.name, name, count)


def listed_names(run, found) -> set[str]:
    """Slices that the page speaks of at all."""
    kept = {m.slice for m in suppress.listed(run, found).measurements}
    return kept | {"overall"} | {f"{c.trait}={c.value}" for c in run.datasets[0].counts}


def solved(run, counts: dict[str, int], sums: list[tuple[str, tuple[str, ...]]]) -> list[str]:
    """The slow way: slices whose hidden count a linear program finds out from all that is printed."""
    found = disclosure(run)
    cells = {name: shown(run, found, name, count) for name, count in counts.items()}
    names = list(counts)
    bounds = []
    for name in names:
        cell = cells[name]
        if isinstance(cell, Number):
            bounds.append((cell.value, cell.value))
        else:
            least = 0 if name not in listed_names(run, found) else 1
            bounds.append((BELOW, None) if cell.at_least else (least, BELOW - 1))
    equal = np.zeros((len(sums), len(names)))
    for row, (total, parts) in enumerate(sums):
        equal[row, names.index(total)] = -1
        for part in parts:
            equal[row, names.index(part)] = 1
    known = []
    for k, name in enumerate(names):
        if isinstance(cells[name], Suppressed) and not cells[name].at_least:
            cost = np.zeros(len(names))
            cost[k] = 1
            low = linprog(cost, A_eq=equal, b_eq=np.zeros(len(sums)), bounds=bounds)
            high = linprog(-cost, A_eq=equal, b_eq=np.zeros(len(sums)), bounds=bounds)
            assert low.success and high.success
            if round(-high.fun) - round(low.fun) < 1:
                known.append(name)
    return known


def by_trait(counts: dict[str, int]):
    total = sum(counts.values())
    flat = {"overall": total} | {f"t={v}": n for v, n in counts.items()}
    return flat, [("overall", tuple(f"t={v}" for v in counts))]


@settings(max_examples=40, deadline=None)
@given(sizes=st.lists(st.integers(1, 30), min_size=2, max_size=5))
def test_no_sum_gives_a_hidden_count_away(sizes):
    assume(sum(sizes) >= BELOW)
    run = RUN
    counts = {f"v{k}": n for k, n in enumerate(sizes)}
    flat, sums = by_trait(counts)
    assert solved(with_counts(run, {"t": counts}, sum(sizes)), flat, sums) == []


@settings(max_examples=40, deadline=None)
@given(sizes=st.lists(st.integers(1, 9), min_size=2, max_size=4))
def test_by_counting_every_world_a_hidden_count_stays_open(sizes):
    """No program: every list of people that agrees with what is printed, one by one."""
    assume(sum(sizes) >= BELOW)
    run = with_counts(RUN, {"t": {f"v{k}": n for k, n in enumerate(sizes)}}, sum(sizes))
    found = disclosure(run)
    cells = [shown(run, found, f"t=v{k}", n) for k, n in enumerate(sizes)]
    total = shown(run, found, "overall", sum(sizes))
    ranges = [
        [int(c.value)] if isinstance(c, Number) else range(BELOW, 30) if c.at_least else range(1, BELOW) for c in cells
    ]
    worlds = [w for w in itertools.product(*ranges) if isinstance(total, Suppressed) or sum(w) == total.value]
    for k, cell in enumerate(cells):
        if isinstance(cell, Suppressed) and not cell.at_least:
            assert len({world[k] for world in worlds}) > 1


@settings(max_examples=30, deadline=None)
@given(sizes=st.lists(st.integers(1, 25), min_size=6, max_size=6))
def test_no_margin_of_two_traits_gives_a_hidden_count_away(sizes):
    table = {(x, y): sizes[2 * i + j] for i, x in enumerate("pqr") for j, y in enumerate("uv")}
    run = crossed(RUN, table)
    flat = {"overall": sum(sizes)} | {f"a={x} & b={y}": n for (x, y), n in table.items()}
    sums = []
    for axis, values, other in (("a", "pqr", "uv"), ("b", "uv", "pqr")):
        for v in values:
            parts = tuple(f"a={v} & b={w}" if axis == "a" else f"a={w} & b={v}" for w in other)
            flat[f"{axis}={v}"] = sum(flat[p] for p in parts)
            sums.append((f"{axis}={v}", parts))
        sums.append(("overall", tuple(f"{axis}={v}" for v in values)))
    assert solved(run, flat, sums) == []


def test_primary_suppression_alone_is_found_out(monkeypatch):
    """The twin: without complementary suppression the same check goes red."""
    monkeypatch.setattr(suppress, "_coarsened", lambda *args, **kwargs: frozenset())
    counts = {"x": 20, "y": 7, "z": 1}
    flat, sums = by_trait(counts)
    assert solved(with_counts(RUN, {"t": counts}, 28), flat, sums) == ["t=z"]


def test_the_next_smallest_group_is_given_as_a_lower_bound():
    run = with_counts(RUN, {"race": {"a": 61, "b": 22, "c": 7, "unknown": 1}}, 91)
    found = disclosure(run)
    assert shown(run, found, "race=unknown", 1).text == "fewer than 5"
    assert shown(run, found, "race=c", 7).text == "5 or more"
    assert shown(run, found, "race=b", 22).text == "22"
    assert shown(run, found, "overall", 91).text == "91"


def test_a_sum_of_five_and_one_hides_its_total_too():
    run = with_counts(RUN, {"t": {"x": 5, "y": 1}}, 6)
    assert shown(run, disclosure(run), "overall", 6).text == "5 or more"


def test_clips_of_a_hidden_group_are_not_shown():
    run = with_counts(RUN, {"t": {"x": 50, "y": 9, "z": 2}}, 61)
    found = disclosure(run)
    name = run.datasets[0].card.name
    assert [found.clips(name, f"t={v}", 99).text for v in "xyz"] == ["99", "not shown", "not shown"]


@pytest.mark.parametrize("count", [None, 1, 4])
def test_a_small_count_is_never_a_number(count):
    run = with_counts(RUN, {"t": {"x": 50}}, 50)
    assert isinstance(disclosure(run).people("any", "t=new", count), Suppressed)


@pytest.fixture(autouse=True)
def _run(ravdess):
    global RUN
    RUN = ravdess
