"""One admitted clip: its permit, its people, and what the gate does while the clip is looked at."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from vemo_audit.errors import EvidenceBroken, Refused
from vemo_audit.governance import refusals
from vemo_audit.governance.admission import Basis, consent_facts
from vemo_audit.governance.journal import Journal, Note, Private
from vemo_audit.governance.masking import Guard, Intent, refused
from vemo_audit.governance.policy.facts import ReleaseFacts
from vemo_audit.governance.policy.vocabulary import Purpose
from vemo_audit.governance.screening import Case, Desk, facts
from vemo_audit.records.clip import Clip, FaceFinder
from vemo_audit.records.decision import Decision, Outcome, Permit, RuleHit

UNBOUND = RuleHit(
    "b.unbound-mask", "EDPB Guidelines 3/2019; base promise 4", "This face is tied to no consent, so it is covered."
)


@dataclass(slots=True, eq=False)
class Session:
    """Implements `masking.Watch` for one clip; shared by all guards that are opened for it."""

    desk: Desk
    journal: Journal
    case: Case  # cut to what was granted
    clip: Clip
    basis: Basis
    permit: Permit
    make_finder: Callable[[], FaceFinder] | None
    clock_stepped: Callable[[], bool]
    was_masked: bool = False
    stopped_by: str = ""
    denial: Decision | None = None  # the recorded answer that stopped the work, the first one
    _judged: dict[tuple[int, int], RuleHit | None] = field(default_factory=dict)

    def guard(self) -> Guard:
        """A fresh guard for one pass over the clip."""
        pictured = self.permit.modalities & {"face", "body"}
        finder = self.make_finder() if self.make_finder is not None and pictured else None
        return Guard(
            self, self.basis.claims, finder=finder, modalities=self.permit.modalities,
            strict=self.desk.manifest.scope.mode == "strict",
        )  # fmt: skip

    def begin(self) -> None:
        """See `masking.Watch`."""
        now = self.journal.clock()
        if self.desk.stopped():
            raise self.refuse("o.killswitch")
        if self.clock_stepped():
            raise self.refuse("x.clock-step")
        if not self.permit.issued_at - timedelta(seconds=2) <= now < self.permit.expires_at:
            raise self.refuse("p.expired")
        self._judged.clear()  # consents are read again for every chunk

    def judge(self, claim: int | None, *, faces_in_view: int) -> RuleHit | None:
        """See `masking.Watch`. Asks all rules of all stages, with the consent as the store has it now."""
        if claim is None:
            return UNBOUND
        key = (claim, faces_in_view)
        if key not in self._judged:
            self._judged[key] = self._ask(claim, faces_in_view)
        return self._judged[key]

    def intend(self, intents: Sequence[Intent]) -> None:
        """See `masking.Watch`."""
        self.journal.write_many([self._note(one) for one in intents])

    def covered(self) -> None:
        """See `masking.Watch`."""
        self.was_masked = True

    def refuse(self, rule_id: str) -> Refused:
        """See `masking.Watch`."""
        self.stopped_by = rule_id
        hit = refusals.hit(rule_id)
        note = replace(self.note("dropped", Outcome.DENY, (hit,)), advice=refusals.advice((hit,)))
        self.denial = self.denial or self.journal.write(note)
        return refused(rule_id, where=self.clip.name)

    def fail(self, error: Exception) -> Refused:
        """See `masking.Watch`. A ledger that broke cannot take the record; the refusal stands all the same."""
        self.stopped_by = "x.gate-error"
        try:
            note = self.note("dropped", Outcome.DENY, (refusals.hit("x.gate-error"),))
            self.denial = self.denial or self.journal.write(replace(note, errors=(type(error).__name__,)))
        except EvidenceBroken:
            pass
        return refused("x.gate-error", where=f"{self.clip.name}: {type(error).__name__}")

    def stale(self) -> str:
        """The rule that keeps outputs back now; "" when all that the admission rested on still holds."""
        now = self.journal.clock()
        if self.desk.stopped():
            return "o.killswitch"
        if self.clock_stepped():
            return "x.clock-step"
        if now >= self.permit.expires_at:
            return "p.expired"
        for person in self.basis.people:
            standing = self.desk.store.standing(person.standing.record_id, now=now)
            if standing is None or not standing.in_force or standing.epoch != person.standing.epoch:
                return "w.withdrawn-since"
        return ""

    def note(self, phase: str, outcome: Outcome, rules: tuple[RuleHit, ...] = (), **private: Any) -> Note:
        """A note on this clip, private to the first person that it rests on."""
        return Note(
            phase=phase, action="infer_emotion", outcome=outcome, rules=rules, intent_id=self.permit.decision_id,
            model_digest=self.case.model_digest, clip_sha256=self.clip.sha256, private=self._private(0, **private),
        )  # fmt: skip

    def _ask(self, claim: int, faces_in_view: int) -> RuleHit | None:
        now, method = self.journal.clock(), str(self.basis.binding)
        seen = {"bound": True, "track_whole": True, "faces_in_view": faces_in_view, "binding": method}
        if self.basis.release is not None:
            release = self.basis.release
            kept = ReleaseFacts(
                listed=self.clip.sha256 in release.digests and now < release.expires_at,
                purposes=frozenset(p for p in Purpose if str(p) in release.purposes),
                consent_statement=bool(release.consent_statement), single_speaker=release.single_speaker,
                guardian_ok=release.adults_only or release.guardians_agreed,
            )  # fmt: skip
            age = "adult" if release.adults_only else "unknown"
            more: dict[str, Any] = {"release": kept, "age_band": age, "max_faces": release.max_faces}
            role = release.role
        else:
            person = self.basis.people[claim]
            standing = self.desk.store.standing(person.standing.record_id, now=now)
            if standing is None or not standing.in_force:
                return RuleHit("c.state-given", "GDPR art. 7(3)", "The consent is not in force any more.")
            record = self.desk.store.record(standing.record_id)
            consent = consent_facts(
                self.desk, record, standing, self.case.purpose,
                version_is_latest=standing.version == person.standing.version,
                epoch_is_current=standing.epoch == person.standing.epoch,
            )  # fmt: skip
            more = {"consent": consent, "age_band": str(record.subject.age_band)}
            more["max_faces"], role = record.binding.max_faces, str(record.subject.role)
        about = facts(self.desk, self.case, role=role, now=now, **seen, **more)
        answer = self.desk.engine.decide(about, action="infer_emotion", stage="face")
        return None if answer.outcome is Outcome.ALLOW else answer.rules[0]

    def _note(self, intent: Intent) -> Note:
        outcome = Outcome.MASK if intent.claim is None else Outcome.ALLOW
        rules = (UNBOUND,) if intent.claim is None else ()
        note = self.note("intent", outcome, rules)
        span = {"cell": intent.cell, "modality": intent.modality}
        return replace(note, faces=intent.faces, private=self._private(intent.claim or 0, **span))

    def _private(self, claim: int, **more: Any) -> Private:
        about = {"clip_sha256": self.clip.sha256, "session": self.permit.decision_id, **more}
        if self.basis.release is not None:
            return Private(f"release:{self.basis.release.dataset_id}", about)
        standing = self.basis.people[claim].standing
        consent = {"id": standing.record_id, "version": standing.version, "epoch": standing.epoch}
        return Private(standing.subject_ref, {**about, "consent": consent, "consent_sha256": standing.sha256})


def permit_until(basis: Basis, clip: Clip, now: datetime, manifest_until: datetime) -> datetime:
    """When a permit ends: an hour, and four times the clip, but never after consent or manifest end."""
    return min(basis.expires_at, manifest_until, now + timedelta(hours=1, seconds=4 * clip.duration_s))
