"""The held-out answers behind the shipped voice expert, as a prediction table that the audit can read."""

import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vemo_audit.audit.held_out import figures
from vemo_audit.audit.measure import Listener
from vemo_audit.errors import EvidenceBroken
from vemo_audit.recognition.training import recipe
from vemo_audit.recognition.training.outcome import HeldOut
from vemo_audit.recognition.training.voice import train_voice
from vemo_audit.records.labels import LabelSet
from vemo_audit.records.prediction import Prediction
from vemo_audit.records.span import Span
from vemo_audit.tables.read import read_predictions
from vemo_audit.tables.write import write_predictions

UTTERANCE_S = 2.0
"""Every file of the shared copy."""
SAME_WITHIN = 0.01
"""How far a figure of the run may lie from the card's: the last digits of a fit depend on the machine's threads."""


def held_out_table(models: Path, data: Path, path: Path, *, name: str, listener: Listener) -> Path:
    """Trains by the shipped recipe and writes its held-out answers to `path`; an up-to-date table is kept.

    Raises EvidenceBroken when the recipe does not give the figures on the shipped card: then its held-out answers say
    nothing of the shipped weights.
    """
    stated = tomllib.loads((models / f"{name}.card.toml").read_text("utf-8"))
    wanted = str(stated["weights"]["sha256"])
    if path.is_file() and read_predictions(path).metadata.get("digest") == wanted:
        return path
    chosen, _ = recipe.read(models / stated["training"]["recipe"])
    trained = train_voice(chosen, data, listener=lambda at: listener(f"training {name} again", at.step, at.steps))
    held_out = trained.held_out
    apart = "no held-out answers" if held_out is None else _apart(held_out, stated, name=name)
    if held_out is None or apart:
        raise EvidenceBroken(
            f"{apart} from the recipe of '{name}'", where=str(models), expected="the figures on its card",
            advice="Train and ship again, so that card, weights and recipe belong together.",
        )  # fmt: skip
    as_table(held_out, path, name=name, digest=wanted)
    return path


def _apart(held_out: HeldOut, stated: Mapping[str, Any], *, name: str) -> str:
    """The first overall figure that differs from the card's, in words; empty when all of them agree."""
    on_card = {row["metric"]: row["value"] for row in stated["figures"] if row["slice"] == "overall" and "value" in row}
    for one in figures(held_out, recognizer=name):
        if one.slice == "overall" and abs(one.value - on_card.get(one.metric, one.value)) > SAME_WITHIN:
            return f"{one.metric} of {one.value:.4f} and not {on_card[one.metric]:.4f}"
    return ""


def as_table(held_out: HeldOut, path: Path, *, name: str, digest: str) -> int:
    """The held-out answers as a prediction table, one row for each utterance; the number of rows."""
    whole = Span(0.0, UTTERANCE_S)
    rows = [
        Prediction(clip, "", whole, np.asarray(p, dtype=np.float32), modality="voice", quality=math.nan)
        for clip, p in zip(held_out.rows, held_out.probability, strict=True)
    ]
    metadata = {"recognizer": name, "version": "held out", "digest": digest}
    return write_predictions(path, rows, labels=LabelSet(held_out.labels), dataset="emodb", metadata=metadata)
