"""Rows of numbers that are kept for every window of a clip: packed in blocks, so that an hour of them stays small.

An object per row takes ten times its numbers, and small pieces that outlive the large ones around them leave holes that
nothing large fits into any more: the process grows with the clip though what it keeps does not.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

BLOCK = 512
"""Rows that are made room for at once."""


class PackedRows:
    """Rows `[width]` of one type, appended one by one, taken by their place."""

    def __init__(self, width: int, kind: DTypeLike = np.float32) -> None:
        self._width, self._kind = width, kind
        self._blocks: list[NDArray[Any]] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, row: NDArray[Any] | Sequence[float]) -> int:
        """Keeps a row; returns its place."""
        place = self._count
        if place % BLOCK == 0:
            self._blocks.append(np.empty((BLOCK, self._width), self._kind))
        self._blocks[-1][place % BLOCK] = row
        self._count += 1
        return place

    def __getitem__(self, place: int) -> NDArray[Any]:
        """The row at a place, for the caller to keep. Raises IndexError where there is none."""
        if not 0 <= place < self._count:
            raise IndexError(place)
        found: NDArray[Any] = self._blocks[place // BLOCK][place % BLOCK].copy()
        return found
