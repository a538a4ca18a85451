"""Writes tables whole or not at all, and never a cell that a spreadsheet would run."""

import csv
import io
import math
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from vemo_audit.errors import BadInput
from vemo_audit.records.event import Event
from vemo_audit.records.labels import LabelSet
from vemo_audit.records.prediction import Prediction
from vemo_audit.tables.raw import METADATA_PREFIX
from vemo_audit.tables.schema import AFFECT, NAMED, PROBABILITY_PREFIX, SCHEMA_VERSION

STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""First characters by which a spreadsheet takes a cell for a formula. Source: OWASP, "CSV Injection"."""


def guard(text: str) -> str:
    """The text as a safe cell: a leading apostrophe when it would start a formula. Reading takes it off again."""
    return "'" + text if text.lstrip("'").startswith(STARTS_FORMULA) else text


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Rows as CSV (RFC 4180, but LF). Texts are guarded, numbers stay numbers, NaN and None are empty cells."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([guard(name) for name in header])
    writer.writerows([[_cell(value) for value in row] for row in rows])
    return out.getvalue()


def _cell(value: Any) -> Any:
    if value is None or (isinstance(value, float | np.floating) and math.isnan(value)):
        return ""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool):
        return str(value).lower()
    return guard(value) if isinstance(value, str) else value


def write_whole(path: Path, data: bytes) -> None:
    """Writes beside the target, then renames: a reader sees the old file or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("wb", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        beside = Path(file.name)
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            beside.chmod(0o644)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)


def write_predictions(
    path: Path, rows: Iterable[Prediction], *, labels: LabelSet, dataset: str, metadata: Mapping[str, str]
) -> int:
    """Writes a prediction table (`.parquet` or `.csv`) and returns its number of rows; 0 rows is a valid table.

    `metadata` names the recognizer, its version and the digests; schema version and label digest are added.
    Raises BadInput for probabilities that do not fit `labels`.
    """
    table = _as_table(list(rows), labels=labels, dataset=dataset)
    if path.suffix.lower() == ".csv":
        text = csv_text(table.column_names, zip(*(column.to_pylist() for column in table.columns), strict=True))
        write_whole(path, text.encode())
        return table.num_rows
    if path.suffix.lower() != ".parquet":
        raise BadInput(f"a table of kind '{path.suffix}'", where=str(path), expected=".parquet or .csv")
    said = {"schema_version": SCHEMA_VERSION, "labels_digest": labels.digest} | dict(metadata)
    table = table.replace_schema_metadata({METADATA_PREFIX + key: value for key, value in said.items()})
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(table, buffer, compression="zstd")
    write_whole(path, buffer.getvalue())
    return table.num_rows


def _as_table(rows: list[Prediction], *, labels: LabelSet, dataset: str) -> pa.Table:
    k = len(labels)
    for row in rows:
        if row.probability is not None and row.probability.shape != (k,):
            raise BadInput(
                f"probabilities of shape {row.probability.shape}", where=f"{row.clip}/{row.person}",
                expected=f"one for each of {', '.join(labels.names)}",
            )  # fmt: skip
        if row.decided_label and (row.probability is None or row.decided_label not in labels.names):
            raise BadInput(
                f"the decided label '{row.decided_label}'", where=f"{row.clip}/{row.person}",
                expected=f"one of {', '.join(labels.names)}, where there is an answer",
            )  # fmt: skip
    answers = np.array(
        [np.full(k, np.nan) if row.probability is None else row.probability for row in rows], dtype=np.float32
    ).reshape(-1, k)
    text = pa.string()
    columns: dict[str, pa.Array] = {
        "dataset": pa.array([dataset] * len(rows), text),
        "clip": pa.array([row.clip for row in rows], text),
        "person": pa.array([row.person for row in rows], text),
        "start_s": pa.array([row.span.start_s for row in rows], pa.float64()),
        "end_s": pa.array([row.span.end_s for row in rows], pa.float64()),
    }
    for i, name in enumerate(labels.names):
        columns[PROBABILITY_PREFIX + name] = pa.array(answers[:, i], pa.float32(), from_pandas=True)
    columns["abstained"] = pa.array([row.probability is None for row in rows], pa.bool_())
    for name in (*AFFECT, "quality"):
        columns[name] = pa.array([getattr(row, name) for row in rows], pa.float32(), from_pandas=True)
    decided = ("decided_label",) if any(row.decided_label for row in rows) else ()
    for name in (*decided, "modality", "reason", "trace", "decision"):
        columns[name] = pa.array([getattr(row, name) for row in rows], text)
    for field, (before, after) in NAMED.items():
        for name in sorted({name for row in rows for name in getattr(row, field)}, key=_by_number):
            values = [getattr(row, field).get(name, math.nan) for row in rows]
            columns[f"{before}{name.replace(' ', '_')}{after}"] = pa.array(values, pa.float32(), from_pandas=True)
    return pa.table(columns)


def _by_number(name: str) -> tuple[str, int]:
    """'au4' before 'au12'."""
    digits = "".join(letter for letter in name if letter.isdigit())
    return name.rstrip("0123456789"), int(digits or 0)


def write_events(path: Path, rows: Iterable[Prediction]) -> int:
    """Writes the events of predictions as CSV, a row each, and returns how many; times in seconds, NaN is empty."""
    header = ["clip", "person", *(one.name for one in fields(Event))]
    events = [(row.clip, row.person, *astuple(event)) for row in rows for event in row.events]
    write_whole(path, csv_text(header, events).encode())
    return len(events)
