"""Shares, means and differences of independent rows: worked by hand, against slow twins, and over many draws."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from vemo_audit.evaluation import rates

hits_of_rows = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def test_wilson_worked_by_hand() -> None:
    """8 of 10 at 95 %: centre (8 + 1.9207) / 13.8415, half 1.96 / 13.8415 * sqrt(1.6 + 0.9604)."""
    low, high = rates.wilson(8, 10)
    assert (low, high) == pytest.approx((0.4902, 0.9433), abs=5e-5)
    assert rates.wilson(0, 10)[0] == 0 and rates.wilson(10, 10)[1] == 1
    assert all(map(math.isnan, rates.wilson(0, 0)))


@given(hits_of_rows)
def test_wilson_is_where_the_score_test_turns(one: tuple[int, int]) -> None:
    """Its ends are the shares p at which |hits - n p| is exactly z standard errors under p; a Wald interval is not."""
    hits, rows = one
    z = stats.norm.ppf(0.975)
    for end in rates.wilson(hits, rows):
        if 0 < end < 1:
            assert abs(hits - rows * end) == pytest.approx(z * math.sqrt(rows * end * (1 - end)), abs=1e-6)


def test_newcombe_worked_in_its_source() -> None:
    """56 of 70 against 48 of 80: Newcombe 1998, table II, row (a), method 10."""
    assert rates.newcombe((56, 70), (48, 80)) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)


@given(hits_of_rows, hits_of_rows)
def test_newcombe_turns_around_with_its_groups(a: tuple[int, int], b: tuple[int, int]) -> None:
    value, low, high = rates.newcombe(a, b)
    assert rates.newcombe(b, a) == pytest.approx((-value, -high, -low))
    assert -1 <= low <= value <= high <= 1


def test_holm_worked_by_hand() -> None:
    assert rates.holm([0.01, 0.04, 0.03, math.nan]) == pytest.approx((0.03, 0.06, 0.06, math.nan), nan_ok=True)
    assert rates.holm([]) == ()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_keeps_order_and_never_falls_below_its_p(p: list[float]) -> None:
    adjusted = rates.holm(p)
    assert all(one >= raw for one, raw in zip(adjusted, p, strict=True))
    assert [adjusted[k] for k in np.argsort(p, kind="stable")] == sorted(adjusted)


@settings(max_examples=30)
@given(st.lists(st.floats(-5, 5), min_size=3, max_size=30), st.lists(st.floats(-5, 5), min_size=3, max_size=30))
def test_means_and_welch_are_those_of_scipy(a: list[float], b: list[float]) -> None:
    x, y = np.array(a), np.array(b)
    if min(x.std(), y.std()) < 1e-3:
        return
    known = stats.ttest_ind(x, y, equal_var=False)
    ends = known.confidence_interval(0.9)
    found = rates.welch(x, y, level=0.9)
    assert found == pytest.approx((x.mean() - y.mean(), ends.low, ends.high, known.pvalue), rel=1e-6, abs=1e-9)
    mean = rates.mean_interval(x, level=0.9)
    assert mean[1:] == pytest.approx(stats.t.interval(0.9, len(x) - 1, x.mean(), stats.sem(x)), rel=1e-6, abs=1e-9)


def test_pooled_p_is_the_chi_square_of_the_table() -> None:
    known = stats.chi2_contingency([[56, 14], [48, 32]], correction=False).pvalue
    assert rates.pooled_p((56, 70), (48, 80)) == pytest.approx(known)
    assert rates.pooled_p((0, 5), (0, 7)) == 1.0 and math.isnan(rates.pooled_p((0, 0), (1, 2)))


def test_a_small_group_is_hidden_and_compared_with_nobody() -> None:
    codes = np.array(["a"] * 20 + ["b"] * 4 + ["c"] * 20, dtype=object)
    values = (np.arange(44) % 2).astype(float)
    hidden = rates.rate_figure("found", values[codes == "b"] > 0, trait="g", group="b")
    assert hidden.n is None and math.isnan(hidden.value) and "fewer than 5" in hidden.because
    assert [(g.a, g.b) for g in rates.gaps("found", values, codes, trait="g")] == [("a", "c")]
    assert rates.gaps("found", values[:20], codes[:20], trait="g") == ()


def test_means_leave_out_nan_and_count_the_rest() -> None:
    figure = rates.mean_figure("q", np.array([1.0, 2, 3, 4, 5, np.nan]), trait="", group="everybody")
    assert (figure.n, figure.value) == (5, 3.0) and figure.low < 3 < figure.high


def false_alarms(level_of_each: float | None, *, draws: int = 400) -> float:
    """How often seven groups of one and the same share show any pair whose interval leaves 0 out."""
    rng = np.random.default_rng(5)
    codes = np.repeat(np.array([f"g{k}" for k in range(7)], dtype=object), 150)
    alarms = 0
    for _ in range(draws):
        values = (rng.random(len(codes)) < 0.9).astype(float)
        if level_of_each is None:
            found = [(g.low, g.high) for g in rates.gaps("found", values, codes, trait="g")]
        else:  # the twin: each pair on its own
            parts = [(int(values[codes == name].sum()), 150) for name in np.unique(codes)]
            found = [rates.newcombe(a, b, level=level_of_each)[1:] for a, b in combinations(parts, 2)]
        alarms += any(low > 0 or high < 0 for low, high in found)
    return alarms / draws


def test_seven_equal_groups_rarely_differ() -> None:
    assert false_alarms(None) <= 0.07


def test_the_twin_that_looks_at_each_pair_alone_cries_wolf() -> None:
    assert false_alarms(0.95) > 0.2
