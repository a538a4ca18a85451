"""Arithmetic of many boxes at once: overlap, suppression, squares, and crops of one size from many frames."""

import cv2
import numpy as np
from numpy.typing import NDArray

from vemo_audit.recognition.perception.halves import Halves

Boxes = NDArray[np.float32]
BORDER = 127
"""What lies beyond a picture: the grey that networks for pictures scaled to [-1, 1] read as nothing."""


def overlap(a: Boxes, b: Boxes, *, share_of_smaller: bool = False) -> NDArray[np.float32]:
    """Intersection over union of boxes `[..., A, 4]` and `[..., B, 4]`: `[..., A, B]`, 0 where both are empty.

    With `share_of_smaller`: intersection over the smaller of the two, which is 1 for a box inside another.
    """
    both, area = None, []
    for low, high in ((0, 2), (1, 3)):  # one side after the other: numpy is slow along an axis of two
        a0, a1 = np.ascontiguousarray(a[..., low])[..., None], np.ascontiguousarray(a[..., high])[..., None]
        b0, b1 = np.ascontiguousarray(b[..., low])[..., None, :], np.ascontiguousarray(b[..., high])[..., None, :]
        shared = np.minimum(a1, b1)
        shared -= np.maximum(a0, b0)
        np.maximum(shared, 0, out=shared)
        both = shared if both is None else np.multiply(both, shared, out=both)
        area.append((np.maximum(a1 - a0, 0), np.maximum(b1 - b0, 0)))
    area_a, area_b = area[0][0] * area[1][0], area[0][1] * area[1][1]
    either = np.minimum(area_a, area_b) if share_of_smaller else area_a + area_b - both
    return np.divide(both, either, out=np.zeros_like(both), where=either > 0)


def suppress(
    box: Boxes, score: NDArray[np.float32], group: NDArray[np.int64], *, limit: float, most: int = 400,
    share_of_smaller: bool = False,
) -> NDArray[np.int64]:  # fmt: skip
    """Greedy non-maximum suppression within each group: indices that stay, by group and then by falling score.

    A box goes when a stronger one that stays overlaps it by more than `limit`; of each group the `most` strongest are
    looked at. All groups are settled together: who is suppressed only by boxes that are themselves suppressed comes
    back, until nothing changes, which is the greedy answer.
    """
    if not len(box):
        return np.empty(0, np.int64)
    # Rounded: arithmetic in batches of another size moves the last digits, and must not move the choice.
    order = np.lexsort((-np.round(score, 4), group))
    _, first, counts = np.unique(group[order], return_index=True, return_counts=True)
    rank = np.arange(len(order)) - np.repeat(first, counts)
    row = np.repeat(np.arange(len(first)), counts)
    seen = rank < most
    order, rank, row = order[seen], rank[seen], row[seen]
    table = np.zeros((len(first), int(rank.max()) + 1, 4), np.float32)
    table[row, rank] = box[order]
    over = overlap(table, table, share_of_smaller=share_of_smaller) > limit
    over &= np.tri(table.shape[1], k=-1, dtype=bool).T  # [g, i, j]: i is stronger than j
    stays = np.ones(table.shape[:2], bool)
    while True:
        after = ~np.any(over & stays[:, :, None], axis=1)
        if np.array_equal(after, stays):
            return order[stays[row, rank]]
        stays = after


def refined(box: Boxes, offset: NDArray[np.float32]) -> Boxes:
    """Boxes `[M, 4]` moved by offsets `[M, 4]`, which are shares of each box's size."""
    size = box[:, 2:] - box[:, :2]
    return box + offset * np.concatenate((size, size), axis=1)


def squared(box: Boxes) -> Boxes:
    """The smallest squares around the boxes' centres that are as wide and as high as each box."""
    half = (box[:, 2:] - box[:, :2]).max(axis=1, keepdims=True) / 2
    centre = (box[:, :2] + box[:, 2:]) / 2
    return np.concatenate((centre - half, centre + half), axis=1)


class Crops:
    """Cuts squares of one size out of frames `[N, H, W, 3]`, all in one pass per halving of the picture.

    Large faces are cut from a picture that was halved by area until one step is about one pixel: thinning a full one
    would alias. Beyond the border all is BORDER.
    """

    def __init__(self, images: NDArray[np.uint8] | Halves) -> None:
        self._halves = images if isinstance(images, Halves) else Halves(images)

    def cut(self, box: Boxes, frame: NDArray[np.int64], side_px: int) -> NDArray[np.uint8]:
        """`[M, side_px, side_px, 3]` for square boxes `[M, 4]` in the frames `[M]`."""
        width, height = self._halves.width, self._halves.height
        result = np.empty((len(box), side_px, side_px, 3), np.uint8)
        step = np.maximum(box[:, 2] - box[:, 0], 1e-3) / side_px
        wanted = np.clip(np.round(np.log2(step)), 0, 6).astype(int)
        grid = (np.arange(side_px, dtype=np.float32) + 0.5)[None] * step[:, None]
        x, y = box[:, :1] + grid, box[:, 1:2] + grid
        outside = (y <= 0) | (y >= height), (x <= 0) | (x >= width)
        x = np.clip(x, 0.5, width - 0.5)
        y = np.clip(y, 0.5, height - 0.5)
        for level in np.unique(wanted):
            of = wanted == level
            pictures = self._halves.level(int(level))
            high, wide = pictures.shape[1:3]
            map_x = _on_grid(np.clip(x[of] * (wide / width) - 0.5, 0, wide - 1))
            map_y = _on_grid(np.clip(y[of] * (high / height) - 0.5, 0, high - 1)) + frame[of, None] * high
            across = np.tile(map_x, side_px)  # one row of the result per crop: it may count 32,766 of them
            down = np.repeat(map_y, side_px, axis=1)
            cut = cv2.remap(
                pictures.reshape(-1, wide, 3), np.ascontiguousarray(across, np.float32),
                np.ascontiguousarray(down, np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE,
            )  # fmt: skip
            result[of] = cut.reshape(-1, side_px, side_px, 3)
        if outside[0].any() or outside[1].any():
            result[outside[0][:, :, None] | outside[1][:, None, :]] = BORDER
        return result


def _on_grid(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """The resampler's own steps of 1/32, taken before a frame's place in the stack is added: so that cannot matter."""
    return np.round(pixels * 32) / 32
