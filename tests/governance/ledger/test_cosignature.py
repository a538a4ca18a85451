"""A cosignature is the published form, and no other byte string passes for it."""

from datetime import datetime

import pytest

from vemo_audit.errors import BadInput
from vemo_audit.governance import strict_base64
from vemo_audit.governance.keys import KeyPair, PublicKey, generate
from vemo_audit.governance.ledger import verify_proof
from vemo_audit.governance.ledger.checkpoint import Checkpoint, sign_checkpoint, verify_checkpoint
from vemo_audit.governance.ledger.cosignature import cosign, cosigned_message, witness_vkey

NAME = "witness.example/w1"
CHECKPOINT = Checkpoint("example.com/behind-the-sofa", 20852163, bytes(range(32)))


@pytest.fixture
def keys() -> tuple[KeyPair, KeyPair]:
    return generate("log"), generate("witness")


def policy(key: KeyPair) -> verify_proof.Policy:
    return verify_proof.read_policy(f"witness w1 {witness_vkey(NAME, key.public)}\nquorum w1\n".encode())


def test_the_signed_message_is_that_of_the_published_example() -> None:
    """The text of c2sp.org/tlog-cosignature, with another root."""
    root = CHECKPOINT.text().split("\n")[2]
    assert cosigned_message(CHECKPOINT, 1679315147).decode() == (
        f"cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\n{root}\n"
    )


def test_a_line_is_found_dated_and_leaves_the_logs_own_signature_valid(keys: tuple[KeyPair, KeyPair]) -> None:
    log, witness = keys
    note = sign_checkpoint(CHECKPOINT, log) + cosign(CHECKPOINT, witness, name=NAME, at_s=1679315147)
    assert verify_checkpoint(note, origin=CHECKPOINT.origin, key=log.public) == CHECKPOINT
    assert verify_proof.cosigned(note, policy(witness)) == {"w1": 1679315147}
    assert verify_proof.cosigned(note, policy(generate("witness"))) == {}


def test_no_flipped_bit_of_a_line_is_accepted(keys: tuple[KeyPair, KeyPair], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_proof, "signature_holds", lambda key, *rest: PublicKey("", key).verify(*rest))
    log, witness = keys
    signed, line = sign_checkpoint(CHECKPOINT, log), cosign(CHECKPOINT, witness, name=NAME, at_s=7)
    raw = strict_base64.decode(line.split(" ")[2].strip())
    known = policy(witness)
    assert verify_proof.cosigned(signed + line, known)
    for bit in range(len(raw) * 8):
        flipped = bytearray(raw)
        flipped[bit // 8] ^= 1 << bit % 8
        assert not verify_proof.cosigned(signed + f"— {NAME} {strict_base64.encode(bytes(flipped))}\n", known), bit
    monkeypatch.setattr(verify_proof, "signature_holds", lambda *_: True)  # the twin
    flipped[40] ^= 1
    assert verify_proof.cosigned(signed + f"— {NAME} {strict_base64.encode(bytes(flipped))}\n", known)


def test_a_time_outside_the_form_is_refused(keys: tuple[KeyPair, KeyPair], now: datetime) -> None:
    for at_s in (-1, 2**63):
        with pytest.raises(BadInput):
            cosign(CHECKPOINT, keys[1], name=NAME, at_s=at_s)
