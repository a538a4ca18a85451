"""Nods, shakes and tilts of a head, found in its angles as they come."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput
from vemo_audit.records.event import Event

AXIS = MappingProxyType({"shake": 0, "nod": 1, "tilt": 2})
"""Gesture -> column of yaw, pitch, roll."""
CLOCK_S = 1e-9


@dataclass(frozen=True, slots=True)
class GestureSettings:
    """When a turning to and fro is a gesture. Angles in degrees."""

    low_hz: float = 0.7  # the band of nods and shakes
    high_hz: float = 5.0
    grid_hz: float = 50.0  # angles are read on this grid, anchored at time 0, whatever the frame rate
    reach_s: float = 1.0  # the filter looks so far back and ahead: the delay of a live answer, with the last half wave
    max_gap_s: float = 0.25  # frames further apart, or an angle missing for longer, end what was followed
    least_deg: float = 3.0  # of a half wave
    least_waves: int = 3  # half waves of alternating sign: two changes of sign
    least_share: float = 0.4  # of the largest half wave: a single turn rings in the filter, smaller than itself
    least_lead: float = 0.5  # against the largest angle of the other two axes meanwhile: a shake tilts a little, too
    longest_s: float = 10.0  # a longer one is told in parts

    def __post_init__(self) -> None:
        if not 0 < self.low_hz < self.high_hz < self.grid_hz / 2:
            raise BadInput(f"a band of {self.low_hz} to {self.high_hz} Hz", expected="0 < low < high < half the grid")
        if min(self.reach_s, self.max_gap_s, self.least_deg) <= 0 or self.least_waves < 2:
            raise BadInput("a gesture without length or height", expected="times and angles above 0, two half waves")


@dataclass(frozen=True, slots=True)
class HeadGesture:
    """One nod, shake or tilt: `event.peak` and `.area` are of the band-passed angle (degrees, degrees x seconds)."""

    event: Event
    frequency_hz: float  # half waves over twice the duration
    half_waves: int


@dataclass(frozen=True, slots=True)
class _HalfWave:
    start_s: float
    end_s: float
    apex_s: float
    height_deg: float  # signed
    area: float


def band_pass(settings: GestureSettings) -> NDArray[np.float64]:
    """The symmetric filter [2 L + 1]: the difference of two Hann-windowed low-passes that each pass 0 Hz as it is.

    So a constant gives exactly 0. Source: Oppenheim and Schafer, Discrete-Time Signal Processing, sec. 7.5 (window
    method).
    """
    reach = round(settings.reach_s * settings.grid_hz)
    n = np.arange(-reach, reach + 1)
    window = np.hanning(2 * reach + 3)[1:-1]

    def low_pass(cutoff_hz: float) -> NDArray[np.float64]:
        share = 2 * cutoff_hz / settings.grid_hz
        taps = np.sinc(share * n) * window
        return taps / taps.sum()

    return low_pass(settings.high_hz) - low_pass(settings.low_hz)


class HeadGestures:
    """Finds the gestures of one person as angles come; memory is bounded, and how they are cut into calls is the same.

    A gesture is told at most `reach_s` + half a period of `low_hz` after its end; when the angles broke off, with the
    first angle that comes again, or by `finish`.
    """

    def __init__(self, settings: GestureSettings | None = None) -> None:
        self.settings = settings or GestureSettings()
        self._filter = _Filter(self.settings)
        self._axes = {kind: _Axis(kind, axis, self.settings) for kind, axis in AXIS.items()}
        self._last_s, self._last = -math.inf, np.full(3, np.nan)
        self._next = 0  # the next point of the grid
        self._open = False  # whether something is being followed

    def step(self, time_s: float, head_deg: NDArray[np.float64]) -> list[HeadGesture]:
        """Yaw, pitch and roll [3] of one frame, NaN when the face is lost. Raises BadInput when time runs backwards."""
        if time_s < self._last_s:
            raise BadInput(f"an angle at {time_s} s after one at {self._last_s} s", expected="frames in order of time")
        rules = self.settings
        if not np.isfinite(head_deg).all():
            return []  # the time since the last angle decides
        found: list[HeadGesture] = []
        gap_s = time_s - self._last_s
        if gap_s > rules.max_gap_s:
            found += self.finish()
            self._open, self._next = True, math.ceil((time_s - CLOCK_S) * rules.grid_hz)
        while self._next / rules.grid_hz <= time_s + CLOCK_S:
            share = 1.0 if not 0 < gap_s <= rules.max_gap_s else (self._next / rules.grid_hz - self._last_s) / gap_s
            angle = head_deg if share >= 1 else self._last + share * (head_deg - self._last)
            found += self._told(self._filter.step(self._next, angle))
            self._next += 1
        self._last_s, self._last = time_s, np.asarray(head_deg, np.float64)
        return found

    def finish(self) -> list[HeadGesture]:
        """What is left when the angles break off or the clip ends."""
        if not self._open:
            return []
        found = self._told(self._filter.finish())
        for axis in self._axes.values():
            found += axis.finish()
        self._open, self._filter = False, _Filter(self.settings)
        return found

    def _told(self, passed: Iterator[tuple[int, NDArray[np.float64]]]) -> list[HeadGesture]:
        return [
            gesture for index, angles in passed for axis in self._axes.values() for gesture in axis.step(index, angles)
        ]


def head_gestures(
    time_s: NDArray[np.float64], head_deg: NDArray[np.float64], settings: GestureSettings | None = None
) -> tuple[HeadGesture, ...]:
    """All gestures of one person's angles [T, 3] at times [T], by onset; NaN rows are a lost face. None for T of 0."""
    stream = HeadGestures(settings)
    found = [gesture for t in range(len(time_s)) for gesture in stream.step(float(time_s[t]), head_deg[t])]
    return tuple(sorted([*found, *stream.finish()], key=lambda g: (g.event.onset_s, g.event.kind)))


class _Filter:
    """The band-pass over one unbroken stretch; both ends are continued by point reflection, as nothing is known."""

    def __init__(self, settings: GestureSettings) -> None:
        self._taps = band_pass(settings)
        self._reach = len(self._taps) // 2
        self._held = np.empty((8 * self._reach, 3))
        self._count = self._given = 0
        self._dropped = 0  # places of the stretch that are no longer held
        self._first = 0

    def step(self, index: int, angles: NDArray[np.float64]) -> Iterator[tuple[int, NDArray[np.float64]]]:
        """Takes the angles [3] of a grid point; gives those that are now known, with their grid points."""
        if self._count == 0:
            self._first = index
        if self._count - self._dropped == len(self._held):
            kept = self._held[-2 * self._reach :].copy()
            self._dropped = self._count - len(kept)
            self._held[: len(kept)] = kept
        self._held[self._count - self._dropped] = angles
        self._count += 1
        while self._given + self._reach < self._count:
            yield self._at(self._given)

    def finish(self) -> Iterator[tuple[int, NDArray[np.float64]]]:
        """What is left at the end of the stretch; nothing of a stretch shorter than half the filter's reach."""
        if self._count * 2 <= self._reach:
            return
        while self._given < self._count:
            yield self._at(self._given)

    def _at(self, place: int) -> tuple[int, NDArray[np.float64]]:
        """The filter's answer at a place of the stretch."""
        low, high = max(0, place - self._reach), min(self._count, place + self._reach + 1)
        window = self._held[low - self._dropped : high - self._dropped]
        before, after = low - (place - self._reach), place + self._reach + 1 - high
        if before or after:
            window = np.pad(window, ((before, after), (0, 0)), mode="reflect", reflect_type="odd")
        self._given += 1
        return self._first + place, self._taps @ window


class _Axis:
    """Half waves of one angle, joined into gestures."""

    def __init__(self, kind: str, column: int, settings: GestureSettings) -> None:
        self.kind, self._column, self._rules = kind, column, settings
        self._clear()
        self._waves: list[_HalfWave] = []

    def _clear(self) -> None:
        self._sign, self._last, self._last_s = 0, 0.0, math.nan
        self._start_s = self._apex_s = math.nan
        self._height = self._area = self._other = 0.0

    def step(self, index: int, angles: NDArray[np.float64]) -> list[HeadGesture]:
        """Takes the band-passed angles [3] of a grid point."""
        now_s = index / self._rules.grid_hz
        others = angles.tolist()
        value = others.pop(self._column)
        sign = 1 if value >= 0 else -1
        told: list[HeadGesture] = []
        if self._sign and sign != self._sign:
            crossing_s = self._last_s + (now_s - self._last_s) * self._last / (self._last - value)
            told = self._closed(crossing_s)
            self._start_s, self._height, self._area, self._other = crossing_s, 0.0, 0.0, 0.0
        elif not self._sign:
            self._start_s = now_s
        if abs(value) >= abs(self._height):
            self._height, self._apex_s = value, now_s
        self._area += abs(value) / self._rules.grid_hz
        self._other = max(self._other, abs(others[0]), abs(others[1]))
        self._sign, self._last, self._last_s = sign, value, now_s
        if not told and self._waves and now_s - self._start_s > self._longest_s:
            told = self._gesture()  # no further half wave can join: tell it now
        return told

    @property
    def _longest_s(self) -> float:
        return 0.5 / self._rules.low_hz

    def finish(self) -> list[HeadGesture]:
        """The half wave that was cut off counts when it had its peak; then all is told."""
        told = self._closed(self._last_s) if self._sign else []
        self._clear()
        return [*told, *self._gesture()]

    def _closed(self, end_s: float) -> list[HeadGesture]:
        """A half wave has ended: it joins the others, or what was there is told."""
        rules = self._rules
        lasted_s = end_s - self._start_s
        fits = 0 < lasted_s <= self._longest_s and abs(self._height) >= max(
            rules.least_deg, rules.least_lead * self._other
        )
        if not fits:
            return self._gesture()
        told: list[HeadGesture] = []
        if self._waves and end_s - self._waves[0].start_s > rules.longest_s:
            told = self._gesture()
        self._waves.append(_HalfWave(self._start_s, end_s, self._apex_s, self._height, self._area))
        return told

    def _gesture(self) -> list[HeadGesture]:
        """The half waves so far as a gesture, if they are one; they are forgotten."""
        waves, self._waves = self._waves, []
        floor = self._rules.least_share * max((abs(wave.height_deg) for wave in waves), default=0.0)
        waves = longest_run(waves, floor)
        if len(waves) < self._rules.least_waves:
            return []
        top = max(waves, key=lambda wave: abs(wave.height_deg))
        onset_s, offset_s = waves[0].start_s, waves[-1].end_s
        apex_s = min(max(top.apex_s, onset_s), offset_s)
        event = Event(
            self.kind, onset_s, apex_s, offset_s, peak=abs(top.height_deg), area=sum(wave.area for wave in waves)
        )
        return [HeadGesture(event, len(waves) / (2 * (offset_s - onset_s)), len(waves))]


def longest_run(waves: list[_HalfWave], floor_deg: float) -> list[_HalfWave]:
    """The longest stretch of neighbours that all reach the floor; the first of equals."""
    best: list[_HalfWave] = []
    run: list[_HalfWave] = []
    for wave in waves:
        run = [*run, wave] if abs(wave.height_deg) >= floor_deg else []
        if len(run) > len(best):
            best = run
    return best
