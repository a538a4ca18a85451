"""A sealed run becomes a page: sections in order, small counts hidden, tables and figures numbered."""

from collections.abc import Iterable
from dataclasses import replace

from vemo_audit.records.audit_run import AuditRun
from vemo_audit.report import numbers, wording
from vemo_audit.report.blocks import Block, Figure, Folded, KeyValues, Page, Panels, Section, Table, Text
from vemo_audit.report.cells import Facts
from vemo_audit.report.sections import (
    appendix,
    calibration,
    construct,
    data,
    evidence,
    findings,
    limits,
    methods,
    overall,
    reach,
    scope,
    slices,
    verdict,
)
from vemo_audit.report.suppress import BELOW, disclosure, listed
from vemo_audit.report.tidy import tidy

_SECTIONS = (
    verdict, reach, construct, scope, data, overall, slices, calibration, findings, limits, methods, evidence, appendix,
)  # fmt: skip


def page(run: AuditRun, *, below: int = BELOW) -> Page:
    """The page of an audit. Groups of fewer than `below` people are hidden, here and once for every output."""
    clean: AuditRun = tidy(run)
    found = disclosure(clean, below=below)
    clean = listed(clean, found)
    facts = Facts(clean, found)
    who = "Recognizer" if len(facts.recognizers) == 1 else "Recognizers"
    header = KeyValues((
        ("Made", Text(numbers.day(clean.started))),
        (who, Text(numbers.listed(facts.recognizers) or "none")),
        ("Data", Text(numbers.listed(tuple(part.card.name for part in clean.datasets)) or "none")),
    ))  # fmt: skip
    foot = (wording.NOT_FEELING, wording.NO_ADVICE, f"Run {clean.run_digest}")
    sections = numbered(module.section(facts) for module in _SECTIONS)
    return Page("Audit report", clean.title, clean.question, header, sections, foot)


def numbered(sections: Iterable[Section]) -> tuple[Section, ...]:
    """The sections with tables and figures counted through and every figure given its id."""
    tables = figures = 0

    def table(one: Table) -> Table:
        nonlocal tables
        tables += 1
        return replace(one, number=tables)

    def figure(one: Figure) -> Figure:
        nonlocal figures
        figures += 1
        return replace(one, number=figures, id=f"figure-{figures}")

    def block(one: Block) -> Block:
        if isinstance(one, Table):
            return table(one)
        if isinstance(one, Figure):
            return figure(one)
        if isinstance(one, Folded):
            return replace(one, tables=tuple(table(t) for t in one.tables))
        if isinstance(one, Panels):
            return replace(one, figures=tuple(figure(f) for f in one.figures))
        return one

    return tuple(replace(section, blocks=tuple(block(b) for b in section.blocks)) for section in sections)
