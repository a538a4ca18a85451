"""How a person was read: which modality said what, what limited it, and affect as a declared projection."""

import math
from collections.abc import Sequence

import numpy as np

from vemo_audit.report import numbers
from vemo_audit.report.blocks import Block, Cell, Column, Number, Prose, Section, Table, Text
from vemo_audit.report.inferred.movement import cut
from vemo_audit.report.inferred.shown import ModalityShare, PersonShown, QualityPart, Wanted
from vemo_audit.report.tidy import tidy_text

PROJECTION = (
    "Valence, arousal and dominance are a declared projection: the probabilities above, put on three axes from "
    "-1 to 1 by a fixed table. They measure nothing of their own."
).replace("-1", numbers.MINUS + "1")
SIGNS = (
    "Log-odds that a modality gave the label of each window, shared out so that they sum to the whole; below zero, it "
    "spoke against the label."
)
PARTS = {
    "score": "all parts together, 0 to 1", "sharpness": "sharpness, low is blurred",
    "inter_eye_px": "distance of the eyes, pixels", "exposure": "brightness, 0 to 1",
    "clipped_share": "share black or white", "yaw_deg": "turned to the side, degrees",
    "pitch_ratio": "nose between eyes and mouth, level is .54", "solid_share": "share without structure",
    "confidence": "the detector's own certainty, 0 to 1",
}  # fmt: skip
"""Part of the quality of a face -> what it is."""
COARSE = ("inter_eye_px", "yaw_deg")
AXES = ("valence", "arousal", "dominance")
MOST_ROWS = 120


def section(people: Sequence[PersonShown], wanted: Wanted, *, sentiment_rule: str) -> Section:
    """Modalities, quality and affect of everybody; each stands where anything is known of it."""
    blocks: list[Block] = []
    if wanted.unread:
        missing = numbers.listed(tuple(tidy_text(one) for one in wanted.unread))
        blocks.append(
            Prose((f"Not looked at: {missing}. The clip does not hold it, or consent or deployment do not cover it.",))
        )
    modalities = [_modality(one.person, share) for one in people for share in one.modalities]
    if modalities:
        blocks.append(_table("What each modality said", _MODALITY, modalities, note=SIGNS))
    quality = [_quality(one.person, part) for one in people for part in one.quality]
    if quality:
        note = "Over the windows of a person. 'Held down': windows in which this part was what limited the reading."
        blocks.append(_table("What limited the reading", _QUALITY, quality, note=note))
    blocks += _affect(people, wanted)
    blocks += _sentiment(people, sentiment_rule)
    lead = "" if blocks else "Nothing is known of how this clip was read."
    return Section("reading", "How it was read", lead, tuple(blocks))


_MODALITY = (
    Column("Person"), Column("Modality"), Column("Windows", numeric=True), Column("There", numeric=True),
    Column("For the label, log-odds", numeric=True), Column("Windows against it", numeric=True),
)  # fmt: skip
_QUALITY = (
    Column("Person"), Column("Part", wide=True), Column("Mean", numeric=True), Column("Lowest", numeric=True),
    Column("Highest", numeric=True), Column("Held down", numeric=True),
)  # fmt: skip
_AFFECT = (
    Column("Person"), Column("Axis"), Column("Mean", numeric=True), Column("Lowest", numeric=True),
    Column("Highest", numeric=True),
)  # fmt: skip


def _table(caption: str, columns: tuple[Column, ...], rows: Sequence[tuple[Cell, ...]], *, note: str) -> Table:
    rest = len(rows) - MOST_ROWS
    more = f" {rest:,} more rows stand in predictions.parquet." if rest > 0 else ""
    return Table(caption, columns, tuple(rows[:MOST_ROWS]), note=note + more)


def _known(value: float, unit: str = "plain") -> Cell:
    return Number(value, unit=unit) if math.isfinite(value) else Text("not known")


def _modality(person: str, one: ModalityShare) -> tuple[Cell, ...]:
    return (
        Text(person), Text(tidy_text(one.name)), Number(one.windows, unit="count"), _known(one.present, "whole"),
        _known(one.contribution, "difference"), Number(one.against, unit="count"),
    )  # fmt: skip


def _quality(person: str, part: QualityPart) -> tuple[Cell, ...]:
    words = PARTS.get(part.name, tidy_text(part.name.replace("_", " ")))
    held = Text("") if part.name == "score" else Number(part.limiting, unit="count")
    unit = "tenth" if part.name in COARSE else "plain"
    values = (_known(value, unit) for value in (part.mean, part.low, part.high))
    return Text(person), Text(words), *values, held


def _affect(people: Sequence[PersonShown], wanted: Wanted) -> list[Block]:
    if "valence_arousal" in wanted.withheld:
        return [Prose((cut("Valence and arousal"),), tone="notice")]
    rows: list[tuple[Cell, ...]] = []
    for one in people:
        for axis in AXES:
            known = one.affect.get(axis, np.zeros(0))
            known = known[np.isfinite(known)]
            if len(known):
                numbers_ = (float(known.mean()), float(known.min()), float(known.max()))
                rows.append((Text(one.person), Text(axis), *(Number(v, unit="difference") for v in numbers_)))
    return [_table("Affect, a declared projection", _AFFECT, rows, note=PROJECTION)] if rows else []


def _sentiment(people: Sequence[PersonShown], rule: str) -> list[Block]:
    told = [one for one in people if one.sentiment]
    names = tuple(dict.fromkeys(name for one in told for name in one.sentiment))
    if not names:
        return []
    columns = (Column("Person"), *(Column(tidy_text(name).capitalize(), numeric=True) for name in names))
    rows: list[tuple[Cell, ...]] = [
        (Text(one.person), *(Number(one.sentiment.get(name, 0), unit="count") for name in names)) for one in told
    ]
    said = tidy_text(rule).replace("-", numbers.MINUS)
    return [_table("Sentiment of face, voice and words together, in windows", columns, rows, note=said)]
