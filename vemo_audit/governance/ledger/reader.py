"""Reading the log: entries, private parts and proofs, after the startup checks."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from vemo_audit.errors import BadInput, EvidenceBroken
from vemo_audit.governance.keys import PublicKey
from vemo_audit.governance.ledger.checkpoint import Checkpoint, verify_checkpoint
from vemo_audit.governance.ledger.merkle import inclusion_path
from vemo_audit.governance.ledger.proof import InclusionProof
from vemo_audit.governance.ledger.rows import LogRows, PrivateRows
from vemo_audit.governance.ledger.sealed import Entropy, kek_beside, load_kek, unseal, unwrap
from vemo_audit.governance.ledger.startup import start
from vemo_audit.governance.ledger.tiles import Tiles
from vemo_audit.governance.ledger.witness import Submission
from vemo_audit.governance.ledger.witnessed import check_witnessed, submission


@dataclass(frozen=True, slots=True)
class Entry:
    """A decision in the log. `header` is what was hashed: with `ct_sha256` and `dek_ref` if it has a private part."""

    index: int
    leaf_hash: bytes
    header: dict[str, Any]


class LedgerReader:
    """An open log that was found sound. It shows the state at the moment of opening."""

    def __init__(
        self, folder: Path, *, log_public: PublicKey, writable: bool, kek: Path | None, entropy: Entropy
    ) -> None:
        self.folder, self._public, self._entropy = folder, log_public, entropy
        self._kek_path, self._kek = kek or kek_beside(folder), b""
        self._mutex, self._closed = threading.RLock(), ""
        self._rows = LogRows(folder, writable=writable)
        try:
            self._private = PrivateRows(folder, writable=writable)
            try:
                self._tiles = Tiles(self._rows.tile)
                self._edge = start(self._rows, self._private, self._tiles, key=log_public, entropy=entropy)
                self.origin = self._rows.meta("origin")
                self._signed, self._note = self._newest_checkpoint()
                check_witnessed(folder, self._tiles.node, size=self.size, origin=self.origin, key=log_public)
            except BaseException:
                self._private.close()
                raise
        except BaseException:
            self._rows.close()
            raise

    @property
    def size(self) -> int:
        """The number of entries."""
        return self._edge.size

    @property
    def root(self) -> bytes:
        """The root over all entries, signed or not."""
        return self._edge.root()

    @property
    def last_checkpoint(self) -> str:
        """The newest signed note; a new ledger has one of its empty state."""
        return self._note

    @property
    def signed_size(self) -> int:
        """How many entries the newest checkpoint covers."""
        return self._signed.size

    def entries(self, start: int = 0, stop: int | None = None) -> Iterator[Entry]:
        """Entries `start` to `stop` (default: the end, as it is now), in order."""
        stop = self.size if stop is None else min(stop, self.size)
        while start < stop:
            with self._mutex:
                self._need_open()
                chunk = self._rows.chunk(start, min(1024, stop - start))
            if not chunk or chunk[0][0] != start:
                raise EvidenceBroken(f"entry {start} is gone", where=str(self.folder))
            for index, header, leaf, _ in chunk:
                yield Entry(index, leaf, json.loads(header))
            start += len(chunk)

    def find(self, decision_id: str) -> list[Entry]:
        """All entries whose header carries this decision_id, in order; empty when there is none."""
        with self._mutex:
            self._need_open()
            indices = [index for index in self._rows.indices_of(decision_id) if index < self.size]
        return [entry for index in indices for entry in self.entries(index, index + 1)]

    def of_phase(self, phase: str) -> list[Entry]:
        """All entries of one phase, in order."""
        with self._mutex:
            self._need_open()
            indices = [index for index in self._rows.indices_saying(f'"phase":"{phase}"') if index < self.size]
        found = [entry for index in indices for entry in self.entries(index, index + 1)]
        return [entry for entry in found if entry.header.get("phase") == phase]

    def read_private(self, index: int) -> bytes | None:
        """The decrypted private part; None when there was none or when it was erased. Needs the KEK file.

        Raises EvidenceBroken when the ciphertext was not sealed with this very entry.
        """
        header = self._entry(index).header
        if "ct_sha256" not in header:
            return None
        with self._mutex:
            self._need_open()
            sealed, wrapped = self._private.payload(header["ct_sha256"]), self._private.dek_of(header["dek_ref"])
        if sealed is None or wrapped is None:
            return None
        return unseal(header, sealed, dek=unwrap(self._wrapping_key(), wrapped))

    def prove(self, index: int) -> InclusionProof:
        """Proof against the newest checkpoint. Raises BadInput when there is no such entry or it is not signed yet."""
        self._entry(index)
        with self._mutex:
            self._need_open()
            if index >= self._signed.size:
                raise BadInput(
                    f"entry {index} is newer than the last checkpoint", where=str(self.folder),
                    expected=f"an entry below {self._signed.size}", advice="Sign a checkpoint, then prove it.",
                )  # fmt: skip
            path = inclusion_path(index, self._signed.size, self._tiles.node)
            data = self._rows.chunk(index, 1)[0][1]
            return InclusionProof(index, data, tuple(path), self._note)

    def submission(self) -> Submission:
        """The newest checkpoint for a witness, with the proof that it begins with what was witnessed before."""
        with self._mutex:
            self._need_open()
            return submission(self.folder, self._tiles.node, self._note)

    def close(self) -> None:
        """Lets go of the files. A second call does nothing."""
        with self._mutex:
            if not self._closed:
                self._closed = "the ledger was closed"
                self._private.close()
                self._rows.close()

    def _entry(self, index: int) -> Entry:
        if not 0 <= index < self.size:
            raise BadInput(f"no entry {index}", where=str(self.folder), expected=f"an index below {self.size}")
        return next(self.entries(index, index + 1))

    def _newest_checkpoint(self) -> tuple[Checkpoint, str]:
        row = self._rows.last_checkpoint()
        if row is None:
            raise EvidenceBroken("no checkpoint", where=str(self.folder))
        return verify_checkpoint(row[2], origin=self.origin, key=self._public), row[2]

    def _wrapping_key(self) -> bytes:
        if not self._kek:
            self._kek = load_kek(self._kek_path)
        return self._kek

    def _need_open(self) -> None:
        if self._closed:
            raise EvidenceBroken(self._closed, where=str(self.folder), advice="Open it anew.")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
