"""Keys are made, kept and trusted, and a file that anybody could have read is refused."""

import hashlib
import json
from pathlib import Path

import pytest

from vemo_audit.errors import BadInput, EvidenceBroken
from vemo_audit.governance.keys import KeyRing, PublicKey, generate, key_id, load_private


def test_a_key_survives_its_file(tmp_path: Path) -> None:
    key = generate("log")
    for passphrase in (None, b"correct horse"):
        path = tmp_path / f"log-{passphrase is None}.pem"
        key.save(path, passphrase)
        assert path.stat().st_mode & 0o777 == 0o600
        again = load_private(path, passphrase, name="log")
        assert again.kid == key.kid == hashlib.sha256(key.public.raw).hexdigest()[:16]
        assert key.public.verify(b"message", again.sign(b"message"))


def test_a_public_key_survives_its_file_and_is_named_for_it(tmp_path: Path) -> None:
    public = generate("issuer").public
    public.save(tmp_path / "issuer.pub")
    assert PublicKey.load(tmp_path / "issuer.pub") == public


def test_no_secret_shows_in_words(tmp_path: Path) -> None:
    key = generate("log")
    secret = key.private.private_bytes_raw()
    shown = f"{key!r} {key} {key.public!r}"
    assert secret.hex() not in shown
    assert repr(secret) not in shown
    key.save(tmp_path / "k.pem", b"right")
    with pytest.raises(BadInput) as caught:
        load_private(tmp_path / "k.pem", b"wrong-passphrase")
    assert "wrong-passphrase" not in str(caught.value)


def test_a_passphrase_hides_the_key_on_disk(tmp_path: Path) -> None:
    generate("log").save(tmp_path / "k.pem", b"right")
    assert b"ENCRYPTED" in (tmp_path / "k.pem").read_bytes()
    for passphrase in (b"wrong", None):
        with pytest.raises(BadInput, match="does not open"):
            load_private(tmp_path / "k.pem", passphrase)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o601])
def test_a_key_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "k.pem"
    generate("log").save(path, None)
    path.chmod(mode)
    with pytest.raises(BadInput, match=f"mode {mode:04o}.*0600"):
        load_private(path, None)
    path.chmod(0o600)  # the twin: the very same file, and only its mode decides
    assert load_private(path, None)


def test_what_is_no_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no readable key"):
        load_private(tmp_path / "absent.pem", None)
    (tmp_path / "junk.pem").write_bytes(b"junk")
    (tmp_path / "junk.pem").chmod(0o600)
    with pytest.raises(BadInput, match="does not open"):
        load_private(tmp_path / "junk.pem", None)
    with pytest.raises(BadInput, match="not a public key"):
        PublicKey.load(tmp_path / "junk.pem")
    with pytest.raises(BadInput, match="no readable public key"):
        PublicKey.load(tmp_path / "absent.pub")
    with pytest.raises(BadInput, match="31 bytes"):
        PublicKey("x", bytes(31))


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    other = X25519PrivateKey.generate()
    secret, public = tmp_path / "k.pem", tmp_path / "k.pub"
    secret.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    secret.chmod(0o600)
    public.write_bytes(other.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(BadInput, match="another kind"):
        load_private(secret, None)
    with pytest.raises(BadInput, match="another kind"):
        PublicKey.load(public)


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "k.pem"
    first = generate("log")
    first.save(path, None)
    with pytest.raises(BadInput, match="exists already"):
        generate("log").save(path, None)
    assert load_private(path, None).kid == first.kid


def test_the_ring_trusts_only_whom_it_was_told(tmp_path: Path) -> None:
    issuer, log = generate("issuer").public, generate("log").public
    issuer.save(tmp_path / "issuer.pub")
    log.save(tmp_path / "log.pub")
    ring = KeyRing.load(tmp_path)
    assert ring.trusted("issuer") == {issuer.kid: issuer}
    assert set(ring.trusted("issuer", "log")) == {issuer.kid, log.kid}
    with pytest.raises(EvidenceBroken, match="policy"):
        ring.trusted("issuer", "policy")
    with pytest.raises(BadInput, match="two owners"):
        KeyRing({"issuer": issuer, "log": issuer})
    with pytest.raises(BadInput, match="'boss'"):
        KeyRing({"boss": issuer})


@pytest.mark.real_data
def test_public_signature_vectors_hold(shared_data: Path) -> None:
    groups = json.loads((shared_data / "vectors/wycheproof/ed25519_test.json").read_text())["testGroups"]
    wrong, seen = [], 0
    for group in groups:
        key = PublicKey("vector", bytes.fromhex(group["publicKey"]["pk"]))
        assert len(key_id(key.raw)) == 16
        for case in group["tests"]:
            seen += 1
            if key.verify(bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"])) != (case["result"] == "valid"):
                wrong.append(case["tcId"])
    assert (seen, wrong) == (151, [])
