"""One number per metric and slice, with its interval by subject, or the reason why there is none."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from vemo_audit.evaluation.metrics.accuracy import rows_of
from vemo_audit.evaluation.metrics.interface import SumMetric
from vemo_audit.evaluation.resample import (
    FEWEST_CLUSTERS,
    Draws,
    Evidence,
    cluster_t,
    jackknife_variance,
    kish,
    percentile,
)
from vemo_audit.evaluation.sketch import Sketch
from vemo_audit.evaluation.slices import FEWEST_SUBJECTS, Protection, Slice, protect
from vemo_audit.evaluation.withheld import coarse_measurement
from vemo_audit.records.labels import LabelSet
from vemo_audit.records.measurement import Interval, Measurement, State

LARGEST_SHARE = 0.5
"""One subject may not hold more than this share of the rows."""
FEWEST_TRUTHS = 5
FEWEST_WITH_TRUTH = 3
"""A class that a metric needs must have this many rows, of this many subjects."""
NO_VARIANCE = 1e-20
"""Variances up to this are rounding, not spread."""
ENOUGH_FOR_BIASED = 100
"""Subjects from which on the level interval of a binned calibration error is not marked approximate."""


def level(
    sketch: Sketch, one: Slice, metric: SumMetric, *, draws: Draws | None = None, level: float = 0.95,
    k: int = FEWEST_SUBJECTS,
) -> Measurement:  # fmt: skip
    """One metric of one slice, with its cluster-t interval by subject; the percentile bootstrap stands beside it."""
    return levels(sketch, (one,), (metric,), draws=draws, level=level, k=k)[0]


def levels(
    sketch: Sketch, slices: Iterable[Slice], metrics: Sequence[SumMetric], *, draws: Draws | None = None,
    level: float = 0.95, k: int = FEWEST_SUBJECTS, protection: Protection | None = None,
    on_progress: Callable[[str], None] | None = None,
) -> tuple[Measurement, ...]:  # fmt: skip
    """Every metric of every slice, slices outermost; the evidence of a slice is gathered once.

    Without a `protection` of all of them together, each table of traits is protected by itself. `on_progress` is told
    the name of each slice when it is done.
    """
    present = Evidence(sketch, Slice())
    found: list[Measurement] = []
    for one in slices:
        evidence = Evidence(sketch, one, draws=draws)
        covered = protection or protect(sketch, one.traits, k=k)
        for metric in metrics:
            blank = _blank(sketch, one, metric)
            if not len(evidence):
                found.append(replace(blank, rows=0, subjects=0, state=State.EMPTY, because="nobody is in this slice"))
                continue
            if one in covered.hidden:
                found.append(replace(blank, state=State.HIDDEN, because=covered.hidden[one]))
                continue
            told = replace(blank, rows=round(float(rows_of(evidence.total))), subjects=len(evidence))
            told = _measured(told, evidence, metric, whole=present, labels=sketch.labels, level=level)
            if one in covered.uncounted:
                told = coarse_measurement(told, rows=round(float(metric.rows(evidence.total))))
            found.append(told)
        if on_progress:
            on_progress(one.name)
    return tuple(found)


def fact_id(sketch: Sketch, metric: SumMetric, one: Slice) -> str:
    """The name by which a report leads back to a measurement."""
    return f"{sketch.recognizer}/{sketch.dataset}/{metric.name}/{one.name}"


def missing_support(evidence: Evidence, metric: SumMetric, *, whole: Evidence, labels: LabelSet) -> tuple[str, str]:
    """What this slice has too little of for this metric, and which classes nobody in the whole sample has.

    Both are sentences, empty when nothing is missing. A class absent from the whole sample is named, not demanded.
    """
    if metric.support is None:
        return "", ""
    by_subject = metric.support(evidence.sums)
    rows, subjects = by_subject.sum(axis=0), (by_subject > 0).sum(axis=0)
    anywhere = metric.support(whole.sums).sum(axis=0) > 0
    lacking = (rows < FEWEST_TRUTHS) | (subjects < FEWEST_WITH_TRUTH)
    rule = f"fewer than {FEWEST_TRUTHS} rows or {FEWEST_WITH_TRUTH} subjects with"
    if metric.supports != "label":
        return (f"{rule} {metric.supports}" if lacking[0] else ""), ""
    names = np.array(labels.names)
    short, absent = names[lacking & anywhere], names[~anywhere]
    if not anywhere.any():
        return "no class has rows", ""
    return (
        f"{rule} {', '.join(short)}" if len(short) else "",
        f"no row of {', '.join(absent)} in this dataset" if len(absent) else "",
    )


def too_few_clusters(evidence: Evidence, metric: SumMetric) -> str:
    """Why these subjects carry no interval; empty when they do."""
    rows = metric.rows(evidence.sums)
    effective = kish(rows)
    if effective < FEWEST_CLUSTERS:
        return f"{effective:.1f} effective subjects, fewer than {FEWEST_CLUSTERS:.0f}"
    if rows.max() > LARGEST_SHARE * rows.sum():
        return f"one subject holds {rows.max() / rows.sum():.0%} of the rows"
    return ""


def no_width(evidence: Evidence, metric: SumMetric, *, level: float) -> str:
    """Why an interval has no width: the subjects agree, or it lies wholly beyond the metric's bound.

    When all subjects agree, an exact one-sided bound is given on the share of those who would not.

    Source: Clopper & Pearson 1934, doi:10.1093/biomet/26.4.404, for 0 of `subjects`: 1 - (1 - level)^(1/subjects).
    """
    subjects = len(evidence)
    if jackknife_variance(evidence.left_out(metric)) > NO_VARIANCE:
        return "the whole interval lies at the bound of what the metric can be: no sign of it beyond noise"
    bound = 1 - (1 - level) ** (1 / subjects)
    return (
        f"no variation between {subjects} subjects; all that can be said with {level:.0%} confidence "
        f"is that fewer than {bound:.1%} of people would differ"
    )


def interval_of(evidence: Evidence, metric: SumMetric, *, level: float) -> Interval | None:
    """Cluster-t interval of a level, inside the metric's bounds; None when it is not finite or has no width."""
    variance = jackknife_variance(evidence.left_out(metric))
    centre = float(metric.smooth(evidence.total))
    df = kish(metric.rows(evidence.sums)) - 1
    if not (math.isfinite(variance) and math.isfinite(centre)) or variance <= NO_VARIANCE or df <= 0:
        return None
    made = cluster_t(centre, variance, df, level=level)
    low, high = (float(x) for x in np.clip(metric.scale(np.array([made.low, made.high])), *metric.bounds))
    return Interval(low, high, level, made.method, df) if low < high else None


def _measured(
    told: Measurement, evidence: Evidence, metric: SumMetric, *, whole: Evidence, labels: LabelSet, level: float
) -> Measurement:
    missing, absent = missing_support(evidence, metric, whole=whole, labels=labels)
    if missing:
        return replace(told, state=State.CLASS_ABSENT, because=missing)
    told = replace(told, value=evidence.value(metric), because=absent)
    if not math.isfinite(told.value):
        return replace(told, state=State.DEGENERATE, because="undefined: no row was answered")
    few = too_few_clusters(evidence, metric)
    if few:
        return replace(told, state=State.INSUFFICIENT_CLUSTERS, because=few)
    interval = interval_of(evidence, metric, level=level)
    if interval is None:
        return replace(told, state=State.DEGENERATE, because=no_width(evidence, metric, level=level))
    beside = percentile(evidence.resampled(metric), level=level)
    told = replace(told, interval=interval, others=(beside,) if beside else ())
    if metric.biased and len(evidence) < ENOUGH_FOR_BIASED:
        why = f"a binned calibration error of fewer than {ENOUGH_FOR_BIASED} subjects is biased upward"
        return replace(told, state=State.APPROXIMATE, because=why)
    return told


def _blank(sketch: Sketch, one: Slice, metric: SumMetric) -> Measurement:
    return Measurement(
        fact_id(sketch, metric, one), sketch.recognizer, sketch.dataset, metric.name, one.name, math.nan, None, (),
        None, None, State.OK,
    )  # fmt: skip
