"""From answers about single frames to one prediction for each person and window, by averaging."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput
from vemo_audit.records import reasons
from vemo_audit.records.clip import FoundFace
from vemo_audit.records.prediction import SUM_TOLERANCE, Prediction
from vemo_audit.records.span import Span, WindowGrid
from vemo_audit.records.units import UNITS

STILL_S = 0.04
"""How long a single picture is taken to last."""
SEEN_FROM = 0.5
"""A face whose score is lower was not seen in this frame. Source: `records.clip.FoundFace`."""
ROUNDING_S = 1e-9
LEAST_S = 0.01
"""The shortest step from window to window: shorter than a frame of any camera that is audited."""


def late_s(duration_s: float) -> float:
    """How long after the end of a clip an answer about it may lie: tools round, and count the last frame or not."""
    return max(2.0, 0.02 * duration_s)


@dataclass(frozen=True, slots=True)
class Windowing:
    """How answers about frames become answers about stretches of time."""

    window_s: float = 0.0  # 0: one answer for the whole clip
    hop_s: float = 0.0  # 0: as long as the window

    def __post_init__(self) -> None:
        if not (0 <= self.hop_s <= self.window_s and math.isfinite(self.window_s)):
            raise BadInput(f"windows of {self.window_s} s every {self.hop_s} s", expected="0 <= hop_s <= window_s")
        if self.window_s and (self.hop_s or self.window_s) < LEAST_S:
            raise BadInput(
                f"windows of {self.window_s} s every {self.hop_s} s", expected=f"steps of {LEAST_S} s or more, or 0"
            )

    @property
    def words(self) -> str:
        """For a recognizer card."""
        if not self.window_s:
            return "the mean of the frames of a clip"
        return f"the mean of the frames of {self.window_s:g} s every {self.hop_s or self.window_s:g} s"

    def spans(self, end_s: float) -> list[Span]:
        """The windows of a clip that ends at `end_s`."""
        if not self.window_s:
            return [Span(0.0, end_s)]
        return list(WindowGrid(self.window_s, self.hop_s or self.window_s).windows(end_s))

    def of(self, time_s: float) -> range:
        """Numbers of the windows that hold this moment."""
        if not self.window_s:
            return range(1)
        hop_s = self.hop_s or self.window_s
        last = math.floor(time_s / hop_s + ROUNDING_S)
        first = math.floor((time_s - self.window_s) / hop_s + ROUNDING_S) + 1
        return range(max(0, first), last + 1)


@dataclass(frozen=True, slots=True, eq=False)
class FrameAnswer:
    """What was said of one person in one frame. `probability [K]` is None where `reason` says why."""

    person: str
    time_s: float
    probability: NDArray[np.float64] | None
    reason: str = ""
    quality: float = math.nan  # 0-1
    units: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))  # 0-1, NaN where not estimated
    affect: tuple[float, float] = (math.nan, math.nan)  # valence, arousal in [-1, 1]


@dataclass(slots=True, eq=False)
class _Sum:
    count: int = 0
    probability: NDArray[np.float64] | float = 0.0
    reasons: Counter[str] = field(default_factory=Counter)
    others: dict[str, tuple[float, int]] = field(default_factory=dict)  # name -> sum and number of what is finite

    def add(self, answer: FrameAnswer) -> None:
        if answer.probability is None:
            self.reasons[answer.reason or reasons.NOTHING_OBSERVED] += 1
        else:
            self.count += 1
            self.probability = self.probability + answer.probability
        told = {"quality": answer.quality, "valence": answer.affect[0], "arousal": answer.affect[1]} | dict(
            answer.units
        )
        for name, value in told.items():
            if math.isfinite(value):
                total, number = self.others.get(name, (0.0, 0))
                self.others[name] = (total + value, number + 1)

    def mean(self, name: str) -> float:
        total, number = self.others.get(name, (0.0, 0))
        return total / number if number else math.nan

    def units(self) -> dict[str, float]:
        return {name: self.mean(name) for name in UNITS if name in self.others}


class Averages:
    """Takes answers frame by frame, in any order, and holds sums only: memory grows with windows, not with frames."""

    def __init__(self, windowing: Windowing) -> None:
        self._windowing = windowing
        self._sums: dict[str, dict[int, _Sum]] = {}
        self.last_s = -math.inf

    def add(self, answer: FrameAnswer) -> None:
        """One frame of one person. Raises BadInput for a time before 0 or shares that do not sum to 1."""
        if not (math.isfinite(answer.time_s) and answer.time_s >= 0):
            raise BadInput(f"a frame at {answer.time_s} s", expected="a time of 0 or later")
        shares = answer.probability
        if shares is not None and not (np.all(shares >= 0) and abs(float(shares.sum()) - 1) <= SUM_TOLERANCE):
            raise BadInput(
                f"probabilities that sum to {float(shares.sum()):.6g} at {answer.time_s:g} s",
                expected=f"shares of 0 or more with a sum of 1 within {SUM_TOLERANCE:g}",
            )
        self.last_s = max(self.last_s, answer.time_s)
        mine = self._sums.setdefault(answer.person, {})
        for k in self._windowing.of(answer.time_s):
            mine.setdefault(k, _Sum()).add(answer)

    def predictions(
        self, clip: str, end_s: float, *, nobody: str, trace: str = "", decision: str = "", modality: str = "face"
    ) -> Iterator[Prediction]:
        """One prediction for each person and window, in order; where there is no person, one that says `nobody`.

        Persons without a name stand back when others have one and they themselves were never answered.
        """
        named = {p: sums for p, sums in self._sums.items() if p or any(s.count for s in sums.values())}
        people = named or self._sums
        spans = self._windowing.spans(max(end_s, self.last_s + STILL_S) if self._sums else end_s)
        place = {"trace": trace, "decision": decision}
        if not people:
            yield Prediction(clip, "", Span(0.0, spans[-1].end_s), None, reason=nobody, **place)
        for person, sums in people.items():
            for k, span in enumerate(spans):
                found = sums.get(k, _Sum())
                told = {"quality": found.mean("quality"), "units": found.units(), **place}
                if not found.count:
                    reason = found.reasons.most_common(1)[0][0] if found.reasons else reasons.NOTHING_OBSERVED
                    yield Prediction(clip, person, span, None, reason=reason, **told)
                    continue
                mean = np.asarray(found.probability / found.count, np.float32)
                yield Prediction(
                    clip, person, span, mean, found.mean("valence"), found.mean("arousal"), modality=modality, **told
                )


def readable(face: FoundFace) -> bool:
    """Whether a face may be read in this frame: a person that is confirmed, and not merely led there by motion."""
    return face.track >= 0 and face.score >= SEEN_FROM
