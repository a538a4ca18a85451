"""Made-up scored rows: by hand, or of simulated people whose clips agree with each other."""

from types import MappingProxyType

import numpy as np

from vemo_audit.records.labels import LabelSet
from vemo_audit.records.scored import ABSTAINED, UNKNOWN, Scored

SHARES = (0.3, 0.2, 0.15, 0.12, 0.1, 0.08, 0.05)


def scored(truth, probability, subject, *, traits=None, weight=None, abstained=(), recognizer="model", names=None):
    """Scored rows from lists. `traits` are values (None: unknown) by row; subjects are texts."""
    probability = np.array(probability, np.float32).reshape(len(truth), -1)
    predicted = probability.argmax(axis=1).astype(np.int16)
    for row in abstained:
        predicted[row] = ABSTAINED
        probability[row] = np.nan
    known = tuple(sorted(set(subject)))
    codes, vocabulary = {}, {}
    for name, values in (traits or {}).items():
        vocabulary[name] = tuple(sorted({value for value in values if value is not None}))
        rank = {value: i for i, value in enumerate(vocabulary[name])}
        codes[name] = np.array([UNKNOWN if value is None else rank[value] for value in values], np.int16)
    labels = LabelSet(tuple(names or (f"c{i}" for i in range(probability.shape[1]))))
    return Scored(
        recognizer, "made up", labels, np.array(truth, np.int16), probability, predicted,
        np.array([known.index(name) for name in subject], np.int32), known, MappingProxyType(codes),
        MappingProxyType(vocabulary), None if weight is None else np.array(weight, np.int64),
    )  # fmt: skip


def one_hot(answers, classes):
    """Probabilities that leave no doubt."""
    return np.eye(classes)[np.array(answers)]


def taken(whole, rows):
    """Some rows of a table, with its subjects and vocabulary."""
    rows = np.asarray(rows)
    return Scored(
        whole.recognizer, whole.dataset, whole.labels, whole.truth[rows], whole.probability[rows],
        whole.predicted[rows], whole.subject[rows], whole.subjects,
        MappingProxyType({name: codes[rows] for name, codes in whole.traits.items()}), whole.vocabulary,
        None if whole.weight is None else whole.weight[rows], whole.unit,
    )  # fmt: skip


def people(rng, *, sizes, spread=0.8, count_spread=0.8, clips=30, hit=0.63, surer=0.0, values=("a", "b", "c", "d")):
    """Groups of `sizes` subjects without a true gap: a hit's log-odds vary by subject with sd `spread`, clip counts are
    log-normal with sd `count_spread`. A wrong answer is any other class.
    Stated confidence is the chance of a hit plus `surer`."""
    group = np.repeat(np.arange(len(sizes)), sizes)
    subjects = len(group)
    counts = np.maximum(2, np.rint(clips * rng.lognormal(-(count_spread**2) / 2, count_spread, subjects))).astype(int)
    subject = np.repeat(np.arange(subjects), counts)
    chance = 1 / (1 + np.exp(-(np.log(hit / (1 - hit)) + spread * rng.normal(size=subjects))))[subject]
    rows, classes = len(subject), len(SHARES)
    truth = rng.choice(classes, rows, p=SHARES)
    own = np.clip(chance + 0.1 * rng.normal(size=rows), 0.3, 0.97 - surer)
    right, stated = rng.random(rows) < own, own + surer
    answer = np.where(right, truth, (truth + rng.integers(1, classes, rows)) % classes)
    probability = np.repeat(((1 - stated) / (classes - 1))[:, None], classes, axis=1)
    probability[np.arange(rows), answer] = stated
    return Scored(
        "model", "made up", LabelSet(tuple(f"c{i}" for i in range(classes))), truth.astype(np.int16),
        probability.astype(np.float32), probability.argmax(axis=1).astype(np.int16), subject.astype(np.int32),
        tuple(f"s{i:04d}" for i in range(subjects)), MappingProxyType({"group": group[subject].astype(np.int16)}),
        MappingProxyType({"group": values[: len(sizes)]}),
    )  # fmt: skip
