"""Reads prediction, label and trait tables; a table with a problem is refused whole."""

from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput
from vemo_audit.records.labels import LabelSet
from vemo_audit.records.reasons import UNSTATED
from vemo_audit.records.subject import SubjectTraits
from vemo_audit.records.truth import Truth
from vemo_audit.tables.check import check_labels, check_predictions, check_subjects, check_traits
from vemo_audit.tables.raw import RawTable, open_table
from vemo_audit.tables.schema import AFFECT, NAMED, NAMES, PROBABILITY_PREFIX, PredictionTable

TAKEN = ("dataset", "clip", "person", "start_s", "end_s", "abstained", "reason", "decision", "weight")


def read_predictions(path: Path, *, labels: LabelSet | None = None) -> PredictionTable:
    """A prediction table from Parquet or CSV. Without `labels`, the order of the p_ columns is the order of the labels.

    Raises BadInput that names file, row and column of the first problem.
    """
    raw = open_table(path)
    names = check_predictions(raw, labels=labels)
    raw.stop_at_problem()
    weight = _weight(raw)
    if names is None:
        raise BadInput("no usable columns", where=str(path), expected="clip and p_<label>")
    probability = np.stack([raw.numbers(PROBABILITY_PREFIX + name) for name in names.names], axis=1)
    reason = raw.text("reason")
    silent = raw.flags("abstained") | (np.isnan(probability).all(axis=1) & (reason != ""))
    probability[silent] = np.nan
    reason[silent & (reason == "")] = UNSTATED
    return PredictionTable(
        source=str(path), labels=names, dataset=raw.text("dataset"), clip=raw.text("clip"), person=raw.text("person"),
        start_s=raw.numbers("start_s"), end_s=raw.numbers("end_s"), probability=probability.astype(np.float32),
        abstained=silent, reason=reason, decision=raw.text("decision"), weight=weight,
        optional=MappingProxyType(_others(raw)), metadata=MappingProxyType(dict(raw.metadata)),
    )  # fmt: skip


def _weight(raw: RawTable) -> NDArray[np.int64] | None:
    if "weight" not in raw.columns:
        return None
    values = raw.numbers("weight")
    return np.where(np.isfinite(values), values, 1).astype(np.int64)


def _others(raw: RawTable) -> dict[str, NDArray[Any]]:
    """Columns that the audit does not use, kept as they came."""
    kept = [name for name in raw.columns if name not in TAKEN and not name.startswith(PROBABILITY_PREFIX)]
    numeric = set(AFFECT) | {"quality"}
    return {
        name: raw.numbers(name) if name in numeric else np.array(raw.columns[name].to_pylist(), dtype=object)
        for name in kept
    }


def named_numbers(table: PredictionTable) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Numbers by name for each field of `schema.NAMED`, arrays `[N]` with NaN for empty cells; {} where there are none.

    Only columns that we would have written are taken: a vendor's text under such a name stays what it is.
    """
    found: dict[str, dict[str, NDArray[np.float64]]] = {field: {} for field in NAMED}
    for column, cells in table.optional.items():
        for field, (before, after) in NAMED.items():
            name = column[len(before) : len(column) - len(after)]
            if column != before + name + after or not NAMES[field].fullmatch(name):
                continue
            try:
                values = np.array([np.nan if cell in (None, "") else float(cell) for cell in cells], dtype=np.float64)
            except (TypeError, ValueError):
                continue
            found[field][name.replace("_", " ") if field == "indices" else name] = values
    return found


def read_labels(path: Path, *, labels: LabelSet | None = None, subjects: Path | None = None) -> tuple[Truth, ...]:
    """A label table. The subject stands in its column `subject`, or in a second table of clip, person and subject.

    Raises BadInput for the first problem, and when a labelled clip has no subject.
    """
    raw = open_table(path)
    check_labels(raw, labels=labels)
    if subjects is None:
        raw.require("subject")
    raw.stop_at_problem()
    clip, person = raw.text("clip"), raw.text("person")
    who = raw.text("subject") if subjects is None else _look_up(subjects, clip=clip, person=person)
    raw.blame(
        who == "", "subject", found=lambda k: f"no subject for clip '{clip[k]}'",
        expected="a subject for every label" + (f" in {subjects}" if subjects else ""),
    )  # fmt: skip
    raw.stop_at_problem()
    start, end, label = raw.numbers("start_s"), raw.numbers("end_s"), raw.text("label")
    return tuple(
        Truth(clip[k], label[k], who[k], person=person[k], start_s=float(start[k]), end_s=float(end[k]))
        for k in range(raw.rows)
    )


def _look_up(path: Path, *, clip: NDArray[np.object_], person: NDArray[np.object_]) -> NDArray[np.object_]:
    """The subject of each clip and person; a row without a person stands for whoever is in the clip. '' is nobody."""
    raw = open_table(path)
    check_subjects(raw)
    raw.stop_at_problem()
    known = {(c, p): s for c, p, s in zip(raw.text("clip"), raw.text("person"), raw.text("subject"), strict=True)}
    found = [known.get((c, p)) or known.get((c, "")) or "" for c, p in zip(clip, person, strict=True)]
    return np.array(found, dtype=object)


def read_traits(path: Path, *, dataset: str) -> tuple[SubjectTraits, ...]:
    """A trait table: one row for each subject; an empty cell is unknown. Raises BadInput for the first problem."""
    raw = open_table(path)
    check_traits(raw)
    raw.stop_at_problem()
    traits = {name: raw.text(name) for name in raw.columns if name not in ("subject", "dataset")}
    subject = raw.text("subject")
    return tuple(
        SubjectTraits(dataset, subject[k], MappingProxyType({name: traits[name][k] or None for name in traits}))
        for k in range(raw.rows)
    )
