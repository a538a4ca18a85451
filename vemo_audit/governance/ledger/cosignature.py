"""Cosignatures: a witness's dated word that a checkpoint extends all that it saw of this log before."""

import hashlib

from vemo_audit.errors import BadInput
from vemo_audit.governance import strict_base64
from vemo_audit.governance.keys import KeyPair, PublicKey
from vemo_audit.governance.ledger.checkpoint import Checkpoint, check_origin

COSIGNATURE = b"\x04"
LATEST_S = 2**63 - 1
"""The latest time that a cosignature can name. Source: c2sp.org/tlog-cosignature."""


def cosigner_hash(name: str, raw: bytes) -> bytes:
    """Four bytes that say which witness made a signature line. Source: c2sp.org/tlog-cosignature."""
    return hashlib.sha256(name.encode() + b"\n" + COSIGNATURE + raw).digest()[:4]


def witness_vkey(name: str, key: PublicKey) -> str:
    """The witness's public key as C2SP tools and policies take it. Source: c2sp.org/signed-note."""
    check_origin(name)  # the same characters may name a log and a witness
    return f"{name}+{cosigner_hash(name, key.raw).hex()}+{strict_base64.encode(COSIGNATURE + key.raw)}"


def cosigned_message(checkpoint: Checkpoint, at_s: int) -> bytes:
    """What a witness signs. Source: c2sp.org/tlog-cosignature, Ed25519 signed message."""
    return f"cosignature/v1\ntime {at_s}\n{checkpoint.text()}".encode()


def cosign(checkpoint: Checkpoint, key: KeyPair, *, name: str, at_s: int) -> str:
    """The signature line, with its line end; `at_s` are POSIX seconds. Raises BadInput for a time that has no place."""
    if not 0 <= at_s <= LATEST_S:
        raise BadInput(f"the time {at_s} s", where="cosignature", expected=f"0 to {LATEST_S}")
    signature = key.sign(cosigned_message(checkpoint, at_s))
    line = cosigner_hash(name, key.public.raw) + at_s.to_bytes(8, "big") + signature
    return f"— {name} {strict_base64.encode(line)}\n"
