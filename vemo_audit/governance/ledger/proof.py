"""A proof that one decision is in the log, as a small text file that anybody can check offline."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """Entry, its place, the hashes from leaf to root, and the signed checkpoint that they lead to."""

    index: int
    entry: bytes  # the canonical header, from which the verifier makes the leaf itself
    path: tuple[bytes, ...]
    checkpoint: str  # the signed note

    def to_text(self) -> str:
        """The `.tlog-proof` file. Source: c2sp.org/tlog-proof@v1."""
        raise NotImplementedError
