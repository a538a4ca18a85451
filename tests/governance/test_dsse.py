"""A signed record is accepted in exactly one form, and everything else is refused before it is parsed."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vemo_audit.errors import BadInput, EvidenceBroken
from vemo_audit.governance import dsse
from vemo_audit.governance.keys import KeyPair, PublicKey, generate
from vemo_audit.governance.strict_base64 import decode, encode
from vemo_audit.records.digest import canonical_json

TYPE = dsse.type_of("grant")
KEY = generate("issuer")
TRUSTED = {KEY.kid: KEY.public}
RECORD: dict[str, Any] = {"grant_id": "g", "purposes": ["research"], "epoch": 3, "name": "Zoë"}


def open_(envelope: bytes, keys: dict[str, PublicKey] = TRUSTED) -> dict[str, Any]:
    return dsse.verify(envelope, payload_type=TYPE, keys=keys)


def signed_bytes(body: bytes, key: KeyPair = KEY) -> bytes:
    """An envelope with a true signature over bytes that `sign` would never make."""
    signature = {"keyid": key.kid, "sig": encode(key.sign(dsse.pae(TYPE, body)))}
    return canonical_json({"payload": encode(body), "payloadType": TYPE, "signatures": [signature]})


def changed(**fields: Any) -> bytes:
    return canonical_json({**json.loads(dsse.sign(RECORD, payload_type=TYPE, key=KEY)), **fields})


def test_the_published_encoding_of_what_is_signed() -> None:
    # the example of the DSSE protocol page
    assert dsse.pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_lengths_count_bytes_not_letters() -> None:
    assert dsse.pae("é", b"\x00") == b"DSSEv1 2 \xc3\xa9 1 \x00"


def test_a_record_comes_back() -> None:
    assert open_(dsse.sign(RECORD, payload_type=TYPE, key=KEY)) == RECORD


@given(st.dictionaries(st.text(max_size=5), st.integers(-9, 9) | st.text(max_size=5) | st.none() | st.booleans()))
def test_any_plain_record_comes_back(record: dict[str, Any]) -> None:
    try:
        envelope = dsse.sign(record, payload_type=TYPE, key=KEY)
    except BadInput:  # lone surrogates
        return
    assert open_(envelope) == record


def every_bit(envelope: bytes, verify: Callable[[bytes], Any]) -> list[int]:
    """The bits whose flip is accepted."""
    accepted = []
    for bit in range(len(envelope) * 8):
        flipped = bytearray(envelope)
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            verify(bytes(flipped))
            accepted.append(bit)
        except EvidenceBroken:
            pass
    return accepted


def test_no_flipped_bit_is_accepted() -> None:
    assert every_bit(dsse.sign(RECORD, payload_type=TYPE, key=KEY), open_) == []


def test_twin_a_verifier_that_believes_signatures_accepts_flipped_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PublicKey, "verify", lambda self, message, signature: True)
    assert every_bit(dsse.sign(RECORD, payload_type=TYPE, key=KEY), open_)


def test_a_payload_is_not_parsed_before_its_signature_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[bytes] = []
    real = dsse._parse

    def spy(data: bytes, where: str) -> Any:
        parsed.append(data)
        return real(data, where)

    monkeypatch.setattr(dsse, "_parse", spy)
    body = canonical_json(RECORD)
    forged = json.loads(dsse.sign(RECORD, payload_type=TYPE, key=KEY))
    forged["signatures"][0]["sig"] = encode(bytes(64))
    with pytest.raises(EvidenceBroken, match="signature does not hold"):
        open_(canonical_json(forged))
    assert body not in parsed
    open_(dsse.sign(RECORD, payload_type=TYPE, key=KEY))
    assert body in parsed


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":1.5}', b'{"a":1e3}', b'{"a": 1}', b'{"b":1,"a":2}', b'{"a":1,"a":2}', b'{"a":"\\u0041"}', b'{"a":NaN}',
        b'{"a":"\xff"}', b'{"a":9007199254740993}', b"[1]", b"{", b"", b'{"a":' + b"[" * 3000 + b"]" * 3000 + b"}",
    ],
)  # fmt: skip
def test_a_signed_payload_in_another_form_is_refused(body: bytes) -> None:
    with pytest.raises(EvidenceBroken):
        open_(signed_bytes(body))


def test_twin_the_same_envelope_around_a_canonical_payload_opens() -> None:
    assert open_(signed_bytes(b'{"a":1}')) == {"a": 1}


def test_the_wrong_people_and_shapes_are_named() -> None:
    good = json.loads(changed())
    one = good["signatures"][0]
    stranger = generate("issuer")
    cases = {
        "not trusted": signed_bytes(b'{"a":1}', stranger),
        "number of signatures": changed(signatures=[one, one]),
        "another number": changed(signatures=[]),
        "other fields": changed(signatures=[{**one, "alg": "none"}]),
        "not an envelope": changed(note="x"),
        "of type": changed(payloadType=dsse.type_of("consent")),
        "not base64": changed(payload=good["payload"] + "\n"),
        "another than its canonical form": json.dumps(good).encode(),
        "not canonical JSON": b"\xff",
        "envelope of": b"x" * 100_000,
    }
    for words, envelope in cases.items():
        with pytest.raises(EvidenceBroken, match=words):
            open_(envelope)
    assert open_(changed()) == RECORD


def test_a_trusted_kid_does_not_lend_its_name() -> None:
    """An envelope that says it is by the trusted key, signed by another, is refused."""
    stranger = generate("issuer")
    forged = json.loads(signed_bytes(b'{"a":1}', stranger))
    forged["signatures"][0]["keyid"] = KEY.kid
    with pytest.raises(EvidenceBroken, match="signature does not hold"):
        open_(canonical_json(forged))


def test_a_record_cannot_pass_as_another_kind() -> None:
    envelope = json.loads(dsse.sign(RECORD, payload_type=dsse.type_of("consent"), key=KEY))
    envelope["payloadType"] = TYPE
    with pytest.raises(EvidenceBroken, match="signature does not hold"):
        open_(canonical_json(envelope))


def test_a_record_has_at_most_64_kib() -> None:
    room = dsse.MAX_PAYLOAD_BYTES - len(canonical_json({"a": ""}))
    assert open_(dsse.sign({"a": "x" * room}, payload_type=TYPE, key=KEY))
    with pytest.raises(BadInput, match="at most"):
        dsse.sign({"a": "x" * (room + 1)}, payload_type=TYPE, key=KEY)
    with pytest.raises(EvidenceBroken, match="at most"):
        open_(signed_bytes(canonical_json({"a": "x" * (room + 1)})))
    assert len(decode(json.loads(changed())["payload"])) < 100


def test_what_cannot_be_signed_says_so() -> None:
    with pytest.raises(BadInput, match="float"):
        dsse.sign({"a": 0.5}, payload_type=TYPE, key=KEY)
