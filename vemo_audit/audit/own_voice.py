"""The held-out answers behind the shipped voice expert, as a prediction table that the audit can read."""

import math
import tempfile
import tomllib
from pathlib import Path

import numpy as np

from vemo_audit.audit.measure import Listener
from vemo_audit.errors import EvidenceBroken
from vemo_audit.recognition.training import card, recipe
from vemo_audit.recognition.training.outcome import HeldOut
from vemo_audit.recognition.training.voice import train_voice
from vemo_audit.records.digest import sha256_hex
from vemo_audit.records.labels import LabelSet
from vemo_audit.records.prediction import Prediction
from vemo_audit.records.span import Span
from vemo_audit.tables.read import read_predictions
from vemo_audit.tables.write import write_predictions

UTTERANCE_S = 2.0
"""Every file of the shared copy."""


def held_out_table(models: Path, data: Path, path: Path, *, name: str, listener: Listener) -> Path:
    """Trains by the shipped recipe and writes its held-out answers to `path`; an up-to-date table is kept.

    Raises EvidenceBroken when the recipe does not give the weights that are shipped: then its held-out answers say
    nothing of them.
    """
    stated = tomllib.loads((models / f"{name}.card.toml").read_text("utf-8"))
    wanted = str(stated["weights"]["sha256"])
    if path.is_file() and read_predictions(path).metadata.get("digest") == wanted:
        return path
    chosen, digest = recipe.read(models / stated["training"]["recipe"])
    trained = train_voice(chosen, data, listener=lambda at: listener(f"training {name} again", at.step, at.steps))
    with tempfile.TemporaryDirectory() as folder:
        weights, _ = card.write(Path(folder), chosen, digest, trained, ())
        made = sha256_hex(weights.read_bytes())
    if made != wanted:
        raise EvidenceBroken(
            f"weights {made[:16]} from the recipe of '{name}'", where=str(models),
            expected=f"{wanted[:16]}, as shipped",
            advice="Train and ship again, so that card, weights and recipe belong together.",
        )  # fmt: skip
    as_table(trained.held_out, path, name=name, digest=wanted)
    return path


def as_table(held_out: HeldOut, path: Path, *, name: str, digest: str) -> int:
    """The held-out answers as a prediction table, one row for each utterance; the number of rows."""
    whole = Span(0.0, UTTERANCE_S)
    rows = [
        Prediction(clip, "", whole, np.asarray(p, dtype=np.float32), modality="voice", quality=math.nan)
        for clip, p in zip(held_out.rows, held_out.probability, strict=True)
    ]
    metadata = {"recognizer": name, "version": "held out", "digest": digest}
    return write_predictions(path, rows, labels=LabelSet(held_out.labels), dataset="emodb", metadata=metadata)
