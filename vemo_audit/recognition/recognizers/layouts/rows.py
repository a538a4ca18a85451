"""What every foreign layout is read into, and how a header is recognized: wholly, or not at all."""

import csv
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath, PureWindowsPath
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput

SHOWN = 12
"""Columns that an error names."""
NAME_LENGTH = 40
"""Letters of a column's name that an error shows."""
ID_LENGTH = 200
"""Letters of the name of a clip or person."""
MOST_FRAMES = 1 << 53
"""From here on, whole numbers in a table of floats are no longer told apart."""
MISSING = frozenset({"", "nan", "NaN", "None", "NA", "-nan", "nan(ind)", "-nan(ind)"})
"""Cells that hold no value in the tables of these tools."""


@dataclass(frozen=True, slots=True)
class Header:
    """The columns of one version of a tool: those that must be there, and the form of all others that may be."""

    required: tuple[str, ...]
    others: str  # a regular expression that matches each other column whole

    def problems(self, names: list[str]) -> tuple[list[str], list[str]]:
        """Columns that are missing, and columns that this tool does not write."""
        there, known = set(names), re.compile(self.others)
        missing = [name for name in self.required if name not in there]
        unknown = [name for name in names if name not in self.required and not known.fullmatch(name)]
        return missing, unknown

    def fits(self, names: list[str]) -> bool:
        return not any(self.problems(names)) and len(set(names)) == len(names)


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """N answers about single frames, as the tool gave them. Labels are still the tool's own."""

    source: str
    labels: tuple[str, ...]  # L names, none when the tool names no class
    clip: tuple[str, ...]  # [N], names without a suffix
    person: tuple[str, ...]  # [N], "" when the tool does not tell people apart
    frame: NDArray[np.int64]  # [N], counted from 0
    time_s: NDArray[np.float64]  # [N], NaN where the table does not state it
    probability: NDArray[np.float64]  # [N, L], shares; NaN rows where there is no answer
    reason: tuple[str, ...]  # [N], "" where there is an answer
    units: Mapping[str, NDArray[np.float64]]  # 'au12' -> [N], 0-1
    quality: NDArray[np.float64]  # [N], 0-1
    affect: NDArray[np.float64] | None = None  # [N, 2] valence, arousal
    limits: tuple[str, ...] = ()
    mapping: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))  # usual names of its labels

    def __post_init__(self) -> None:
        """Raises BadInput for a time before 0, or the name of a clip or person that is no short printable text."""
        early = np.flatnonzero(self.time_s < 0)
        if len(early):
            raise BadInput(f"a frame at {self.time_s[early[0]]:g} s", where=f"{self.source}, row {int(early[0]) + 1}",
                           expected="a time of 0 or later")  # fmt: skip
        for what, names in (("clip", self.clip), ("person", self.person)):
            for k, name in enumerate(names):
                if len(name) > ID_LENGTH or not name.isprintable():
                    raise BadInput(
                        f"the {what} {name[:NAME_LENGTH]!r}", where=f"{self.source}, row {k + 1}",
                        expected=f"printable text of at most {ID_LENGTH} letters",
                    )  # fmt: skip

    def crowded(self) -> NDArray[np.bool_]:
        """Rows [N] of frames in which several faces were answered and nothing says who is who: none has a name, or
        one name stands twice, as in a file that was written twice."""
        seen: dict[tuple[str, int, str], list[int]] = {}
        for k, place in enumerate(zip(self.clip, self.frame.tolist(), self.person, strict=True)):
            if not self.reason[k]:
                seen.setdefault(place, []).append(k)
        several = np.zeros(len(self.clip), bool)
        several[[k for rows in seen.values() if len(rows) > 1 for k in rows]] = True
        return several


@dataclass(frozen=True, slots=True)
class Cells:
    """A CSV table as text, blanks around cells and names taken off."""

    path: Path
    names: list[str]
    rows: list[list[str]]

    def text(self, name: str) -> list[str]:
        k = self.names.index(name)
        return [row[k] for row in self.rows]

    def numbers(self, name: str) -> NDArray[np.float64]:
        """A column [N]; NaN where it holds no value. Raises BadInput, naming row and column, for another text."""
        found = np.full(len(self.rows), math.nan)
        for k, cell in enumerate(self.text(name)):
            if cell not in MISSING:
                try:
                    found[k] = float(cell)
                    if math.isinf(found[k]):
                        raise ValueError
                except ValueError:
                    where = f"{self.path}, row {k + 1}, column '{name}'"
                    raise BadInput(f"'{cell[:40]}'", where=where, expected="a finite number") from None
        return found

    def shares(self, name: str, *, full: float = 1.0) -> NDArray[np.float64]:
        """A column [N] of values from 0 to `full` as shares. Raises BadInput for one that is outside."""
        found = self.numbers(name)
        wrong = np.flatnonzero((found < 0) | (found > full))
        if len(wrong):
            where = f"{self.path}, row {int(wrong[0]) + 1}, column '{name}'"
            raise BadInput(f"{found[wrong[0]]:g}", where=where, expected=f"a value from 0 to {full:g}")
        return found / full


def header_of(path: Path) -> list[str]:
    """The first line of a CSV table, blanks taken off. Raises BadInput when it cannot be read."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return [name.strip() for name in next(csv.reader(file), [])]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"it cannot be read: {error}", where=str(path), expected="a CSV table in UTF-8") from error


def cells_of(path: Path) -> Cells:
    """The whole table. Raises BadInput for a row that is longer or shorter than the header, or when there is none."""
    names = header_of(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [[cell.strip() for cell in row] for row in list(csv.reader(file))[1:] if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"it cannot be read: {error}", where=str(path), expected="a CSV table in UTF-8") from error
    for k, row in enumerate(rows):
        if len(row) != len(names):
            raise BadInput(f"{len(row)} cells", where=f"{path}, row {k + 1}", expected=f"{len(names)}")
    if not rows:
        raise BadInput("a table without rows", where=str(path), expected="at least one row")
    return Cells(path, names, rows)


def whole(values: NDArray[np.float64], name: str, *, where: str) -> NDArray[np.int64]:
    """A column of whole numbers of 0 or more. Raises BadInput for any other."""
    wrong = np.flatnonzero(~((values >= 0) & (values < MOST_FRAMES) & (values == np.floor(values))))
    if len(wrong):
        place = f"{where}, row {int(wrong[0]) + 1}, column '{name}'"
        raise BadInput(f"{values[wrong[0]]:g}", where=place, expected="a whole number of 0 or more")
    return values.astype(np.int64)


def stem(name: str) -> str:
    """The name of a clip from a path in a table, whichever system wrote it, without folder and suffix."""
    return PurePath(PureWindowsPath(name).name).stem


def silent_where(gone: NDArray[np.bool_], reason: str) -> tuple[str, ...]:
    """The reason for each marked row [N], '' for the others."""
    return tuple(reason if one else "" for one in gone.tolist())
