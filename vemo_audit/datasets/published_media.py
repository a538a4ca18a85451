"""What published datasets with media share: safe paths, missing files that are counted, and the seam itself."""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType

from vemo_audit.errors import BadInput
from vemo_audit.records.card import DatasetCard
from vemo_audit.records.digest import sha256_hex
from vemo_audit.records.labels import LabelMapping, LabelSet
from vemo_audit.records.subject import SubjectTraits
from vemo_audit.records.truth import DatasetClip, Truth

VERIFY = "The layout follows public code that reads this dataset; no copy of it was seen here."
"""Stands among the limits of every card: we checked the layout, not the files."""
NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Item:
    """One media file with its published label. `subject` is the file itself where nobody knows who is seen."""

    name: str
    path: Path
    label: str
    subject: str
    conditions: Mapping[str, str] = field(default_factory=lambda: NOTHING)


class PublishedMedia:
    """A dataset of media files: clips, labels and traits from the items and people that a subclass has read.

    `label_set` are its own classes and `ekman` maps them to the seven; `missing` names what was listed without a file.
    """

    card: DatasetCard
    label_set: LabelSet
    ekman: LabelMapping
    items: tuple[Item, ...]
    missing: tuple[str, ...] = ()

    def clips(self) -> Iterable[DatasetClip]:
        """The media files of the chosen split, by name."""
        return tuple(DatasetClip(item.name, item.path, item.subject) for item in self.items)

    def labels(self) -> Iterable[Truth]:
        """One row for each file that is there."""
        return tuple(Truth(i.name, i.label, i.subject, conditions=i.conditions) for i in self.items)

    def traits(self) -> Iterable[SubjectTraits]:
        """None, unless the dataset states any."""
        return ()

    def settle(
        self, card: DatasetCard, items: Iterable[Item], *, missing: Sequence[str] = (), other: Sequence[str] = (),
        where: Path,
    ) -> None:  # fmt: skip
        """Sets items and card; what is missing or left out (`other`, in words) is counted on the card.

        Raises BadInput when no file is left, or when one name stands for two files.
        """
        self.items = tuple(sorted(items, key=lambda item: item.name))
        self.missing = tuple(missing)
        if not self.items:
            raise BadInput(
                f"no media file ({len(self.missing)} listed)", where=str(where), expected="the published files"
            )
        names = [item.name for item in self.items]
        twice = next((a for a, b in pairwise(names) if a == b), None)
        if twice:
            raise BadInput(f"'{twice}' twice", where=str(where), expected="each clip once")
        told = [VERIFY, *other]
        if self.missing:
            told.append(f"{len(self.missing)} listed clips have no file and are left out, '{self.missing[0]}' first.")
        rows = "\n".join(f"{item.name}\t{item.label}\t{item.subject}" for item in self.items)
        self.card = replace(card, limits=(*card.limits, *told), digest=sha256_hex(rows.encode()))


def folder(path: Path, *, holds: str) -> Path:
    """The folder. Raises BadInput when it is not there."""
    if not path.is_dir():
        raise BadInput("no such folder", where=str(path), expected=holds)
    return path


def inside(root: Path, path: Path) -> Path:
    """The path, if it lies below the root once links are followed. Raises BadInput for one that leads out."""
    if not path.resolve().is_relative_to(root.resolve()):
        raise BadInput("a path that leads out of the dataset", where=str(path), expected=f"a file below {root}")
    return path


def choice(name: str, value: object, known: Sequence[object]) -> None:
    """Raises BadInput unless the option has one of the known values."""
    if value not in known:
        raise BadInput(f"{name} = {value!r}", expected=f"one of {', '.join(str(one) for one in known)}")


def table(path: Path, columns: Sequence[str]) -> list[tuple[str, ...]]:
    """The named columns of a CSV file with a header. Raises BadInput for a missing file, column or cell."""
    lines = text_lines(path)
    reader = csv.DictReader(lines)
    names = [name.strip() for name in reader.fieldnames or []]
    reader.fieldnames = names
    lacking = [column for column in columns if column not in names]
    if lacking:
        raise BadInput(f"no column '{lacking[0]}'", where=str(path), expected=f"the columns {', '.join(columns)}")
    rows = []
    for row in reader:
        cells = tuple((row[column] or "").strip() for column in columns)
        if not all(cells):
            raise BadInput("an empty cell", where=f"{path}, line {reader.line_num}", expected=", ".join(columns))
        rows.append(cells)
    return rows


def text_lines(path: Path) -> list[str]:
    """The lines of a text file in UTF-8. Raises BadInput when it is not there or not text."""
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise BadInput(f"no readable file: {error.strerror}", where=str(path), expected="a published file") from None
    except UnicodeDecodeError:
        raise BadInput("it is not UTF-8 text", where=str(path), expected="the published table") from None


def matched(pattern: re.Pattern[str], name: str, *, where: str, expected: str) -> re.Match[str]:
    """The match of a whole name. Raises BadInput for any other, so that no listed name can lead out of its folder."""
    found = pattern.fullmatch(name)
    if found is None:
        raise BadInput(f"the name '{name}'", where=where, expected=expected)
    return found


def files_by_stem(root: Path, suffixes: Sequence[str]) -> dict[str, Path]:
    """Media files anywhere below a folder, by stem. Raises BadInput for two of one stem, or a link that leads out."""
    found: dict[str, Path] = {}
    for path in sorted(root.rglob("*")):
        if path.suffix.lower() not in suffixes or not path.is_file():
            continue
        if path.stem in found:
            raise BadInput(f"{found[path.stem]} and {path}", where=str(root), expected="one file for each name")
        found[path.stem] = inside(root, path)
    return found
