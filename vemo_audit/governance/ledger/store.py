"""The ledger: decisions appended durably, hashed into one Merkle tree and signed."""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from vemo_audit.errors import BadInput, EvidenceBroken
from vemo_audit.governance.keys import KeyPair, PublicKey
from vemo_audit.governance.ledger.check import MAX_HEADER_BYTES, MAX_UNSIGNED
from vemo_audit.governance.ledger.checkpoint import Checkpoint, check_origin, sign_checkpoint
from vemo_audit.governance.ledger.merkle import EMPTY_ROOT, leaf_hash, root_of
from vemo_audit.governance.ledger.reader import Entry, LedgerReader
from vemo_audit.governance.ledger.rows import LogRows, create_databases
from vemo_audit.governance.ledger.sealed import KEY_BYTES, Entropy, kek_beside, new_kek, seal, unwrap, wrap
from vemo_audit.governance.ledger.tiles import Edge, NewHash
from vemo_audit.records.digest import canonical_json
from vemo_audit.records.strict import time_text

__all__ = ["RESERVED", "Draft", "Entry", "Ledger", "kek_beside"]

RESERVED = ("ct_sha256", "dek_ref", "erased")
"""Fields of a header that only the ledger writes."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A decision to be appended: the clear header, and the part that only the subject's key opens."""

    header: dict[str, Any]
    private: bytes | None = None
    subject_ref: str | None = None


class Ledger(LedgerReader):
    """The open log. With the log key it is the one writer, without it a reader. Close it, or use `with`.

    One process at a time can write; its threads may share the object. Do not carry it over a fork.
    """

    _key: KeyPair | None = None
    _lock: int | None = None

    @classmethod
    def create(
        cls, folder: Path, *, origin: str, log_key: KeyPair, now: datetime, kek: Path | None = None,
        entropy: Entropy = os.urandom,
    ) -> Self:  # fmt: skip
        """A new ledger, open for writing, with a signed checkpoint of its empty state.

        `kek` is where the key that wraps the subjects' keys lies (default: `<folder>.kek`); backups of the folder must
        not hold it. Raises BadInput when folder or file hold one already.
        """
        check_origin(origin)
        created_at = time_text(now)
        note = sign_checkpoint(Checkpoint(origin, 0, EMPTY_ROOT), log_key)
        create_databases(folder, {"origin": origin, "created_at": created_at})
        new_kek(kek or kek_beside(folder), entropy=entropy)
        rows = LogRows(folder, writable=True)
        try:
            with rows.commit():
                rows.add_checkpoint(0, EMPTY_ROOT, note, signed_at=created_at)
        finally:
            rows.close()
        return cls.open(folder, log_public=log_key.public, now=now, log_key=log_key, kek=kek, entropy=entropy)

    @classmethod
    def open(
        cls, folder: Path, *, log_public: PublicKey, now: datetime, log_key: KeyPair | None = None,
        kek: Path | None = None, entropy: Entropy = os.urandom,
    ) -> Self:  # fmt: skip
        """Opens after the startup checks; a reader, of the state at this moment, when `log_key` is None.

        Raises BadInput when there is no ledger, another writer has it or the key is another one, EvidenceBroken when
        a check fails.
        """
        if log_key is None:
            return cls(folder, log_public=log_public, writable=False, kek=kek, entropy=entropy)
        if log_key.kid != log_public.kid:
            raise BadInput(f"the log key {log_key.kid}", where=str(folder), expected=f"key {log_public.kid}")
        lock = _take_lock(folder, time_text(now))
        try:
            ledger = cls(folder, log_public=log_public, writable=True, kek=kek, entropy=entropy)
        except BaseException:
            os.close(lock)
            raise
        ledger._key, ledger._lock = log_key, lock
        return ledger

    def append(self, header: dict[str, Any], *, private: bytes | None = None, subject_ref: str | None = None) -> Entry:
        """Returns only when the entry would survive a power cut. The header must carry a `decision_id`.

        A private part needs its subject_ref, and the reverse. Raises BadInput (nothing written) for a header over
        8 KiB or with a field that the ledger writes; EvidenceBroken when the disk fails: then this ledger is closed
        for good, and nothing may be done that the entry would have recorded.
        """
        return self.append_many([Draft(header, private, subject_ref)])[0]

    def append_many(self, drafts: Sequence[Draft]) -> list[Entry]:
        """Appends all or none, in one commit."""
        for draft in drafts:
            _check_draft(draft)
        with self._mutex:
            self._need_key()
            return self._append(drafts) if drafts else []

    def checkpoint(self, now: datetime) -> str:
        """The signed note over all entries; the last one again when nothing was added. Needs the log key.

        Raises EvidenceBroken when the tree does not begin with the one that was signed last.
        """
        signed_at = time_text(now)
        with self._mutex:
            key = self._need_key()
            if self.size != self._signed.size:
                with self._fatal():
                    with self._rows.commit():
                        signed = self._sign(self._edge, key, signed_at)
                    self._signed, self._note = signed
            return self._note

    def forget(self, subject_ref: str, *, header: dict[str, Any]) -> Entry:
        """Erases a subject's private parts by destroying their key and ciphertexts; entries and proofs stay valid.

        The erasure leaf (`header` with phase erasure and the count of parts) becomes durable first: interrupted, the
        call is simply made again. Returns that entry once the bytes are gone from these files.
        """
        _check_draft(Draft(header))
        with self._mutex:
            self._need_key()
            erased = len(self._private.parts_of(subject_ref))
            entry = self._append([Draft({**header, "phase": "erasure", "erased": erased})])[0]
            with self._fatal():
                self._private.destroy(subject_ref)
            return entry

    def close(self) -> None:
        """Lets go of the files and of the right to write. A second call does nothing."""
        super().close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _append(self, drafts: Sequence[Draft]) -> list[Entry]:
        key, edge = self._need_key(), self._edge.copy()
        deks: dict[str, bytes] = {}  # new ones, wrapped
        parts: list[tuple[str, str, str, bytes]] = []
        entries: list[Entry] = []
        hashes: list[NewHash] = []
        rows: list[tuple[int, bytes, bytes, str]] = []
        for draft in drafts:
            header = draft.header
            if draft.private is not None and draft.subject_ref is not None:
                dek = self._subject_key(draft.subject_ref, deks)
                header, sealed = seal(header, draft.private, dek=dek, entropy=self._entropy)
                parts.append((draft.subject_ref, header["dek_ref"], header["ct_sha256"], sealed))
            data = canonical_json(header)
            if len(data) > MAX_HEADER_BYTES:
                raise BadInput(f"a header of {len(data)} bytes", expected=f"at most {MAX_HEADER_BYTES}")
            entry = Entry(edge.size, leaf_hash(data), header)
            entries.append(entry)
            rows.append((entry.index, data, entry.leaf_hash, header["decision_id"]))
            hashes += edge.append(entry.leaf_hash)
        signed = self._signed, self._note
        with self._fatal():
            if parts:
                self._private.add(deks, parts)  # a ciphertext is durable before the leaf that names it
            with self._rows.commit():
                self._rows.add_entries(rows, hashes)
                if edge.size - self._signed.size >= MAX_UNSIGNED:
                    signed = self._sign(edge, key, None)
            self._edge, (self._signed, self._note) = edge, signed
        return entries

    def _subject_key(self, subject_ref: str, new: dict[str, bytes]) -> bytes:
        wrapped = new.get(subject_ref) or self._private.dek(subject_ref)
        if wrapped is not None:
            return unwrap(self._wrapping_key(), wrapped)
        dek = self._entropy(KEY_BYTES)
        new[subject_ref] = wrap(self._wrapping_key(), dek)
        return dek

    def _sign(self, edge: Edge, key: KeyPair, signed_at: str | None) -> tuple[Checkpoint, str]:
        """Adds a checkpoint inside the open transaction: never a smaller size, never another root for a signed one."""
        last = self._signed
        if edge.size <= last.size or root_of(last.size, self._tiles.node) != last.root:
            raise EvidenceBroken(f"a tree of {edge.size} that does not extend the {last.size} entries signed last")
        checkpoint = Checkpoint(self.origin, edge.size, edge.root())
        note = sign_checkpoint(checkpoint, key)
        self._rows.add_checkpoint(checkpoint.size, checkpoint.root, note, signed_at=signed_at)
        return checkpoint, note

    def _need_key(self) -> KeyPair:
        self._need_open()
        if self._key is None:
            raise BadInput("this ledger is open for reading", where=str(self.folder), expected="the log key")
        return self._key

    @contextmanager
    def _fatal(self) -> Iterator[None]:
        """Any error while writing closes the ledger: after a failed fsync nobody knows what the disk holds."""
        try:
            yield
        except BaseException:
            self.close()
            self._closed = "the ledger was closed by an error while writing"
            raise


def _check_draft(draft: Draft) -> None:
    decision_id = draft.header.get("decision_id")
    if not isinstance(decision_id, str) or not decision_id:
        raise BadInput("a header without decision_id", where="ledger", expected="a text that names the decision")
    taken = [name for name in RESERVED if name in draft.header]
    if taken:
        raise BadInput(
            f"a header with {taken[0]!r}", where=decision_id, expected="fields that the ledger does not write"
        )
    if (draft.private is None) != (draft.subject_ref is None):
        raise BadInput(
            "a private part without its subject, or the reverse", where=decision_id, expected="both or neither"
        )


def _take_lock(folder: Path, since: str) -> int:
    """The descriptor whose flock is the right to write; closing it, or dying, gives the right back."""
    if not folder.is_dir():
        raise BadInput("no ledger here", where=str(folder), advice="Make one with `vemo-audit gate init`.")
    descriptor = os.open(folder / "writer.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.read(descriptor, 100).decode(errors="replace").strip()
        os.close(descriptor)
        raise BadInput(
            f"another writer has this ledger ({holder})", where=str(folder), expected="one writer at a time",
            advice="Wait for it, or open without the log key to read.",
        ) from error  # fmt: skip
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"process {os.getpid()} since {since}\n".encode())
    return descriptor
