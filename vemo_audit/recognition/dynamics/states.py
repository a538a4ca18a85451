"""Declared states over time: frustration build-up, engagement, attention drop and a sustained class; off by default."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from vemo_audit.recognition.dynamics.evidence import TERMS, Evidence, Habits
from vemo_audit.records.decision import Permit
from vemo_audit.records.event import Event
from vemo_audit.records.units import UNITS

Array = NDArray[np.float64]
OUTPUT = "sustained_states"
"""The output that a permit must name before any of this is computed."""
GAP_S = 1.0
"""A face that is lost for longer cuts a state: nobody knows whether it went on."""
ANYONE = ("dataset_audit", "demo", "media_testing", "research", "self_reflection")
LIMIT = "An index declared here, not validated against any outside measure; it does not say what a person feels."


@dataclass(frozen=True, slots=True)
class State:
    """One declared index. `ds/dt = max(e, 0) / rise - (s - min(e, 0)) / fall`, kept in [0, 1]; e is in [-1, 1]."""

    name: str
    definition: str
    weights: Mapping[str, float]  # of terms; they sum to 1, and a term that is absent gives 0
    rise_s: float
    fall_s: float
    purposes: tuple[str, ...]  # of the policy vocabulary, that it may serve
    enter: float = 0.5
    leave: float = 0.35
    dwell_s: float = 2.0
    limits: tuple[str, ...] = (LIMIT,)


FRUSTRATION = State(
    "frustration build-up", "signs that often go with frustration, added up against the person's own habit",
    MappingProxyType({
        "brow lowered (AU4)": 0.2, "lids tightened (AU7)": 0.1, "lips pressed (AU24)": 0.15, "dimples (AU14)": 0.05,
        "negative and roused": 0.2, "louder": 0.1, "wider pitch": 0.05, "head shakes": 0.1, "short smiles": 0.05,
    }),
    8.0, 20.0, (*ANYONE, "customer_experience"),
    limits=(LIMIT, "Concentration, bright light and poor sight lower the brow too."),
)  # fmt: skip
ENGAGEMENT = State(
    "engagement", "facing as usual, moving the face, speaking and leaning in",
    MappingProxyType({"facing": 0.35, "expressive": 0.25, "speaking": 0.25, "leaning in": 0.15}),
    10.0, 10.0, (*ANYONE, "accessibility"), enter=0.45, leave=0.3,
    limits=(LIMIT, "A still face may listen well. Autism, paralysis and culture change every term."),
)  # fmt: skip
ATTENTION_DROP = State(
    "attention drop", "head turned away from where it mostly points, or eyes closed",
    MappingProxyType({"head turned away": 0.6, "eyes closed": 0.4}),
    2.0, 5.0, (*ANYONE, "accessibility", "driver_safety"),
    limits=(LIMIT, "People look away to think. A face that is lost is not attention that is lost: the level is NaN."),
)  # fmt: skip
STATES = (FRUSTRATION, ENGAGEMENT, ATTENTION_DROP)


def permitted(permit: Permit) -> tuple[State, ...]:
    """The states that a permit opens: it must name the output, and its purpose must be one that the state may serve."""
    return tuple(state for state in STATES if OUTPUT in permit.outputs and permit.purpose in state.purposes)


@dataclass(frozen=True, slots=True)
class StateEvent:
    """A stretch in which a state was up, and what it was made of."""

    event: Event  # NaN offset: it was still up when the clip ended or the face was lost
    shares: Mapping[str, float]  # term -> share of the evidence for it, summing to 1

    @property
    def words(self) -> str:
        """'frustration build-up since 12.4 s (60 % brow lowered (AU4), 40 % louder)'."""
        largest = sorted(self.shares.items(), key=lambda item: -item[1])
        told = ", ".join(f"{share:.0%} {name}".replace("%", " %") for name, share in largest if share >= 0.005)
        return f"{self.event.kind} since {self.event.onset_s:.1f} s ({told})"


@dataclass(slots=True)
class _Run:
    """One state while it runs."""

    state: State
    level: float = 0.0
    up: bool = False
    since_s: float = -math.inf  # of the last change between up and down
    onset_s: float = math.nan
    peak: float = 0.0
    apex_s: float = math.nan
    given: dict[str, float] = field(default_factory=dict)  # term -> evidence given since the level last left 0.1

    def step(self, at_s: float, step_s: float, terms: Mapping[str, float]) -> list[StateEvent]:
        parts = {name: w * terms[name] for name, w in self.state.weights.items() if not math.isnan(terms[name])}
        e = sum(parts.values())
        rate = max(e, 0.0) / self.state.rise_s - (self.level - min(e, 0.0)) / self.state.fall_s
        self.level = min(max(self.level + step_s * rate, 0.0), 1.0)
        if self.level < 0.1:
            self.given, self.onset_s = {}, math.nan
        else:
            self.onset_s = at_s if math.isnan(self.onset_s) else self.onset_s
            for name, part in parts.items():
                self.given[name] = self.given.get(name, 0.0) + max(part, 0.0) * step_s
        return self._turn(at_s)

    def _turn(self, at_s: float) -> list[StateEvent]:
        s = self.state
        if self.up and self.level > self.peak:
            self.peak, self.apex_s = self.level, at_s
        if at_s - self.since_s < s.dwell_s or s.leave < self.level < s.enter:
            return []
        if not self.up and self.level >= s.enter:
            self.up, self.since_s, self.peak, self.apex_s = True, at_s, self.level, at_s
        elif self.up and self.level <= s.leave:
            return self.close(at_s)
        return []

    def close(self, offset_s: float) -> list[StateEvent]:
        """The event that is open, if one is; NaN as offset where its end was not seen."""
        if not self.up:
            return []
        total = sum(self.given.values()) or 1.0
        shares = MappingProxyType({name: given / total for name, given in self.given.items()})
        event = Event(self.state.name, min(self.onset_s, self.apex_s), self.apex_s, offset_s, peak=self.peak)
        self.up, self.given, self.onset_s = False, {}, math.nan
        self.since_s = offset_s if not math.isnan(offset_s) else -math.inf
        return [StateEvent(event, shares)]


class StateStream:
    """Evidence in, levels and events out, at once and in bounded memory. Only what is in `states` is computed."""

    def __init__(self, states: Iterable[State] = ()) -> None:
        self._runs = [_Run(state) for state in states]
        self._habits = Habits()
        self._last_s = math.nan

    def push(self, evidence: Evidence) -> tuple[dict[str, Array], list[StateEvent]]:
        """Level `[T]` by state, NaN while the face is lost, and the events that ended."""
        levels: dict[str, list[float]] = {run.state.name: [] for run in self._runs}
        done: list[StateEvent] = []
        for at_s, row in evidence.rows():
            seen = any(not math.isnan(row.get(name, math.nan)) for name in (*UNITS, "yaw_deg"))
            if at_s - self._last_s > GAP_S:
                done += self._cut()
            if seen:
                step_s = 0.0 if math.isnan(self._last_s) else min(at_s - self._last_s, GAP_S)
                self._habits.at(at_s)
                terms = {name: TERMS[name](row, self._habits, step_s) for name in self._wanted()}
                for run in self._runs:
                    done += run.step(at_s, step_s, terms)
                self._habits.learn(row, step_s)
                self._last_s = at_s
            for run in self._runs:
                levels[run.state.name].append(run.level if seen else math.nan)
        return {name: np.array(level, float) for name, level in levels.items()}, done

    def finish(self) -> list[StateEvent]:
        """States that are still up when the clip ends."""
        return [event for run in self._runs for event in run.close(math.nan)]

    def _wanted(self) -> list[str]:
        return sorted({name for run in self._runs for name in run.state.weights})

    def _cut(self) -> list[StateEvent]:
        done = self.finish()
        for run in self._runs:
            run.level = 0.0
        self._last_s = math.nan
        return done


class SustainedClass:
    """A class whose smoothed probability stays above `above` for at least `least_s`: a stream of events."""

    def __init__(self, names: Iterable[str], *, above: float = 0.6, least_s: float = 2.0) -> None:
        self._names, self._above, self._least_s = tuple(names), above, least_s
        self._open: tuple[int, float, float, float, float] | None = None  # class, onset, apex, peak, last time

    def push(self, time_s: Array, probability: Array) -> list[Event]:
        """Smoothed rows `[T, K]` at `[T]`; a row of NaN, or a hole over a second, cuts without an offset."""
        done: list[Event] = []
        for at_s, row in zip(time_s, probability, strict=True):
            at, best = float(at_s), int(np.argmax(row)) if np.isfinite(row).all() else -1
            if self._open and (best < 0 or at - self._open[4] > GAP_S):
                done += self._close(math.nan)
            if self._open and (best != self._open[0] or row[best] <= self._above):
                done += self._close(self._open[4])
            if self._open is None and best >= 0 and row[best] > self._above:
                self._open = (best, at, at, float(row[best]), at)
            elif self._open:
                k, onset, apex, peak, _ = self._open
                self._open = (k, onset, *((at, float(row[k])) if row[k] > peak else (apex, peak)), at)
        return done

    def finish(self) -> list[Event]:
        """The class that is still sustained when the clip ends; its end was not seen."""
        return self._close(math.nan)

    def _close(self, offset_s: float) -> list[Event]:
        if self._open is None:
            return []
        k, onset_s, apex_s, peak, last_s = self._open
        self._open = None
        if last_s - onset_s < self._least_s:
            return []
        return [Event(f"sustained {self._names[k]}", onset_s, apex_s, offset_s, peak=peak)]
