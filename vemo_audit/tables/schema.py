"""The prediction table as arrays, and the names of its columns in Parquet and CSV."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput
from vemo_audit.records.labels import LabelSet

SCHEMA_VERSION = "1"
KEY = ("dataset", "clip", "person", "start_s", "end_s")
"""Columns that name one row; no two rows may share all of them, unless they are votes with a weight."""
AFFECT = ("valence", "arousal", "dominance")
TEXT = ("dataset", "clip", "person", "modality", "reason", "trace", "decision", "decided_label", "subject", "label")
PROBABILITY_PREFIX = "p_"
CONTRIBUTION_PREFIX = "contribution_"
NAMED = MappingProxyType({
    "contribution": (CONTRIBUTION_PREFIX, ""), "present": ("present_", ""), "quality_parts": ("quality_", ""),
    "units": ("", "_estimate"), "indices": ("index_", ""),
})  # fmt: skip
"""Field of a prediction that holds numbers by name -> what stands before and after the name in a column."""
NAMES = MappingProxyType({
    field: re.compile(r"au[0-9]{1,2}" if field == "units" else r"[^\W\d][\w-]*") for field in NAMED
})  # fmt: skip
"""Field -> the names in columns that are read back. A space in a name stands as _ in its column."""


@dataclass(frozen=True, slots=True, eq=False)
class PredictionTable:
    """N answers of one recognizer, column by column. Arrays are read-only; text columns are object arrays of str."""

    source: str  # where it was read, for messages
    labels: LabelSet
    dataset: NDArray[np.object_]  # [N]
    clip: NDArray[np.object_]  # [N]
    person: NDArray[np.object_]  # [N], '' when the table does not tell people in a clip apart
    start_s: NDArray[np.float64]  # [N], NaN when the row stands for a whole clip
    end_s: NDArray[np.float64]  # [N]
    probability: NDArray[np.float32]  # [N, K]; NaN rows where abstained
    abstained: NDArray[np.bool_]  # [N]
    reason: NDArray[np.object_]  # [N], '' unless abstained
    decision: NDArray[np.object_]  # [N], id of the gate decision; '' when none stands behind the row
    weight: NDArray[np.int64] | None = None  # [N], how many equal answers a row stands for; None is one each
    optional: Mapping[str, NDArray[Any]] = field(default_factory=lambda: MappingProxyType({}))
    """All other columns as they came: known ones (valence, quality, modality, ...) and unknown ones, never used."""
    metadata: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """What the file says of itself: recognizer, version, digests."""

    def __post_init__(self) -> None:
        n, k = len(self.clip), len(self.labels)
        columns = {name: getattr(self, name) for name in (*KEY, "abstained", "reason", "decision")} | dict(
            self.optional
        )
        if self.weight is not None:
            columns["weight"] = self.weight
        for name, column in columns.items():
            if len(column) != n:
                raise BadInput(
                    f"{len(column)} values of '{name}'", where=self.source, expected=f"{n}, one for each row"
                )
            column.setflags(write=False)
        if self.probability.shape != (n, k):
            raise BadInput(f"probabilities {self.probability.shape}", where=self.source, expected=f"shape {(n, k)}")
        self.probability.setflags(write=False)

    def __len__(self) -> int:
        return len(self.clip)
