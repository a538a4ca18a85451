"""Section 6: how well, over everybody."""

from vemo_audit.records.measurement import Confusion, Measurement
from vemo_audit.report import cells, numbers
from vemo_audit.report.blocks import Block, Cell, Column, Figure, Folded, Number, Panels, Section, Table, Text
from vemo_audit.report.cells import Facts
from vemo_audit.report.describe import describe

_GRIDS = "Answers for each labelled expression, share of clips in %"
_READING = "Rows are labels, columns are answers; each row adds up to 100 %."


def section(facts: Facts) -> Section:
    """Every metric on the whole sample with its interval, then the confusions."""
    whole = [m for m in facts.run.measurements if m.slice == "overall"]
    blocks: list[Block] = []
    shares = [m for m in whole if numbers.metric(m.metric)[1] == "share" and not numbers.is_by_class(m.metric)]
    if shares:
        blocks.append(_chart(facts, shares))
    rest = [m for m in whole if not numbers.is_by_class(m.metric)]
    if rest:
        blocks.append(_table(facts, rest, "Every metric on the whole sample"))
    by_class = [m for m in whole if numbers.is_by_class(m.metric)]
    if by_class:
        blocks.append(Folded("Every expression by itself", (_table(facts, by_class, "Metrics of single expressions"),)))
    grids = tuple(_confusion(facts, confusion) for confusion in facts.run.confusions if confusion.counts)
    if grids:
        blocks.append(Panels(_GRIDS, grids, note=_READING) if any(facts.several) else grids[0])
    lead = "All people and clips together. Intervals treat the person, not the clip, as the unit of evidence."
    return Section("overall", "Overall", lead if whole else "Nothing was measured on the whole sample.", tuple(blocks))


def _chart(facts: Facts, measured: list[Measurement]) -> Figure:
    """Metrics side by side; with several recognizers, each metric is a group of them."""
    several = any(facts.several)
    order = tuple(dict.fromkeys(m.metric for m in measured))
    rows: list[tuple[Cell, ...]] = []
    for m in sorted(measured, key=lambda m: order.index(m.metric)):
        who = " on ".join(cell.text for cell in cells.named(facts, m.recognizer, m.dataset))
        title = Text(numbers.metric(m.metric)[0])
        rows.append((*((title, Text(who)) if several else (title,)), cells.level(facts, m)))
    heads = (Column("Metric"), Column("Recognizer")) if several else (Column("Metric"),)
    table = cells.table("Overall performance", (*heads, Column("Value, interval", numeric=True)), rows)
    return Figure("whisker", table.caption, describe("whisker", table), table)


def _table(facts: Facts, measured: list[Measurement], caption: str) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for m in measured:
        value = cells.level(facts, m)
        named = cells.named(facts, m.recognizer, m.dataset)
        rows.append((Text(numbers.metric(m.metric)[0]), *named, value, cells.remark(facts, m, value)))
    columns = (
        Column("Metric"), *cells.named_columns(facts), Column("Value, interval", numeric=True),
        Column("Remark", wide=True),
    )  # fmt: skip
    meant = dict.fromkeys(numbers.metric(m.metric) for m in measured if numbers.metric(m.metric)[2])
    note = " ".join(f"{title}: {meaning[0].lower()}{meaning[1:]}" for title, _, meaning in meant)
    return cells.remarked(caption, columns, rows, note=note)


def _confusion(facts: Facts, confusion: Confusion) -> Figure:
    """Shares of each true expression by answer. Single counts stay out: some would speak of one or two people."""
    abstained = any(row[-1] for row in confusion.counts)
    answers = (*confusion.labels, "no answer") if abstained else confusion.labels
    rows: list[tuple[Cell, ...]] = []
    for label, counts in zip(confusion.labels, confusion.counts, strict=True):
        total = sum(counts)
        shown = counts if abstained else counts[:-1]
        rows.append((Text(label), *(Number(c / total if total else float("nan"), unit="whole") for c in shown)))
    columns = (Column("Labelled as"), *(Column(answer, numeric=True) for answer in answers))
    where = " on ".join(c.text for c in cells.named(facts, confusion.recognizer, confusion.dataset))
    caption = f"{_GRIDS}: {where}" if where else _GRIDS
    table = Table(caption, columns, tuple(rows), note=_READING)
    note = "" if where else _READING
    return Figure("confusion", where or caption, describe("confusion", table), table, note=note)
