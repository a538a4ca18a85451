"""Section 18: the other intervals, and the way from a number to its measurement."""

from vemo_audit.records.measurement import Gap, Interval, Measurement
from vemo_audit.report import cells, numbers
from vemo_audit.report.blocks import Block, Cell, Column, Folded, Number, Prose, Refused, Section, Table, Text
from vemo_audit.report.cells import Facts


def section(facts: Facts) -> Section:
    """Two long tables behind folds."""
    blocks: list[Block] = []
    others = _others(facts)
    if others is not None:
        blocks.append(Folded("The same numbers by other interval rules", (others,)))
    evidence = _map(facts)
    blocks.append(
        Folded("Evidence map: every number and its measurement", (evidence,)) if evidence.rows else Prose(_NONE)
    )
    return Section("appendix", "Appendix", "For those who check.", tuple(blocks))


_NONE = ("There are no measurements in this run.",)


def _cell(facts: Facts, fact: Measurement | Gap) -> Cell:
    return cells.gap(facts, fact) if isinstance(fact, Gap) else cells.level(facts, fact)


def _what(fact: Measurement | Gap) -> str:
    return f"{fact.a} minus {fact.b}" if isinstance(fact, Gap) else numbers.slice_words(fact.slice)


def _others(facts: Facts) -> Table | None:
    rows: list[tuple[Cell, ...]] = []
    methods: list[Interval]
    for fact in facts.measured:
        cell = _cell(facts, fact)
        if isinstance(cell, Refused) or not fact.others or not isinstance(cell, Number):
            continue
        methods = [fact.interval, *fact.others] if fact.interval is not None else list(fact.others)
        for method in methods:
            again = Number(cell.value, method.low, method.high, cell.unit, fact.id, cell.approximate)
            named = cells.named(facts, fact.recognizer, fact.dataset)
            rows.append((Text(_what(fact)), *named, Text(numbers.metric(fact.metric)[0]), Text(method.method), again))
    if not rows:
        return None
    columns = (
        Column("What"), *cells.named_columns(facts), Column("Metric"), Column("Rule"),
        Column("Value, interval", numeric=True),
    )  # fmt: skip
    return cells.table("One number, several interval rules", columns, rows)


def _map(facts: Facts) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for fact in facts.measured:
        cell = _cell(facts, fact)
        method = fact.interval.method if fact.interval is not None and not isinstance(cell, Refused) else "none"
        rows.append(
            (Text(fact.id, code=True), Text(_what(fact)), Text(numbers.metric(fact.metric)[0]), cell, Text(method))
        )
    columns = (
        Column("Measurement"), Column("What"), Column("Metric"), Column("Value, interval", numeric=True),
        Column("Interval rule"),
    )  # fmt: skip
    return cells.table("Measurements behind this page", columns, rows)
