"""Measures the held-out answers of a training run: the figures on its model card."""

import numpy as np

from vemo_audit.evaluation import metrics
from vemo_audit.evaluation.levels import levels
from vemo_audit.evaluation.sketch import Sketch
from vemo_audit.evaluation.slices import slices
from vemo_audit.recognition.training.outcome import HeldOut
from vemo_audit.records.labels import LabelSet
from vemo_audit.records.measurement import Measurement
from vemo_audit.records.scored import Scored

OVERALL = ("accuracy", "uar", "macro_f1", "ece", "brier")


def figures(held_out: HeldOut, *, recognizer: str) -> tuple[Measurement, ...]:
    """The overall figures, the hit rate of every class, and accuracy for each value of each trait, with intervals.

    Clusters are the subjects; where the data knows none, each row is its own and the interval is one over images.
    """
    scored = as_scored(held_out, recognizer=recognizer)
    sketch = Sketch.of(scored)
    whole, *parts = slices(sketch, tuple(held_out.traits), 1)
    named = [metrics.named(name, scored.labels) for name in (*OVERALL, *(f"tpr_{c}" for c in held_out.labels))]
    return (*levels(sketch, [whole], named), *levels(sketch, parts, named[:2]))


def as_scored(held_out: HeldOut, *, recognizer: str) -> Scored:
    """The held-out answers as the statistics want them."""
    subjects, subject = np.unique(np.array(held_out.subjects), return_inverse=True)
    vocabulary, traits = {}, {}
    for name, values in held_out.traits.items():
        known, codes = np.unique(np.array(values), return_inverse=True)
        vocabulary[name] = tuple(str(value) for value in known)
        traits[name] = codes.astype(np.int16)
    return Scored(
        recognizer, held_out.dataset, LabelSet(held_out.labels), held_out.truth, held_out.probability,
        held_out.probability.argmax(axis=1).astype(np.int16), subject.astype(np.int32),
        tuple(str(name) for name in subjects), traits, vocabulary,
    )  # fmt: skip
