"""Reads a published table whose columns are known beforehand, and shapes its answers as a prediction table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from vemo_audit.errors import BadInput
from vemo_audit.records.digest import sha256_hex
from vemo_audit.records.labels import LabelSet
from vemo_audit.records.prediction import SUM_TOLERANCE
from vemo_audit.tables.schema import PredictionTable


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Columns of one file by name, and the digest of its bytes."""

    source: str
    digest: str
    arrays: Mapping[str, NDArray[Any]]

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.arrays[name]

    def answers(
        self, rows: NDArray[Any], *, labels: LabelSet, dataset: str, probability: NDArray[Any],
        metadata: Mapping[str, str],
        weight: NDArray[np.int64] | None = None,
    ) -> PredictionTable:  # fmt: skip
        """Probabilities `[N, K]` of the chosen rows as a table of whole clips, with no gate decision behind them.

        Raises BadInput for a row that is no distribution.
        """
        clip = self["clip"][rows]
        n = len(clip)
        wrong = ~(np.abs(probability.sum(axis=1, dtype=np.float64) - 1) <= SUM_TOLERANCE) | (probability < 0).any(
            axis=1
        )
        if wrong.any():
            first = int(np.flatnonzero(wrong)[0])
            raise BadInput(
                f"clip '{clip[first]}' with probabilities {np.round(probability[first], 3).tolist()}",
                where=self.source,
                expected="shares of 0 or more that sum to 1 (logits must be converted first)",
            )  # fmt: skip
        empty = np.full(n, "", dtype=object)
        return PredictionTable(
            source=self.source, labels=labels, dataset=np.full(n, dataset, dtype=object), clip=clip,
            person=empty.copy(), start_s=np.full(n, np.nan), end_s=np.full(n, np.nan),
            probability=probability.astype(np.float32), abstained=np.zeros(n, dtype=bool), reason=empty.copy(),
            decision=empty.copy(), weight=weight,
            metadata=MappingProxyType({"source_digest": self.digest, **metadata}),
        )  # fmt: skip


def columns_of(path: Path, names: tuple[str, ...]) -> Columns:
    """The named columns of a Parquet file. Raises BadInput when the file or a column is missing, or a cell is empty."""
    if not path.is_file():
        raise BadInput(
            "no such file", where=str(path), expected="the published table",
            advice="Set `path` under [dataset] in the plan to the folder that holds it.",
        )  # fmt: skip
    table = read_parquet(path, names)
    for name in names:
        if table.column(name).null_count:
            raise BadInput("an empty cell", where=f"{path}, column '{name}'", expected="a value in every row")
    arrays = {name: _plain(table.column(name)) for name in names}
    return Columns(str(path), sha256_hex(path.read_bytes()), MappingProxyType(arrays))


def read_parquet(path: Path, columns: Sequence[str] = ()) -> pa.Table:
    """A Parquet table. Raises BadInput when it is damaged or lacks one of the columns."""
    try:
        table = pyarrow.parquet.ParquetFile(path).read()
    except (pa.ArrowException, OSError) as error:
        raise BadInput(f"it cannot be read: {str(error)[:200]}", where=str(path), expected="a Parquet table") from error
    missing = sorted(set(columns) - set(table.column_names))
    if missing:
        raise BadInput(f"no column {', '.join(missing)}", where=str(path), expected=f"the columns {', '.join(columns)}")
    return table


def _plain(column: pa.ChunkedArray) -> NDArray[Any]:
    if pa.types.is_large_string(column.type) or pa.types.is_string(column.type):
        return np.array(column.to_pylist(), dtype=object)
    return column.to_numpy()
