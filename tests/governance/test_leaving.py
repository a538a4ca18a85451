"""Only what a person agreed to leaves the gate: every field of a prediction is cut, and all stand in the digest."""

import math
from dataclasses import dataclass, fields, replace

import numpy as np
import pytest
from throwaway import build, clip

from vemo_audit.errors import BadInput
from vemo_audit.governance import gate as gate_module
from vemo_audit.governance import leaving
from vemo_audit.governance.leaving import ABOUT, CUTS, PERSON, SINGLE, needs, output_digest, reduce
from vemo_audit.recognition.perception.align import Quality
from vemo_audit.records.event import Event
from vemo_audit.records.prediction import QUALITY_PARTS, Prediction
from vemo_audit.records.reasons import NOT_SHOWN, REASONS, dropped
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
        "indices": {"engagement": 0.3}, "trace": "a" * 64,
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
    return {field.name for field in fields(kind)} - set(ABOUT) - set(CUTS) - {"decision"}


def test_every_field_of_a_prediction_has_its_line():
    assert not untold(Prediction) and not set(ABOUT) & set(CUTS)


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
    assert (kept.clip, kept.person, kept.trace) == ("c", "1", "a" * 64)


def test_twin_a_share_that_is_not_cut_would_be_seen(monkeypatch):
    monkeypatch.setattr(leaving, "CUTS", {**CUTS, "present": lambda value, may: value})
    with pytest.raises(AssertionError):
        test_aggregate_only_lets_nothing_of_one_person_out()


def test_a_reason_is_kept_beside_what_may_leave():
    kept = reduce(full(probability=None, reason="nobody was seen"), Allowed("action_units"))
    assert kept.reason == "nobody was seen" and dict(kept.units) == {"au12": 0.4} and dict(kept.present)


SLY = {
    "reason": "it is anger, 0.93", "quality_parts": {"anger": 0.93, "yaw_deg": 20.0}, "modality": "face+anger",
    "trace": "anger", "person": "anger 0.93", "present": {"anger": 0.93, "face": 0.5},
}  # fmt: skip
"""What a recognizer may write into the fields that say where and how was looked."""


def words(cut=reduce, *outputs, **more):
    """The fields of a sly prediction in which the label still stands once it was cut."""
    kept = cut(full(probability=None, **(SLY | more)), Allowed(*outputs))
    return {name for name in SLY if "anger" in str(getattr(kept, name))}


@pytest.mark.parametrize(
    "outputs", [("aggregate_only",), ("action_units",), ("valence_arousal", "action_units", "sustained_states")]
)
def test_no_words_of_a_recognizer_leave_beside_what_was_agreed_to(outputs):
    assert words(reduce, *outputs) == set()
    kept = reduce(full(probability=None, **SLY), Allowed(*outputs))
    assert kept.reason == NOT_SHOWN and dict(kept.quality_parts) == {"yaw_deg": 20.0}
    assert (kept.modality, kept.trace) == ("", "") and PERSON.fullmatch(kept.person)


def test_twin_the_old_door_lets_the_words_out(monkeypatch):
    monkeypatch.setattr(leaving, "ABOUT", dict.fromkeys(ABOUT, lambda value, may: value))
    assert words(reduce, "action_units") == set(SLY) - {"present"}


@pytest.mark.parametrize("field", sorted(set(SLY) - {"present"}))
def test_twin_each_word_that_is_not_kept_to_its_list_is_seen(field, monkeypatch):
    monkeypatch.setattr(leaving, "ABOUT", {**ABOUT, field: lambda value, may: value})
    assert words(reduce, "action_units") == {field}


def test_a_reason_in_free_words_leaves_only_where_everything_may():
    for without in SINGLE:
        assert reduce(full(probability=None, **SLY), Allowed(*(SINGLE - {without}))).reason == NOT_SHOWN
    assert reduce(full(probability=None, **SLY), Allowed(*SINGLE)).reason == SLY["reason"]


def test_a_dropped_label_is_named_only_where_labels_may_be_and_only_in_those_words():
    told = full(probability=None, reason=dropped("Contempt"))
    assert reduce(told, Allowed("expression_label")).reason == told.reason
    assert reduce(told, Allowed("action_units")).reason == NOT_SHOWN
    for sly in (dropped("arousal 0.7"), dropped("calm' or 'tense"), "so " + told.reason, told.reason + ", 0.9"):
        assert reduce(full(probability=None, reason=sly), Allowed("expression_label")).reason == NOT_SHOWN


@pytest.mark.parametrize("outputs", [("expression_label",), ("action_units",), tuple(SINGLE)])
def test_what_recognizers_rightly_say_of_where_and_how_they_looked_leaves(outputs):
    parts = dict.fromkeys(QUALITY_PARTS, 0.5)
    for person in ("", "1", "p0", "Person_0", "voice"):
        kept = reduce(full(person=person, quality_parts=parts, modality="face+voice+words"), Allowed(*outputs))
        assert (kept.person, kept.modality, kept.trace) == (person, "face+voice+words", "a" * 64)
        assert dict(kept.quality_parts) == parts
    for reason in REASONS:
        assert reduce(full(probability=None, reason=reason), Allowed(*outputs)).reason == reason


def test_people_with_other_names_stay_apart_and_keep_them_beside_the_label():
    shown = [reduce(full(person=name), Allowed("action_units")).person for name in ("mother", "child")]
    assert len(set(shown)) == 2 and not {"mother", "child"} & set(shown)
    assert reduce(full(person="mother"), Allowed("expression_label")).person == "mother"


@pytest.mark.parametrize("outputs", [("aggregate_only",), ("action_units",), ("expression_label",), tuple(SINGLE)])
def test_what_was_cut_once_is_cut_no_further(outputs):
    for one in (full(), full(probability=None, **SLY)):
        once = reduce(one, Allowed(*outputs))
        assert output_digest([once]) == output_digest([reduce(once, Allowed(*outputs))])


def test_the_parts_of_a_quality_are_those_that_a_face_is_measured_by():
    assert tuple(field.name for field in fields(Quality)) == QUALITY_PARTS


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


def named(gate, world):
    """The clip's own name, and the name under which a prediction leaves that a recognizer named freely."""
    admitted = gate.admit(clip(), world.case(world.give()[1]))
    (kept,) = gate.emit(admitted, [full(clip="anger, 0.93")])
    return admitted.clip.name, kept.clip


def test_a_prediction_leaves_under_the_name_of_the_admitted_clip(tmp_path):
    world = build(tmp_path / "dep")
    with world.gate() as gate:
        own, left = named(gate, world)
        assert own == left


def test_twin_a_gate_that_keeps_the_name_a_recognizer_gave_is_seen(tmp_path, monkeypatch):
    monkeypatch.setattr(
        gate_module, "replace", lambda one, **change: one if "clip" in change else replace(one, **change)
    )
    world = build(tmp_path / "dep")
    with world.gate() as gate:
        own, left = named(gate, world)
        assert left == "anger, 0.93" != own
