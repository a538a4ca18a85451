"""A run as JSON for scripts, as CSV for spreadsheets and as the canonical bytes that its digest names."""

import math
from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Any

from vemo_audit.audit.plan import without_floats
from vemo_audit.evaluation.slices import FEWEST_SUBJECTS
from vemo_audit.records.audit_run import AuditRun
from vemo_audit.records.digest import canonical_json, sha256_hex
from vemo_audit.records.finding import Criterion, Verdict
from vemo_audit.records.measurement import Gap, Interval, Measurement
from vemo_audit.tables.write import csv_text

SCHEMA = "vemo-audit/audit/1"
TABLES = ("measurements", "gaps", "findings", "confusions", "reliabilities", "refusals")
NO_LIMIT = "no limit set"
"""Verdict of a gap that no criterion speaks of."""


def run_bytes(run: AuditRun) -> bytes:
    """All of the run but its own digest, as canonical JSON; floats are texts. This is the content of `run.json`."""
    return canonical_json(without_floats(_told(replace(run, run_digest=""))))


def sealed(run: AuditRun) -> AuditRun:
    """The run with its digest: SHA-256 of `run_bytes`, so that `sha256sum run.json` prints it."""
    return replace(run, run_digest=sha256_hex(run_bytes(run)))


def _told(run: AuditRun) -> dict[str, Any]:
    """The run as plain values, without a count of fewer people than may be told, or a bin of fewer rows."""
    plain: dict[str, Any] = _plain(run)
    for part in plain["datasets"]:
        if _is_small(part["subjects"]):
            part |= {"subjects": None, "rows": None}
    for key in ("consents_in_force", "consents_withdrawn"):
        if _is_small(plain["gate"][key]):
            plain["gate"][key] = None
    for drawn in plain["reliabilities"]:
        for k, rows in enumerate(drawn["rows"]):
            if _is_small(rows):
                drawn["rows"][k] = None
                for name in ("confidence", "accuracy", "low", "high"):
                    drawn[name][k] = math.nan
    return plain


def _is_small(count: int | None) -> bool:
    return count is not None and 0 < count < FEWEST_SUBJECTS


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def as_json(run: AuditRun, *, criteria: Sequence[Criterion], exit_code: int) -> dict[str, Any]:
    """The content of `audit.json`: numbers as numbers, NaN as null, aggregates only."""
    verdicts = {criterion.id: run.verdict(criterion.id) for criterion in criteria}
    told = _told(run)
    return {
        "schema": SCHEMA,
        "title": run.title, "question": run.question, "started": run.started.isoformat(),
        "run_digest": run.run_digest, "plan_digest": run.plan_digest, "seed": run.seed, "level": run.level,
        "exit_code": exit_code,
        "criteria": [
            {"id": c.id, "metric": c.metric, "kind": c.kind, "limit": c.limit, "over": c.over,
             "verdict": verdicts[c.id].value}
            for c in criteria
        ],
        "undecided": [key for key, verdict in verdicts.items() if verdict is Verdict.UNDECIDED],
        "findings": [
            {"criterion": f.criterion.id, "recognizer": f.recognizer, "dataset": f.dataset, "verdict": f.verdict.value,
             "fact": f.fact, "sentence": f.sentence, "subjects_needed": f.subjects_needed}
            for f in run.findings
        ],
        "measurements": [_measurement(m) for m in run.measurements],
        "gaps": [_gap(g, run) for g in run.gaps],
        "gate": told["gate"],
        "recognizers": told["recognizers"],
        "datasets": [
            {key: part["card"][key] for key in ("name", "version", "licence", "digest")}
            | {"subjects": part["subjects"], "rows": part["rows"], "unjoined": dict(part["unjoined"])}
            for part in told["datasets"]
        ],
        "limits": list(run.limits), "versions": dict(run.versions), "digests": dict(run.digests),
    }  # fmt: skip


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _ends(interval: Interval | None) -> dict[str, Any]:
    if interval is None:
        return {"low": None, "high": None, "level": None, "method": None}
    low, high = _number(interval.low), _number(interval.high)
    return {"low": low, "high": high, "level": interval.level, "method": interval.method}


def _measurement(m: Measurement) -> dict[str, Any]:
    return {
        "id": m.id, "recognizer": m.recognizer, "dataset": m.dataset, "metric": m.metric, "slice": m.slice,
        "value": _number(m.value), **_ends(m.interval), "others": [_ends(other) for other in m.others],
        "rows": m.rows, "subjects": m.subjects, "state": m.state.value, "because": m.because,
    }  # fmt: skip


def _gap(g: Gap, run: AuditRun) -> dict[str, Any]:
    judged = [f.verdict.value for f in run.findings if f.fact == g.id]
    return {
        "id": g.id, "recognizer": g.recognizer, "dataset": g.dataset, "metric": g.metric, "trait": g.trait,
        "a": g.a, "b": g.b, "value": _number(g.value), **_ends(g.interval),
        "others": [_ends(other) for other in g.others], "verdict": judged[0] if judged else NO_LIMIT,
        "minimum_detectable": _number(g.minimum_detectable), "icc": _number(g.icc),
        "subjects_a": g.subjects_a, "subjects_b": g.subjects_b, "state": g.state.value, "because": g.because,
    }  # fmt: skip


def csv_tables(run: AuditRun) -> dict[str, str]:
    """File name -> CSV: measurements, gaps, findings, confusions, reliabilities and refusals."""
    measurements = [_flat(_measurement(m)) for m in run.measurements]
    gaps = [_flat(_gap(g, run)) for g in run.gaps]
    refusals = [(r.rule_id, r.ref, r.message, r.clips) for r in run.gate.refusals]
    findings = [
        (f.criterion.id, f.recognizer, f.dataset, f.verdict.value, f.sentence, f.subjects_needed) for f in run.findings
    ]
    return {
        "measurements.csv": _rows(measurements),
        "gaps.csv": _rows(gaps),
        "findings.csv": csv_text(
            ("criterion", "recognizer", "dataset", "verdict", "sentence", "subjects_needed"), findings
        ),
        "confusions.csv": csv_text(("recognizer", "dataset", "truth", "answer", "rows"), _confusions(run)),
        "reliabilities.csv": csv_text(
            ("recognizer", "dataset", "slice", "from", "to", "rows", "confidence", "accuracy", "low", "high", "state"),
            _reliabilities(run),
        ),
        "refusals.csv": csv_text(("rule", "ref", "message", "clips"), refusals),
    }


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """One interval beside the chosen one, as two columns: a table has no room for lists."""
    others = row.pop("others")
    beside = others[0] if others else _ends(None)
    return row | {"other_low": beside["low"], "other_high": beside["high"], "other_method": beside["method"]}


def _rows(rows: list[dict[str, Any]]) -> str:
    return csv_text(list(rows[0]), [list(row.values()) for row in rows]) if rows else ""


def _confusions(run: AuditRun) -> list[tuple[Any, ...]]:
    return [
        (c.recognizer, c.dataset, truth, answer, count)
        for c in run.confusions
        for truth, row in zip(c.labels, c.counts, strict=False)
        for answer, count in zip((*c.labels, "(abstained)"), row, strict=True)
    ]


def _reliabilities(run: AuditRun) -> list[tuple[Any, ...]]:
    return [
        (r["recognizer"], r["dataset"], r["slice"], r["edges"][k], r["edges"][k + 1], r["rows"][k], r["confidence"][k],
         r["accuracy"][k], r["low"][k], r["high"][k], r["state"])
        for r in _told(run)["reliabilities"]
        for k in range(len(r["rows"]))
    ]  # fmt: skip
