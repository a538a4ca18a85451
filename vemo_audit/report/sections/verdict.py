"""Section 1: what was asked, and the answer, worst first."""

import math

from vemo_audit.records.finding import Finding, Verdict
from vemo_audit.report import cells, numbers, wording
from vemo_audit.report.blocks import (
    Block,
    Cell,
    Column,
    Figure,
    KeyValues,
    Number,
    Prose,
    Section,
    Text,
    VerdictLine,
    Verdicts,
)
from vemo_audit.report.cells import Facts
from vemo_audit.report.describe import describe

MOST_SENTENCES = 3


def section(facts: Facts) -> Section:
    """The verdicts with the numbers that decided them, and who, what and when."""
    run = facts.run
    lines = sorted(_lines(facts), key=lambda line: wording.WORST_FIRST.index(line.verdict))
    blocks: list[Block] = [Verdicts(tuple(lines)) if lines else Prose(_NOTHING_JUDGED, tone="notice")]
    for g_metric in dict.fromkeys(f.criterion.metric for f in run.findings if f.criterion.kind == "gap_within"):
        figure = _strip(facts, g_metric)
        if figure is not None:
            blocks.append(figure)
    said = (wording.NOT_FEELING, wording.RENDERED) if wording.is_rendered(run) else (wording.NOT_FEELING,)
    blocks += [Prose(said, tone="key"), _identity(facts)]
    return Section("verdict", "Verdict", _lead(lines), tuple(blocks), required=True)


_NOTHING_JUDGED = ("The plan sets no criterion, so nothing was judged. The numbers below stand for themselves.",)


def _lead(lines: list[VerdictLine]) -> str:
    if not lines:
        return "This audit measured; it was not asked to judge."
    tally = wording.tally([line.verdict for line in lines])
    return f"The plan sets {numbers.plural(len(lines), 'criterion', 'criteria')}: {tally}."


def _lines(facts: Facts) -> list[VerdictLine]:
    run = facts.run
    lines = []
    for criterion in dict.fromkeys(finding.criterion for finding in run.findings):
        family = [finding for finding in run.findings if finding.criterion.id == criterion.id]
        verdict = run.verdict(criterion.id)
        deciding = [f for f in family if f.verdict is verdict] or [f for f in family if f.verdict is not Verdict.MET]
        deciding.sort(key=lambda f: -_size(facts, f))
        sentences = [_named(facts, f) for f in deciding[:MOST_SENTENCES]]
        if len(family) > len(sentences):
            others = [f.verdict for f in family if f not in deciding[:MOST_SENTENCES]]
            sentences.append(f"Further comparisons under this criterion: {wording.tally(others)} (see Findings).")
        lines.append(VerdictLine(verdict, wording.demand(criterion), tuple(sentences)))
    return lines


def _size(facts: Facts, finding: Finding) -> float:
    """How large a difference is, so that the largest is told first; 0 for all else."""
    fact = next((g for g in facts.run.gaps if g.id == finding.fact), None)
    return abs(fact.value) if fact is not None and math.isfinite(fact.value) else 0.0


def _named(facts: Facts, finding: Finding) -> str:
    several = zip((finding.recognizer, finding.dataset), facts.several, strict=True)
    where = " on ".join(name for name, shown in several if shown)
    sentence = wording.finding_sentence(finding)
    return f"{where}: {sentence}" if where and not sentence.startswith(finding.recognizer) else sentence


def _strip(facts: Facts, metric: str) -> Figure | None:
    """The judged gaps of one metric against the margin; None when no gap carries an interval."""
    run = facts.run
    judged = [f for f in run.findings if f.criterion.kind == "gap_within" and f.criterion.metric == metric]
    gaps = {g.id: g for g in run.gaps}
    rows: list[tuple[Cell, ...]] = []
    for f in judged:
        fact = gaps.get(f.fact)
        if fact is not None:
            whom = " on ".join(cell.text for cell in cells.named(facts, fact.recognizer, fact.dataset))
            pair = Text(f"{fact.a} minus {fact.b}")
            names = (Text(whom), pair) if whom else (pair,)
            rows.append((*names, cells.gap(facts, fact), Text(wording.WORDS[f.verdict])))
    if not any(isinstance(cell, Number) and cell.interval for row in rows for cell in row):
        return None
    title, unit, _ = numbers.metric(metric)
    limits = {f.criterion.limit for f in judged}
    heads = (Column("Recognizer"), Column("Comparison")) if any(facts.several) else (Column("Comparison"),)
    columns = (*heads, Column("Difference, interval", numeric=True), Column("Verdict"))
    caption = f"{title}: differences between groups against the limit of the plan"
    table = cells.table(caption, columns, rows)
    margin = limits.pop() if len(limits) == 1 else math.nan
    wide = numbers.difference_unit(unit)
    note = f"Shaded: the limit of the plan, {numbers.limit(margin, wide)} either way." if math.isfinite(margin) else ""
    return Figure("strip", caption, describe("strip", table, margin=margin), table, margin, note)


def _identity(facts: Facts) -> KeyValues:
    run = facts.run
    people = [
        f"{part.card.name}: {facts.disclosure.people(part.card.name, 'overall', part.subjects).text} people, "
        f"{facts.rows(part.rows)}"
        for part in run.datasets
    ]
    models = [f"{card.name} {card.version}".strip() for card in run.recognizers] or list(facts.recognizers)
    return KeyValues((
        ("Recognizer" if len(models) == 1 else "Recognizers", Text("; ".join(models) or "none")),
        ("Data", Text("; ".join(people) or "none")),
        ("Purpose", Text(run.gate.purpose or "not stated")),
        ("Made", Text(numbers.instant(run.started))),
        ("Holds for", Text("these recognizers, these data and these rules; a change of any of them needs a new audit")),
        ("Run digest", Text(run.run_digest, code=True)),
    ))  # fmt: skip
