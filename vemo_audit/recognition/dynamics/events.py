"""Onset, apex and offset of the movements of a unit: from curves to events, as a stream."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vemo_audit.recognition.dynamics.apex import fitted_top, parabola_top
from vemo_audit.recognition.dynamics.curves import CurveSettings, CurveStream, Sample
from vemo_audit.records.event import Event

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class EventSettings:
    """When a curve counts as moving. Heights are in the unit of the curve, 0 to 1, above the person's own baseline."""

    curve: CurveSettings = field(default_factory=CurveSettings)
    sigmas: float = 4.0  # of the smoothed curve above the baseline, to open an event
    least_height: float = 0.05  # and never less: a rendered face at rest passes this 0.1 times a minute in a unit
    least_peak: float = 0.075  # a lower top is no event, nor one below `peak_sigmas` of the smoothed curve
    peak_sigmas: float = 6.0
    rest_share: float = 0.5  # of the opening height: below it the movement is over
    split_share: float = 0.5  # a valley lower than this share of the lower peak parts two events
    ended_share: float = 0.25  # of the top: a curve that stays below it without sinking on has come to rest
    patience_s: float = 0.3  # a minimum is one when nothing lower comes within this
    gap_s: float = 0.25  # a longer hole cuts what it falls into
    longest_s: float = 60.0  # a movement that lasts longer is told without an offset: it became a habit of the face
    memory_s: float = 3.0  # of a resting curve that an onset may be looked for in


@dataclass(slots=True)
class _Track:
    """One curve: what was seen since it rested, and the event that is open."""

    kind: str
    settings: EventSettings
    rows: list[tuple[float, float, float, float]] = field(default_factory=list)  # time, raw, smooth, asymmetry
    whole: bool = False  # whether the first row follows an event's end; else what came before is unknown
    start: int = -1  # row of the onset; -1 when no event is open
    began: bool = False  # whether that onset was seen
    top: int = 0
    valley: int = 0
    ground: float = math.nan
    opening: float = math.nan
    noise: float = math.nan
    least: float = math.nan  # height of the lowest top that counts
    leaving: bool = False

    def take(self, row: tuple[float, float, float, float], baseline: float, noise: float, doubt: float) -> list[Event]:
        """One more sample; the events that it ends."""
        s, done = self.settings, []
        if self.rows and row[0] - self.rows[-1][0] > s.gap_s:
            done = self.cut()
        self.rows.append(row)
        if self.start < 0:
            if not math.isnan(baseline):
                self._maybe_open(baseline, noise, doubt)
            if self.start < 0:
                self._forget(row[0] - s.memory_s)
            return done
        return done + self._follow(len(self.rows) - 1, doubt)

    def cut(self) -> list[Event]:
        """The open event, ended by a gap or by the end of the clip: what was not seen of it is NaN."""
        last, done = len(self.rows) - 1, []
        if self.start >= 0:
            done = self._event(last, ended=self.leaving and self._height(last) <= 0)  # still sinking is no end
        self.rows, self.start, self.whole, self.leaving = [], -1, False, False
        return done

    def _height(self, k: int) -> float:
        return self.rows[k][2] - self.ground

    def _forget(self, before_s: float) -> None:
        if self.rows[0][0] < before_s - self.settings.memory_s:  # seldom, so that it costs little
            self.rows = [row for row in self.rows if row[0] >= before_s]
            self.whole = False

    def _maybe_open(self, baseline: float, noise: float, doubt: float) -> None:
        opening = max(self.settings.sigmas * doubt, self.settings.least_height)
        now = len(self.rows) - 1
        if self.rows[now][2] <= baseline + opening:
            return
        start = self._last_minimum(now, 0.5 * doubt)
        # A baseline lags behind a drift: the ground is what the curve rose from, where that lies higher.
        ground = max(baseline, self.rows[start][2] + doubt) if start > 0 or self.whole else baseline
        if self.rows[now][2] <= ground + opening:
            return
        self.ground, self.opening, self.noise, self.leaving = ground, opening, noise, False
        self.least = max(self.settings.least_peak, self.settings.peak_sigmas * doubt)
        self.began = start > 0 or self.whole
        self.start = start
        self.top = self.valley = max(range(start, now + 1), key=lambda k: self.rows[k][2])

    def _last_minimum(self, now: int, slack: float) -> int:
        """The row of the last minimum before `now`: going back, nothing lower comes within the patience."""
        lowest = now
        for k in range(now - 1, -1, -1):
            if self.rows[k][2] < self.rows[lowest][2] - (slack if lowest != now else 0.0):
                lowest = k
            elif self.rows[lowest][0] - self.rows[k][0] > self.settings.patience_s and lowest != now:
                break
        return lowest

    def _follow(self, now: int, doubt: float) -> list[Event]:
        s, height = self.settings, self._height(now)
        if self.leaving:
            if self.rows[now][2] < self.rows[now - 1][2]:
                return []
            return self._end(now - 1)
        if height > self._height(self.top) and self._height(self.valley) >= s.split_share * self._height(self.top):
            self.top = self.valley = now
        elif height < self._height(self.valley) - (0.5 * doubt if self.valley != self.top else 0.0):
            self.valley = now
        low = self._height(self.valley)
        lower = min(height, self._height(self.top))
        if low < s.split_share * lower and lower >= self.least and height - low > max(3 * doubt, 0.05):
            return self._end(self.valley, split=True)
        waited_s = self.rows[now][0] - self.rows[self.valley][0]
        if low < s.ended_share * self._height(self.top) and waited_s > s.patience_s:
            return self._end(self.valley)
        if height <= self.opening * s.rest_share:
            self.leaving = True
        elif self.rows[now][0] - self.rows[self.start][0] > s.longest_s:
            done = self._event(now, ended=False)
            self.rows, self.start, self.whole = self.rows[-1:], -1, False
            return done
        return []

    def _end(self, last: int, *, split: bool = False) -> list[Event]:
        """Closes the event at row `last`; at a split the next one is open at once."""
        done = self._event(last, ended=True)
        self.rows, self.whole, self.leaving, self.start = self.rows[last:], True, False, -1
        if split:
            self.start, self.began, self.valley = 0, True, 0
            self.top = self.valley = max(range(len(self.rows)), key=lambda k: self.rows[k][2])
        return done

    def _event(self, last: int, *, ended: bool) -> list[Event]:
        rows = np.array(self.rows[self.start : last + 1])
        time_s, raw, smooth = rows[:, 0], rows[:, 1], rows[:, 2] - self.ground
        top = int(smooth.argmax())
        reached = smooth[top] >= self.least
        onset_s, offset_s = (float(time_s[0]) if self.began else math.nan), (float(time_s[-1]) if ended else math.nan)
        # At an open edge the curve may have been higher where nobody looked.
        seen = (self.began or top > 0) and (ended or top < len(rows) - 1)
        if not reached or (not seen and math.isnan(onset_s) and math.isnan(offset_s)):
            return []
        if not seen:
            return [Event(self.kind, onset_s, math.nan, offset_s, peak=math.nan)]
        apex_s, peak = self._top(time_s, raw, smooth, top, fit=self.began and ended)
        whole = self.began and ended
        return [Event(
            self.kind, onset_s, apex_s, offset_s, peak=peak,
            area=float(np.trapezoid(smooth, time_s)) if whole else math.nan, rise_per_s=_speed(peak, apex_s - onset_s),
            fall_per_s=_speed(peak, offset_s - apex_s),
            asymmetry=float(rows[np.abs(time_s - apex_s).argmin(), 3]),
        )]  # fmt: skip

    def _top(self, time_s: Array, raw: Array, smooth: Array, top: int, *, fit: bool) -> tuple[float, float]:
        apex_s, peak = parabola_top(time_s, smooth, top)
        if fit and len(time_s) > 8:
            high = np.flatnonzero(smooth >= 0.93 * smooth[top])
            first, final = float(time_s[high[0]]), float(time_s[high[-1]])
            rise, fall = max(first - time_s[0], 0.05), max(time_s[-1] - final, 0.05)
            start = np.array([first, math.log(rise), final - first, math.log(fall), smooth[top], 0.0])
            better_s, better = fitted_top(time_s, raw - self.ground, start=start, noise=self.noise)
            if math.isfinite(better_s):
                apex_s, peak = better_s, better
        return min(max(apex_s, float(time_s[0])), float(time_s[-1])), peak


class EventStream:
    """Frames of `U` curves in, events out; told at most `half_width_s` after the frame that ends them.

    The result does not depend on how the frames are cut into chunks. Memory: 30 s of bins and the open events.
    """

    def __init__(self, kinds: Sequence[str], settings: EventSettings | None = None) -> None:
        self.settings = settings or EventSettings()
        self._curves = CurveStream(len(kinds), self.settings.curve)
        self._tracks = [_Track(kind, self.settings) for kind in kinds]
        self._sides: list[tuple[float, Array]] = []

    def push(self, time_s: Array, values: Array, asymmetry: Array | None = None) -> list[Event]:
        """Takes times `[T]`, values `[T, U]` (NaN: not seen) and, if both sides are followed, asymmetry `[T, U]`."""
        if asymmetry is not None:
            self._sides += [(float(t), row) for t, row in zip(time_s, asymmetry, strict=True)]
        return self._feed(self._curves.push(time_s, values))

    def finish(self) -> list[Event]:
        """The events that the end of the clip cuts or ends."""
        done = self._feed(self._curves.finish())
        return done + [event for track in self._tracks for event in track.cut()]

    def _feed(self, samples: Iterable[Sample]) -> list[Event]:
        done = []
        for one in samples:
            while self._sides and self._sides[0][0] < one.time_s:
                self._sides.pop(0)
            side = self._sides[0][1] if self._sides else np.full(len(one.raw), np.nan)
            told = (part.tolist() for part in (one.raw, one.smooth, side, one.baseline, one.noise, one.doubt))
            for track, raw, smooth, uneven, baseline, noise, doubt in zip(self._tracks, *told, strict=True):
                if math.isfinite(smooth):
                    done += track.take((one.time_s, raw, smooth, uneven), baseline, noise, doubt)
        return done


def events(
    time_s: Array, values: Array, *, kinds: Sequence[str], asymmetry: Array | None = None,
    settings: EventSettings | None = None,
) -> tuple[Event, ...]:  # fmt: skip
    """All events of curves `[T, U]` at times `[T]`, in the order in which they end. No frames give none."""
    stream = EventStream(kinds, settings)
    return (*stream.push(time_s, values, asymmetry), *stream.finish())


def together(found: Iterable[Event], first: str = "au6", second: str = "au12") -> tuple[Event, ...]:
    """Where a movement of `first` and one of `second` overlap: a Duchenne-like *marker*, as co-occurrence only.

    It is never evidence that a smile is genuine or posed. The event spans the overlap; its apex is that of `second`
    moved into the overlap, its peak the lower of both. Movements that a gap cut are left out.
    """
    known = [one for one in found if not math.isnan(one.onset_s + one.apex_s + one.offset_s)]
    pairs = []
    for a in (one for one in known if one.kind == first):
        for b in (one for one in known if one.kind == second):
            onset_s, offset_s = max(a.onset_s, b.onset_s), min(a.offset_s, b.offset_s)
            if onset_s < offset_s:
                apex_s = min(max(b.apex_s, onset_s), offset_s)
                pairs.append(Event(f"{first}+{second}", onset_s, apex_s, offset_s, peak=min(a.peak, b.peak)))
    return tuple(sorted(pairs, key=lambda one: one.onset_s))


def _speed(height: float, lasted_s: float) -> float:
    return height / lasted_s if lasted_s > 0 else math.nan
