"""Lays all sizes of a picture, or the parts of them that must be looked at, into one mosaic for one network pass."""

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from vemo_audit.recognition.perception.boxes import BORDER
from vemo_audit.recognition.perception.halves import Halves

CELL_PX, STRIDE_PX = 12, 2
"""Window and step of the proposal network."""
FIRST_PX = 1
"""Its offsets count from the second pixel of a window, as if that were the first of the picture.

Source: generateBoundingBox in the authors' code and its public ports, where both count from 1: (stride * place + 1) /
scale. The left edge of that pixel lies one pixel of the picture before it."""
MARGIN_PX = 6
"""Around every level, so that a face that is cut by the border, or fills the picture, can lie inside a window."""
GUTTER_PX = 12
"""Between two tiles: no window lies on both."""
GRAIN_PX = 32
"""Mosaics of parts grow in steps of this, so that the network meets few shapes."""


@dataclass(frozen=True, slots=True)
class Level:
    """One size of the picture: `across` x `down` pixels, and its margin around."""

    across: int
    down: int
    face_px: float  # side of a face that fills a window, in pixels of the picture


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of a level with its margin: where it lies there, and where in the mosaic. Corners are even."""

    level: int
    x: int
    y: int
    width: int
    height: int
    left: int = 0
    top: int = 0


@lru_cache(maxsize=64)
def levels(width: int, height: int, min_face_px: float, factor: float) -> tuple[Level, ...]:
    """The falling sizes of a picture: the smallest face fills a window in the first, one as large as it in the last."""
    scale, sizes = CELL_PX / min_face_px, []
    while min(height, width) * scale >= CELL_PX * factor:
        sizes.append(Level(math.ceil(width * scale), math.ceil(height * scale), CELL_PX / scale))
        scale *= factor
    return tuple(sizes)


def whole(sizes: tuple[Level, ...]) -> tuple[Tile, ...]:
    """One tile for each level."""
    return tuple(Tile(k, 0, 0, size.across + 2 * MARGIN_PX, size.down + 2 * MARGIN_PX) for k, size in enumerate(sizes))


@lru_cache(maxsize=256)
def packed(tiles: tuple[Tile, ...], grain_px: int) -> tuple[tuple[Tile, ...], int, int]:
    """The tiles with their places, and width and height of the mosaic: shelves by falling height, the best of some."""
    order = sorted(tiles, key=lambda tile: (-tile.height, -tile.width, tile.level, tile.y, tile.x))
    widest = max(tile.width for tile in order)
    rows = np.cumsum([tile.width + GUTTER_PX for tile in order]) - GUTTER_PX
    tries = [_shelved(order, int(width), grain_px) for width in sorted({w for w in rows if w >= widest} | {widest})]
    return min(tries, key=lambda found: found[1] * found[2])


def _shelved(order: list[Tile], width: int, grain_px: int) -> tuple[tuple[Tile, ...], int, int]:
    width = _up(width, grain_px)
    placed: list[Tile] = []
    left = top = 0
    shelf = order[0].height
    for tile in order:
        if left + tile.width > width:
            left, top, shelf = 0, top + _up(shelf + GUTTER_PX, STRIDE_PX), tile.height
        placed.append(Tile(tile.level, tile.x, tile.y, tile.width, tile.height, left, top))
        left += _up(tile.width + GUTTER_PX, STRIDE_PX)
    return tuple(placed), width, _up(top + shelf, grain_px)


def _up(value: int, step: int) -> int:
    return -(-value // step) * step


def laid(
    halves: Halves, sizes: tuple[Level, ...], tiles: tuple[Tile, ...], *, width: int, height: int
) -> NDArray[np.uint8]:
    """The mosaic `[N, height, width, 3]` of the placed tiles; all between them is BORDER."""
    canvas = np.full((halves.count, height, width, 3), BORDER, np.uint8)
    for frame in range(halves.count):
        drawn = {k: halves.resized(sizes[k].across, sizes[k].down, frame=frame) for k in {t.level for t in tiles}}
        for tile in tiles:
            inner = drawn[tile.level]
            x0, y0 = max(tile.x - MARGIN_PX, 0), max(tile.y - MARGIN_PX, 0)
            part = inner[y0 : tile.y - MARGIN_PX + tile.height, x0 : tile.x - MARGIN_PX + tile.width]
            top, left = tile.top + y0 + MARGIN_PX - tile.y, tile.left + x0 + MARGIN_PX - tile.x
            canvas[frame, top : top + part.shape[0], left : left + part.shape[1]] = part
    return canvas


def owners(tiles: tuple[Tile, ...], rows: int, columns: int) -> NDArray[np.int64]:
    """By place in the network's answer `[rows, columns]`: the tile in which the whole window lies, or -1."""
    owner = np.full((rows, columns), -1, np.int64)
    for k, tile in enumerate(tiles):
        if min(tile.width, tile.height) >= CELL_PX:
            top, left = tile.top // STRIDE_PX, tile.left // STRIDE_PX
            last_row = (tile.top + tile.height - CELL_PX) // STRIDE_PX
            last_column = (tile.left + tile.width - CELL_PX) // STRIDE_PX
            owner[top : last_row + 1, left : last_column + 1] = k
    return owner


def windows(
    tiles: tuple[Tile, ...], sizes: tuple[Level, ...], owner: NDArray[np.int64], *, row: NDArray[np.int64],
    column: NDArray[np.int64], shape: tuple[int, int],
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:  # fmt: skip
    """Boxes `[M, 4]` in pixels of the picture (height, width = `shape`), and levels `[M]`, of windows with owners."""
    table = np.array([(t.level, t.x - t.left, t.y - t.top) for t in tiles], np.float32).reshape(-1, 3)
    ratio = np.array([(shape[1] / size.across, shape[0] / size.down) for size in sizes], np.float32).reshape(-1, 2)
    level, x, y = table[owner].T
    level = level.astype(np.int64)
    across, down = ratio[level].T
    x = x + column.astype(np.float32) * STRIDE_PX - MARGIN_PX
    y = y + row.astype(np.float32) * STRIDE_PX - MARGIN_PX
    corners = ((x + FIRST_PX) * across - 1, (y + FIRST_PX) * down - 1, (x + CELL_PX) * across, (y + CELL_PX) * down)
    return np.stack(corners, axis=1).astype(np.float32), level


def around(
    mask: NDArray[np.bool_], sizes: tuple[Level, ...], block_px: tuple[float, float], least_share: float
) -> tuple[Tile, ...]:
    """Tiles that hold every window of which at least `least_share` (and one block) is marked in `mask`.

    `mask` is [h, w] in blocks of `block_px` (across, down) pixels of the picture.
    """
    marked = mask.astype(np.float32)
    tiles: list[Tile] = []
    for k, size in enumerate(sizes):
        sides = [max(1, round(size.face_px / px)) for px in block_px]
        middle = _windows_of(marked, sides, least_share)
        if middle.any():
            tiles += _tiles_of(middle, k, size, sides, mask.shape)
    return tuple(tiles)


def _windows_of(marked: NDArray[np.float32], sides: list[int], least_share: float) -> NDArray[np.bool_]:
    """[h, w]: whether the window of `sides` blocks (across, down) around this block is marked enough."""
    count = cv2.boxFilter(
        marked, -1, (sides[0], sides[1]), anchor=(sides[0] // 2, sides[1] // 2), normalize=False,
        borderType=cv2.BORDER_CONSTANT,
    )  # fmt: skip
    return np.asarray(count >= max(1.0, least_share * sides[0] * sides[1]) - 1e-3)


def _tiles_of(
    middle: NDArray[np.bool_], number: int, size: Level, sides: list[int], shape: tuple[int, ...]
) -> list[Tile]:
    """Tiles of one level around the window middles, one for each stretch of rows and columns that holds any."""
    tiles = []
    scale = (size.across / shape[1], size.down / shape[0])
    reach = [side // 2 + 1 for side in sides]
    for rows in _runs(middle.any(axis=1), gap=2 * reach[1]):
        for columns in _runs(middle[rows[0] : rows[1]].any(axis=0), gap=2 * reach[0]):
            x0, x1 = (columns[0] - reach[0]) * scale[0], (columns[1] + reach[0]) * scale[0]
            y0, y1 = (rows[0] - reach[1]) * scale[1], (rows[1] + reach[1]) * scale[1]
            left, width = _extent(x0, x1, size.across + 2 * MARGIN_PX)
            top, height = _extent(y0, y1, size.down + 2 * MARGIN_PX)
            tiles.append(Tile(number, left, top, width, height))
    return tiles


def _extent(low: float, high: float, length: int) -> tuple[int, int]:
    """Even begin and extent, at least a window and in steps, of what lies between two places of a level's inside."""
    begin = max(0, math.floor(low + MARGIN_PX) // STRIDE_PX * STRIDE_PX - STRIDE_PX)
    begin = max(0, min(begin, (length - CELL_PX) // STRIDE_PX * STRIDE_PX))
    end = min(length, math.ceil(high + MARGIN_PX) + STRIDE_PX)
    if high + MARGIN_PX >= length - 2 * MARGIN_PX:
        end = length
    if low <= 0:
        begin = 0
    return begin, min(length - begin, _up(max(end - begin, CELL_PX), 8))


def _runs(flags: NDArray[np.bool_], *, gap: int) -> list[tuple[int, int]]:
    """Begin and end of the stretches that hold a flag; stretches less than `gap` apart are one."""
    at = np.flatnonzero(flags)
    breaks = np.flatnonzero(np.diff(at) > gap)
    begins, ends = at[np.concatenate(([0], breaks + 1))], at[np.concatenate((breaks, [len(at) - 1]))] + 1
    return [(int(a), int(b)) for a, b in zip(begins, ends, strict=True)]


def covered(tiles: tuple[Tile, ...], sizes: tuple[Level, ...], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """[h, w] in blocks of the picture: what lies in some tile of its finest level that has any."""
    result = np.zeros(shape, bool)
    rows, columns = shape
    for tile in tiles:
        size = sizes[tile.level]
        y0, y1 = ((y - MARGIN_PX) * rows / size.down for y in (tile.y, tile.y + tile.height))
        x0, x1 = ((x - MARGIN_PX) * columns / size.across for x in (tile.x, tile.x + tile.width))
        result[max(0, round(y0)) : max(0, round(y1)), max(0, round(x0)) : max(0, round(x1))] = True
    return result
