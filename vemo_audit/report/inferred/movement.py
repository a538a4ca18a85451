"""The movements of each person: units that moved, events with onset, apex and offset, and what may not be claimed."""

import math
from collections.abc import Sequence

import numpy as np

from vemo_audit.records.event import Event
from vemo_audit.records.units import NAMES
from vemo_audit.report import numbers
from vemo_audit.report.blocks import Block, Cell, Column, Figure, Number, Prose, Section, Table, Text
from vemo_audit.report.describe import describe
from vemo_audit.report.inferred import stretches
from vemo_audit.report.inferred.shown import BriefMovements, PersonShown, Wanted
from vemo_audit.report.tidy import tidy_text

OUTPUT = "action_units"
ESTIMATES = (
    "A unit is a model's estimate, from 0 (not seen) to 1 (as strong as it gets). It approximates the units of the "
    "Facial Action Coding System; no trained coder looked at this clip."
)
TOGETHER = (
    "AU6 with AU12 is told as co-occurrence only: that cheeks and lip corners rose at the same time. It is no evidence "
    "that a smile is genuine or posed."
)
MOVED = 0.15
"""By so much a unit's estimates must differ within a clip to be drawn."""
MOST_UNITS = 8
MOST_EVENTS = 30
TOGETHER_KIND = "au6+au12"
DEGREES = ("nod", "shake", "tilt")


def section(
    people: Sequence[PersonShown], wanted: Wanted, brief: BriefMovements | None, *, duration_s: float
) -> Section | None:
    """Movements of everybody; None when nobody asked for them. What was cut is said."""
    if OUTPUT not in wanted.outputs:
        return None
    title = "Movements of face and head"
    if OUTPUT in wanted.withheld:
        return Section("movement", title, "", (Prose((cut("Action units and movements"),), tone="notice"),))
    blocks: list[Block] = [Prose((ESTIMATES,), tone="key")]
    for one in people:
        blocks += _person(one, duration_s=duration_s, most=stretches.moments(len(people)))
    if len(blocks) == 1:
        blocks.append(Prose(("No movement was told of anybody.",)))
    if any(event.kind == TOGETHER_KIND for one in people for event in one.events):
        blocks.append(Prose((TOGETHER,)))
    if brief is not None:
        blocks.append(Prose((brief_words(brief),), tone="notice" if brief.refusal else ""))
    return Section("movement", title, "", tuple(blocks))


def cut(what: str) -> str:
    """The sentence for an output that did not leave."""
    return f"{what} were asked for, but consent or deployment do not cover them: nothing of them left the gate."


def brief_words(brief: BriefMovements) -> str:
    """The answer to the question for micro-expressions, in words."""
    if brief.refusal:
        more = ""
        if math.isfinite(brief.followed_hz) and brief.followed_hz < 100:
            more = f" This recognizer looked for units at most {brief.followed_hz:g} times a second."
        return (
            f"Micro-expressions: no answer ({tidy_text(brief.refusal)}). Below 100 different frames a second such a "
            f"movement cannot be told from noise.{more}"
        )
    found = numbers.plural(brief.count, "movement")
    return (
        f"Micro-expressions: {found} shorter than 0.5 s at {brief.rate_hz:.1f} different frames a second. They are "
        "brief movements; no meaning is attached to them."
    )


def kind_words(kind: str) -> str:
    """'au12' as 'AU12, lip corners pulled'; others as a name."""
    if kind == TOGETHER_KIND:
        return "AU6 with AU12, at the same time"
    number = int(kind[2:]) if kind.startswith("au") and kind[2:].isdecimal() and len(kind) < 6 else 0
    if number in NAMES:
        return f"AU{number}, {NAMES[number]}"
    return tidy_text(kind[:1].upper() + kind[1:])


def moved(one: PersonShown) -> list[str]:
    """The units of a person that moved, those that moved most first."""
    told = {event.kind for event in one.events}
    reach = {}
    for name, values in one.units.items():
        known = values[np.isfinite(values)]
        span = float(known.max() - known.min()) if len(known) else 0.0
        if span >= MOVED or (name in told and len(known)):
            reach[name] = span
    return sorted(reach, key=lambda name: -reach[name])


def _person(one: PersonShown, *, duration_s: float, most: int) -> list[Block]:
    names = moved(one)
    drawn = sorted(names[:MOST_UNITS], key=_number)
    blocks: list[Block] = []
    if drawn:
        blocks.append(_chart(one, drawn, rest=len(names) - len(drawn), duration_s=duration_s, most=most))
    elif one.units:
        still = numbers.plural(len(one.units), "unit was", "units were")
        blocks.append(Prose((f"{one.person}: {still} followed, and none moved by {MOVED:g} or more.",)))
    shown = [event for event in one.events if not is_state(event.kind)]
    if shown:
        blocks.append(_events(one.person, shown))
    return blocks


def is_state(kind: str) -> bool:
    """Whether an event speaks of a declared state rather than of a movement."""
    return kind.startswith("sustained ") or kind in ("frustration build-up", "engagement", "attention drop")


def _number(name: str) -> tuple[int, str]:
    return (int(name[2:]), name) if name[2:].isdecimal() else (0, name)


def _chart(one: PersonShown, names: list[str], *, rest: int, duration_s: float, most: int) -> Figure:
    values = np.stack([one.units[name] for name in names], axis=1)
    starts, ends, means = stretches.stretches(one.time_s, values, duration_s=duration_s, most=most)
    rows: list[tuple[Cell, ...]] = []
    for start, end, mean in zip(starts, ends, means, strict=True):
        cells = tuple(Number(float(v)) if math.isfinite(v) else Text("not estimated") for v in mean)
        top = kind_words(names[int(np.nanargmax(mean))]) if np.isfinite(mean).any() else "none"
        rows.append((Number(start, unit="seconds"), Number(end, unit="seconds"), *cells, Text(top)))
    columns = (
        Column("From", numeric=True), Column("To", numeric=True),
        *(Column(kind_words(name), numeric=True) for name in names), Column("Highest"),
    )  # fmt: skip
    said = [stretches.note(len(one.time_s), len(rows))]
    if len(one.units) > len(names) + rest:
        still = len(one.units) - len(names) - rest
        said.append(f"{numbers.plural(still, 'further unit')} moved by less than {MOVED:g}.")
    if rest:
        said.append(f"{numbers.plural(rest, 'unit')} that moved less {'is' if rest == 1 else 'are'} not drawn.")
    note = " ".join(words for words in said if words)
    table = Table(f"{one.person}: estimates of the action units that moved", columns, tuple(rows), note=note)
    return Figure("units", table.caption, describe("units", table), table, note=note)


def _events(person: str, found: Sequence[Event]) -> Table:
    kept = sorted(found, key=lambda event: -(event.peak if math.isfinite(event.peak) else -1.0))[:MOST_EVENTS]
    kept = [event for event in found if any(event is one for one in kept)]
    columns = (
        Column("Movement", wide=True), Column("Onset", numeric=True), Column("Apex", numeric=True),
        Column("Offset", numeric=True), Column("Peak", numeric=True),
    )  # fmt: skip
    rows = tuple(
        (Text(kind_words(event.kind)), time(event.onset_s), time(event.apex_s), time(event.offset_s), _peak(event))
        for event in kept
    )
    rest = len(found) - len(kept)
    said = "Heights are above the person's own baseline. What a gap or an end of the clip cut off is not seen."
    if rest:
        said += f" The {len(kept)} highest are shown; {rest:,} more stand in events.csv."
    return Table(f"{person}: movements", columns, rows, note=said)


def time(value_s: float) -> Cell:
    """A time in seconds, or that it was not seen."""
    return Number(value_s, unit="moment") if math.isfinite(value_s) else Text("not seen")


def _peak(event: Event) -> Cell:
    if not math.isfinite(event.peak):
        return Text("not seen")
    if event.kind in DEGREES:
        return Text(f"{event.peak:.1f}°")
    if event.kind == "gesture":
        return Text(f"{event.peak:.2f} face widths/s")
    return Number(event.peak)
