"""Collects what is seen of each person and closes one window after another; holds no more than one window of rows."""

import math
from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from vemo_audit.recognition.perception import body as bodies
from vemo_audit.recognition.perception.align import Quality
from vemo_audit.recognition.perception.people import FaceRow, Moment
from vemo_audit.recognition.recognizers.packed import PackedRows
from vemo_audit.records.event import Event
from vemo_audit.records.labels import EKMAN
from vemo_audit.records.span import Span, WindowGrid
from vemo_audit.records.units import UNITS

PARTS = tuple(one.name for one in fields(Quality) if one.name != "score")
"""Parts of the quality of a face, in order."""
MOUTH = (UNITS.index("au25"), UNITS.index("au26"))
"""Units by which a mouth opens."""
CLASSES = len(EKMAN)
BODY_LATE_S = 2.0
"""Rows are held this long after a window, because gestures are told late."""

Faces = Callable[[Sequence[tuple[NDArray[np.float32], NDArray[np.float64]]]], NDArray[np.float64]]
"""Tokens `[T, D]` and times `[T]` of several windows to probabilities `[B, 7]`."""


@dataclass(slots=True, eq=False)
class Seen:
    """One person in one window."""

    probability: NDArray[np.float64]  # [7]
    quality: float
    parts: dict[str, float]  # of the quality, means
    share: float  # of the window in which the face was read
    units: NDArray[np.float32]  # [20], means
    body: NDArray[np.float32] | None
    token: NDArray[np.float16] | None = None  # [D], the mean; kept only for feature-level fusion


class SeenWindows(Mapping[int, Seen]):
    """One person's windows by number, set in rising order: packed rows, and an object only where one is asked for."""

    def __init__(self) -> None:
        self._numbers = array("q")
        self._facts = PackedRows(4 + CLASSES + len(PARTS), np.float64)
        self._units, self._bodies = PackedRows(len(UNITS)), PackedRows(len(bodies.NAMES))
        self._tokens: PackedRows | None = None

    def __setitem__(self, number: int, seen: Seen) -> None:
        if self._numbers and number <= self._numbers[-1]:
            raise ValueError(f"window {number} after window {self._numbers[-1]}")
        parts = [seen.parts.get(name, math.nan) for name in PARTS]
        there = [float(bool(seen.parts)), float(seen.body is not None)]
        self._facts.append([seen.quality, seen.share, *there, *seen.probability, *parts])
        self._units.append(seen.units)
        self._bodies.append(np.full(len(bodies.NAMES), np.nan) if seen.body is None else seen.body)
        if seen.token is not None:
            self._tokens = self._tokens or PackedRows(len(seen.token), np.float16)
            self._tokens.append(seen.token)
        self._numbers.append(number)

    def __getitem__(self, number: int) -> Seen:
        place = bisect_left(self._numbers, number)
        if place == len(self._numbers) or self._numbers[place] != number:
            raise KeyError(number)
        quality, share_, parted, bodied, *rest = self._facts[place].tolist()
        parts = dict(zip(PARTS, rest[CLASSES:], strict=True)) if parted else {}
        return Seen(
            np.array(rest[:CLASSES]), quality, parts, share_, self._units[place],
            self._bodies[place] if bodied else None, None if self._tokens is None else self._tokens[place],
        )  # fmt: skip

    def __iter__(self) -> Iterator[int]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)


@dataclass(slots=True, eq=False)
class Track:
    """One person over the clip: rows of the open windows, and what is left of the closed ones."""

    rows: deque[FaceRow] = field(default_factory=deque)
    seen: SeenWindows = field(default_factory=SeenWindows)  # by number of the window
    body_events: list[Event] = field(default_factory=list)
    count: int = 0
    mouth_s: array = field(default_factory=lambda: array("d"))  # when the mouth was seen, and how open it was
    mouth: array = field(default_factory=lambda: array("f"))


class Timeline:
    """Feed moments, then finish; `tracks` hold the windows of each person by number."""

    def __init__(
        self, grid: WindowGrid, faces: Faces, *, follow: Callable[[str, FaceRow], None], keep_tokens: bool = False
    ) -> None:
        self.grid, self.faces, self.follow, self.keep_tokens = grid, faces, follow, keep_tokens
        self.tracks: dict[str, Track] = {}
        self.until_s, self.frames, self._next = 0.0, 0, 0
        self.strangers_s = array("d")  # times of frames in which somebody was covered
        self.poor = 0  # faces that were too poor to be read

    def feed(self, moment: Moment) -> None:
        """Takes rows in order of time and closes the windows that nothing can change any more."""
        for person, row in moment.rows:
            track = self.tracks.setdefault(person, Track())
            track.rows.append(row)
            track.count += 1
            track.mouth_s.append(row.time_s)
            track.mouth.append(float(max(row.units[k] for k in MOUTH)))
            if row.body is not None:
                gestures = (*row.body.head_gestures, *row.body.body_gestures)
                track.body_events += [gesture.event for gesture in gestures]
            self.follow(person, row)
        for person, event in moment.events:
            self.tracks.setdefault(person, Track()).body_events.append(event)
        self.strangers_s.extend(moment.strangers_s)
        self.until_s, self.frames, self.poor = moment.until_s, moment.frames, moment.poor
        while self._start(self._next) + self.grid.window_s + BODY_LATE_S <= moment.until_s:
            self._close(self._next, Span(self._start(self._next), self._start(self._next) + self.grid.window_s))

    def finish(self, end_s: float) -> list[Span]:
        """Closes what is left; returns all windows of the clip."""
        spans = list(self.grid.windows(end_s))
        while self._next < len(spans):
            self._close(self._next, spans[self._next])
        return spans

    def _start(self, number: int) -> float:
        return number * self.grid.hop_s

    def _close(self, number: int, span: Span) -> None:
        """One window of everybody who was seen in it."""
        inside = {
            person: [row for row in track.rows if span.start_s <= row.time_s < span.end_s]
            for person, track in self.tracks.items()
        }
        inside = {person: rows for person, rows in inside.items() if any(row.token is not None for row in rows)}
        if inside:
            windows = [_tokens(rows) for rows in inside.values()]
            for (person, rows), probability in zip(inside.items(), self.faces(windows), strict=True):
                track = self.tracks[person]
                # No further ahead than every way of cutting the clip has seen by now.
                late_s = span.end_s + BODY_LATE_S
                samples = [row.body for row in track.rows if row.body is not None and row.time_s < late_s]
                body = bodies.summarise(samples, span.start_s, span.end_s) if samples else None
                seen = _seen(rows, probability, span, body=body)
                if self.keep_tokens:
                    seen.token = _tokens(rows)[0].mean(axis=0).astype(np.float16)
                track.seen[number] = seen
        self._next = number + 1
        for track in self.tracks.values():
            while track.rows and track.rows[0].time_s < self._start(self._next):
                track.rows.popleft()


def _tokens(rows: Sequence[FaceRow]) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Tokens `[T, D]` and times `[T]` of the rows that count."""
    counting = [row for row in rows if row.token is not None]
    return np.stack([row.token for row in counting]), np.array([row.time_s for row in counting])


def _seen(
    rows: Sequence[FaceRow], probability: NDArray[np.float64], span: Span, *, body: NDArray[np.float32] | None
) -> Seen:
    """What is kept of one person in one window."""
    parts = np.array([[getattr(row.quality, name) for name in PARTS] for row in rows])
    units = np.stack([row.units for row in rows])
    return Seen(
        probability, float(np.mean([row.quality.score for row in rows])),
        {name: float(value) for name, value in zip(PARTS, parts.mean(axis=0), strict=True)},
        share(np.array([row.time_s for row in rows]), span), units.mean(axis=0), body,
    )  # fmt: skip


def share(time_s: NDArray[np.float64], span: Span, *, bridge_s: float = 0.2) -> float:
    """The share of a window that sights at times `[T]` cover, each up to the next or `bridge_s`; 0 for none."""
    if not len(time_s):
        return 0.0
    ends = np.append(time_s[1:], span.end_s)
    return float(min(1.0, np.minimum(ends - time_s, bridge_s).sum() / (span.end_s - max(span.start_s, 0.0))))


def mouth_speed(track: Track) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Times `[T]` and the absolute speed of mouth opening `[T]` per second; NaN for the first and after gaps."""
    time_s, mouth = np.array(track.mouth_s), np.array(track.mouth, np.float64)
    step_s = np.diff(time_s, prepend=-math.inf)
    change = np.abs(np.diff(mouth, prepend=math.nan))
    return time_s, np.where((step_s > 0) & (step_s < 0.2), change / np.maximum(step_s, 1e-6), np.nan)
