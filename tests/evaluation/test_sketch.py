"""The sketch adds up exactly: any order, any shards, and a subject taken back leaves no trace."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.evaluation.made_up import one_hot, people, scored, taken
from tests.faults import evaluation as faults
from vemo_audit.errors import BadInput
from vemo_audit.evaluation.sketch import Sketch, merge
from vemo_audit.evaluation.tally import Layout, layout_of


def shards(table, count, rng):
    """Sketches of random parts of a table."""
    part = rng.integers(0, count, len(table))
    return [Sketch.of(taken(table, np.flatnonzero(part == i)), shard=f"part {i}") for i in range(count)]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 7))
def test_merging_in_any_order_gives_the_same_bytes(seed, count):
    rng = np.random.default_rng(seed)
    table = people(rng, sizes=(3, 4), clips=8)
    parts = shards(table, count, rng)
    at_once = merge(*parts).to_bytes()
    assert replace(Sketch.of(table), shards=merge(*parts).shards).to_bytes() == at_once
    for _ in range(4):
        order = rng.permutation(count)
        one = parts[order[0]]
        for i in order[1:]:
            one = merge(one, parts[i]) if rng.random() < 0.5 else merge(parts[i], one)
        assert one.to_bytes() == at_once


def test_floating_sums_would_not():
    """The twin: the same check on sums of floats goes red."""
    parts = [0.1, 1e8, -1e8, 0.3]
    results = {faults.floats_in_order(order) for order in itertools.permutations(parts)}
    assert len(results) > 1


def check_without(subject, table, without):
    rows = np.array([table.subjects[s] != subject for s in table.subject])
    assert without(Sketch.of(table), subject).to_bytes() == Sketch.of(taken(table, rows)).to_bytes()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_without_subject_equals_a_sketch_that_never_saw_them(seed):
    table = people(np.random.default_rng(seed), sizes=(4, 3), clips=6)
    for subject in table.subjects:
        check_without(subject, table, Sketch.without_subject)


def test_taking_back_the_clips_alone_is_noticed():
    table = people(np.random.default_rng(1), sizes=(4, 3), clips=6)
    with pytest.raises(AssertionError):
        check_without(table.subjects[2], table, faults.without_confusion_only)


def test_a_subject_without_rows_cannot_be_taken_back():
    with pytest.raises(BadInput, match="nobody"):
        Sketch.of(scored([0, 1], one_hot([0, 1], 2), ["a", "b"])).without_subject("nobody")


def test_counts_by_hand():
    """Two subjects, three rows; a subject with two values of a trait has two rows."""
    table = scored([0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], list("aab"), traits={"light": ["dim", None, "dim"]})
    sketch = Sketch.of(table)
    assert sketch.subjects == ("a", "b")
    assert sketch.subject.tolist() == [0, 0, 1]
    assert sketch.cells.tolist() == [[-1], [0], [0]]
    assert sketch.counts[:, :6].tolist() == [[0, 0, 0, 0, 1, 0], [1, 0, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0]]
    subject, sums = sketch.sums()
    assert subject.tolist() == [0, 1]
    layout = Layout(2)
    assert sums.shape[1] == layout.sum_width
    assert layout_of(sums.shape[1]) == layout
    assert sums[:, layout.block("confidence")].sum(axis=1) == pytest.approx([1.7, 0.6])
    assert sums[:, layout.block("brier")].ravel() == pytest.approx([2 * 0.01 + 2 * 0.04, 2 * 0.36])
    assert sums[:, layout.block("nll")].ravel() == pytest.approx(-np.log([0.9 * 0.8, 0.4]))


def test_a_probability_of_zero_is_floored_and_counted():
    _, sums = Sketch.of(scored([0, 1], one_hot([0, 0], 2), ["a", "a"])).sums()
    assert sums[0, Layout(2).block("floored")] == 1
    assert sums[0, Layout(2).block("nll")] == pytest.approx(-np.log(1e-12))


@pytest.mark.parametrize("what", ["recognizer", "dataset", "unit", "labels", "vocabulary"])
def test_unlike_sketches_are_not_merged(what, rng):
    table = people(rng, sizes=(2, 2), clips=4)
    other = Sketch.of(people(rng, sizes=(2, 2), clips=4, values=("x", "y")) if what == "vocabulary" else table)
    if what == "labels":
        other = Sketch.of(scored([0, 1], one_hot([0, 1], 2), ["a", "b"]))
    elif what != "vocabulary":
        other = replace(other, **{what: "another"})
    with pytest.raises(BadInput, match=what):
        merge(Sketch.of(table), other)


def test_the_same_shard_is_not_counted_twice(rng):
    one = Sketch.of(people(rng, sizes=(2, 2), clips=4), shard="s1")
    with pytest.raises(BadInput, match="s1"):
        merge(one, one)


@pytest.mark.parametrize("weight", [0, -1, 1 << 41])
def test_impossible_weights_are_refused(weight):
    table = scored([0, 1], one_hot([0, 1], 2), ["a", "b"], weight=[1, weight])
    with pytest.raises(BadInput, match="weight"):
        Sketch.of(table)


def test_many_traits_do_not_need_a_dense_table(rng):
    """Cells are found by sorting when their product is too large to list."""
    rows = 60
    traits = {f"t{i}": [f"v{x}" for x in rng.integers(0, 30, rows)] for i in range(6)}
    subject = [f"s{x}" for x in rng.integers(0, 9, rows)]
    table = scored(rng.integers(0, 2, rows), one_hot(rng.integers(0, 2, rows), 2), subject, traits=traits)
    sketch = Sketch.of(table)
    assert sketch.counts[:, :6].sum() == rows
    order = rng.permutation(rows)
    assert Sketch.of(taken(table, order)).to_bytes() == sketch.to_bytes()
