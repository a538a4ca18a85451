"""What is told of each person beside the expression, taken from predictions that have left the gate."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from vemo_audit.recognition.dynamics import states
from vemo_audit.recognition.dynamics.micro import brief_movements
from vemo_audit.recognition.dynamics.sentiment import SENTIMENT, sentiment
from vemo_audit.recognition.perception import align
from vemo_audit.records.decision import Permit
from vemo_audit.records.prediction import Prediction
from vemo_audit.report.inferred.shown import (
    BriefMovements,
    DeclaredState,
    ModalityShare,
    PersonShown,
    QualityPart,
)

WORDS = "words"
"""The modality of a transcript: with it, the fused valence may be called multimodal sentiment."""
RAMPS = MappingProxyType({
    "inter_eye_px": (align.INTER_EYE_PX, float), "sharpness": (align.SHARPNESS, float),
    "exposure": (align.EXPOSURE, lambda value: min(value, 1 - value)), "clipped_share": (align.CLIPPED_SHARE, float),
    "yaw_deg": (align.YAW_DEG, abs), "solid_share": (align.SOLID_SHARE, float),
})  # fmt: skip
"""Part of the quality -> where it makes a face unreadable and where it no longer matters, and how it is taken."""


def people(predictions: Iterable[Prediction]) -> dict[str, list[Prediction]]:
    """The predictions of each person, in order; rows of nobody are left out."""
    found: dict[str, list[Prediction]] = {}
    for one in predictions:
        if one.person:
            found.setdefault(one.person, []).append(one)
    return found


def shown(person: str, rows: Sequence[Prediction], *, spoken: bool) -> PersonShown:
    """All that is told of one person; `person` is what a page calls them, `spoken` whether words were read too."""
    time_s = np.array([(row.span.start_s + row.span.end_s) / 2 for row in rows])
    valence = np.array([row.valence for row in rows])
    names = sentiment(valence) if spoken else np.zeros(0, object)
    return PersonShown(
        person, time_s, units=curves([row.units for row in rows]),
        affect={axis: np.array([getattr(row, axis) for row in rows]) for axis in ("valence", "arousal", "dominance")},
        indices=curves([row.indices for row in rows]), events=tuple(event for row in rows for event in row.events),
        quality=quality(rows), modalities=modalities(rows),
        sentiment={name: int((names == name).sum()) for name in SENTIMENT.names} if (names != "").any() else {},
    )  # fmt: skip


def curves(rows: Sequence[Mapping[str, float]]) -> dict[str, NDArray[np.float64]]:
    """Numbers by name as arrays `[T]`, NaN where a row lacks the name."""
    names = sorted({name for row in rows for name in row})
    return {name: np.array([row.get(name, math.nan) for row in rows], np.float64) for name in names}


def modalities(rows: Sequence[Prediction]) -> tuple[ModalityShare, ...]:
    """What each modality said, in order of name; a modality that never took part is not there."""
    found = []
    for name in sorted({name for row in rows for name in row.modality.split("+") if name}):
        mine = [row for row in rows if name in row.modality.split("+")]
        given = [row.contribution[name] for row in mine if name in row.contribution]
        there = [row.present[name] for row in mine if name in row.present]
        found.append(
            ModalityShare(name, len(mine), mean(there), mean(given), sum(1 for value in given if value < 0))
        )  # fmt: skip
    return tuple(found)


def mean(values: Sequence[float]) -> float:
    """NaN of nothing."""
    return float(np.mean(values)) if len(values) else math.nan


def quality(rows: Sequence[Prediction]) -> tuple[QualityPart, ...]:
    """The whole and each part over the windows in which it is known, and how often each part held the whole down."""
    parts = {"score": np.array([row.quality for row in rows])} | curves([row.quality_parts for row in rows])
    held = Counter(limiting(row.quality_parts) for row in rows)
    found = []
    for name, values in parts.items():
        known = values[np.isfinite(values)]
        if len(known):
            part = QualityPart(name, float(known.mean()), float(known.min()), float(known.max()), held[name])
            found.append(part)
    return tuple(found)


def limiting(parts: Mapping[str, float]) -> str:
    """The part that was weakest in a window, by its mean there; '' where all are as good as they need to be."""
    ramps = {
        name: align.ramp(take(parts[name]), *ends)
        for name, (ends, take) in RAMPS.items()
        if math.isfinite(parts.get(name, math.nan))
    }
    weakest = min(ramps, key=lambda name: ramps[name], default="")
    return weakest if weakest and ramps[weakest] < 1 else ""


def declared(permit: Permit) -> tuple[DeclaredState, ...]:
    """The states that a permit opens, with their definitions; none unless it names the output."""
    if states.OUTPUT not in permit.outputs:
        return ()
    return tuple(
        DeclaredState(
            one.name, one.definition, tuple(one.weights.items()), one.rise_s, one.fall_s, one.enter, one.leave,
            one.dwell_s, one.limits,
        )
        for one in states.permitted(permit)
    )  # fmt: skip


def brief(
    predictions: Iterable[Prediction], permit: Permit, *, new_s: NDArray[np.float64], followed_hz: float
) -> BriefMovements | None:
    """The answer to the question for micro-expressions; None when units may not leave or nobody followed any.

    `new_s` are the times of frames that show something new (`micro.shows_new`); a recognizer that follows units at
    `followed_hz` at most saw only the first of them in each of its slots.
    """
    rows = list(predictions)
    units = [event for row in rows for event in row.events if event.kind[:2] == "au" and "+" not in event.kind]
    if "action_units" not in permit.outputs or not (units or any(row.units for row in rows)):
        return None
    time_s = np.asarray(new_s, np.float64)
    if math.isfinite(followed_hz) and len(time_s):
        slot = np.floor((time_s + 1e-6) * followed_hz)
        time_s = time_s[np.diff(slot, prepend=-1) > 0]
    answer = brief_movements(units, time_s)
    return BriefMovements(answer.rate_hz, answer.refusal, len(answer.brief), followed_hz)
