"""States are computed only where the permit opens them, from what the windows of one person say."""

from types import SimpleNamespace

import numpy as np

from vemo_audit.recognition.perception.body import NAMES as BODY
from vemo_audit.recognition.recognizers.declared import Spoken, declared, ended_in
from vemo_audit.recognition.recognizers.timeline import Seen, Track
from vemo_audit.records.event import Event
from vemo_audit.records.labels import EKMAN
from vemo_audit.records.span import Span
from vemo_audit.records.units import UNITS

SPANS = [Span(k * 0.25, k * 0.25 + 1.0) for k in range(160)]
OPEN = SimpleNamespace(outputs=frozenset({"sustained_states"}), purpose="research")


def person(*, frowns_from: int) -> Track:
    """Somebody at rest who then lowers the brow, tightens the lids and presses the lips, and keeps on doing so."""
    track = Track()
    for k in range(len(SPANS)):
        units = np.full(len(UNITS), 0.05, np.float32)
        if k >= frowns_from:
            units[[UNITS.index(name) for name in ("au4", "au7", "au24", "au14")]] = 0.8
        track.seen[k] = Seen(np.full(7, 1 / 7), 0.9, {}, 1.0, units, np.zeros(len(BODY), np.float32))
    return track


def answers(label: str, count: int) -> np.ndarray:
    rows = np.full((count, len(EKMAN)), 0.05)
    rows[:, EKMAN.index(label)] = 0.7
    return rows


def look(permit: SimpleNamespace, track: Track):
    affect = np.stack([np.where(np.arange(160) < 80, 0.1, -0.6), np.where(np.arange(160) < 80, 0.1, 0.7),
                       np.zeros(160)], axis=1)  # fmt: skip
    spoken = [Spoken(-30.0 if k < 80 else -18.0, 2.0 if k < 80 else 5.0, 0.8) for k in range(160)]
    shakes = [Event("shake", 21 + k, 21.2 + k, 21.5 + k, peak=5.0) for k in range(8)]
    return declared(permit, SPANS, track, smooth=answers("anger", 160), affect=affect, spoken=spoken, events=shakes)


def test_frustration_builds_up_after_the_frown_and_not_before() -> None:
    indices, events = look(OPEN, person(frowns_from=80))
    assert indices[70]["frustration build-up"] < 0.1 < 0.5 < max(row["frustration build-up"] for row in indices)
    found = [event for event in events if event.kind == "frustration build-up"]
    assert found and found[0].onset_s > SPANS[80].start_s
    assert "sustained anger" in {event.kind for event in events}


def test_a_permit_that_does_not_name_states_gets_none_and_an_unfit_purpose_only_classes() -> None:
    closed = SimpleNamespace(outputs=frozenset({"expression_label", "action_units"}), purpose="research")
    assert look(closed, person(frowns_from=80)) == ([{}] * len(SPANS), [])
    unfit = SimpleNamespace(outputs=OPEN.outputs, purpose="employment_screening")
    indices, events = look(unfit, person(frowns_from=80))
    assert indices == [{}] * len(SPANS) and {event.kind for event in events} == {"sustained anger"}


def test_a_face_that_was_never_seen_has_no_level() -> None:
    indices, _ = look(OPEN, Track())
    assert indices == [{}] * len(SPANS)


def test_each_event_that_ended_counts_in_one_window() -> None:
    told = [Event("shake", 0.0, 0.1, end_s, peak=1.0) for end_s in (0.2, 0.25, 0.6, 99.0)]
    counts = ended_in(SPANS[:4], told)
    assert counts.tolist() == [1, 1, 1, 1] and counts.sum() == len(told)
