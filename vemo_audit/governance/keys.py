"""Ed25519 keys: made, kept in files that only their owner reads, and named by who may use them."""

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from vemo_audit.errors import BadInput, EvidenceBroken

OWNERS = ("policy", "issuer", "log", "steward", "probe")
"""Who signs what: bundles and manifests, consents and grants, checkpoints, dataset manifests, synthetic clips."""


def key_id(raw: bytes) -> str:
    """The short name of a public key: the first 16 hex digits of the SHA-256 of its 32 bytes."""
    return hashlib.sha256(raw).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class PublicKey:
    """Checks signatures. `raw` is 32 bytes (RFC 8032)."""

    name: str
    raw: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.raw) != 32:
            raise BadInput(f"a public key of {len(self.raw)} bytes", where=self.name, expected="32 bytes (Ed25519)")

    @property
    def kid(self) -> str:
        return key_id(self.raw)

    def verify(self, message: bytes, signature: bytes) -> bool:
        """True when this key signed the message. Source: RFC 8032, section 5.1.7."""
        if len(signature) != 64:
            return False
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except InvalidSignature:
            return False
        return True

    def save(self, path: Path) -> None:
        """Writes the key as PEM (SubjectPublicKeyInfo). Raises BadInput when the file exists already."""
        key = Ed25519PublicKey.from_public_bytes(self.raw)
        write_new(path, key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), mode=0o644)

    @classmethod
    def load(cls, path: Path, *, name: str = "") -> "PublicKey":
        """Reads what `save` wrote; the key is named for its file unless a name is given. Raises BadInput."""
        try:
            key = load_pem_public_key(path.read_bytes())
        except OSError as error:
            raise BadInput(f"no readable public key ({error.strerror})", where=str(path)) from error
        except (ValueError, UnsupportedAlgorithm) as error:
            raise BadInput("not a public key", where=str(path), expected="an Ed25519 key in PEM form") from error
        if not isinstance(key, Ed25519PublicKey):
            raise BadInput("a key of another kind", where=str(path), expected="an Ed25519 key")
        return cls(name or path.name.split(".")[0], key.public_bytes(Encoding.Raw, PublicFormat.Raw))


@dataclass(frozen=True, slots=True)
class KeyPair:
    """Signs. The private half never shows in `repr`, and leaves only through `save`."""

    name: str
    private: Ed25519PrivateKey = field(repr=False)

    @property
    def public(self) -> PublicKey:
        return PublicKey(self.name, self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    @property
    def kid(self) -> str:
        return self.public.kid

    def sign(self, message: bytes) -> bytes:
        """The 64 signature bytes. Source: RFC 8032, section 5.1.6."""
        return self.private.sign(message)

    def save(self, path: Path, passphrase: bytes | None) -> None:
        """Writes PKCS8 PEM that only the owner may read (mode 0600), encrypted when there is a passphrase.

        Raises BadInput when the file exists already: a key is never overwritten.
        """
        lock: KeySerializationEncryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
        write_new(path, self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock), mode=0o600)


def generate(name: str) -> KeyPair:
    """A new key from the operating system's randomness."""
    return KeyPair(name, Ed25519PrivateKey.generate())


def load_private(path: Path, passphrase: bytes | None, *, name: str = "") -> KeyPair:
    """Reads what `KeyPair.save` wrote; the key is named for its file unless a name is given.

    Raises BadInput for a missing file, one that others may read, a wrong passphrase or another kind of key.
    """
    try:
        key = load_pem_private_key(read_private(path), passphrase)
    except TypeError as error:
        need = "no passphrase: this key is not encrypted" if passphrase else "a passphrase: this key is encrypted"
        raise BadInput("the key does not open", where=str(path), expected=need) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadInput(
            "the key does not open", where=str(path), expected="a private key in PEM form and its own passphrase"
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise BadInput("a key of another kind", where=str(path), expected="an Ed25519 key")
    return KeyPair(name or path.name.split(".")[0], key)


def is_locked(path: Path) -> bool:
    """Whether a key that `KeyPair.save` wrote takes a passphrase. Raises BadInput as `read_private` does."""
    return read_private(path).startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")


def read_private(path: Path) -> bytes:
    """The bytes of a secret file. Raises BadInput when it is missing or when others than its owner may touch it."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o077:
                raise BadInput(
                    f"a secret file with mode {mode:04o}", where=str(path), expected="mode 0600",
                    advice="Others may have read it: make a new key, or set the mode if you know that nobody did.",
                )  # fmt: skip
            return file.read()
    except OSError as error:
        raise BadInput(
            f"no readable key ({error.strerror})", where=str(path), expected="a file that `gate init` made"
        ) from error


def write_new(path: Path, data: bytes, *, mode: int) -> None:
    """Writes a file that did not exist, durably. Raises BadInput when it does exist or cannot be written."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)  # the umask may have taken bits away
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError as error:
        raise BadInput("the file exists already", where=str(path), advice="Keys are never overwritten.") from error
    except OSError as error:
        raise BadInput(f"cannot write the file ({error.strerror})", where=str(path)) from error


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Whose public keys are trusted for what: owner -> key. One key never has two owners."""

    keys: Mapping[str, PublicKey]

    def __post_init__(self) -> None:
        unknown = sorted(set(self.keys) - set(OWNERS))
        if unknown:
            raise BadInput(f"the key owner {unknown[0]!r}", where="key ring", expected=f"one of {', '.join(OWNERS)}")
        if len({key.kid for key in self.keys.values()}) < len(self.keys):
            raise BadInput("one key with two owners", where="key ring", expected="a key of its own for each owner")

    def key_of(self, owner: str) -> PublicKey:
        """The key of one owner. Raises EvidenceBroken when the ring holds none: nothing is trusted by default."""
        if owner not in self.keys:
            raise EvidenceBroken(f"no trusted key of {owner!r}", where="key ring", advice="Add its public key file.")
        return self.keys[owner]

    def trusted(self, *owners: str) -> dict[str, PublicKey]:
        """Public keys by kid, as `dsse.verify` takes them. Raises EvidenceBroken when one is missing."""
        return {key.kid: key for key in map(self.key_of, owners)}

    @classmethod
    def load(cls, folder: Path) -> "KeyRing":
        """The `<owner>.pub` files of a folder. Raises BadInput for a file that is no key."""
        paths = {owner: folder / f"{owner}.pub" for owner in OWNERS}
        return cls({owner: PublicKey.load(path, name=owner) for owner, path in paths.items() if path.is_file()})
