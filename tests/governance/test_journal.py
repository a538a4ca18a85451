"""What the gate writes: coarse counts, cut lists, and personal facts under the subject's key only."""

import os

import pytest
from throwaway import NOON, build

from vemo_audit.governance.journal import MAX_LISTED, Journal, Note, Private, bucket, private_facts
from vemo_audit.records.decision import Outcome, RuleHit


@pytest.fixture
def journal(tmp_path):
    with build(tmp_path / "dep").gate() as gate:
        yield gate._journal


@pytest.mark.parametrize(("count", "said"), [(0, "0"), (1, "1"), (2, "2-4"), (4, "2-4"), (5, "5+"), (900, "5+")])
def test_counts_of_faces_are_coarse(count, said):
    assert bucket(count) == said


def test_a_decision_carries_its_place_in_the_log(journal):
    note = Note(phase="intent", action="infer_emotion", outcome=Outcome.ALLOW, faces=(3, 1, 2))
    decision = journal.write(note)
    header = next(journal.ledger.entries(decision.log_index)).header
    assert header["decision_id"] == decision.decision_id and decision.log_origin == journal.ledger.origin
    assert header["faces"] == {"seen": "2-4", "allowed": "1", "masked": "2-4"}
    assert header["wall_time"] == "2026-11-23T12:00:00.000Z" and decision.at == NOON


def test_many_rules_are_cut_and_the_cut_is_marked(journal):
    rules = tuple(RuleHit(f"r{k}", "ref", "message") for k in range(MAX_LISTED + 3))
    decision = journal.write(Note(phase="intent", action="infer_emotion", outcome=Outcome.DENY, rules=rules))
    listed = next(journal.ledger.entries(decision.log_index)).header["rule_ids"]
    assert len(listed) == MAX_LISTED + 1 and listed[-1] == "and 3 more"


def test_equal_private_facts_do_not_look_equal_and_go_with_the_key(journal):
    note = Note(phase="intent", action="infer_emotion", outcome=Outcome.ALLOW, private=Private("anna", {"cell": 1}))
    first, second = journal.write_many([note, note])
    ledger = journal.ledger
    hashes = [next(ledger.entries(one.log_index)).header["ct_sha256"] for one in (first, second)]
    assert hashes[0] != hashes[1]
    facts = private_facts(ledger.read_private(first.log_index))
    assert (facts["cell"], facts["subject_ref"]) == (1, "anna")
    header = next(ledger.entries(first.log_index)).header
    ledger.forget("anna", header={key: header[key] for key in header if key not in ("ct_sha256", "dek_ref")})
    assert private_facts(ledger.read_private(first.log_index)) is None


def test_unsalted_facts_would_be_seen(journal, monkeypatch):
    """Twin: with salt and nonce constant, equal facts look equal."""
    flat = Journal(journal.ledger, journal.same, journal.clock, journal.boottime_ns, lambda n: bytes(n))
    assert Private("a", {"x": 1}).sealed(flat.entropy(16)) == Private("a", {"x": 1}).sealed(flat.entropy(16))
    assert Private("a", {"x": 1}).sealed(os.urandom(16)) != Private("a", {"x": 1}).sealed(os.urandom(16))
