"""Takes clips through the gate one by one, and what the recognizer says of those let in to a prediction table."""

from datetime import datetime
from pathlib import Path
from typing import Any

from vemo_audit.audit.answers import Answers
from vemo_audit.audit.measure import Listener
from vemo_audit.audit.plan import AuditPlan, RecognizerChoice
from vemo_audit.datasets.interface import Dataset


def predict(
    plan: AuditPlan, choice: RecognizerChoice, dataset: Dataset, *, gate: Any, folder: Path, now: datetime,
    listener: Listener,
) -> Answers:  # fmt: skip
    raise NotImplementedError


def table_through_gate(plan: AuditPlan, answers: Answers, *, gate: Any, now: datetime) -> Answers:
    raise NotImplementedError
