"""Declared states: definition, terms and limits first, then the level of each person."""

import math
from collections.abc import Sequence

import numpy as np

from vemo_audit.report import numbers
from vemo_audit.report.blocks import Block, Cell, Column, Figure, Heading, Number, Prose, Section, Table, Text
from vemo_audit.report.describe import describe
from vemo_audit.report.inferred import stretches
from vemo_audit.report.inferred.movement import cut, is_state, kind_words, time
from vemo_audit.report.inferred.shown import DeclaredState, PersonShown, Wanted
from vemo_audit.report.tidy import tidy_text

OUTPUT = "sustained_states"
DECLARED = (
    "These are indices that we declared, not states that anybody measured. No outside measure has confirmed them, and "
    "they do not say what a person feels or thinks."
)
SUSTAINED = "A sustained expression: its smoothed probability stays above .6 for at least 2 s."
MOST_ROWS = 30


def section(
    people: Sequence[PersonShown], wanted: Wanted, states: Sequence[DeclaredState], *, duration_s: float
) -> Section | None:
    """Definitions and levels of declared states; None when nobody asked for them."""
    if OUTPUT not in wanted.outputs:
        return None
    title = "Declared states"
    if OUTPUT in wanted.withheld:
        return Section("states", title, "", (Prose((cut("Sustained states"),), tone="notice"),))
    blocks: list[Block] = [Prose((DECLARED,), tone="key")]
    if not states:
        blocks.append(Prose(("No declared state may serve this purpose, so none was computed.",), tone="notice"))
    for state in states:
        blocks += [Heading(state.name[:1].upper() + state.name[1:]), Prose(definition(state))]
    if any(event.kind.startswith("sustained ") for one in people for event in one.events):
        blocks += [Heading("Sustained expression"), Prose((SUSTAINED,))]
    for one in people:
        blocks += _person(one, duration_s=duration_s, most=stretches.moments(len(people)))
    if states and not any(one.indices or _ups(one) for one in people):
        blocks.append(Prose(("This recognizer told no level of any of them.",)))
    return Section("states", title, "", tuple(blocks))


def definition(state: DeclaredState) -> tuple[str, ...]:
    """What a state is, what it is made of, when it counts as up, and what it cannot do."""
    terms = "; ".join(f"{tidy_text(name)} {weight:.0%}".replace("%", " %") for name, weight in state.terms)
    made = (
        f"Made of: {terms}. It builds up within about {state.rise_s:g} s and fades within about {state.fall_s:g} s, "
        f"counts as up from {state.enter:g} and as over below {state.leave:g}, for at least {state.dwell_s:g} s each."
    )
    return (
        f"{tidy_text(state.definition[:1].upper() + state.definition[1:])}.",
        made,
        *(tidy_text(limit) for limit in state.limits),
    )


def _ups(one: PersonShown) -> list[tuple[Cell, ...]]:
    return [
        (Text(kind_words(event.kind)), time(event.onset_s), time(event.apex_s), time(event.offset_s),
         Number(event.peak) if math.isfinite(event.peak) else Text("not seen"))
        for event in one.events if is_state(event.kind)
    ]  # fmt: skip


def _person(one: PersonShown, *, duration_s: float, most: int) -> list[Block]:
    blocks: list[Block] = []
    names = sorted(name for name, values in one.indices.items() if np.isfinite(values).any())
    if names:
        values = np.stack([one.indices[name] for name in names], axis=1)
        starts, ends, means = stretches.stretches(one.time_s, values, duration_s=duration_s, most=most)
        rows: list[tuple[Cell, ...]] = []
        for start, end, mean in zip(starts, ends, means, strict=True):
            cells = tuple(Number(float(v)) if math.isfinite(v) else Text("face lost") for v in mean)
            top = kind_words(names[int(np.nanargmax(mean))]) if np.isfinite(mean).any() else "none"
            rows.append((Number(start, unit="seconds"), Number(end, unit="seconds"), *cells, Text(top)))
        columns = (
            Column("From", numeric=True), Column("To", numeric=True),
            *(Column(kind_words(name), numeric=True) for name in names), Column("Highest"),
        )  # fmt: skip
        note = stretches.note(len(one.time_s), len(rows))
        table = Table(f"{one.person}: level of each declared state", columns, tuple(rows), note=note)
        blocks.append(Figure("units", table.caption, describe("units", table), table, note=note))
    ups = _ups(one)
    if ups:
        columns = (
            Column("State", wide=True), Column("Since", numeric=True), Column("Highest at", numeric=True),
            Column("Until", numeric=True), Column("Level", numeric=True),
        )  # fmt: skip
        rest = len(ups) - MOST_ROWS
        more = f"{numbers.plural(rest, 'later one')} in events.csv." if rest > 0 else ""
        note = f"'Not seen': it was still up when the clip ended or the face was lost. {more}".strip()
        blocks.append(Table(f"{one.person}: states that were up", columns, tuple(ups[:MOST_ROWS]), note=note))
    return blocks
