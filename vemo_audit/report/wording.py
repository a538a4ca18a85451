"""The fixed sentences of the page, so that no report says more than its numbers do."""

import re

from vemo_audit.records.audit_run import AuditRun
from vemo_audit.records.finding import Criterion, Finding, Verdict
from vemo_audit.records.measurement import State
from vemo_audit.report import numbers

NOT_FEELING = "Recognizing a displayed expression is not reading what a person feels."
RENDERED = (
    "The people here are rendered: a difference between them is a lead for a test with consenting people, "
    "not a finding about people."
)
NO_ADVICE = "Nothing on this page is legal advice."

WORDS = {
    Verdict.MET: "Met",
    Verdict.MISSED: "Missed",
    Verdict.UNDECIDED: "Undecided",
    Verdict.REFUSED: "Refused",
}
MEANINGS = {
    Verdict.MET: "the whole interval lies inside the limit",
    Verdict.MISSED: "the whole interval lies outside the limit",
    Verdict.UNDECIDED: "the interval crosses the limit: the data allow both answers",
    Verdict.REFUSED: "no interval may or can be given, so nothing is judged",
}
WORST_FIRST = (Verdict.MISSED, Verdict.UNDECIDED, Verdict.REFUSED, Verdict.MET)

STATES = {
    State.APPROXIMATE: "approximate interval",
    State.HIDDEN: "hidden: fewer than {below} people",
    State.INSUFFICIENT_CLUSTERS: "no interval: too few people, or one person holds most of the clips",
    State.CLASS_ABSENT: "not given: an expression is missing or too rare in this group",
    State.DEGENERATE: "no interval: the group shows no spread",
    State.NOT_ASKED: "not permitted for this use",
    State.EMPTY: "nobody in this group",
}


_SAYS_WHAT_DECIDES = re.compile(r"people .*\b(decide|narrow)\b")


def is_rendered(run: AuditRun) -> bool:
    """Whether any people of the run were drawn by a program."""
    return any(part.card.kind.lower() == "rendered" for part in run.datasets)


def demand(criterion: Criterion) -> str:
    """A criterion as a sentence."""
    title, unit, _ = numbers.metric(criterion.metric)
    if criterion.kind == "gap_within":
        limit = numbers.limit(criterion.limit, numbers.difference_unit(unit))
        return f"{title}: groups by {criterion.over} differ by no more than {limit}."
    bound = "at least" if criterion.kind == "at_least" else "at most"
    where = "over everybody" if criterion.over == "overall" else f"in every group by {criterion.over}"
    return f"{title}: {bound} {numbers.limit(criterion.limit, unit)} {where}."


def finding_sentence(finding: Finding) -> str:
    """The judge's sentence without the leading verdict word, with the number of people that would decide it."""
    word = WORDS[finding.verdict]
    sentence = finding.sentence.strip()
    if sentence.lower().startswith((word.lower() + ".", word.lower() + ":")):
        sentence = sentence[len(word) + 1 :].strip()
    if finding.verdict is Verdict.UNDECIDED and not _SAYS_WHAT_DECIDES.search(sentence):
        sentence = f"{sentence} {_needed(finding)}".strip()
    return sentence


def _needed(finding: Finding) -> str:
    if finding.criterion.kind != "gap_within":
        return "More people would narrow the interval."
    if finding.subjects_needed is None:
        return "This run cannot say how many people per group would decide it."
    _, unit, _ = numbers.metric(finding.criterion.metric)
    limit = numbers.limit(finding.criterion.limit, numbers.difference_unit(unit))
    return f"About {numbers.two_digits(finding.subjects_needed):,} people per group would decide a limit of {limit}."


def state(value: State, *, because: str, below: int) -> str:
    """Why a number or an interval is missing, in words. Empty for an ordinary number."""
    if value is State.OK:
        return ""
    if value is State.HIDDEN and because:
        return f"hidden: {because}"
    words = STATES[value].format(below=below)
    return f"{words} ({because})" if because else words


def tally(verdicts: list[Verdict]) -> str:
    """'1 missed, 2 undecided, 1 met'; verdicts that nobody has are left out."""
    return ", ".join(f"{verdicts.count(v)} {WORDS[v].lower()}" for v in WORST_FIRST if verdicts.count(v))
