"""Takes pictures without labels through the gate and keeps what can be counted: found, answered, quality, scores."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
from numpy.typing import NDArray

from vemo_audit.audit.consents import ConsentFiles
from vemo_audit.audit.measure import Listener
from vemo_audit.audit.stage import OUTPUTS, PURPOSE
from vemo_audit.errors import Refused
from vemo_audit.governance.gate import Gate
from vemo_audit.governance.screening import Case
from vemo_audit.media import decode
from vemo_audit.media.probe import probe
from vemo_audit.recognition.perception import align
from vemo_audit.records.clip import AdmittedClip, FaceFinder, FoundFace
from vemo_audit.records.decision import Decision
from vemo_audit.records.prediction import Prediction, RecognizerCard
from vemo_audit.records.truth import DatasetClip
from vemo_audit.records.units import UNITS

KEPT_EVERY = 250
"""Pictures after which the rows so far are written, so that an interruption costs little."""
PARTS = tuple(field.name for field in fields(align.Quality))
"""What is measured of the quality of a face; the last is the score of all."""
COVERED = "more than one face was found, and one person alone was released: all were covered"
UNSEEN = "no face was found"
UNSURE = "a face was found, but not surely enough to be read"
"""The tracker's doubtful faces are covered and not read."""


class OneLook:
    """Makes face finders for stills: each picture is searched once, and the search is told to whoever counts."""

    def __init__(self, make_finder: Callable[[], FaceFinder]) -> None:
        self._make_finder = make_finder
        self.found: list[tuple[FoundFace, ...]] | None = None  # of the current picture; None until it was searched

    def begin(self) -> None:
        """A new picture."""
        self.found = None

    def __call__(self) -> "OneLook":
        return self

    def find(self, images: NDArray[np.uint8], time_s: NDArray[np.float64]) -> list[tuple[FoundFace, ...]]:
        """See `FaceFinder`."""
        if self.found is None or len(self.found) != len(images):
            self.found = self._make_finder().find(images, time_s)
        return self.found


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """N admitted pictures and what came of them; `refused` counts those that never got in, by the rule's words."""

    ids: tuple[str, ...]
    faces: NDArray[np.int64]  # [N] found by the gate's own finder
    reason: NDArray[np.object_]  # [N] why there is no answer; '' where there is one
    probability: NDArray[np.float64]  # [N, K], NaN without an answer
    units: NDArray[np.float64]  # [N, 20], NaN where not estimated
    quality: NDArray[np.float64]  # [N, len(PARTS)], NaN where no face could be read
    refused: Mapping[str, int]

    @property
    def answered(self) -> NDArray[np.bool_]:
        """[N], whether there is an estimate."""
        return np.isfinite(self.probability).all(axis=1)


def look(
    clips: Sequence[DatasetClip], recognizer: Any, gate: Gate, finder: OneLook, *, releases: Path, kept: Path,
    key: str, listener: Listener,
) -> Looked:  # fmt: skip
    """Every picture through the gate, and the recognizer over those let in.

    `kept` is a Parquet file of rows that were made before; they are used again while its `key` is the same. Raises
    Refused when the recognizer is stopped by anything but the number of faces.
    """
    consents = ConsentFiles((releases,))
    rows = _kept(kept, key)
    card: RecognizerCard = recognizer.card
    for done, item in enumerate(clips):
        listener(f"looking with {card.name}", done, len(clips))
        if item.name not in rows:
            finder.begin()
            rows[item.name] = _row(item, recognizer, gate, finder, consents)
            if len(rows) % KEPT_EVERY == 0:
                _keep(kept, rows, key)
    listener(f"looking with {card.name}", len(clips), len(clips))
    _keep(kept, rows, key)
    return _gathered([rows[item.name] for item in clips], classes=len(card.labels))


def _row(item: DatasetClip, recognizer: Any, gate: Gate, finder: OneLook, consents: ConsentFiles) -> dict[str, Any]:
    clip = probe(item.path, name=item.name)
    case = Case(
        purpose=PURPOSE, modalities=frozenset({"face"}), outputs=frozenset(OUTPUTS),
        release=consents.release_of(clip.sha256), model_digest=recognizer.card.digest,
    )  # fmt: skip
    row: dict[str, Any] = {"id": item.name, "refused": "", "faces": 0, "reason": "", "decision": ""}
    empty: dict[str, list[float] | None] = {"probability": None, "units": None, "quality": None}
    admitted = gate.admit(clip, case)
    if isinstance(admitted, Decision):
        return row | empty | {"refused": admitted.rules[0].message, "decision": admitted.decision_id}
    row["decision"] = admitted.permit.decision_id
    try:
        said = gate.emit(admitted, list(recognizer.recognize(admitted)))
    except Refused as stopped:
        row["faces"] = len(finder.found[0]) if finder.found else 0
        return row | empty | {"reason": COVERED if row["faces"] > 1 else stopped.message}
    row["faces"] = len(finder.found[0]) if finder.found else 0
    answers = [one for one in said if one.probability is not None]
    if not answers:
        return row | empty | {"reason": (UNSEEN, UNSURE, COVERED)[min(row["faces"], 2)]}
    return row | _numbers(answers, quality=_quality(admitted))


def _numbers(answers: Sequence[Prediction], *, quality: list[float] | None) -> dict[str, list[float] | None]:
    """One still has one window; should there be more, they are averaged."""
    probability = np.mean([np.asarray(one.probability, np.float64) for one in answers], axis=0)
    units = np.mean([[one.units.get(unit, np.nan) for unit in UNITS] for one in answers], axis=0)
    return {"probability": probability.tolist(), "units": units.tolist(), "quality": quality}


def _quality(admitted: AdmittedClip) -> list[float] | None:
    """The parts of the quality of the face in the guarded picture; None when none may be read."""
    for frame in decode.frames(admitted):
        for face in frame.faces:
            crop = align.align(frame.image, face.points)
            return [float(part) for part in astuple(align.quality(crop, face.points, face.box))]
    return None


def _gathered(rows: Sequence[dict[str, Any]], *, classes: int) -> Looked:
    admitted = [row for row in rows if not row["refused"]]
    refused: dict[str, int] = {}
    for row in rows:
        if row["refused"]:
            refused[row["refused"]] = refused.get(row["refused"], 0) + 1
    return Looked(
        tuple(row["id"] for row in admitted), np.array([row["faces"] for row in admitted], dtype=np.int64),
        np.array([row["reason"] for row in admitted], dtype=object), _matrix(admitted, "probability", classes),
        _matrix(admitted, "units", len(UNITS)), _matrix(admitted, "quality", len(PARTS)), MappingProxyType(refused),
    )  # fmt: skip


def _matrix(rows: Sequence[dict[str, Any]], name: str, width: int) -> NDArray[np.float64]:
    found = np.full((len(rows), width), np.nan)
    for k, row in enumerate(rows):
        if row[name] is not None:
            found[k] = row[name]
    return found


def _kept(path: Path, key: str) -> dict[str, dict[str, Any]]:
    if not path.is_file():
        return {}
    table = parquet.read_table(path)
    if (table.schema.metadata or {}).get(b"key") != key.encode():
        return {}
    return {row["id"]: row for row in table.to_pylist()}


def _keep(path: Path, rows: Mapping[str, dict[str, Any]], key: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    vector = pa.list_(pa.float64())
    schema = pa.schema(
        [("id", pa.string()), ("refused", pa.string()), ("faces", pa.int64()), ("reason", pa.string()),
         ("decision", pa.string()), ("probability", vector), ("units", vector), ("quality", vector)],
        metadata={"key": key},
    )  # fmt: skip
    half_written = path.with_name(path.name + ".part")
    parquet.write_table(pa.Table.from_pylist(list(rows.values()), schema=schema), half_written)
    half_written.replace(path)


def reasons(looked: Looked) -> Iterator[tuple[str, int]]:
    """Why there was no answer, most frequent first."""
    told, counts = np.unique(looked.reason[~looked.answered].astype(str), return_counts=True)
    yield from sorted(zip(told.tolist(), counts.tolist(), strict=True), key=lambda one: -one[1])
