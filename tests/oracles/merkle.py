"""The Merkle tree written straight from the recursive definitions of RFC 6962, slow and with every leaf at hand."""

import hashlib
from collections.abc import Sequence


def _hash(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _cut(count: int) -> int:
    k = 1
    while k * 2 < count:
        k *= 2
    return k


def root(entries: Sequence[bytes]) -> bytes:
    """MTH of section 2.1."""
    if not entries:
        return _hash(b"")
    if len(entries) == 1:
        return _hash(b"\x00" + entries[0])
    k = _cut(len(entries))
    return _hash(b"\x01" + root(entries[:k]) + root(entries[k:]))


def path(m: int, entries: Sequence[bytes]) -> list[bytes]:
    """PATH of section 2.1.1."""
    if len(entries) == 1:
        return []
    k = _cut(len(entries))
    if m < k:
        return [*path(m, entries[:k]), root(entries[k:])]
    return [*path(m - k, entries[k:]), root(entries[:k])]


def proof(m: int, entries: Sequence[bytes]) -> list[bytes]:
    """PROOF of section 2.1.2."""
    return _subproof(m, entries, whole=True)


def _subproof(m: int, entries: Sequence[bytes], *, whole: bool) -> list[bytes]:
    if m == len(entries):
        return [] if whole else [root(entries)]
    k = _cut(len(entries))
    if m <= k:
        return [*_subproof(m, entries[:k], whole=whole), root(entries[k:])]
    return [*_subproof(m - k, entries[k:], whole=False), root(entries[:k])]
