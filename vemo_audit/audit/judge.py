"""Turns measurements into findings: met, missed, undecided or refused, by the interval that is printed."""

from collections.abc import Sequence

from vemo_audit.audit.plan import OVERALL
from vemo_audit.audit.wording import gap_sentence, level_sentence
from vemo_audit.errors import BadInput
from vemo_audit.evaluation.power import subjects_needed
from vemo_audit.evaluation.slices import UNKNOWN_NAME
from vemo_audit.records.finding import Criterion, Finding, Verdict
from vemo_audit.records.measurement import Gap, Interval, Measurement, conditions


def verdict_on(criterion: Criterion, interval: Interval | None) -> Verdict:
    """Met when the whole interval lies inside the limit, missed when it lies outside, undecided otherwise.

    No interval is refused. 'gap_within' met is a statement of equivalence, two one-sided tests at (1 - level)/2 each.
    Source: Schuirmann 1987, doi:10.1007/BF01068419.
    """
    if interval is None:
        return Verdict.REFUSED
    low, high, limit = interval.low, interval.high, criterion.limit
    inside, outside = {
        "gap_within": (-limit <= low and high <= limit, low > limit or high < -limit),
        "at_least": (low >= limit, high < limit),
        "at_most": (high <= limit, low > limit),
    }[criterion.kind]
    return Verdict.MET if inside else Verdict.MISSED if outside else Verdict.UNDECIDED


def judge(
    criteria: Sequence[Criterion], *, measurements: Sequence[Measurement], gaps: Sequence[Gap]
) -> tuple[Finding, ...]:
    """One finding for each criterion and each member of its family, in the order of the criteria.

    The numbers are those of one recognizer on one dataset. The group of people whose value is unknown is measured but
    no member of a family: a limit speaks of groups that somebody named.
    Raises BadInput when a family is empty, as nothing may pass by having no members.
    """
    found: list[Finding] = []
    for criterion in criteria:
        family = _gaps(criterion, gaps) if criterion.kind == "gap_within" else _levels(criterion, measurements)
        if not family:
            raise BadInput(
                f"nobody to judge over '{criterion.over}'", where=f"criterion '{criterion.id}'",
                expected="two groups with known values" if criterion.kind == "gap_within" else "at least one group",
                advice="Look at the values of this trait in the dataset.",
            )  # fmt: skip
        found += family
    return tuple(found)


def _gaps(criterion: Criterion, gaps: Sequence[Gap]) -> list[Finding]:
    found = []
    for gap in gaps:
        if (gap.metric, gap.trait) != (criterion.metric, criterion.over):
            continue
        verdict = verdict_on(criterion, gap.interval)
        needed = subjects_needed(gap, criterion.limit) if verdict is Verdict.UNDECIDED else None
        sentence = gap_sentence(criterion, gap, verdict, needed=needed)
        found.append(Finding(criterion, gap.recognizer, gap.dataset, verdict, gap.id, sentence, needed))
    return found


def _levels(criterion: Criterion, measurements: Sequence[Measurement]) -> list[Finding]:
    found = []
    for measured in measurements:
        if measured.metric != criterion.metric or not _belongs(measured.slice, criterion.over):
            continue
        verdict = verdict_on(criterion, measured.interval)
        sentence = level_sentence(criterion, measured, verdict)
        found.append(Finding(criterion, measured.recognizer, measured.dataset, verdict, measured.id, sentence))
    return found


def _belongs(name: str, over: str) -> bool:
    if over == OVERALL:
        return name == OVERALL
    pairs = conditions(name)
    return len(pairs) == 1 and pairs[0][0] == over and pairs[0][1] != UNKNOWN_NAME


def most_important(
    findings: Sequence[Finding], *, gaps: Sequence[Gap], measurements: Sequence[Measurement]
) -> list[Finding]:
    """Findings in the order in which a reader should see them.

    Missed before undecided before refused before met; among these, what lies furthest beyond its limit first, and no
    criterion twice before every criterion was named once.
    """
    facts: dict[str, float] = {gap.id: abs(gap.value) for gap in gaps} | {m.id: m.value for m in measurements}
    rank = {Verdict.MISSED: 0, Verdict.UNDECIDED: 1, Verdict.REFUSED: 2, Verdict.MET: 3}

    def excess(finding: Finding) -> float:
        value = facts[finding.fact]
        beyond = value - finding.criterion.limit
        beyond = -beyond if finding.criterion.kind == "at_least" else beyond
        return beyond if beyond == beyond else float("-inf")

    ordered = sorted(findings, key=lambda f: (rank[f.verdict], -excess(f)))
    seen: dict[str, int] = {}
    turn = []
    for finding in ordered:
        turn.append(seen.setdefault(finding.criterion.id, 0))
        seen[finding.criterion.id] += 1
    return [
        f
        for _, _, f in sorted(
            ((rank[f.verdict], t, f) for f, t in zip(ordered, turn, strict=True)), key=lambda x: x[:2]
        )
    ]
