"""Answers from a table that somebody's recognizer made before: nothing is decoded, nothing is computed."""

from collections.abc import Iterator
from pathlib import Path, PurePath

import numpy as np

from vemo_audit.records.clip import AdmittedClip
from vemo_audit.records.digest import sha256_hex
from vemo_audit.records.prediction import Prediction, RecognizerCard
from vemo_audit.records.span import Span
from vemo_audit.tables.read import read_predictions

STILL_S = 0.04


class Replay:
    """A prediction table (Parquet or CSV) behind the seam. A clip is looked up by its name, with or without suffix.

    Raises BadInput, naming row and column, when the table is not a prediction table.
    """

    card: RecognizerCard

    def __init__(self, table: str | Path, *, name: str = "", version: str = "", licence: str = "unknown") -> None:
        self.path = Path(table)
        self.table = read_predictions(self.path)
        told = self.table.metadata
        self.card = RecognizerCard(
            name or told.get("recognizer", self.path.stem), version or told.get("recognizer_version", ""),
            self.table.labels, (), "as in the table", "not stated by the table", licence,
            sha256_hex(self.path.read_bytes()), ("Answers were made elsewhere; only the table was seen.",),
        )  # fmt: skip

    def recognize(self, clip: AdmittedClip) -> Iterator[Prediction]:
        """The table's rows for this clip in their order; one that says so when there are none."""
        names = {clip.clip.name, PurePath(clip.clip.name).stem}
        rows = [k for k, name in enumerate(self.table.clip) if name in names]
        decision = clip.permit.decision_id
        whole = Span(0.0, clip.clip.duration_s or STILL_S)
        if not rows:
            yield Prediction(
                clip.clip.name, "", whole, None, reason="the table has no row for this clip", decision=decision
            )
            return
        for k in rows:
            stated = np.isfinite(self.table.start_s[k]) and np.isfinite(self.table.end_s[k])
            span = Span(float(self.table.start_s[k]), float(self.table.end_s[k])) if stated else whole
            silent = bool(self.table.abstained[k])
            yield Prediction(
                clip.clip.name, str(self.table.person[k]), span,
                None if silent else self.table.probability[k],
                reason=(str(self.table.reason[k]) or "the recognizer abstained") if silent else "",
                trace=self.card.digest, decision=decision,
            )  # fmt: skip
