"""The private part of a record: encrypted under the subject's own key, so that destroying that key erases it."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from vemo_audit.errors import BadInput, EvidenceBroken
from vemo_audit.governance.keys import read_private, write_new
from vemo_audit.records.digest import canonical_json

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
MAX_PRIVATE_BYTES = 64 * 1024

Entropy = Callable[[int], bytes]
"""A number of bytes -> that many unpredictable ones."""


def encrypt(key: bytes, plaintext: bytes, *, aad: bytes, nonce: bytes) -> bytes:
    """AES-256-GCM: ciphertext and 16-byte tag. Raises BadInput for keys that are not 32, nonces that are not 12 bytes.

    Source: NIST SP 800-38D.
    """
    _check_sizes(key, nonce)
    return AESGCM(key).encrypt(nonce, plaintext, aad)


def decrypt(key: bytes, ciphertext: bytes, *, aad: bytes, nonce: bytes) -> bytes:
    """The plaintext. Raises EvidenceBroken when key, nonce, aad and ciphertext do not belong together."""
    _check_sizes(key, nonce)
    try:
        return AESGCM(key).decrypt(nonce, ciphertext, aad)
    except InvalidTag as error:
        raise EvidenceBroken(
            "an encrypted part that does not open", expected="the ciphertext that was written with this header"
        ) from error


def record_key(dek: bytes, dek_ref: str) -> bytes:
    """The key of one record, from the subject's key and the record's random reference. Source: RFC 5869."""
    return HKDF(SHA256(), KEY_BYTES, salt=bytes.fromhex(dek_ref), info=b"vemo.decision/1 private").derive(dek)


def header_aad(header: dict[str, Any]) -> bytes:
    """What ties a ciphertext to its header: the SHA-256 of the canonical header without `ct_sha256`.

    The header names the ciphertext, so hashing all of it would be circular.
    """
    return hashlib.sha256(canonical_json({k: v for k, v in header.items() if k != "ct_sha256"})).digest()


def seal(
    header: dict[str, Any], private: bytes, *, dek: bytes, entropy: Entropy
) -> tuple[dict[str, Any], bytes]:  # fmt: skip
    """The header with `dek_ref` and `ct_sha256`, and the sealed bytes: nonce, ciphertext, tag."""
    if len(private) > MAX_PRIVATE_BYTES:
        raise BadInput(f"a private part of {len(private)} bytes", expected=f"at most {MAX_PRIVATE_BYTES}")
    dek_ref = entropy(16).hex()
    named = {**header, "dek_ref": dek_ref}
    nonce = entropy(NONCE_BYTES)
    sealed = nonce + encrypt(record_key(dek, dek_ref), private, aad=header_aad(named), nonce=nonce)
    return {**named, "ct_sha256": hashlib.sha256(sealed).hexdigest()}, sealed


def unseal(header: dict[str, Any], sealed: bytes, *, dek: bytes) -> bytes:
    """The private part. Raises EvidenceBroken when it was not sealed with exactly this header."""
    nonce, ciphertext = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    if hashlib.sha256(sealed).hexdigest() != header["ct_sha256"] or len(ciphertext) < TAG_BYTES:
        raise EvidenceBroken("another ciphertext than the entry names", expected=f"SHA-256 {header['ct_sha256']}")
    return decrypt(record_key(dek, header["dek_ref"]), ciphertext, aad=header_aad(header), nonce=nonce)


def wrap(kek: bytes, dek: bytes) -> bytes:
    """The subject's key under the key that wraps all of them. Source: RFC 3394 (AES-KW)."""
    return aes_key_wrap(kek, dek)


def unwrap(kek: bytes, wrapped: bytes) -> bytes:
    """The subject's key. Raises EvidenceBroken for another wrapping key or changed bytes."""
    try:
        return aes_key_unwrap(kek, wrapped)
    except InvalidUnwrap as error:
        raise EvidenceBroken("a subject's key that does not unwrap", expected="the KEK that wrapped it") from error


def kek_beside(folder: Path) -> Path:
    """Where the key that wraps the subjects' keys lies by default: next to the folder, so that copies of it lack it."""
    named = folder if folder.name not in ("", "..") else folder.resolve()
    return named.with_name(f"{named.name}.kek")


def new_kek(path: Path, *, entropy: Entropy = os.urandom) -> None:
    """Makes the key that wraps all others, in a file of mode 0600. Raises BadInput when the file exists."""
    write_new(path, entropy(KEY_BYTES), mode=0o600)


def load_kek(path: Path) -> bytes:
    """Reads it. Raises BadInput when it is missing, readable by others or of another length."""
    kek = read_private(path)
    if len(kek) != KEY_BYTES:
        raise BadInput(f"a wrapping key of {len(kek)} bytes", where=str(path), expected=f"{KEY_BYTES} bytes")
    return kek


def _check_sizes(key: bytes, nonce: bytes) -> None:
    if len(key) != KEY_BYTES or len(nonce) != NONCE_BYTES:
        raise BadInput(
            f"a key of {len(key)} and a nonce of {len(nonce)} bytes", expected=f"{KEY_BYTES} and {NONCE_BYTES} bytes"
        )
