"""A criterion of the plan, and the verdict on it."""

from dataclasses import dataclass
from enum import StrEnum

from vemo_audit.errors import BadInput


class Verdict(StrEnum):
    """Met: the whole interval lies inside the limit. Missed: outside. Undecided: otherwise. Refused: no interval."""

    MET = "met"
    MISSED = "missed"
    UNDECIDED = "undecided"
    REFUSED = "refused"


KINDS = ("gap_within", "at_least", "at_most")


@dataclass(frozen=True, slots=True)
class Criterion:
    """A limit that the plan sets. `over` is 'overall', or the trait whose values are compared or held to the limit."""

    id: str
    metric: str
    kind: str  # one of KINDS
    limit: float
    over: str
    recognizers: tuple[str, ...] = ()  # empty: all of the plan

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise BadInput(f"kind '{self.kind}'", where=f"criterion {self.id}", expected=f"one of {', '.join(KINDS)}")
        if self.kind == "gap_within" and (self.limit < 0 or self.over == "overall"):
            raise BadInput(
                f"limit {self.limit} over '{self.over}'", where=f"criterion {self.id}",
                expected="a limit of 0 or more and the name of a trait",
            )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """The verdict on one criterion for one recognizer on one dataset and one member of its family."""

    criterion: Criterion
    recognizer: str
    dataset: str
    verdict: Verdict
    fact: str  # id of the measurement or gap that decided
    sentence: str  # fixed wording, with the deciding number and interval
    subjects_needed: int | None = None  # per group, to decide at this limit; only for undecided gaps
