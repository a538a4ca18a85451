"""Tests of mosaic: tiles never touch, a mosaic answers as each level alone, and every changed window lies in a tile."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vemo_audit.recognition.network import mtcnn
from vemo_audit.recognition.perception import mosaic
from vemo_audit.recognition.perception.halves import Halves


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(6, 60), st.integers(6, 60)), min_size=1, max_size=9), st.sampled_from([2, 32]))
def test_tiles_lie_apart_inside_the_mosaic_on_even_places(sides, grain_px):
    tiles = tuple(mosaic.Tile(k, 0, 0, 2 * w, 2 * h) for k, (w, h) in enumerate(sides))
    placed, width, height = mosaic.packed(tiles, grain_px)
    taken = np.zeros((height + 24, width + 24), int)
    for tile in placed:
        assert tile.left % 2 == tile.top % 2 == 0
        assert tile.left + tile.width <= width and tile.top + tile.height <= height
        taken[tile.top : tile.top + tile.height + 12, tile.left : tile.left + tile.width + 12] += 1
    assert sorted(t.level for t in placed) == list(range(len(sides))) and taken.max() == 1


def test_one_mosaic_answers_as_each_level_alone():
    net = mtcnn.load_cascade("cpu")[0]
    image = Halves(np.random.default_rng(0).integers(0, 256, (1, 90, 161, 3), dtype=np.uint8))
    sizes = mosaic.levels(161, 90, 24, 0.709)
    tiles, width, height = mosaic.packed(mosaic.whole(sizes), 2)
    with torch.inference_mode():
        canvas = mosaic.laid(image, sizes, tiles, width=width, height=height)
        score = net(mtcnn.scaled(torch.from_numpy(canvas)))[0][0].numpy()
        owner = mosaic.owners(tiles, *score.shape)
        for k, tile in enumerate(tiles):
            alone, *_ = mosaic.packed((mosaic.Tile(tile.level, 0, 0, tile.width, tile.height),), 2)
            small = mosaic.laid(image, sizes, alone, width=tile.width, height=tile.height)
            want = net(mtcnn.scaled(torch.from_numpy(small)))[0][0].numpy()
            rows, columns = (tile.height - 12) // 2 + 1, (tile.width - 12) // 2 + 1
            assert (owner == k).sum() == rows * columns
            got = score[owner == k].reshape(rows, columns)
            assert got == pytest.approx(want[:rows, :columns], abs=1e-5), "no tile reaches into another"


def test_windows_by_hand():
    sizes = mosaic.levels(200, 120, 24, 0.709)  # half the size: a window of 12 is a face of 24
    tiles = (mosaic.Tile(0, 0, 0, 112, 72, left=20, top=40),)
    row, column = np.array([20, 23]), np.array([10, 13])  # the corner of the tile, and 6 px further: the picture's own
    box, level = mosaic.windows(tiles, sizes, np.array([0, 0]), row=row, column=column, shape=(120, 200))
    assert box.tolist() == [[-11, -11, 12, 12], [1, 1, 24, 24]] and level.tolist() == [0, 0]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.1, 0.3]))
def test_every_window_that_changed_enough_lies_in_a_tile_of_its_level(seed, share):
    rng = np.random.default_rng(seed)
    width, height = int(rng.integers(80, 400)), int(rng.integers(80, 300))
    rows, columns = height // 8, width // 8
    mask = np.zeros((rows, columns), bool)
    y, x = int(rng.integers(rows)), int(rng.integers(columns))
    mask[y : y + int(rng.integers(1, 9)), x : x + int(rng.integers(1, 9))] = True
    sizes = mosaic.levels(width, height, 40, 0.709)
    tiles = mosaic.around(mask, sizes, (width / columns, height / rows), share)
    for k, size in enumerate(sizes):
        across, down = round(size.face_px * columns / width), round(size.face_px * rows / height)
        of = [tile for tile in tiles if tile.level == k]
        for r in range(rows - down + 1):
            for c in range(columns - across + 1):
                if mask[r : r + down, c : c + across].sum() >= max(1, share * across * down):
                    x0, y0 = c * size.across / columns + 6, r * size.down / rows + 6
                    assert any(
                        t.x <= x0 and t.y <= y0 and x0 + 12 <= t.x + t.width + 1 and y0 + 12 <= t.y + t.height + 1
                        for t in of
                    )


def test_nothing_changed_is_no_tile():
    sizes = mosaic.levels(200, 120, 24, 0.709)
    assert mosaic.around(np.zeros((15, 25), bool), sizes, (8, 8), 0.3) == ()
