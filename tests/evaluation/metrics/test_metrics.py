"""Every metric: by hand, against plain loops, and against scikit-learn and fairlearn."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.evaluation.made_up import one_hot, people, scored, taken
from tests.faults import evaluation as faults
from tests.oracles import evaluation as oracle
from vemo_audit.errors import BadInput
from vemo_audit.evaluation.metrics import METRICS, named
from vemo_audit.evaluation.metrics.interface import Metric
from vemo_audit.evaluation.sketch import Sketch
from vemo_audit.evaluation.slices import Slice
from vemo_audit.records.labels import EKMAN


@st.composite
def tables(draw):
    """Random tables of 2 to 8 classes: absent classes, single rows and exact ties included."""
    classes, rows = draw(st.integers(2, 8)), draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    coarse = rng.integers(0, draw(st.sampled_from([2, 4, 1000])), (rows, classes)) + 1e-3
    probability = coarse / coarse.sum(axis=1, keepdims=True)
    truth = rng.integers(0, draw(st.integers(1, classes)), rows)
    subject = [f"s{i}" for i in rng.integers(0, draw(st.integers(1, 6)), rows)]
    return scored(truth, probability, subject)


def loops(table):
    """Names of metrics with the oracle's value."""
    rows, k = oracle.rows_of(table), len(table.labels)
    found = {
        "accuracy": oracle.accuracy(rows), "uar": oracle.uar(rows, k), "macro_f1": oracle.macro_f1(rows, k),
        "ece": oracle.ece(rows), "brier": oracle.brier(rows), "overconfidence": oracle.overconfidence(rows),
    }  # fmt: skip
    for i, label in enumerate(table.labels.names):
        found |= {f"tpr_{label}": oracle.recall(rows, i), f"fpr_{label}": oracle.fpr(rows, i)}
        found |= {f"ppv_{label}": oracle.ppv(rows, i)}
    return found


def agrees(table, compute):
    """Whether `compute(name, table)` gives what the loops give, to 1e-12."""
    for name, expected in loops(table).items():
        np.testing.assert_allclose(compute(name, table), expected, rtol=0, atol=1e-12, err_msg=name)


def ours(name, table):
    return named(name, table.labels)(table)


@settings(max_examples=60, deadline=None)
@given(tables())
def test_metrics_equal_plain_loops(table):
    agrees(table, ours)
    rows = oracle.rows_of(table)
    np.testing.assert_allclose(METRICS["nll"](table), oracle.nll(rows), rtol=0, atol=1e-10)
    np.testing.assert_allclose(METRICS["debiased_ece"](table) ** 2, oracle.debiased_ece(rows) ** 2, rtol=0, atol=1e-10)


@settings(max_examples=40, deadline=None)
@given(tables())
def test_metrics_equal_scikit_learn(table):
    from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, recall_score

    t, p = table.truth, table.predicted
    present = sorted(set(t.tolist()))
    close = {"rtol": 0, "atol": 1e-12}
    np.testing.assert_allclose(ours("accuracy", table), accuracy_score(t, p), **close)
    np.testing.assert_allclose(
        ours("uar", table), recall_score(t, p, labels=present, average="macro", zero_division=0), **close
    )
    np.testing.assert_allclose(ours("macro_f1", table), f1_score(t, p, average="macro", zero_division=0), **close)
    k = len(table.labels)
    from vemo_audit.evaluation import confusion

    counts = np.array(confusion(Sketch.of(table), k=0).counts)
    assert np.array_equal(counts[:, :k], confusion_matrix(t, p, labels=range(k)))
    if k == 2:
        from sklearn.metrics import brier_score_loss

        half = brier_score_loss(t == 1, table.probability[:, 1].astype(float))
        rounding = np.abs(table.probability.astype(float).sum(axis=1) - 1).max() * 4
        np.testing.assert_allclose(ours("brier", table), 2 * half, rtol=0, atol=1e-12 + rounding)


def test_levels_by_group_equal_fairlearn(rng):
    from fairlearn.metrics import MetricFrame
    from sklearn.metrics import accuracy_score, f1_score, recall_score

    table = people(rng, sizes=(6, 9, 12))
    sketch = Sketch.of(table)
    frame = MetricFrame(
        metrics={
            "accuracy": accuracy_score,
            "uar": lambda t, p: recall_score(t, p, average="macro"),
            "macro_f1": lambda t, p: f1_score(t, p, average="macro"),
        },
        y_true=table.truth, y_pred=table.predicted, sensitive_features=table.traits["group"],
    )  # fmt: skip
    for code, value in enumerate("abc"):
        _, sums = sketch.sums(Slice((("group", value),)).mask(sketch))
        for name in ("accuracy", "uar", "macro_f1"):
            mine = METRICS[name].from_sums(sums.sum(axis=0))
            np.testing.assert_allclose(mine, frame.by_group.loc[code, name], rtol=0, atol=1e-12)


def test_by_hand():
    table = scored([0, 0, 1, 1, 1], [[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.3, 0.7], [0.7, 0.3]], list("aabbb"))
    assert METRICS["accuracy"](table) == pytest.approx(3 / 5)
    assert METRICS["uar"](table) == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert METRICS["macro_f1"](table) == pytest.approx((2 * 1 / 4 + 2 * 2 / 6) / 2)
    assert METRICS["brier"](table) == pytest.approx(2 * (0.01 + 0.36 + 0.04 + 0.09 + 0.49) / 5)
    assert METRICS["overconfidence"](table) == pytest.approx((0.9 + 0.6 + 0.8 + 0.7 + 0.7) / 5 - 0.6)
    # bins by confidence: .6 alone; .7 and .7 together; .8 alone (bin 12 begins there); .9 alone
    assert METRICS["ece"](table) == pytest.approx((0.6 + abs(1.4 - 1) + 0.2 + 0.1) / 5)
    assert named("tpr_c1", table.labels)(table) == pytest.approx(2 / 3)
    assert named("fpr_c1", table.labels)(table) == pytest.approx(1 / 2)
    assert named("ppv_c1", table.labels)(table) == pytest.approx(2 / 3)


def test_full_confidence_falls_in_the_last_bin():
    table = scored([0, 1], one_hot([0, 0], 2), ["a", "b"])
    assert METRICS["ece"](table) == pytest.approx(0.5)


def test_ties_go_to_the_lowest_index():
    """Checked where predictions are made; the fault must not pass as the same."""
    probability = np.array([[0.4, 0.4, 0.2], [0.2, 0.4, 0.4]])
    made = scored([0, 1], probability, ["a", "b"])
    assert made.predicted.tolist() == [0, 1]
    assert faults.last_of_equals(probability).tolist() != [0, 1]


def test_absent_class_is_left_out_of_uar_and_the_fault_is_seen():
    table = scored([0, 0, 1, 1], one_hot([0, 0, 1, 0], 3), list("abab"))
    agrees(table, ours)
    broken = lambda name, t: (  # noqa: E731
        float(faults.uar_with_absent_as_zero(Sketch.of(t).sums()[1].sum(axis=0))) if name == "uar" else ours(name, t)
    )
    with pytest.raises(AssertionError):
        agrees(table, broken)


def test_an_abstention_is_never_right_and_has_no_confidence():
    table = scored([0, 0, 1, 1], one_hot([0, 0, 1, 1], 2) * 0.8 + 0.1, list("abab"), abstained=[1])
    assert METRICS["accuracy"](table) == pytest.approx(3 / 4)
    assert METRICS["uar"](table) == pytest.approx((1 / 2 + 1) / 2)
    assert METRICS["abstention"](table) == pytest.approx(1 / 4)
    assert METRICS["overconfidence"](table) == pytest.approx(0.9 - 1)
    agrees(table, ours)


def test_nothing_answered_is_undefined():
    table = scored([0, 1], one_hot([0, 1], 2), ["a", "b"], abstained=[0, 1])
    assert all(math.isnan(METRICS[name](table)) for name in ("ece", "debiased_ece", "brier", "nll", "overconfidence"))
    assert METRICS["accuracy"](table) == 0


def test_no_rows_are_undefined():
    table = taken(scored([0, 1], one_hot([0, 1], 2), ["a", "b"]), np.array([], int))
    assert all(math.isnan(metric(table)) for metric in METRICS.values())


def test_weights_stand_for_equal_rows(rng):
    whole = people(rng, sizes=(5, 5))
    weight = rng.integers(1, 5, len(whole))
    once = taken(whole, np.arange(len(whole)))
    heavy = type(once)(*[getattr(once, f) for f in list(once.__slots__)[:10]], weight=weight)
    written = taken(whole, np.repeat(np.arange(len(whole)), weight))
    assert Sketch.of(heavy).to_bytes() == Sketch.of(written).to_bytes()


def test_debiased_error_is_zero_on_average_where_the_plug_in_is_not():
    """Perfectly calibrated people: the plug-in error stays up, the debiased square centres on 0."""
    plugged, square = [], []
    for seed in range(60):
        table = people(np.random.default_rng(seed), sizes=(20,), spread=0.0)
        _, sums = Sketch.of(table).sums()
        plugged.append(float(METRICS["ece"].from_sums(sums.sum(axis=0))))
        square.append(float(METRICS["debiased_ece"].smooth(sums.sum(axis=0))))
    error = np.std(square) / math.sqrt(len(square))
    assert abs(np.mean(square)) < 3 * error + 1e-4
    assert np.mean(plugged) > 0.03


def test_every_metric_is_one_and_names_are_resolved():
    assert all(isinstance(metric.name, str) and metric.bounds[0] < metric.bounds[1] for metric in METRICS.values())
    metric: Metric = named("tpr_fear", EKMAN)
    assert metric.name == "tpr_fear"
    for name in ("tpr_joy", "accuracies", "tpr_", ""):
        with pytest.raises(BadInput, match="accuracy, uar"):
            named(name, EKMAN)
