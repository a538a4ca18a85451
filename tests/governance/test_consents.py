"""The consent store: only legal steps, every narrowing counted, and expiry read from the clock."""

import dataclasses
import sqlite3
import tempfile
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from throwaway import NOON, build

from vemo_audit.errors import BadInput, EvidenceBroken, Refused
from vemo_audit.governance import consents, dsse, withdrawal
from vemo_audit.governance.consents import TYPE, ConsentStore
from vemo_audit.governance.withdrawal import next_version
from vemo_audit.records.consent_terms import Actor, Channel, State
from vemo_audit.records.digest import digest

# Written from the text of the design, not from the code: what may follow what.
LEGAL = {
    ("given", "withdrawn"), ("given", "expired"), ("given", "invalidated"), ("given", "reconfirmed"),
    ("reconfirmed", "withdrawn"), ("reconfirmed", "expired"), ("reconfirmed", "invalidated"),
    ("reconfirmed", "reconfirmed"),
}  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return build(tmp_path_factory.mktemp("consents") / "dep")


def fresh(world, folder: Path) -> ConsentStore:
    public = world.key("issuer").public
    return ConsentStore.create(folder / "consents.db", keys={public.kid: public})


def put(world, store, record, now=NOON):
    store.add(dsse.sign(record.to_payload(), payload_type=TYPE, key=world.key("issuer")), now=now)
    return record


def following(record, state, **changes):
    event = dataclasses.replace(record.event, state=State(state))
    made = dataclasses.replace(record, version=record.version + 1, prev_hash=digest(record.to_payload()), event=event)
    return dataclasses.replace(made, **changes)


class Life(RuleBasedStateMachine):
    """One record through arbitrary attempts; the store must agree with the table above."""

    world = None

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.store = fresh(self.world, Path(self.folder.name))
        self.now, self.narrowed = NOON, 0
        self.record = put(self.world, self.store, self.world.record())
        self.state = "given"

    @rule(wanted=st.sampled_from([str(s) for s in State]))
    def attempt(self, wanted):
        lapsed = self.now >= NOON + timedelta(days=1) and self.state in ("given", "reconfirmed")
        legal = (self.state, wanted) in LEGAL and (not lapsed or wanted == "expired")
        step = following(self.record, wanted)
        if not legal:
            with pytest.raises(BadInput):
                put(self.world, self.store, step, self.now)
            return
        self.record = put(self.world, self.store, step, self.now)
        self.state = wanted
        self.narrowed += wanted in ("withdrawn", "expired", "invalidated")

    @precondition(lambda self: self.now < NOON + timedelta(days=2))
    @rule()
    def wait(self):
        self.now += timedelta(hours=9)

    @invariant()
    def store_agrees(self):
        standing = self.store.standing(self.record.record_id, now=self.now)
        lapsed = self.now >= NOON + timedelta(days=1) and self.state in ("given", "reconfirmed")
        assert str(standing.state) == ("expired" if lapsed else self.state)
        assert standing.epoch == self.narrowed
        assert standing.in_force == (self.state in ("given", "reconfirmed") and not lapsed)
        assert self.store.record(self.record.record_id) == self.record

    def teardown(self):
        self.store.close()
        self.folder.cleanup()


def live(world):
    machine = type("Life", (Life,), {"world": world})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=12, stateful_step_count=15, deadline=None, database=None)
    )


def test_no_illegal_step_is_ever_stored(world):
    live(world)


def test_a_way_back_from_withdrawn_would_be_seen(world, monkeypatch):
    """Twin: with withdrawn -> given allowed, the same machine goes red."""
    monkeypatch.setattr(consents, "TRANSITIONS", consents.TRANSITIONS | {State.WITHDRAWN: frozenset({State.GIVEN})})
    with pytest.raises(BaseException) as red:
        live(world)
    assert "Failed" in type(red.value).__name__ or "Assertion" in type(red.value).__name__


def test_versions_chain_by_hash_and_rights_never_widen(world, tmp_path):
    with fresh(world, tmp_path) as store:
        record = put(world, store, world.record())
        for name, bad in (
            ("skips a version", following(record, "withdrawn", version=3)),
            ("breaks the chain", following(record, "withdrawn", prev_hash="0" * 64)),
            ("widens", following(record, "reconfirmed", purposes=world.record(purposes=("demo",)).purposes)),
            ("changes the person", following(record, "reconfirmed", subject=world.record("other").subject)),
        ):
            with pytest.raises(BadInput):
                put(world, store, bad)
            assert store.standing(record.record_id, now=NOON).version == 1, name
        with pytest.raises(BadInput, match="unknown record"):
            put(world, store, following(world.record(), "withdrawn"))


def test_a_stranger_cannot_store_a_consent(world, tmp_path):
    other = build(tmp_path / "other")
    with fresh(world, tmp_path) as store, pytest.raises(EvidenceBroken, match="not trusted"):
        put(other, store, world.record())


def test_bytes_changed_in_the_database_are_not_believed(world, tmp_path):
    with fresh(world, tmp_path) as store:
        record = put(world, store, world.record())
        insider = sqlite3.connect(tmp_path / "consents.db")
        insider.execute("UPDATE version SET envelope = CAST(replace(CAST(envelope AS TEXT), 'A', 'B') AS BLOB)")
        insider.commit()
        insider.close()
        with pytest.raises(EvidenceBroken):
            store.record(record.record_id)


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE current SET state = 'given'",
        "UPDATE current SET expires_ms = expires_ms + 100000000000",
        "UPDATE current SET version = 1, state = 'given', sha256 = (SELECT sha256 FROM version WHERE version = 1)",
        "DELETE FROM version WHERE version = 2",
        "UPDATE current SET subject_ref = (SELECT subject_ref FROM subject WHERE subject_ref != current.subject_ref)",
    ],
)
def test_a_row_edited_to_revive_a_consent_is_found(world, tmp_path, edit):
    with fresh(world, tmp_path) as store:
        record = put(world, store, world.record())
        put(world, store, following(record, "withdrawn"))
        assert store.standing(record.record_id, now=NOON).state is State.WITHDRAWN
        with sqlite3.connect(store.path) as db:
            db.execute("INSERT INTO subject VALUES ('somebody-else', 0)")
            db.execute(edit)
        with pytest.raises(EvidenceBroken, match="row"):
            store.standing(record.record_id, now=NOON)
        with pytest.raises(EvidenceBroken, match="row"):
            store.all(now=NOON)


def test_a_nonce_is_spent_once_and_survives_reopening(world, tmp_path):
    with fresh(world, tmp_path) as store:
        assert store.spend_nonce("n1", until=NOON + timedelta(seconds=62), now=NOON)
        assert not store.spend_nonce("n1", until=NOON + timedelta(seconds=62), now=NOON)
    public = world.key("issuer").public
    with ConsentStore(tmp_path / "consents.db", keys={public.kid: public}) as store:
        assert not store.spend_nonce("n1", until=NOON + timedelta(seconds=62), now=NOON + timedelta(seconds=61))
        assert store.spend_nonce("n2", until=NOON + timedelta(seconds=62), now=NOON)


def test_a_store_that_is_not_there_or_damaged_is_refused(tmp_path):
    with pytest.raises(BadInput, match="gate init"):
        ConsentStore(tmp_path / "none.db", keys={})
    (tmp_path / "odd.db").write_bytes(b"not a database" * 100)
    with pytest.raises(EvidenceBroken):
        ConsentStore(tmp_path / "odd.db", keys={})


def test_withdrawing_takes_no_more_steps_and_the_same_channel(world):
    record = world.record()
    for method, steps in ((Channel.UI, 2), (Channel.PAPER, 1)):
        with pytest.raises(Refused) as refusal:
            next_version(record, State.WITHDRAWN, by=Actor.SUBJECT, method=method, now=NOON, steps=steps)
        assert refusal.value.rule_id == "c.withdraw-parity"
    step = next_version(record, State.WITHDRAWN, by=Actor.SUBJECT, method=Channel.UI, now=NOON, steps=1)
    assert (step.version, step.event.state) == (2, State.WITHDRAWN)


def test_a_withdrawal_waits_out_the_emission_under_way(world):
    """The barrier: success is not returned while a send is in flight, and rights have ended before it is."""
    record_id, _ = world.give("barrier")
    done = threading.Event()
    with world.store() as store, store.emission():
        worker = threading.Thread(target=lambda: (world.withdraw(record_id), done.set()))
        worker.start()
        assert not done.wait(0.3)
        assert not store.standing(record_id, now=NOON).in_force  # in force before success is told
    worker.join(10)
    assert done.is_set()


def test_a_withdrawal_without_barrier_would_be_seen(world, monkeypatch):
    """Twin: without the barrier, success is told while the send is still in flight."""
    monkeypatch.setattr(ConsentStore, "barrier", lambda self: threading.Lock())
    record_id, _ = world.give("twin")
    with world.store() as store, store.emission():
        worker = threading.Thread(target=world.withdraw, args=(record_id,))
        worker.start()
        worker.join(5)
        assert not worker.is_alive()


def test_only_a_reconfirmation_renews_the_term(world):
    record = world.record()
    with pytest.raises(BadInput):
        next_version(record, State.EXPIRED, by=Actor.CONTROLLER, method=Channel.UI, now=NOON, lasts=timedelta(days=1))
    later = NOON + timedelta(hours=5)
    step = next_version(
        record, State.RECONFIRMED, by=Actor.SUBJECT, method=Channel.UI, now=later, lasts=timedelta(days=1)
    )
    assert step.validity.expires_at == later + timedelta(days=1)
    assert withdrawal.digest(record.to_payload()) == step.prev_hash
