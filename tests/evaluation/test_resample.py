"""Intervals by subject: exact jackknife, shared draws, and the same result in any order of work."""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tests.evaluation.made_up import people
from tests.oracles import evaluation as oracle
from vemo_audit.errors import BadInput
from vemo_audit.evaluation.metrics import METRICS
from vemo_audit.evaluation.resample import (
    Draws,
    Evidence,
    cluster_t,
    draws,
    jackknife_variance,
    kish,
    percentile,
    satterthwaite,
    student,
)
from vemo_audit.evaluation.sketch import Sketch
from vemo_audit.evaluation.slices import OVERALL


def test_kish_by_hand():
    assert kish(np.array([4.0, 4, 4])) == pytest.approx(3)
    assert kish(np.array([6.0, 3, 1])) == pytest.approx(100 / 46)
    assert kish(np.array([5.0, 0, 0])) == pytest.approx(1)
    assert kish(np.zeros(3)) == 0


def test_jackknife_of_a_mean_is_its_squared_standard_error():
    x = np.array([1.0, 2, 4, 9])
    left_out = (x.sum() - x) / 3
    assert jackknife_variance(left_out) == pytest.approx(x.var(ddof=1) / 4)
    assert math.isnan(jackknife_variance(np.array([1.0])))


def test_cluster_t_by_hand():
    made = cluster_t(0.5, 0.01, 4.0, level=0.95)
    assert made.high - 0.5 == pytest.approx(2.7764451 * 0.1)
    assert made.low + made.high == pytest.approx(1)
    assert student(0.975, 4) == pytest.approx(2.7764451)


def test_satterthwaite_by_hand():
    assert satterthwaite((1.0, 1.0), (10.0, 10.0)) == pytest.approx(20)
    assert satterthwaite((2.0, 1.0), (4.0, 5.0)) == pytest.approx(9 / (1 + 0.2))
    assert math.isnan(satterthwaite((0.0, 0.0), (4.0, 5.0)))


@pytest.mark.parametrize("name", ["accuracy", "uar", "macro_f1", "ece", "brier", "overconfidence"])
def test_left_out_equals_the_metric_of_the_other_subjects(name, rng):
    table = people(rng, sizes=(6,), clips=10)
    rows = oracle.rows_of(table)
    metric = {
        "uar": lambda r: oracle.uar(r, 7), "macro_f1": lambda r: oracle.macro_f1(r, 7),
    }.get(name) or getattr(oracle, name)  # fmt: skip
    expected = [metric([row for row in rows if row[3] != subject]) for subject in table.subjects]
    found = Evidence(Sketch.of(table), OVERALL).left_out(METRICS[name])
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize("name", ["accuracy", "ece"])
def test_a_draw_is_the_metric_of_the_subjects_drawn(name, rng):
    table = people(rng, sizes=(4,), clips=8)
    drawn = draws(4, 100, rng)
    found = Evidence(Sketch.of(table), OVERALL, draws=drawn).resampled(METRICS[name])
    rows = oracle.rows_of(table)
    weights = drawn.weights(0)
    for b in range(0, 100, 9):
        expected = oracle.drawn(rows, weights[b], getattr(oracle, name))
        assert found[b] == pytest.approx(expected, abs=1e-6)


def test_every_draw_has_as_many_subjects_as_there_are(rng):
    drawn = draws(37, 500, rng)
    weights = np.concatenate([drawn.weights(start) for start in range(0, 500, drawn.chunk)])
    assert weights.shape == (500, 37)
    assert (weights.sum(axis=1) == 37).all()
    assert abs(weights.astype(float).var() - 1) < 0.05


def test_draws_are_the_same_in_any_order_and_on_any_thread():
    subjects, count = 3000, 900
    starts = range(0, count, Draws(subjects, count, 5).chunk)
    assert len(starts) > 2
    in_turn = [Draws(subjects, count, 5).weights(s) for s in starts]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(Draws(subjects, count, 5).weights, reversed(starts)))[::-1]
    assert all(np.array_equal(a, b) for a, b in zip(in_turn, together, strict=True))
    assert not np.array_equal(in_turn[0], Draws(subjects, count, 6).weights(0))


def test_totals_do_not_depend_on_the_order_of_addition(rng):
    """Sums lie on a grid, so that any library, on any number of threads, adds them exactly."""
    drawn = draws(50, 200, rng)
    sums = rng.random((50, 9)) * 100
    here = drawn.totals(np.arange(50, dtype=np.int32), sums)
    weights = drawn.weights(0).astype(float)
    turned = rng.permutation(50)
    grid = np.rint(sums * 2**24) / 2**24
    one_by_one = sum(np.outer(weights[:, i], grid[i]) for i in turned)
    assert np.array_equal(here, one_by_one)
    raw = [sum(np.outer(weights[:, i], sums[i]) for i in order) for order in (range(50), turned)]
    assert not np.array_equal(*raw)  # the twin: without the grid the order shows


def test_percentile_needs_draws_that_are_defined():
    assert percentile(None, level=0.95) is None
    assert percentile(np.r_[np.full(20, np.nan), np.arange(80.0)], level=0.95) is None
    found = percentile(np.r_[np.nan, np.arange(101.0)], level=0.9)
    assert (found.low, found.high) == pytest.approx((5, 95))


def test_draws_of_nobody_or_too_few_draws_are_refused(rng):
    for subjects, count in ((0, 1000), (5, 99)):
        with pytest.raises(BadInput):
            draws(subjects, count, rng)
    with pytest.raises(BadInput, match="subjects"):
        Evidence(Sketch.of(people(rng, sizes=(4,))), OVERALL, draws=draws(5, 100, rng))
