"""Section 7: for whom how well, group by group, and how far the groups lie apart."""

import math

from vemo_audit.records.measurement import Gap, Measurement
from vemo_audit.report import cells, numbers, wording
from vemo_audit.report.blocks import Block, Cell, Column, Figure, Folded, Heading, Number, Prose, Section, Table, Text
from vemo_audit.report.cells import Facts
from vemo_audit.report.describe import describe
from vemo_audit.report.suppress import slice_key


def section(facts: Facts) -> Section:
    """Per trait: a chart of the judged metrics, every difference, and every number behind a fold."""
    single = [m for m in facts.run.measurements if len(slice_key(m.slice)) == 1]
    crossed = [m for m in facts.run.measurements if len(slice_key(m.slice)) > 1]
    traits = tuple(dict.fromkeys(slice_key(m.slice)[0][0] for m in single))
    blocks: list[Block] = []
    for trait in traits:
        blocks += _trait(facts, trait, [m for m in single if slice_key(m.slice)[0][0] == trait])
    if crossed:
        blocks += _crossed(facts, crossed)
    return Section("slices", "Groups", _LEAD if traits else _NONE, tuple(blocks))


_LEAD = (
    "Groups are formed by what people or datasets stated, never by a guess. A group that is too small to show stays in "
    "the table, in words."
)
_NONE = "No trait of the people was part of this run, so there are no groups to compare."


def _trait(facts: Facts, trait: str, measured: list[Measurement]) -> list[Block]:
    blocks: list[Block] = [Heading(f"By {trait}")]
    for metric in facts.judged_metrics:
        chosen = [m for m in measured if m.metric == metric]
        if chosen:
            blocks.append(_chart(facts, trait, chosen))
    gaps = [g for g in facts.run.gaps if g.trait == trait]
    told = [g for g in gaps if g.metric in facts.judged_metrics]
    behind = [_levels(facts, f"Every metric by {trait}", measured)] if measured else []
    if told:
        blocks.append(_gaps(facts, f"Differences by {trait}", told))
    if len(gaps) > len(told):
        behind.append(_gaps(facts, f"Every difference by {trait}", gaps))
    if behind:
        blocks.append(Folded(f"All numbers by {trait}", tuple(behind)))
    return blocks


def _chart(facts: Facts, trait: str, measured: list[Measurement]) -> Figure:
    title, _, _ = numbers.metric(measured[0].metric)
    several = any(facts.several)
    rows: list[tuple[Cell, ...]] = []
    for m in measured:
        who = " on ".join(c.text for c in cells.named(facts, m.recognizer, m.dataset))
        value = Text(", ".join(value for _, value in slice_key(m.slice)))
        people = facts.disclosure.people(m.dataset, m.slice, m.subjects)
        rows.append(((Text(who), value) if several else (value,)) + (cells.level(facts, m), people))
    heads = (Column("Recognizer"), Column(trait)) if several else (Column(trait),)
    columns = (*heads, Column("Value, interval", numeric=True), Column("People", numeric=True))
    table = cells.table(f"{title} by {trait}", columns, rows)
    limits = {
        f.criterion.limit for f in facts.run.findings
        if f.criterion.kind != "gap_within" and f.criterion.over == trait and f.criterion.metric == measured[0].metric
    }  # fmt: skip
    limit = limits.pop() if len(limits) == 1 else math.nan
    return Figure("whisker", table.caption, describe("whisker", table), table, limit)


def _gaps(facts: Facts, caption: str, gaps: list[Gap]) -> Table:
    verdicts = {f.fact: wording.WORDS[f.verdict] for f in facts.run.findings}
    metrics = dict.fromkeys(numbers.metric(g.metric)[0] for g in gaps)
    rows: list[tuple[Cell, ...]] = []
    for g in gaps:
        value = cells.gap(facts, g)
        pair, named = Text(f"{g.a} minus {g.b}"), cells.named(facts, g.recognizer, g.dataset)
        metric = (Text(numbers.metric(g.metric)[0]),) if len(metrics) > 1 else ()
        verdict = Text(verdicts.get(g.id, "no limit set"))
        detectable = cells.detectable(facts, g, value)
        rows.append((pair, *named, *metric, value, detectable, verdict, cells.remark(facts, g, value)))
    several = (Column("Metric"),) if len(metrics) > 1 else ()
    columns = (
        Column("Difference", wide=True), *cells.named_columns(facts), *several,
        Column("Value, interval", numeric=True), Column("Smallest detectable", numeric=True), Column("Verdict"),
        Column("Remark", wide=True),
    )  # fmt: skip
    note = "Smallest detectable: a true difference of this size would be found four times in five with these people."
    title = f"{caption}: {next(iter(metrics)).lower()}" if len(metrics) == 1 else caption
    return cells.remarked(title, columns, rows, note=note)


def _levels(facts: Facts, caption: str, measured: list[Measurement]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for m in measured:
        value = cells.level(facts, m)
        rows.append((
            Text(numbers.slice_words(m.slice)),
            *cells.named(facts, m.recognizer, m.dataset),
            Text(numbers.metric(m.metric)[0]),
            value,
            facts.disclosure.people(m.dataset, m.slice, m.subjects),
            facts.disclosure.clips(m.dataset, m.slice, m.rows),
            cells.remark(facts, m, value),
        ))  # fmt: skip
    columns = (
        Column("Group"), *cells.named_columns(facts), Column("Metric"), Column("Value, interval", numeric=True),
        Column("People", numeric=True), Column(facts.unit.capitalize(), numeric=True), Column("Remark", wide=True),
    )  # fmt: skip
    return cells.remarked(caption, columns, rows)


def _crossed(facts: Facts, measured: list[Measurement]) -> list[Block]:
    """Groups of two traits at once, lowest first, so that the cut of a long table keeps what matters."""
    chosen = [m for m in measured if m.metric in facts.judged_metrics] or measured
    shown = [(m, cells.level(facts, m)) for m in chosen]
    ordered = sorted((p for p in shown if isinstance(p[1], Number)), key=lambda pair: pair[0].value)
    refused = [pair for pair in shown if not isinstance(pair[1], Number)]
    text = f"{numbers.plural(len(shown), 'number')} of groups by two traits at once."
    if refused:
        text += f" {len(refused)} of them cannot be shown: the groups are too small, or lack an expression."
    caption = "Groups of two traits at once, lowest value first"
    table = _levels(facts, caption, [m for m, _ in ordered + refused])
    return [Heading("Two traits at once"), Prose((text,)), Folded(caption, (table,))]
