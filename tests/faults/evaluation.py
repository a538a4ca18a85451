"""Deliberately wrong statistics; every test that admits one of them is broken."""

from dataclasses import replace

import numpy as np

from vemo_audit.evaluation.metrics.accuracy import truths_of
from vemo_audit.evaluation.metrics.interface import confusion
from vemo_audit.evaluation.slices import Protection, Slice, protect, subject_count, values


def row_bootstrap(scored, rows, *, level=0.95, rng, draws=200):
    """The interval of accuracy that takes the row for the unit; returns draws of the value."""
    hits = (scored.truth == scored.predicted)[rows]
    return np.array([hits[rng.integers(0, len(hits), len(hits))].mean() for _ in range(draws)])


def degrees_of_subjects(rows):
    """S in place of Kish's effective number."""
    return float(np.count_nonzero(rows))


def uar_with_absent_as_zero(sums):
    """Absent classes counted as recall 0."""
    matrix = confusion(sums)
    diagonal = np.diagonal(matrix[..., :-1], axis1=-2, axis2=-1)
    return (diagonal / np.maximum(truths_of(sums), 1)).mean(axis=-1)


def last_of_equals(probability):
    """Ties of the argmax to the highest index."""
    return probability.shape[1] - 1 - np.argmax(probability[:, ::-1], axis=1)


def floats_in_order(parts):
    """A merge of sums of confidence in floating point, in the order in which they come."""
    total = np.zeros(1, np.float32)
    for part in parts:
        total += np.float32(part)
    return total.tobytes()


def without_confusion_only(sketch, subject):
    """Takes back the subject's clips but leaves all its scores."""
    counts = sketch.counts.copy()
    k = len(sketch.labels)
    counts[sketch.subject == sketch.subjects.index(subject), : k * (k + 1)] = 0
    return replace(sketch, counts=counts)


def protect_small_only(sketch, traits, *, k=5):
    """Hides small cells and forgets that totals give them away."""
    (trait,) = traits
    cells = [Slice(((trait, value),)) for value in values(sketch, trait)]
    return Protection({one: "few" for one in cells if subject_count(sketch, one) < k}, frozenset())


def protect_small_of_all(sketch, found, *, k=5):
    """Hides the small cells of every table and lets their totals stand."""
    return Protection({one: f"fewer than {k} people" for one in found if subject_count(sketch, one) < k}, frozenset())


def protect_each_table_alone(sketch, found, *, k=5):
    """Protects every table by itself and forgets that a reader has all of them."""
    made = [protect(sketch, traits, k=k) for traits in sorted({one.traits for one in found})]
    hidden = {one: why for table in made for one, why in table.hidden.items()}
    return Protection(hidden, frozenset(one for table in made for one in table.uncounted))


def plain_mean_of_windows(probability, duration_s):
    """A clip as the mean of its windows, long or short."""
    return probability.mean(axis=0)
