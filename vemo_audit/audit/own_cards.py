"""Puts the figures of an audit onto a model card, under [[audit]]: aggregates with n and interval, never a row."""

import json
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vemo_audit.errors import BadInput
from vemo_audit.records.audit_run import AuditRun
from vemo_audit.records.group_figure import OVERALL, GroupFigure, GroupGap, Topic
from vemo_audit.records.measurement import Gap, Interval, Measurement, conditions

FIRST_LINE = (
    "# What follows is written by `make audit-own`: this model under the audit of this package, on real people."
)
SECTIONS = ("audit_notes", "audit")


@dataclass(frozen=True, slots=True)
class CardAudit:
    """One number of one model on one split, for everybody and by group."""

    metric: str
    dataset: str
    split: str
    groups: str  # where the groups come from, in words
    through: str  # what the gate did, in words
    figures: tuple[GroupFigure, ...]
    clusters: Mapping[tuple[str, str], int]  # (trait, group) -> people; empty where a row is a subject of its own
    gaps: tuple[GroupGap, ...] = ()


def of_topics(
    topics: Sequence[Topic], metrics: Sequence[str], *, dataset: str, split: str, groups: str, through: str
) -> tuple[CardAudit, ...]:
    """The chosen numbers of an audit without labels, with the widest pair of each trait. A missing one is left out.

    A metric is chosen by its whole name, or by a beginning that ends in a colon.
    """
    from vemo_audit.audit.unlabelled import largest

    found = []
    for topic in topics:
        for metric in dict.fromkeys(figure.metric for figure in topic.figures):
            if metric in metrics or f"{metric.partition(':')[0]}:" in metrics:
                figures = tuple(figure for figure in topic.figures if figure.metric == metric)
                gaps = largest([gap for gap in topic.gaps if gap.metric == metric])
                found.append(CardAudit(metric, dataset, split, groups, through, figures, {}, gaps))
    return tuple(found)


def of_run(run: AuditRun, *, split: str, groups: str, through: str) -> tuple[CardAudit, ...]:
    """The numbers of a labelled audit of one recognizer: overall, and by single groups, with the gaps between them."""
    dataset = run.datasets[0].card.name
    found = []
    for metric in dict.fromkeys(one.metric for one in run.measurements):
        mine = [one for one in run.measurements if one.metric == metric and len(conditions(one.slice)) <= 1]
        clusters = {_place(one): one.subjects for one in mine if one.subjects is not None}
        gaps = tuple(_gap_of(gap, gap.interval) for gap in run.gaps if gap.metric == metric and gap.interval)
        figures = tuple(_figure(one) for one in mine)
        found.append(CardAudit(metric, dataset, split, groups, through, figures, clusters, gaps))
    return tuple(found)


def with_audits(text: str, audits: Sequence[CardAudit], *, notes: Mapping[str, str], cannot_show: Sequence[str]) -> str:
    """The card with these audits in place of those it had; all before them stays as it was, byte for byte.

    Raises BadInput for a card that is no TOML, or a figure without n or interval that says no reason.
    """
    kept = without_audits(text)
    lines = [FIRST_LINE, "[audit_notes]", *(f"{key} = {_text(value)}" for key, value in notes.items())]
    lines += ["cannot_show = [", *(f"  {_text(one)}," for one in cannot_show), "]"]
    for about in dict.fromkeys(_about(one) for one in audits):
        lines += ["", "[[audit]]", *(f"{key} = {_text(value)}" for key, value in about)]
        for one in audits:
            if _about(one) == about:
                lines += ["", *_entry(one)]
    made = f"{kept.rstrip()}\n\n" + "\n".join(lines) + "\n"
    before, after = _read(kept), _read(made)
    if {key: value for key, value in after.items() if key not in SECTIONS} != before:
        raise BadInput("a card that changes when figures are added", expected="audits at the end of the card")
    return made


def without_audits(text: str) -> str:
    """The card as the trainer wrote it."""
    return text.partition(FIRST_LINE)[0]


def _about(one: CardAudit) -> tuple[tuple[str, str], ...]:
    """What all numbers of one audit share."""
    return ("dataset", one.dataset), ("split", one.split), ("groups", one.groups), ("through", one.through)


def _entry(one: CardAudit) -> list[str]:
    known = next((figure for figure in one.figures if math.isfinite(figure.value)), one.figures[0])
    lines = [
        "[[audit.numbers]]", f"metric = {_text(one.metric)}", f"level = {known.level:g}",
        f"method = {_text(known.method)}", "figures = [",
    ]  # fmt: skip
    lines += [f"  {_row(figure, one.clusters.get((figure.trait, figure.group)))}," for figure in one.figures]
    lines.append("]")
    if one.gaps:
        lines += [f"gaps_method = {_text(one.gaps[0].method.partition(' over ')[0])}", "gaps = ["]
        lines += [f"  {_gap(gap)}," for gap in one.gaps]
        lines.append("]")
    return lines


def _row(figure: GroupFigure, people: int | None) -> str:
    told = {"group": _text(_name(figure))}
    if figure.n is not None:
        told["n"] = str(figure.n)
    if people is not None:
        told["people"] = str(people)
    whole = all(math.isfinite(number) for number in (figure.value, figure.low, figure.high))
    if whole and figure.n is not None:
        told |= {name: f"{getattr(figure, name):.4f}" for name in ("value", "low", "high")}
    elif not figure.because:
        raise BadInput(
            f"{figure.metric} of {_name(figure)} without n or interval",
            expected="both, or the reason why there is none",
        )
    if figure.because:
        told["because"] = _text(figure.because)
    return _inline(told)


def _gap(gap: GroupGap) -> str:
    told = {
        "groups": _text(f"{gap.trait}: {gap.a} minus {gap.b}"), "n": f"[{gap.n_a}, {gap.n_b}]",
        "value": f"{gap.value:.4f}",
    }  # fmt: skip
    if math.isfinite(gap.low):
        told |= {"low": f"{gap.low:.4f}", "high": f"{gap.high:.4f}"}
    if math.isfinite(gap.p_holm):
        told["p_holm"] = f"{gap.p_holm:.4f}"
    return _inline(told)


def _gap_of(gap: Gap, interval: Interval) -> GroupGap:
    """A gap between two groups of people; its counts are of people, and it belongs to no family here."""
    return GroupGap(
        gap.metric, gap.trait, gap.a, gap.b, gap.subjects_a or 0, gap.subjects_b or 0, gap.value, interval.low,
        interval.high, interval.level, interval.method, math.nan, "plain",
    )  # fmt: skip


def _figure(one: Measurement) -> GroupFigure:
    trait, group = _place(one)
    low, high = (one.interval.low, one.interval.high) if one.interval else (math.nan, math.nan)
    level, method = (one.interval.level, one.interval.method) if one.interval else (0.95, "cluster-t")
    because = one.because or (f"{one.state.value}" if one.interval is None else "")
    return GroupFigure(one.metric, trait, group, one.rows, one.value, low, high, level, method, "plain", because)


def _place(one: Measurement) -> tuple[str, str]:
    told = conditions(one.slice)
    return told[0] if told else (OVERALL, "everybody")


def _name(figure: GroupFigure) -> str:
    return f"{figure.trait}: {figure.group}" if figure.trait != OVERALL else figure.group


def _inline(told: Mapping[str, str]) -> str:
    return "{ " + ", ".join(f"{key} = {value}" for key, value in told.items()) + " }"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _read(text: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"it cannot be read: {error}", where="model card", expected="TOML") from error
