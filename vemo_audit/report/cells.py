"""Measurements and gaps as cells: here a number that must not be printed turns into words."""

import math
from dataclasses import dataclass

from vemo_audit.records.audit_run import AuditRun
from vemo_audit.records.measurement import Gap, Interval, Measurement, State
from vemo_audit.report import numbers, wording
from vemo_audit.report.blocks import Cell, Column, Number, Refused, Suppressed, Table, Text
from vemo_audit.report.suppress import Disclosure

MOST_ROWS = 400
"""Rows of a table on the page; the CSV holds all."""
KEPT_ROWS = 100
WITHOUT_NUMBER = (State.HIDDEN, State.CLASS_ABSENT, State.NOT_ASKED, State.EMPTY)


@dataclass(frozen=True, slots=True)
class Facts:
    """A run beside what may be said of it: what every section is written from."""

    run: AuditRun
    disclosure: Disclosure

    @property
    def several(self) -> tuple[bool, bool]:
        """Whether there is more than one recognizer, and more than one dataset."""
        return len(self.recognizers) > 1, len(self.run.datasets) > 1

    @property
    def recognizers(self) -> tuple[str, ...]:
        """Names in the order of the run; a name that has numbers but no card comes last."""
        named = [card.name for card in self.run.recognizers] + [m.recognizer for m in self.run.measurements]
        return tuple(dict.fromkeys(named))

    @property
    def measured(self) -> tuple[Measurement | Gap, ...]:
        """Every number of the run, gaps first."""
        return (*self.run.gaps, *self.run.measurements)

    @property
    def unit(self) -> str:
        """What one row of the data is, in the plural."""
        return "votes" if {part.card.kind for part in self.run.datasets} == {"crowd votes"} else "clips"

    def rows(self, count: int) -> str:
        """'1 clip', '2 clips'; votes where the data are votes."""
        return numbers.plural(count, self.unit.removesuffix("s"))

    @property
    def judged_metrics(self) -> tuple[str, ...]:
        """The metrics of criteria on groups, else accuracy, else the first that was measured: what charts show."""
        judged = tuple(dict.fromkeys(f.criterion.metric for f in self.run.findings if f.criterion.over != "overall"))
        measured = tuple(dict.fromkeys(m.metric for m in self.run.measurements if not numbers.is_by_class(m.metric)))
        kept = tuple(name for name in judged if name in measured)
        return kept or (("accuracy",) if "accuracy" in measured else measured[:1])

    @property
    def interval_rules(self) -> tuple[str, ...]:
        """The interval rules that the run used, in order of appearance."""
        made = [one.interval.method for one in self.measured if one.interval is not None]
        return tuple(dict.fromkeys(made))


def level(facts: Facts, m: Measurement) -> Cell:
    """One metric of one slice."""
    _, unit, _ = numbers.metric(m.metric)
    below = facts.disclosure.below
    if m.state is State.HIDDEN:
        return Refused(State.HIDDEN, wording.state(State.HIDDEN, because=m.because, below=below))
    if 0 < (m.subjects or 0) < below or facts.disclosure.hides(m.dataset, m.slice):
        return Refused(State.HIDDEN, wording.state(State.HIDDEN, because="", below=below))
    if m.state in WITHOUT_NUMBER:
        return Refused(m.state, wording.state(m.state, because=m.because, below=below))
    return _number(m.value, m.interval, unit, fact=m.id, state=m.state)


def gap(facts: Facts, g: Gap) -> Cell:
    """The difference between two values of a trait."""
    _, unit, _ = numbers.metric(g.metric)
    sides = [(f"{g.trait}={g.a}", g.subjects_a), (f"{g.trait}={g.b}", g.subjects_b)]
    below = facts.disclosure.below
    small = any(0 < (n or 0) < below or facts.disclosure.hides(g.dataset, name) for name, n in sides)
    if g.state is State.HIDDEN or small:
        because = g.because if g.state is State.HIDDEN else ""
        return Refused(State.HIDDEN, wording.state(State.HIDDEN, because=because, below=below))
    if g.state in WITHOUT_NUMBER:
        return Refused(g.state, wording.state(g.state, because=g.because, below=below))
    return _number(g.value, g.interval, numbers.difference_unit(unit), fact=g.id, state=g.state)


def remark(facts: Facts, m: Measurement | Gap, cell: Cell) -> Cell:
    """What weakens a number that is shown; nothing when it stands or is refused already."""
    if isinstance(cell, Refused):
        return Text("")
    if m.state is State.OK and m.interval is None:
        return Text(m.because or "no interval")
    if m.state is State.APPROXIMATE:  # the number itself is marked
        return Text(m.because)
    return Text(wording.state(m.state, because=m.because, below=facts.disclosure.below))


def named(facts: Facts, recognizer: str, dataset: str) -> tuple[Cell, ...]:
    """Leading cells that say of whom a row speaks: only what differs within the report."""
    several = facts.several
    return tuple(Text(text) for text, shown in zip((recognizer, dataset), several, strict=True) if shown)


def named_columns(facts: Facts) -> tuple[Column, ...]:
    """The columns of `named`."""
    titles = ("Recognizer", "Dataset")
    return tuple(Column(title) for title, shown in zip(titles, facts.several, strict=True) if shown)


def table(caption: str, columns: tuple[Column, ...], rows: list[tuple[Cell, ...]], *, note: str = "") -> Table:
    """A table of at most MOST_ROWS rows; a longer one keeps the first KEPT_ROWS and says so."""
    if len(rows) > MOST_ROWS:
        left_out = f"The first {KEPT_ROWS} of {len(rows):,} rows; the CSV tables hold all."
        return Table(caption, columns, tuple(rows[:KEPT_ROWS]), note=f"{note} {left_out}".strip())
    return Table(caption, columns, tuple(rows), note=note)


def remarked(caption: str, columns: tuple[Column, ...], rows: list[tuple[Cell, ...]], *, note: str = "") -> Table:
    """A table whose last column are remarks: it goes when it is empty, or when one remark fits all marked numbers."""
    said = {(row[-1].text, any(isinstance(cell, Number) and cell.approximate for cell in row)) for row in rows}
    said = {(text, marked) for text, marked in said if text}
    if len(said) > 1 or any(not marked for _, marked in said):
        return table(caption, columns, rows, note=note)
    shared = "".join(f"Approximate: {text}." for text, _ in said)
    return table(caption, columns[:-1], [row[:-1] for row in rows], note=f"{note} {shared}".strip())


def _number(value: float, interval: Interval | None, unit: str, *, fact: str, state: State) -> Number:
    low, high = (interval.low, interval.high) if interval is not None else (math.nan, math.nan)
    return Number(value, low, high, unit, fact, approximate=state is State.APPROXIMATE)


def detectable(facts: Facts, g: Gap, cell: Cell) -> Cell:
    """The smallest difference that the same design would have found four times in five."""
    if isinstance(cell, Refused | Suppressed) or not math.isfinite(g.minimum_detectable):
        return Text("not computed")
    _, unit, _ = numbers.metric(g.metric)
    return Text(numbers.size(g.minimum_detectable, numbers.difference_unit(unit)))
