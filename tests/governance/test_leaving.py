"""Only what a person agreed to leaves the gate: every field of a prediction is cut, and all stand in the digest."""

import math
from dataclasses import dataclass, fields, replace

import numpy as np
import pytest
from throwaway import build, clip

from vemo_audit.errors import BadInput
from vemo_audit.governance import leaving
from vemo_audit.governance.leaving import ABOUT, CUTS, SINGLE, needs, output_digest, reduce
from vemo_audit.records.event import Event
from vemo_audit.records.prediction import Prediction
from vemo_audit.records.span import Span


def moment(kind):
    return Event(kind, 0.1, 0.2, 0.4, peak=0.5)


def full(kind=Prediction, **more):
    """A prediction that says all that one can say."""
    fields_ = {
        "clip": "c", "person": "1", "span": Span(0, 1), "probability": np.array([0.75, 0.25], np.float32),
        "valence": 0.5, "arousal": 0.25, "dominance": 0.1, "quality": 0.9, "modality": "face",
        "quality_parts": {"exposure": 0.5}, "decided_label": "calm",
        "contribution": {"face": 1.0}, "present": {"face": 0.9}, "units": {"au12": 0.4},
        "indices": {"engagement": 0.3}, "trace": "t",
        "events": tuple(moment(kind) for kind in ("au12", "nod", "engagement", "sustained happiness", "delight")),
    }  # fmt: skip
    return kind(**(fields_ | more))


OTHER = {
    "clip": "d", "person": "2", "span": Span(0, 2), "probability": np.array([0.25, 0.75], np.float32), "valence": 0.4,
    "arousal": 0.2, "dominance": 0.2, "quality": 0.8, "modality": "voice", "contribution": {"face": 2.0},
    "quality_parts": {"exposure": 0.6}, "decided_label": "tense",
    "present": {"face": 0.8}, "units": {"au12": 0.5}, "indices": {"engagement": 0.4}, "events": (moment("nod"),),
    "trace": "u", "decision": "another",
}  # fmt: skip
"""Another value for every field."""


@dataclass(frozen=True, eq=False)
class Wider(Prediction):
    """A record that somebody gave a new field."""

    heartbeat: float = math.nan


class Allowed:
    """The two things that cutting reads of a permit."""

    def __init__(self, *outputs):
        self.outputs, self.decision_id = frozenset(outputs), "d1"


def untold(kind):
    """Fields of a record for which nobody has said whether they may leave."""
    return {field.name for field in fields(kind)} - ABOUT - set(CUTS) - {"decision"}


def test_every_field_of_a_prediction_has_its_line():
    assert not untold(Prediction) and not ABOUT & set(CUTS)


def test_twin_a_new_field_without_a_line_is_seen_and_stays_behind():
    assert untold(Wider) == {"heartbeat"}
    kept = reduce(full(Wider, heartbeat=70.0), Allowed(*SINGLE))
    assert not hasattr(kept, "heartbeat")


def kinds(prediction):
    return [event.kind for event in prediction.events]


def said(value):
    """Whether a field says anything: None, NaN and empty say nothing."""
    return value is not None and (not math.isnan(value) if isinstance(value, float) else len(value) > 0)


def leaks(cut=reduce):
    """What leaves of a full prediction although its output was not agreed to, over all single outputs but one."""
    found = set()
    for without, names in {
        "expression_label": ("probability", "decided_label", "contribution"),
        "valence_arousal": ("valence", "arousal", "dominance"),
        "action_units": ("units",), "sustained_states": ("indices",),
    }.items():  # fmt: skip
        kept = cut(full(), Allowed(*(SINGLE - {without})))
        for name in names:
            value = getattr(kept, name)
            if said(value):
                found.add(name)
        found |= {f"event {event.kind}" for event in kept.events if without in needs(event.kind)}
    return found


def test_a_field_leaves_only_with_its_own_output():
    assert not leaks()


def test_twin_the_open_door_lets_every_field_out():
    assert leaks(lambda prediction, permit: prediction) == {
        "probability", "decided_label", "contribution", "valence", "arousal", "dominance", "units", "indices",
        "event au12",
        "event nod", "event engagement", "event sustained happiness", "event delight",
    }  # fmt: skip


def test_a_probability_that_is_not_cut_is_stopped_by_the_record(monkeypatch):
    monkeypatch.setattr(leaving, "CUTS", {**CUTS, "probability": lambda value, may: value})
    with pytest.raises(BadInput, match="either probabilities or the reason"):
        leaks()


@pytest.mark.parametrize("field", sorted(set(CUTS) - {"present", "events", "probability"}))
def test_twin_each_cut_that_is_left_out_is_seen(field, monkeypatch):
    monkeypatch.setattr(leaving, "CUTS", {**CUTS, field: lambda value, may: value})
    assert leaks() == {field}


def test_twin_events_that_are_not_cut_are_seen(monkeypatch):
    monkeypatch.setattr(leaving, "CUTS", {**CUTS, "events": lambda value, may: value})
    assert {"event au12", "event nod", "event engagement", "event sustained happiness"} < leaks()


@pytest.mark.parametrize(
    ("outputs", "left"),
    [
        ((), []),
        (("action_units",), ["au12", "nod"]),
        (("sustained_states",), ["engagement"]),
        (("sustained_states", "expression_label"), ["engagement", "sustained happiness"]),
        (("expression_label", "valence_arousal"), []),
        (tuple(SINGLE), ["au12", "nod", "engagement", "sustained happiness", "delight"]),
    ],
)
def test_events_leave_by_what_they_name_and_unknown_names_only_where_everything_may(outputs, left):
    assert kinds(reduce(full(), Allowed("aggregate_only", *outputs))) == left


def test_a_label_among_units_or_indices_does_not_slip_out():
    sly = full(units={"au12": 0.1, "happiness": 0.9}, indices={"sustained happiness": 1.0, "engagement": 0.2})
    kept = reduce(sly, Allowed("action_units", "sustained_states"))
    assert dict(kept.units) == {"au12": 0.1} and dict(kept.indices) == {"engagement": 0.2}


def test_everything_agreed_to_leaves_whole():
    whole = full()
    kept = reduce(whole, Allowed(*SINGLE))
    assert kept.decision == "d1" and output_digest([replace(whole, decision="d1")]) == output_digest([kept])


def test_aggregate_only_lets_nothing_of_one_person_out():
    kept = reduce(full(), Allowed("aggregate_only"))
    assert kept.probability is None and kept.reason == leaving.REDUCED and np.isnan(kept.valence)
    assert not kept.units and not kept.indices and not kept.events and not kept.present and not kept.contribution
    assert (kept.clip, kept.person, kept.trace) == ("c", "1", "t")


def test_twin_a_share_that_is_not_cut_would_be_seen(monkeypatch):
    monkeypatch.setattr(leaving, "CUTS", {**CUTS, "present": lambda value, may: value})
    with pytest.raises(AssertionError):
        test_aggregate_only_lets_nothing_of_one_person_out()


def test_a_reason_is_kept_beside_what_may_leave():
    kept = reduce(full(probability=None, reason="nobody was seen"), Allowed("action_units"))
    assert kept.reason == "nobody was seen" and dict(kept.units) == {"au12": 0.4} and dict(kept.present)


def test_the_digest_covers_every_field():
    whole = output_digest([full()])
    assert whole == output_digest([full()]) and output_digest([]) != whole
    for field in fields(Prediction):
        if field.name != "reason":
            assert output_digest([full(**{field.name: OTHER[field.name]})]) != whole, field.name
    silent = [full(probability=None, reason=reason) for reason in ("dark", "gone")]
    assert output_digest(silent[:1]) != output_digest(silent[1:])
    assert output_digest([full(), full(person="2")]) != output_digest([full(person="2"), full()])


@pytest.mark.parametrize(
    "change",
    [{"kind": "au6"}, {"onset_s": 0.05}, {"apex_s": 0.3}, {"offset_s": 0.5}, {"peak": 0.4}, {"area": 0.1},
     {"rise_per_s": 1.0}, {"fall_per_s": 1.0}, {"asymmetry": 0.1}],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_the_digest_covers_every_field_of_an_event(change):
    one = moment("au12")
    assert output_digest([full(events=(one,))]) != output_digest([full(events=(replace(one, **change),))])


def test_states_leave_a_real_gate_only_where_consent_names_them(tmp_path):
    world = build(tmp_path / "dep", outputs=("action_units", "expression_label", "sustained_states"))
    wanted = frozenset(world.form.outputs)
    with world.gate() as gate:
        for outputs, units, indices in ((("expression_label",), False, False), (world.form.outputs, True, True)):
            consent = world.give("-".join(outputs), outputs=outputs)[1]
            admitted = gate.admit(clip(), world.case(consent, outputs=wanted))
            (kept,) = gate.emit(admitted, [full(clip=admitted.clip.name)])
            assert bool(kept.units) == units and bool(kept.indices) == indices
            assert kept.probability is not None
