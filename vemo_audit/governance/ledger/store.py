"""The ledger: decisions appended durably, hashed into one Merkle tree and signed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from vemo_audit.governance.keys import KeyPair, PublicKey
from vemo_audit.governance.ledger.proof import InclusionProof


@dataclass(frozen=True, slots=True)
class Draft:
    """A decision to be appended: the clear header, and the part that only the subject's key opens."""

    header: dict[str, Any]
    private: bytes | None = None
    subject_ref: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A decision in the log. `header` is what was hashed: with `ct_sha256` and `dek_ref` when it has a private part."""

    index: int
    leaf_hash: bytes
    header: dict[str, Any]


class Ledger:
    """The open log. With the log key it is the one writer, without it a reader. Close it, or use `with`."""

    @classmethod
    def create(cls, folder: Path, *, origin: str, log_key: KeyPair, now: datetime, kek: Path | None = None) -> Self:
        """A new, empty ledger, open for writing. `kek`: where the key that wraps all others lies; default `<folder>.kek`.

        Raises BadInput when the folder holds a ledger already.
        """
        raise NotImplementedError

    @classmethod
    def open(
        cls, folder: Path, *, log_public: PublicKey, now: datetime, log_key: KeyPair | None = None,
        kek: Path | None = None,
    ) -> Self:  # fmt: skip
        """Opens after the startup checks; a reader when `log_key` is None.

        Raises BadInput when there is no ledger or another writer has it, EvidenceBroken when a check fails.
        """
        raise NotImplementedError

    @property
    def origin(self) -> str: ...

    @property
    def size(self) -> int: ...

    @property
    def root(self) -> bytes: ...

    def append(self, header: dict[str, Any], *, private: bytes | None = None, subject_ref: str | None = None) -> Entry:
        """Returns only when the entry would survive a power cut. A private part needs its subject_ref, and the reverse.

        Raises BadInput (nothing written) for a header over 8 KiB, EvidenceBroken when the disk fails: then the ledger
        is closed for good and the process must not go on.
        """
        raise NotImplementedError

    def append_many(self, drafts: Sequence[Draft]) -> list[Entry]:
        """All or none, in one commit."""
        raise NotImplementedError

    def entries(self, start: int = 0, stop: int | None = None) -> Iterator[Entry]:
        """Entries in order."""
        raise NotImplementedError

    def find(self, decision_id: str) -> list[Entry]:
        """All entries whose header carries this decision_id, in order; empty when there is none."""
        raise NotImplementedError

    def read_private(self, index: int) -> bytes | None:
        """The decrypted private part; None when there was none or when its key was destroyed."""
        raise NotImplementedError

    def checkpoint(self, now: datetime) -> str:
        """The signed note over all entries (the last one again when nothing was added). Needs the log key."""
        raise NotImplementedError

    @property
    def last_checkpoint(self) -> str | None:
        """The newest signed note; None before the first."""
        raise NotImplementedError

    def prove(self, index: int) -> InclusionProof:
        """Proof against the newest checkpoint. Raises BadInput when that does not cover the entry yet."""
        raise NotImplementedError

    def forget(self, subject_ref: str, *, header: dict[str, Any]) -> Entry:
        """Erases a subject: appends `header` with the count of erased private parts, then destroys key and ciphertexts."""
        raise NotImplementedError

    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
