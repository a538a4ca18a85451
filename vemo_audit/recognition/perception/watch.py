"""Watches where a picture changed since it was last looked at: a face that was not there cannot come unseen."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput
from vemo_audit.recognition.perception.halves import Halves

SCENE = (16, 9)
"""Blocks that two scenes are compared in."""


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """When a part of the picture must be looked at again. Source: chosen, then measured on real and rendered clips."""

    on: bool = True  # off only to show what it is good for
    blocks_per_face: float = 5.0  # blocks (mean luma) across the smallest face, at least
    difference: float = 8.0  # of 255: a block changed if it differs more than this from when it was last looked at
    share: float = 0.35  # a window is looked at when so much of it changed,
    slow_share: float = 0.15  # and on a grid of times already when so much of it did
    slow_every_s: float = 0.1
    cut_difference: float = 0.12  # mean change of luma (0-1) between two frames that is a cut, if the
    cut_correlation: float = 0.5  # correlation of both is also below this: a flash changes light, not structure

    def __post_init__(self) -> None:
        if not (0 < self.slow_share <= self.share <= 1 and self.slow_every_s > 0 and self.blocks_per_face >= 1):
            raise BadInput(
                f"a watch for changes of {self.slow_share} to {self.share} of a face",
                expected="0 < slow share <= share <= 1",
            )


class Watch:
    """The luma that each block of the picture had when it was last looked at. One for each clip."""

    def __init__(self, settings: WatchSettings, *, min_face_px: float) -> None:
        self.settings = settings
        self._halvings = max(0, int(math.log2(max(1.0, min_face_px / settings.blocks_per_face))))
        self._now: NDArray[np.float32] | None = None
        self._known: NDArray[np.float32] | None = None
        self._scene: NDArray[np.float32] | None = None

    def see(self, image: Halves) -> bool:
        """Takes the next frame in. Whether it is another scene than the one before."""
        small = cv2.cvtColor(image.level(self._halvings)[0], cv2.COLOR_RGB2GRAY)
        self._now = small.astype(np.float32)
        before, self._scene = self._scene, cv2.resize(self._now, SCENE, interpolation=cv2.INTER_AREA) / 255
        if self._known is not None and self._known.shape != small.shape:
            self._known = None
        return before is not None and self._is_cut(before, self._scene)

    def changed(self, followed: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.bool_]:
        """[h, w]: the blocks that changed since they were looked at, outside the followed faces `[F, 4]`.

        What lies under a followed face counts as looked at: who follows it has just done so. A change of light that is
        the same everywhere is none. `size` is width and height of the picture.
        """
        now, known = self._demand()
        difference = now - known
        difference -= np.median(difference)
        mask: NDArray[np.bool_] = np.abs(difference) > self.settings.difference
        rows, columns = now.shape
        scale = np.array([columns / size[0], rows / size[1]] * 2)
        for x0, y0, x1, y1 in np.round(np.asarray(followed, np.float64).reshape(-1, 4) * scale).astype(int):
            under = (slice(max(0, y0), max(0, y1)), slice(max(0, x0), max(0, x1)))
            mask[under] = False
            known[under] = now[under]
        return mask

    def looked(self, where: NDArray[np.bool_] | None = None) -> None:
        """Notes that blocks `[h, w]`, or all, were looked at in this frame."""
        if where is None:
            assert self._now is not None  # noqa: S101 - for the type checker: `see` came first
            self._known = self._now.copy()
        else:
            now, known = self._demand()
            known[where] = now[where]

    @property
    def is_new(self) -> bool:
        """Whether nothing was looked at yet."""
        return self._known is None

    def _demand(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        assert self._now is not None and self._known is not None  # noqa: S101 - for the type checker
        return self._now, self._known

    def _is_cut(self, before: NDArray[np.float32], now: NDArray[np.float32]) -> bool:
        if float(np.abs(now - before).mean()) < self.settings.cut_difference:
            return False
        a, b = before - before.mean(), now - now.mean()
        spread = math.sqrt(float((a * a).sum() * (b * b).sum()))
        return spread == 0 or float((a * b).sum()) / spread < self.settings.cut_correlation
