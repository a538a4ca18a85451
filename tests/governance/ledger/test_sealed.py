"""The private part opens with the subject's key and its own header, and with nothing else."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from vemo_audit.errors import BadInput, EvidenceBroken
from vemo_audit.governance.ledger import sealed
from vemo_audit.governance.ledger.sealed import (
    decrypt,
    encrypt,
    header_aad,
    load_kek,
    new_kek,
    record_key,
    seal,
    unseal,
    unwrap,
    wrap,
)

DEK = bytes(range(32))
HEADER = {"decision_id": "d1", "phase": "intent"}


def test_a_private_part_comes_back() -> None:
    header, data = seal(HEADER, b"who", dek=DEK, entropy=os.urandom)
    assert header == {**HEADER, "dek_ref": header["dek_ref"], "ct_sha256": hashlib.sha256(data).hexdigest()}
    assert unseal(header, data, dek=DEK) == b"who"
    assert b"who" not in data


def test_no_two_records_of_a_person_look_alike() -> None:
    made = [seal(HEADER, b"who", dek=DEK, entropy=os.urandom) for _ in range(50)]
    assert len({header["dek_ref"] for header, _ in made}) == len({data for _, data in made}) == 50


def test_the_header_is_bound_to_its_ciphertext() -> None:
    header, data = seal(HEADER, b"who", dek=DEK, entropy=os.urandom)
    for wrong in ({**header, "phase": "outcome"}, {**header, "dek_ref": "00" * 16}, {**header, "more": 1}):
        with pytest.raises(EvidenceBroken, match="does not open"):
            unseal(wrong, data, dek=DEK)
    with pytest.raises(EvidenceBroken, match="does not open"):
        unseal(header, data, dek=bytes(32))
    with pytest.raises(EvidenceBroken, match="another ciphertext"):
        unseal(header, data[:-1] + bytes([data[-1] ^ 1]), dek=DEK)


def test_twin_without_the_header_as_aad_a_moved_ciphertext_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "header_aad", lambda header: b"")
    header, data = seal(HEADER, b"who", dek=DEK, entropy=os.urandom)
    assert unseal({**header, "phase": "outcome"}, data, dek=DEK) == b"who"


def test_what_is_bound_by_hand() -> None:
    expected = hashlib.sha256(b'{"a":1,"dek_ref":"00"}').digest()
    assert header_aad({"dek_ref": "00", "a": 1, "ct_sha256": "ff"}) == expected


def test_the_key_of_a_record_by_hand() -> None:
    """HKDF (RFC 5869) is two HMACs when one block of output is enough."""
    import hmac

    salt = bytes(range(16))
    extracted = hmac.digest(salt, DEK, "sha256")
    assert record_key(DEK, salt.hex()) == hmac.digest(extracted, b"vemo.decision/1 private\x01", "sha256")


def test_the_wrapping_key_is_kept_apart_and_private(tmp_path: Path) -> None:
    path = tmp_path / "ledger.kek"
    new_kek(path)
    kek = load_kek(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert unwrap(kek, wrap(kek, DEK)) == DEK
    with pytest.raises(EvidenceBroken, match="does not unwrap"):
        unwrap(bytes(32), wrap(kek, DEK))
    with pytest.raises(BadInput, match="exists already"):
        new_kek(path)
    path.chmod(0o644)
    with pytest.raises(BadInput, match="mode 0644"):
        load_kek(path)
    path.chmod(0o600)
    path.write_bytes(b"short")
    with pytest.raises(BadInput, match="5 bytes"):
        load_kek(path)


def test_too_much_is_refused() -> None:
    with pytest.raises(BadInput, match="at most"):
        seal(HEADER, bytes(sealed.MAX_PRIVATE_BYTES + 1), dek=DEK, entropy=os.urandom)


def wrong_vectors(shared_data: Path) -> tuple[int, int, list[int]]:
    """Public cases of our sizes, those of other sizes (which we refuse), and those that we answer wrongly."""
    ours, refused, wrong = 0, 0, []
    for group in json.loads((shared_data / "vectors/wycheproof/aes_gcm_test.json").read_text())["testGroups"]:
        for case in group["tests"]:
            key, nonce, aad, plain, cipher, tag = (
                bytes.fromhex(case[name]) for name in ("key", "iv", "aad", "msg", "ct", "tag")
            )
            if (group["keySize"], group["ivSize"], group["tagSize"]) != (256, 96, 128):
                refused += 1
                with pytest.raises(BadInput):
                    decrypt(key, cipher + tag, aad=aad, nonce=nonce)
                continue
            ours += 1
            try:
                held = decrypt(key, cipher + tag, aad=aad, nonce=nonce) == plain
            except EvidenceBroken:
                held = False
            if case["result"] == "valid":
                held = held and encrypt(key, plain, aad=aad, nonce=nonce) == cipher + tag
            if held != (case["result"] == "valid"):
                wrong.append(case["tcId"])
    return ours, refused, wrong


@pytest.mark.real_data
def test_public_cipher_vectors_hold(shared_data: Path) -> None:
    ours, refused, wrong = wrong_vectors(shared_data)
    assert (ours + refused, wrong) == (316, [])
    assert ours > 50


@pytest.mark.real_data
def test_twin_a_cipher_with_a_short_tag_fails_the_vectors(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    def short_tag(key: bytes, data: bytes, *, aad: bytes, nonce: bytes) -> bytes:
        mode = modes.GCM(nonce, data[-16:-8], min_tag_length=8)
        opened = Cipher(algorithms.AES256(key), mode).decryptor()
        opened.authenticate_additional_data(aad)
        try:
            return opened.update(data[:-16]) + opened.finalize()
        except Exception as error:
            raise EvidenceBroken("no") from error

    def checked(key: bytes, data: bytes, *, aad: bytes, nonce: bytes) -> bytes:
        if len(key) != 32 or len(nonce) != 12:
            raise BadInput("sizes")
        return short_tag(key, data, aad=aad, nonce=nonce)

    monkeypatch.setitem(globals(), "decrypt", checked)
    assert wrong_vectors(shared_data)[2]
