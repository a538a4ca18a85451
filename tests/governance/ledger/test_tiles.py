"""Tiles hold every node, and appending knows when one is complete."""

import hashlib

import pytest

from vemo_audit.governance.ledger.merkle import EMPTY_ROOT, Node, fold, root_of
from vemo_audit.governance.ledger.tiles import Edge, Tiles

LEAVES = [hashlib.sha256(b"%d" % k).digest() for k in range(66_000)]


def slow_node(height: int, k: int) -> bytes:
    return fold(LEAVES[k << height : (k + 1) << height])


class Kept:
    """Tiles in memory, fed as the store feeds its table."""

    def __init__(self) -> None:
        self.tiles: dict[tuple[int, int], bytes] = {}
        self.edge = Edge(0, ())

    def grow(self, size: int) -> None:
        while self.edge.size < size:
            leaf = LEAVES[self.edge.size]
            key = (0, self.edge.size // 256)
            self.tiles[key] = self.tiles.get(key, b"") + leaf
            for new in self.edge.append(leaf):
                key = (new.level, new.index // 256)
                assert len(self.tiles.get(key, b"")) == new.index % 256 * 32
                self.tiles[key] = self.tiles.get(key, b"") + new.hash

    def node(self) -> Node:
        return Tiles(lambda level, n: self.tiles.get((level, n), b""), keep=4).node


def test_the_edge_of_every_size_is_the_root_of_its_leaves() -> None:
    kept = Kept()
    assert kept.edge.root() == EMPTY_ROOT
    for size in range(1, 600):
        kept.grow(size)
        assert kept.edge.root() == root_of(size, slow_node)


def test_three_levels_of_tiles_hold_every_node_and_the_edge() -> None:
    kept = Kept()
    kept.grow(66_000)
    assert {level for level, _ in kept.tiles} == {0, 1, 2}
    assert len(kept.tiles[2, 0]) == 32  # one complete subtree of 65,536
    node = kept.node()
    for height, k in ((0, 0), (0, 65_999), (3, 8_249), (8, 256), (9, 127), (15, 1), (16, 0)):
        assert node(height, k) == slow_node(height, k)
    again = Tiles(lambda level, n: kept.tiles.get((level, n), b"")).edge(66_000)
    assert (again.peaks, again.root()) == (kept.edge.peaks, kept.edge.root())


def test_a_missing_hash_is_an_error_and_never_a_guess() -> None:
    kept = Kept()
    kept.grow(300)
    with pytest.raises(LookupError, match=r"tile 1/0 ends at 1, 2 needed"):
        kept.node()(8, 1)
    with pytest.raises(LookupError, match=r"tile 0/1 ends at 44, 48 needed"):
        kept.node()(4, 18)
    del kept.tiles[1, 0]
    with pytest.raises(LookupError, match=r"tile 1/0"):
        kept.node()(8, 0)


def test_a_tile_that_grew_is_read_again() -> None:
    kept = Kept()
    kept.grow(3)
    tiles = Tiles(lambda level, n: kept.tiles.get((level, n), b""))
    assert tiles.node(0, 2) == LEAVES[2]
    kept.grow(9)
    assert tiles.node(3, 0) == slow_node(3, 0)


def test_a_copy_of_the_edge_does_not_move_with_it() -> None:
    edge = Edge(0, ())
    edge.append(LEAVES[0])
    before = edge.copy()
    edge.append(LEAVES[1])
    assert (before.size, before.root()) == (1, LEAVES[0])
