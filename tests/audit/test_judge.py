"""Judging: by the printed interval alone, and nothing passes by being empty."""

import math

import pytest
from audit.made_up import LEAST, MOST, WITHIN, between, gap, level
from hypothesis import given
from hypothesis import strategies as st

from vemo_audit.audit import judge as judge_module
from vemo_audit.audit.judge import judge, most_important, verdict_on
from vemo_audit.errors import BadInput
from vemo_audit.records.finding import Criterion, Verdict
from vemo_audit.records.measurement import State, conditions


@pytest.mark.parametrize(
    ("criterion", "low", "high", "verdict"),
    [
        (WITHIN, -0.05, 0.05, Verdict.MET),
        (WITHIN, -0.01, 0.03, Verdict.MET),
        (WITHIN, -0.01, 0.0501, Verdict.UNDECIDED),
        (WITHIN, -0.0501, 0.01, Verdict.UNDECIDED),
        (WITHIN, 0.05, 0.09, Verdict.UNDECIDED),
        (WITHIN, 0.0501, 0.09, Verdict.MISSED),
        (WITHIN, -0.09, -0.0501, Verdict.MISSED),
        (WITHIN, -0.2, 0.2, Verdict.UNDECIDED),
        (LEAST, 0.7, 0.8, Verdict.MET),
        (LEAST, 0.69, 0.8, Verdict.UNDECIDED),
        (LEAST, 0.6, 0.69, Verdict.MISSED),
        (MOST, 0.01, 0.1, Verdict.MET),
        (MOST, 0.09, 0.11, Verdict.UNDECIDED),
        (MOST, 0.101, 0.2, Verdict.MISSED),
        (WITHIN, -0.011, 0.131, Verdict.UNDECIDED),  # RAVDESS, fusion
    ],
)
def test_the_verdict_by_hand(criterion: Criterion, low: float, high: float, verdict: Verdict) -> None:
    assert verdict_on(criterion, between(low, high)) is verdict
    assert verdict_on(criterion, None) is Verdict.REFUSED


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(0, 1), st.sampled_from(["gap_within", "at_least", "at_most"]))
def test_the_verdict_is_that_of_every_value_in_the_interval(a: float, b: float, limit: float, kind: str) -> None:
    low, high = min(a, b), max(a, b)
    criterion = Criterion("c", "accuracy", kind, limit, "sex")
    holds = {
        "gap_within": lambda x: -limit <= x <= limit, "at_least": lambda x: x >= limit, "at_most": lambda x: x <= limit,
    }[kind]  # fmt: skip
    inside = [low, high, (low + high) / 2, *(x for x in (-limit, limit, 0.0) if low <= x <= high)]
    agreed = {holds(x) for x in inside}
    slow = {True: Verdict.MET, False: Verdict.MISSED}[agreed.pop()] if len(agreed) == 1 else Verdict.UNDECIDED
    assert verdict_on(criterion, between(low, high)) is slow


def test_the_twin_that_judges_the_value_alone_decides_what_is_undecided() -> None:
    wide = gap(-0.011, 0.131)
    by_value = Verdict.MISSED if abs(wide.value) > WITHIN.limit else Verdict.MET
    assert by_value is not verdict_on(WITHIN, wide.interval)


def test_every_member_of_the_family_has_one_finding() -> None:
    gaps = [
        gap(-0.1, 0.1),
        gap(-0.01, 0.01, id="other", a="x"),
        gap(0.1, 0.2, metric="uar"),
        gap(0.1, 0.2, trait="age"),
    ]
    found = judge([WITHIN], measurements=[], gaps=gaps)
    assert [(f.fact, f.verdict) for f in found] == [(gaps[0].id, Verdict.UNDECIDED), ("other", Verdict.MET)]


def test_values_by_group_leave_out_intersections_and_the_unknown() -> None:
    over = Criterion("by-sex", "accuracy", "at_least", 0.5, "sex")
    names = ["overall", "sex=female", "sex=male", "sex=unknown", "age=old & sex=female", "age=old"]
    found = judge([over], measurements=[level(0.6, 0.8, slice=n, id=n) for n in names], gaps=[])
    assert [f.fact for f in found] == ["sex=female", "sex=male"]


def test_an_empty_family_is_bad_input_and_not_a_pass() -> None:
    with pytest.raises(BadInput, match="nobody to judge over 'sex'"):
        judge([WITHIN], measurements=[], gaps=[gap(-0.1, 0.1, trait="age")])
    with pytest.raises(BadInput, match="nobody to judge over 'overall'"):
        judge([LEAST], measurements=[], gaps=[])


def test_the_twin_that_fills_an_empty_family_with_everybody_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge_module, "_belongs", lambda name, over: True)
    over = Criterion("by-age", "accuracy", "at_least", 0.5, "age")
    assert judge([over], measurements=[level(0.6, 0.8)], gaps=[])[0].verdict is Verdict.MET
    monkeypatch.undo()
    with pytest.raises(BadInput, match="nobody to judge"):
        judge([over], measurements=[level(0.6, 0.8)], gaps=[])


def test_a_refused_slice_is_refused_in_words() -> None:
    hidden = gap(0, 0, value=math.nan, interval=None, state=State.HIDDEN, because="sex=male: fewer than 5 people")
    (found,) = judge([WITHIN], measurements=[], gaps=[hidden])
    assert found.verdict is Verdict.REFUSED and "fewer than 5 people" in found.sentence


def test_undecided_gaps_say_how_many_people_would_decide() -> None:
    (found,) = judge([WITHIN], measurements=[], gaps=[gap(-0.011, 0.131)])
    assert found.subjects_needed is not None and found.subjects_needed > 24
    assert "people per group would decide a limit of 5 points" in found.sentence


def test_the_worst_come_first_and_each_criterion_once_before_any_twice() -> None:
    gaps = [gap(-0.1, 0.2, id="u1"), gap(0.2, 0.3, id="m1"), gap(0.3, 0.5, id="m2"), gap(-0.01, 0.01, id="ok")]
    found = judge([WITHIN, LEAST], measurements=[level(0.1, 0.2)], gaps=gaps)
    order = most_important(found, gaps=gaps, measurements=[level(0.1, 0.2)])
    assert [f.fact for f in order] == ["r/d/accuracy/overall", "m2", "m1", "u1", "ok"]


def test_a_group_with_an_ampersand_in_its_name_is_judged_like_any_other() -> None:
    groups = ("race=Black & Caribbean", "race=White", "race=White & sex=female", "race=unknown")
    found = [level(0.4, 0.5, id=name, slice=name) for name in groups]
    least = Criterion("least", "accuracy", "at_least", 0.7, "race")
    assert [f.fact for f in judge((least,), measurements=found, gaps=())] == list(groups[:2])


@pytest.mark.parametrize(
    ("name", "pairs"),
    [
        ("overall", ()),
        ("race=Black & Caribbean", (("race", "Black & Caribbean"),)),
        ("race=R & B & sex=female", (("race", "R & B"), ("sex", "female"))),
        ("age=x=y & sex=female", (("age", "x=y"), ("sex", "female"))),
    ],
)
def test_the_name_of_a_slice_is_read_as_it_was_written(name: str, pairs: tuple[tuple[str, str], ...]) -> None:
    assert conditions(name) == pairs
