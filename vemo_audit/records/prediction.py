"""What a recognizer says about one person in one window, and the card it is known by."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput
from vemo_audit.records.event import Event
from vemo_audit.records.labels import LabelSet
from vemo_audit.records.span import Span

SUM_TOLERANCE = 1e-4
"""How far the probabilities of one row may sum from 1."""
MODALITIES = ("body", "face", "voice", "words")
"""What an answer may rest on; `Prediction.modality` joins some of them by '+'."""
QUALITY_PARTS = (
    "sharpness", "inter_eye_px", "exposure", "clipped_share", "yaw_deg", "pitch_ratio", "solid_share", "confidence",
    "score",
)  # fmt: skip
"""The parts of the quality of a face, as `recognition.perception.align.Quality` defines them."""


@dataclass(frozen=True, slots=True)
class RecognizerCard:
    """Who answers: name, version, labels and limits of a recognizer."""

    name: str
    version: str
    labels: LabelSet
    modalities: tuple[str, ...]
    window: str  # in words: what one prediction covers
    training_data: str
    licence: str
    digest: str  # of its weights and settings; "" when unknown
    limits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """A model's estimate of a *displayed* expression, never of what a person feels.

    `probability [K]` is None exactly when `reason` says why there is no answer. NaN is "not estimated".
    `decided_label` may differ from the most probable class: a label holds until the evidence of several windows is
    against it, while probabilities say what each window shows.
    """

    clip: str
    person: str
    span: Span
    probability: NDArray[np.float32] | None
    valence: float = math.nan  # in [-1, 1]
    arousal: float = math.nan
    dominance: float = math.nan
    quality: float = math.nan  # in [0, 1]
    quality_parts: Mapping[str, float] = field(
        default_factory=lambda: MappingProxyType({})
    )  # 'exposure', 'yaw_deg', ..
    modality: str = ""  # 'face', 'voice', 'face+voice', ...
    contribution: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))  # log-odds, unsmoothed
    present: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))  # share of the window seen
    units: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))  # 'au12' -> mean estimate, 0-1
    indices: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))  # declared state -> level, 0-1
    events: tuple[Event, ...] = ()  # that began in this window and in no earlier one
    reason: str = ""
    trace: str = ""  # digest of the provenance record
    decision: str = ""  # id of the gate decision that admitted the clip
    decided_label: str = ""  # over time; '' where nothing is decided: the most probable class is the answer then

    def __post_init__(self) -> None:
        if (self.probability is None) == (not self.reason):
            raise BadInput(
                f"probability {self.probability} with reason '{self.reason}'", where=f"{self.clip}/{self.person}",
                expected="either probabilities or the reason why there are none",
            )  # fmt: skip
        if self.probability is not None:
            total = float(np.sum(self.probability, dtype=np.float64))
            if (
                not np.all(np.isfinite(self.probability))
                or np.any(self.probability < 0)
                or abs(total - 1) > SUM_TOLERANCE
            ):
                raise BadInput(
                    f"probabilities that sum to {total:.6g}", where=f"{self.clip}/{self.person}",
                    expected="shares of 0 or more that sum to 1",
                )  # fmt: skip
