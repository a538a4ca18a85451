"""Checkpoints: the size and root of the log, signed as a C2SP note."""

import hashlib
import re
from dataclasses import dataclass

from vemo_audit.errors import BadInput, EvidenceBroken
from vemo_audit.governance import strict_base64
from vemo_audit.governance.keys import KeyPair, PublicKey

ED25519 = b"\x01"
MAX_NOTE_BYTES = 16 * 1024
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_ORIGIN = re.compile(r"[!-*,-~]{1,255}")  # printable ASCII without space and without '+', which vkeys split at
_SIGNATURE = re.compile("— ([^ +]+) ([A-Za-z0-9+/]+={0,2})")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The tree that the log commits to. `root` is 32 bytes."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The signed text. Source: c2sp.org/tlog-checkpoint."""
        return f"{self.origin}\n{self.size}\n{strict_base64.encode(self.root)}\n"


def check_origin(origin: str) -> None:
    """Raises BadInput unless the text can name a log: `<domain>/vemo-audit/<yyyy-mm>`, say."""
    if not _ORIGIN.fullmatch(origin):
        raise BadInput(f"the log origin {origin!r}", expected="1 to 255 ASCII characters without spaces and '+'")


def note_key_hash(name: str, raw: bytes) -> bytes:
    """Four bytes that say which key made a signature line. Source: c2sp.org/signed-note."""
    return hashlib.sha256(name.encode() + b"\n" + ED25519 + raw).digest()[:4]


def verifier_key(origin: str, key: PublicKey) -> str:
    """The public key as C2SP tools take it: name+hash+key. Source: c2sp.org/signed-note."""
    code = strict_base64.encode(ED25519 + key.raw)
    return f"{origin}+{note_key_hash(origin, key.raw).hex()}+{code}"


def sign_checkpoint(checkpoint: Checkpoint, key: KeyPair) -> str:
    """The signed note. Source: c2sp.org/signed-note."""
    check_origin(checkpoint.origin)
    text = checkpoint.text()
    line = note_key_hash(checkpoint.origin, key.public.raw) + key.sign(text.encode())
    return f"{text}\n— {checkpoint.origin} {strict_base64.encode(line)}\n"


def verify_checkpoint(note: str, *, origin: str, key: PublicKey) -> Checkpoint:
    """The checkpoint, once the log's key is shown to have signed it. Other signatures (witnesses) are passed over.

    Raises EvidenceBroken for another origin, a missing or false signature, or a note in another form.
    """
    checkpoint, signatures = read_checkpoint(note)
    if checkpoint.origin != origin:
        raise _broken(f"the checkpoint of {checkpoint.origin!r}", f"origin {origin!r}")
    if not _signed(checkpoint, signatures, key):
        raise _broken("no valid signature of the log's key", f"one by key {key.kid}")
    return checkpoint


def read_checkpoint(note: str) -> tuple[Checkpoint, list[str]]:
    """What a note claims, and its signature lines: nothing is verified yet. Raises EvidenceBroken for another form."""
    if len(note.encode("utf-8", "surrogatepass")) > MAX_NOTE_BYTES:
        raise _broken("a note that is too long", f"at most {MAX_NOTE_BYTES} bytes")
    text, gap, block = note.partition("\n\n")
    lines = text.split("\n")
    if not gap or not block.endswith("\n") or len(lines) != 3:
        raise _broken("not a checkpoint", "origin, size and root, an empty line, signatures")
    if not _SIZE.fullmatch(lines[1]):
        raise _broken(f"the tree size {lines[1]!r}", "a decimal number without leading zeros")
    return Checkpoint(lines[0], int(lines[1]), _root(lines[2])), block[:-1].split("\n")


def _signed(checkpoint: Checkpoint, lines: list[str], key: PublicKey) -> bool:
    wanted = note_key_hash(checkpoint.origin, key.raw)
    signatures = []
    for line in lines:
        match = _SIGNATURE.fullmatch(line)
        if match is None:
            raise _broken("a line that is no signature", "'— name base64'")
        data = _unbase64(match[2])
        if match[1] == checkpoint.origin and data[:4] == wanted:
            signatures.append(data[4:])
    return len(signatures) == 1 and key.verify(checkpoint.text().encode(), signatures[0])


def _root(text: str) -> bytes:
    root = _unbase64(text)
    if len(root) != 32:
        raise _broken(f"a root of {len(root)} bytes", "32 bytes")
    return root


def _unbase64(text: str) -> bytes:
    try:
        return strict_base64.decode(text)
    except ValueError as error:
        raise _broken("text that is not base64", "standard base64 with padding") from error


def _broken(found: str, expected: str) -> EvidenceBroken:
    return EvidenceBroken(found, where="checkpoint", expected=expected, advice="Do not rely on this checkpoint.")
