"""Frames at half, a quarter, an eighth ... of their size, each made once: what every look at a smaller face shares."""

import cv2
import numpy as np
from numpy.typing import NDArray


class Halves:
    """Frames `[N, H, W, 3]` (uint8) and their halvings by area. Each frame by itself: odd heights never mix frames."""

    def __init__(self, images: NDArray[np.uint8]) -> None:
        self._levels = [np.ascontiguousarray(images)]

    @property
    def count(self) -> int:
        return len(self._levels[0])

    @property
    def height(self) -> int:
        return int(self._levels[0].shape[1])

    @property
    def width(self) -> int:
        return int(self._levels[0].shape[2])

    def level(self, halvings: int) -> NDArray[np.uint8]:
        """The frames halved so often `[N, h, w, 3]`; a side never falls below one pixel."""
        while len(self._levels) <= halvings:
            last = self._levels[-1]
            size = (max(1, last.shape[2] // 2), max(1, last.shape[1] // 2))
            self._levels.append(np.stack([cv2.resize(image, size, interpolation=cv2.INTER_AREA) for image in last]))
        return self._levels[halvings]

    def resized(self, across: int, down: int, *, frame: int) -> NDArray[np.uint8]:
        """One frame at another, smaller size `[down, across, 3]`: from its halving that is less than twice as large."""
        ratio = min(self.width / across, self.height / down)
        halvings = max(0, int(np.floor(np.log2(max(ratio, 1.0)))))
        return cv2.resize(self.level(halvings)[frame], (across, down), interpolation=cv2.INTER_AREA)
