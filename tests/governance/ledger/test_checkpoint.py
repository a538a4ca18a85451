"""A checkpoint is signed text that the log's key alone can have made."""

import base64
import hashlib

import pytest

from vemo_audit.errors import BadInput, EvidenceBroken
from vemo_audit.governance.keys import PublicKey, generate
from vemo_audit.governance.ledger.checkpoint import (
    Checkpoint,
    note_key_hash,
    sign_checkpoint,
    verifier_key,
    verify_checkpoint,
)

ORIGIN = "example.org/vemo-audit/2026-11"
KEY = generate("log")
TREE = Checkpoint(ORIGIN, 1234, hashlib.sha256(b"root").digest())
NOTE = sign_checkpoint(TREE, KEY)


def test_the_note_has_the_published_shape() -> None:
    lines = NOTE.split("\n")
    assert lines[:4] == [ORIGIN, "1234", base64.b64encode(TREE.root).decode(), ""]
    dash, name, code = lines[4].split(" ")
    assert (dash, name, lines[5]) == ("—", ORIGIN, "")
    line = base64.b64decode(code)
    assert line[:4] == hashlib.sha256(ORIGIN.encode() + b"\n\x01" + KEY.public.raw).digest()[:4]
    assert KEY.public.verify("\n".join(lines[:3]).encode() + b"\n", line[4:])


def test_the_key_hash_agrees_with_a_published_verifier_key() -> None:
    # the example key of the Go package golang.org/x/mod/sumdb/note
    name, hash_, code = ["PeterNeumann", "c74f20a3", "ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"]
    raw = base64.b64decode(code)[1:]
    assert note_key_hash(name, raw).hex() == hash_
    assert verifier_key(name, PublicKey(name, raw)) == f"{name}+{hash_}+{code}"


def test_a_note_comes_back() -> None:
    assert verify_checkpoint(NOTE, origin=ORIGIN, key=KEY.public) == TREE


def test_witness_lines_are_passed_over() -> None:
    witness = "— witness.example " + base64.b64encode(bytes(76)).decode() + "\n"
    assert verify_checkpoint(NOTE + witness, origin=ORIGIN, key=KEY.public) == TREE
    with pytest.raises(EvidenceBroken, match="no valid signature"):
        verify_checkpoint(NOTE.split("\n\n")[0] + "\n\n" + witness, origin=ORIGIN, key=KEY.public)


def accepted_flips(key: PublicKey) -> int:
    data, accepted = NOTE.encode(), 0
    for bit in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            verify_checkpoint(flipped.decode(errors="replace"), origin=ORIGIN, key=key)
            accepted += 1
        except EvidenceBroken:
            pass
    return accepted


def test_no_flipped_bit_is_accepted() -> None:
    assert accepted_flips(KEY.public) == 0


def test_twin_a_key_that_believes_everything_accepts_flipped_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PublicKey, "verify", lambda self, message, signature: True)
    assert accepted_flips(KEY.public) > 0


@pytest.mark.parametrize(
    ("note", "words"),
    [
        (NOTE.replace("\n\n", "\nextension\n\n"), "not a checkpoint"),
        (NOTE.rstrip("\n"), "not a checkpoint"),
        (NOTE.replace("1234", "01234"), "tree size"),
        (NOTE.replace("1234", "-1"), "tree size"),
        (NOTE.replace("1234", "1235"), "no valid signature"),
        (NOTE + NOTE.split("\n")[4] + "\n", "no valid signature"),
        (NOTE + "trailing\n", "no signature"),
        (NOTE + "\n", "no signature"),
        ("x" * 20_000, "too long"),
        ("", "not a checkpoint"),
    ],
)
def test_a_note_in_another_form_is_refused(note: str, words: str) -> None:
    with pytest.raises(EvidenceBroken, match=words):
        verify_checkpoint(note, origin=ORIGIN, key=KEY.public)


def test_another_log_and_another_key_are_refused() -> None:
    with pytest.raises(EvidenceBroken, match="the checkpoint of"):
        verify_checkpoint(NOTE, origin="other.example/log", key=KEY.public)
    with pytest.raises(EvidenceBroken, match="no valid signature"):
        verify_checkpoint(NOTE, origin=ORIGIN, key=generate("log").public)


@pytest.mark.parametrize("origin", ["", "a b", "a+b", "a\nb", "é", "x" * 256])
def test_a_name_that_would_break_the_format_is_refused(origin: str) -> None:
    with pytest.raises(BadInput, match="log origin"):
        sign_checkpoint(Checkpoint(origin, 0, bytes(32)), KEY)
