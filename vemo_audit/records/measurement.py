"""A number with its interval and its people, or the reason why there is none."""

import math
import re
from dataclasses import dataclass
from enum import StrEnum

_NEXT_TRAIT = re.compile(r" & (?=[^&=]+=)")


def conditions(name: str) -> tuple[tuple[str, str], ...]:
    """'sex=female & age=old' as pairs of trait and value; none for 'overall'. A value may hold ' & ' itself."""
    if "=" not in name:
        return ()
    parts = [part.partition("=") for part in _NEXT_TRAIT.split(name)]
    return tuple((trait, value) for trait, _, value in parts)


class State(StrEnum):
    """Why a number may or may not be printed. Everything but OK and APPROXIMATE means: no interval, or no number."""

    OK = "ok"
    APPROXIMATE = "approximate"
    HIDDEN = "hidden"
    INSUFFICIENT_CLUSTERS = "insufficient-clusters"
    CLASS_ABSENT = "class-absent"
    DEGENERATE = "degenerate"
    NOT_ASKED = "not-asked"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval and the rule that made it."""

    low: float
    high: float
    level: float
    method: str  # 'cluster-t', 'percentile', ...
    degrees_of_freedom: float = math.nan


@dataclass(frozen=True, slots=True)
class Measurement:
    """One metric of one recognizer on one slice. `id` is the name by which the report leads back here."""

    id: str
    recognizer: str
    dataset: str
    metric: str
    slice: str  # 'overall', 'sex=female', 'sex=female & age=old'
    value: float  # NaN when `state` forbids or the metric is undefined
    interval: Interval | None
    others: tuple[Interval, ...]  # the same number by other rules
    rows: int | None  # None when hidden
    subjects: int | None
    state: State
    because: str = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """Metric of slice `a` minus metric of slice `b` (both values of `trait`)."""

    id: str
    recognizer: str
    dataset: str
    metric: str
    trait: str
    a: str
    b: str
    value: float
    interval: Interval | None
    others: tuple[Interval, ...]
    minimum_detectable: float  # at 80 % power, same design; NaN when it cannot be computed
    icc: float
    subjects_a: int | None
    subjects_b: int | None
    state: State
    because: str = ""


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts `[K][K + 1]`: rows are the truth, columns the answer, the last column abstentions. Whole sample only."""

    recognizer: str
    dataset: str
    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Reliability:
    """Top-label confidence against hit rate by bin, for one slice."""

    recognizer: str
    dataset: str
    slice: str
    edges: tuple[float, ...]  # [Q + 1]
    rows: tuple[int, ...]  # [Q]
    confidence: tuple[float, ...]  # [Q], mean; NaN in an empty bin
    accuracy: tuple[float, ...]  # [Q]
    low: tuple[float, ...]  # [Q], pointwise interval by subject; NaN where it cannot be had
    high: tuple[float, ...]
    state: State
    because: str = ""
