"""What of a prediction may leave the gate: each field needs the outputs that the person agreed to."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from types import MappingProxyType
from typing import Any

import numpy as np

from vemo_audit.records.consent_terms import Output
from vemo_audit.records.decision import Permit
from vemo_audit.records.digest import sha256_hex
from vemo_audit.records.event import Event
from vemo_audit.records.prediction import MODALITIES, QUALITY_PARTS, Prediction
from vemo_audit.records.reasons import NOT_SHOWN, REASONS, REDUCED, names_label

LABEL, AFFECT = frozenset({Output.EXPRESSION_LABEL}), frozenset({Output.VALENCE_AROUSAL})
MOVEMENT, STATE = frozenset({Output.ACTION_UNITS}), frozenset({Output.SUSTAINED_STATES})
SINGLE = LABEL | AFFECT | MOVEMENT | STATE
"""Outputs that say something of one person; `aggregate_only` alone is none of them."""
MOVEMENTS = frozenset({"nod", "shake", "tilt", "gesture", "lean in", "lean out"})
STATES = frozenset({"frustration build-up", "engagement", "attention drop"})
PERSON = re.compile(r"(voice|([Pp]erson|[A-Za-z])?[ _-]?[0-9]{1,9}|other-[0-9a-f]{16})?")
"""Tracks as recognizers number them, the voice of a clip without a picture, and what stands for all other names."""


def needs(name: str) -> frozenset[Output]:
    """The outputs that a unit, an index or an event of this name needs, all of them.

    'sustained happiness' is a state that names a label, so it needs both. A name that is not known here may say
    anything, so it leaves only where everything may.
    """
    if re.fullmatch(r"au[0-9]{1,2}(\+au[0-9]{1,2})*", name) or name in MOVEMENTS:
        return MOVEMENT
    if name in STATES:
        return STATE
    if name.startswith("sustained "):
        return STATE | LABEL
    return SINGLE


def reduce(prediction: Prediction, permit: Permit) -> Prediction:
    """The prediction cut to the consented outputs, and marked with the decision that let it out.

    It is built anew from what may leave: a field that no line here names stays behind. Where the label may not
    leave, probabilities become None with a reason; numbers that may not leave become NaN, and lists empty. No free
    text of a recognizer leaves, save where everything may (and names of people with the label).
    """
    may = frozenset(output for output in SINGLE if output in permit.outputs)
    kept = {name: cut(getattr(prediction, name), may) for name, cut in {**ABOUT, **CUTS}.items()}
    return Prediction(**kept, decision=permit.decision_id)


def output_digest(predictions: Sequence[Prediction]) -> str:
    """SHA-256 over all fields of what is about to be emitted; kept, salted, in the private part only."""
    return sha256_hex(b"\n".join(repr([_plain(getattr(p, f.name)) for f in fields(p)]).encode() for p in predictions))


def _plain(value: Any) -> Any:
    """A field as something whose `repr` is the same on every machine."""
    if isinstance(value, np.ndarray):
        return np.asarray(value, np.float32).tobytes().hex()
    if isinstance(value, Mapping):
        return sorted((str(key), float(number)) for key, number in value.items())
    if isinstance(value, tuple) and all(isinstance(one, Event) for one in value):
        return [tuple(_plain(getattr(one, f.name)) for f in fields(one)) for one in value]
    return float(value) if isinstance(value, np.floating) else value


Cut = Callable[[Any, frozenset[Output]], Any]


def _whole(needed: frozenset[Output], empty: Any) -> Cut:
    """Leaves as it is where all of `needed` may leave, else `empty`."""
    return lambda value, may: value if may >= needed else empty


def _named(value: Mapping[str, float], may: frozenset[Output]) -> Mapping[str, float]:
    """The entries whose names may leave."""
    return MappingProxyType({name: number for name, number in value.items() if may >= needs(name)})


def _events(value: tuple[Event, ...], may: frozenset[Output]) -> tuple[Event, ...]:
    """The events whose kinds may leave."""
    return tuple(event for event in value if may >= needs(event.kind))


def _only(names: Sequence[str], needed: frozenset[Output] = frozenset()) -> Cut:
    """The entries of these names, where all of `needed` may leave: any other name may say anything."""
    return lambda value, may: MappingProxyType(
        {name: float(number) for name, number in value.items() if name in names and may >= needed}
    )


def _seen(value: Mapping[str, float], may: frozenset[Output]) -> Mapping[str, float]:
    """How much was seen of a person is told beside anything else that is told of them, and not for aggregates."""
    kept: Mapping[str, float] = _only(MODALITIES)(value if may else {}, may)
    return kept


def _modality(value: str, may: frozenset[Output]) -> str:
    """Known words joined by '+', or ''."""
    return value if set(value.split("+")) <= set(MODALITIES) else ""


def _person(value: str, may: frozenset[Output]) -> str:
    """A person's name as it is where the label may leave, since foreign tables name people freely and labels are joined
    by these names. Else only what is plainly a track; for another name stands its digest, so that people stay apart.
    """
    return value if may >= LABEL or PERSON.fullmatch(value) else f"other-{sha256_hex(value.encode())[:16]}"


def _reason(value: str, may: frozenset[Output]) -> str:
    """A reason of ours; a guest's own words may say anything, so they leave only where everything may."""
    if not value:
        return value if may >= LABEL else REDUCED
    ours = value in REASONS or (may >= LABEL and names_label(value))
    return value if ours or may >= SINGLE else NOT_SHOWN


ABOUT: Mapping[str, Cut] = MappingProxyType({
    "clip": lambda value, may: value, "span": lambda value, may: value, "quality": lambda value, may: float(value),
    # With the head's angle: it says how well the face could be read, and one mean per window is no nod or shake.
    "quality_parts": _only(QUALITY_PARTS),
    "person": _person, "modality": _modality, "reason": _reason,
    "trace": lambda value, may: value if re.fullmatch("[0-9a-f]{64}", value) else "",
})  # fmt: skip
"""Fields that say where and how was looked -> how they are kept to saying that, and nothing of what was seen."""

CUTS: Mapping[str, Cut] = MappingProxyType({
    "probability": _whole(LABEL, None), "decided_label": _whole(LABEL, ""),
    "contribution": _only(MODALITIES, LABEL),
    "valence": _whole(AFFECT, math.nan), "arousal": _whole(AFFECT, math.nan), "dominance": _whole(AFFECT, math.nan),
    "present": _seen, "units": _named, "indices": _named, "events": _events,
})  # fmt: skip
"""Field -> how it is cut. With `ABOUT` and `decision` these are all fields of a Prediction; a test holds them to it."""
