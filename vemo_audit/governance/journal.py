"""Writes what the gate decides into the ledger: a clear header, and a part that only the subject's key opens."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from vemo_audit.governance.ledger.store import Draft, Ledger
from vemo_audit.records.decision import Decision, Outcome, RuleHit
from vemo_audit.records.digest import canonical_json
from vemo_audit.records.strict import time_text, uuid7

SCHEMA = "vemo.decision/1"
MAX_LISTED = 32
"""Rules or obligations named in one header; more are cut, and the cut is marked."""


@dataclass(frozen=True, slots=True)
class Private:
    """The part of a decision that only the subject's key opens. All of it goes when that key is destroyed."""

    subject_ref: str = field(repr=False)
    facts: dict[str, Any] = field(repr=False)

    def sealed(self, salt: bytes) -> bytes:
        """The bytes to be encrypted; salted, so that equal facts do not look equal."""
        return canonical_json({**self.facts, "salt": salt.hex(), "subject_ref": self.subject_ref})


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One thing to be recorded."""

    phase: str  # intent, outcome, dropped, withdrawal, override, policy_change, key_event
    action: str
    outcome: Outcome
    rules: tuple[RuleHit, ...] = ()
    errors: tuple[str, ...] = ()
    obligations: tuple[str, ...] = ()
    intent_id: str = ""
    faces: tuple[int, int, int] | None = None  # seen, allowed, masked
    model_digest: str = ""
    clip_sha256: str = ""  # returned in the Decision; in the ledger only inside the private part
    advice: str = ""
    private: Private | None = None
    more: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Journal:
    """The gate's pen. `same` are the header fields that do not change while the gate is open."""

    ledger: Ledger
    same: dict[str, Any]
    clock: Callable[[], datetime]
    boottime_ns: Callable[[], int]
    entropy: Callable[[int], bytes]

    def write(self, note: Note) -> Decision:
        """Returns when the entry is durable."""
        return self.write_many([note])[0]

    def write_many(self, notes: Sequence[Note]) -> list[Decision]:
        """All of them in one commit, durable when this returns. Raises EvidenceBroken when the disk fails."""
        now = self.clock()
        drafts = [self._draft(note, now) for note in notes]
        entries = self.ledger.append_many(drafts) if drafts else []
        return [
            Decision(
                decision_id=draft.header["decision_id"], at=now, action=note.action, outcome=note.outcome,
                rules=note.rules, advice=note.advice, obligations=note.obligations, log_index=entry.index,
                log_origin=self.ledger.origin, clip_sha256=note.clip_sha256,
                subject_ref=note.private.subject_ref if note.private else "",
            )
            for note, draft, entry in zip(notes, drafts, entries, strict=True)
        ]  # fmt: skip

    def _draft(self, note: Note, now: datetime) -> Draft:
        header = {
            **self.same,
            "schema": SCHEMA,
            "decision_id": uuid7(now, self.entropy(10)),
            "phase": note.phase,
            "wall_time": time_text(now),
            "mono_ns": str(self.boottime_ns()),  # text: it may pass 2^53
            "action": note.action,
            "decision": str(note.outcome),
            "rule_ids": _cut(hit.rule_id for hit in note.rules),
            "refs": _cut(hit.ref for hit in note.rules),
            "errors": _cut(note.errors),
            "obligations": _cut(note.obligations),
            "model_digest": note.model_digest,
            "intent_id": note.intent_id,
            **dict(note.more),
        }
        if note.faces is not None:
            header["faces"] = dict(zip(("seen", "allowed", "masked"), map(bucket, note.faces), strict=True))
        if note.private is None:
            return Draft(header)
        return Draft(header, note.private.sealed(self.entropy(16)), note.private.subject_ref)


def bucket(count: int) -> str:
    """A count so coarse that it tells nobody how many people were where: 0, 1, 2-4 or 5+."""
    if count < 2:
        return str(count)
    return "2-4" if count < 5 else "5+"


def private_facts(entry: bytes | None) -> dict[str, Any] | None:
    """What `Private` sealed; None when there was nothing or its key is gone."""
    return None if entry is None else dict(json.loads(entry))


def _cut(words: Iterable[str]) -> list[str]:
    listed = [word[:200] for word in words]
    return listed if len(listed) <= MAX_LISTED else [*listed[:MAX_LISTED], f"and {len(listed) - MAX_LISTED} more"]
