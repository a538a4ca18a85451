"""The SQL of the ledger: three SQLite files, opened so that a commit survives a power cut."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vemo_audit.errors import BadInput, EvidenceBroken
from vemo_audit.governance.ledger.tiles import TILE_WIDTH, NewHash

FORMAT = 1
LEDGER, PAYLOAD, KEYS = "ledger.db", "payload.db", "keys.db"
SCHEMAS = {
    LEDGER: """
        CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
        CREATE TABLE entry(idx INTEGER PRIMARY KEY, header BLOB NOT NULL, leaf BLOB NOT NULL, decision_id TEXT NOT NULL)
            STRICT;
        CREATE INDEX entry_by_decision ON entry(decision_id);
        CREATE TABLE tile(level INTEGER, n INTEGER, hashes BLOB NOT NULL, PRIMARY KEY(level, n)) STRICT;
        CREATE TABLE checkpoint(size INTEGER PRIMARY KEY, root BLOB NOT NULL, note TEXT NOT NULL, signed_at TEXT)
            STRICT;
    """,
    PAYLOAD: "CREATE TABLE payload(ct_sha256 TEXT PRIMARY KEY, ct BLOB NOT NULL) STRICT;",
    KEYS: """
        CREATE TABLE dek(dek_id INTEGER PRIMARY KEY, subject_ref TEXT UNIQUE NOT NULL, wrapped BLOB NOT NULL) STRICT;
        CREATE TABLE dek_ref(ref TEXT PRIMARY KEY, dek_id INTEGER NOT NULL, ct_sha256 TEXT NOT NULL) STRICT;
        CREATE INDEX dek_ref_by_dek ON dek_ref(dek_id);
    """,
}
PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "trusted_schema": 0, "cell_size_check": 1}
"""synchronous 2 is FULL: in WAL mode, NORMAL loses acknowledged commits in a power cut (measured)."""


class Database:
    """One SQLite file. Any error of SQLite is an EvidenceBroken here: the caller must not go on."""

    def __init__(self, path: Path, *, writable: bool) -> None:
        if not path.is_file():
            raise BadInput("no ledger here", where=str(path), advice="Make one with `vemo-audit gate init`.")
        self.path, self._mode = path, "rw" if writable else "ro"
        # a reader on a read-only disk cannot make the -shm file that WAL needs; without -wal nothing is pending
        frozen = (
            not writable and not os.access(path.parent, os.W_OK) and not path.with_name(path.name + "-wal").exists()
        )
        uri = f"{path.resolve().as_uri()}?mode={self._mode}{'&immutable=1' if frozen else ''}"
        with self.guard():
            self.sql = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=5)
        try:
            self._settle(writable)
        except BaseException:
            self.sql.close()
            raise

    def _settle(self, writable: bool) -> None:
        """Sets the pragmas and reads every one back: SQLite ignores silently what it cannot do."""
        for name, wanted in PRAGMAS.items():
            if name != "journal_mode" or writable:
                self.all(f"PRAGMA {name}={wanted}")
            found = self.all(f"PRAGMA {name}")
            if found != [(wanted,)] and (writable or name != "journal_mode"):
                raise EvidenceBroken(f"PRAGMA {name} is {found}", where=str(self.path), expected=str(wanted))
        if self.all("PRAGMA user_version") != [(FORMAT,)]:
            raise EvidenceBroken("a database of another format", where=str(self.path), expected=f"format {FORMAT}")

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Turns errors of SQLite into ours."""
        try:
            yield
        except sqlite3.Error as error:
            raise EvidenceBroken(
                f"SQLite says {error}", where=str(self.path), expected="a database that reads and writes",
                advice="Nothing was acknowledged. Stop, look at the disk, then run `vemo-audit ledger verify`.",
            ) from error  # fmt: skip

    def all(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Every row of a statement."""
        with self.guard():
            return self.sql.execute(statement, values).fetchall()

    @contextmanager
    def commit(self) -> Iterator[sqlite3.Connection]:
        """One transaction. When the block is left without an error, its rows survive a power cut."""
        with self.guard():
            self.sql.execute("BEGIN IMMEDIATE")
            try:
                yield self.sql
            except BaseException:
                self.sql.execute("ROLLBACK")
                raise
            self.sql.execute("COMMIT")

    def fault(self) -> str:
        """What SQLite's own check finds wrong; empty when nothing."""
        found = self.all("PRAGMA integrity_check(3)")
        return "" if found == [("ok",)] else "; ".join(str(row[0]) for row in found)

    def scrub(self) -> None:
        """Leaves no byte of deleted rows behind: neither in free pages nor in the WAL."""
        for statement in ("PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
            self.all(statement)

    def close(self) -> None:
        self.sql.close()


def create_databases(folder: Path, meta: dict[str, str]) -> None:
    """Makes the three files. Raises BadInput when one exists already."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, schema in SCHEMAS.items():
        path = folder / name
        if path.exists():
            raise BadInput("a ledger is here already", where=str(path), advice="Open it, or choose another folder.")
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("PRAGMA journal_mode=wal")
        connection.executescript(f"BEGIN;{schema}PRAGMA user_version={FORMAT};COMMIT;")
        if name == LEDGER:
            connection.executemany("INSERT INTO meta VALUES(?,?)", list(meta.items()))
        connection.close()
        path.chmod(0o600)
    descriptor = os.open(folder, os.O_RDONLY)  # the names of new files, too, must survive a power cut
    os.fsync(descriptor)
    os.close(descriptor)


class LogRows(Database):
    """Entries, tiles and checkpoints: rows are added, never changed, except the last tile of a level, which grows."""

    def __init__(self, folder: Path, *, writable: bool) -> None:
        super().__init__(folder / LEDGER, writable=writable)

    def meta(self, key: str) -> str:
        rows = self.all("SELECT value FROM meta WHERE key=?", key)
        if not rows:
            raise EvidenceBroken(f"no {key!r} in the ledger's own facts", where=str(self.path))
        return str(rows[0][0])

    def size(self) -> int:
        """The number of entries. Raises EvidenceBroken when their indices have a gap."""
        count, low, high = self.all("SELECT count(*), min(idx), max(idx) FROM entry")[0]
        if count and (low != 0 or high != count - 1):
            raise EvidenceBroken(
                f"{count} entries from {low} to {high}", where=str(self.path), expected="indices without a gap"
            )
        return int(count)

    def count(self) -> tuple[int, int]:
        """How many entries, and the lowest index (0 when there are none), whatever the rest looks like."""
        count, low = self.all("SELECT count(*), coalesce(min(idx), 0) FROM entry")[0]
        return int(count), int(low)

    def chunk(self, start: int, count: int) -> list[tuple[int, bytes, bytes, str]]:
        """(index, header, leaf, decision_id) of the next entries from `start` on, in order."""
        return self.all(
            "SELECT idx, header, leaf, decision_id FROM entry WHERE idx>=? ORDER BY idx LIMIT ?", start, count
        )

    def indices_saying(self, words: str) -> list[int]:
        """Indices of the entries whose header holds these words, in order."""
        sought = words.encode()
        return [row[0] for row in self.all("SELECT idx FROM entry WHERE instr(header, ?) > 0 ORDER BY idx", sought)]

    def indices_of(self, decision_id: str) -> list[int]:
        return [row[0] for row in self.all("SELECT idx FROM entry WHERE decision_id=? ORDER BY idx", decision_id)]

    def tile(self, level: int, n: int) -> bytes:
        """The hashes of a tile; those of level 0 stand beside their entries."""
        if level == 0:
            first = n * TILE_WIDTH
            rows = self.all("SELECT leaf FROM entry WHERE idx>=? AND idx<? ORDER BY idx", first, first + TILE_WIDTH)
            return b"".join(row[0] for row in rows)
        rows = self.all("SELECT hashes FROM tile WHERE level=? AND n=?", level, n)
        return bytes(rows[0][0]) if rows else b""

    def tiles(self) -> list[tuple[int, int, bytes]]:
        """(level, n, hashes) of every stored tile, level by level."""
        return self.all("SELECT level, n, hashes FROM tile ORDER BY level, n")

    def checkpoints(self) -> list[tuple[int, bytes, str, str | None]]:
        """(size, root, note, signed_at), smallest first."""
        return self.all("SELECT size, root, note, signed_at FROM checkpoint ORDER BY size")

    def last_checkpoint(self) -> tuple[int, bytes, str] | None:
        rows = self.all("SELECT size, root, note FROM checkpoint ORDER BY size DESC LIMIT 1")
        return rows[0] if rows else None

    def add_entries(self, rows: list[tuple[int, bytes, bytes, str]], hashes: list[NewHash]) -> None:
        """Adds (index, header, leaf, decision_id), and the new hashes to the last tiles. Only inside `commit`."""
        self.sql.executemany("INSERT INTO entry VALUES(?,?,?,?)", rows)
        for new in hashes:
            number, place = divmod(new.index, TILE_WIDTH)
            tile = self.tile(new.level, number)
            if len(tile) != place * 32:
                raise EvidenceBroken(f"tile {new.level}/{number} holds {len(tile)} bytes", where=str(self.path))
            self.sql.execute("INSERT OR REPLACE INTO tile VALUES(?,?,?)", (new.level, number, tile + new.hash))

    def add_checkpoint(self, size: int, root: bytes, note: str, *, signed_at: str | None) -> None:
        """Only inside `commit`. A size that was signed already is refused by the table."""
        self.sql.execute("INSERT INTO checkpoint VALUES(?,?,?,?)", (size, root, note, signed_at))


class PrivateRows:
    """Ciphertexts, and the keys that open them, in two files: erasure never touches the log."""

    def __init__(self, folder: Path, *, writable: bool) -> None:
        self.payloads = Database(folder / PAYLOAD, writable=writable)
        try:
            self.keys = Database(folder / KEYS, writable=writable)
        except BaseException:
            self.payloads.close()
            raise

    def payload(self, ct_sha256: str) -> bytes | None:
        rows = self.payloads.all("SELECT ct FROM payload WHERE ct_sha256=?", ct_sha256)
        return bytes(rows[0][0]) if rows else None

    def dek(self, subject_ref: str) -> bytes | None:
        """The subject's wrapped key."""
        rows = self.keys.all("SELECT wrapped FROM dek WHERE subject_ref=?", subject_ref)
        return bytes(rows[0][0]) if rows else None

    def dek_of(self, ref: str) -> bytes | None:
        """The wrapped key that a record's reference leads to."""
        rows = self.keys.all("SELECT wrapped FROM dek JOIN dek_ref USING(dek_id) WHERE ref=?", ref)
        return bytes(rows[0][0]) if rows else None

    def deks(self) -> list[tuple[int, bytes]]:
        """(dek_id, wrapped) of every subject's key, oldest first."""
        return self.keys.all("SELECT dek_id, wrapped FROM dek ORDER BY dek_id")

    def refs_of(self, dek_id: int) -> set[str]:
        """The references of all records under one subject's key."""
        return {row[0] for row in self.keys.all("SELECT ref FROM dek_ref WHERE dek_id=?", dek_id)}

    def add(self, deks: dict[str, bytes], parts: list[tuple[str, str, str, bytes]]) -> None:
        """New wrapped keys by subject, and (subject, dek_ref, ct_sha256, sealed) of new parts: durable on return."""
        with self.keys.commit() as sql:
            sql.executemany("INSERT INTO dek(subject_ref, wrapped) VALUES(?,?)", list(deks.items()))
            sql.executemany(
                "INSERT INTO dek_ref SELECT ?, dek_id, ? FROM dek WHERE subject_ref=?",
                [(ref, ct_sha256, subject) for subject, ref, ct_sha256, _ in parts],
            )
        with self.payloads.commit() as sql:
            sql.executemany(
                "INSERT INTO payload VALUES(?,?)", [(ct_sha256, sealed) for _, _, ct_sha256, sealed in parts]
            )

    def parts_of(self, subject_ref: str) -> list[str]:
        """The ct_sha256 of all parts under the subject's key."""
        rows = self.keys.all("SELECT ct_sha256 FROM dek_ref JOIN dek USING(dek_id) WHERE subject_ref=?", subject_ref)
        return [row[0] for row in rows]

    def destroy(self, subject_ref: str) -> None:
        """The subject's key and ciphertexts, down to the last byte in these files."""
        parts = self.parts_of(subject_ref)
        with self.payloads.commit() as sql:
            sql.executemany("DELETE FROM payload WHERE ct_sha256=?", [(part,) for part in parts])
        with self.keys.commit() as sql:
            sql.execute(
                "DELETE FROM dek_ref WHERE dek_id IN (SELECT dek_id FROM dek WHERE subject_ref=?)", (subject_ref,)
            )
            sql.execute("DELETE FROM dek WHERE subject_ref=?", (subject_ref,))
        self.payloads.scrub()
        self.keys.scrub()

    def close(self) -> None:
        self.payloads.close()
        self.keys.close()
