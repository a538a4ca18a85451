"""Brings predictions, labels, subjects and traits together, and counts every row that has no partner."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput
from vemo_audit.evaluation.columns import (
    Columns,
    checked_length,
    flags,
    numbers,
    optional_texts,
    probabilities,
    texts,
)
from vemo_audit.evaluation.partners import Index, Key, check_labels, coded_traits, subject_traits
from vemo_audit.records.labels import LabelSet
from vemo_audit.records.scored import ABSTAINED, Scored

__all__ = ["UNITS", "Joined", "join", "subject_traits"]

UNITS = ("clip", "window", "vote")
NO_LABEL = "prediction without a label"
NO_SUBJECT = "prediction without a subject"
NO_PREDICTION = "label without a prediction"
DROPPED = "label dropped by the label mapping"


@dataclass(frozen=True, slots=True, eq=False)
class Joined:
    """Scored rows, and why other rows are not among them."""

    scored: Scored
    unjoined: tuple[tuple[str, int], ...]  # reason, rows; sorted


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """What is scored: one entry per clip (or window, or vote)."""

    keys: list[Key]
    probability: NDArray[np.float32]
    abstained: NDArray[np.bool_]
    weight: NDArray[np.int64] | None
    table_rows: list[int]  # how many rows of the prediction table stand behind each


def join(
    *, predictions: Columns, labels: Columns, subjects: Columns, traits: Mapping[str, Mapping[str, str | None]],
    label_set: LabelSet, recognizer: str, dataset: str, unit: str = "clip",
) -> Joined:  # fmt: skip
    """Rows that have a prediction, a label and a subject.

    `predictions`: clip, p_<label>..., and, if there are any, person, start_s, end_s, abstained, weight.
    `labels`: clip, label (None: dropped on purpose), optional person. `subjects`: clip, subject, optional person.
    A label or subject without a person belongs to the only person predicted in its clip.
    `traits`: for each subject its values; None, '' and 'unknown' are unknown, and so is a subject that is missing.
    `unit`: 'clip' (default) reduces the windows of a person in a clip to one row, the mean probability weighted by
    duration over the windows that were answered; 'window' scores each against the label of its clip; 'vote' takes each
    row as a vote of its own that `weight` raters cast alike.

    Raises BadInput, naming the row, for a column that is missing, a label outside the set, a row that is no
    probability, a duplicate, a key with two labels or subjects, or when nothing joins.
    """
    if unit not in UNITS:
        raise BadInput(f"unit '{unit}'", expected=f"one of {', '.join(UNITS)}")
    rows = _prediction_rows(predictions, label_set, unit=unit)
    truth = Index.of(labels, "label", where="labels", rows=rows.keys)
    whose = Index.of(subjects, "subject", where="subjects", rows=rows.keys)
    check_labels(truth, label_set)
    matched = _match(rows, truth, whose)
    if not matched.kept:
        raise BadInput(
            "no prediction that has a label and a subject",
            where="join",
            expected="the same names of clips and persons in the three tables",
            advice="; ".join(f"{count} x {reason}" for reason, count in matched.unjoined),
        )
    subject, known = _coded(matched.subjects)
    codes_of, vocabulary = coded_traits(known, subject, traits)
    chosen = np.array(matched.kept)
    truths = np.array([label_set.index(label) for label in matched.labels], np.int16)
    probability, weight = rows.probability[chosen], rows.weight
    best = np.argmax(np.nan_to_num(probability, nan=0.0), axis=1)  # the first of equals
    predicted = np.where(rows.abstained[chosen], ABSTAINED, best).astype(np.int16)
    scored = Scored(
        recognizer, dataset, label_set, truths, probability, predicted, subject, known,
        MappingProxyType(codes_of), MappingProxyType(vocabulary), None if weight is None else weight[chosen], unit,
    )  # fmt: skip
    return Joined(scored, matched.unjoined)


@dataclass(frozen=True, slots=True)
class _Matched:
    """Places in `_Rows` that found a label and a subject, with both, and the counts of those that did not."""

    kept: list[int]
    labels: list[str]
    subjects: list[str]
    unjoined: tuple[tuple[str, int], ...]


def _match(rows: _Rows, truth: Index, whose: Index) -> _Matched:
    unjoined: Counter[str] = Counter()
    found = _Matched([], [], [], ())
    for i, key in enumerate(rows.keys):
        label, no_label = truth.find(key, absent=NO_LABEL)
        subject, no_subject = whose.find(key, absent=NO_SUBJECT)
        reason = no_label or no_subject or ("" if label else DROPPED) or ("" if subject else NO_SUBJECT)
        if reason:
            unjoined[reason] += rows.table_rows[i]
            continue
        found.kept.append(i)
        found.labels.append(label)
        found.subjects.append(subject)
    unjoined[NO_PREDICTION] += truth.unused()
    told = tuple(sorted((reason, count) for reason, count in unjoined.items() if count))
    return replace(found, unjoined=told)


def _coded(names: list[str]) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """Codes of names, and the names in alphabetical order."""
    known = tuple(sorted(set(names)))
    rank = {name: i for i, name in enumerate(known)}
    return np.array([rank[name] for name in names], np.int32), known


def _prediction_rows(table: Columns, labels: LabelSet, *, unit: str) -> _Rows:
    """The rows of the prediction table, checked, and reduced to clips unless `unit` forbids."""
    where = "predictions"
    count = checked_length(table, ("clip", *(f"p_{label}" for label in labels.names)), where=where)
    clips, persons = texts(table, "clip", where=where), optional_texts(table, "person", count)
    start_s, end_s = numbers(table, "start_s", count), numbers(table, "end_s", count)
    abstained = flags(table, "abstained", count)
    probability = probabilities(table, labels, rows=count, abstained=abstained)
    keys = list(zip(clips, persons, strict=True))
    if unit == "vote":
        answers = [labels.names[k] for k in np.argmax(np.nan_to_num(probability), axis=1)]
        _refuse_twice([(*key, answer) for key, answer in zip(keys, answers, strict=True)], what="vote")
        return _Rows(keys, probability, abstained, _weights(table, count), [1] * count)
    if "weight" in table:
        raise BadInput("a column 'weight'", where=where, expected="it only where the unit is 'vote'")
    _refuse_twice([(*key, f"{a}-{b} s") for key, a, b in zip(keys, start_s, end_s, strict=True)], what="window")
    duration_s = end_s - start_s
    if (duration_s < 0).any():
        row = int(np.flatnonzero(duration_s < 0)[0])
        raise BadInput(f"a window from {start_s[row]} to {end_s[row]} s", where=f"{where}, row {row}",
                       expected="an end after the start")  # fmt: skip
    if unit == "window":
        return _Rows(keys, probability, abstained, None, [1] * count)
    return _clips(keys, probability, abstained, duration_s)


def _clips(
    keys: list[Key], probability: NDArray[np.float32], abstained: NDArray[np.bool_], duration_s: NDArray[np.float64]
) -> _Rows:
    """Windows to clips: the mean over answered windows, weighted by duration (alike where a duration is missing)."""
    distinct = list(dict.fromkeys(keys))
    rank = {key: i for i, key in enumerate(distinct)}
    of = np.array([rank[key] for key in keys])
    size = np.where(abstained, 0.0, duration_s)
    unsized = np.bincount(of, weights=~abstained & ~(duration_s > 0), minlength=len(distinct)) > 0
    size = np.where(unsized[of], (~abstained).astype(np.float64), size)
    total = np.bincount(of, weights=size, minlength=len(distinct))
    share = np.divide(size, total[of], out=np.zeros(len(of)), where=total[of] > 0)
    mean = np.stack(
        [
            np.bincount(of, weights=share * np.where(abstained, 0.0, column), minlength=len(distinct))
            for column in probability.T
        ],
        axis=1,
    )
    silent = total == 0
    mean[silent] = np.nan
    windows = np.bincount(of, minlength=len(distinct)).tolist()
    return _Rows(distinct, mean.astype(np.float32), silent, None, windows)


def _refuse_twice(keys: list[tuple[str, str, str]], *, what: str) -> None:
    if len(set(keys)) == len(keys):
        return
    first: dict[tuple[str, str, str], int] = {}
    for row, key in enumerate(keys):
        if key in first:
            raise BadInput(
                f"clip '{key[0]}', person '{key[1]}', {what} '{key[2]}' as in row {first[key]}",
                where=f"predictions, row {row}", expected=f"every {what} once",
            )  # fmt: skip
        first[key] = row


def _weights(table: Columns, count: int) -> NDArray[np.int64] | None:
    if "weight" not in table:
        return None
    weight = numbers(table, "weight", count)
    bad = ~((weight >= 1) & (weight == np.floor(weight)))
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise BadInput(f"a weight of {weight[row]}", where=f"predictions, row {row}", expected="a whole number from 1")
    return weight.astype(np.int64)
