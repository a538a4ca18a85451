"""Signed records: a canonical JSON payload in a DSSE envelope with exactly one Ed25519 signature."""

import json
from collections.abc import Mapping
from typing import Any

from vemo_audit.errors import BadInput, EvidenceBroken
from vemo_audit.governance import strict_base64
from vemo_audit.governance.keys import KeyPair, PublicKey
from vemo_audit.records.digest import canonical_json

MAX_PAYLOAD_BYTES = 64 * 1024
MAX_ENVELOPE_BYTES = MAX_PAYLOAD_BYTES * 4 // 3 + 1024  # base64, and the frame around it


def type_of(name: str) -> str:
    """The payload type of one of our records: `consent`, `grant`, `manifest`, ..."""
    return f"application/vnd.vemo.{name}+json; version=1"


def pae(payload_type: str, payload: bytes) -> bytes:
    """What is signed: type and payload with their lengths, so that no byte can move between them.

    Source: DSSE protocol, pre-authentication encoding: "DSSEv1" SP LEN(type) SP type SP LEN(body) SP body.
    """
    name = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(name), name, len(payload), payload)


def sign(payload: dict[str, Any], *, payload_type: str, key: KeyPair) -> bytes:
    """The envelope as canonical JSON. Raises BadInput for floats, lone surrogates or more than 64 KiB."""
    body = canonical_json(payload)
    if len(body) > MAX_PAYLOAD_BYTES:
        raise BadInput(f"a record of {len(body)} bytes", where=payload_type, expected=f"at most {MAX_PAYLOAD_BYTES}")
    signature = key.sign(pae(payload_type, body))
    return canonical_json(
        {
            "payload": strict_base64.encode(body),
            "payloadType": payload_type,
            "signatures": [{"keyid": key.kid, "sig": strict_base64.encode(signature)}],
        }
    )


def verify(envelope: bytes, *, payload_type: str, keys: Mapping[str, PublicKey]) -> dict[str, Any]:
    """The payload, once one of the trusted keys (by kid) is shown to have signed it.

    Raises EvidenceBroken, naming the cause, for anything else. The payload is parsed only after its signature held;
    the envelope, too, must be in its one canonical form, so that no two byte strings are the same signed record.
    """
    body, kid, signature = _open(envelope, payload_type)
    if kid not in keys:
        known = ", ".join(sorted(keys)) or "none"
        raise _broken("signed by a key that is not trusted", payload_type, f"one of these kids: {known}")
    if not keys[kid].verify(pae(payload_type, body), signature):
        raise _broken("the signature does not hold", payload_type, f"a signature of key {kid} over these bytes")
    payload = _parse(body, payload_type)
    if not isinstance(payload, dict):
        raise _broken("a payload that is no object", payload_type, "a JSON object")
    return payload


def _open(envelope: bytes, payload_type: str) -> tuple[bytes, str, bytes]:
    if len(envelope) > MAX_ENVELOPE_BYTES:
        raise _broken(f"an envelope of {len(envelope)} bytes", payload_type, f"at most {MAX_ENVELOPE_BYTES}")
    outer = _parse(envelope, payload_type)
    if not isinstance(outer, dict) or set(outer) != {"payload", "payloadType", "signatures"}:
        raise _broken("not an envelope", payload_type, "exactly payload, payloadType and signatures")
    if outer["payloadType"] != payload_type:
        raise _broken(f"a record of type {outer['payloadType']!r}", payload_type, f"type {payload_type!r}")
    signatures = outer["signatures"]
    if not isinstance(signatures, list) or len(signatures) != 1:
        raise _broken("another number of signatures than one", payload_type, "exactly one signature")
    one = signatures[0]
    if not isinstance(one, dict) or set(one) != {"keyid", "sig"} or not isinstance(one["keyid"], str):
        raise _broken("a signature with other fields", payload_type, "exactly keyid and sig")
    body = _unbase64(outer["payload"], payload_type)
    if len(body) > MAX_PAYLOAD_BYTES:
        raise _broken(f"a payload of {len(body)} bytes", payload_type, f"at most {MAX_PAYLOAD_BYTES}")
    return body, one["keyid"], _unbase64(one["sig"], payload_type)


def _parse(data: bytes, where: str) -> Any:
    """JSON that is its own canonical form: this alone refuses double keys, floats, white space and odd escapes."""
    try:
        value = json.loads(data.decode())
        same = canonical_json(value) == data
    except (ValueError, RecursionError, BadInput) as error:
        raise _broken("text that is not canonical JSON", where, "RFC 8785 without floats") from error
    if not same:
        raise _broken("JSON in another than its canonical form", where, "RFC 8785: sorted keys, no white space")
    return value


def _unbase64(text: object, where: str) -> bytes:
    try:
        return strict_base64.decode(text)
    except ValueError as error:
        raise _broken("a field that is not base64", where, "standard base64 with padding") from error


def _broken(found: str, where: str, expected: str) -> EvidenceBroken:
    return EvidenceBroken(found, where=where, expected=expected, advice="Do not use this record.")
