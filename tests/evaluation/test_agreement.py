"""Agreement with a teacher: worked by hand, against scipy, and never better for what was left out."""

import math

import numpy as np
import pytest
from scipy import stats

from vemo_audit.errors import BadInput
from vemo_audit.evaluation.agreement import MEAN, agreement, fisher, pearson, seen_by
from vemo_audit.records.units import UNITS

N = 300


def made_up(seed: int = 3, noise: float = 0.5) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Estimates that follow a teacher with noise; the teacher does not see the fifth unit."""
    rng = np.random.default_rng(seed)
    teacher = rng.random((N, len(UNITS)))
    teacher[:, 4] *= 0.01
    estimates = teacher + noise * rng.normal(size=teacher.shape)
    return estimates, teacher, {"sex": np.array(["female", "male"] * (N // 2), dtype=object)}


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def test_pearson_worked_by_hand() -> None:
    """x 1 2 3, y 1 3 2: covariance 1/2 x 2, both variances 2: r = .5; a missing partner leaves its row out."""
    assert pearson(np.array([1.0, 2, 3, np.nan]), np.array([1.0, 3, 2, 9])) == (pytest.approx(0.5), 3)
    assert math.isnan(pearson(np.ones(5), np.arange(5.0))[0])


def test_fisher_worked_by_hand() -> None:
    """r .5 of 28: atanh .5493 +- 1.96 / 5."""
    assert fisher(0.5, 28) == pytest.approx((math.tanh(0.5493 - 0.39199), math.tanh(0.5493 + 0.39199)), abs=1e-4)
    assert all(map(math.isnan, fisher(0.5, 3)))


def test_each_unit_is_that_of_scipy_overall_and_by_group() -> None:
    estimates, teacher, groups = made_up()
    found = {(f.metric, f.group): f for f in agreement(estimates, teacher, groups, rng=rng(), draws=50).figures}
    for rows, name in ((slice(None), "everybody"), (groups["sex"] == "female", "female")):
        known = stats.pearsonr(estimates[rows, 8], teacher[rows, 8])
        one = found[f"agreement: {UNITS[8]}", name]
        ends = known.confidence_interval(0.95)
        assert (one.value, one.low, one.high) == pytest.approx((known.statistic, ends.low, ends.high))
        assert one.n == len(estimates[rows])


def test_a_unit_that_the_teacher_cannot_see_is_listed_and_not_compared() -> None:
    found = agreement(*made_up(), rng=rng(), draws=50)
    assert found.not_targets == (UNITS[4],) and len(found.compared) == 19
    assert not any(UNITS[4] == f.metric.removeprefix("agreement: ") for f in found.figures)


def test_the_mean_is_over_units_and_its_interval_holds_it() -> None:
    found = agreement(*made_up(), rng=rng(), draws=300)
    units = [f.value for f in found.figures if f.group == "everybody" and f.metric != MEAN]
    assert found.mean.value == pytest.approx(np.mean(units)) and len(units) == 19
    assert found.mean.low < found.mean.value < found.mean.high and found.mean.n == N
    again = agreement(*made_up(), rng=rng(), draws=300)
    assert again.mean == found.mean


def test_a_unit_that_never_moves_is_not_left_out_of_the_mean() -> None:
    """The twin that averages what is left would print a better figure for a worse model."""
    estimates, teacher, groups = made_up()
    estimates[:, 7] = 0.2
    found = agreement(estimates, teacher, groups, rng=rng(), draws=50)
    assert math.isnan(found.mean.value) and "no correlation" in found.mean.because
    kept = [f.value for f in found.figures if f.group == "everybody" and math.isfinite(f.value)]
    assert math.isfinite(np.mean(kept)), "the twin's answer, which must not be the one that is told"


def test_units_by_no_weights_are_nan_and_say_so() -> None:
    estimates, teacher, groups = made_up()
    found = agreement(np.full_like(estimates, np.nan), teacher, groups, rng=rng(), draws=50)
    assert math.isnan(found.mean.value) and found.mean.n is None
    assert all(f.because for f in found.figures)


def test_estimates_of_nothing_agree_with_nothing() -> None:
    _, teacher, groups = made_up()
    found = agreement(rng().random(teacher.shape), teacher, groups, rng=rng(), draws=300)
    assert found.mean.low < 0 < found.mean.high


def test_the_interval_of_the_mean_covers() -> None:
    """Of 60 samples with true r = .8 in each unit, about 57 intervals of the mean hold .8; rows halved would not."""
    covered = 0
    for seed in range(60):
        draw = np.random.default_rng(seed)
        teacher = draw.normal(size=(120, 3))
        found = agreement(
            0.8 * teacher + 0.6 * draw.normal(size=teacher.shape), teacher, {}, rng=draw, draws=200,
            targets=np.ones(3, dtype=bool), units=("a", "b", "c"),
        )  # fmt: skip
        covered += found.mean.low <= 0.8 <= found.mean.high
    assert 50 <= covered <= 60


def test_what_the_teacher_sees_is_its_99th_percentile() -> None:
    scores = np.zeros((200, 2))
    scores[:4, 0], scores[0, 1] = 0.3, 0.9  # 2 % of the first, one picture of the second
    assert seen_by(scores).tolist() == [True, False]
    assert seen_by(np.full((3, 1), np.nan)).tolist() == [False]


def test_other_shapes_are_refused() -> None:
    estimates, teacher, groups = made_up()
    with pytest.raises(BadInput, match="agreement with the teacher"):
        agreement(estimates[:, :5], teacher, groups, rng=rng())
    with pytest.raises(BadInput, match="values of 'sex'"):
        agreement(estimates, teacher, {"sex": groups["sex"][:9]}, rng=rng())
