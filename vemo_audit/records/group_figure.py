"""A figure of one group of pictures without labels, and a difference between two groups, each with its interval."""

from dataclasses import dataclass

from vemo_audit.records.card import DatasetCard
from vemo_audit.records.prediction import RecognizerCard

OVERALL = ""
"""The trait of a figure that speaks of everybody."""


@dataclass(frozen=True, slots=True)
class GroupFigure:
    """One number of one group. `n` is how many pictures it rests on; None where fewer than may be told.

    `value`, `low` and `high` are NaN where `because` says why there is no number.
    """

    metric: str  # 'face found', 'mean score: anger', ...
    trait: str  # '' for everybody
    group: str  # 'everybody', or the value of the trait
    n: int | None
    value: float
    low: float
    high: float
    level: float
    method: str  # 'wilson', 'mean-t', 'fisher-z', 'bootstrap'
    unit: str  # 'share' (a part of 1) or 'plain'
    because: str = ""


@dataclass(frozen=True, slots=True)
class GroupGap:
    """Group `a` minus group `b`; the interval holds for all pairs of its family together."""

    metric: str
    trait: str
    a: str
    b: str
    n_a: int
    n_b: int
    value: float
    low: float
    high: float
    level: float
    method: str  # 'newcombe, Bonferroni over 21'
    p_holm: float  # adjusted over the same family
    unit: str


@dataclass(frozen=True, slots=True)
class Topic:
    """Figures that belong together on a page and on a card, with what may and may not be read from them."""

    id: str
    title: str
    words: str
    figures: tuple[GroupFigure, ...]
    gaps: tuple[GroupGap, ...] = ()


@dataclass(frozen=True, slots=True)
class Unlabelled:
    """All that one recognizer showed on pictures that carry no labels: aggregates only, no picture and no id."""

    title: str
    question: str
    recognizer: RecognizerCard
    dataset: DatasetCard
    split: str
    topics: tuple[Topic, ...]
    gate: tuple[tuple[str, str], ...]  # what the gate did, as name and value
    limits: tuple[str, ...]
