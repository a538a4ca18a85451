"""Curves of one person as a stream: smoothed at their own times, with the person's own baseline and noise."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
TIE_S = 1e-9
MEAN_STEP = 2 / np.sqrt(np.pi)
"""Mean size of the difference of two draws of a normal law of deviation 1."""


@dataclass(frozen=True, slots=True)
class CurveSettings:
    """How a curve is smoothed and what it is measured against."""

    half_width_s: float = 0.16  # of the smoothing window; it is the look-ahead of everything built on it
    bin_s: float = 0.2  # the baseline is a quantile over means of bins, so that the frame rate does not matter
    baseline_s: float = 30.0  # of the past that the baseline is taken from
    quantile: float = 0.2  # people rest more than a fifth of the time
    least_bins: int = 5  # fewer give no baseline yet
    calm_bins: int = 2  # noise that outlasts frames is seen in steps from a bin to the one so many later,
    calm_share: float = 0.25  # in the smallest of them, as nothing moves there
    calm_step: float = 0.3186 * 2**0.5  # that quantile of the size of a step between draws of a normal law, deviation 1


class Sample(NamedTuple):
    """One frame of `U` curves; NaN where a curve was not seen, or has no baseline yet."""

    time_s: float
    raw: Array
    smooth: Array
    baseline: Array
    noise: Array  # standard deviation of one raw value
    doubt: Array  # standard deviation of the smoothed value; noise that outlasts frames is not smoothed away


class CurveStream:
    """Frames in, samples out, `half_width_s` later. Memory: one smoothing window and the bins of the baseline."""

    def __init__(self, curves: int, settings: CurveSettings | None = None) -> None:
        self.settings = settings or CurveSettings()
        self._window: deque[tuple[float, Array]] = deque()
        self._next = 0  # position in the window of the frame that is smoothed next
        self._bins: deque[tuple[int, Array, Array, Array, Array]] = deque()  # index, sums, counts, steps, their counts
        self._last = np.full(curves, np.nan)
        self._measured = (-1, *(np.full(curves, np.nan) for _ in range(3)))  # bin, baseline, noise, wander

    def push(self, time_s: Array, values: Array) -> Iterator[Sample]:
        """Takes times `[T]`, increasing, and values `[T, U]` with NaN for what was not seen."""
        for at_s, row in zip(time_s, values, strict=True):
            self._window.append((float(at_s), np.asarray(row, float)))
            self._count(float(at_s), self._window[-1][1])
            yield from self._ready(float(at_s) - self.settings.half_width_s + TIE_S)

    def finish(self) -> Iterator[Sample]:
        """The frames whose future will not come."""
        yield from self._ready(np.inf)

    def _ready(self, until_s: float) -> Iterator[Sample]:
        while self._next < len(self._window) and self._window[self._next][0] <= until_s:
            yield self._sample(*self._window[self._next])
            self._next += 1
            if self._next < len(self._window):
                self._drop(self._window[self._next][0] - self.settings.half_width_s - TIE_S)

    def _drop(self, before_s: float) -> None:
        while self._window[0][0] < before_s:
            self._window.popleft()
            self._next -= 1

    def _count(self, at_s: float, row: Array) -> None:
        index = int(np.floor(at_s / self.settings.bin_s + TIE_S))
        if not self._bins or self._bins[-1][0] != index:
            self._bins.append((index, *(np.zeros(len(row)) for _ in range(4))))
            while self._bins[0][0] < index - self.settings.baseline_s / self.settings.bin_s - 2:
                self._bins.popleft()
        _, sums, counts, steps, moves = self._bins[-1]
        seen, step = np.isfinite(row), np.abs(row - self._last)
        sums[seen] += row[seen]
        counts += seen
        moved = np.isfinite(step) & (step > 0)  # a repeated frame says nothing about noise
        steps[moved] += step[moved]
        moves += moved
        self._last = np.where(seen, row, self._last)

    def _baseline(self, at_s: float) -> tuple[Array, Array, Array]:
        """Baseline, noise and wander from the whole bins before the one of `at_s`."""
        s = self.settings
        index = int(np.floor(at_s / s.bin_s + TIE_S))
        if self._measured[0] != index:
            within = [one for one in self._bins if index - round(s.baseline_s / s.bin_s) <= one[0] < index]
            base, noise, wander = (np.full(len(self._last), np.nan) for _ in range(3))
            if within:
                sums, counts, steps, moves = (np.array([one[k] for one in within]) for k in range(1, 5))
                known = (counts > 0).sum(axis=0) >= s.least_bins
                means = _per(sums, counts)[:, known]
                base[known] = quantile(means, s.quantile)
                if len(means) > s.calm_bins:
                    wander[known] = quantile(np.abs(means[s.calm_bins :] - means[: -s.calm_bins]), s.calm_share)
                    wander /= s.calm_step
                noise[known] = np.nan_to_num(quantile(_per(steps, moves)[:, known], 0.5)) / MEAN_STEP
            self._measured = (index, base, noise, wander)
        return self._measured[1:]

    def _sample(self, at_s: float, row: Array) -> Sample:
        """Local quadratic regression (constant at an edge). Source: Fan and Gijbels 1996, ch. 3.1."""
        near = [one for one in self._window if abs(one[0] - at_s) <= self.settings.half_width_s + TIE_S]
        u = (np.array([one[0] for one in near]) - at_s) / self.settings.half_width_s
        values = np.array([one[1] for one in near])
        weight = (1 - np.minimum(u**2, 1) + 1e-6)[:, None] * np.isfinite(values)
        powers = u[:, None] ** np.arange(5)
        moments, right = powers.T @ weight, powers[:, :3].T @ (weight * np.nan_to_num(values))
        seen, count = np.isfinite(row), np.isfinite(values).sum(axis=0)
        smooth = np.where(seen, right[0] / np.where(seen, moments[0], 1.0), np.nan)
        inside = seen & (count >= 4) & (weight[u < -0.4] > 0).any(axis=0) & (weight[u > 0.4] > 0).any(axis=0)
        if inside.any():
            normal = moments[HANKEL][:, :, inside].transpose(2, 0, 1)
            smooth[inside] = np.linalg.solve(normal, right[:, inside].T[:, :, None])[:, 0, 0]
        baseline, noise, wander = self._baseline(at_s)
        doubt = noise * np.sqrt(2.5 / np.maximum(count, 2.5))  # 1.25 / half width: that of a quadratic with this kernel
        return Sample(at_s, row, smooth, baseline, noise, np.fmax(doubt, wander))


HANKEL = np.add.outer(np.arange(3), np.arange(3))
"""Where the moments stand in the normal equations."""


def quantile(values: Array, share: float) -> Array:
    """The quantile `[U]` of what is not NaN in each column of `[B, U]`, straight between neighbours; NaN for nothing.

    All columns at once: a column has some dozen values, and a call for each would cost far more than the sorting.
    """
    count = np.isfinite(values).sum(axis=0)
    place = np.maximum(count - 1, 0) * share
    low = np.floor(place).astype(int)
    high = np.minimum(low + 1, np.maximum(count - 1, 0))
    ordered, column = np.sort(values, axis=0), np.arange(values.shape[1])  # NaN come last
    below = ordered[low, column]
    return np.asarray(below + (place - low) * (ordered[high, column] - below))


def _per(sums: Array, counts: Array) -> Array:
    """Means of bins; NaN for an empty one."""
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
