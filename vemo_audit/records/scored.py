"""Predictions beside truth and subject, as arrays: all that the statistics ever see."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput
from vemo_audit.records.labels import LabelSet

ABSTAINED = -1
"""`predicted` of a row for which the recognizer gave no answer."""
UNKNOWN = -1
"""Code of a trait value that nobody stated. Unknown is a group of its own."""


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """N scored rows (clips, unless `unit` is 'window') of one recognizer on one dataset. Arrays are read-only."""

    recognizer: str
    dataset: str
    labels: LabelSet
    truth: NDArray[np.int16]  # [N], index into labels
    probability: NDArray[np.float32]  # [N, K]; NaN rows where abstained
    predicted: NDArray[np.int16]  # [N], argmax (ties to the lowest index) or ABSTAINED
    subject: NDArray[np.int32]  # [N], index into subjects
    subjects: tuple[str, ...]
    traits: Mapping[str, NDArray[np.int16]] = field(default_factory=lambda: MappingProxyType({}))  # [N] codes, UNKNOWN
    vocabulary: Mapping[str, tuple[str, ...]] = field(
        default_factory=lambda: MappingProxyType({})
    )  # names of the codes
    weight: NDArray[np.int64] | None = None  # [N] how many equal rows each stands for; None is one each
    unit: str = "clip"

    def __post_init__(self) -> None:
        n, k = len(self.truth), len(self.labels)
        shapes = {
            "probability": (self.probability.shape, (n, k)),
            "predicted": (self.predicted.shape, (n,)),
            "subject": (self.subject.shape, (n,)),
        } | {f"trait {name}": (codes.shape, (n,)) for name, codes in self.traits.items()}
        if self.weight is not None:
            shapes["weight"] = (self.weight.shape, (n,))
        for name, (found, expected) in shapes.items():
            if found != expected:
                raise BadInput(f"{name} of shape {found}", expected=f"shape {expected}")
        if n and (self.truth.min() < 0 or self.truth.max() >= k or self.predicted.max() >= k):
            raise BadInput("a class code outside the label set", expected=f"0 to {k - 1}")
        if n and (self.subject.min() < 0 or self.subject.max() >= len(self.subjects)):
            raise BadInput("a row without a subject", expected="a subject for every row")
        fixed: tuple[NDArray[Any], ...] = (self.truth, self.probability, self.predicted, self.subject)
        for array in (*fixed, *self.traits.values()):
            array.setflags(write=False)

    def __len__(self) -> int:
        return len(self.truth)
