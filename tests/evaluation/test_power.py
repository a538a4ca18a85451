"""Power: what the design could have shown, and how many people would decide."""

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.evaluation.made_up import one_hot, people, scored
from vemo_audit.errors import BadInput
from vemo_audit.evaluation.disparity import gap
from vemo_audit.evaluation.metrics import METRICS
from vemo_audit.evaluation.power import intraclass_correlation, minimum_detectable, subjects_needed
from vemo_audit.evaluation.sketch import Sketch
from vemo_audit.records.measurement import Gap, Interval, State

ACCURACY = METRICS["accuracy"]


def made(value, half, *, subjects=20, df=38.0):
    return Gap(
        "id", "r", "d", "accuracy", "sex", "f", "m", value, Interval(value - half, value + half, 0.95, "cluster-t", df),
        (), math.nan, math.nan, subjects, subjects, State.OK,
    )  # fmt: skip


def test_minimum_detectable_by_hand():
    """45 subjects of 80 clips, p = .63, no agreement: 3.2 points."""
    variance = 2 * 0.63 * 0.37 / (45 * 80)
    assert minimum_detectable(variance, 88) == pytest.approx(0.032, abs=0.0005)


@pytest.mark.parametrize(("subjects", "icc", "points"), [(45, 0.1, 0.095), (22, 0.1, 0.136), (7, 0.1, 0.241)])
def test_minimum_detectable_grows_with_agreement(subjects, icc, points):
    """The known figures are those of normal quantiles; Student's ask for more the fewer people there are."""
    variance = 2 * 0.63 * 0.37 * (icc + (1 - icc) / 80) / subjects
    assert minimum_detectable(variance, 1e9) == pytest.approx(points, abs=0.0006)
    assert minimum_detectable(variance, 2 * (subjects - 1)) > points


def test_intraclass_by_hand():
    """Two people, all right and all wrong, of two clips each: complete agreement; a coin within people: none."""
    agree = scored([0] * 4, one_hot([0, 0, 1, 1], 2), list("aabb"))
    assert intraclass_correlation(Sketch.of(agree).sums()[1]) == pytest.approx(1)
    coin = scored([0] * 4, one_hot([0, 1, 0, 1], 2), list("aabb"))
    assert intraclass_correlation(Sketch.of(coin).sums()[1]) == 0
    single = scored([0] * 2, one_hot([0, 1], 2), list("ab"))
    assert math.isnan(intraclass_correlation(Sketch.of(single).sums()[1]))


def test_intraclass_finds_what_was_put_in(rng):
    """A log-odds sd of .8 at .63 is an ICC near .12; of 0, none."""
    for spread, low, high in ((0.8, 0.08, 0.17), (0.0, 0.0, 0.01)):
        sums = Sketch.of(people(rng, sizes=(300,), spread=spread, count_spread=0.3)).sums()[1]
        assert low <= intraclass_correlation(sums) <= high


def test_more_people_are_needed_the_nearer_the_limit():
    needed = [subjects_needed(made(0.03, 0.08), limit) for limit in (0.2, 0.1, 0.06, 0.04)]
    assert needed == sorted(needed)
    assert needed[0] < 20 < needed[1]


def test_the_number_is_the_smallest_that_decides():
    found = made(0.03, 0.08)
    needed = subjects_needed(found, 0.1)
    of_one = (0.08 / 2.0243942) ** 2 / (2 / 20)

    def detects(n):
        return minimum_detectable(2 * of_one / n, 2 * (n - 1)) <= 0.07

    assert detects(needed)
    assert not detects(needed - 1)


def test_a_gap_at_the_limit_is_never_decided():
    assert subjects_needed(made(0.05, 0.08), 0.05) is None
    assert subjects_needed(made(0.05, 0.08), 0.05001) is None


def test_without_an_interval_or_counts_there_is_no_plan():
    assert subjects_needed(replace(made(0.05, 0.08), interval=None), 0.1) is None
    assert subjects_needed(replace(made(0.05, 0.08), subjects_a=None), 0.1) is None
    with pytest.raises(BadInput):
        subjects_needed(made(0.05, 0.08), -0.1)


@pytest.mark.long
def test_a_planted_gap_of_the_planned_size_is_found_four_times_in_five():
    found = 0
    sims = 400
    for seed in range(sims):
        rng = np.random.default_rng(seed)
        chance = [0.63, 0.53]
        rows = []
        for side in (0, 1):
            own = rng.beta(chance[side] * 9, (1 - chance[side]) * 9, 45)  # ICC .1
            rows += [(f"{side}{i:02d}", side, rng.random(80) < own[i]) for i in range(45)]
        hits = np.concatenate([h for *_, h in rows])
        subject = [name for name, _, h in rows for _ in h]
        values = [("a", "b")[side] for _, side, h in rows for _ in h]
        table = scored([0] * len(hits), one_hot(1 - hits.astype(int), 2), subject, traits={"group": values})
        one = gap(Sketch.of(table), "group", "a", "b", ACCURACY)
        found += not one.interval.low <= 0 <= one.interval.high
    assert 0.75 <= found / sims <= 0.92  # 10 points where 9.5 are planned
