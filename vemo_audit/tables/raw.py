"""Opens a Parquet or CSV file as columns, and says what is wrong with a column, row by row."""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from vemo_audit.errors import BadInput

METADATA_PREFIX = "vemo."
GUARDED = re.compile(r"'+[=+\-@\t\r]")
"""A text cell that `write.guard` made safe for spreadsheets; one leading apostrophe is taken off when it is read."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a table. `row` counts data rows from 1; None speaks of the whole table."""

    row: int | None
    column: str
    found: str
    expected: str

    def place(self, source: str) -> str:
        row = f", row {self.row}" if self.row is not None else ""
        return f"{source}{row}" + (f", column '{self.column}'" if self.column else "")

    def error(self, source: str, *, more: int = 0) -> BadInput:
        """The exception that stops the work; `more` problems stand behind this one."""
        advice = f"{more} more of these: `vemo-audit table check {source}` lists them." if more else ""
        return BadInput(self.found, where=self.place(source), expected=self.expected, advice=advice)


@dataclass(slots=True)
class RawTable:
    """Columns as they came: Arrow arrays by name. `problems` grows while columns are taken out."""

    source: str
    rows: int
    columns: Mapping[str, pa.Array]
    metadata: Mapping[str, str]
    guarded: bool  # texts carry the apostrophe of `write.guard`
    problems: list[Problem] = field(default_factory=list)

    def blame(self, rows: NDArray[np.bool_], column: str, *, found: Any, expected: str, cap: int = 100) -> None:
        """Notes a problem for each marked row; `found(k)` words what stands in row index k."""
        self.problems += [Problem(int(k) + 1, column, found(int(k)), expected) for k in np.flatnonzero(rows)[:cap]]

    def require(self, *names: str) -> bool:
        """Notes every column that is not there; True when all are."""
        missing = [name for name in names if name not in self.columns]
        there = ", ".join(self.columns) or "none"
        self.problems += [Problem(None, name, "no such column", f"it among the columns ({there})") for name in missing]
        return not missing

    def text(self, name: str, *, empty_allowed: bool = True) -> NDArray[np.object_]:
        """A text column; a missing column or an empty cell is ''. Whole numbers are taken as names."""
        if name not in self.columns:
            return np.full(self.rows, "", dtype=object)
        column = self.columns[name]
        if pa.types.is_floating(column.type) or pa.types.is_nested(column.type) or pa.types.is_temporal(column.type):
            return self._no_text(name, f"values of type {column.type}")
        try:
            cast = column.cast(pa.large_string())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return self._no_text(name, f"values of type {column.type} that are no text in UTF-8")
        values = cast.fill_null("").to_numpy(zero_copy_only=False).astype(object)
        if self.guarded:
            values = np.array([v[1:] if v[:1] == "'" and GUARDED.match(v) else v for v in values], dtype=object)
        if not empty_allowed:
            self.blame(values == "", name, found=lambda k: "an empty cell", expected="a name")
        return values

    def _no_text(self, name: str, found: str) -> NDArray[np.object_]:
        self.problems.append(Problem(None, name, found, "text"))
        return np.full(self.rows, "", dtype=object)

    def numbers(self, name: str) -> NDArray[np.float64]:
        """A column of numbers; a missing column or an empty cell is NaN. Text that is no number is a problem."""
        if name not in self.columns:
            return np.full(self.rows, np.nan)
        column = self.columns[name]
        if pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_null(column.type):
            return column.cast(pa.float64()).fill_null(np.nan).to_numpy(zero_copy_only=False).copy()
        if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
            self.problems.append(Problem(None, name, f"values of type {column.type}", "numbers"))
            return np.full(self.rows, np.nan)
        try:
            return column.cast(pa.float64()).fill_null(np.nan).to_numpy(zero_copy_only=False).copy()
        except pa.ArrowInvalid:
            return self._numbers_one_by_one(name, column.to_pylist())

    def _numbers_one_by_one(self, name: str, cells: list[str | None]) -> NDArray[np.float64]:
        values, bad = np.full(self.rows, np.nan), np.zeros(self.rows, dtype=bool)
        for k, cell in enumerate(cells):
            try:
                values[k] = np.nan if cell is None else float(cell)
            except ValueError:
                bad[k] = True
        self.blame(bad, name, found=lambda k: f"'{cells[k]}'", expected="a number")
        return values

    def flags(self, name: str) -> NDArray[np.bool_]:
        """A column of true and false; missing is false. CSV may say true, false, 1 or 0."""
        if name not in self.columns:
            return np.zeros(self.rows, dtype=bool)
        cells = ["" if c is None else str(c).strip().lower() for c in self.columns[name].to_pylist()]
        values = np.array([c in ("true", "1") for c in cells], dtype=bool)
        known = np.array([c in ("true", "1", "false", "0", "") for c in cells], dtype=bool)
        self.blame(~known, name, found=lambda k: f"'{cells[k]}'", expected="true or false")
        return values

    def stop_at_problem(self) -> None:
        """Raises BadInput for the first problem, saying how many more there are."""
        if self.problems:
            first = min(self.problems, key=lambda problem: -1 if problem.row is None else problem.row)
            raise first.error(self.source, more=len(self.problems) - 1)


LONGEST_REASON = 200
"""Letters of a reader's own words that an error repeats: some of them quote whole lines."""


def open_table(path: Path) -> RawTable:
    """Reads a `.parquet` or `.csv` file. Raises BadInput when it is absent, broken, empty or of another kind."""
    if not path.is_file():
        raise BadInput("no such file", where=str(path), expected="a .parquet or .csv table")
    try:
        table = _parquet(path) if path.suffix.lower() == ".parquet" else _csv(path)
    except UnicodeDecodeError as error:
        raise BadInput("text that is not in UTF-8", where=str(path), expected="a CSV table saved as UTF-8") from error
    except (pa.ArrowException, OSError, csv.Error) as error:
        raise BadInput(
            f"it cannot be read: {str(error).splitlines()[0][:LONGEST_REASON]}",
            where=str(path),
            expected="a Parquet or CSV table",
        ) from error
    names = table.column_names
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadInput(f"the column '{twice[0]}' twice", where=str(path), expected="each column once")
    raw = {k.decode(): v.decode() for k, v in (table.schema.metadata or {}).items() if v.isascii() or b"vemo" in k}
    metadata = {k.removeprefix(METADATA_PREFIX): v for k, v in raw.items() if k.startswith(METADATA_PREFIX)}
    columns = {name: _flat(table.column(name)) for name in names}
    found = RawTable(str(path), table.num_rows, columns, metadata, guarded=path.suffix.lower() == ".csv")
    if table.num_rows == 0:
        found.problems.append(Problem(None, "", "a table without rows", "at least one row"))
    return found


def _flat(column: pa.ChunkedArray) -> pa.Array:
    array = column.combine_chunks()
    array = array if isinstance(array, pa.Array) else pa.concat_arrays(array.chunks)
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _parquet(path: Path) -> pa.Table:
    return pyarrow.parquet.ParquetFile(path).read()


def _csv(path: Path) -> pa.Table:
    """Every cell as text, so that a wrong cell can be named by its row."""
    if path.suffix.lower() != ".csv":
        raise BadInput(f"a file of kind '{path.suffix}'", where=str(path), expected="a .parquet or .csv table")
    with path.open(encoding="utf-8-sig", newline="") as file:
        header = next(csv.reader(file), [])
    _check_header(header, path)
    types = pyarrow.csv.ConvertOptions(
        column_types=dict.fromkeys(header, pa.string()), null_values=[""], strings_can_be_null=True
    )
    parsing = pyarrow.csv.ParseOptions(newlines_in_values=True)
    try:
        return pyarrow.csv.read_csv(path, convert_options=types, parse_options=parsing)
    except pa.ArrowInvalid:
        _check_width(path)
        raise


def _check_width(path: Path) -> None:
    """Raises BadInput for the first row that has more or fewer cells than the line of column names."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        width = len(next(rows))
        for k, cells in enumerate(rows, 1):
            if cells and len(cells) != width:
                raise BadInput(
                    f"{len(cells)} cells", where=f"{path}, row {k}", expected=f"{width}, one for each column"
                )


def _check_header(header: list[str], path: Path) -> None:
    if not header:
        raise BadInput("an empty file", where=str(path), expected="a line of column names and at least one row")
    others = {";": "semicolons", "\t": "tabs", "|": "bars"}
    for mark, name in others.items():
        if len(header) == 1 and mark in header[0]:
            raise BadInput(f"columns separated by {name}", where=str(path), expected="a CSV table separated by commas")
