"""The fixed sentences of a finding: the deciding number, its interval, the people, and never more than these say."""

import math

from vemo_audit.records.finding import Criterion, Verdict
from vemo_audit.records.measurement import Gap, Interval, Measurement, State

TITLES = {
    "accuracy": "accuracy", "uar": "unweighted average recall", "macro_f1": "macro-F1",
    "abstention": "the share of abstentions", "ece": "calibration error (ECE)",
    "debiased_ece": "debiased calibration error", "brier": "the Brier score", "nll": "negative log-likelihood",
    "overconfidence": "over-confidence",
}  # fmt: skip
OF_A_CLASS = {"tpr": "recall of", "fpr": "false positive rate of", "ppv": "precision of"}
SHARES = frozenset({"accuracy", "uar", "macro_f1", "abstention"})
"""Metrics that are a part of 1, told in percent; those of one class are too."""
WORDS = {Verdict.MET: "Met", Verdict.MISSED: "Missed", Verdict.UNDECIDED: "Undecided", Verdict.REFUSED: "Refused"}
PEOPLE = {("sex", "female"): "women", ("sex", "male"): "men", ("gender", "female"): "women", ("gender", "male"): "men"}
APPROXIMATE = " The interval is approximate."


def title(metric: str) -> str:
    """A metric in words."""
    prefix, _, label = metric.partition("_")
    return TITLES.get(metric) or (f"{OF_A_CLASS[prefix]} {label}" if prefix in OF_A_CLASS else metric.replace("_", " "))


def gap_sentence(criterion: Criterion, gap: Gap, verdict: Verdict, *, needed: int | None) -> str:
    """The finding on the difference between two groups; `needed` are the people per group that would decide it."""
    scale = _scale(criterion.metric)
    groups = " and ".join(_people(gap.trait, value) for value in (gap.a, gap.b))
    groups += "" if (gap.trait, gap.a) in PEOPLE else f" (by {gap.trait})"
    subject = f"{WORDS[verdict]}. The difference between {groups} in {title(criterion.metric)}"
    if gap.interval is None:
        return f"{subject} is not judged: {gap.because or gap.state.value}."
    size = _signed(gap.value * scale, scale)
    people = None if gap.subjects_a is None or gap.subjects_b is None else gap.subjects_a + gap.subjects_b
    limit = _limit(criterion.limit * scale, scale)
    told = f"{subject} is {size}{_unit(scale)}; {_allow(gap.interval, scale, people, signed=True)}"
    end = {
        Verdict.MET: f", all of it within {limit}.",
        Verdict.MISSED: f", all of it beyond {limit}.",
        Verdict.UNDECIDED: f". {_needed(needed, limit, counted=people is not None)}",
        Verdict.REFUSED: ".",
    }[verdict]
    return told + end + (APPROXIMATE if gap.state is State.APPROXIMATE else "")


def level_sentence(criterion: Criterion, measured: Measurement, verdict: Verdict) -> str:
    """The finding on one number of one group, or of everybody."""
    scale = _scale(criterion.metric)
    words = title(criterion.metric)
    subject = f"{WORDS[verdict]}. {words[0].upper()}{words[1:]} for {_group(measured.slice)}"
    if measured.interval is None:
        return f"{subject} is not judged: {measured.because or measured.state.value}."
    bound = "at least" if criterion.kind == "at_least" else "at most"
    percent = " %" if scale == 100 else ""
    told = f"{subject} is {_fixed(measured.value * scale, scale)}{percent}; "
    told += _allow(measured.interval, scale, measured.subjects, signed=False)
    asked = f"{bound} {criterion.limit * scale:.6g}{percent}"
    end = {
        Verdict.MET: f", and {asked} was asked.",
        Verdict.MISSED: f", and {asked} was asked.",
        Verdict.UNDECIDED: f", and {asked} was asked. More people would narrow this.",
        Verdict.REFUSED: ".",
    }[verdict]
    return told + end + (APPROXIMATE if measured.state is State.APPROXIMATE else "")


def _allow(interval: Interval, scale: int, people: int | None, *, signed: bool) -> str:
    write = _signed if signed else _fixed
    low, high = write(interval.low * scale, scale), write(interval.high * scale, scale)
    whom = "these people" if people is None else f"{people:,} people"
    return f"with {whom} the data allow anything from {low} to {high}"


def _needed(needed: int | None, limit: str, *, counted: bool) -> str:
    if needed is not None:
        return f"About {two_digits(needed):,} people per group would decide a limit of {limit}."
    if counted:
        return f"A million people per group would not decide a limit of {limit}: the difference lies too near it."
    return f"How many people would decide a limit of {limit} is withheld, as it would give a small group away."


def two_digits(count: int) -> int:
    """A count rounded up to two leading digits, as a plan knows no more."""
    step = 10 ** max(0, len(str(count)) - 2)
    return -(-count // step) * step


def _group(name: str) -> str:
    if name == "overall":
        return "everybody"
    trait, _, value = name.partition("=")
    return _people(trait, value) if (trait, value) in PEOPLE else f"{trait} {value}"


def _people(trait: str, value: str) -> str:
    return PEOPLE.get((trait, value), value)


def _scale(metric: str) -> int:
    """100 for shares, told in percent and points; 1 for all else."""
    return 100 if metric in SHARES or metric.partition("_")[0] in OF_A_CLASS else 1


def _unit(scale: int) -> str:
    return " points" if scale == 100 else ""


def _limit(value: float, scale: int) -> str:
    number = f"{value:.6g}"
    return f"{number} {'point' if number == '1' else 'points'}" if scale == 100 else number


def _fixed(value: float, scale: int) -> str:
    digits = 1 if scale == 100 else 3
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if math.isfinite(value) and float(text) == 0 else text


def _signed(value: float, scale: int) -> str:
    text = _fixed(value, scale)
    return text if text.startswith("-") or float(text) == 0 else f"+{text}"
