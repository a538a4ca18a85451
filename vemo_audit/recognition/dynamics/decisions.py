"""One label at a time from noisy probabilities: a sticky decision with a stated delay, live or for a recording."""

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
NOBODY = -1
"""The label of a row in which nothing was observed."""
TIE_S = 1e-6
"""Rounding of times: a row this little beyond the look-ahead lies within it."""
LEAST = 1e-6
"""No probability counts as less: one frame may not rule a class out for good."""
REPEATED = 4
"""Windows repeat each other while they overlap: a window is taken for so many votes of its own length. Chosen on
planted sequences read in windows: with fewer votes short stretches are lost, with more of them noise comes through."""


@dataclass(frozen=True, slots=True)
class DecisionSettings:
    """How sticky a label is. Chosen on planted sequences; nothing was fitted to people."""

    look_ahead_s: float = 0.16  # a row is decided when this much of its future has been seen; 0 sees the past only
    stay_s: float = 5.0  # mean time that one label is expected to last
    independent_s: float = 0.1  # frames closer together than this repeat each other and share one vote
    enter: float = 0.6  # of the smoothed probability, for another label to take over; the old one is then below .4
    dwell_s: float = 0.5  # a label holds at least this long
    forget_s: float = 1.0  # after a gap this long the next label is decided afresh


class Decider:
    """Rows in, decided rows out, at most `look_ahead_s` later; memory is bounded by the rows of that span.

    A hidden Markov chain with equal chances of every other label: forwards over the past, backwards over the
    look-ahead, then hysteresis and a least dwell time. Source: Rabiner 1989, eq. 19-27 (doi:10.1109/5.18626).
    """

    def __init__(self, classes: int, settings: DecisionSettings | None = None) -> None:
        self.settings = settings or DecisionSettings()
        self._classes = classes
        self._past = np.full(classes, 1 / classes)  # of the last row taken in
        self._rows: deque[tuple[float, Array, Array, float]] = deque()  # time, likelihood, forwards, step
        self._last_s = math.nan
        self._label, self._since_s, self._seen_s = NOBODY, -math.inf, -math.inf

    def push(self, time_s: Array, probability: Array) -> tuple[Array, NDArray[np.int64], Array]:
        """Takes times `[T]`, increasing, and rows `[T, K]`; gives time, label and smoothed rows of those decided."""
        for at_s, row in zip(time_s, probability, strict=True):
            self._take(float(at_s), np.asarray(row, float))
        ready = []
        while self._rows and self._rows[-1][0] - self._rows[0][0] >= self.settings.look_ahead_s - TIE_S:
            ready.append(self._decide())
        return self._table(ready)

    def finish(self) -> tuple[Array, NDArray[np.int64], Array]:
        """Decides what is left when no more rows come."""
        return self._table([self._decide() for _ in range(len(self._rows))])

    def _take(self, at_s: float, row: Array) -> None:
        step_s = at_s - self._last_s if self._rows or math.isfinite(self._last_s) else math.inf
        likelihood = np.ones(self._classes)
        if np.isfinite(row).all():
            weight = min(1.0, step_s / self.settings.independent_s)
            likelihood = np.maximum(row, LEAST) ** weight
        forwards = likelihood * self._moved(self._past, step_s)
        self._past = forwards / forwards.sum()
        seen = row if np.isfinite(row).all() else np.full(self._classes, np.nan)
        self._rows.append((at_s, likelihood if np.isfinite(seen).all() else seen, self._past, step_s))
        self._last_s = at_s

    def _moved(self, belief: Array, step_s: float) -> Array:
        """What is believed `step_s` later, with nothing seen in between. The chain is symmetric: also backwards."""
        keep = math.exp(-step_s / self.settings.stay_s)
        return keep * belief + (1 - keep) * belief.sum() / self._classes

    def _decide(self) -> tuple[float, int, Array]:
        """The oldest row, with as much of its future as the look-ahead allows."""
        at_s, likelihood, forwards, _ = self._rows[0]
        future = [row for row in self._rows if 0 < row[0] - at_s <= self.settings.look_ahead_s + TIE_S]
        message = np.ones(self._classes)
        for _, seen, _, step_s in reversed(future):
            message = self._moved(message * (seen if np.isfinite(seen).all() else 1.0), step_s)
            message /= message.sum()
        self._rows.popleft()
        if not np.isfinite(likelihood).all():
            return at_s, NOBODY, likelihood
        smooth = forwards * message
        smooth /= smooth.sum()
        return at_s, self._held(at_s, smooth), smooth

    def _held(self, at_s: float, smooth: Array) -> int:
        """The label after hysteresis and dwell time."""
        best = int(smooth.argmax())
        afresh = at_s - self._seen_s > self.settings.forget_s
        rested = at_s - self._since_s >= self.settings.dwell_s
        if afresh or (best != self._label and rested and smooth[best] >= self.settings.enter):
            self._label, self._since_s = best, at_s
        self._seen_s = at_s
        return self._label

    def _table(self, rows: list[tuple[float, int, Array]]) -> tuple[Array, NDArray[np.int64], Array]:
        times, labels = [row[0] for row in rows], [row[1] for row in rows]
        smooth = np.array([row[2] for row in rows]).reshape(-1, self._classes)
        return np.array(times, float), np.array(labels, np.int64), smooth


def decide(
    probability: Array, time_s: Array, *, settings: DecisionSettings | None = None
) -> tuple[NDArray[np.int64], Array]:
    """Labels `[T]` and smoothed rows `[T, K]` as the live decision gives them, `look_ahead_s` late.

    A row of NaN gives `NOBODY` and a row of NaN. No rows give none.
    """
    decider = Decider(probability.shape[1], settings)
    first, last = decider.push(time_s, probability), decider.finish()
    return np.concatenate([first[1], last[1]]), np.concatenate([first[2], last[2]])


def decide_windows(probability: Array, middle_s: Array, *, window_s: float) -> NDArray[np.int64]:
    """The label `[T]` of each of overlapping windows of a whole recording, as `decide_recording` gives it.

    `probability [T, K]` is what each window says by itself, not smoothed, at the middle of each window `[T]`.
    """
    return decide_recording(probability, middle_s, settings=DecisionSettings(independent_s=window_s / REPEATED))


def decide_recording(
    probability: Array, time_s: Array, *, settings: DecisionSettings | None = None
) -> NDArray[np.int64]:
    """The likeliest sequence of labels `[T]` of a whole recording, with no delay: Viterbi over the same chain.

    A row of NaN gives `NOBODY`. A stretch shorter than `dwell_s` costs as much evidence as any other change and has
    no floor of its own. Source: Rabiner 1989, eq. 32-35.
    """
    s = settings or DecisionSettings()
    rows, classes = probability.shape
    if rows == 0:
        return np.zeros(0, np.int64)
    seen = np.isfinite(probability).all(axis=1)
    steps = np.diff(time_s, prepend=-math.inf)
    logs = np.log(np.maximum(np.where(seen[:, None], probability, 1.0), LEAST))
    logs *= np.minimum(1.0, steps / s.independent_s)[:, None]
    came = np.zeros((rows, classes), np.int64)
    score = logs[0]
    for t in range(1, rows):
        keep = math.exp(-steps[t] / s.stay_s)
        change = math.log((1 - keep) / classes) if keep < 1 else -math.inf
        stay = score + math.log(keep + (1 - keep) / classes)
        best = int(score.argmax())
        moves = score[best] + change
        came[t] = np.where(stay >= moves, np.arange(classes), best)
        score = np.maximum(stay, moves) + logs[t]
    labels = np.empty(rows, np.int64)
    labels[-1] = score.argmax()
    for t in range(rows - 1, 0, -1):
        labels[t - 1] = came[t, labels[t]]
    return np.where(seen, labels, NOBODY)
