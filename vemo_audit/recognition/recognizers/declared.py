"""Declared states of one person from what the windows say; nothing is computed that the permit does not open."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vemo_audit.recognition.dynamics.evidence import Evidence
from vemo_audit.recognition.dynamics.states import OUTPUT, StateStream, SustainedClass, permitted
from vemo_audit.recognition.perception.body import NAMES as BODY
from vemo_audit.recognition.recognizers.timeline import Track
from vemo_audit.records.decision import Permit
from vemo_audit.records.event import Event
from vemo_audit.records.labels import EKMAN
from vemo_audit.records.span import Span
from vemo_audit.records.units import UNITS

SHORT_SMILE_S = 1.0
"""A movement of AU12 under this counts as a short smile."""


@dataclass(frozen=True, slots=True, eq=False)
class Spoken:
    """A person's voice in one window; NaN where nobody is heard."""

    loudness_db: float
    pitch_range_st: float
    speech: float  # share of the window


def declared(
    permit: Permit, spans: Sequence[Span], track: Track, *, smooth: NDArray[np.float64], affect: NDArray[np.float64],
    spoken: Sequence[Spoken | None], events: Sequence[Event],
) -> tuple[list[dict[str, float]], list[Event]]:  # fmt: skip
    """The level of each open state in each window, and the states and classes that were sustained.

    `smooth [W, 7]` are probabilities and `affect [W, 3]` valence, arousal and dominance, NaN where there is no answer.
    """
    nothing: list[dict[str, float]] = [{} for _ in spans]
    if OUTPUT not in permit.outputs or not spans:
        return nothing, []
    middle_s = np.array([(span.start_s + span.end_s) / 2 for span in spans])
    classes = SustainedClass(EKMAN.names)
    sustained = [*classes.push(middle_s, smooth), *classes.finish()]
    states = permitted(permit)
    if not states:
        return nothing, sustained
    stream = StateStream(states)
    told = evidence(spans, middle_s, track, affect=affect, spoken=spoken, events=events)
    levels, ended = stream.push(told)
    ended += stream.finish()
    indices = [
        {name: float(level[k]) for name, level in levels.items() if np.isfinite(level[k])} for k in range(len(spans))
    ]
    return indices, [*sustained, *(one.event for one in ended)]


def evidence(
    spans: Sequence[Span], middle_s: NDArray[np.float64], track: Track, *, affect: NDArray[np.float64],
    spoken: Sequence[Spoken | None], events: Sequence[Event],
) -> Evidence:  # fmt: skip
    """The windows of one person as the states read them; a signal that was never there is absent."""
    count = len(spans)
    units = np.full((count, len(UNITS)), np.nan)
    body = {name: np.full(count, np.nan) for name in ("yaw_mean", "pitch_mean", "lean")}
    for k, seen in track.seen.items():
        units[k] = seen.units
        if seen.body is not None:
            for name, column in body.items():
                column[k] = seen.body[BODY.index(name)]
    faced = np.isfinite(units).any()
    bodied = np.isfinite(body["yaw_mean"]).any()
    voiced = any(one is not None for one in spoken)
    return Evidence(
        middle_s, units if faced else None, affect[:, 0], affect[:, 1],
        loudness_db=of_voice(spoken, "loudness_db") if voiced else None,
        pitch_range_st=of_voice(spoken, "pitch_range_st") if voiced else None,
        speech=of_voice(spoken, "speech") if voiced else None,
        yaw_deg=body["yaw_mean"] if bodied else None, pitch_deg=body["pitch_mean"] if bodied else None,
        lean=body["lean"] if bodied else None,
        shakes=ended_in(spans, [one for one in events if one.kind == "shake"]) if bodied else None,
        short_smiles=ended_in(spans, [one for one in events if is_short_smile(one)]) if faced else None,
    )  # fmt: skip


def of_voice(spoken: Sequence[Spoken | None], name: str) -> NDArray[np.float64]:
    """One number of each window `[W]`, NaN where nobody was heard."""
    return np.array([np.nan if one is None else getattr(one, name) for one in spoken])


def is_short_smile(event: Event) -> bool:
    """Whether it is a movement of AU12 of known length, under a second."""
    return event.kind == "au12" and event.offset_s - event.onset_s < SHORT_SMILE_S


def ended_in(spans: Sequence[Span], events: Sequence[Event]) -> NDArray[np.float64]:
    """How many events ended between the start of each window and that of the next `[W]`; each counts once."""
    starts = np.array([span.start_s for span in spans])
    ends = np.array([one.offset_s for one in events if np.isfinite(one.offset_s)])
    places = np.clip(np.searchsorted(starts, ends, side="right") - 1, 0, len(spans) - 1)
    return np.bincount(places, minlength=len(spans)).astype(float)
