"""Measurements, gaps, curves and cards like those that the package makes, for the tests of the report."""

import math
import random

from vemo_audit.records.labels import EKMAN
from vemo_audit.records.measurement import Confusion, Gap, Interval, Measurement, Reliability, State
from vemo_audit.records.prediction import RecognizerCard


def cluster_t(value: float, half: float) -> Interval:
    return Interval(value - half, value + half, 0.95, "cluster-t", 22.0)


def measured(recognizer: str, dataset: str, metric: str, name: str, value: float, **more) -> Measurement:
    """A measurement with an interval of cluster-t and percentile, unless `more` says otherwise."""
    half = more.pop("half", 0.04)
    settings = {
        "interval": cluster_t(value, half),
        "others": (Interval(value - half * 0.9, value + half * 0.9, 0.95, "percentile"),),
        "rows": 720,
        "subjects": 12,
        "state": State.OK,
    } | more
    return Measurement(f"{recognizer}/{dataset}/{metric}/{name}", recognizer, dataset, metric, name, value, **settings)


def difference(
    recognizer: str, dataset: str, metric: str, trait: str, a: str, b: str, value: float, half: float, **more
) -> Gap:
    settings = {
        "interval": cluster_t(value, half),
        "others": (),
        "minimum_detectable": half * 1.4,
        "icc": 0.05,
        "subjects_a": 12,
        "subjects_b": 12,
        "state": State.OK,
    } | more
    name = f"{recognizer}/{dataset}/{metric}/{trait}:{a}-{b}"
    return Gap(name, recognizer, dataset, metric, trait, a, b, value, **settings)


def hidden(recognizer: str, dataset: str, metric: str, name: str) -> Measurement:
    return measured(
        recognizer,
        dataset,
        metric,
        name,
        math.nan,
        interval=None,
        others=(),
        rows=None,
        subjects=None,
        state=State.HIDDEN,
    )


def curve(recognizer: str, dataset: str, name: str, *, seed: int, clips: int = 720) -> Reliability:
    rng = random.Random(seed)
    edges = tuple(k / 10 for k in range(11))
    rows = tuple(0 if k < 2 else 3 if k == 2 else round(clips * (k - 1) ** 2 / 204) for k in range(10))
    confidence = tuple((k + 0.5) / 10 if n else math.nan for k, n in enumerate(rows))
    accuracy = tuple(
        min(1.0, max(0.0, c - 0.06 + rng.uniform(-0.05, 0.05))) if n else math.nan
        for c, n in zip(confidence, rows, strict=True)
    )
    low = tuple(max(0.0, a - 0.09) if n >= 5 else math.nan for a, n in zip(accuracy, rows, strict=True))
    high = tuple(min(1.0, a + 0.09) if n >= 5 else math.nan for a, n in zip(accuracy, rows, strict=True))
    return Reliability(recognizer, dataset, name, edges, rows, confidence, accuracy, low, high, State.OK)


def confused(recognizer: str, dataset: str, level: float) -> Confusion:
    k = len(EKMAN)
    counts = tuple(
        (*(round(192 * level) if i == j else round(192 * (1 - level) / (k - 1)) for j in range(k)), 0) for i in range(k)
    )
    return Confusion(recognizer, dataset, EKMAN.names, counts)


def recognizer_card(name: str) -> RecognizerCard:
    return RecognizerCard(
        name,
        "1.0",
        EKMAN,
        ("face", "voice"),
        "one clip",
        "actors of the other folds",
        "MIT",
        "ab" * 32,
        ("Trained on acted speech only",),
    )
