"""The tree agrees with the definitions, with the public vectors and with another implementation."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.oracles import merkle as oracle
from vemo_audit.governance.ledger import merkle
from vemo_audit.governance.ledger.merkle import Node, consistency_path, extends, includes, inclusion_path, root_of

ENTRIES = [b"entry %d" % k for k in range(70)]


def node_of(leaves: list[bytes]) -> Node:
    return lambda height, k: merkle.fold(leaves[k << height : (k + 1) << height])


NODE = node_of([merkle.leaf_hash(entry) for entry in ENTRIES])


def test_a_tree_of_three_worked_by_hand() -> None:
    a, b, c = (hashlib.sha256(b"\x00" + entry).digest() for entry in (b"a", b"b", b"c"))
    ab = hashlib.sha256(b"\x01" + a + b).digest()
    root = hashlib.sha256(b"\x01" + ab + c).digest()
    node = node_of([a, b, c])
    assert root_of(3, node) == root
    assert inclusion_path(1, 3, node) == [a, c]
    assert inclusion_path(2, 3, node) == [ab]
    assert consistency_path(2, 3, node) == [c]
    assert includes(b, 1, 3, [a, c], root)
    assert extends(2, 3, [c], old_root=ab, new_root=root)


def test_the_empty_tree_and_what_cannot_be_asked() -> None:
    assert root_of(0, NODE) == hashlib.sha256(b"").digest()
    for index, size in ((0, 0), (3, 3), (-1, 3)):
        with pytest.raises(IndexError):
            inclusion_path(index, size, NODE)
    for old, new in ((0, 3), (4, 3), (-1, 3)):
        with pytest.raises(IndexError):
            consistency_path(old, new, NODE)


def test_all_small_trees_agree_with_the_definitions() -> None:
    for size in range(1, 33):
        entries = ENTRIES[:size]
        assert root_of(size, NODE) == oracle.root(entries)
        for k in range(size):
            assert inclusion_path(k, size, NODE) == oracle.path(k, entries)
            assert consistency_path(k + 1, size, NODE) == oracle.proof(k + 1, entries)


@given(st.data())
def test_what_is_made_is_accepted_and_nothing_near_it(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 70))
    index = data.draw(st.integers(0, size - 1))
    old = index + 1
    root, leaf = root_of(size, NODE), merkle.leaf_hash(ENTRIES[index])
    path, proof = inclusion_path(index, size, NODE), consistency_path(old, size, NODE)
    old_root = root_of(old, NODE)
    assert includes(leaf, index, size, path, root)
    assert extends(old, size, proof, old_root=old_root, new_root=root)
    other = data.draw(st.integers(0, 69))
    assert includes(leaf, other, size, path, root) == (other == index)
    assert not includes(merkle.leaf_hash(b"other"), index, size, path, root)
    assert not includes(leaf, index, size, [*path, root], root)
    if path:
        assert not includes(leaf, index, size, path[:-1], root)
        assert not includes(leaf, index, size, [bytes(32), *path[1:]], root)
    if old != size:
        assert not extends(old, size, [*proof, root], old_root=old_root, new_root=root)
        assert not extends(old, size, proof[:-1], old_root=old_root, new_root=root)
        assert not extends(old, size, proof, old_root=bytes(32), new_root=root)
    assert not extends(old, size, proof, old_root=old_root, new_root=bytes(32))


def wrong_vectors(shared_data: Path) -> tuple[int, list[str]]:
    """How many public cases there are, and which of them we answer wrongly."""
    seen, wrong = 0, []

    def raw(case: dict[str, Any], key: str) -> bytes:
        return base64.b64decode(case[key] or "")

    for name in ("inclusion", "consistency"):
        for case in json.loads((shared_data / f"vectors/merkle/{name}.json").read_text()):
            path = [base64.b64decode(hash_) for hash_ in case["proof"] or []]
            if name == "inclusion":
                leaf, root = raw(case, "leafHash"), raw(case, "root")
                held = merkle.includes(leaf, case["leafIdx"], case["treeSize"], path, root)
            else:
                old, new = raw(case, "root1"), raw(case, "root2")
                held = merkle.extends(case["size1"], case["size2"], path, old_root=old, new_root=new)
            seen += 1
            if held == case["wantErr"]:
                wrong.append(case["source"])
    return seen, wrong


@pytest.mark.real_data
def test_public_proof_vectors_hold(shared_data: Path) -> None:
    assert wrong_vectors(shared_data) == (196, [])


@pytest.mark.real_data
def test_twin_swapped_children_fail_the_vectors(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    straight = merkle.inner_hash
    monkeypatch.setattr(merkle, "inner_hash", lambda left, right: straight(right, left))
    assert wrong_vectors(shared_data)[1]


def test_roots_agree_with_another_implementation() -> None:
    pymerkle = pytest.importorskip("pymerkle")
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for size, entry in enumerate(ENTRIES, start=1):
        tree.append_entry(entry)
        assert (tree.get_root() if hasattr(tree, "get_root") else tree.get_state()) == root_of(size, NODE)
