"""What opens the gate: a consent, a grant or a dataset release, cut to what was agreed, and nothing else."""

import os
from datetime import timedelta

import pytest
from throwaway import NOON, build, clip

from vemo_audit.governance import grants
from vemo_audit.governance.gate import Case
from vemo_audit.records.clip import AdmittedClip
from vemo_audit.records.decision import Outcome


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return build(tmp_path_factory.mktemp("admission") / "dep")


def test_the_wish_is_cut_to_what_was_agreed(world):
    consent = world.give("cut", outputs=("valence_arousal",), modalities=("face",))[1]
    with world.gate() as gate:
        wish = world.case(consent, modalities=frozenset({"face", "voice", "body"}))
        admitted = gate.admit(clip(sound=True), wish)
    assert admitted.permit.modalities == {"face"} and admitted.permit.outputs == {"valence_arousal"}


def test_a_voice_has_no_seat(world):
    consent = world.give("seat", binding="seat_zone", zone=(0, 0, 500, 1000))[1]
    with world.gate() as gate:
        both = gate.admit(clip(sound=True), world.case(consent, modalities=frozenset({"face", "voice"})))
        assert both.permit.modalities == {"face"}
        alone = gate.admit(clip(sound=True), world.case(consent, modalities=frozenset({"voice"})))
        assert alone.rules[0].rule_id == "b.voice-single-source"


def test_a_grant_opens_the_gate_once(world):
    record_id, _ = world.give("granted")
    with world.store() as store:
        record = store.record(record_id)
    envelope = grants.mint(
        record, 0, purpose="research", audience="throwaway", session_id="s", key=world.key("issuer"),
        now=world.clock.now, entropy=os.urandom,
    )  # fmt: skip
    with world.gate() as gate:
        assert isinstance(gate.admit(clip(), world.case(envelope)), AdmittedClip)
        assert gate.admit(clip(), world.case(envelope)).rules[0].rule_id == "g.nonce"


def table_case(world, envelope, **more):
    fields = {
        "purpose": "dataset_audit", "modalities": frozenset({"face"}), "outputs": frozenset({"expression_label"}),
        "release": envelope,
    }  # fmt: skip
    return Case(**(fields | more))


def test_a_table_is_admitted_by_its_release_alone(tmp_path):
    world = build(tmp_path / "dep", purposes=("dataset_audit", "research"), bindings=("dataset_release",))
    digest = "cd" * 32
    with world.gate() as gate:
        good = table_case(world, world.release([digest]))
        decision = gate.admit_table(digest, good)
        assert decision.allowed and decision.action == "measure_predictions"
        for case, rule_id in (
            (table_case(world, world.release(["ef" * 32])), "d.release"),
            (table_case(world, world.release([digest], expires_at=NOON - timedelta(hours=1))), "d.release"),
            (table_case(world, world.release([digest], consent_statement="")), "c.present"),
            (table_case(world, world.release([digest], purposes=("research",))), "c.present"),
            (table_case(world, world.release([digest], adults_only=False)), "c.guardian"),
            (table_case(world, world.release([digest]), purpose="research"), "c.present"),
            (table_case(world, None), "c.present"),
            (table_case(world, world.release([digest])[:-9] + b'AAAA"}]}  '), "g.signature"),
        ):
            refused = gate.admit_table(digest, case)
            assert refused.outcome is Outcome.DENY and refused.rules[0].rule_id == rule_id
        evidence = gate.evidence(purpose="dataset_audit", basis="gated table")
    assert (evidence.asked, evidence.admitted) == (9, 1)
