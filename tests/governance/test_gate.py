"""The gate refuses by name, before any frame is decoded; it records first, and lets nothing out on an ended consent."""

import dataclasses
import os
from datetime import timedelta

import cv2
import numpy as np
import pytest
from throwaway import LABEL, NOON, AlwaysOne, build, clip

from vemo_audit.errors import BadInput, Refused, VemoError
from vemo_audit.governance import admission, dsse, forms, grants, screening, withdrawal
from vemo_audit.governance.consents import TYPE
from vemo_audit.governance.gate import Gate
from vemo_audit.media import decode, jail
from vemo_audit.media.probe import probe
from vemo_audit.records import clip as clip_records
from vemo_audit.records.clip import AdmittedClip
from vemo_audit.records.decision import Decision, Outcome


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return build(tmp_path_factory.mktemp("gate") / "dep")


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    return build(tmp_path_factory.mktemp("gate") / "other", controller="somebody-else", deployment_id="other")


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "face.png"
    cv2.imwrite(str(path), np.full((48, 64, 3), 90, np.uint8))
    return path


@pytest.fixture
def decodings(monkeypatch):
    """Counts every job that decodes, at the one door through which all decoding goes."""
    jobs = []
    real = jail.start

    def start(job, *args, **more):
        if job["do"] != "facts":
            jobs.append(job["do"])
        return real(job, *args, **more)

    monkeypatch.setattr(jail, "start", start)
    return jobs


def signed(world, record):
    return dsse.sign(record.to_payload(), payload_type=TYPE, key=world.key("issuer"))


def withdrawn(world, _):
    record_id, envelope = world.give("withdrawn")
    world.withdraw(record_id)
    return [envelope]


def flipped(world, _):
    envelope = bytearray(world.give("flipped")[1])
    envelope[len(envelope) // 2] ^= 1
    return [bytes(envelope)]


def edited_in_place(world, _):
    """Signed by the right key, for a record of the store, with other content: the store holds other bytes."""
    record_id, _ = world.give("edited", purposes=("demo",))
    return [signed(world, dataclasses.replace(world.record("edited"), record_id=record_id))]


def other_controller(world, other):
    record = dataclasses.replace(world.record("x"), controller=forms.controller_of(other.form))
    with world.store() as store:
        return [withdrawal.give(record, store, key=world.key("issuer"), now=NOON)]


REFUSED = {
    # name: (consents, rule that is named first, a part of the article or promise behind it)
    "no consent": (lambda w, o: [], "c.present", "GDPR art. 6(1)(a)"),
    "expired": (lambda w, o: [w.give("e", lasts=timedelta(milliseconds=1))[1]], "c.window", "GDPR art. 5(1)(e)"),
    "withdrawn": (withdrawn, "c.state-given", "GDPR art. 7(3)"),
    "forged": (flipped, "g.signature", "base promise 5"),
    "other content": (edited_in_place, "g.unknown-record", "base promise 5"),
    "foreign issuer": (lambda w, o: [o.give("f")[1]], "g.issuer", "base promise 5"),
    "foreign controller": (other_controller, "c.audience", "GDPR art. 4(11)"),
    "unknown to the store": (lambda w, o: [signed(w, w.record("u"))], "g.unknown-record", "base promise 5"),
    "minor without guardian": (lambda w, o: [w.give("m", age_band="13-15")[1]], "c.guardian", "GDPR art. 8"),
    "age unknown": (lambda w, o: [w.give("a", age_band="unknown")[1]], "c.guardian", "GDPR art. 8"),
    "minor who objects": (
        lambda w, o: [w.give("n", age_band="16-17", guardian_ref="g", guardian_evidence="0" * 64, assent=False)[1]],
        "c.guardian", "GDPR art. 8",
    ),
    "other purpose": (lambda w, o: [w.give("p", purposes=("demo",))[1]], "c.purpose", "GDPR art. 5(1)(b)"),
    "purpose refused": (
        lambda w, o: [w.give("r", purposes=("demo",), refused_purposes=("research",))[1]],
        "c.purpose", "GDPR art. 5(1)(b)",
    ),
    "other modality": (lambda w, o: [w.give("v", modalities=("voice",))[1]], "c.modality", "GDPR art. 5(1)(c)"),
    "other notice": (lambda w, o: [w.give("h", notice_id="unheard-of")[1]], "c.notice-hash-known", "GDPR art. 7(1)"),
    "employee": (lambda w, o: [w.give("w", role="employee")[1]], "eu-ai-act.5.1.f.workplace", "art. 5(1)(f)"),
    "other role": (lambda w, o: [w.give("k", role="patient")[1]], "o.role", "GDPR art. 5(1)(b)"),
    "no envelope": (lambda w, o: [b"not an envelope"], "g.signature", "base promise 5"),
    "a grant's minute over": (lambda w, o: [old_grant(w)], "g.time", "base promise 5"),
    "two people, no seats": (
        lambda w, o: [w.give("1")[1], w.give("2")[1]], "g.two-bindings", "base promise 4",
    ),
}  # fmt: skip


def old_grant(world):
    record_id, _ = world.give("g")
    with world.store() as store:
        record = store.record(record_id)
    return grants.mint(
        record, 0, purpose="research", audience="throwaway", session_id="s", key=world.key("issuer"),
        now=NOON - timedelta(minutes=5), entropy=os.urandom,
    )  # fmt: skip


def road(gate, path, case):
    """The whole way from a file to frames: what a recognizer would have seen."""
    outcome = gate.admit(probe(path), case)
    if isinstance(outcome, AdmittedClip):
        return outcome, list(decode.frames(outcome))
    return outcome, []


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_the_gate_refuses_by_name_and_decodes_nothing(name, world, elsewhere, picture, decodings):
    consents, rule_id, ref = REFUSED[name]
    envelopes = consents(world, elsewhere)
    if name == "expired":
        world.clock.forward(seconds=1)
    with world.gate() as gate:
        before = gate._journal.ledger.size
        decision, frames = road(gate, picture, world.case(*envelopes))
        assert isinstance(decision, Decision) and decision.outcome is Outcome.DENY
        assert decision.rules[0].rule_id == rule_id, decision.rules
        assert ref in decision.rules[0].ref and decision.rules[0].message and decision.advice
        assert (frames, decodings) == ([], [])
        entry = next(gate._journal.ledger.entries(decision.log_index))
        assert entry.header["rule_ids"][0] == rule_id and entry.index >= before  # durable before it is obeyed


@pytest.mark.parametrize(
    ("purpose", "rule_id", "article"),
    [
        ("employment_screening", "eu-ai-act.5.1.f.candidate", "art. 5(1)(f)"),
        ("student_monitoring", "eu-ai-act.5.1.f.education", "art. 5(1)(f)"),
        ("criminal_justice", "h.criminal-justice", "base promise 8"),
        ("demo", "o.purpose", "GDPR art. 5(1)(b)"),
        ("world_domination", "o.purpose", "GDPR art. 5(1)(b)"),
    ],
)
def test_prohibited_purposes_are_refused_whoever_consents(purpose, rule_id, article, world, picture, decodings):
    consent = world.give(purpose, purposes=("research", purpose))[1]
    with world.gate() as gate:
        decision, frames = road(gate, picture, world.case(consent, purpose=purpose))
    assert decision.outcome is Outcome.DENY and decision.rules[0].rule_id == rule_id
    assert article in decision.rules[0].ref
    assert (frames, decodings) == ([], [])


def test_a_declared_prohibited_purpose_ends_at_the_legal_screen(tmp_path, picture, decodings, monkeypatch):
    """Even a signed manifest that names it opens nothing; and consent is not even read before the screen."""
    world = build(tmp_path / "dep", purposes=("employment_screening",))
    consent = world.give()[1]
    monkeypatch.setattr(admission, "rest_on", lambda *a, **k: pytest.fail("consent was read before the legal screen"))
    with world.gate() as gate:
        decision, _ = road(gate, picture, world.case(consent))
    assert [hit.rule_id for hit in decision.rules] == ["eu-ai-act.5.1.f.candidate", "h.employment"]
    assert decodings == []


def test_with_consent_the_door_opens_and_frames_come(world, picture, decodings):
    """The control of the counting decoder: the same road, with consent, does decode."""
    consent = world.give("welcome")[1]
    with world.gate() as gate:
        admitted, frames = road(gate, picture, world.case(consent))
        assert isinstance(admitted, AdmittedClip) and decodings == ["frames"] and len(frames) == 1
        assert len(frames[0].faces) == 1
        assert admitted.permit.outputs == LABEL and admitted.permit.binding == "single_subject_device"


def test_a_gate_that_forgets_consent_would_be_seen(world, elsewhere, picture, decodings, monkeypatch):
    """Twin: with step 7 answered from somebody else's consent, the counting decoder counts."""
    consent = world.give("somebody")[1]
    real = admission.rest_on
    monkeypatch.setattr(
        admission,
        "rest_on",
        lambda desk, case, *a, **k: real(desk, dataclasses.replace(case, consents=(consent,)), *a, **k),
    )
    with pytest.raises(AssertionError):
        test_the_gate_refuses_by_name_and_decodes_nothing("no consent", world, elsewhere, picture, decodings)
    assert decodings


def test_only_consented_sound_is_released(world):
    quiet, loud = world.give("quiet", modalities=("face",))[1], world.give("loud")[1]
    with world.gate() as gate:
        admitted = gate.admit(clip(sound=True), world.case(quiet))
        with pytest.raises(Refused, match="voice"):
            admitted.open_guard().release_audio()
        size = gate._journal.ledger.size
        gate.admit(clip(sound=True), world.case(loud, modalities=frozenset({"voice"}))).open_guard().release_audio()
        assert gate._journal.ledger.size == size + 2  # admission and the intent to listen


def test_manifest_limits_come_first(tmp_path, picture):
    world = build(tmp_path / "dep", models=("ab" * 32,), modalities=("face",))
    consent = world.give()[1]
    with world.gate() as gate:
        assert gate.admit(clip(), world.case(consent)).rules[0].rule_id == "o.model-digest"
        named = world.case(consent, model_digest="ab" * 32)
        assert isinstance(gate.admit(clip(), named), AdmittedClip)
        voice = dataclasses.replace(named, modalities=frozenset({"voice"}))
        assert gate.admit(clip(sound=True), voice).rules[0].rule_id == "o.scope"
        assert gate.admit(clip(video=None), named).rules[0].rule_id == "m.nothing"
        assert gate.admit(clip(width=9000), named).rules[0].rule_id == "m.limits"
        world.clock.forward(days=366)
        assert gate.admit(clip(), named).rules[0].rule_id == "o.manifest"


def test_other_policies_than_signed_open_nothing(world, monkeypatch):
    consent = world.give("bundle")[1]
    with world.gate() as gate:
        monkeypatch.setattr(gate._desk.engine, "bundle_digest", "0" * 64)
        assert gate.admit(clip(), world.case(consent)).rules[0].rule_id == "o.policy-bundle"


def test_a_clock_that_is_set_back_or_forth_closes_the_gate(world):
    consent = world.give("clock")[1]
    with world.gate() as gate:
        assert isinstance(gate.admit(clip(), world.case(consent)), AdmittedClip)
        world.clock.now -= timedelta(seconds=3)
        try:
            assert gate.admit(clip(), world.case(consent)).rules[0].rule_id == "x.clock-step"
        finally:
            world.clock.now += timedelta(seconds=3)


@pytest.mark.parametrize("broken", ["scope", "screen", "rest_on"])
def test_an_unexpected_error_is_a_recorded_refusal(broken, world, monkeypatch):
    def explode(*args, **more):
        raise ZeroDivisionError

    monkeypatch.setattr(admission if broken == "rest_on" else screening, broken, explode)
    with world.gate() as gate:
        decision = gate.admit(clip(), world.case(world.give("boom")[1]))
        assert decision.rules[0].rule_id == "x.gate-error"
        header = next(gate._journal.ledger.entries(decision.log_index)).header
        assert header["errors"] == ["ZeroDivisionError"] and header["decision"] == "deny"


def test_without_a_face_finder_no_picture_is_admitted(world):
    with Gate.open(world.path, clock=world.clock, boottime_ns=world.clock.boottime_ns) as gate:
        assert gate.admit(clip(), world.case(world.give("blind")[1])).rules[0].rule_id == "x.no-finder"


def test_the_seal_is_taken_and_nobody_else_makes_an_admitted_clip(world):
    with pytest.raises(VemoError, match="taken already"):
        clip_records._take_seal()
    with world.gate() as gate:
        admitted = gate.admit(clip(), world.case(world.give("seal")[1]))
    with pytest.raises(VemoError, match="outside the gate"):
        AdmittedClip(admitted.clip, admitted.permit, admitted.open_guard, object())


def test_the_evidence_adds_up(tmp_path):
    world = build(tmp_path / "dep")
    consent = world.give()[1]
    ended, _ = world.give("ended")
    world.withdraw(ended)
    with world.gate() as gate:
        for envelopes in ((consent,), (consent,), (), (b"junk",)):
            gate.admit(clip(), world.case(*envelopes))
        evidence = gate.evidence(purpose="research")
    assert (evidence.asked, evidence.admitted, evidence.masked) == (4, 2, 0)
    assert {(one.rule_id, one.clips) for one in evidence.refusals} == {("c.present", 1), ("g.signature", 1)}
    assert (evidence.consents_in_force, evidence.consents_withdrawn) == (1, 1)
    assert f"\n{evidence.ledger_size}\n" in evidence.checkpoint and any("base/permit" in p for p in evidence.packs)


def test_a_rehearsal_opens_nothing(world):
    with world.gate(AlwaysOne) as gate:
        decision = gate.rehearse(clip(), world.case(world.give("try")[1]))
        assert decision.allowed and "rehearsal" in decision.obligations
        assert gate.rehearse(clip(), world.case()).rules[0].rule_id == "c.present"
        assert gate.screen(world.case()).allowed


def test_a_gate_on_an_unsigned_or_missing_manifest_does_not_open(tmp_path):
    with pytest.raises(BadInput, match="gate init"):
        Gate.open(tmp_path / "none.toml", clock=lambda: NOON, boottime_ns=lambda: 0)
