"""No hidden cell of several tables follows from all that is told of them together."""

from itertools import combinations, product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import LinearConstraint, milp

from tests.evaluation.made_up import one_hot, scored
from tests.faults import evaluation as faults
from vemo_audit.evaluation import across
from vemo_audit.evaluation.across import protect_all
from vemo_audit.evaluation.disparity import gaps
from vemo_audit.evaluation.displays import reliability
from vemo_audit.evaluation.levels import levels
from vemo_audit.evaluation.metrics import named
from vemo_audit.evaluation.sketch import Sketch
from vemo_audit.evaluation.slices import FEWEST_SUBJECTS, OVERALL, Slice, counts, slices, subject_count

TRAITS = ("age", "sex", "skin")
SMALL = "fewer than"


def people(rows, clips=None):
    """A sketch of subjects by (age, sex, skin), two clips each where not told otherwise."""
    clips = clips or [2] * len(rows)
    subject = [f"s{i:03d}" for i, n in enumerate(clips) for _ in range(n)]
    traits = {name: [row[i] for row, n in zip(rows, clips, strict=True) for _ in range(n)]
              for i, name in enumerate(TRAITS)}  # fmt: skip
    answers = [i % 2 for i in range(len(subject))]
    return Sketch.of(scored(answers, one_hot(answers, 2), subject, traits=traits))


def told(sketch, protect_them):
    """What is published: (subjects, rows, why hidden) of every slice that is listed."""
    found = slices(sketch, TRAITS)
    protection = protect_them(sketch, found, k=FEWEST_SUBJECTS)
    made = levels(sketch, found, [named("accuracy", sketch.labels)], protection=protection)
    return {
        one: (m.subjects, m.rows, m.because if one in protection.hidden else "")
        for one, m in zip(found, made, strict=True)
        if not any(whole.conditions and set(whole.conditions) < set(one.conditions) for whole in protection.hidden)
    }


def follows(published):
    """The attacker: hidden slices whose subjects, or rows, have one value only in all worlds that agree."""
    values = {t: sorted({v for one in published for trait, v in one.conditions if trait == t}) for t in TRAITS}
    cells = [set(zip(TRAITS, c, strict=True)) for c in product(*values.values())]
    inside = {one: np.array([set(one.conditions) <= cell for cell in cells], float) for one in published}
    secret = [set(one.conditions) for one, (_, _, why) in published.items() if why]
    empty = [
        np.array([{p, q} <= cell for cell in cells], float)
        for s, t in combinations(TRAITS, 2)
        for p, q in product([(s, v) for v in values[s]], [(t, v) for v in values[t]])
        if Slice((p, q)) not in published and not any(whole < {p, q} for whole in secret)
    ]
    found = []
    for which, whole in ((0, 1), (1, 0)):
        table, low, high = [*empty], [0.0] * len(empty), [0.0] * len(empty)
        for one, counted in published.items():
            exact, why = counted[which], counted[2]
            few = why.startswith(SMALL)
            table.append(inside[one])
            low.append(exact if exact is not None else 1 if few else FEWEST_SUBJECTS)
            high.append(exact if exact is not None else FEWEST_SUBJECTS - 1 if few and whole else np.inf)
        rule = LinearConstraint(np.array(table), low, high)
        for one in (one for one, (_, _, why) in published.items() if why):
            ends = [milp(sign * inside[one], constraints=rule, integrality=np.full(len(cells), whole))
                    for sign in (1, -1)]  # fmt: skip
            assert all(end.success or end.status == 3 for end in ends)  # 3: without a bound
            if all(end.success for end in ends) and -ends[1].fun - ends[0].fun < 1 - 1e-6:
                found.append((one.name, round(ends[0].fun)))
    return found


def made_up(seed, size):
    rng = np.random.default_rng(seed)
    rows = [
        (rng.choice(["y", "y", "o"]), rng.choice(["f", "m", "m", None]), rng.choice(["a", "a", "b", "c", None]))
        for _ in range(size)
    ]
    return [tuple(None if v is None else str(v) for v in row) for row in rows]


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10**6), st.integers(14, 34), st.booleans())
def test_no_hidden_cell_follows_from_all_tables(seed, size, uneven):
    clips = [int(n) for n in np.random.default_rng(seed).integers(1, 9, size)] if uneven else None
    assert follows(told(people(made_up(seed, size), clips), protect_all)) == []


LEAKING = 2
"""A made-up audit of 26 people whose tables, each protected alone, give hidden cells away together."""


def test_primary_suppression_of_each_table_alone_is_found_out():
    """The twins: small cells only, and every table by itself. The same attacker reads hidden cells."""
    sketch = people(made_up(LEAKING, 26))
    assert follows(told(sketch, faults.protect_small_of_all))
    assert follows(told(sketch, faults.protect_each_table_alone))
    assert not follows(told(sketch, protect_all))


def test_only_counts_are_withheld_and_each_of_them_is_needed():
    sketch = people(made_up(LEAKING, 26))
    found = slices(sketch, TRAITS)
    before, after = faults.protect_each_table_alone(sketch, found), protect_all(sketch, found)
    assert after.hidden == before.hidden and OVERALL not in after.uncounted
    assert after.uncounted > before.uncounted
    for one in after.uncounted - before.uncounted:  # each of them is needed
        less = across.Protection(after.hidden, after.uncounted - {one})
        assert follows(told(sketch, lambda sketch, found, *, k, less=less: less))


def test_where_nobody_is_hidden_nothing_is_withheld():
    sketch = people([(a, b, "x") for a in "op" for b in "fm" for _ in range(6)])
    protection = protect_all(sketch, slices(sketch, TRAITS))
    assert not protection.hidden and not protection.uncounted


def test_fewer_people_than_the_limit_are_all_hidden():
    sketch = people([("o", "f", "x")] * 4)
    found = slices(sketch, TRAITS)
    assert set(protect_all(sketch, found).hidden) == set(found)


def test_the_same_audit_withholds_the_same_counts():
    sketch = people(made_up(LEAKING, 26))
    found = slices(sketch, TRAITS)
    assert protect_all(sketch, found) == protect_all(sketch, found)


def test_a_count_withheld_across_tables_stands_nowhere_else():
    """Counts of a trait, gaps and reliabilities follow the same protection as the levels."""
    sketch = people([("o", "f", "x")] * 12 + [("y", "m", "x")] * 12)
    one = Slice((("sex", "f"),))
    assert subject_count(sketch, one) == 12
    protection = across.Protection({}, frozenset({one}))
    accuracy = named("accuracy", sketch.labels)
    (told_level,) = levels(sketch, [one], [accuracy], protection=protection)
    assert told_level.rows is None and told_level.subjects is None
    assert counts(sketch, "sex", protection=protection) == (("f", None, None), ("m", 12, 24))
    (gap,) = gaps(sketch, "sex", accuracy, protection=protection)
    assert (gap.subjects_a, gap.subjects_b) == (None, 12)
    assert not any(reliability(sketch, one, protection=protection).rows)
