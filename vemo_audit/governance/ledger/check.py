"""What is wrong with a ledger, if anything: every entry hashed again, every signature and ciphertext checked."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vemo_audit.errors import BadInput, EvidenceBroken, VemoError
from vemo_audit.governance.keys import PublicKey, read_private
from vemo_audit.governance.ledger.checkpoint import Checkpoint, verify_checkpoint
from vemo_audit.governance.ledger.merkle import leaf_hash
from vemo_audit.governance.ledger.rows import LogRows, PrivateRows
from vemo_audit.governance.ledger.sealed import KEY_BYTES, kek_beside, unwrap
from vemo_audit.governance.ledger.tiles import TILE_WIDTH, Edge
from vemo_audit.governance.ledger.times import Times
from vemo_audit.records.digest import canonical_json

MAX_HEADER_BYTES = 8 * 1024
MAX_UNSIGNED = 1024
"""Leaves after which the writer signs by itself; a longer unsigned tail means that checkpoints were taken away."""
_CHUNK = 1024

Listener = Callable[[int, int], None]
"""Called with (entries done, entries in all)."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at, in words. The fault lies between the entries `first_bad` and `last_bad`.

    They are the same where one entry is known to be bad, and None where no entry is.
    """

    name: str
    holds: bool
    detail: str
    first_bad: int | None = None
    last_bad: int | None = None
    checked: bool = True  # False where the means to look were not there: `detail` says which


@dataclass(frozen=True, slots=True)
class LedgerReport:
    """All checks of one ledger. `signed` entries are covered by the newest valid checkpoint."""

    origin: str
    size: int
    root: bytes
    signed: int
    checkpoint: str
    erased: int  # private parts whose key or ciphertext is gone
    checks: tuple[Check, ...]

    @property
    def holds(self) -> bool:
        return all(check.holds for check in self.checks)

    @property
    def first_bad(self) -> int | None:
        """The first entry that is known to be bad, or where the first stretch begins that holds one."""
        spans = [(c.first_bad, c.last_bad) for c in self.checks if c.first_bad is not None and c.last_bad is not None]
        exact = [low for low, high in spans if low == high]
        return min((min((k for k in exact if low <= k <= high), default=low) for low, high in spans), default=None)


@dataclass(slots=True)
class _Walk:
    """What one pass over all entries finds."""

    edge: Edge = field(default_factory=lambda: Edge(0, ()))
    tiles: dict[tuple[int, int], bytearray] = field(default_factory=dict)
    roots: dict[int, bytes] = field(default_factory=dict)  # at the sizes that were asked for
    bad_entry: tuple[int, str] | None = None
    sealed: list[tuple[int, str, str]] = field(default_factory=list)  # index, dek_ref, ct_sha256
    erasures: int = 0
    times: Times = field(default_factory=Times)


def verify_ledger(
    folder: Path, *, log_public: PublicKey, remembered: str | None = None, listen: Listener | None = None
) -> LedgerReport:
    """Looks at everything and reports; reads only, and needs no secret: subjects' keys are tried if the KEK is there.

    `remembered` is a checkpoint note that was kept elsewhere: only it reveals that the whole folder was put back to an
    older state. Raises BadInput when there is no ledger, EvidenceBroken when its files cannot be read at all.
    """
    rows = LogRows(folder, writable=False)
    try:
        private = PrivateRows(folder, writable=False)
        try:
            return _report(
                rows, private, log_public, remembered=remembered, listen=listen or (lambda done, total: None)
            )
        finally:
            private.close()
    finally:
        rows.close()


def _report(
    rows: LogRows, private: PrivateRows, key: PublicKey, *, remembered: str | None, listen: Listener
) -> LedgerReport:  # fmt: skip
    rows.all("BEGIN")  # one state of the log, even while a writer appends
    origin = rows.meta("origin")
    notes, bad_note = _read_notes(rows, origin, key)
    kept, bad_kept = _read_remembered(remembered, origin, key)
    wanted = {note.size for note in notes} | ({kept.size} if kept else set())
    walk = _walk(rows, wanted, listen)
    unreadable = _unreadable(private, walk)
    checks = [
        _check_files(rows, private),
        _check_entries(walk),
        _check_tiles(rows, walk),
        _check_times(walk),
        bad_note or _check_notes(notes, walk),
        _check_private(unreadable, walk),
        _check_subject_keys(private, walk, kek_beside(rows.path.parent)),
    ]
    if remembered is not None:
        checks.append(bad_kept or _check_remembered(kept, walk))
    last = rows.last_checkpoint()
    signed = max((note.size for note in notes if walk.roots.get(note.size) == note.root), default=0)
    return LedgerReport(
        origin, walk.edge.size, walk.edge.root(), signed, last[2] if last else "", len(unreadable[0]), tuple(checks)
    )


def header_fault(header: bytes, leaf: bytes, decision_id: str) -> str:
    """Why a stored entry is not what was appended; empty when nothing is wrong with it."""
    if leaf_hash(header) != leaf:
        return "its bytes do not hash to its leaf"
    try:
        value = json.loads(header)
        canonical = canonical_json(value)
    except (ValueError, RecursionError, VemoError):
        return "its bytes are not canonical JSON"
    if canonical != header or not isinstance(value, dict) or len(header) > MAX_HEADER_BYTES:
        return "its bytes are not a header in canonical form"
    return "" if value.get("decision_id") == decision_id else "its decision_id is not the one it is filed under"


def _walk(rows: LogRows, wanted: set[int], listen: Listener) -> _Walk:
    walk = _Walk()
    total, start = rows.count()
    walk.roots[0] = walk.edge.root()
    while chunk := rows.chunk(start, _CHUNK):
        for index, header, leaf, decision_id in chunk:
            if walk.bad_entry is None and index != walk.edge.size:
                walk.bad_entry = (walk.edge.size, f"not here: entry {index} is found in its place")
            _step(walk, index, (header, leaf, decision_id))
            if walk.edge.size in wanted:
                walk.roots[walk.edge.size] = walk.edge.root()
        start = chunk[-1][0] + 1
        listen(walk.edge.size, total)
    return walk


def _step(walk: _Walk, index: int, row: tuple[bytes, bytes, str]) -> None:
    """One entry: hashed anew, whatever its row says its leaf is."""
    header = row[0]
    fault = header_fault(*row)
    if fault and walk.bad_entry is None:
        walk.bad_entry = (index, fault)
    for new in walk.edge.append(leaf_hash(header)):
        walk.tiles.setdefault((new.level, new.index // TILE_WIDTH), bytearray()).extend(new.hash)
    if fault:
        return
    facts: dict[str, Any] = json.loads(header)
    walk.times.see(index, facts)
    if isinstance(facts.get("ct_sha256"), str) and isinstance(facts.get("dek_ref"), str):
        walk.sealed.append((index, facts["dek_ref"], facts["ct_sha256"]))
    if isinstance(facts.get("erased"), int) and facts.get("phase") == "erasure":
        walk.erasures += facts["erased"]


def _check_files(rows: LogRows, private: PrivateRows) -> Check:
    for database in (rows, private.payloads, private.keys):
        if fault := database.fault():
            return Check("database files", False, f"{database.path.name}: {fault}")
    return Check("database files", True, "3 SQLite files are sound")


def _check_entries(walk: _Walk) -> Check:
    if walk.bad_entry is None:
        return Check("entries", True, f"{walk.edge.size} hashed again, no gap")
    index, fault = walk.bad_entry
    return Check("entries", False, f"entry {index}: {fault}", index, index)


def _check_times(walk: _Walk) -> Check:
    index, by_s = walk.times.back or (None, 0.0)
    fault = f"entry {index} is dated {by_s:.0f} s before an earlier one"
    return Check("times", index is None, "dated in the order of writing" if index is None else fault, index, index)


def _check_tiles(rows: LogRows, walk: _Walk) -> Check:
    stored = {(level, n): bytes(hashes) for level, n, hashes in rows.tiles()}
    for level, n in sorted(set(stored) | set(walk.tiles)):
        found, made = stored.get((level, n), b""), bytes(walk.tiles.get((level, n), b""))
        if found != made:
            place = next((k for k in range(0, len(made), 32) if found[k : k + 32] != made[k : k + 32]), len(made)) // 32
            first = (n * TILE_WIDTH + place) << (8 * level)
            last = first + (1 << (8 * level)) - 1
            return Check("tree", False, f"tile {level}/{n}: stored hashes are not those of the entries", first, last)
    return Check("tree", True, f"{len(stored)} tiles match the entries")


def _read_notes(rows: LogRows, origin: str, key: PublicKey) -> tuple[list[Checkpoint], Check | None]:
    notes, bad = [], None
    for size, root, note, _ in rows.checkpoints():
        try:
            found = verify_checkpoint(note, origin=origin, key=key)
            if (found.size, found.root) != (size, root):
                raise EvidenceBroken(f"the note speaks of {found.size} entries")
            notes.append(found)
        except EvidenceBroken as error:
            bad = bad or Check("checkpoints", False, f"the one at {size} entries: {error}")
    return notes, bad


def _check_notes(notes: list[Checkpoint], walk: _Walk) -> Check:
    if not notes:
        return Check("checkpoints", False, "none: every ledger is signed when it is made")
    good = 0
    for note in notes:
        if walk.roots.get(note.size) != note.root:
            if note.size > walk.edge.size:
                gone = f"{note.size} entries were signed, {walk.edge.size} are here"
                return Check("checkpoints", False, gone, walk.edge.size, walk.edge.size)
            fault = f"the entries do not make the root that was signed at {note.size}; they did at {good}"
            return Check("checkpoints", False, fault, good, note.size - 1)
        good = note.size
    if walk.edge.size - good > MAX_UNSIGNED:
        fault = f"{walk.edge.size - good} unsigned entries, at most {MAX_UNSIGNED} can be: checkpoints were removed"
        return Check("checkpoints", False, fault, good, walk.edge.size - 1)
    return Check("checkpoints", True, f"{len(notes)} signed; {walk.edge.size - good} entries came after the last")


def _unreadable(private: PrivateRows, walk: _Walk) -> tuple[list[int], tuple[int, str] | None]:
    gone, swapped = [], None
    for index, ref, ct_sha256 in walk.sealed:
        sealed = private.payload(ct_sha256)
        if sealed is not None and hashlib.sha256(sealed).hexdigest() != ct_sha256:
            swapped = swapped or (index, "its ciphertext is not the one it names")
        elif sealed is None or private.dek_of(ref) is None:
            gone.append(index)
    return gone, swapped


def _check_private(unreadable: tuple[list[int], tuple[int, str] | None], walk: _Walk) -> Check:
    gone, swapped = unreadable
    if swapped is not None:
        return Check("private parts", False, f"entry {swapped[0]}: {swapped[1]}", swapped[0], swapped[0])
    if len(gone) > walk.erasures:
        fault = f"{len(gone)} are lost, {walk.erasures} were erased on record; the first lost one is entry {gone[0]}"
        return Check("private parts", False, fault, gone[0], gone[0])
    return Check("private parts", True, f"{len(walk.sealed) - len(gone)} sealed as written, {len(gone)} erased")


def _check_subject_keys(private: PrivateRows, walk: _Walk, kek_path: Path) -> Check:
    name, deks = "subject keys", private.deks()
    try:
        kek = read_private(kek_path)
    except BadInput as error:
        return Check(name, True, f"{len(deks)} not checked: {error}", checked=False)
    if len(kek) != KEY_BYTES:
        return Check(name, False, f"{kek_path.name} has {len(kek)} bytes, not {KEY_BYTES}: it opens nothing")
    for dek_id, wrapped in deks:
        try:
            sound = len(unwrap(kek, wrapped)) == KEY_BYTES
        except EvidenceBroken:
            sound = False
        if not sound:
            refs = private.refs_of(dek_id)
            first = next((index for index, ref, _ in walk.sealed if ref in refs), None)
            lost = "no entry needs it" if first is None else f"entry {first} is the first that it leaves closed"
            fault = f"key {dek_id} in {private.keys.path.name} does not unwrap under {kek_path.name}; {lost}"
            return Check(name, False, fault, first, first)
    return Check(name, True, f"{len(deks)} unwrap under {kek_path.name}")


def _read_remembered(note: str | None, origin: str, key: PublicKey) -> tuple[Checkpoint | None, Check | None]:
    if note is None:
        return None, None
    try:
        return verify_checkpoint(note, origin=origin, key=key), None
    except EvidenceBroken as error:
        return None, Check("remembered checkpoint", False, str(error))


def _check_remembered(kept: Checkpoint | None, walk: _Walk) -> Check:
    name = "remembered checkpoint"
    if kept is None or kept.size > walk.edge.size:
        said, end = kept.size if kept else 0, walk.edge.size
        return Check(name, False, f"it covers {said} entries, {end} are here: rolled back", end, end)
    if walk.roots.get(kept.size) != kept.root:
        return Check(name, False, f"the first {kept.size} entries are not those that it covers", 0, kept.size - 1)
    return Check(name, True, f"the ledger still begins with its {kept.size} entries")
