"""Canonical JSON and SHA-256: the same record has the same bytes and the same name everywhere."""

import hashlib
import json
from typing import Any

from vemo_audit.errors import BadInput


def canonical_json(value: Any) -> bytes:
    """The one byte string of a value made of dict, list, tuple, str, int, bool and None.

    Floats are refused: their text form differs between programs, and no signed record of ours holds one.
    Source: RFC 8785 (keys sorted by UTF-16 code units, no white space, UTF-8).

    Raises BadInput for a float, another type, an integer beyond 2^53 or a key that is no string.
    """
    return json.dumps(_ordered(value, "$"), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _ordered(value: Any, where: str) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if abs(value) > 2**53 - 1:
            raise BadInput(f"the integer {value}", where=where, expected="at most 2^53 - 1 in size")
        return value
    if isinstance(value, str):
        if any(0xD800 <= ord(c) <= 0xDFFF for c in value):
            raise BadInput("a lone surrogate in a text", where=where, expected="valid Unicode")
        return value
    if isinstance(value, list | tuple):
        return [_ordered(item, f"{where}[{k}]") for k, item in enumerate(value)]
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise BadInput("a key that is no text", where=where, expected="text keys")
        keys = sorted(value, key=lambda key: key.encode("utf-16-be", "surrogatepass"))
        return {_ordered(key, where): _ordered(value[key], f"{where}.{key}") for key in keys}
    raise BadInput(f"a value of type {type(value).__name__}", where=where, expected="JSON without floats")


def sha256_hex(data: bytes) -> str:
    """Lower-case SHA-256 of the bytes."""
    return hashlib.sha256(data).hexdigest()


def digest(value: Any) -> str:
    """SHA-256 of the canonical JSON of a value."""
    return sha256_hex(canonical_json(value))
