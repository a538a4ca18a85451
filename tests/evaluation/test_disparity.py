"""Gaps: equal to the loops, right when people stand on both sides, and refused where a side may not speak."""

import math

import numpy as np
import pytest

from tests.evaluation.made_up import one_hot, people, scored
from tests.oracles import evaluation as oracle
from vemo_audit.errors import BadInput
from vemo_audit.evaluation import disparity
from vemo_audit.evaluation.disparity import gap, gaps
from vemo_audit.evaluation.levels import level
from vemo_audit.evaluation.metrics import METRICS
from vemo_audit.evaluation.resample import draws, student
from vemo_audit.evaluation.sketch import Sketch
from vemo_audit.evaluation.slices import Slice
from vemo_audit.records.measurement import State

ACCURACY = METRICS["accuracy"]


def sides(table):
    """The loops' rows of groups a and b."""
    rows, code = oracle.rows_of(table), table.traits["group"]
    return [[row for row, c in zip(rows, code, strict=True) if c == side] for side in (0, 1)]


@pytest.mark.parametrize("name", ["accuracy", "uar", "ece", "overconfidence"])
def test_a_gap_equals_the_loops(name, rng):
    table = people(rng, sizes=(8, 6), clips=40, count_spread=0.4)
    metric = {"uar": lambda rows: oracle.uar(rows, 7)}.get(name) or getattr(oracle, name)
    a, b = sides(table)
    found = gap(Sketch.of(table), "group", "a", "b", METRICS[name])
    assert found.state is (State.APPROXIMATE if name == "ece" else State.OK)
    low, high = oracle.gap_interval(a, b, metric)
    assert found.value == pytest.approx(metric(a) - metric(b), abs=1e-11)
    assert (found.interval.low, found.interval.high) == pytest.approx((low, high), abs=1e-9)
    assert found.id == f"model/made up/{name}/gap/group/a-b"
    assert found.icc == pytest.approx(oracle.intraclass([a, b]), abs=1e-12)


def test_a_gap_changes_sign_with_its_sides(rng):
    sketch = Sketch.of(people(rng, sizes=(8, 6)))
    there, back = gap(sketch, "group", "a", "b", ACCURACY), gap(sketch, "group", "b", "a", ACCURACY)
    assert there.value == -back.value
    assert there.interval.low == pytest.approx(-back.interval.high)
    assert there.minimum_detectable == pytest.approx(back.minimum_detectable)


def test_the_smallest_gap_it_could_have_shown_stands_beside_it(rng):
    found = gap(Sketch.of(people(rng, sizes=(8, 6))), "group", "a", "b", ACCURACY)
    df = found.interval.degrees_of_freedom
    error = (found.interval.high - found.interval.low) / 2 / student(0.975, df)
    assert found.minimum_detectable == pytest.approx((student(0.975, df) + student(0.8, df)) * error)


def both_sides(rng, subjects=30):
    """The same people in dim and bright light: people differ much, the light changes nothing."""
    truth, answer, subject, light = [], [], [], []
    for i in range(subjects):
        chance = rng.choice([0.25, 0.95])
        for clip in range(40):
            t = int(rng.integers(0, 2))
            truth.append(t)
            answer.append(t if rng.random() < chance else 1 - t)
            subject.append(f"s{i:02d}")
            light.append("dim" if clip % 2 else "bright")
    return Sketch.of(scored(truth, one_hot(answer, 2), subject, traits={"light": light}))


def check_width(found):
    """Clips of one person agree, so a gap within people is far surer than one between strangers."""
    assert found.interval.high - found.interval.low < 0.12


def test_people_on_both_sides_cancel(rng, monkeypatch):
    sketch = both_sides(rng)
    check_width(gap(sketch, "light", "bright", "dim", ACCURACY))
    monkeypatch.setattr(disparity, "_spread_shared", disparity._spread_disjoint)
    with pytest.raises(AssertionError):
        check_width(gap(sketch, "light", "bright", "dim", ACCURACY))


def test_the_bootstrap_agrees_with_the_closed_form_on_both_designs(rng):
    for sketch, trait, a, b in (
        (both_sides(rng), "light", "bright", "dim"),
        (Sketch.of(people(rng, sizes=(30, 30), count_spread=0.3)), "group", "a", "b"),
    ):
        found = gap(sketch, trait, a, b, ACCURACY, draws=draws(len(sketch.subjects), 2000, rng))
        width = found.interval.high - found.interval.low
        assert found.others[0].high - found.others[0].low == pytest.approx(width, rel=0.2)


def test_all_pairs_of_known_values_come_once_and_unknown_does_not(rng):
    table = people(rng, sizes=(6, 7, 8))
    found = gaps(Sketch.of(table), "group", ACCURACY, METRICS["brier"])
    assert [(g.metric, g.a, g.b) for g in found] == [
        (m, a, b) for m in ("accuracy", "brier") for a, b in (("a", "b"), ("a", "c"), ("b", "c"))
    ]
    subject = [f"s{i}" for i in range(12) for _ in range(2)]
    half = scored([0, 1] * 12, one_hot([0, 1] * 12, 2), subject, traits={"sex": ["f"] * 12 + [None] * 12})
    assert gaps(Sketch.of(half), "sex", ACCURACY) == ()


def test_too_many_values_are_refused():
    subject = [f"s{i:02d}" for i in range(13)]
    table = scored([0, 1] * 6 + [0], one_hot([0] * 13, 2), subject, traits={"home": subject})
    with pytest.raises(BadInput, match="13 values"):
        gaps(Sketch.of(table), "home", ACCURACY)


def test_a_gap_to_itself_or_to_nobody_is_refused(rng):
    sketch = Sketch.of(people(rng, sizes=(6, 6)))
    for a, b in (("a", "a"), ("a", "z")):
        with pytest.raises(BadInput):
            gap(sketch, "group", a, b, ACCURACY)


def test_a_hidden_side_hides_the_gap(rng):
    found = gap(Sketch.of(people(rng, sizes=(4, 9, 9))), "group", "a", "b", ACCURACY)
    assert (found.state, found.interval, found.subjects_a) == (State.HIDDEN, None, None)
    assert math.isnan(found.value)
    assert math.isnan(found.icc)
    assert found.because.startswith("group=a: fewer than 5 people")


def test_a_side_without_variation_is_degenerate():
    """Never [0, 0] for a group that is always right."""
    subject = [f"s{i:02d}" for i in range(14) for _ in range(10)]
    answer = [0] * 70 + [int(x) for x in np.random.default_rng(1).integers(0, 2, 70)]
    table = scored([0] * 140, one_hot(answer, 2), subject, traits={"sex": ["f"] * 70 + ["m"] * 70})
    found = gap(Sketch.of(table), "sex", "f", "m", ACCURACY)
    assert (found.state, found.interval) == (State.DEGENERATE, None)
    assert found.value > 0


def test_the_gap_of_a_rooted_error_is_recovered_from_both_sides(rng):
    """Zou & Donner by hand from the two printed levels."""
    sketch = Sketch.of(people(rng, sizes=(20, 25), spread=0.3))
    found = gap(sketch, "group", "a", "b", METRICS["debiased_ece"])
    a, b = (level(sketch, Slice((("group", v),)), METRICS["debiased_ece"]) for v in "ab")
    low = a.value - b.value - math.hypot(a.value - a.interval.low, b.interval.high - b.value)
    assert found.interval.low == pytest.approx(low)
    assert found.interval.low < found.value < found.interval.high
