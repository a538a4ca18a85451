"""Reads plain column tables: right columns, equal lengths, and every fault named with its row."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput
from vemo_audit.records.labels import LabelSet
from vemo_audit.records.prediction import SUM_TOLERANCE

Columns = Mapping[str, Sequence[Any]]


def checked_length(table: Columns, needed: Sequence[str], *, where: str) -> int:
    """Rows of a table. Raises BadInput for a missing column, columns of different length or no row at all."""
    missing = [name for name in needed if name not in table]
    if missing:
        raise BadInput(
            f"no column {', '.join(missing)}", where=where, expected=f"the columns {', '.join(needed)}",
            advice=f"It has {', '.join(table) or 'no column'}.",
        )  # fmt: skip
    lengths = {name: len(table[name]) for name in table}
    if len(set(lengths.values())) > 1:
        raise BadInput(f"columns of different lengths {lengths}", where=where, expected="one value per row in each")
    rows = next(iter(lengths.values()), 0)
    if not rows:
        raise BadInput("an empty table", where=where, expected="at least one row")
    return rows


def texts(table: Columns, name: str, *, where: str) -> list[str]:
    """A column of names, as text. Raises BadInput for a missing value."""
    found = [_text(value) for value in table[name]]
    for row, text in enumerate(found):
        if not text:
            raise BadInput(f"no {name}", where=f"{where}, row {row}", expected="a name in every row")
    return found


def optional_texts(table: Columns, name: str, rows: int) -> list[str]:
    """A column of names; '' where there is none, or no such column."""
    return [_text(value) for value in table[name]] if name in table else [""] * rows


def numbers(table: Columns, name: str, rows: int) -> NDArray[np.float64]:
    """A column of numbers; NaN where there is none, or no such column."""
    if name not in table:
        return np.full(rows, np.nan)
    try:
        return np.array([math.nan if value is None else value for value in table[name]], np.float64)
    except (TypeError, ValueError):
        raise BadInput(f"a value in column {name} that is no number", expected="numbers, or nothing") from None


def flags(table: Columns, name: str, rows: int) -> NDArray[np.bool_]:
    """A column of yes and no; no where there is none."""
    if name not in table:
        return np.zeros(rows, bool)
    return np.array([bool(value) and value is not None for value in table[name]], bool)


def probabilities(table: Columns, labels: LabelSet, *, rows: int, abstained: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Probabilities `[N, K]` in the order of the labels, NaN where abstained.

    Raises BadInput with the first row that is no distribution, and for a column of a label outside the set.
    """
    where = "predictions"
    foreign = [name for name in table if name.startswith("p_") and name[2:] not in labels.names]
    if foreign:
        raise BadInput(
            f"the columns {', '.join(foreign)}", where=where, expected=f"labels {', '.join(labels.names)}",
            advice="Map the labels first.",
        )  # fmt: skip
    found = np.stack([numbers(table, f"p_{label}", rows) for label in labels.names], axis=1)
    answered = ~abstained
    total = found.sum(axis=1)
    with np.errstate(invalid="ignore"):
        bad = answered & ~((found >= 0).all(axis=1) & (np.abs(total - 1) <= SUM_TOLERANCE))
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        negative = bool((found[row] < 0).any()) or total[row] > 1 + SUM_TOLERANCE
        raise BadInput(
            f"probabilities {np.round(found[row], 4).tolist()} that sum to {total[row]:.6g}",
            where=f"{where}, row {row}", expected="shares of 0 or more that sum to 1 within 1e-4",
            advice="These look like scores: turn them into probabilities (softmax)." if negative
            else "Mark rows without an answer in the column 'abstained'.",
        )  # fmt: skip
    found[abstained] = np.nan
    return found.astype(np.float32)


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value)
