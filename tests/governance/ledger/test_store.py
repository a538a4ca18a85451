"""What is appended is durable, whole and in order, and nobody but the one writer appends."""

import json
import random
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from vemo_audit.errors import BadInput, EvidenceBroken
from vemo_audit.governance.keys import generate
from vemo_audit.governance.ledger import merkle, rows, store
from vemo_audit.governance.ledger.check import MAX_UNSIGNED, verify_ledger
from vemo_audit.governance.ledger.checkpoint import verify_checkpoint
from vemo_audit.governance.ledger.proof import InclusionProof
from vemo_audit.governance.ledger.rows import Database, LogRows
from vemo_audit.governance.ledger.store import Draft, Ledger
from vemo_audit.records.digest import canonical_json

Some = Callable[..., list[Draft]]


def test_entries_come_back_in_order_with_their_leaves(made: Any, some: Some) -> None:
    with made.write() as log:
        appended = [log.append({"decision_id": "first", "phase": "intent"}), *log.append_many(some(600))]
        assert [entry.index for entry in appended] == list(range(601))
        assert list(log.entries()) == appended
        root = log.root
    with made.read() as log:
        assert (log.size, log.root) == (601, root)
        assert list(log.entries(5, 8)) == appended[5:8]
        assert log.find("d3") == [appended[4]]
        assert log.find("nobody") == []
        for entry in appended:
            assert entry.leaf_hash == merkle.leaf_hash(canonical_json(entry.header))


def test_an_acknowledged_entry_is_seen_by_another_process_at_once(made: Any) -> None:
    with made.write() as log:
        log.append({"decision_id": "seen"})
        query = "import sqlite3,sys; print(sqlite3.connect(sys.argv[1]).execute('SELECT header FROM entry').fetchall())"
        done = subprocess.run(
            [sys.executable, "-c", query, str(made.folder / "ledger.db")], capture_output=True, text=True, check=True
        )
        assert "seen" in done.stdout


def test_private_parts_open_and_are_nowhere_in_clear(made: Any) -> None:
    with made.write() as log:
        first = log.append({"decision_id": "a"}, private=b"the secret of a person", subject_ref="s1")
        second = log.append({"decision_id": "b"}, private=b"another secret", subject_ref="s2")
        third = log.append({"decision_id": "c"})
        assert log.read_private(first.index) == b"the secret of a person"
        assert log.read_private(second.index) == b"another secret"
        assert log.read_private(third.index) is None
        assert set(first.header) == {"decision_id", "dek_ref", "ct_sha256"}
        for path in made.folder.iterdir():
            assert b"secret of a person" not in path.read_bytes()
    with made.read() as log:
        assert log.read_private(first.index) == b"the secret of a person"


def test_a_second_writer_is_refused_and_told_who_has_it(made: Any) -> None:
    with made.write():
        with pytest.raises(BadInput, match=r"another writer.*process \d+ since 2026-11-23T12:00:00.000Z"):
            made.write()
        with made.read() as reader:  # reading stays possible
            assert reader.size == 0
    made.write().close()  # and the right comes back


def test_twin_without_the_lock_two_writers_get_in(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store.fcntl, "flock", lambda *_: None)
    with made.write(), made.write():
        pass


def test_a_reader_cannot_write(made: Any, now: datetime) -> None:
    with made.read() as log:
        for act in (lambda: log.append({"decision_id": "x"}), lambda: log.checkpoint(now)):
            with pytest.raises(BadInput, match="open for reading"):
                act()
        with pytest.raises(EvidenceBroken, match="readonly"), log._rows.commit():
            log._rows.add_entries([(0, b"{}", bytes(32), "x")], [])


@pytest.mark.parametrize(
    ("draft", "words"),
    [
        (Draft({}), "without decision_id"),
        (Draft({"decision_id": 5}), "without decision_id"),
        (Draft({"decision_id": "x", "ct_sha256": "00"}), "'ct_sha256'"),
        (Draft({"decision_id": "x", "dek_ref": "00"}), "'dek_ref'"),
        (Draft({"decision_id": "x", "erased": 1}), "'erased'"),
        (Draft({"decision_id": "x"}, private=b"p"), "both or neither"),
        (Draft({"decision_id": "x"}, subject_ref="s"), "both or neither"),
        (Draft({"decision_id": "x", "share": 0.5}), "float"),
        (Draft({"decision_id": "x", "note": "y" * 8200}), "8 *192|at most"),
        (Draft({"decision_id": "x"}, bytes(70_000), "s"), "at most"),
    ],
)
def test_a_bad_draft_writes_nothing_and_spoils_nothing(made: Any, some: Some, draft: Draft, words: str) -> None:
    with made.write() as log:
        log.append_many(some(3))
        before = log.root
        with pytest.raises(BadInput, match=words):
            log.append_many([*some(2, first=3), draft])
        assert (log.size, log.root) == (3, before)
        assert log.append({"decision_id": "next"}).index == 3
    assert verify_ledger(made.folder, log_public=made.key.public).holds


def test_nothing_is_appended_for_nothing(made: Any) -> None:
    with made.write() as log:
        assert log.append_many([]) == []
        assert log.size == 0


def test_checkpoints_grow_and_are_signed_once_for_each_size(made: Any, some: Some, now: datetime) -> None:
    with made.write() as log:
        notes = [log.checkpoint(now)]
        for size in (1, 5, 300):
            log.append_many(some(size, first=log.size))
            notes.append(log.checkpoint(now))
            assert log.checkpoint(now) == notes[-1] == log.last_checkpoint
            signed = verify_checkpoint(notes[-1], origin=log.origin, key=made.key.public)
            assert (signed.size, signed.root) == (log.size, log.root)
    with made.read() as log:
        assert (log.last_checkpoint, log.signed_size) == (notes[-1], 306)


def test_a_long_unsigned_tail_is_signed_by_itself(made: Any, some: Some) -> None:
    with made.write() as log:
        log.append_many(some(MAX_UNSIGNED - 1))
        assert log.signed_size == 0
        log.append_many(some(1, first=MAX_UNSIGNED))
        assert log.signed_size == MAX_UNSIGNED == log.size
    assert verify_ledger(made.folder, log_public=made.key.public).holds


def test_no_checkpoint_over_another_past(made: Any, some: Some, now: datetime) -> None:
    """A tree that does not begin with the signed one is not signed, and the ledger closes."""
    with made.write() as log:
        log.append_many(some(10))
        log.checkpoint(now)
        log.append_many(some(3, first=10))
        log._rows.sql.execute("UPDATE entry SET leaf=zeroblob(32) WHERE idx=4")
        log._tiles._cache.clear()
        with pytest.raises(EvidenceBroken, match="does not extend"):
            log.checkpoint(now)
        with pytest.raises(EvidenceBroken, match="closed by an error"):
            log.append({"decision_id": "x"})


def test_every_entry_can_be_proved_once_it_is_signed(made: Any, some: Some, now: datetime) -> None:
    with made.write() as log:
        entries = log.append_many(some(517))
        with pytest.raises(BadInput, match="newer than the last checkpoint"):
            log.prove(0)
        log.checkpoint(now)
        log.append_many(some(20, first=517))
        for entry in entries:
            proof = log.prove(entry.index)
            assert InclusionProof.from_text(proof.to_text()) == proof
            assert proof.verify(origin=log.origin, key=made.key.public).size == 517
            assert json.loads(proof.entry) == entry.header
        with pytest.raises(BadInput, match="no entry 537"):
            log.prove(537)
        with pytest.raises(BadInput, match="no entry -1"):
            log.prove(-1)


@pytest.mark.parametrize("step", ["keys", "payload", "entry", "COMMIT"])
def test_an_error_while_writing_is_fatal_and_loses_nothing(made: Any, some: Some, step: str) -> None:
    """A full disk at each step: no acknowledgement, no further answer, and a clean restart."""
    with made.write() as log:
        log.append_many(some(4))
        if step == "COMMIT":
            log._rows.sql = _Refusing(log._rows.sql)
        else:
            database = {"keys": log._private.keys, "payload": log._private.payloads, "entry": log._rows}[step]
            database.sql.execute(f"PRAGMA max_page_count={database.all('PRAGMA page_count')[0][0]}")
        with pytest.raises(EvidenceBroken, match="SQLite says"):
            for k in range(200):
                log.append({"decision_id": f"e{k}", "note": "x" * 4000}, private=bytes(9000), subject_ref=f"s{k}")
        with pytest.raises(EvidenceBroken, match="closed by an error"):
            log.append({"decision_id": "later"})
        acknowledged = log.size
    with made.write() as log:
        assert log.size == acknowledged
        log.append({"decision_id": "after"})
    assert verify_ledger(made.folder, log_public=made.key.public).holds


class _Refusing:
    """A connection whose disk fails when it must commit."""

    def __init__(self, sql: sqlite3.Connection) -> None:
        self._sql = sql

    def execute(self, statement: str, *values: object) -> sqlite3.Cursor:
        if statement == "COMMIT":
            self._sql.execute("ROLLBACK")
            raise sqlite3.OperationalError("disk I/O error")
        return self._sql.execute(statement, *values)

    def __getattr__(self, name: str) -> object:
        return getattr(self._sql, name)


def test_pragmas_are_read_back(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with made.write() as log:
        assert log._rows.all("PRAGMA synchronous") == [(2,)]
        assert log._rows.all("PRAGMA journal_mode") == [("wal",)]
        assert log._private.keys.all("PRAGMA secure_delete") == [(1,)]


def test_twin_a_pragma_that_does_not_stick_is_refused(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Database.all

    def deaf(self: Database, statement: str, *values: object) -> list[tuple[object, ...]]:
        return honest(self, statement.replace("synchronous=2", "synchronous=1"), *values)

    monkeypatch.setattr(Database, "all", deaf)
    with pytest.raises(EvidenceBroken, match="PRAGMA synchronous"):
        made.write()


def test_what_is_not_a_ledger_is_refused(made: Any, tmp_path: Path, now: datetime) -> None:
    key = made.key
    for log_key in (None, key):
        with pytest.raises(BadInput, match="no ledger here"):
            Ledger.open(tmp_path / "nowhere", log_public=key.public, now=now, log_key=log_key)
    with pytest.raises(BadInput, match="already"):
        Ledger.create(made.folder, origin="x", log_key=key, now=now)
    with pytest.raises(BadInput, match="the log key"):
        Ledger.open(made.folder, log_public=generate("log").public, now=now, log_key=key)
    with pytest.raises(EvidenceBroken, match="no valid signature"):
        Ledger.open(made.folder, log_public=generate("log").public, now=now)
    with pytest.raises(BadInput, match="naive"):
        Ledger.open(made.folder, log_public=key.public, now=now.replace(tzinfo=None), log_key=key)
    (made.folder / "payload.db").write_bytes(b"not a database, but longer than a header of one" * 10)
    with pytest.raises(EvidenceBroken, match=r"payload.db.*not a database"):
        made.read()


def test_a_closed_ledger_answers_nothing(made: Any) -> None:
    log = made.write()
    log.append({"decision_id": "x"})
    log.close()
    log.close()
    for act in (lambda: log.append({"decision_id": "y"}), lambda: list(log.entries()), lambda: log.find("x")):
        with pytest.raises(EvidenceBroken, match="closed"):
            act()


def erased_bytes(made: Any, now: datetime) -> list[str]:
    """Files that still hold a byte string of an erased person; also checks that the rest lives on."""
    with made.write() as log:
        mine = [log.append({"decision_id": f"m{k}"}, private=b"mine", subject_ref="me") for k in range(20)]
        yours = log.append({"decision_id": "y"}, private=b"yours", subject_ref="you")
        log.checkpoint(now)
        proof = log.prove(mine[3].index)
        sealed = [log._private.payload(entry.header["ct_sha256"]) for entry in mine]
        secrets = [*sealed, log._private.dek("me"), *(entry.header["dek_ref"].encode() for entry in mine)]
        leaf = log.forget("me", header={"decision_id": "e", "phase": "erasure"})
        assert (leaf.header["erased"], leaf.header["phase"]) == (20, "erasure")
        assert [log.read_private(entry.index) for entry in mine] == [None] * 20
        assert log.read_private(yours.index) == b"yours"
        proof.verify(origin=log.origin, key=made.key.public)
        left = []
        for path in sorted(made.folder.iterdir()):
            if path.name.startswith(("payload", "keys")):
                data = path.read_bytes()
                left += [path.name] if any(secret in data for secret in secrets) else []
    assert verify_ledger(made.folder, log_public=made.key.public).holds
    return left


def test_erasure_leaves_no_byte_and_every_proof(made: Any, now: datetime) -> None:
    assert erased_bytes(made, now) == []


def test_twin_erasure_without_scrubbing_leaves_bytes(made: Any, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows.Database, "scrub", lambda self: None)
    assert erased_bytes(made, now)


def test_an_interrupted_erasure_is_made_again(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with made.write() as log:
        log.append({"decision_id": "a"}, private=b"mine", subject_ref="me")
        with monkeypatch.context() as broken:
            broken.setattr(rows.PrivateRows, "destroy", lambda self, subject: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                log.forget("me", header={"decision_id": "e1"})
    assert verify_ledger(made.folder, log_public=made.key.public).holds
    with made.write() as log:
        assert log.forget("me", header={"decision_id": "e2"}).header["erased"] == 1
        assert log.forget("me", header={"decision_id": "e3"}).header["erased"] == 0
        assert log.read_private(0) is None
    report = verify_ledger(made.folder, log_public=made.key.public)
    assert (report.holds, report.erased) == (True, 1)


def test_rows_refuse_a_gap(made: Any) -> None:
    log = LogRows(made.folder, writable=True)
    with log.commit():
        log.add_entries([(1, b"{}", bytes(32), "x")], [])
    with pytest.raises(EvidenceBroken, match="without a gap"):
        log.size()
    log.close()


def test_threads_of_the_writer_share_one_ledger(made: Any) -> None:
    with made.write() as log:

        def work(name: str) -> None:
            for k in range(20):
                log.append({"decision_id": f"{name}{k}"}, private=b"p", subject_ref=name)

        threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [entry.index for entry in log.entries()] == list(range(80))
    assert verify_ledger(made.folder, log_public=made.key.public).holds


@pytest.mark.long
def test_every_proof_of_a_hundred_thousand_entries_holds(made: Any, now: datetime) -> None:
    key, picks = made.key.public, random.Random(1)
    with made.write() as log:
        for first in range(0, 100_000, 1000):
            log.append_many([Draft({"decision_id": f"d{k}"}) for k in range(first, first + 1000)])
        log.checkpoint(now)
        for index in range(100_000):
            proof = log.prove(index)
            assert merkle.includes(merkle.leaf_hash(proof.entry), index, 100_000, proof.path, log.root)
            if index % 1000 == 0:
                proof.verify(origin=log.origin, key=key)
        node = log._tiles.node
        for _ in range(1000):
            old, new = sorted(picks.sample(range(1, 100_001), 2))
            path = merkle.consistency_path(old, new, node)
            roots = {"old_root": merkle.root_of(old, node), "new_root": merkle.root_of(new, node)}
            assert merkle.extends(old, new, path, **roots)
