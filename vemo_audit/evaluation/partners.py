"""Finds the label and the subject of a prediction by clip and person, and the traits of a subject."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput
from vemo_audit.evaluation.columns import Columns, checked_length, optional_texts, texts
from vemo_audit.evaluation.slices import UNKNOWN_NAME
from vemo_audit.records.labels import LabelSet
from vemo_audit.records.scored import UNKNOWN

AMBIGUOUS = "several persons in a clip whose label names none"

Key = tuple[str, str]


@dataclass(slots=True, eq=False)
class Index:
    """A column of one table by (clip, person), found also where one side does not name the person."""

    values: dict[Key, str]
    keys: dict[str, list[Key]]  # by clip
    persons: dict[str, set[str]]  # predicted, by clip
    used: set[Key]

    @staticmethod
    def of(table: Columns, column: str, *, where: str, rows: list[Key]) -> "Index":
        """Raises BadInput for a key that comes twice."""
        count = checked_length(table, ("clip", column), where=where)
        clips, persons = texts(table, "clip", where=where), optional_texts(table, "person", count)
        values: dict[Key, str] = {}
        keys: dict[str, list[Key]] = {}
        for row, (key, value) in enumerate(
            zip(zip(clips, persons, strict=True), optional_texts(table, column, count), strict=True)
        ):
            if key in values:
                raise BadInput(
                    f"clip '{key[0]}', person '{key[1]}' a second time ({values[key]}, then {value})",
                    where=f"{where}, row {row}", expected=f"one {column} for each person in a clip",
                )  # fmt: skip
            values[key] = value
            keys.setdefault(key[0], []).append(key)
        predicted: dict[str, set[str]] = {}
        for clip, person in rows:
            predicted.setdefault(clip, set()).add(person)
        return Index(values, keys, predicted, set())

    def find(self, key: Key, *, absent: str) -> tuple[str, str]:
        """The value, or '' and the reason why there is none."""
        partner = key
        if key not in self.values:
            clip, person = key
            candidates = self.keys.get(clip, [])
            if not candidates or (person and (clip, "") not in self.values):
                return "", absent
            if len(candidates) > 1 or len(self.persons[clip]) > 1:
                self.used.update(candidates)
                return "", AMBIGUOUS
            partner = candidates[0]
        self.used.add(partner)
        return self.values[partner], ""

    def unused(self) -> int:
        """Keys with a value that nothing asked for."""
        return sum(1 for key, value in self.values.items() if value and key not in self.used)


def check_labels(truth: Index, label_set: LabelSet) -> None:
    """Raises BadInput, naming the row, for a label outside the set."""
    for row, ((clip, _), label) in enumerate(truth.values.items()):
        if label and label not in label_set.names:
            raise BadInput(
                f"the label '{label}' of clip '{clip}'", where=f"labels, row {row}",
                expected=f"one of {', '.join(label_set.names)}", advice="Add it to the label mapping.",
            )  # fmt: skip


def subject_traits(table: Columns, *, where: str = "traits") -> dict[str, dict[str, str | None]]:
    """The traits of each subject from a table with the column `subject` and one column per trait.

    A subject may have several rows if they agree. Raises BadInput, naming the row, where they do not.
    """
    checked_length(table, ("subject",), where=where)
    found: dict[str, dict[str, str | None]] = {}
    first: dict[str, int] = {}
    subjects = texts(table, "subject", where=where)
    columns = {name: optional_texts(table, name, len(subjects)) for name in table if name not in ("subject", "dataset")}
    for row, subject in enumerate(subjects):
        values = {name: column[row] or None for name, column in columns.items()}
        known = found.setdefault(subject, values)
        for name, value in values.items():
            if known[name] != value:
                raise BadInput(
                    f"subject '{subject}' with {name} '{value}'", where=f"{where}, row {row}",
                    expected=f"'{known[name]}' as in row {first[subject]}: one value per subject",
                )  # fmt: skip
        first.setdefault(subject, row)
    return found


def coded_traits(
    known: tuple[str, ...], subject: NDArray[np.int32], traits: Mapping[str, Mapping[str, str | None]]
) -> tuple[dict[str, NDArray[np.int16]], dict[str, tuple[str, ...]]]:
    """Codes by row and their names, for every trait that any subject of the table states."""
    codes: dict[str, NDArray[np.int16]] = {}
    vocabulary: dict[str, tuple[str, ...]] = {}
    for trait in sorted({name for stated in traits.values() for name in stated}):
        stated = [str(traits.get(name, {}).get(trait) or "") for name in known]
        values = tuple(sorted({value for value in stated if value and value.casefold() != UNKNOWN_NAME}))
        rank = {value: i for i, value in enumerate(values)}
        codes[trait] = np.array([rank.get(value, UNKNOWN) for value in stated], np.int16)[subject]
        vocabulary[trait] = values
    return codes, vocabulary
