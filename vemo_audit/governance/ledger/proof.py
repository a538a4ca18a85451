"""A proof that one decision is in the log, as a small text file that anybody can check offline."""

import re
from dataclasses import dataclass

from vemo_audit.errors import EvidenceBroken
from vemo_audit.governance import strict_base64
from vemo_audit.governance.keys import PublicKey
from vemo_audit.governance.ledger.checkpoint import Checkpoint, verify_checkpoint
from vemo_audit.governance.ledger.merkle import includes, leaf_hash

FIRST_LINE = "c2sp.org/tlog-proof@v1"
MAX_PROOF_BYTES = 64 * 1024
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """Entry, its place, the hashes from leaf to root, and the signed checkpoint that they lead to."""

    index: int
    entry: bytes  # the canonical header, from which the verifier makes the leaf itself
    path: tuple[bytes, ...]
    checkpoint: str  # the signed note

    def to_text(self) -> str:
        """The `.tlog-proof` file. Source: c2sp.org/tlog-proof; the entry stands in its `extra` line."""
        path = "".join(f"{strict_base64.encode(hash_)}\n" for hash_ in self.path)
        return f"{FIRST_LINE}\nextra {strict_base64.encode(self.entry)}\nindex {self.index}\n{path}\n{self.checkpoint}"

    @classmethod
    def from_text(cls, text: str) -> "InclusionProof":
        """Reads what `to_text` wrote; nothing is verified yet. Raises EvidenceBroken for another form."""
        head, gap, note = text.partition("\n\n")
        lines = head.split("\n")
        if len(text) > MAX_PROOF_BYTES or not gap or len(lines) < 3 or lines[0] != FIRST_LINE:
            raise _broken("not a proof file", f"a first line {FIRST_LINE!r}")
        index = _INDEX.fullmatch(lines[2])
        if not lines[1].startswith("extra ") or index is None:
            raise _broken("a proof without entry or index", "an 'extra' and an 'index' line")
        path = tuple(_unbase64(line) for line in lines[3:])
        if any(len(hash_) != 32 for hash_ in path):
            raise _broken("a hash of another length", "32 bytes")
        return cls(int(index[1]), _unbase64(lines[1].removeprefix("extra ")), path, note)

    def verify(self, *, origin: str, key: PublicKey) -> Checkpoint:
        """The checkpoint that covers the entry. Raises EvidenceBroken when signature or path do not hold."""
        checkpoint = verify_checkpoint(self.checkpoint, origin=origin, key=key)
        if not includes(leaf_hash(self.entry), self.index, checkpoint.size, self.path, checkpoint.root):
            raise _broken("the entry is not in the signed tree", f"a path from entry {self.index} to its root")
        return checkpoint


def _unbase64(text: str) -> bytes:
    try:
        return strict_base64.decode(text)
    except ValueError as error:
        raise _broken("text that is not base64", "standard base64 with padding") from error


def _broken(found: str, expected: str) -> EvidenceBroken:
    return EvidenceBroken(found, where="proof", expected=expected, advice="Do not rely on this proof.")
