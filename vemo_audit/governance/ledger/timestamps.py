"""RFC 3161 timestamps over checkpoints: the request to an authority, and what its token shows."""

from dataclasses import dataclass
from datetime import datetime
from types import ModuleType
from typing import Any

from cryptography.x509 import Certificate, load_pem_x509_certificates

from vemo_audit.errors import BadInput, EvidenceBroken
from vemo_audit.governance.ledger.checkpoint import read_checkpoint

MAX_TOKEN_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """`der` goes to the authority (content type application/timestamp-query); its token must name `nonce`."""

    der: bytes
    nonce: int


@dataclass(frozen=True, slots=True)
class Stamp:
    """The checkpoint existed at `at`, by the word of whoever holds the certificate chain's end."""

    at: datetime
    policy: str
    serial: int


def request(note: str) -> Request:
    """The request over all bytes of a checkpoint: SHA-256, with a random nonce, asking for certificates.

    Raises EvidenceBroken for a note in another form. Source: RFC 3161, section 2.4.1.
    """
    read_checkpoint(note)
    library = _library()
    made = library.TimestampRequestBuilder().data(note.encode()).hash_algorithm(library.HashAlgorithm.SHA256).build()
    return Request(bytes(made.as_bytes()), int(made.nonce))


def check(token: bytes, note: str, *, roots: bytes, nonce: int | None = None) -> Stamp:
    """What an authority's answer shows about exactly this checkpoint. `roots` are trusted certificates in PEM form.

    Raises BadInput for roots that are none, EvidenceBroken for an answer that does not read, was not granted, is about
    other bytes, has another nonce than `nonce`, or whose signer the roots do not vouch for. Source: RFC 3161, 2.4.2.
    """
    read_checkpoint(note)
    library, trusted = _library(), _certificates(roots)
    if len(token) > MAX_TOKEN_BYTES:
        raise _broken(f"an answer of {len(token)} bytes", f"at most {MAX_TOKEN_BYTES}")
    builder = library.VerifierBuilder(roots=trusted, nonce=nonce)
    try:
        answer: Any = library.decode_timestamp_response(token)
        if answer.tst_info.message_imprint.hash_algorithm.dotted_string != "2.16.840.1.101.3.4.2.1":
            raise _broken("a token over another hash", "SHA-256")
        builder.build().verify_message(answer, note.encode())
    except (ValueError, TypeError, library.VerificationError) as error:
        raise _broken(
            f"the token does not hold ({error})", "a token over this checkpoint, vouched for by the roots"
        ) from error
    info = answer.tst_info
    return Stamp(info.gen_time, info.policy.dotted_string, int(info.serial_number))


def _certificates(pem: bytes) -> list[Certificate]:
    try:
        return load_pem_x509_certificates(pem)
    except ValueError as error:
        raise BadInput("no certificate", where="the authority's roots", expected="certificates in PEM form") from error


def _library() -> ModuleType:
    try:
        import rfc3161_client
    except ImportError as error:
        raise BadInput(
            "rfc3161-client is not installed", expected="the extra 'timestamp'",
            advice="pip install 'vemo-audit[timestamp]'",
        ) from error  # fmt: skip
    return rfc3161_client


def _broken(found: str, expected: str) -> EvidenceBroken:
    return EvidenceBroken(found, where="timestamp", expected=expected, advice="Do not rely on this timestamp.")
