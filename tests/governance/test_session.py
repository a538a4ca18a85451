"""While a clip is looked at: intents first, outputs cut to consent, and nothing out once consent has ended."""

from datetime import timedelta

import numpy as np
import pytest
from throwaway import LABEL, build, clip

from vemo_audit.errors import EvidenceBroken, Refused
from vemo_audit.governance import masking
from vemo_audit.governance.gate import Case
from vemo_audit.governance.journal import private_facts
from vemo_audit.governance.ledger.store import Ledger
from vemo_audit.governance.session import Session
from vemo_audit.records.prediction import Prediction
from vemo_audit.records.span import Span


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return build(tmp_path_factory.mktemp("session") / "dep")


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    return build(tmp_path_factory.mktemp("session") / "other", controller="somebody-else", deployment_id="other")


def answer(admitted, **more):
    fields = {
        "clip": admitted.clip.name, "person": "1", "span": Span(0, 1),
        "probability": np.array([0.75, 0.25], np.float32),
        "valence": 0.5, "arousal": 0.25, "dominance": 0.1, "modality": "face", "contribution": {"face": 1.0},
    }  # fmt: skip
    return Prediction(**(fields | more))


@pytest.mark.parametrize(
    ("outputs", "label", "valence"),
    [
        (("expression_label",), True, False),
        (("valence_arousal",), False, True),
        (("expression_label", "valence_arousal"), True, True),
    ],
)
def test_outputs_are_cut_to_what_was_agreed_and_carry_the_decision(outputs, label, valence, world):
    with world.gate() as gate:
        admitted = gate.admit(clip(), world.case(world.give("o", outputs=outputs)[1]))
        (out,) = gate.emit(admitted, [answer(admitted)])
    assert (out.probability is not None) == label and bool(out.reason) != label
    assert np.isfinite(out.valence) == valence and np.isfinite(out.dominance) == valence
    assert bool(out.contribution) == label and out.decision == admitted.permit.decision_id


def test_aggregate_only_lets_no_single_estimate_out(tmp_path):
    world = build(tmp_path / "dep", outputs=("aggregate_only",))
    with world.gate() as gate:
        consent = world.give(outputs=("aggregate_only",))[1]
        admitted = gate.admit(clip(), world.case(consent, outputs=frozenset({"aggregate_only"})))
        (out,) = gate.emit(admitted, [answer(admitted)])
    assert out.probability is None and np.isnan(out.valence)


def test_a_withdrawal_between_admission_and_emission_drops_the_output(world):
    record_id, consent = world.give("changes mind")
    with world.gate() as gate:
        admitted = gate.admit(clip(), world.case(consent))
        assert len(gate.emit(admitted, [answer(admitted)])) == 1
        world.withdraw(record_id)
        assert gate.emit(admitted, [answer(admitted)]) == []
        entries = list(gate._journal.ledger.entries(admitted.permit.log_index))
        assert [e.header["phase"] for e in entries] == ["intent", "outcome", "outcome", "dropped", "withdrawal"]
        assert entries[3].header["rule_ids"] == ["w.withdrawn-since"]
        assert entries[3].header["intent_id"] == admitted.permit.decision_id


def test_an_unread_epoch_would_be_seen(world, monkeypatch):
    """Twin: without re-reading the epoch, the output of a withdrawn person leaves."""
    monkeypatch.setattr(Session, "stale", lambda self: "")
    with pytest.raises(AssertionError):
        test_a_withdrawal_between_admission_and_emission_drops_the_output(world)


def test_a_withdrawal_while_the_clip_plays_covers_the_person(world):
    record_id, consent = world.give("midway")
    with world.gate() as gate:
        guard = gate.admit(clip(), world.case(consent)).open_guard()
        raw = np.full((2, 48, 64, 3), 9, np.uint8)
        assert guard.release(raw.copy(), np.array([0.0, 0.04]), 0)[0].faces
        world.withdraw(record_id)
        after = guard.release(raw.copy(), np.array([0.08, 0.12]), 2)
    assert all(not frame.faces and frame.covered and np.all(frame.image == masking.FILL) for frame in after)
    assert after[0].covered[0].rule_id == "c.state-given"


def test_another_gate_s_clip_is_not_emitted(world, elsewhere):
    with world.gate() as gate, elsewhere.gate() as other:
        admitted = other.admit(clip(), elsewhere.case(elsewhere.give()[1]))
        with pytest.raises(Refused, match=r"p\.foreign"):
            gate.emit(admitted, [])


def history_is_sound(gate, admitted, seen) -> bool:
    """Every frame that a recognizer saw has an earlier, durable intent for its person and second."""
    entries = list(gate._journal.ledger.entries())
    intents = set()
    for entry in entries:
        if entry.header["intent_id"] == admitted.permit.decision_id and entry.header["phase"] == "intent":
            private = private_facts(gate._journal.ledger.read_private(entry.index))
            intents.add((private["cell"], entry.index))
    return all(any(cell == int(t) and index < size for cell, index in intents) for t, size in seen)


def faulted_runs(world, monkeypatch, count):
    """Requests whose ledger fails at a random write: whether each history is sound, and how many frames came."""
    rng = np.random.default_rng(4)
    real, sound, frames = Ledger.append_many, [], 0
    consent = world.give("faulted")[1]
    for _ in range(count):
        with world.gate() as gate:
            fail_at, calls = int(rng.integers(1, 6)), [0]

            def fails(self, drafts, *, calls=calls, fail_at=fail_at):
                calls[0] += 1
                if calls[0] >= fail_at:
                    raise EvidenceBroken("disk full")
                return real(self, drafts)

            monkeypatch.setattr(Ledger, "append_many", fails)
            seen = []
            try:
                admitted = gate.admit(clip(), world.case(consent))
                guard = admitted.open_guard()
                for start in range(4):
                    raw, times = np.zeros((2, 48, 64, 3), np.uint8), np.array([0.7, 1.1]) + start
                    for frame in guard.release(raw, times, 2 * start):
                        if frame.faces:
                            seen.append((frame.time_s, gate._journal.ledger.size))
            except (EvidenceBroken, Refused):
                pass
            monkeypatch.setattr(Ledger, "append_many", real)
            frames += len(seen)
            sound.append(not seen or history_is_sound(gate, admitted, seen))
    return sound, frames


def test_no_inference_without_a_durable_intent_whatever_fails(world, monkeypatch):
    sound, frames = faulted_runs(world, monkeypatch, 40)
    assert all(sound) and frames > 20


def test_inferring_before_logging_would_be_seen(world, monkeypatch):
    """Twin: the guard hands out frames although their intent was not written."""
    monkeypatch.setattr(masking.Guard, "_intend", lambda self, intents: None)
    sound, _ = faulted_runs(world, monkeypatch, 10)
    assert not all(sound)


def test_the_stop_switch_stops_admission_work_and_emission(world):
    consent = world.give("stop")[1]
    stop = world.folder / "STOP"
    with world.gate() as gate:
        admitted = gate.admit(clip(), world.case(consent))
        guard = admitted.open_guard()
        stop.touch()
        try:
            assert gate.admit(clip(), world.case(consent)).rules[0].rule_id == "o.killswitch"
            with pytest.raises(Refused, match=r"o\.killswitch"):
                guard.release(np.zeros((1, 48, 64, 3), np.uint8), np.array([0.0]), 0)
            assert gate.emit(admitted, [answer(admitted)]) == []
        finally:
            stop.unlink()


def test_a_permit_ends(world):
    consent = world.give("ends", lasts=timedelta(minutes=10))[1]
    with world.gate() as gate:
        admitted = gate.admit(clip(), world.case(consent))
        guard = admitted.open_guard()
        guard.release(np.zeros((1, 48, 64, 3), np.uint8), np.array([0.0]), 0)
        world.clock.forward(minutes=11)
        with pytest.raises(Refused, match=r"p\.expired"):
            guard.release(np.zeros((1, 48, 64, 3), np.uint8), np.array([0.1]), 1)


def test_a_released_clip_is_admitted_for_an_offline_audit(tmp_path):
    world = build(tmp_path / "dep", purposes=("dataset_audit",), bindings=("dataset_release",))
    one = clip()
    with world.gate() as gate:
        admitted = gate.admit(
            one, Case("dataset_audit", frozenset({"face"}), LABEL, release=world.release([one.sha256]))
        )
        frames = admitted.open_guard().release(np.zeros((2, 48, 64, 3), np.uint8), np.array([0.0, 0.04]), 0)
        assert frames[0].faces and gate.emit(admitted, [answer(admitted)])


def test_nothing_personal_stands_in_the_clear(world):
    record_id, consent = world.give("private-person")
    with world.gate() as gate:
        one = clip("holiday.mp4")
        admitted = gate.admit(one, world.case(consent))
        admitted.open_guard().release(np.zeros((1, 48, 64, 3), np.uint8), np.array([0.0]), 0)
        gate.emit(admitted, [answer(admitted)])
        clear = str([entry.header for entry in gate._journal.ledger.entries(admitted.permit.log_index)])
        private = private_facts(gate._journal.ledger.read_private(admitted.permit.log_index))
    for word in ("private-person", "holiday", one.sha256, record_id):
        assert word not in clear
    assert private["clip_sha256"] == one.sha256 and private["subject_ref"] == "private-person"
