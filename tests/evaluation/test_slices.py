"""Slices are all there, unknown is one of them, and what is hidden cannot be computed back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.evaluation.made_up import one_hot, scored
from tests.faults import evaluation as faults
from vemo_audit.errors import BadInput
from vemo_audit.evaluation.sketch import Sketch
from vemo_audit.evaluation.slices import OVERALL, Slice, counts, protect, slices, subject_count


def table(**traits):
    """Two right clips for each subject; traits by subject."""
    people = len(next(iter(traits.values())))
    subject = [f"s{i:03d}" for i in range(people) for _ in range(2)]
    twice = {name: [value for value in values for _ in range(2)] for name, values in traits.items()}
    return scored([0, 1] * people, one_hot([0, 1] * people, 2), subject, traits=twice)


def by_name(found):
    return {one.name: one for one in found}


def test_overall_values_and_intersections_are_found_with_unknown_beside_them():
    data = table(sex=["f", "f", "m", None], age=["old", "young", "old", "old"])
    names = [one.name for one in slices(data, ["sex", "age"])]
    assert names == [
        "overall", "age=old", "age=young", "sex=f", "sex=m", "sex=unknown",
        "age=old & sex=f", "age=old & sex=m", "age=old & sex=unknown", "age=young & sex=f",
    ]  # fmt: skip
    assert [one.name for one in slices(Sketch.of(data), ["sex", "age"])] == names
    assert len(slices(data, ["sex", "age"], depth=1)) == 6


def test_a_value_spelt_unknown_is_the_unknown_group():
    data = table(race=["x"] * 6 + ["Unknown", None])
    assert [one.name for one in slices(data, ["race"])] == ["overall", "race=x", "race=unknown"]
    assert subject_count(Sketch.of(data), Slice((("race", "unknown"),))) == 2


def test_a_trait_or_value_that_does_not_exist_is_named():
    data = table(sex=["f", "m"])
    with pytest.raises(BadInput, match="height"):
        slices(data, ["height"])
    with pytest.raises(BadInput, match="tall"):
        Slice((("sex", "tall"),)).mask(data)


def test_few_people_are_hidden():
    sketch = Sketch.of(table(sex=["f"] * 4 + ["m"] * 9))
    hidden = protect(sketch, ["sex"]).hidden
    assert {one.name for one in hidden} == {"sex=f", "sex=m"}  # men are overall minus women
    assert hidden[Slice((("sex", "f"),))] == "fewer than 5 people"
    assert not protect(sketch, ["sex"], k=4).hidden
    assert OVERALL in protect(Sketch.of(table(sex=["f"] * 4)), []).hidden


def test_one_subject_of_unknown_value_hides_and_withholds_the_next_smallest_count():
    sketch = Sketch.of(table(race=["a"] * 20 + ["b"] * 12 + ["c"] * 7 + [None]))
    protection = protect(sketch, ["race"])
    assert {one.name for one in protection.hidden} == {"race=unknown"}
    assert {one.name for one in protection.uncounted} == {"race=c"}
    assert counts(sketch, "race") == (("a", 20, 40), ("b", 12, 24), ("c", None, None), ("unknown", None, None))


def test_a_withheld_count_leaves_a_reader_two_answers():
    beside_one = Sketch.of(table(race=["a"] * 9 + ["b"] * 5 + [None]))  # b and unknown are 6: only 5 and 1 fit
    assert {one.name for one in protect(beside_one, ["race"]).uncounted} == {"race=a"}
    alone = protect(Sketch.of(table(race=["b"] * 5 + [None])), ["race"])
    assert {one.name for one in alone.hidden} == {"race=b", "race=unknown"} and not alone.uncounted


def test_cells_inside_a_hidden_slice_are_hidden():
    sketch = Sketch.of(table(sex=["f"] * 4 + ["m"] * 5 + ["x"] * 30, age=["old"] * 39))
    hidden = {one.name for one in protect(sketch, ["sex", "age"]).hidden}
    assert {"age=old & sex=f", "age=old & sex=m"} <= hidden
    assert "age=old & sex=x" not in hidden


def recoverable(sketch, protect, trait):
    """Whether a hidden cell's subjects follow from the total and the told counts."""
    protection = protect(sketch, [trait])
    cells = slices(sketch, [trait], depth=1)[1:]
    open_cells = [c for c in cells if c not in protection.hidden and c not in protection.uncounted]
    return bool(protection.hidden) and len(open_cells) == len(cells) - 1


sizes = st.lists(st.integers(1, 12), min_size=2, max_size=5)


@settings(max_examples=40, deadline=None)
@given(sizes, st.integers(0, 3))
def test_no_hidden_cell_follows_from_its_total(groups, unknown):
    values = [f"v{i}" for i, size in enumerate(groups) for _ in range(size)] + [None] * unknown
    assert not recoverable(Sketch.of(table(trait=values)), protect, "trait")


def test_hiding_small_cells_alone_is_noticed():
    sketch = Sketch.of(table(trait=["a"] * 3 + ["b"] * 9 + ["c"] * 9))
    assert recoverable(sketch, faults.protect_small_only, "trait")


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), min_size=10, max_size=70))
def test_no_line_of_a_table_has_exactly_one_hidden_cell(pairs):
    sketch = Sketch.of(table(p=[a for a, _ in pairs], q=[b for _, b in pairs]))
    hidden = protect(sketch, ["p", "q"]).hidden
    cells = [one for one in slices(sketch, ["p", "q"]) if len(one.conditions) == 2]
    for place in (0, 1):
        for value in {one.conditions[place] for one in cells}:
            line = [one for one in cells if one.conditions[place] == value]
            assert len([one for one in line if one in hidden]) != 1 or len(line) == 1
