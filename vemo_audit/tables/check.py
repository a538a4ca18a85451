"""Says all that is wrong with a prediction, label or trait table, before anything runs."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from vemo_audit.records.labels import LabelSet
from vemo_audit.records.prediction import SUM_TOLERANCE
from vemo_audit.tables.raw import Problem, RawTable, open_table
from vemo_audit.tables.schema import AFFECT, KEY, PROBABILITY_PREFIX

VOTE_PREFIX = "v_"
HEAVIEST = 2**20
"""Equal answers that one row may stand for."""
LONGEST_NAME = 200
JOINERS = "\u200c\u200d"
"""Zero-width joiners, which some scripts need inside a word."""


def check(path: Path, *, labels: LabelSet | None = None) -> list[Problem]:
    """The problems of one file, at most 100 of a kind; none is a good table. Its columns tell what kind of table it is.

    Raises BadInput when the file cannot be read at all.
    """
    raw = open_table(path)
    if any(name.startswith(PROBABILITY_PREFIX) for name in raw.columns):
        check_predictions(raw, labels=labels)
    elif "label" in raw.columns or any(name.startswith(VOTE_PREFIX) for name in raw.columns):
        check_labels(raw, labels=labels)
    elif "subject" in raw.columns and "clip" not in raw.columns:
        check_traits(raw)
    elif {"clip", "subject"} <= set(raw.columns):
        check_subjects(raw)
    else:
        raw.problems.append(
            Problem(
                None, "", f"the columns {', '.join(raw.columns)}",
                "clip and p_<label> (predictions), clip and label (labels), clip and subject, or subject and traits",
            )
        )  # fmt: skip
    return sorted(raw.problems, key=lambda problem: problem.row or 0)


def check_predictions(raw: RawTable, *, labels: LabelSet | None = None) -> LabelSet | None:
    """Notes the problems of a prediction table in `raw.problems`; the label set when the columns give one."""
    raw.require("clip")
    found = tuple(name.removeprefix(PROBABILITY_PREFIX) for name in raw.columns if name.startswith(PROBABILITY_PREFIX))
    if labels is not None:
        raw.require(*(PROBABILITY_PREFIX + name for name in labels.names))
        for name in found:
            if name not in labels.names:
                expected = f"probabilities of {', '.join(labels.names)} only"
                raw.problems.append(Problem(None, PROBABILITY_PREFIX + name, f"the unknown label '{name}'", expected))
    elif len(found) < 2 or not all(found):
        raw.problems.append(Problem(None, "", f"{len(found)} columns p_<label>", "two or more, each with a name"))
    check_printed(raw, "", np.array(found, dtype=object))
    check_weight(raw)
    names = labels or (LabelSet(found) if len(found) >= 2 and all(found) else None)
    if raw.rows == 0 or names is None or any(PROBABILITY_PREFIX + name not in raw.columns for name in names.names):
        return None
    raw.text("clip", empty_allowed=False)
    probability = np.stack([raw.numbers(PROBABILITY_PREFIX + name) for name in names.names], axis=1)
    check_probabilities(raw, probability, names)
    check_times(raw)
    # a weighted row stands for equal votes, so one clip has a row for each answer
    check_unique(raw, (*KEY, *(PROBABILITY_PREFIX + name for name in names.names)) if "weight" in raw.columns else KEY)
    for name in AFFECT:
        values = raw.numbers(name)
        off = np.isfinite(values) & (np.abs(values) > 1)
        raw.blame(off, name, found=lambda k, values=values: f"{values[k]:g}", expected="a value from -1 to 1")
    return names


def check_probabilities(raw: RawTable, probability: NDArray[np.float64], labels: LabelSet) -> None:
    """Every answered row sums to 1 within `SUM_TOLERANCE`; logits are refused, never guessed at."""
    silent = raw.flags("abstained") | (np.isnan(probability).all(axis=1) & (raw.text("reason") != ""))
    partly = np.isnan(probability) & ~silent[:, None]
    for k, name in enumerate(labels.names):
        column = PROBABILITY_PREFIX + name
        raw.blame(
            partly[:, k], column, found=lambda _: "no number", expected="a probability, or abstained with a reason"
        )
        wrong = ~silent & ((probability[:, k] < 0) | (probability[:, k] > 1 + SUM_TOLERANCE))
        raw.blame(
            wrong, column, found=lambda row, k=k: f"{probability[row, k]:g}",
            expected="a probability from 0 to 1 (logits must be converted by a softmax first)",
        )  # fmt: skip
    total = probability.sum(axis=1)
    inside = ((probability >= 0) & (probability <= 1 + SUM_TOLERANCE)).all(axis=1)
    raw.blame(
        ~silent & inside & (np.abs(total - 1) > SUM_TOLERANCE), "p_*",
        found=lambda row: f"probabilities that sum to {total[row]:.6g}",
        expected=f"a sum of 1 within {SUM_TOLERANCE:g}",
    )  # fmt: skip


def check_times(raw: RawTable) -> None:
    """Windows are stated wholly or not at all, start at 0 or later, and end after they start."""
    if "start_s" not in raw.columns and "end_s" not in raw.columns:
        return
    if not raw.require("start_s", "end_s"):
        return
    start, end = raw.numbers("start_s"), raw.numbers("end_s")
    whole = np.isnan(start) & np.isnan(end)
    good = np.isfinite(start) & np.isfinite(end) & (start >= 0) & (end > start)
    raw.blame(
        ~whole & ~good, "start_s",
        found=lambda k: f"a window from {start[k]:g} to {end[k]:g} s", expected="0 <= start_s < end_s, in seconds",
    )  # fmt: skip


def check_labels(raw: RawTable, *, labels: LabelSet | None = None) -> None:
    """A label table: clip and label, no label outside the set, each clip and person once."""
    votes = [name for name in raw.columns if name.startswith(VOTE_PREFIX)]
    if votes:
        raw.problems.append(Problem(None, votes[0], "votes", "one label a row in the column 'label'"))
    if not raw.require("clip", "label"):
        return
    raw.text("clip", empty_allowed=False)
    values = raw.text("label", empty_allowed=False)
    check_printed(raw, "label", values)
    if labels is not None:
        unknown = np.array([value not in labels.names and value != "" for value in values], dtype=bool)
        raw.blame(
            unknown, "label", found=lambda k: f"the unknown label '{values[k]}'",
            expected=f"one of {', '.join(labels.names)}",
        )  # fmt: skip
    check_times(raw)
    check_unique(raw, KEY)


def check_subjects(raw: RawTable) -> None:
    """A table that says which subject is in a clip: each clip and person once."""
    if raw.require("clip", "subject"):
        raw.text("clip", empty_allowed=False)
        raw.text("subject", empty_allowed=False)
        check_unique(raw, ("dataset", "clip", "person"))


def check_traits(raw: RawTable) -> None:
    """A trait table: each subject once, so that nobody has two values of a trait."""
    if not raw.require("subject"):
        return
    subject, dataset = raw.text("subject", empty_allowed=False), raw.text("dataset")
    names = [name for name in raw.columns if name not in ("subject", "dataset")]
    if not names:
        raw.problems.append(Problem(None, "", "no trait", "at least one column beside 'subject'"))
    check_printed(raw, "", np.array(names, dtype=object))
    for name in names:
        if "=" in name or "&" in name:
            raw.problems.append(Problem(None, name, f"a trait called '{name}'", "a name without = and &"))
    traits = {name: raw.text(name) for name in names}
    for name, values in traits.items():
        check_printed(raw, name, values)
        mixed = np.array(["=" in value and " & " in value for value in values], dtype=bool)
        raw.blame(mixed, name, found=lambda k, v=values: f"'{v[k]}'", expected="a value without both ' & ' and =")
    first: dict[tuple[str, str], int] = {}
    for k, key in enumerate(zip(dataset, subject, strict=True)):
        before = first.setdefault(key, k)
        if before == k:
            continue
        differ = [name for name in names if traits[name][k] != traits[name][before]]
        column = differ[0] if differ else "subject"
        found = f"subject '{key[1]}' again, first in row {before + 1}"
        if differ:
            was, now = traits[column][before], traits[column][k]
            found = f"subject '{key[1]}' is '{now}' here and '{was}' in row {before + 1}"
        raw.problems.append(Problem(k + 1, column, found, "one row, and so one value of a trait, for each subject"))


def check_weight(raw: RawTable) -> None:
    """A weight says how many equal answers a row stands for."""
    if "weight" not in raw.columns:
        return
    before = len(raw.problems)
    values = raw.numbers("weight")
    good = np.isfinite(values) & (values >= 1) & (values == np.floor(values)) & (values <= HEAVIEST)
    if len(raw.problems) == before:
        raw.blame(~good, "weight", found=lambda k: f"{values[k]:g}", expected=f"a whole number from 1 to {HEAVIEST:,}")


def check_printed(raw: RawTable, column: str, values: NDArray[np.object_]) -> None:
    """Names that a report prints are short and printable: no control or direction characters, no line breaks.

    Names of columns are given with `column` empty.
    """
    for k, value in enumerate(values):
        if len(value) > LONGEST_NAME:
            found = f"a name of {len(value):,} characters: '{value[:20]}...'"
        elif not all(letter.isprintable() or letter in JOINERS for letter in value):
            found = f"a name with characters that cannot be printed: {value!a}"
        elif value != value.strip():
            found = f"a name with spaces around it: '{value}'"
        else:
            continue
        expected = f"a printable name of at most {LONGEST_NAME} characters, without spaces around it"
        raw.problems.append(Problem(k + 1 if column else None, column or value[:20], found, expected))


def check_unique(raw: RawTable, key: tuple[str, ...]) -> None:
    """No two rows share the whole key; the later one is named, with the row that it repeats."""
    code = np.zeros(raw.rows, dtype=np.int64)
    for name in key:
        if name in raw.columns and not pa.types.is_nested(raw.columns[name].type):
            values = pa.compute.dictionary_encode(raw.columns[name], null_encoding="encode")
            step = values.indices.to_numpy(zero_copy_only=False).astype(np.int64)
            code = np.unique(code * (int(step.max(initial=0)) + 1) + step, return_inverse=True)[1].astype(np.int64)
    first = np.unique(code, return_index=True)[1]
    again = np.ones(raw.rows, dtype=bool)
    again[first] = False
    named = ", ".join(name for name in key if name in raw.columns)
    raw.blame(
        again, "clip", found=lambda k: f"the same {named} as row {int(first[code[k]]) + 1}",
        expected=f"rows that differ in one of {named}",
    )  # fmt: skip
