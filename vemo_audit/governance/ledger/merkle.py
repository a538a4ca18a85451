"""Merkle tree arithmetic of RFC 9162: roots, and the making and checking of inclusion and consistency proofs.

Hashes are 32 bytes. A `Node` function gives the hash of a complete subtree: `node(height, k)` covers the leaves
`k * 2**height` to `(k + 1) * 2**height`; whoever stores the tree provides it.
"""

import hashlib
from collections.abc import Callable, Sequence

Node = Callable[[int, int], bytes]

EMPTY_ROOT = hashlib.sha256(b"").digest()
"""The root of a tree without leaves. Source: RFC 9162, section 2.1.1."""


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 || entry). Source: RFC 9162, section 2.1.1."""
    return hashlib.sha256(b"\x00" + entry).digest()


def inner_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right). Source: RFC 9162, section 2.1.1."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def fold(hashes: Sequence[bytes]) -> bytes:
    """The root over a row of nodes of one height whose number is a power of two."""
    row = list(hashes)
    while len(row) > 1:
        row = [inner_hash(left, right) for left, right in zip(row[::2], row[1::2], strict=True)]
    return row[0]


def root_of(size: int, node: Node) -> bytes:
    """The root of the first `size` leaves. Source: RFC 9162, section 2.1.1."""
    return _range_root(0, size, node) if size else EMPTY_ROOT


def inclusion_path(index: int, size: int, node: Node) -> list[bytes]:
    """The hashes beside the way from leaf `index` up to the root of `size` leaves. Source: RFC 9162, 2.1.3.1."""
    if not 0 <= index < size:
        raise IndexError(f"leaf {index} of {size}")
    low, high, path = 0, size, []
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(_range_root(middle, high, node))
            high = middle
        else:
            path.append(_range_root(low, middle, node))
            low = middle
    return path[::-1]


def consistency_path(old: int, new: int, node: Node) -> list[bytes]:
    """What shows that the first `old` of `new` leaves did not change. Source: RFC 9162, section 2.1.4.1.

    Raises IndexError unless 0 < old <= new: an empty tree is consistent with everything and proves nothing.
    """
    if not 0 < old <= new:
        raise IndexError(f"{old} of {new} leaves")
    low, high, path = 0, new, []
    while old != high:
        middle = low + _split(high - low)
        if old <= middle:
            path.append(_range_root(middle, high, node))
            high = middle
        else:
            path.append(_range_root(low, middle, node))
            low = middle
    if low > 0:  # the old tree ends in a subtree that the verifier cannot know yet
        path.append(_range_root(low, high, node))
    return path[::-1]


def includes(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """True when the path leads from the leaf to the root. Source: RFC 9162, section 2.1.3.2."""
    if not 0 <= index < size or len(leaf) != 32:
        return False
    position, last, found = index, size - 1, leaf
    for hash_ in path:
        if last == 0:
            return False
        if position % 2 or position == last:
            found = inner_hash(hash_, found)
            while position % 2 == 0 and position:
                position, last = position // 2, last // 2
        else:
            found = inner_hash(found, hash_)
        position, last = position // 2, last // 2
    return last == 0 and found == root


def extends(old: int, new: int, path: Sequence[bytes], *, old_root: bytes, new_root: bytes) -> bool:
    """True when the tree of `new` leaves begins with that of `old` leaves. Source: RFC 9162, section 2.1.4.2.

    False when `old` is 0: nothing was promised, so nothing is shown.
    """
    if not 0 < old <= new:
        return False
    if old == new:
        return not path and old_root == new_root
    hashes = [old_root, *path] if old & (old - 1) == 0 else list(path)
    if not path:
        return False
    position, last = old - 1, new - 1
    while position % 2:
        position, last = position // 2, last // 2
    found_old = found_new = hashes[0]
    for hash_ in hashes[1:]:
        if last == 0:
            return False
        if position % 2 or position == last:
            found_old, found_new = inner_hash(hash_, found_old), inner_hash(hash_, found_new)
            while position % 2 == 0 and position:
                position, last = position // 2, last // 2
        else:
            found_new = inner_hash(found_new, hash_)
        position, last = position // 2, last // 2
    return last == 0 and found_old == old_root and found_new == new_root


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)


def _range_root(low: int, high: int, node: Node) -> bytes:
    """The root over leaves `low` to `high`; `low` is where a subtree of that size begins, as in all cuts here."""
    size = high - low
    if size & (size - 1) == 0:
        height = size.bit_length() - 1
        return node(height, low >> height)
    middle = low + _split(size)
    return inner_hash(_range_root(low, middle, node), _range_root(middle, high, node))
