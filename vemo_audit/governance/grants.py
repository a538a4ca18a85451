"""Runtime grants: what a consent opens, for one deployment, once, for at most a minute."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from vemo_audit.errors import BadInput, Refused
from vemo_audit.governance import dsse
from vemo_audit.governance.consents import ConsentStore
from vemo_audit.governance.keys import KeyPair, PublicKey
from vemo_audit.records import strict
from vemo_audit.records.consent import UUID7, ConsentRecord
from vemo_audit.records.consent_terms import Answer, Modality, Output
from vemo_audit.records.strict import check_set, uuid7, whole_ms

SCHEMA = "vemo.grant/1"
TYPE = dsse.type_of("grant")
LONGEST = timedelta(seconds=60)
SKEW = timedelta(seconds=2)
"""How far two clocks may differ. Source: governance design, 3.2."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A consent made usable: whose, for which deployment, purposes and outputs, until when."""

    schema: str
    grant_id: str
    record_id: str
    record_version: int
    epoch: int
    session_id: str
    audience: str
    purposes: tuple[str, ...]
    modalities: tuple[Modality, ...]
    outputs: tuple[Output, ...]
    nonce: str = field(repr=False)
    iat: datetime
    exp: datetime

    def __post_init__(self) -> None:
        where = f"grant {self.grant_id}"
        if self.schema != SCHEMA or not UUID7.fullmatch(self.grant_id):
            raise BadInput(f"schema {self.schema!r}, id {self.grant_id!r}", where="grant", expected=SCHEMA)
        if not timedelta(0) < self.exp - self.iat <= LONGEST:
            raise BadInput(f"a life of {self.exp - self.iat}", where=where, expected=f"more than 0, at most {LONGEST}")
        if len(self.nonce) != 32 or not set(self.nonce) <= set("0123456789abcdef"):
            raise BadInput("a nonce of another form", where=where, expected="32 hex digits")
        for name, words in (("purposes", self.purposes), ("modalities", self.modalities), ("outputs", self.outputs)):
            check_set(words, f"{where}: {name}")
            if not words:
                raise BadInput(f"no {name}", where=where, expected="at least one")


def mint(
    record: ConsentRecord, epoch: int, *, purpose: str, audience: str, session_id: str, key: KeyPair,
    now: datetime, entropy: Callable[[int], bytes], lasts: timedelta = LONGEST,
) -> bytes:  # fmt: skip
    """A signed grant for one purpose of a consent. Raises Refused when the person did not agree to that purpose."""
    answer = record.answer(purpose)
    if answer is None or answer.decision is not Answer.GIVEN:
        raise Refused(
            f"no consent to purpose '{purpose}'", rule_id="c.purpose", ref="GDPR art. 6(1)(a)",
            where=f"consent {record.record_id}", advice="Ask the person for this purpose.",
        )  # fmt: skip
    grant = Grant(
        SCHEMA, uuid7(now, entropy(10)), record.record_id, record.version, epoch, session_id, audience, (purpose,),
        answer.modalities, answer.outputs, entropy(16).hex(), whole_ms(now), whole_ms(now) + lasts,
    )  # fmt: skip
    return dsse.sign(strict.to_payload(grant), payload_type=TYPE, key=key)


def verify(envelope: bytes, *, keys: Mapping[str, PublicKey], audience: str, now: datetime) -> Grant:
    """The grant, when signature, audience and time hold; its nonce is not spent yet.

    Raises EvidenceBroken for a bad signature, BadInput for another form, Refused for another audience or time.
    """
    grant = read(dsse.verify(envelope, payload_type=TYPE, keys=keys))
    if grant.audience != audience:
        raise _refused(f"a grant for deployment '{grant.audience}'", "g.audience", grant, f"One for '{audience}'.")
    if not grant.iat - SKEW <= now < grant.exp + SKEW:
        raise _refused("a grant outside its minute", "g.time", grant, "Mint a new one: `vemo-audit consent grant`.")
    return grant


def read(payload: Any) -> Grant:
    """A grant from JSON values. Raises BadInput."""
    return strict.from_payload(Grant, payload, where="grant")


def is_grant(envelope: bytes) -> bool:
    """Whether an envelope says that it holds a grant; only `verify` tells whether that is true."""
    return b'"payloadType":"' + TYPE.encode() + b'"' in envelope


def spend(grant: Grant, store: ConsentStore, *, now: datetime) -> None:
    """Uses the grant up, durably. Raises Refused when it was used before."""
    if not store.spend_nonce(grant.nonce, until=grant.exp + SKEW, now=now):
        raise _refused("a grant that was used before", "g.nonce", grant, "Mint a new one for each file or session.")


def _refused(found: str, rule_id: str, grant: Grant, advice: str) -> Refused:
    return Refused(
        found, rule_id=rule_id, ref="base promise 5: no replayed, foreign or expired grant",
        where=f"grant {grant.grant_id}", advice=advice,
    )  # fmt: skip
