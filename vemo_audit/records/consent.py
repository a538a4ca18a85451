"""What one person agreed to: one version of the consent record, checked when made."""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from vemo_audit.errors import BadInput, Refused
from vemo_audit.records import strict
from vemo_audit.records.consent_terms import (
    FIRST,
    Actor,
    AgeBand,
    Answer,
    BindingMethod,
    Channel,
    Granularity,
    Kept,
    Modality,
    Output,
    Role,
    State,
)
from vemo_audit.records.strict import check_set

SCHEMA = "vemo.consent/1"
LONGEST = timedelta(days=366)
"""No consent lasts longer; it is asked for again."""
WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/#-]{0,127}")
SHA256 = re.compile(r"[0-9a-f]{64}")
UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Controller:
    """Who answers for the processing."""

    id: str
    name: str
    contact: str


@dataclass(frozen=True, slots=True)
class Guardian:
    """Who agreed for a minor; the evidence itself stays with the controller."""

    ref: str = field(repr=False)
    relation: str
    evidence_hash: str


@dataclass(frozen=True, slots=True)
class ConsentSubject:
    """The person, by pseudonym."""

    subject_ref: str = field(repr=False)
    role: Role
    age_band: AgeBand
    guardian: Guardian | None = None
    assent: bool | None = None  # of a minor, beside the guardian

    @property
    def minor(self) -> bool:
        return self.age_band is not AgeBand.ADULT


@dataclass(frozen=True, slots=True)
class Binding:
    """The tie between the consent and a face. `zone` is x0, y0, x1, y1 in per mille of the picture."""

    method: BindingMethod
    max_faces: int
    zone: tuple[int, int, int, int] | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.max_faces <= 16:
            raise BadInput(f"max_faces {self.max_faces}", where="binding", expected="1 to 16")
        if (self.zone is not None) != (self.method is BindingMethod.SEAT_ZONE):
            raise BadInput(
                f"zone {self.zone} with {self.method}", where="binding",
                expected="a zone exactly for seat_zone",
            )  # fmt: skip
        if self.zone is not None:
            x0, y0, x1, y1 = self.zone
            if not (0 <= x0 < x1 <= 1000 and 0 <= y0 < y1 <= 1000):
                raise BadInput(f"zone {self.zone}", where="binding", expected="x0 < x1 and y0 < y1 within 0 to 1000")


@dataclass(frozen=True, slots=True)
class Storage:
    """What may be kept, and for how many days."""

    kept: Kept
    days: int

    def __post_init__(self) -> None:
        if self.days < 0 or (self.kept is Kept.NONE and self.days):
            raise BadInput(f"{self.kept} for {self.days} days", where="store", expected="0 days when nothing is kept")


@dataclass(frozen=True, slots=True)
class PurposeAnswer:
    """The answer to one purpose; each purpose is answered alone."""

    purpose: str
    decision: Answer
    modalities: tuple[Modality, ...]
    outputs: tuple[Output, ...]
    granularity: Granularity
    store: Storage

    def __post_init__(self) -> None:
        if not WORD.fullmatch(self.purpose):
            raise BadInput(f"purpose {self.purpose!r}", where="purposes", expected="a word without spaces, or an IRI")
        check_set(self.modalities, f"purpose {self.purpose}: modalities")
        check_set(self.outputs, f"purpose {self.purpose}: outputs")
        if self.decision is Answer.GIVEN and not (self.modalities and self.outputs):
            raise BadInput(
                "a purpose agreed to without modality or output", where=f"purpose {self.purpose}",
                expected="at least one of each",
            )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Notice:
    """What the person was shown before answering."""

    notice_id: str
    version: str
    sha256: str
    shown_at: datetime
    locale: str
    accuracy_limits_stated: bool

    def __post_init__(self) -> None:
        if not SHA256.fullmatch(self.sha256):
            raise BadInput(f"sha256 {self.sha256!r}", where="notice", expected="64 lower-case hex digits")


@dataclass(frozen=True, slots=True)
class Event:
    """What happened in this version of the record, by whom and how."""

    state: State
    at: datetime
    by: Actor
    method: Channel
    explicit: bool
    written_release: bool
    alternative_offered: bool
    detriment_if_refused: bool
    steps_to_give: int
    steps_to_withdraw: int
    withdraw_channels: tuple[Channel, ...]

    def __post_init__(self) -> None:
        check_set(self.withdraw_channels, "event: withdraw_channels")

    def keeps_parity(self, given_by: Channel) -> bool:
        """Whether withdrawing takes no more steps than giving did, by a channel that was used for giving."""
        return self.steps_to_withdraw <= self.steps_to_give and given_by in self.withdraw_channels


@dataclass(frozen=True, slots=True)
class Validity:
    """When the consent holds: from `not_before` up to, and not including, `expires_at`."""

    not_before: datetime
    expires_at: datetime

    def __post_init__(self) -> None:
        if not timedelta(0) < self.expires_at - self.not_before <= LONGEST:
            raise BadInput(
                f"from {self.not_before.isoformat()} to {self.expires_at.isoformat()}", where="validity",
                expected="an end after the start, at most 12 months later",
            )  # fmt: skip


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """One version of one person's consent. Every event writes the next version; nothing is edited."""

    schema: str
    record_id: str
    version: int
    prev_hash: str  # SHA-256 of the payload before; "" in the first version
    controller: Controller
    jurisdictions: tuple[str, ...]
    language: str
    created_at: datetime
    subject: ConsentSubject
    binding: Binding
    purposes: tuple[PurposeAnswer, ...]
    notice: Notice
    event: Event
    validity: Validity

    def __post_init__(self) -> None:
        where = f"consent {self.record_id}"
        if self.schema != SCHEMA:
            raise BadInput(f"schema {self.schema!r}", where=where, expected=SCHEMA)
        if not UUID7.fullmatch(self.record_id):
            raise BadInput(f"record_id {self.record_id!r}", where="consent", expected="a UUID of version 7")
        if self.version < 1 or (self.version == 1) != (self.prev_hash == ""):
            raise BadInput(
                f"version {self.version} with prev_hash {self.prev_hash!r}", where=where,
                expected="a hash of the version before from version 2 on",
            )  # fmt: skip
        if self.prev_hash and not SHA256.fullmatch(self.prev_hash):
            raise BadInput(f"prev_hash {self.prev_hash!r}", where=where, expected="64 lower-case hex digits")
        names = tuple(answer.purpose for answer in self.purposes)
        if not names:
            raise BadInput("no purpose", where=where, expected="at least one purpose, each answered alone")
        check_set(names, f"{where}: purposes")
        check_set(self.jurisdictions, f"{where}: jurisdictions")
        self._refuse_unfair()

    def _refuse_unfair(self) -> None:
        event = self.event
        if event.state in FIRST and not event.keeps_parity(event.method):
            raise Refused(
                f"giving takes {event.steps_to_give} steps by {event.method}, withdrawing {event.steps_to_withdraw} "
                f"by {', '.join(event.withdraw_channels) or 'no channel'}",
                rule_id="c.withdraw-parity", ref="GDPR art. 7(3)", where=f"consent {self.record_id}",
                advice="Offer withdrawal by the same channel in no more steps.",
            )  # fmt: skip
        if event.detriment_if_refused:
            raise Refused(
                "refusing has a detriment", rule_id="c.freely-given", ref="GDPR art. 7(4), recital 42",
                where=f"consent {self.record_id}", advice="Offer an alternative without disadvantage.",
            )  # fmt: skip

    def answer(self, purpose: str) -> PurposeAnswer | None:
        """What the person said to this purpose; None when it was never asked."""
        return next((answer for answer in self.purposes if answer.purpose == purpose), None)

    def to_payload(self) -> dict[str, Any]:
        """The record as JSON values, ready for the canonical form."""
        return strict.to_payload(self)

    @classmethod
    def from_payload(cls, payload: Any) -> "ConsentRecord":
        """The record from JSON values. Raises BadInput by name for any unknown field, word or form."""
        return strict.from_payload(cls, payload, where="consent")
