"""The answer to "was there a micro-expression?": a refusal with its numbers, or brief movements without a meaning."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from vemo_audit.records.event import Event

LEAST_HZ = 100.0
"""Frames per second below which the question is refused: a movement of 1/25 s would then span fewer than four."""
SHORTEST_S = 1 / 25
"""The shortest movement that is called a micro-expression. Source: Yan et al. 2013, doi:10.1007/s10919-013-0159-8."""
BRIEF_S = 0.5
"""A movement shorter than this is brief. Source: the same."""

REACH = 12
"""Frames on either side among which a frame must change as much as others do."""
NEW_SHARE = 0.5
"""Of the largest change among them. Repeated frames that a codec altered changed by .02 to .43 of it where tried."""


@dataclass(frozen=True, slots=True)
class MicroAnswer:
    """Either `refusal` says why there is no answer, or `brief` lists the brief movements, which mean nothing more."""

    rate_hz: float  # effective: without repeated frames; NaN when unknown
    refusal: str = ""
    brief: tuple[Event, ...] = ()


def shows_new(change: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which frames `[T]` show something new, from how much each differs from the one before (any unit; inf: the first).

    A frame that changes far less than its neighbours repeats the one before, also where a codec altered it a little.
    In doubt a frame counts as repeated, which lowers the rate and so refuses the question. Pictures that were made up
    between two real ones cannot be told by this.
    """
    first = np.isinf(change)
    around = maximum_filter1d(np.where(first, 0.0, change), 2 * REACH + 1, mode="nearest") if len(change) else change
    return first | ((change > 0) & (change >= NEW_SHARE * around))


def effective_rate_hz(time_s: NDArray[np.float64], frame_digest: Iterable[object] | None = None) -> float:
    """1 / median step between frames `[T]` that differ from the one before; NaN for fewer than two of them.

    A frame with the same digest as the one before it (or the same time) shows nothing new: a video of 25 frames/s
    that is stored at 100 has an effective rate of 25.
    """
    new = np.diff(time_s, prepend=-math.inf) > 0
    if frame_digest is not None:
        shown = list(frame_digest)
        new &= np.array([k == 0 or shown[k] != shown[k - 1] for k in range(len(shown))], bool)
    times = time_s[new]
    return float(1 / np.median(np.diff(times))) if len(times) > 1 else math.nan


def brief_movements(
    found: Iterable[Event], time_s: NDArray[np.float64], *, frame_digest: Iterable[object] | None = None
) -> MicroAnswer:
    """Movements under 0.5 s, where the frame rate allows the question; below 100 frames/s a refusal in words.

    Movements that a gap cut have no known length and are left out.
    """
    rate_hz = effective_rate_hz(time_s, frame_digest)
    if math.isnan(rate_hz):
        return MicroAnswer(rate_hz, refusal="fewer than two different frames")
    if rate_hz < LEAST_HZ - 1e-6:
        return MicroAnswer(rate_hz, refusal=f"{rate_hz:.1f} frames/s; 1/25 s is {rate_hz * SHORTEST_S:.1f} frames")
    return MicroAnswer(rate_hz, brief=tuple(one for one in found if one.offset_s - one.onset_s < BRIEF_S))
