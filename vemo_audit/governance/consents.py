"""The authoritative store of consents: one row for each version, the epoch of each subject, and the spent nonces."""

import fcntl
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Any, Self

from vemo_audit.errors import BadInput, EvidenceBroken
from vemo_audit.governance import dsse
from vemo_audit.governance.keys import PublicKey
from vemo_audit.records.consent import ConsentRecord
from vemo_audit.records.consent_terms import FIRST, IN_FORCE, NARROWING, TRANSITIONS, State
from vemo_audit.records.digest import digest

TYPE = dsse.type_of("consent")
FIXED = ("controller", "subject", "binding", "purposes", "created_at")
"""Fields that no later version may change: more rights take a new record."""
TABLES = """
CREATE TABLE version(record_id TEXT NOT NULL, version INTEGER NOT NULL, sha256 TEXT NOT NULL, envelope BLOB NOT NULL,
  PRIMARY KEY(record_id, version)) STRICT;
CREATE TABLE current(record_id TEXT PRIMARY KEY, subject_ref TEXT NOT NULL, version INTEGER NOT NULL,
  state TEXT NOT NULL, sha256 TEXT NOT NULL, expires_ms INTEGER NOT NULL) STRICT;
CREATE TABLE subject(subject_ref TEXT PRIMARY KEY, epoch INTEGER NOT NULL) STRICT;
CREATE TABLE nonce(nonce TEXT PRIMARY KEY, until_ms INTEGER NOT NULL) STRICT;
CREATE TABLE event(seq INTEGER PRIMARY KEY, record_id TEXT NOT NULL, version INTEGER NOT NULL, state TEXT NOT NULL,
  at_ms INTEGER NOT NULL, log_index INTEGER) STRICT;
"""
STANDINGS = """
SELECT c.record_id, c.subject_ref, c.version, c.state, c.sha256, c.expires_ms, s.epoch,
  (SELECT max(v.version) FROM version v WHERE v.record_id = c.record_id),
  (SELECT v.envelope FROM version v WHERE v.record_id = c.record_id AND v.version = c.version)
FROM current c JOIN subject s USING(subject_ref)
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a record stands now; an end of time that has passed counts, whether or not anybody wrote it down."""

    record_id: str
    subject_ref: str = field(repr=False)
    version: int
    epoch: int
    state: State
    sha256: str
    expires_at: datetime

    @property
    def in_force(self) -> bool:
        return self.state in IN_FORCE


@dataclass(frozen=True, slots=True)
class Unlogged:
    """An event in the store for which the ledger holds no leaf yet."""

    seq: int
    record_id: str
    subject_ref: str = field(repr=False)
    version: int
    state: State


class ConsentStore:
    """The open store. Every write is durable when the call returns; nothing is cached. Close it, or use `with`."""

    def __init__(self, path: Path, *, keys: Mapping[str, PublicKey]) -> None:
        """Opens an existing store; `keys` are the issuers' public keys by kid.

        Raises BadInput when there is none, EvidenceBroken when it is damaged.
        """
        if not path.is_file():
            raise BadInput("no consent store", where=str(path), advice="Make one with `vemo-audit gate init`.")
        self.path, self._keys, self._lock = path, keys, RLock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
        try:
            self._db.execute("PRAGMA synchronous=FULL")
            mode, sync = (self._db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous"))
            if mode != "wal" or sync != 2:
                raise EvidenceBroken(f"journal {mode}, synchronous {sync}", where=str(path), expected="wal and 2")
            self._db.execute("SELECT count(*) FROM current")
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise EvidenceBroken(f"not a consent store ({error})", where=str(path)) from error

    @classmethod
    def create(cls, path: Path, *, keys: Mapping[str, PublicKey]) -> Self:
        """A new, empty store that only its owner may read. Raises BadInput when the file exists."""
        if path.exists():
            raise BadInput("the file exists already", where=str(path), expected="a new place for the consent store")
        path.touch(mode=0o600)
        db = sqlite3.connect(path, isolation_level=None)
        db.execute("PRAGMA journal_mode=WAL")
        db.executescript(TABLES)
        db.close()
        return cls(path, keys=keys)

    def add(self, envelope: bytes, *, now: datetime) -> ConsentRecord:
        """Checks and stores one signed version.

        Raises EvidenceBroken when the signature does not hold, BadInput when the version may not follow the last one.
        """
        record = self.read(envelope)
        sha256 = digest(record.to_payload())
        with self._transaction() as db:
            before = self.standing(record.record_id, now=now)
            if before is None:
                _check_first(record)
            else:
                _check_next(record, before, self.record(record.record_id))
            row = (record.record_id, record.version, sha256, envelope)
            db.execute("INSERT INTO version VALUES (?, ?, ?, ?)", row)
            db.execute(
                "INSERT OR REPLACE INTO current VALUES (?, ?, ?, ?, ?, ?)",
                _row(record),
            )
            db.execute("INSERT OR IGNORE INTO subject VALUES (?, 0)", (record.subject.subject_ref,))
            if record.event.state in NARROWING:
                db.execute("UPDATE subject SET epoch = epoch + 1 WHERE subject_ref = ?", (record.subject.subject_ref,))
                db.execute(
                    "INSERT INTO event(record_id, version, state, at_ms) VALUES (?, ?, ?, ?)",
                    (record.record_id, record.version, str(record.event.state), _ms(now)),
                )
        return record

    def standing(self, record_id: str, *, now: datetime) -> Standing | None:
        """Where the record stands at `now`; None when the store does not know it.

        Raises EvidenceBroken when the row says something else than the newest signed version.
        """
        row = self._one(f"{STANDINGS} WHERE record_id = ?", record_id)
        return None if row is None else self._standing(row, now)

    def epoch(self, subject_ref: str) -> int:
        """How often rights of this subject were narrowed; -1 when the subject is unknown."""
        row = self._one("SELECT epoch FROM subject WHERE subject_ref = ?", subject_ref)
        return -1 if row is None else int(row[0])

    def all(self, *, now: datetime) -> list[Standing]:
        """Every record, in order of making. Raises EvidenceBroken as `standing`."""
        with self._lock:
            rows = self._db.execute(f"{STANDINGS} ORDER BY record_id").fetchall()
        return [self._standing(row, now) for row in rows]

    def envelope(self, record_id: str) -> bytes:
        """The signed envelope of the newest version. Raises BadInput when the record is unknown."""
        row = self._one(
            "SELECT envelope FROM version JOIN current USING(record_id, version) WHERE record_id = ?", record_id
        )
        if row is None:
            raise BadInput(f"no record {record_id}", where=str(self.path), advice="See `vemo-audit consent list`.")
        return bytes(row[0])

    def record(self, record_id: str) -> ConsentRecord:
        """The newest version. Raises BadInput when unknown, EvidenceBroken when the stored bytes were changed."""
        return self.read(self.envelope(record_id))

    def read(self, envelope: bytes) -> ConsentRecord:
        """The record in a signed envelope, stored here or not. Raises EvidenceBroken or BadInput."""
        return ConsentRecord.from_payload(dsse.verify(envelope, payload_type=TYPE, keys=self._keys))

    def spend_nonce(self, nonce: str, *, until: datetime, now: datetime) -> bool:
        """True once for each nonce, durably; False ever after while it could still be valid."""
        with self._transaction() as db:
            db.execute("DELETE FROM nonce WHERE until_ms < ?", (_ms(now),))
            row = (nonce, _ms(until))
            return db.execute("INSERT OR IGNORE INTO nonce VALUES (?, ?)", row).rowcount == 1

    def unlogged(self) -> list[Unlogged]:
        """Narrowing events without a leaf, oldest first."""
        with self._lock:
            rows = self._db.execute(
                "SELECT seq, record_id, subject_ref, event.version, event.state"
                " FROM event JOIN current USING(record_id) WHERE log_index IS NULL ORDER BY seq"
            ).fetchall()
        return [Unlogged(row[0], row[1], row[2], row[3], State(row[4])) for row in rows]

    def logged_at(self, record_id: str) -> int | None:
        """The ledger's index of the newest ending of this record; None when there is no leaf."""
        row = self._one("SELECT log_index FROM event WHERE record_id = ? ORDER BY seq DESC LIMIT 1", record_id)
        return None if row is None else row[0]

    def mark_logged(self, seq: int, log_index: int) -> None:
        """Notes where the ledger holds the leaf of an event."""
        with self._transaction() as db:
            db.execute("UPDATE event SET log_index = ? WHERE seq = ?", (log_index, seq))

    @contextmanager
    def emission(self) -> Iterator[None]:
        """The critical section of emission: a withdrawal waits until it ends. Shared between emitters."""
        with _flock(self.path, fcntl.LOCK_SH):
            yield

    @contextmanager
    def barrier(self) -> Iterator[None]:
        """Entered when no emission is under way on this host; none begins until it is left."""
        with _flock(self.path, fcntl.LOCK_EX):
            yield

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _standing(self, row: Any, now: datetime) -> Standing:
        """The row, once the newest signed version says the same: whoever edits rows cannot revive a consent."""
        record_id, subject_ref, version, state_text, sha256, expires_ms, epoch, newest, envelope = row
        record = self.read(bytes(envelope)) if envelope is not None and newest == version else None
        told = (record_id, subject_ref, version, state_text, sha256, expires_ms)
        if record is None or told != _row(record):
            raise EvidenceBroken(
                f"a row that is not what version {newest} of record {record_id} was signed as", where=str(self.path),
                expected="rows that nobody edited", advice="Restore the store, and ask how this came about.",
            )  # fmt: skip
        state = record.event.state
        if state not in NARROWING and now >= record.validity.expires_at:
            state = State.EXPIRED
        return Standing(record_id, subject_ref, version, epoch, state, sha256, record.validity.expires_at)

    def _one(self, query: str, *values: object) -> Any:
        with self._lock:
            return self._db.execute(query, values).fetchone()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise


def _row(record: ConsentRecord) -> tuple[str, str, int, str, str, int]:
    """What `current` says of a record whose newest version this is."""
    subject_ref, expires_ms = record.subject.subject_ref, _ms(record.validity.expires_at)
    sha256 = digest(record.to_payload())
    return record.record_id, subject_ref, record.version, str(record.event.state), sha256, expires_ms


def _check_first(record: ConsentRecord) -> None:
    if record.version != 1 or record.event.state not in FIRST:
        raise BadInput(
            f"version {record.version} in state {record.event.state} of an unknown record",
            where=f"consent {record.record_id}", expected="version 1, requested, given or refused",
        )  # fmt: skip


def _check_next(record: ConsentRecord, before: Standing, last: ConsentRecord) -> None:
    where = f"consent {record.record_id}"
    if record.version != before.version + 1 or record.prev_hash != before.sha256:
        raise BadInput(
            f"version {record.version} after version {before.version}", where=where,
            expected="the next version, with the hash of the last one",
        )  # fmt: skip
    wanted = record.event.state
    allowed = TRANSITIONS[last.event.state]
    if before.state is State.EXPIRED and last.event.state is not State.EXPIRED:
        allowed = frozenset({State.EXPIRED})  # time has ended it: nothing else can be written any more
    if wanted not in allowed:
        raise BadInput(
            f"{before.state} cannot become {wanted}", where=where,
            expected=", ".join(sorted(allowed)) or "nothing: this state is final",
            advice="Make a new record: an ended consent does not come back.",
        )  # fmt: skip
    changed = [name for name in FIXED if getattr(record, name) != getattr(last, name)]
    if changed:
        raise BadInput(f"another {changed[0]} than before", where=where, advice="Make a new record for other rights.")


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


@contextmanager
def _flock(path: Path, kind: int) -> Iterator[None]:
    with path.with_name(path.name + ".lock").open("a") as file:
        fcntl.flock(file, kind)  # freed by the kernel when the holder dies
        yield
