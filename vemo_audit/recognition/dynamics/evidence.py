"""What states are built from: signals of one person over time, each against the person's own habit."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput
from vemo_audit.records.units import UNITS

Array = NDArray[np.float64]
HABIT_S = 30.0
"""Time constant of a person's habit: what a signal is compared with."""
WARM_UP_S = 5.0
"""A signal must have been seen this long before anything is called a change of it."""


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Arrays over one clock; NaN is "not observed", None a signal that is absent altogether."""

    time_s: Array  # [T], increasing
    units: Array | None = None  # [T, 20] in the order of UNITS, 0-1
    valence: Array | None = None  # [T], -1 to 1
    arousal: Array | None = None
    loudness_db: Array | None = None
    pitch_range_st: Array | None = None  # semitones
    speech: Array | None = None  # share of the time spoken, 0-1
    yaw_deg: Array | None = None
    pitch_deg: Array | None = None
    lean: Array | None = None  # towards the camera is positive; relative change of face size
    shakes: Array | None = None  # head shakes that ended in this row
    short_smiles: Array | None = None  # movements of AU12 under 1 s that ended in this row

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if value is not None and len(value) != len(self.time_s):
                raise BadInput(f"{len(value)} rows of {one.name}", expected=f"{len(self.time_s)}, one for each time")

    def rows(self) -> list[tuple[float, Mapping[str, float]]]:
        """Time and signals by name, row by row; units under their own names."""
        names = [one.name for one in fields(self) if one.name not in ("time_s", "units")]
        columns = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        if self.units is not None:
            columns |= {name: self.units[:, k] for k, name in enumerate(UNITS)}
        return [(float(t), {name: float(column[k]) for name, column in columns.items()})
                for k, t in enumerate(self.time_s)]  # fmt: skip


class Habits:
    """Slow averages of all signals: bounded memory, and the same at every frame rate."""

    def __init__(self) -> None:
        self._mean: dict[str, float] = {}
        self._seen_s: dict[str, float] = {}
        self._recent: dict[str, tuple[float, float]] = {}  # the count and when it was taken
        self._now_s = math.nan

    def at(self, time_s: float) -> None:
        """Says when the row is that comes next: counts fade by this clock, over holes too."""
        self._now_s = time_s

    def learn(self, row: Mapping[str, float], step_s: float) -> None:
        """Takes one row that lasted `step_s` into the averages."""
        for name, value in row.items():
            if math.isnan(value):
                continue
            seen_s = self._seen_s.get(name, 0.0) + step_s
            share = 1 - math.exp(-step_s / min(HABIT_S, max(seen_s, step_s))) if name in self._mean else 1.0
            self._mean[name] = self._mean.get(name, 0.0) * (1 - share) + share * value
            self._seen_s[name] = seen_s

    def count(self, name: str, value: float, *, fades_s: float) -> float:
        """How many of something lately: a count that fades by the time since it was last taken; NaN counts as none."""
        before, then_s = self._recent.get(name, (0.0, self._now_s))
        counted = before * math.exp(-(self._now_s - then_s) / fades_s) + (0.0 if math.isnan(value) else value)
        self._recent[name] = (counted, self._now_s)
        return counted

    def change(self, row: Mapping[str, float], name: str) -> float:
        """A signal minus its habit; NaN when it is absent or too new."""
        if self._seen_s.get(name, 0.0) < WARM_UP_S:
            return math.nan
        return row.get(name, math.nan) - self._mean[name]


Term = Callable[[Mapping[str, float], Habits, float], float]


def _above(name: str, by: float, full: float) -> Term:
    """0 until a signal is `by` above its habit, 1 when it is `full` above."""
    return lambda row, habits, _: _ramp(habits.change(row, name), by, full)


def _lately(name: str, most: float, fades_s: float) -> Term:
    """0 to 1: how often something happened lately, 1 at `most`; NaN when nobody counts it."""

    def term(row: Mapping[str, float], habits: Habits, _: float) -> float:
        if name not in row:
            return math.nan
        return min(habits.count(name, row[name], fades_s=fades_s) / most, 1.0)

    return term


def _ramp(value: float, by: float, full: float) -> float:
    return value if math.isnan(value) else min(max((value - by) / (full - by), 0.0), 1.0)


def _negative_and_roused(row: Mapping[str, float], habits: Habits, _: float) -> float:
    return _ramp(-row.get("valence", math.nan), 0.1, 0.6) * _ramp(habits.change(row, "arousal"), 0.05, 0.3)


def _angle(row: Mapping[str, float], habits: Habits) -> float:
    return math.hypot(habits.change(row, "yaw_deg"), habits.change(row, "pitch_deg"))


def _facing(row: Mapping[str, float], habits: Habits, _: float) -> float:
    """1 when the head stands as it mostly does, -1 when it is turned away by 30 degrees or more."""
    return 1 - 2 * _ramp(_angle(row, habits), 5.0, 30.0)


def _turned(row: Mapping[str, float], habits: Habits, _: float) -> float:
    """1 beyond 20 degrees off the habit, -1 within 10."""
    return 2 * _ramp(_angle(row, habits), 10.0, 20.0) - 1


def _expressive(row: Mapping[str, float], habits: Habits, _: float) -> float:
    """How far the units are from their habit, summed; 1 at a sum of 0.6."""
    moves = [abs(habits.change(row, name)) for name in UNITS if name != "au43"]
    known = [one for one in moves if not math.isnan(one)]
    return _ramp(sum(known), 0.1, 0.6) if known else math.nan


def _closed(row: Mapping[str, float], habits: Habits, step_s: float) -> float:
    """Share of the last seconds with closed eyes: a blink is no more than a tenth of it."""
    value = row.get("au43", math.nan)
    if math.isnan(value):
        return math.nan
    closed = habits.count("closed", float(value > 0.6) * step_s, fades_s=2.0) / 2.0
    return _ramp(closed, 0.15, 0.6)


def _speaks(row: Mapping[str, float], _: Habits, __: float) -> float:
    return row.get("speech", math.nan)


TERMS: Mapping[str, Term] = MappingProxyType({
    "brow lowered (AU4)": _above("au4", 0.08, 0.4), "lids tightened (AU7)": _above("au7", 0.08, 0.4),
    "lips pressed (AU24)": _above("au24", 0.08, 0.4), "dimples (AU14)": _above("au14", 0.08, 0.4),
    "negative and roused": _negative_and_roused, "louder": _above("loudness_db", 2.0, 10.0),
    "wider pitch": _above("pitch_range_st", 1.0, 5.0), "head shakes": _lately("shakes", 2.0, 6.0),
    "short smiles": _lately("short_smiles", 3.0, 15.0), "facing": _facing, "expressive": _expressive,
    "speaking": _speaks, "leaning in": _above("lean", 0.03, 0.15), "head turned away": _turned,
    "eyes closed": _closed,
})  # fmt: skip
"""Name -> how it is computed from a row, in [-1, 1]; NaN when its signals are absent. Declared, not validated."""
