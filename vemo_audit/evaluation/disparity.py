"""Gaps between two groups of subjects, each with its interval and the smallest gap that it could have shown."""

import math
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from vemo_audit.errors import BadInput
from vemo_audit.evaluation.levels import (
    ENOUGH_FOR_BIASED,
    NO_VARIANCE,
    interval_of,
    missing_support,
    no_width,
    too_few_clusters,
)
from vemo_audit.evaluation.metrics.interface import Floats, SumMetric
from vemo_audit.evaluation.power import POWER, intraclass_correlation, minimum_detectable
from vemo_audit.evaluation.resample import (
    Draws,
    Evidence,
    cluster_t,
    jackknife_variance,
    kish,
    percentile,
    satterthwaite,
    student,
)
from vemo_audit.evaluation.sketch import Sketch
from vemo_audit.evaluation.slices import FEWEST_SUBJECTS, UNKNOWN_NAME, Protection, Slice, protect, values
from vemo_audit.records.measurement import Gap, Interval, State

MOST_VALUES = 12
"""Pairs of a trait with more values than this are not compared one by one."""


@dataclass(frozen=True, slots=True)
class _Spread:
    variance: float
    degrees_of_freedom: float


def gap(
    sketch: Sketch, trait: str, a: str, b: str, metric: SumMetric, *, draws: Draws | None = None,
    level: float = 0.95, k: int = FEWEST_SUBJECTS,
) -> Gap:  # fmt: skip
    """Metric of `trait=a` minus metric of `trait=b`.

    Raises BadInput for a trait or value that the sketch does not have, or when a is b.
    """
    if a == b:
        raise BadInput(f"the gap of '{a}' to itself", where=f"trait {trait}", expected="two different values")
    sides = tuple(Evidence(sketch, Slice(((trait, value),)), draws=draws) for value in (a, b))
    return _gap(sketch, trait, (sides[0], sides[1]), metric, protection=protect(sketch, (trait,), k=k), level=level)


def gaps(
    sketch: Sketch, trait: str, *metrics: SumMetric, draws: Draws | None = None, level: float = 0.95,
    k: int = FEWEST_SUBJECTS, protection: Protection | None = None,
) -> tuple[Gap, ...]:  # fmt: skip
    """The gaps of all pairs of known values (a before b in the alphabet), for each metric in turn.

    Empty when fewer than two values are known. Raises BadInput for more than 12 values.
    """
    known = [value for value in values(sketch, trait) if value != UNKNOWN_NAME]
    if len(known) > MOST_VALUES:
        raise BadInput(
            f"{len(known)} values of trait '{trait}'", expected=f"at most {MOST_VALUES} to compare in pairs",
            advice="Group the values in the table of traits.",
        )  # fmt: skip
    sides = {value: Evidence(sketch, Slice(((trait, value),)), draws=draws) for value in known}
    protection = protection or protect(sketch, (trait,), k=k)
    return tuple(
        _gap(sketch, trait, (sides[a], sides[b]), metric, protection=protection, level=level)
        for metric in metrics
        for a, b in combinations(known, 2)
    )


def _gap(
    sketch: Sketch, trait: str, sides: tuple[Evidence, Evidence], metric: SumMetric, *, protection: Protection,
    level: float,
) -> Gap:  # fmt: skip
    a, b = (side.slice.conditions[0][1] for side in sides)
    counts = [None if side.slice in protection.uncounted else len(side) for side in sides]
    found = Gap(
        f"{sketch.recognizer}/{sketch.dataset}/{metric.name}/gap/{trait}/{a}-{b}",
        sketch.recognizer, sketch.dataset, metric.name, trait, a, b,
        value=math.nan, interval=None, others=(), minimum_detectable=math.nan, icc=math.nan,
        subjects_a=counts[0], subjects_b=counts[1], state=State.OK,
    )  # fmt: skip
    refused = _refusal(sketch, sides, metric, protection=protection)
    if refused:
        state, because = refused
        if state is State.HIDDEN:
            hidden = [side.slice in protection.hidden for side in sides]
            found = replace(
                found, subjects_a=None if hidden[0] else counts[0], subjects_b=None if hidden[1] else counts[1]
            )
        return replace(found, state=state, because=because)
    found = replace(
        found, value=sides[0].value(metric) - sides[1].value(metric),
        icc=intraclass_correlation(*(side.sums for side in sides)),
    )  # fmt: skip
    if not math.isfinite(found.value):
        return replace(found, state=State.DEGENERATE, because="undefined: no row was answered")
    for side in sides:
        few = too_few_clusters(side, metric)
        if few:
            return replace(found, state=State.INSUFFICIENT_CLUSTERS, because=f"{side.slice.name}: {few}")
    return _with_interval(found, sides, metric, level=level)


def _refusal(
    sketch: Sketch, sides: tuple[Evidence, Evidence], metric: SumMetric, *, protection: Protection
) -> tuple[State, str] | None:
    """The first state that forbids a number."""
    for side in sides:
        if not len(side):
            return State.EMPTY, f"nobody is in {side.slice.name}"
    for side in sides:
        if side.slice in protection.hidden:
            return State.HIDDEN, f"{side.slice.name}: {protection.hidden[side.slice]}"
    whole = Evidence(sketch, Slice())
    for side in sides:
        missing, _ = missing_support(side, metric, whole=whole, labels=sketch.labels)
        if missing:
            return State.CLASS_ABSENT, f"{side.slice.name}: {missing}"
    return None


def _with_interval(found: Gap, sides: tuple[Evidence, Evidence], metric: SumMetric, *, level: float) -> Gap:
    for side in sides:
        if interval_of(side, metric, level=level) is None:
            why = f"{side.slice.name}: {no_width(side, metric, level=level)}"
            return replace(found, state=State.DEGENERATE, because=why)
    printed = np.array([metric.from_sums(side.total) for side in sides])
    curved = not np.array_equal(printed, [metric.smooth(side.total) for side in sides])
    shared = np.intersect1d(sides[0].subject, sides[1].subject).size > 0
    spread = _spread_shared(sides, metric) if shared else _spread_disjoint(sides, metric)
    if curved and not shared:
        interval = recovered(found.value, sides, metric, level=level, degrees_of_freedom=spread.degrees_of_freedom)
        half = (interval.high - interval.low) / 2
        variance = (half / student((1 + level) / 2, spread.degrees_of_freedom)) ** 2
        spread = _Spread(variance, spread.degrees_of_freedom)
    elif not spread.variance > NO_VARIANCE or not spread.degrees_of_freedom > 0:
        return replace(found, state=State.DEGENERATE, because="no variation of the gap between subjects")
    else:
        interval = cluster_t(found.value, spread.variance, spread.degrees_of_freedom, level=level)
    resampled = [side.resampled(metric) for side in sides]
    both = None if resampled[0] is None or resampled[1] is None else resampled[0] - resampled[1]
    beside = percentile(both, level=level)
    if metric.biased_by_size and min(len(side) for side in sides) < ENOUGH_FOR_BIASED:
        why = f"biased upward, and more in the smaller group below {ENOUGH_FOR_BIASED} subjects: compare debiased_ece"
        found = replace(found, state=State.APPROXIMATE, because=why)
    return replace(
        found, interval=interval, others=(beside,) if beside else (),
        minimum_detectable=minimum_detectable(
            spread.variance, spread.degrees_of_freedom, level=level, power=POWER
        ),
    )  # fmt: skip


def _spread_disjoint(sides: tuple[Evidence, Evidence], metric: SumMetric) -> _Spread:
    """V = V_A + V_B with Satterthwaite's degrees of freedom, Kish - 1 on each side."""
    variances = [jackknife_variance(side.left_out(metric)) for side in sides]
    degrees = [kish(metric.rows(side.sums)) - 1 for side in sides]
    pair = (variances[0], variances[1])
    return _Spread(sum(pair), satterthwaite(pair, (degrees[0], degrees[1])))


def _spread_shared(sides: tuple[Evidence, Evidence], metric: SumMetric) -> _Spread:
    """Subjects on both sides: each is left out of both at once, so that the covariance is right."""
    everyone = np.union1d(sides[0].subject, sides[1].subject)
    parts: list[Floats] = []
    for side in sides:
        sums = np.zeros((len(everyone), side.sums.shape[1]))
        sums[np.searchsorted(everyone, side.subject)] = side.sums
        parts.append(metric.from_sums(side.total - sums))
    degrees = min(kish(metric.rows(side.sums)) for side in sides) - 1
    return _Spread(jackknife_variance(parts[0] - parts[1]), degrees)


def recovered(
    value: float, sides: tuple[Evidence, Evidence], metric: SumMetric, *, level: float, degrees_of_freedom: float
) -> Interval:
    """Interval of a difference from the intervals of its two sides, for metrics whose own scale is not the printed one.

    low = d - sqrt((a - l_a)^2 + (u_b - b)^2), high likewise. Source: Zou & Donner 2008, doi:10.1002/sim.3095.
    """
    a, b = (side.value(metric) for side in sides)
    of_a, of_b = (interval_of(side, metric, level=level) for side in sides)
    if of_a is None or of_b is None:
        raise BadInput("a side without an interval", where="recovered", expected="an interval on both sides")
    low = value - math.hypot(a - of_a.low, of_b.high - b)
    high = value + math.hypot(of_a.high - a, b - of_b.low)
    return Interval(low, high, level, "cluster-t, recovered from both sides", degrees_of_freedom)
