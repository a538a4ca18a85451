"""Remembers which faces were found in a clip, so that drawing what was inferred does not search for them again."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from vemo_audit.records.clip import FaceFinder, FoundFace


class Remembered:
    """Makes finders for one clip after another: the first of a clip searches, later ones repeat what it found.

    A frame whose time was not seen before is searched for by a fresh finder, so that nothing is ever taken as absent.
    """

    def __init__(self, make_finder: Callable[[], FaceFinder]) -> None:
        self._make_finder = make_finder
        self._found: dict[float, tuple[FoundFace, ...]] = {}

    def forget(self) -> None:
        """A new clip begins."""
        self._found = {}

    def __call__(self) -> FaceFinder:
        if self._found:
            return _Again(self._found, self._make_finder)
        return _First(self._found, self._make_finder())


class _First:
    def __init__(self, found: dict[float, tuple[FoundFace, ...]], finder: FaceFinder) -> None:
        self._found, self._finder = found, finder

    def find(self, images: NDArray[np.uint8], time_s: NDArray[np.float64]) -> list[tuple[FoundFace, ...]]:
        found = self._finder.find(images, time_s)
        self._found.update(zip(time_s.tolist(), found, strict=True))
        return found


class _Again:
    def __init__(self, found: dict[float, tuple[FoundFace, ...]], make_finder: Callable[[], FaceFinder]) -> None:
        self._found, self._make_finder = found, make_finder
        self._fresh: FaceFinder | None = None

    def find(self, images: NDArray[np.uint8], time_s: NDArray[np.float64]) -> list[tuple[FoundFace, ...]]:
        if self._fresh is None and all(moment in self._found for moment in time_s.tolist()):
            return [self._found[moment] for moment in time_s.tolist()]
        self._fresh = self._fresh or self._make_finder()  # from the first unknown frame on, search in earnest
        return self._fresh.find(images, time_s)
