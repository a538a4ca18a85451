"""What a person's movement amounts to: stretches of it, stillness and fidgeting."""

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput
from vemo_audit.records.event import Event


@dataclass(frozen=True, slots=True)
class MovementSettings:
    """When movement is a gesture, and when it is none at all. Speeds in face widths per second."""

    baseline_quantile: float = 0.2  # of the last while: what a person's picture shows when nothing happens
    baseline_s: float = 30.0
    enter_above: float = 0.4  # over the baseline: a gesture begins
    leave_above: float = 0.15  # and ends
    least_s: float = 0.2
    bridged_s: float = 0.25  # a dip shorter than this is inside a gesture
    longest_s: float = 20.0  # a longer one is told in parts
    max_gap_s: float = 0.5  # nothing seen for longer ends a gesture
    still_below: float = 0.1  # speed that counts as still
    low_hz: float = 0.5  # the band of fidgeting
    high_hz: float = 3.0
    rate_hz: float = 12.5  # grid on which its power is taken
    least_seen: float = 0.8  # of a window, for its power to be said

    def __post_init__(self) -> None:
        if not (0 <= self.leave_above < self.enter_above and 0 < self.baseline_quantile < 1):
            raise BadInput("a gesture that begins and ends at one speed", expected="0 <= leave_above < enter_above")
        if not 0 < self.low_hz < self.high_hz < self.rate_hz / 2:
            raise BadInput(f"a band of {self.low_hz} to {self.high_hz} Hz", expected="0 < low < high < half the rate")


@dataclass(frozen=True, slots=True)
class BodyGesture:
    """One stretch of movement: `event.peak` is the highest speed over the baseline, `.area` the way travelled so."""

    event: Event
    stroke_s: float  # for how long the speed was over half its peak


class BodyGestures:
    """Finds stretches of movement in one person's speeds as they come, in bounded memory.

    One is told when its speed has stayed low for `bridged_s`, or when nothing is seen any more.
    """

    def __init__(self, settings: MovementSettings | None = None) -> None:
        self.settings = settings or MovementSettings()
        self._past: deque[tuple[float, float]] = deque()
        self._run: list[tuple[float, float, float]] = []  # start, end, speed over the baseline
        self._high_s = math.nan  # end of the last sample that was not low
        self._last_s = -math.inf

    def step(self, start_s: float, end_s: float, energy: float) -> list[BodyGesture]:
        """Speed over start to end; NaN is not seen. Raises BadInput when time runs backwards."""
        rules = self.settings
        if not (start_s < end_s and end_s > self._last_s):
            raise BadInput(f"movement from {start_s} to {end_s} s", expected="samples in order of time")
        told: list[BodyGesture] = []
        if start_s - self._last_s > rules.max_gap_s:
            told = self.finish()
        if not math.isfinite(energy):
            return told  # `_last_s` stays: a long absence ends the gesture
        self._last_s = end_s
        self._past.append((end_s, energy))
        while self._past[0][0] < end_s - rules.baseline_s:
            self._past.popleft()
        over = energy - float(np.quantile([speed for _, speed in self._past], rules.baseline_quantile))
        if self._run and end_s - self._run[0][0] > rules.longest_s:
            told += self.finish()
        if over >= rules.enter_above or (self._run and over >= rules.leave_above):
            self._run.append((start_s, end_s, over))
            self._high_s = end_s
        elif self._run:
            self._run.append((start_s, end_s, over))
            if end_s - self._high_s >= rules.bridged_s:
                told += self.finish()
        return told

    def finish(self) -> list[BodyGesture]:
        """The gesture that is under way, if it is one."""
        run = [part for part in self._run if part[1] <= self._high_s]
        self._run = []
        if not run or run[-1][1] - run[0][0] < self.settings.least_s:
            return []
        begin, end, over = (np.array(column) for column in zip(*run, strict=True))
        top = int(over.argmax())
        peak, lasted = float(over[top]), end - begin
        apex_s = float(begin[top] + end[top]) / 2
        onset_s, offset_s = float(begin[0]), float(end[-1])
        event = Event(
            "gesture", onset_s, apex_s, offset_s, peak=peak, area=float((np.maximum(over, 0) * lasted).sum()),
            rise_per_s=peak / (apex_s - onset_s), fall_per_s=peak / (offset_s - apex_s),
        )  # fmt: skip
        return [BodyGesture(event, float(lasted[over >= peak / 2].sum()))]


@dataclass(frozen=True, slots=True)
class Movement:
    """A window of one person's movement. NaN where too little was seen."""

    energy: float = math.nan  # mean speed, face widths per second
    still_share: float = math.nan  # of the time that was seen
    fidgeting: float = math.nan  # power of the trunk's to and fro, 0.5 to 3 Hz, (face widths per second)^2
    hands: float = math.nan  # mean speed beside the trunk, against it
    seen_share: float = 0.0  # of the window


def movement(
    span_s: NDArray[np.float64], speed: NDArray[np.float64], *, start_s: float, end_s: float,
    settings: MovementSettings = MovementSettings(),
) -> Movement:  # fmt: skip
    """Movement in a window, from samples of spans [N, 2] with trunk x, trunk y, hands and energy [N, 4].

    Samples with their middle in the window count, by their length; rows of NaN count as not seen. N may be 0.
    """
    middle = span_s.reshape(-1, 2).mean(axis=1)
    inside = (middle >= start_s) & (middle < end_s) & np.isfinite(speed.reshape(-1, 4)).all(axis=1)
    if not inside.any():
        return Movement()
    lasted = (span_s[:, 1] - span_s[:, 0])[inside]
    part, share = speed[inside], float(min(1.0, lasted.sum() / (end_s - start_s)))
    total = lasted.sum()
    fidgeting = math.nan
    if share >= settings.least_seen:
        grid = np.arange(math.ceil(start_s * settings.rate_hz), math.ceil(end_s * settings.rate_hz)) / settings.rate_hz
        even = np.stack([np.interp(grid, middle[inside], part[:, axis]) for axis in (0, 1)], axis=1)
        fidgeting = band_power(even, rate_hz=settings.rate_hz, low_hz=settings.low_hz, high_hz=settings.high_hz)
    return Movement(
        energy=float((part[:, 3] * lasted).sum() / total),
        still_share=float(lasted[part[:, 3] < settings.still_below].sum() / total),
        fidgeting=fidgeting, hands=float((part[:, 2] * lasted).sum() / total), seen_share=share,
    )  # fmt: skip


def band_power(values: NDArray[np.float64], *, rate_hz: float, low_hz: float, high_hz: float) -> float:
    """Mean square of what values [N, C] hold between two frequencies, summed over C; NaN for fewer than 8 values.

    A sine of height a inside the band gives a^2 / 2. Source: Welch 1967 (doi:10.1109/TAU.1967.1161901), one segment,
    Hann window, linear trend taken away.
    """
    count = len(values)
    if count < 8:
        return math.nan
    n = np.arange(count) - (count - 1) / 2
    flat = values - values.mean(axis=0) - np.outer(n, n @ values / (n @ n))
    window = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(count) + 0.5) / count)
    power = np.abs(np.fft.rfft(flat * window[:, None], axis=0)) ** 2 / (count * (window**2).sum())
    power[1 : (count + 1) // 2] *= 2  # both halves of the spectrum; the last bin of an even count stands alone
    hz = np.fft.rfftfreq(count, 1 / rate_hz)
    return float(power[(hz >= low_hz) & (hz <= high_hz)].sum())
