"""Backup and restore of ledger, ciphertexts, wrapped keys and consents, so that every proof still verifies.

The key that wraps all others (KEK) is never in a backup: a copy of the backup alone opens no private part. What was
erased lives on in older backups until they are destroyed: keep none for more than 30 days.
"""

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from vemo_audit.errors import BadInput, EvidenceBroken
from vemo_audit.governance.keys import KeyPair, PublicKey, write_new
from vemo_audit.governance.ledger.check import LedgerReport, verify_ledger
from vemo_audit.governance.ledger.checkpoint import Checkpoint, verify_checkpoint
from vemo_audit.governance.ledger.rows import KEYS, LEDGER, PAYLOAD
from vemo_audit.governance.ledger.store import Ledger
from vemo_audit.governance.ledger.witnessed import kept_note, policy_beside, witnessed_beside
from vemo_audit.records.strict import time_text

FORMAT = 1
MANIFEST, CONSENTS = "backup.json", "consents.db"
ORDER = (LEDGER, KEYS, PAYLOAD)
"""The log first: what it names was durable before it, so the later copies hold it. Consents come last: they must know
at least each ending that the log saw."""
TRIES = 3
"""An erasure between two copies leaves the log's copy without parts that it still names: then all are taken anew."""


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup holds. `files`: name -> SHA-256."""

    origin: str
    size: int
    root: str
    made_at: str
    files: dict[str, str]
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back. `lost` is the witnessed checkpoint that the backup is older than, where that was accepted."""

    backup: Backup
    lost: Checkpoint | None


@dataclass(frozen=True, slots=True)
class Loss:
    """Somebody's word that an older backup is taken. `header` says who and why, with its `decision_id`."""

    log_key: KeyPair
    header: dict[str, Any]
    now: datetime


def back_up(
    folder: Path, target: Path, *, log_public: PublicKey, now: datetime, consents: Path | None = None
) -> Backup:  # fmt: skip
    """Copies the stores, even while a gate writes to them, and verifies the copy before its manifest is written.

    Raises BadInput when the target holds anything, EvidenceBroken when the copy does not verify.
    """
    if target.exists() and any(target.iterdir()):
        raise BadInput("a folder that is not empty", where=str(target), expected="a new folder for the backup")
    sources = [folder / name for name in ORDER] + ([consents] if consents else [])
    missing = next((path for path in sources if not path.is_file()), None)
    if missing is not None:
        raise BadInput("nothing to back up", where=str(missing), expected="a store that `gate init` made")
    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    for attempt in range(1, TRIES + 1):
        _copy_all(folder, target, consents)
        report = verify_ledger(target, log_public=log_public, remembered=kept_note(folder))
        if report.holds:
            break
        if attempt == TRIES:
            raise _broken(report, target)
    names = [*ORDER, *([CONSENTS] if consents else [])]
    made = Backup(
        report.origin, report.size, report.root.hex(), time_text(now), {name: _sha256(target / name) for name in names}
    )
    write_new(target / MANIFEST, (json.dumps(asdict(made), indent=1, sort_keys=True) + "\n").encode(), mode=0o600)
    _sync(target)
    return made


def restore(
    source: Path, folder: Path, *, log_public: PublicKey, consents: Path | None = None, loss: Loss | None = None
) -> Restored:  # fmt: skip
    """Puts a backup in the place of stores that are gone. Nothing that lies there is ever written over.

    A `loss` makes an older backup than witnesses saw acceptable: it is the next entry, durable before the stores are in
    their place. The cosigned checkpoint and its policy are then set aside under other names, and no witness cosigns
    this origin again. Raises BadInput when a store lies there, EvidenceBroken when digests or the log do not hold, or
    when witnesses saw more than the backup holds.
    """
    backup = read_backup(source)
    if (CONSENTS in backup.files) != (consents is not None):
        raise BadInput("consents here or there, but not both", where=str(source), expected="a place for each store")
    places = {name: folder / name for name in ORDER} | ({CONSENTS: consents} if consents else {})
    stage = folder.with_name(f"{folder.resolve().name}.restoring")
    _check_empty([stage, *places.values()])
    report = verify_ledger(source, log_public=log_public)
    if not report.holds or (report.origin, report.size, report.root.hex()) != (backup.origin, backup.size, backup.root):
        raise _broken(report, source)
    lost = _lost(source, folder, backup, key=log_public)
    if lost is not None and loss is None:
        raise EvidenceBroken(
            f"a backup of {backup.size} entries, but {lost.size} were witnessed", where=str(source),
            expected="a backup at least as new as the cosigned checkpoint",
            advice="Find a newer backup; if there is none, accept the loss on record: --accept-older.",
        )  # fmt: skip
    stage.mkdir(parents=True, mode=0o700)
    for name in places:
        _copy(source / name, stage / name, journal="WAL")
    if lost is not None and loss is not None:
        _record(stage, lost, loss, log_public)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, path in places.items():
        (stage / name).rename(path)
    for place in {path.parent for path in places.values()}:
        _sync(place)
    if lost is not None:
        for path in (witnessed_beside(folder), policy_beside(folder)):
            if path.exists():
                path.rename(path.with_name(f"{path.name}.lost-{lost.size}"))
    for rest in stage.iterdir():
        rest.unlink()
    stage.rmdir()
    return Restored(backup, lost)


def _check_empty(places: Iterable[Path]) -> None:
    for path in places:
        for one in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-journal")):
            if one.exists():
                raise BadInput(
                    "a store is here already", where=str(one), expected="an empty place",
                    advice="Nothing is written over: move the old files away and keep them as evidence.",
                )  # fmt: skip


def _record(stage: Path, lost: Checkpoint, loss: Loss, key: PublicKey) -> None:
    """The loss as the next entry, signed, before the stores are where anybody opens them."""
    with Ledger.open(stage, log_public=key, now=loss.now, log_key=loss.log_key) as log:
        last = {"lost_size": lost.size, "lost_root": lost.root.hex(), "restored_size": log.size}
        log.append({**loss.header, "phase": "override", "action": "restore_older", **last})
        log.checkpoint(loss.now)


def read_backup(source: Path) -> Backup:
    """The manifest, once every file is shown to be the one that it names. Raises BadInput or EvidenceBroken."""
    path = source / MANIFEST
    try:
        value: dict[str, Any] = json.loads(path.read_bytes())
        found = Backup(**value)
        names = set(found.files)
        form = (type(found.size), type(found.root), type(found.origin)) == (int, str, str)
    except OSError as error:
        raise BadInput(
            f"no backup here ({error.strerror})", where=str(path), expected="what `ledger backup` made"
        ) from error
    except (ValueError, TypeError, RecursionError) as error:
        raise EvidenceBroken("a manifest that does not read", where=str(path)) from error
    if not form or found.format != FORMAT or names - {CONSENTS} != set(ORDER):
        raise EvidenceBroken("a manifest in another form", where=str(path), expected=f"format {FORMAT}")
    strangers = {one.name for one in source.iterdir()} - names - {MANIFEST}
    if strangers:
        raise EvidenceBroken(f"a file {sorted(strangers)[0]!r} that the manifest does not name", where=str(source))
    for name, digest in found.files.items():
        if not (source / name).is_file() or _sha256(source / name) != digest:
            raise EvidenceBroken(
                "not the file that was backed up", where=str(source / name), expected=f"SHA-256 {digest}"
            )
    return found


def _lost(source: Path, folder: Path, backup: Backup, *, key: PublicKey) -> Checkpoint | None:
    """The checkpoint that witnesses saw and the backup does not reach. A fork of it is never restored."""
    note = kept_note(folder)
    if note is None:
        return None
    kept = verify_checkpoint(note, origin=backup.origin, key=key)
    if kept.size > backup.size:
        return kept
    report = verify_ledger(source, log_public=key, remembered=note)
    if not report.holds:
        raise _broken(report, source)
    return None


def _copy_all(folder: Path, target: Path, consents: Path | None) -> None:
    for name in ORDER:
        _copy(folder / name, target / name)
    if consents is not None:
        _copy(consents, target / CONSENTS)


def _copy(source: Path, target: Path, *, journal: str = "DELETE") -> None:
    """One whole state of a database, by SQLite's own backup: never a page of before beside one of after."""
    target.unlink(missing_ok=True)
    target.touch(mode=0o600)
    try:
        read = sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True, timeout=5)
        try:
            write = sqlite3.connect(target, isolation_level=None)
            try:
                read.backup(write)
                write.execute(f"PRAGMA journal_mode={journal}")  # DELETE: one file, whole in itself
            finally:
                write.close()
        finally:
            read.close()
    except sqlite3.Error as error:
        raise EvidenceBroken(f"SQLite says {error}", where=str(source), advice="Nothing was backed up.") from error
    descriptor = os.open(target, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _broken(report: LedgerReport, where: Path) -> EvidenceBroken:
    faults = "; ".join(f"{check.name}: {check.detail}" for check in report.checks if not check.holds)
    return EvidenceBroken(faults or "another log than the manifest names", where=str(where), expected="a whole ledger")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
