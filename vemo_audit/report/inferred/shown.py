"""What a page tells of one person beside the expression: movements, quality, modalities, affect and declared states."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput
from vemo_audit.records.event import Event

Curves = Mapping[str, NDArray[np.float64]]


def nothing() -> Curves:
    """No curve of anything."""
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ModalityShare:
    """What one modality had to say about one person."""

    name: str
    windows: int  # in which it took part
    present: float  # mean share of those windows in which it was there, 0-1; NaN unknown
    contribution: float  # mean over those windows, in log-odds of the label; NaN unknown
    against: int  # windows in which it spoke against the label


@dataclass(frozen=True, slots=True)
class QualityPart:
    """One part of how well a person could be read; over windows. NaN is not measured."""

    name: str  # 'score' is the whole, 0-1
    mean: float
    low: float
    high: float
    limiting: int = 0  # windows in which this part was what held the whole down


@dataclass(frozen=True, slots=True, eq=False)
class PersonShown:
    """One person. Arrays are `[T]`, one value for each window, at rising times; NaN is "not estimated"."""

    person: str
    time_s: NDArray[np.float64]
    units: Curves = field(default_factory=nothing)  # 'au12' -> estimates, 0-1
    affect: Curves = field(default_factory=nothing)  # 'valence', 'arousal', 'dominance', -1 to 1
    indices: Curves = field(default_factory=nothing)  # declared state -> level, 0-1
    events: tuple[Event, ...] = ()
    quality: tuple[QualityPart, ...] = ()
    modalities: tuple[ModalityShare, ...] = ()
    sentiment: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))  # name -> windows

    def __post_init__(self) -> None:
        for name, values in (*self.units.items(), *self.affect.items(), *self.indices.items()):
            if values.shape != self.time_s.shape:
                raise BadInput(
                    f"{len(values)} values of {name}", where=f"what is shown of {self.person}",
                    expected=f"{len(self.time_s)}, one for each window",
                )  # fmt: skip


@dataclass(frozen=True, slots=True)
class DeclaredState:
    """The definition of a declared index, as it must stand before its level."""

    name: str
    definition: str
    terms: tuple[tuple[str, float], ...]  # and their weights
    rise_s: float
    fall_s: float
    enter: float
    leave: float
    dwell_s: float
    limits: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BriefMovements:
    """The answer to the question for micro-expressions: a refusal with its numbers, or a count without a meaning."""

    rate_hz: float  # different looks a second at which units were followed; NaN unknown
    refusal: str  # '' when the question was allowed
    count: int
    followed_hz: float = float("inf")  # the most looks a second that the recognizer takes


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for, and what of it neither consent nor manifest cover (or the clip does not hold)."""

    outputs: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()  # modalities
