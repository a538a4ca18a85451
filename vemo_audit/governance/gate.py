"""The gate: the only door to a picture or a voice. It decides in a fixed order, records first, and fails closed."""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Any, Self, TypeVar

from vemo_audit.errors import EvidenceBroken, Refused, VemoError
from vemo_audit.governance import admission, leaving, refusals, screening, session, withdrawal
from vemo_audit.governance.admission import Basis
from vemo_audit.governance.deployment import Opened, open_deployment
from vemo_audit.governance.journal import Note, Private
from vemo_audit.governance.masking import refused
from vemo_audit.governance.screening import Case, Denied
from vemo_audit.governance.session import Session
from vemo_audit.records.audit_run import GateEvidence, RefusalCount
from vemo_audit.records.clip import AdmittedClip, Clip, FaceFinder, _take_seal
from vemo_audit.records.decision import Decision, Outcome, Permit, RuleHit
from vemo_audit.records.prediction import Prediction

__all__ = ["Case", "Gate"]

T = TypeVar("T")
_SEAL = _take_seal()
CLOCK_STEP_NS = 2_000_000_000
"""How far wall clock and boot-time clock may drift apart while the gate is open."""


class Gate:
    """One deployment, open. Use `with Gate.open(...) as gate`; threads may share it, processes may not."""

    def __init__(
        self, opened: Opened, *, clock: Callable[[], datetime], boottime_ns: Callable[[], int],
        make_finder: Callable[[], FaceFinder] | None,
    ) -> None:  # fmt: skip
        self._opened, self._desk, self._journal = opened, opened.desk, opened.journal
        self._clock, self._boottime_ns, self._make_finder = clock, boottime_ns, make_finder
        self._started = clock(), boottime_ns()
        self._sessions: dict[str, Session] = {}
        self._denied: Counter[tuple[str, str, str]] = Counter()
        self._asked = self._admitted = 0
        self._lock = RLock()

    @classmethod
    def open(
        cls, deployment: Path, *, clock: Callable[[], datetime], boottime_ns: Callable[[], int],
        make_finder: Callable[[], FaceFinder] | None = None, policies: Path | None = None,
        passphrase: bytes | None = None, entropy: Callable[[int], bytes] = os.urandom,
    ) -> Self:  # fmt: skip
        """Opens the deployment whose signed manifest lies at `deployment`; takes the ledger for writing.

        `clock` gives aware times, `boottime_ns` a clock that nobody can set; `make_finder` makes a fresh face finder
        for each pass over a clip. Raises EvidenceBroken when a signature, a key or the ledger does not hold, BadInput
        when something is missing or another gate has the ledger.
        """
        opened = open_deployment(
            deployment, clock=clock, boottime_ns=boottime_ns, policies=policies, passphrase=passphrase, entropy=entropy
        )
        return cls(opened, clock=clock, boottime_ns=boottime_ns, make_finder=make_finder)

    def admit(self, clip: Clip, case: Case) -> AdmittedClip | Decision:
        """The open door, or the recorded refusal. No pixel is decoded here, and none before the intent is durable."""

        def steps() -> AdmittedClip:
            now, wanted = self._screened(case, ("infer_emotion", "detect_face"), clip)
            if self._make_finder is None and wanted.modalities & {"face", "body"}:
                raise Denied([refusals.hit("x.no-finder")])
            basis = self._rest_on(wanted, "infer_emotion", clip.sha256, now)
            return self._open_door(clip, wanted, basis, now)

        return self._decided(steps, "infer_emotion", clip.sha256, case)

    def admit_table(self, table_sha256: str, case: Case) -> Decision:
        """Whether a prediction table, by its digest, may be measured; its release or consents stand in `case`."""

        def steps() -> Decision:
            now, wanted = self._screened(case, ("measure_predictions",), None)
            basis = self._rest_on(wanted, "measure_predictions", table_sha256, now)
            subject = basis.people[0].standing.subject_ref if basis.people else f"release:{table_sha256[:16]}"
            private = Private(subject, {"input_sha256": table_sha256})
            note = Note(
                phase="intent", action="measure_predictions", outcome=Outcome.ALLOW, obligations=basis.obligations,
                model_digest=case.model_digest, clip_sha256=table_sha256, private=private,
            )  # fmt: skip
            decision = self._journal.write(note)
            self._admitted += 1
            return decision

        return self._decided(steps, "measure_predictions", table_sha256, case)

    def screen(self, case: Case) -> Decision:
        """Steps 1 to 6 alone: what the law and the manifest say of a purpose, for nobody in particular."""

        def steps() -> Decision:
            _, wanted = self._screened(case, ("infer_emotion", "detect_face"), None)
            note = Note(phase="intent", action="detect_face", outcome=Outcome.ALLOW, obligations=("screen-only",))
            return self._journal.write(replace(note, model_digest=wanted.model_digest))

        return self._decided(steps, "infer_emotion", "", case)

    def rehearse(self, clip: Clip, case: Case) -> Decision:
        """Steps 1 to 7 for a clip, recorded as a rehearsal: no door opens, and nothing is decoded."""

        def steps() -> Decision:
            now, wanted = self._screened(case, ("infer_emotion", "detect_face"), clip)
            basis = self._rest_on(wanted, "infer_emotion", clip.sha256, now)
            notes = ("rehearsal", *basis.obligations)
            note = Note(phase="intent", action="infer_emotion", outcome=Outcome.ALLOW, obligations=notes)
            return self._journal.write(replace(note, clip_sha256=clip.sha256))

        return self._decided(steps, "infer_emotion", clip.sha256, case)

    def emit(self, admitted: AdmittedClip, predictions: Sequence[Prediction]) -> list[Prediction]:
        """What may leave: cut to the consented outputs, recorded first, and nothing if consent has ended meanwhile.

        All stands under the name of the admitted clip, whatever a recognizer calls it: that would be free text.
        Raises Refused for a clip that this gate did not admit.
        """
        with self._lock:
            current = self._sessions.get(admitted.permit.decision_id)
            if current is None or current.clip != admitted.clip or current.permit != admitted.permit:
                raise refused("p.foreign", where=admitted.clip.name)
            try:
                with self._desk.store.emission():
                    cut = (leaving.reduce(one, current.permit) for one in predictions)
                    kept = [replace(one, clip=current.clip.name) for one in cut]
                    outputs: dict[str, Any] = {"output_digest": leaving.output_digest(kept), "rows": len(kept)}
                    self._journal.write(current.note("outcome", Outcome.ALLOW, **outputs))
                    stale = current.stale()
                    if not stale:
                        return kept
                current.refuse(stale)
            except Refused:
                raise
            except EvidenceBroken:
                raise
            except Exception as error:
                raise current.fail(error) from error
            self._log_endings()
            return []

    def evidence(self, *, purpose: str, basis: str = "gated inference") -> GateEvidence:
        """What was decided since this gate was opened, for the report; signs a checkpoint over it."""
        with self._lock:
            now = self._clock()
            self._log_endings()
            note = self._journal.ledger.checkpoint(now)
            standings = self._desk.store.all(now=now)
            refusals_ = [RefusalCount(*rule, clips) for rule, clips in self._denied.most_common()]
            return GateEvidence(
                basis=basis, deployment=self._desk.manifest.deployment.id, purpose=purpose,
                packs=self._desk.engine.active_packs, asked=self._asked, admitted=self._admitted,
                masked=sum(one.was_masked for one in self._sessions.values()), refusals=tuple(refusals_),
                consents_in_force=sum(one.in_force for one in standings),
                consents_withdrawn=sum(str(one.state) == "withdrawn" for one in standings),
                ledger_origin=self._journal.ledger.origin, ledger_size=self._journal.ledger.size,
                ledger_root=self._journal.ledger.root.hex(), checkpoint=note,
            )  # fmt: skip

    def proof(self, log_index: int) -> str:
        """The `.tlog-proof` text of one entry, under a checkpoint signed now; `verify_proof.py` checks it offline."""
        with self._lock:
            self._journal.ledger.checkpoint(self._clock())
            return self._journal.ledger.prove(log_index).to_text()

    @property
    def origin(self) -> str:
        """The name of the ledger in which every decision stands."""
        return self._journal.ledger.origin

    def denial(self, admitted: AdmittedClip) -> Decision | None:
        """The recorded decision that stopped work on an admitted clip; None while nothing did."""
        current = self._sessions.get(admitted.permit.decision_id)
        return current.denial if current else None

    def masked(self, admitted: AdmittedClip) -> bool:
        """Whether anybody was filled in this clip so far."""
        current = self._sessions.get(admitted.permit.decision_id)
        return current is not None and current.was_masked

    def close(self) -> None:
        """Signs a last checkpoint and lets go of ledger and store."""
        with self._lock:
            try:
                self._log_endings()
                self._journal.ledger.checkpoint(self._clock())
            finally:
                self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _screened(self, case: Case, actions: tuple[str, ...], clip: Clip | None) -> tuple[datetime, Case]:
        """Steps 3 to 6. Raises Denied at the first that fails."""
        now = self._clock()
        if self._desk.stopped():
            raise Denied([refusals.hit("o.killswitch")])
        if self._clock_stepped():
            raise Denied([refusals.hit("x.clock-step")])
        if not self._desk.manifest.holds_at(now):
            raise Denied([refusals.hit("o.manifest")])
        if not self._desk.manifest.allows_model(case.model_digest):
            raise Denied([refusals.hit("o.model-digest")])
        if self._desk.engine.bundle_digest != self._desk.manifest.trust.bundle_digest:
            raise Denied([refusals.hit("o.policy-bundle")])
        wanted = screening.scope(self._desk, case, now=now)
        if clip is not None:
            wanted = screening.within(clip, wanted)
        screening.screen(self._desk, wanted, actions, now=now)
        return now, wanted

    def _rest_on(self, wanted: Case, action: str, sha256: str, now: datetime) -> Basis:
        return admission.rest_on(self._desk, wanted, action, sha256=sha256, session_id=self._opened.session_id, now=now)

    def _open_door(self, clip: Clip, wanted: Case, basis: Basis, now: datetime) -> AdmittedClip:
        """Step 8: the intent becomes durable, then the door opens."""
        about = {"clip_sha256": clip.sha256, "modalities": sorted(basis.modalities), "outputs": sorted(basis.outputs)}
        subjects = [one.standing.subject_ref for one in basis.people]
        if basis.release is not None:
            subjects = [f"release:{basis.release.dataset_id}"]
        action = "detect_face" if basis.modalities & {"face", "body"} else "infer_emotion"
        decisions = self._journal.write_many(
            [
                Note(
                    phase="intent", action=action, outcome=Outcome.ALLOW, obligations=basis.obligations,
                    model_digest=wanted.model_digest, clip_sha256=clip.sha256, private=Private(subject, about),
                )
                for subject in subjects
            ]
        )  # fmt: skip
        first = decisions[0]
        until = session.permit_until(basis, clip, now, self._desk.manifest.deployment.expires_at)
        permit = Permit(
            decision_id=first.decision_id, log_index=first.log_index if first.log_index is not None else -1,
            clip_sha256=clip.sha256, purpose=wanted.purpose, modalities=basis.modalities, outputs=basis.outputs,
            binding=str(basis.binding), issued_at=now, expires_at=until,
        )  # fmt: skip
        granted = replace(wanted, modalities=basis.modalities, outputs=basis.outputs)
        current = Session(
            self._desk, self._journal, granted, clip, basis, permit, self._make_finder, self._clock_stepped
        )
        self._sessions[permit.decision_id] = current
        self._admitted += 1
        return AdmittedClip(clip, permit, current.guard, _SEAL)

    def _decided(self, steps: Callable[[], T], action: str, sha256: str, case: Case) -> T | Decision:
        """Runs the steps; whatever goes wrong inside becomes a recorded denial. Only a broken ledger raises."""
        with self._lock:
            self._asked += 1
            try:
                self._log_endings()
                return steps()
            except Denied as denied:
                return self._deny(action, denied.hits, denied.errors, sha256, case, denied.subject_ref)
            except EvidenceBroken:
                raise
            except VemoError as error:
                rule = "x.request" if "fact" in error.where else "x.gate-error"
                return self._deny(action, (refusals.hit(rule),), (type(error).__name__,), sha256, case, "")
            except Exception as error:
                return self._deny(action, (refusals.hit("x.gate-error"),), (type(error).__name__,), sha256, case, "")

    def _deny(
        self, action: str, hits: tuple[RuleHit, ...], errors: tuple[str, ...], sha256: str, case: Case,
        subject_ref: str,
    ) -> Decision:  # fmt: skip
        self._denied[hits[0].rule_id, hits[0].ref, hits[0].message] += 1
        private = Private(subject_ref, {"clip_sha256": sha256, "purpose": case.purpose}) if subject_ref else None
        return self._journal.write(
            Note(
                phase="intent", action=action, outcome=Outcome.DENY, rules=hits, errors=errors, clip_sha256=sha256,
                model_digest=case.model_digest, advice=refusals.advice(hits), private=private,
            )
        )  # fmt: skip

    def _clock_stepped(self) -> bool:
        wall_ns = int((self._clock() - self._started[0]).total_seconds() * 1e9)
        return abs(wall_ns - (self._boottime_ns() - self._started[1])) > CLOCK_STEP_NS

    def _log_endings(self) -> None:
        withdrawal.log_endings(self._desk.store, self._journal)
