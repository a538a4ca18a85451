"""Head angles with gestures that are known: planted nods, shakes and tilts among looks, drift, noise and gaps."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

KINDS = ("shake", "nod", "tilt")  # by column: yaw, pitch, roll


@dataclass(frozen=True)
class Planted:
    """Angles [T, 3] at times [T], and the gestures in them: kind, start, end, frequency."""

    time_s: NDArray[np.float64]
    head_deg: NDArray[np.float64]
    gestures: tuple[tuple[str, float, float, float], ...]


def times(rate_hz: float, duration_s: float, rng: np.random.Generator, *, variable: bool) -> NDArray[np.float64]:
    """Frame times from a start that is not 0; variable: each step is 0.6 to 1.4 of the usual one."""
    count = int(duration_s * rate_hz)
    steps = rng.uniform(0.6, 1.4, count) if variable else np.ones(count)
    return 0.37 + np.concatenate([[0.0], np.cumsum(steps / rate_hz)])


def plant(
    rng: np.random.Generator, *, rate_hz: float, noise_deg: float = 1.0, variable: bool = False, gaps: int = 0,
    duration_s: float = 60.0, gestures: bool = True,
) -> Planted:  # fmt: skip
    """A minute of a head: a gesture or a look in each slot of five seconds, slow drift, white noise per frame.

    Gestures: 1.5 to 4 cycles of 1 to 3.5 Hz, 5 to 12 degrees. Looks: one turn of 10 to 30 degrees within 0.4 to 1 s.
    """
    time_s = times(rate_hz, duration_s, rng, variable=variable)
    angle = np.zeros((len(time_s), 3))
    for column in range(3):
        hz, phase = rng.uniform(0.03, 0.25, 3), rng.uniform(0, 2 * np.pi, 3)
        angle[:, column] = 2.0 * np.sin(2 * np.pi * np.outer(time_s, hz) + phase).sum(axis=1)
    planted = []
    for slot in range(int(duration_s / 5)):
        begin = slot * 5 + rng.uniform(1.2, 2.0)
        column = int(rng.integers(3))
        if slot % 3 == 2:  # a look: a single turn, which is no gesture
            t = np.clip((time_s - begin) / rng.uniform(0.4, 1.0), 0, 1)
            angle[:, column] += rng.uniform(10, 30) * rng.choice([-1, 1]) * t**3 * (10 - 15 * t + 6 * t * t)
        elif gestures:
            hz = rng.uniform(1.0, 3.5)
            lasts = min(rng.integers(3, 9) / 2 / hz, 2.4)
            lasts = max(np.floor(lasts * 2 * hz), 3) / 2 / hz
            inside = (time_s >= begin) & (time_s <= begin + lasts)
            angle[inside, column] += rng.uniform(5, 12) * np.sin(2 * np.pi * hz * (time_s[inside] - begin))
            planted.append((KINDS[column], begin, begin + lasts, hz))
    angle += rng.normal(0, noise_deg, angle.shape)
    for _ in range(gaps):  # the face is lost between two slots, where nothing was planted
        begin = rng.integers(1, int(duration_s / 5)) * 5 - rng.uniform(0.0, 0.3)
        angle[(time_s > begin) & (time_s < begin + rng.uniform(0.3, 0.8))] = np.nan
    return Planted(time_s, angle, tuple(planted))


def matches(found: list[tuple[str, float, float]], planted: tuple[tuple[str, float, float, float], ...]) -> int:
    """How many planted gestures were found: same kind, interval IoU of at least .5, each used once."""
    left, hits = list(found), 0
    for kind, start, end, _ in planted:
        for one in left:
            inside = min(end, one[2]) - max(start, one[1])
            if one[0] == kind and inside > 0 and inside / (max(end, one[2]) - min(start, one[1])) >= 0.5:
                left.remove(one)
                hits += 1
                break
    return hits
