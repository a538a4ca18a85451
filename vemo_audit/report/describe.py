"""The words that stand for a chart where it cannot be seen, written from its table."""

import math

from vemo_audit.report import numbers
from vemo_audit.report.blocks import Cell, Number, Refused, Suppressed, Table

_FORMS = {
    "whisker": "Dots with intervals",
    "strip": "Differences with intervals around zero",
    "reliability": "Hit rate against stated confidence",
    "confusion": "Grid of labels against answers",
    "timeline": "Probabilities over time",
    "units": "Estimates over time",
}


def describe(form: str, table: Table, *, margin: float = math.nan) -> str:
    """Kind of chart, number of rows, extremes with intervals, what is not shown, and where the numbers are."""
    parts = [f"{_FORMS[form]}, {numbers.plural(len(table.rows), 'row')}."]
    if form == "confusion":
        parts.append(_diagonal(table))
    elif form in ("timeline", "units"):
        parts.append(_peaks(table))
    else:
        parts.append(_extremes(table, column=-1 if form == "reliability" else None))
    if math.isfinite(margin):
        parts.append("The limit of the plan is marked.")
    refused = sum(any(isinstance(cell, Refused | Suppressed) for cell in row) for row in table.rows)
    if refused:
        parts.append(f"{numbers.plural(refused, 'row')} cannot be shown in full.")
    return " ".join(part for part in (*parts, "The table below holds the same numbers.") if part)


def first_number(row: tuple[Cell, ...]) -> Number | None:
    """The number that a row of a chart draws: the first one in it."""
    return next((cell for cell in row if isinstance(cell, Number)), None)


def label(row: tuple[Cell, ...]) -> str:
    """The words in front of a row's number or refusal."""
    words = []
    for cell in row:
        if isinstance(cell, Number | Refused | Suppressed):
            break
        words.append(cell.text)
    return ", ".join(words)


def _extremes(table: Table, *, column: int | None) -> str:
    shown = []
    for row in table.rows:
        cell = first_number(row) if column is None else row[column]
        if isinstance(cell, Number) and math.isfinite(cell.value):
            shown.append((cell.value, label(row), cell))
    if not shown:
        return "No row carries a number."
    low, high = min(shown, key=lambda s: s[0]), max(shown, key=lambda s: s[0])
    if len(shown) == 1:
        return f"{low[1]}: {_value(low[2])}."
    return f"Lowest: {low[1]}, {_value(low[2])}. Highest: {high[1]}, {_value(high[2])}."


def _value(cell: Number) -> str:
    return f"{cell.text} ({cell.interval})" if cell.interval else cell.text


def _diagonal(table: Table) -> str:
    own = [(row[k + 1], label(row)) for k, row in enumerate(table.rows) if k + 1 < len(row)]
    shown = [
        (cell.value, name, cell.text) for cell, name in own if isinstance(cell, Number) and cell.value == cell.value
    ]
    if not shown:
        return "No row carries a number."
    low, high = min(shown), max(shown)
    return f"Named as labelled most often: {high[1]}, {high[2]}; least often: {low[1]}, {low[2]}."


def _peaks(table: Table) -> str:
    best: tuple[float, str, str, str] | None = None
    for row in table.rows:
        for column, cell in zip(table.columns, row, strict=True):
            if (
                isinstance(cell, Number)
                and column.numeric
                and cell.unit in ("whole", "plain")
                and (not best or cell.value > best[0])
            ):
                best = (cell.value, column.title, cell.text, row[0].text)
    return f"Highest: {best[1]}, {best[2]} at {best[3]}." if best else "No moment carries a number."
