"""What is drawn rather than judged: the confusion matrix and the reliability of stated confidence."""

import math

import numpy as np

from vemo_audit.evaluation.metrics.interface import block, ratio
from vemo_audit.evaluation.metrics.interface import confusion as confusion_of
from vemo_audit.evaluation.resample import FEWEST_CLUSTERS, Evidence, student
from vemo_audit.evaluation.sketch import Sketch
from vemo_audit.evaluation.slices import FEWEST_SUBJECTS, OVERALL, Protection, Slice, protect
from vemo_audit.evaluation.tally import BINS
from vemo_audit.records.measurement import Confusion, Reliability, State

EDGES = tuple(i / BINS for i in range(BINS + 1))


def confusion(sketch: Sketch, *, k: int = FEWEST_SUBJECTS) -> Confusion:
    """Counts of the whole sample; none (an empty tuple) when it has fewer than k subjects."""
    matrix: tuple[tuple[int, ...], ...] = ()
    if len(sketch.subjects) >= k:
        whole = confusion_of(Evidence(sketch, OVERALL).total)
        matrix = tuple(tuple(round(x) for x in row) for row in whole.tolist())
    return Confusion(sketch.recognizer, sketch.dataset, sketch.labels.names, matrix)


def reliability(
    sketch: Sketch, one: Slice = OVERALL, *, level: float = 0.95, k: int = FEWEST_SUBJECTS,
    protection: Protection | None = None,
) -> Reliability:  # fmt: skip
    """Mean confidence and hit rate in 15 bins, with pointwise cluster-t bands of the hit rate.

    The band of a bin is NaN with fewer than 3 effective subjects or no spread in it. A slice that is hidden, or whose
    counts are withheld, has no bins.
    """
    evidence = Evidence(sketch, one)
    protection = protection or protect(sketch, one.traits, k=k)
    nothing = (math.nan,) * BINS
    if not len(evidence) or one in protection.hidden or one in protection.uncounted:
        state = State.HIDDEN if len(evidence) else State.EMPTY
        why = protection.hidden.get(one, "counts withheld" if len(evidence) else "nobody is in this slice")
        return Reliability(
            sketch.recognizer, sketch.dataset, one.name, EDGES, (0,) * BINS, nothing, nothing, nothing, nothing,
            state, why,
        )  # fmt: skip
    n, hits, stated = (block(evidence.sums, name) for name in ("rows", "hits", "confidence"))
    accuracy = ratio(hits.sum(axis=0), n.sum(axis=0))
    left_out = ratio(hits.sum(axis=0) - hits, n.sum(axis=0) - n)
    count = len(n)
    variance = (count - 1) / count * ((left_out - left_out.mean(axis=0)) ** 2).sum(axis=0)
    effective = ratio(n.sum(axis=0) ** 2, (n**2).sum(axis=0))
    low, high = np.full(BINS, np.nan), np.full(BINS, np.nan)
    for i in np.flatnonzero((effective >= FEWEST_CLUSTERS) & (variance > 0)):
        half = student((1 + level) / 2, effective[i] - 1) * math.sqrt(variance[i])
        low[i], high[i] = np.clip([accuracy[i] - half, accuracy[i] + half], 0, 1)
    return Reliability(
        sketch.recognizer, sketch.dataset, one.name, EDGES, tuple(round(x) for x in n.sum(axis=0).tolist()),
        tuple(ratio(stated.sum(axis=0), n.sum(axis=0)).tolist()), tuple(accuracy.tolist()),
        tuple(low.tolist()), tuple(high.tolist()), State.OK,
    )  # fmt: skip
