"""The sentences of findings are fixed, and never say more than their numbers."""

import math
from dataclasses import replace
from itertools import product

import pytest
from audit.made_up import LEAST, MOST, WITHIN, between, gap, level

from vemo_audit.audit.wording import gap_sentence, level_sentence, title, two_digits
from vemo_audit.records.finding import Criterion, Verdict
from vemo_audit.records.measurement import State

FORBIDDEN = ("no bias", "unbiased", "fair", "passed", "significant", "proves", "equal")


def test_the_sentence_of_an_undecided_gap() -> None:
    found = gap(-0.011, 0.131)
    assert gap_sentence(WITHIN, found, Verdict.UNDECIDED, needed=1146) == (
        "Undecided. The difference between women and men in accuracy is +6.0 points; with 24 people the data allow "
        "anything from -1.1 to +13.1. About 1,200 people per group would decide a limit of 5 points."
    )


def test_the_sentences_of_decided_gaps() -> None:
    assert gap_sentence(WITHIN, gap(-0.01, 0.03), Verdict.MET, needed=None) == (
        "Met. The difference between women and men in accuracy is +1.0 points; with 24 people the data allow "
        "anything from -1.0 to +3.0, all of it within 5 points."
    )
    by_race = replace(gap(0.06, 0.1), trait="race", a="A", b="B")
    assert gap_sentence(replace(WITHIN, over="race"), by_race, Verdict.MISSED, needed=None) == (
        "Missed. The difference between A and B (by race) in accuracy is +8.0 points; with 24 people the data allow "
        "anything from +6.0 to +10.0, all of it beyond 5 points."
    )


def test_a_withheld_count_is_not_told_in_words_either() -> None:
    told = gap_sentence(WITHIN, replace(gap(-0.1, 0.1), subjects_b=None), Verdict.UNDECIDED, needed=None)
    assert "24" not in told and "12" not in told
    assert "withheld" in told and "these people" in told


def test_the_sentences_of_levels() -> None:
    assert level_sentence(LEAST, level(0.6, 0.9), Verdict.UNDECIDED) == (
        "Undecided. Accuracy for everybody is 75.0 %; with 24 people the data allow anything from 60.0 to 90.0, "
        "and at least 70 % was asked. More people would narrow this."
    )
    ece = replace(level(0.01, 0.03), metric="ece", state=State.APPROXIMATE)
    assert level_sentence(MOST, ece, Verdict.MET) == (
        "Met. Calibration error (ECE) for everybody is 0.020; with 24 people the data allow anything from 0.010 to "
        "0.030, and at most 0.1 was asked. The interval is approximate."
    )
    women = replace(level(0.6, 0.9), slice="sex=female")
    assert "Accuracy for women is" in level_sentence(replace(LEAST, over="sex"), women, Verdict.UNDECIDED)


@pytest.mark.parametrize(
    ("verdict", "metric"), list(product(Verdict, ["accuracy", "ece", "tpr_fear", "overconfidence"]))
)
def test_no_sentence_says_a_forbidden_word(verdict: Verdict, metric: str) -> None:
    criterion = Criterion("c", metric, "gap_within", 0.05, "sex")
    interval = None if verdict is Verdict.REFUSED else between(-0.01, 0.2)
    found = replace(gap(-0.01, 0.2), metric=metric, interval=interval, because="fewer than 5 people")
    sentences = [gap_sentence(criterion, found, verdict, needed=needed) for needed in (None, 7)]
    measured = replace(level(0.1, 0.2), metric=metric, interval=interval, because="fewer than 5 people")
    sentences.append(level_sentence(replace(criterion, kind="at_most"), measured, verdict))
    for sentence in sentences:
        assert not any(word in sentence.lower() for word in FORBIDDEN)
        assert sentence.startswith(verdict.value.capitalize() + ". ") and sentence.endswith(".")
        assert "nan" not in sentence


def test_small_numbers_have_no_minus_zero() -> None:
    assert "-0.0" not in gap_sentence(WITHIN, replace(gap(-0.0001, 0.0001), value=-0.00001), Verdict.MET, needed=None)


@pytest.mark.parametrize(
    ("count", "told"), [(1, 1), (99, 99), (100, 100), (101, 110), (1146, 1200), (999_999, 1_000_000)]
)
def test_numbers_of_people_are_rounded_up_to_two_digits(count: int, told: int) -> None:
    assert two_digits(count) == told
    assert told >= count and math.isclose(told, count, rel_tol=0.1)


def test_metrics_have_words() -> None:
    assert (
        title("tpr_fear") == "recall of fear" and title("macro_f1") == "macro-F1" and title("my_metric") == "my metric"
    )
