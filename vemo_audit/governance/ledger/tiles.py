"""The stored hashes of the tree in 256-wide tiles, so that appending and proving read few of them.

Tile level L holds the roots of complete subtrees of height 8L; level 0 are the leaf hashes. All other nodes are folded
from a part of one tile. Source: c2sp.org/tlog-tiles.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from vemo_audit.governance.ledger.merkle import EMPTY_ROOT, fold, inner_hash

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT

ReadTile = Callable[[int, int], bytes]
"""Level and number of a tile -> its hashes, one after the other; shorter than 256 where the tree ends."""


@dataclass(frozen=True, slots=True)
class NewHash:
    """A hash that must be stored: place `index` of tile level `level` (1 or higher)."""

    level: int
    index: int
    hash: bytes


class Edge:
    """The roots of the complete subtrees that make up a tree, largest first: all that appending needs to know."""

    def __init__(self, size: int, peaks: Iterable[tuple[int, bytes]]) -> None:
        self.size = size
        self.peaks = list(peaks)  # (height, hash)

    def copy(self) -> "Edge":
        """Where to go back to when a commit fails."""
        return Edge(self.size, self.peaks)

    def append(self, leaf: bytes) -> list[NewHash]:
        """Adds a leaf; returns the tile hashes that became complete by it."""
        height, found, done = 0, leaf, []
        while self.peaks and self.peaks[-1][0] == height:
            found = inner_hash(self.peaks.pop()[1], found)
            height += 1
            if height % TILE_HEIGHT == 0:
                done.append(NewHash(height // TILE_HEIGHT, self.size >> height, found))
        self.peaks.append((height, found))
        self.size += 1
        return done

    def root(self) -> bytes:
        """The root of the whole tree."""
        if not self.peaks:
            return EMPTY_ROOT
        found = self.peaks[-1][1]
        for _, peak in self.peaks[-2::-1]:
            found = inner_hash(peak, found)
        return found


class Tiles:
    """Any complete node of the tree, from stored tiles; keeps the last few tiles at hand."""

    def __init__(self, read: ReadTile, *, keep: int = 256) -> None:
        self._read, self._keep = read, keep
        self._cache: OrderedDict[tuple[int, int], bytes] = OrderedDict()

    def node(self, height: int, k: int) -> bytes:
        """The root of leaves `k * 2**height` to `(k + 1) * 2**height`. Raises LookupError when a hash is missing."""
        level, rest = divmod(height, TILE_HEIGHT)
        first = k << rest
        number, place = divmod(first, TILE_WIDTH)
        end = (place + (1 << rest)) * 32
        tile = self._tile(level, number, end)
        if len(tile) < end:
            raise LookupError(f"tile {level}/{number} ends at {len(tile) // 32}, {end // 32} needed")
        return fold([tile[at : at + 32] for at in range(place * 32, end, 32)])

    def edge(self, size: int) -> Edge:
        """The edge of a stored tree of `size` leaves. Raises LookupError when a hash is missing."""
        heights = [h for h in range(size.bit_length() - 1, -1, -1) if size >> h & 1]
        return Edge(size, [(h, self.node(h, (size >> h) - 1)) for h in heights])

    def _tile(self, level: int, number: int, need: int) -> bytes:
        tile = self._cache.get((level, number), b"")
        if len(tile) < need:  # only the last tile of a level grows
            tile = self._read(level, number)
        self._cache[level, number] = tile
        self._cache.move_to_end((level, number))
        while len(self._cache) > self._keep:
            self._cache.popitem(last=False)
        return tile
