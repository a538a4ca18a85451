"""Confusion and reliability: counts by hand, bands by subject, and nothing of a hidden slice."""

import math

import numpy as np
import pytest

from tests.evaluation.made_up import one_hot, people, scored
from tests.oracles import evaluation as oracle
from vemo_audit.evaluation import confusion, reliability
from vemo_audit.evaluation.sketch import Sketch
from vemo_audit.evaluation.slices import OVERALL, Slice
from vemo_audit.records.measurement import State


def test_confusion_by_hand_with_abstentions():
    table = scored([0, 0, 1, 1, 1], one_hot([0, 1, 1, 1, 0], 2), list("abcde"), abstained=[2])
    assert confusion(Sketch.of(table)).counts == ((1, 1, 0), (1, 1, 1))


def test_the_confusion_of_few_people_is_not_told():
    table = scored([0, 1], one_hot([0, 1], 2), ["a", "b"])
    assert confusion(Sketch.of(table)).counts == ()


def test_bins_equal_the_loops(rng):
    table = people(rng, sizes=(9,), clips=20)
    found = reliability(Sketch.of(table), OVERALL)
    rows = oracle.rows_of(table)
    assert sum(found.rows) == len(rows)
    assert len(found.edges) == len(found.rows) + 1 == 16
    for i in range(15):
        mine = [r for r in rows if min(int(r[2][r[1]] * 15), 14) == i]
        assert found.rows[i] == len(mine)
        if not mine:
            assert math.isnan(found.accuracy[i])
            continue
        assert found.accuracy[i] == pytest.approx(oracle.accuracy(mine))
        assert found.confidence[i] == pytest.approx(np.mean([r[2][r[1]] for r in mine]))
        if len({r[3] for r in mine}) > 6 and not math.isnan(found.low[i]):
            low, high = oracle.level_interval(mine, oracle.accuracy)
            assert found.low[i] <= found.accuracy[i] <= found.high[i]
            # a subject without rows in the bin still counts as one left out, so the factor (S - 1)/S differs a little
            assert found.high[i] - found.low[i] == pytest.approx(min(high, 1) - max(low, 0), rel=0.05)


def test_a_bin_of_two_people_has_no_band(rng):
    table = scored([0, 1] * 5, np.r_[one_hot([0, 1] * 4, 2), [[0.6, 0.4], [0.4, 0.6]]], list("aabbccddee"))
    found = reliability(Sketch.of(table), OVERALL)
    assert found.rows[9] == 2
    assert math.isnan(found.low[9])
    assert found.state is State.OK


def test_hidden_and_empty_slices_have_no_bins(rng):
    sketch = Sketch.of(people(rng, sizes=(4, 9)))
    for value, state in (("a", State.HIDDEN), ("unknown", State.EMPTY)):
        found = reliability(sketch, Slice((("group", value),)))
        assert found.state is state
        assert sum(found.rows) == 0
        assert all(math.isnan(x) for x in found.accuracy)
        assert found.because
