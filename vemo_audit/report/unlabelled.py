"""The page of an audit without labels: topic by topic, figures by group, differences, and what none of it shows."""

import math
from collections.abc import Sequence
from datetime import datetime

from vemo_audit.records.group_figure import GroupFigure, GroupGap, Topic, Unlabelled
from vemo_audit.report import numbers, wording
from vemo_audit.report.blocks import (
    Block,
    Bullets,
    Cell,
    Column,
    Figure,
    Folded,
    Heading,
    KeyValues,
    Number,
    Page,
    Prose,
    Refused,
    Section,
    Table,
    Text,
)
from vemo_audit.report.describe import describe
from vemo_audit.report.page import numbered
from vemo_audit.report.tidy import tidy, tidy_text

LAYOUT = "unlabelled"
NO_ACCURACY = "These pictures carry no emotion labels. Nothing on this page says whether an estimate is right."
NOTABLE = 0.05
"""Holm's p from which on a difference is not listed in the open table; the folded one holds all."""


def page(facts: Unlabelled, *, made: datetime) -> Page:
    """The page of one recognizer on one split."""
    told: Unlabelled = tidy(facts)
    header = KeyValues((
        ("Made", Text(numbers.day(made))),
        ("Recognizer", Text(f"{told.recognizer.name} {told.recognizer.version}".strip())),
        ("Data", Text(f"{told.dataset.name}: {told.split}")),
    ))  # fmt: skip
    sections = (_reading(told), *(_topic(one) for one in told.topics), _limits(told))
    foot = (wording.NOT_FEELING, wording.NO_ADVICE)
    return Page("Audit without labels", told.title, told.question, header, numbered(sections), foot)


def _reading(told: Unlabelled) -> Section:
    card = told.dataset
    bases = "; ".join(f"{trait.name}, {trait.basis}" for trait in card.traits)
    sheet = KeyValues((
        ("Source", Text(card.source)), ("Licence", Text(card.licence)), ("Consent", Text(card.consent_basis)),
        ("Labels state", Text(card.label_basis)), ("Where groups come from", Text(bases or "nobody says")),
        ("Digest", Text(card.digest or "none stated", code=bool(card.digest))),
    ))  # fmt: skip
    gate = KeyValues(tuple((name, Text(tidy_text(value))) for name, value in told.gate))
    blocks = (Prose((NO_ACCURACY,), tone="notice"), sheet, Heading("At the gate"), gate)
    return Section("verdict", "What this page can and cannot say", told.question, blocks, required=True)


def _topic(one: Topic) -> Section:
    blocks: list[Block] = []
    if not one.figures:
        return Section(one.id, one.title, one.words, (Prose(("There is nothing to show.",)),))
    metrics = list(dict.fromkeys(figure.metric for figure in one.figures))
    first = _table(one.title, [f for f in one.figures if f.metric == metrics[0]])
    blocks.append(Figure("whisker", metrics[0].capitalize(), describe("whisker", first), first))
    rest = tuple(_table(metric, [f for f in one.figures if f.metric == metric]) for metric in metrics[1:])
    if rest:
        blocks.append(Folded(f"{numbers.plural(len(rest), 'more table')}: {metrics[1]} to {metrics[-1]}", rest))
    if one.gaps:
        blocks += _differences(one.gaps)
    return Section(one.id, one.title, one.words, tuple(blocks))


def _table(caption: str, figures: Sequence[GroupFigure]) -> Table:
    columns = (
        Column("Trait"),
        Column("Group"),
        Column("Value, interval", numeric=True),
        Column("Pictures", numeric=True),
    )
    rows = tuple(
        (Text(f.trait or "all"), Text(f.group), _value(f), _count(f.n)) for f in figures
    )  # fmt: skip
    methods = ", ".join(dict.fromkeys(f"{f.method} at {numbers.limit(f.level, 'share')}" for f in figures))
    return Table(caption.capitalize(), columns, rows, note=f"Intervals: {methods}.")


def _value(figure: GroupFigure) -> Cell:
    if not math.isfinite(figure.value):
        return Refused("not-told", figure.because or "not defined")
    return Number(figure.value, figure.low, figure.high, figure.unit)


def _count(n: int | None) -> Cell:
    return Refused("hidden", "too few") if n is None else Number(n, unit="count")


def _differences(gaps: Sequence[GroupGap]) -> list[Block]:
    clear = [gap for gap in gaps if gap.p_holm < NOTABLE]
    lead = (
        f"{numbers.plural(len(gaps), 'pair')} of groups were compared; intervals hold for all pairs of one number and "
        f"one trait together, and p is Holm's over the same pairs. {len(clear)} have a p below {NOTABLE}."
    )
    blocks: list[Block] = [Heading("Differences between groups"), Prose((lead,))]
    if clear:
        blocks.append(_gap_table("Differences that chance alone would hardly make", clear))
    others = [gap for gap in gaps if gap not in clear]
    if others:
        parts = [others[k : k + 300] for k in range(0, len(others), 300)]
        tables = tuple(_gap_table("Differences that chance may explain", part) for part in parts)
        blocks.append(Folded(f"{numbers.plural(len(others), 'other pair')}", tables))
    return blocks


def _gap_table(caption: str, gaps: Sequence[GroupGap]) -> Table:
    columns = (
        Column("Number"), Column("Groups"), Column("Difference, interval", numeric=True),
        Column("p (Holm)", numeric=True), Column("Pictures"),
    )  # fmt: skip
    rows = tuple(
        (
            Text(gap.metric), Text(f"{gap.a} minus {gap.b}"),
            Number(gap.value, gap.low, gap.high, numbers.difference_unit(gap.unit)), Text(_p(gap.p_holm)),
            Text(f"{gap.n_a:,} and {gap.n_b:,}"),
        ) for gap in gaps
    )  # fmt: skip
    return Table(caption, columns, rows)


def _p(value: float) -> str:
    if not math.isfinite(value):
        return "not defined"
    return "below .001" if value < 0.001 else f"{value:.3f}"


def _limits(told: Unlabelled) -> Section:
    items = [*told.limits, *told.dataset.limits, *(f"{told.recognizer.name}: {one}" for one in told.recognizer.limits)]
    return Section(
        "limits", "Limits", "What the reader must not overlook.", (Bullets(tuple(dict.fromkeys(items))),), True
    )
