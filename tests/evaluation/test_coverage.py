"""Coverage by simulation: nominal 95 % intervals of a gap whose truth is 0 cover it in 93 to 97 % of samples."""

import math

import numpy as np
import pytest

from tests.evaluation.made_up import people
from tests.faults import evaluation as faults
from vemo_audit.evaluation import disparity, levels
from vemo_audit.evaluation.metrics import METRICS
from vemo_audit.evaluation.resample import Evidence, draws, percentile
from vemo_audit.evaluation.sketch import Sketch
from vemo_audit.evaluation.slices import Slice
from vemo_audit.records.measurement import State

LOW, HIGH, HIGH_FOR_FEW = 0.93, 0.97, 0.98
SAMPLE = 200
NAMES = ("accuracy", "uar", "macro_f1", "ece", "brier", "overconfidence")


def closed_form(sketch, scored, name, rng):
    """Gap a minus b with the printed interval, states of small classes left aside."""
    sides = tuple(Evidence(sketch, Slice((("group", value),))) for value in "ab")
    spread = disparity._spread_disjoint(sides, METRICS[name])
    value = sides[0].value(METRICS[name]) - sides[1].value(METRICS[name])
    return disparity.cluster_t(value, spread.variance, spread.degrees_of_freedom, level=0.95)


def printed(sketch, scored, name, rng):
    """Gap a minus b through the public door."""
    return disparity.gap(sketch, "group", "a", "b", METRICS[name]).interval


def by_rows(sketch, scored, name, rng):
    """The fault: rows resampled."""
    sides = [np.flatnonzero(scored.traits["group"] == code) for code in (0, 1)]
    return percentile(np.subtract(*(faults.row_bootstrap(scored, side, rng=rng) for side in sides)), level=0.95)


def by_percentile(sketch, scored, name, rng):
    """The fault at few subjects: the percentile bootstrap as the only interval."""
    drawn = draws(len(sketch.subjects), 400, rng)
    sides = [Evidence(sketch, Slice((("group", value),)), draws=drawn) for value in "ab"]
    return percentile(np.subtract(*(side.resampled(METRICS[name]) for side in sides)), level=0.95)


def covered(interval, *, sizes, names=("accuracy",), sims=SAMPLE, spread=0.8, surer=0.1):
    """Share of samples whose interval covers 0, by metric; the recognizer is surer than it is right, alike in both."""
    hits = dict.fromkeys(names, 0)
    for seed in range(sims):
        rng = np.random.default_rng([seed, *sizes])
        scored = people(rng, sizes=sizes, spread=spread, surer=surer)
        sketch = Sketch.of(scored)
        for name in names:
            found = interval(sketch, scored, name, rng)
            hits[name] += found.low <= 0 <= found.high
    return {name: count / sims for name, count in hits.items()}


def check(shares, *, sims, few, low=LOW):
    """The 99 % Monte-Carlo band of each share touches the demanded one."""
    for name, share in shares.items():
        error = 2.576 * math.sqrt(max(share * (1 - share), 0.02) / sims)
        assert share + error >= low, (name, share)
        assert share - error <= (HIGH_FOR_FEW if few else HIGH), (name, share)


@pytest.mark.parametrize("sizes", [(7, 7), (20, 20), (60, 7)])
def test_gaps_are_covered(sizes):
    check(covered(closed_form, sizes=sizes, names=NAMES), sims=SAMPLE, few=min(sizes) < 8)


def test_the_row_bootstrap_is_rejected():
    with pytest.raises(AssertionError):
        check(covered(by_rows, sizes=(7, 7)), sims=SAMPLE, few=True)


def test_the_plug_in_error_of_unequal_groups_is_marked_for_a_reason():
    """A well calibrated recognizer: size alone makes the smaller group look worse, so the gap is marked."""
    with pytest.raises(AssertionError):
        check(covered(closed_form, sizes=(60, 7), names=("ece",), surer=0.0), sims=SAMPLE, few=True)
    sketch = Sketch.of(people(np.random.default_rng(1), sizes=(60, 20)))
    found = disparity.gaps(sketch, "group", METRICS["ece"], METRICS["debiased_ece"])
    assert [one.state for one in found] == [State.APPROXIMATE, State.OK]


@pytest.mark.parametrize("surer", [0.0, 0.1])
def test_gaps_of_the_debiased_error_are_covered(surer):
    """Conservative by design below 45 subjects, so only the lower limit is demanded."""
    shares = covered(printed, sizes=(20, 20), names=("debiased_ece",), surer=surer)
    assert shares["debiased_ece"] >= LOW - 0.04, shares


@pytest.mark.long
@pytest.mark.parametrize("sizes", [(5, 5), (7, 7), (12, 12), (20, 20), (45, 45), (100, 100), (60, 7)])
@pytest.mark.parametrize("spread", [0.0, 0.4, 0.8])
def test_gaps_are_covered_in_full(sizes, spread):
    shares = covered(closed_form, sizes=sizes, names=NAMES, sims=2000, spread=spread)
    print({"sizes": sizes, "spread": spread, **shares})
    check(shares, sims=2000, few=min(sizes) < 8)


@pytest.mark.long
def test_the_percentile_at_seven_is_rejected():
    shares = covered(by_percentile, sizes=(7, 7), sims=2000)
    print(shares)
    with pytest.raises(AssertionError):
        check(shares, sims=2000, few=True)


def level_coverage(degrees, *, subjects, sims, count_spread):
    """Share of level intervals of accuracy that cover the mean of the simulated people."""
    truth = _true_accuracy()
    hits = made = 0
    for seed in range(sims):
        scored = people(np.random.default_rng([seed, 99]), sizes=(subjects,), count_spread=count_spread)
        evidence = Evidence(Sketch.of(scored), Slice())
        rows = METRICS["accuracy"].rows(evidence.sums)
        if levels.too_few_clusters(evidence, METRICS["accuracy"]):
            continue
        variance = levels.jackknife_variance(evidence.left_out(METRICS["accuracy"]))
        found = levels.cluster_t(evidence.value(METRICS["accuracy"]), variance, degrees(rows) - 1, level=0.95)
        made += 1
        hits += found.low <= truth <= found.high
    return {"accuracy": hits / made}


def _true_accuracy():
    """The mean of what the simulation states, over very many people."""
    scored = people(np.random.default_rng(0), sizes=(60_000,), count_spread=0.0, clips=10)
    return METRICS["accuracy"](scored)


@pytest.mark.long
def test_levels_need_kish_degrees_of_freedom():
    shares = {
        name: level_coverage(degrees, subjects=7, sims=4000, count_spread=0.9)
        for name, degrees in (("kish", levels.kish), ("subjects", faults.degrees_of_subjects))
    }
    print(shares)
    check(shares["kish"], sims=4000, few=True, low=LOW)
    with pytest.raises(AssertionError):
        check(shares["subjects"], sims=4000, few=True, low=LOW)
