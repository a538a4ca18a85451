"""What the gate answers: a decision that names its rules, and the permit that an allowed clip carries."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vemo_audit.errors import BadInput


class Outcome(StrEnum):
    """The three answers of the gate."""

    ALLOW = "allow"
    DENY = "deny"
    MASK = "mask"


@dataclass(frozen=True, slots=True)
class RuleHit:
    """A rule that spoke: its id, the article or base promise behind it, and what it says to a person."""

    rule_id: str
    ref: str
    message: str


@dataclass(frozen=True, slots=True)
class Decision:
    """One recorded answer. A denial without a rule cannot be made."""

    decision_id: str
    at: datetime
    action: str
    outcome: Outcome
    rules: tuple[RuleHit, ...]
    advice: str = ""
    obligations: tuple[str, ...] = ()
    log_index: int | None = None
    log_origin: str = ""
    clip_sha256: str = ""
    subject_ref: str = ""

    def __post_init__(self) -> None:
        if self.outcome is not Outcome.ALLOW and not self.rules:
            raise BadInput("a denial without a rule", expected="at least one rule id with its article")

    @property
    def allowed(self) -> bool:
        return self.outcome is Outcome.ALLOW


@dataclass(frozen=True, slots=True)
class Permit:
    """What an admitted clip may be used for. Times are aware and in UTC."""

    decision_id: str
    log_index: int
    clip_sha256: str
    purpose: str
    modalities: frozenset[str]
    outputs: frozenset[str]
    binding: str  # how consent is tied to a face: seat_zone, single_subject_device, participant_stream, ...
    issued_at: datetime
    expires_at: datetime

    def __post_init__(self) -> None:
        if not self.modalities or not self.outputs:
            raise BadInput("a permit for nothing", expected="at least one modality and one output")
        if self.issued_at.tzinfo is None or self.expires_at.tzinfo is None:
            raise BadInput("a permit with naive times", expected="times with a time zone")
