"""Levels: the interval is that of the plain loops, and where no number may stand there is a state, never a zero."""

import math

import numpy as np
import pytest

from tests.evaluation.made_up import one_hot, people, scored
from tests.faults import evaluation as faults
from tests.oracles import evaluation as oracle
from vemo_audit.evaluation import levels as levels_module
from vemo_audit.evaluation.levels import level, levels
from vemo_audit.evaluation.metrics import METRICS, named
from vemo_audit.evaluation.resample import draws
from vemo_audit.evaluation.sketch import Sketch
from vemo_audit.evaluation.slices import OVERALL, Slice, slices
from vemo_audit.records.measurement import State

ACCURACY = METRICS["accuracy"]


def sketch_of(hits, *, sizes=None, traits=None):
    """Two classes, right or wrong: subject i has `sizes[i]` clips, `hits[i]` of them right; half of each class."""
    sizes = sizes or [10] * len(hits)
    truth, answer, subject = [], [], []
    for i, (right, size) in enumerate(zip(hits, sizes, strict=True)):
        for clip in range(size):
            truth.append(clip % 2)
            answer.append(clip % 2 if clip < right else 1 - clip % 2)
            subject.append(f"s{i:02d}")
    columns = {name: [values[int(s[1:])] for s in subject] for name, values in (traits or {}).items()}
    return Sketch.of(scored(truth, one_hot(answer, 2) * 0.8 + 0.1, subject, traits=columns))


def test_interval_equals_the_loops(rng):
    table = people(rng, sizes=(8,), clips=12)
    rows = oracle.rows_of(table)
    for name, metric in (
        ("accuracy", oracle.accuracy), ("uar", lambda r: oracle.uar(r, 7)), ("brier", oracle.brier),
    ):  # fmt: skip
        found = levels_module.interval_of(levels_module.Evidence(Sketch.of(table), OVERALL), METRICS[name], level=0.95)
        low, high = oracle.level_interval(rows, metric)
        assert (found.low, found.high) == pytest.approx((low, high), abs=1e-9)


def check_degrees(find):
    """Unequal clusters: Kish's number, not the number of subjects."""
    table = people(np.random.default_rng(3), sizes=(9,), count_spread=0.8)
    sketch = Sketch.of(table)
    found = level(sketch, OVERALL, ACCURACY).interval.degrees_of_freedom
    rows = oracle.rows_of(table)
    expected = oracle.variance_and_df(rows, oracle.accuracy)[1]
    assert find(found, sketch) == pytest.approx(expected)


def test_degrees_of_freedom_are_kish():
    check_degrees(lambda found, sketch: found)


def test_degrees_of_subjects_are_noticed():
    with pytest.raises(AssertionError):
        check_degrees(lambda found, sketch: faults.degrees_of_subjects(ACCURACY.rows(sketch.sums()[1])) - 1)


def test_a_good_slice_has_value_interval_and_percentile_beside_it(rng):
    sketch = sketch_of([9, 7, 8, 6, 9, 5, 7])
    found = level(sketch, OVERALL, ACCURACY, draws=draws(7, 500, rng))
    assert (found.state, found.rows, found.subjects) == (State.OK, 70, 7)
    assert found.value == pytest.approx(51 / 70)
    assert found.interval.method == "cluster-t"
    assert found.others[0].method == "percentile"
    assert found.id == "model/made up/accuracy/overall"


def test_few_people_are_hidden_with_all_their_numbers():
    found = level(sketch_of([9, 7, 8, 6]), OVERALL, ACCURACY)
    assert (found.state, found.rows, found.subjects, found.interval) == (State.HIDDEN, None, None, None)
    assert math.isnan(found.value)
    assert found.because == "fewer than 5 people"
    assert level(sketch_of([9, 7, 8, 6]), OVERALL, ACCURACY, k=3).state is State.OK


def test_nobody_is_empty():
    sketch = sketch_of([9, 7, 8, 6, 9], traits={"sex": ["f"] * 5})
    assert level(sketch, Slice((("sex", "unknown"),)), ACCURACY).state is State.EMPTY


def test_two_people_who_hold_most_clips_are_too_few():
    found = level(sketch_of([50, 30, 1, 1, 1], sizes=[60, 50, 2, 2, 2]), OVERALL, ACCURACY)
    assert found.state is State.INSUFFICIENT_CLUSTERS
    assert found.interval is None
    assert found.value == pytest.approx(83 / 116)
    assert found.because.startswith("2.")


def test_one_person_with_more_than_half_is_too_many():
    sizes = [52] + [10] * 5
    found = level(sketch_of([40, 8, 7, 6, 9, 5], sizes=sizes), OVERALL, ACCURACY)
    assert found.state is State.INSUFFICIENT_CLUSTERS
    assert "51%" in found.because


def test_an_absent_class_is_named_and_no_number_printed():
    """Class 'b' occurs in the sample, but with 4 rows in the slice of old people."""
    truth, subject, age = [], [], []
    for i in range(12):
        for clip in range(6):
            old = i < 6
            truth.append(1 if (clip < 3 and not old) or (old and i < 4 and clip == 0) else 0)
            subject.append(f"s{i:02d}")
            age.append("old" if old else "young")
    rng = np.random.default_rng(1)
    answer = np.where(rng.random(72) < 0.7, truth, 1 - np.array(truth))
    sketch = Sketch.of(scored(truth, one_hot(answer, 3), subject, traits={"age": age}, names=["a", "b", "never"]))
    old = Slice((("age", "old"),))
    for metric in (METRICS["uar"], METRICS["macro_f1"], named("tpr_b", sketch.labels)):
        found = level(sketch, old, metric)
        assert found.state is State.CLASS_ABSENT
        assert "b" in found.because
        assert math.isnan(found.value)
        assert found.interval is None
    assert level(sketch, old, ACCURACY).state is State.OK
    whole = level(sketch, OVERALL, METRICS["uar"])
    assert whole.state is State.OK
    assert whole.because == "no row of never in this dataset"


def test_all_hits_are_degenerate_with_an_exact_bound():
    found = level(sketch_of([10] * 12), OVERALL, ACCURACY)
    assert found.state is State.DEGENERATE
    assert found.value == 1
    assert found.interval is None
    assert "22.1%" in found.because  # 1 - .05^(1/12)


def test_calibration_of_few_people_is_marked_approximate(rng):
    sketch = Sketch.of(people(rng, sizes=(20,)))
    for name in ("ece", "debiased_ece"):
        found = level(sketch, OVERALL, METRICS[name])
        assert found.state is State.APPROXIMATE
        assert found.interval is not None
    assert level(sketch, OVERALL, METRICS["brier"]).state is State.OK
    many = Sketch.of(people(rng, sizes=(100,), clips=5))
    assert level(many, OVERALL, METRICS["ece"]).state is State.OK


def test_withheld_counts_are_withheld_everywhere(rng):
    values = ["a"] * 9 + ["b"] * 7 + [None]
    sketch = sketch_of([int(x) for x in rng.integers(3, 10, 17)], traits={"t": values})
    found = {m.slice: m for m in levels(sketch, slices(sketch, ["t"]), [ACCURACY])}
    assert found["t=unknown"].state is State.HIDDEN
    assert (found["t=b"].state, found["t=b"].rows, found["t=b"].subjects) == (State.OK, None, None)
    assert math.isnan(found["t=b"].interval.degrees_of_freedom)
    assert found["t=a"].subjects == 9


def test_intervals_stay_inside_the_bounds():
    found = level(sketch_of([10, 10, 10, 10, 10, 4]), OVERALL, ACCURACY)
    assert 0 <= found.interval.low < found.value <= found.interval.high == 1


def test_no_state_without_a_number_ever_gives_one(rng):
    """Whatever the sample, a refused measurement has neither interval nor, where nothing may be told, a value."""
    for seed in range(40):
        local = np.random.default_rng(seed)
        table = people(local, sizes=tuple(local.integers(1, 9, 3)), clips=4, count_spread=1.0)
        sketch = Sketch.of(table)
        metrics = [*METRICS.values(), named("ppv_c6", table.labels)]
        for m in levels(sketch, slices(sketch, ["group"]), metrics):
            if m.state not in (State.OK, State.APPROXIMATE):
                assert m.interval is None, m
                assert m.because, m
            else:
                assert m.interval.low < m.interval.high, m
                assert math.isfinite(m.value), m
            if m.state in (State.HIDDEN, State.CLASS_ABSENT, State.EMPTY):
                assert math.isnan(m.value), m


def test_progress_is_told(rng):
    sketch = Sketch.of(people(rng, sizes=(6, 6)))
    heard = []
    levels(sketch, slices(sketch, ["group"]), [ACCURACY], on_progress=heard.append)
    assert heard == ["overall", "group=a", "group=b"]
