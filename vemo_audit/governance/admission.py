"""Step 7 of a decision: which consents, grants or dataset release open the gate, and for whom."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from vemo_audit.errors import BadInput, EvidenceBroken, Refused
from vemo_audit.governance import grants, refusals, releases
from vemo_audit.governance.bindings import Claim
from vemo_audit.governance.consents import Standing
from vemo_audit.governance.grants import Grant
from vemo_audit.governance.policy.facts import ConsentFacts, ReleaseFacts
from vemo_audit.governance.policy.vocabulary import Purpose
from vemo_audit.governance.releases import Release
from vemo_audit.governance.screening import Case, Denied, Desk, demand, facts
from vemo_audit.records.consent import ConsentRecord
from vemo_audit.records.consent_terms import Actor, AgeBand, BindingMethod
from vemo_audit.records.consent_terms import Answer as Said
from vemo_audit.records.decision import RuleHit
from vemo_audit.records.digest import digest

VOCABULARY = frozenset(str(word) for word in Purpose)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whose consent opened the gate, as the store had it then."""

    record: ConsentRecord
    standing: Standing
    claim: Claim


@dataclass(frozen=True, slots=True)
class Basis:
    """What an admission rests on, and what of the wish remains."""

    modalities: frozenset[str]
    outputs: frozenset[str]
    binding: BindingMethod
    claims: tuple[Claim, ...]
    people: tuple[Person, ...]
    release: Release | None
    expires_at: datetime
    obligations: tuple[str, ...] = ()


def rest_on(desk: Desk, case: Case, action: str, *, sha256: str, session_id: str, now: datetime) -> Basis:
    """Step 7: the consents, grants or dataset release that open the gate. Raises Denied when none does."""
    if case.release is not None:
        return _released(desk, case, action, sha256=sha256, now=now)
    if not case.consents:
        raise Denied(_nobody(desk, case, action, now=now))
    opened: list[tuple[Person, frozenset[str], frozenset[str]]] = []
    denials: list[Denied] = []
    for envelope in case.consents:
        try:
            opened.append(_consented(desk, case, action, envelope, session_id=session_id, now=now))
        except Denied as denied:
            denials.append(denied)
    if not opened:
        raise denials[0]
    people = tuple(person for person, _, _ in opened)
    methods = {person.claim.method for person in people}
    if len(methods) > 1 or (len(people) > 1 and methods != {BindingMethod.SEAT_ZONE}):
        raise Denied([refusals.hit("g.two-bindings")], subject_ref=people[0].standing.subject_ref)
    modalities = frozenset.intersection(*(one for _, one, _ in opened))
    outputs = frozenset.intersection(*(one for _, _, one in opened))
    if not modalities or not outputs:
        raise Denied([refusals.hit("o.scope")], subject_ref=people[0].standing.subject_ref)
    unused = {f"consent-not-used:{denied.hits[0].rule_id}" for denied in denials}
    return Basis(
        modalities, outputs, people[0].claim.method, tuple(person.claim for person in people), people, None,
        min(person.standing.expires_at for person in people),
        tuple(sorted(unused | reduced(case.modalities - modalities, case.outputs - outputs))),
    )  # fmt: skip


def _nobody(desk: Desk, case: Case, action: str, *, now: datetime) -> list[RuleHit]:
    """What is said when no consent is there at all: that alone, not what else is unknown of nobody."""
    about = facts(desk, case, role=desk.manifest.scope.roles[0], now=now)
    rules = desk.engine.decide(about, action=action, stage="consent").rules
    return [rule for rule in rules if rule.rule_id == "c.present"] or [refusals.hit("c.present")]


def consent_facts(desk: Desk, record: ConsentRecord, standing: Standing, purpose: str, **seen: bool) -> ConsentFacts:
    """What the store says of a record for one purpose. `seen` are version_is_latest and epoch_is_current."""
    given = [answer for answer in record.purposes if answer.decision is Said.GIVEN]
    asked = [answer for answer in given if answer.purpose == purpose] or given
    event, subject = record.event, record.subject
    guardian_ok = subject.guardian is not None and event.by is Actor.GUARDIAN and subject.assent is not False
    known: dict[str, Any] = {
        "state": str(event.state), "explicit": event.explicit,
        "purposes": frozenset(answer.purpose for answer in given) & VOCABULARY,
        "outputs": frozenset(str(word) for answer in asked for word in answer.outputs),
        "modalities": frozenset(str(word) for answer in asked for word in answer.modalities),
        "not_before": record.validity.not_before, "expires_at": standing.expires_at,
        "audience_ok": record.controller.id == desk.manifest.deployment.controller,
        "notice_known": record.notice.notice_id in desk.manifest.oversight.notice_ids,
        "written_release": event.written_release, "guardian_ok": subject.age_band is AgeBand.ADULT or guardian_ok,
        "withdraw_parity": event.steps_to_withdraw <= event.steps_to_give and bool(event.withdraw_channels),
    }  # fmt: skip
    return ConsentFacts(**(known | seen))


def reduced(modalities: Iterable[str], outputs: Iterable[str]) -> set[str]:
    """Obligations that say what was wanted and not granted."""
    return {f"without-modality:{word}" for word in modalities} | {f"without-output:{word}" for word in outputs}


def _consented(
    desk: Desk, case: Case, action: str, envelope: bytes, *, session_id: str, now: datetime
) -> tuple[Person, frozenset[str], frozenset[str]]:
    """One person, with the modalities and outputs that may be used. Raises Denied."""
    grant, record_id, version, sha256 = _opened(desk, envelope, now=now)
    standing = desk.store.standing(record_id, now=now)
    changed = standing is not None and version == standing.version and sha256 not in ("", standing.sha256)
    if standing is None or version > standing.version or changed:
        raise Denied([refusals.hit("g.unknown-record")])
    subject = standing.subject_ref
    record = desk.store.record(record_id)
    role, method = str(record.subject.role), record.binding.method
    modalities, outputs = _cut(case, record, grant, method)
    wish = replace(case, modalities=modalities, outputs=outputs)
    seen = {
        "version_is_latest": version == standing.version,
        "epoch_is_current": grant is None or grant.epoch == standing.epoch,
    }
    about = facts(
        desk, wish, role=role, now=now, age_band=str(record.subject.age_band), binding=str(method),
        consent=consent_facts(desk, record, standing, case.purpose, **seen),
    )  # fmt: skip
    demand(desk.engine.decide(about, action=action, stage="consent"), subject_ref=subject)
    if role not in desk.manifest.scope.roles:
        raise Denied([refusals.hit("o.role")], subject_ref=subject)
    if str(method) not in desk.manifest.scope.bindings:
        raise Denied([refusals.hit("o.binding")], subject_ref=subject)
    if not standing.in_force:  # the rules have said so already; this holds even if a pack forgot to
        raise Denied([refusals.hit("c.present")], subject_ref=subject)
    _spend(desk, grant, record, standing, case.purpose, session_id=session_id, now=now)
    return Person(record, standing, Claim(method, record.binding.zone)), modalities, outputs


def _opened(desk: Desk, envelope: bytes, *, now: datetime) -> tuple[Grant | None, str, int, str]:
    """Grant (if it is one), record id, version and payload digest of a signed envelope. Raises Denied."""
    try:
        if grants.is_grant(envelope):
            audience = desk.manifest.deployment.id
            grant = grants.verify(envelope, keys=desk.ring.trusted("issuer"), audience=audience, now=now)
            return grant, grant.record_id, grant.record_version, ""
        record = desk.store.read(envelope)
        return None, record.record_id, record.version, digest(record.to_payload())
    except Refused as refused:
        raise Denied([_hit(refused)]) from refused
    except EvidenceBroken as error:
        foreign = "not trusted" in error.found
        raise Denied([refusals.hit("g.issuer" if foreign else "g.signature")]) from error
    except BadInput as error:
        raise Denied([refusals.hit("g.form")]) from error


def _cut(
    case: Case, record: ConsentRecord, grant: Grant | None, method: BindingMethod
) -> tuple[frozenset[str], frozenset[str]]:
    """The wish cut to what the person agreed to; where nothing is left, the whole wish, for the rules to deny."""
    answer = record.answer(case.purpose)
    modalities, outputs = set(case.modalities), set(case.outputs)
    if answer is not None and answer.decision is Said.GIVEN:
        modalities &= set(map(str, answer.modalities))
        outputs &= set(map(str, answer.outputs))
    if grant is not None:
        modalities &= set(map(str, grant.modalities))
        outputs &= set(map(str, grant.outputs))
    if method is BindingMethod.SEAT_ZONE and modalities - {"voice"}:
        modalities -= {"voice"}  # a voice has no place in the picture
    return frozenset(modalities) or case.modalities, frozenset(outputs) or case.outputs


def _spend(
    desk: Desk, grant: Grant | None, record: ConsentRecord, standing: Standing, purpose: str, *, session_id: str,
    now: datetime,
) -> None:  # fmt: skip
    """Uses up the grant; the embedded mode mints one first and takes the same path. Raises Denied."""
    try:
        if grant is None:
            if desk.issuer is None:
                raise Denied([refusals.hit("g.form")], subject_ref=standing.subject_ref)
            audience = desk.manifest.deployment.id
            envelope = grants.mint(
                record, standing.epoch, purpose=purpose, audience=audience, session_id=session_id, key=desk.issuer,
                now=now, entropy=desk.entropy,
            )  # fmt: skip
            grant = grants.verify(envelope, keys=desk.ring.trusted("issuer"), audience=audience, now=now)
        if purpose not in grant.purposes:
            raise Denied([refusals.hit("g.form")], subject_ref=standing.subject_ref)
        grants.spend(grant, desk.store, now=now)
    except Refused as refused:
        raise Denied([_hit(refused)], subject_ref=standing.subject_ref) from refused


def _released(desk: Desk, case: Case, action: str, *, sha256: str, now: datetime) -> Basis:
    """A dataset's own release in place of a consent: offline audits only. Raises Denied."""
    try:
        release = releases.verify(case.release or b"", keys=desk.ring.trusted("steward"))
    except EvidenceBroken as error:
        raise Denied([refusals.hit("g.signature")]) from error
    except BadInput as error:
        raise Denied([refusals.hit("g.form")]) from error
    listed = sha256 in release.digests and release.not_before <= now < release.expires_at
    method = BindingMethod.DATASET_RELEASE
    about = facts(
        desk, case, role=release.role, now=now, age_band="adult" if release.adults_only else "unknown",
        binding=str(method),
        release=ReleaseFacts(
            listed=listed, purposes=frozenset(Purpose(word) for word in set(release.purposes) & VOCABULARY),
            consent_statement=bool(release.consent_statement), single_speaker=release.single_speaker,
            guardian_ok=release.adults_only or release.guardians_agreed,
        ),
    )  # fmt: skip
    if not listed:
        raise Denied([refusals.hit("d.release")])
    demand(desk.engine.decide(about, action=action, stage="consent"))
    if str(method) not in desk.manifest.scope.bindings:
        raise Denied([refusals.hit("o.binding")])
    if release.role not in desk.manifest.scope.roles:
        raise Denied([refusals.hit("o.role")])
    claim = Claim(method, None, release.max_faces)
    return Basis(case.modalities, case.outputs, method, (claim,), (), release, release.expires_at)


def _hit(refused: Refused) -> RuleHit:
    """The rule behind an exception, in the gate's own words where it has any."""
    if refused.rule_id in refusals.RULES:
        return refusals.hit(refused.rule_id)
    return RuleHit(refused.rule_id, refused.ref, refused.found)
