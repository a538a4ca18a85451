"""Planted unit curves: minimum-jerk rise, hold and fall on a drifting baseline, and how found events are judged."""

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Movement:
    onset_s: float
    rise_s: float
    hold_s: float
    fall_s: float
    height: float

    @property
    def top_s(self):
        return self.onset_s + self.rise_s

    @property
    def offset_s(self):
        return self.top_s + self.hold_s + self.fall_s

    def level(self, time_s):
        def eased(share):
            s = np.clip(share, 0, 1)
            return 10 * s**3 - 15 * s**4 + 6 * s**5

        fall = eased((time_s - self.top_s - self.hold_s) / self.fall_s)
        return self.height * eased((time_s - self.onset_s) / self.rise_s) * (1 - fall)


def performance(rng, *, count=40, begin_s=3.0):
    """Movements in a row: a third held, a sixth overlapping the one before at less than half of its height."""
    planted, at_s = [], begin_s
    for _ in range(count):
        hold_s = float(rng.uniform(0.2, 1.5)) if rng.random() < 1 / 3 else 0.0
        rise_s, fall_s = rng.uniform(0.2, 1.0), rng.uniform(0.25, 1.2)
        one = Movement(at_s, float(rise_s), hold_s, float(fall_s), float(rng.uniform(0.3, 1)))
        planted.append(one)
        overlaps = rng.random() < 1 / 6
        at_s = one.offset_s - 0.25 * one.fall_s if overlaps else one.offset_s + float(rng.uniform(0.8, 4))
    return planted


def curve(planted, time_s, *, rng, noise=0.05, drift=0.1):
    """The largest of the movements at each time, plus slow drift and Gaussian noise."""
    level = np.max([one.level(time_s) for one in planted], axis=0)
    return level + 0.1 + drift * np.sin(2 * np.pi * time_s / 90) + rng.normal(0, noise, len(time_s))


def matched(planted, found, *, least=0.5):
    """Pairs of a planted movement and a found event whose intervals overlap by at least `least` of their union."""
    pairs, free = [], [one for one in found if not math.isnan(one.onset_s + one.offset_s)]
    for one in planted:

        def share(event, one=one):
            both = min(one.offset_s, event.offset_s) - max(one.onset_s, event.onset_s)
            return both / (max(one.offset_s, event.offset_s) - min(one.onset_s, event.onset_s))

        best = max(free, key=share, default=None)
        if best is not None and share(best) >= least:
            pairs.append((one, best))
            free.remove(best)
    return pairs


def interval_f1(planted, found):
    return 2 * len(matched(planted, found)) / (len(planted) + len(found))


def apex_errors_s(planted, found, *, held):
    """Distance of each found apex from the planted top: a moment, or (`held`) the stretch in which it is held."""
    return np.array([
        max(one.top_s - event.apex_s, event.apex_s - one.top_s - one.hold_s, 0.0)
        for one, event in matched(planted, found) if (one.hold_s > 0) == held
    ])  # fmt: skip
