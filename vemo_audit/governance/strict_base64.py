"""Base64 of which each byte string has exactly one text, as signed records need."""

import base64


def encode(data: bytes) -> str:
    """Standard base64 with padding. Source: RFC 4648, section 4."""
    return base64.b64encode(data).decode()


def decode(text: object) -> bytes:
    """The bytes of a text that `encode` could have written.

    Raises ValueError for anything else: other characters, missing padding, stray bits in the last character, no text.
    """
    if not isinstance(text, str) or not text.isascii():
        raise ValueError("not base64")
    data = base64.b64decode(text, validate=True)
    if encode(data) != text:
        raise ValueError("base64 in another than its one form")
    return data
