"""The consent record: it survives its payload, refuses what it does not know, and cannot be made unfair."""

import dataclasses
import os
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from throwaway import NOON

from vemo_audit.errors import BadInput, Refused
from vemo_audit.governance.forms import ConsentForm, new_record
from vemo_audit.records.consent import Binding, ConsentRecord, Controller, Storage
from vemo_audit.records.consent_terms import (
    FIRST,
    IN_FORCE,
    NARROWING,
    TRANSITIONS,
    BindingMethod,
    Channel,
    Kept,
    Modality,
    Output,
    State,
)
from vemo_audit.records.digest import canonical_json

LAB = Controller("lab", "The Lab", "lab@example.org")


def made(**answers):
    form = ConsentForm(**({"subject_ref": "s1", "purposes": ("research",)} | answers))
    return new_record(form, LAB, now=NOON, entropy=os.urandom)


@given(
    purposes=st.sets(st.sampled_from(["research", "demo", "dataset_audit"]), min_size=1),
    modalities=st.sets(st.sampled_from([str(m) for m in Modality]), min_size=1),
    outputs=st.sets(st.sampled_from([str(o) for o in Output]), min_size=1),
    minor=st.booleans(),
    zone=st.booleans(),
)
def test_a_record_survives_its_payload(purposes, modalities, outputs, minor, zone):
    answers = {"purposes": tuple(purposes), "modalities": tuple(modalities), "outputs": tuple(outputs)}
    if minor:
        answers |= {"age_band": "13-15", "guardian_ref": "g", "guardian_evidence": "0" * 64, "assent": True}
    if zone:
        answers |= {"binding": "seat_zone", "zone": (0, 0, 500, 1000), "max_faces": 2}
    record = made(**answers)
    assert ConsentRecord.from_payload(record.to_payload()) == record
    assert len(canonical_json(record.to_payload())) < 64 * 1024


@pytest.mark.parametrize("path", ["", "subject", "binding", "notice", "event", "validity", "controller"])
def test_an_unknown_field_is_refused_at_every_depth(path):
    payload = made().to_payload()
    (payload[path] if path else payload)["favourite_colour"] = "red"
    with pytest.raises(BadInput, match="unknown field 'favourite_colour'"):
        ConsentRecord.from_payload(payload)


def test_unknown_words_are_refused_by_name():
    for place, word in (("subject", "role"), ("binding", "method"), ("event", "state")):
        payload = made().to_payload()
        payload[place][word] = "whatever"
        with pytest.raises(BadInput, match=f"{word}.*whatever"):
            ConsentRecord.from_payload(payload)


@pytest.mark.parametrize("steps", [2, 3])
def test_a_record_that_is_harder_to_withdraw_than_to_give_cannot_be_made(steps):
    with pytest.raises(Refused) as refusal:
        made(steps_to_withdraw=steps)
    assert (refusal.value.rule_id, refusal.value.ref) == ("c.withdraw-parity", "GDPR art. 7(3)")
    assert made(steps_to_give=3, steps_to_withdraw=steps)


def test_withdrawing_by_another_channel_than_giving_is_no_parity():
    event = dataclasses.replace(made().event, withdraw_channels=(Channel.PAPER,))
    with pytest.raises(Refused, match="by ui"):
        dataclasses.replace(made(), event=event)


def test_a_detriment_makes_consent_unfree():
    with pytest.raises(Refused) as refusal:
        dataclasses.replace(made(), event=dataclasses.replace(made().event, detriment_if_refused=True))
    assert refusal.value.rule_id == "c.freely-given"


@pytest.mark.parametrize("days", [0, 367])
def test_no_consent_lasts_longer_than_a_year_or_not_at_all(days):
    with pytest.raises(BadInput, match="validity"):
        made(lasts=timedelta(days=days))
    assert made(lasts=timedelta(days=366))


def test_a_zone_belongs_to_seat_zone_alone():
    for method, zone in ((BindingMethod.SEAT_ZONE, None), (BindingMethod.PARTICIPANT_STREAM, (0, 0, 1, 1))):
        with pytest.raises(BadInput, match="zone"):
            Binding(method, 1, zone)
    with pytest.raises(BadInput, match="x0 < x1"):
        Binding(BindingMethod.SEAT_ZONE, 1, (500, 0, 400, 1000))


def test_what_is_not_kept_is_kept_for_no_day():
    with pytest.raises(BadInput):
        Storage(Kept.NONE, 1)


def test_a_purpose_agreed_to_needs_something_to_look_at():
    with pytest.raises(BadInput, match="without modality or output"):
        made(modalities=())


def test_the_subject_does_not_show_in_the_log():
    assert "s1" not in repr(made(subject_ref="s1").subject)


def test_the_life_cycle_is_the_documented_one():
    """By hand, from the design: what may follow what."""
    assert TRANSITIONS[State.REQUESTED] == {State.GIVEN, State.REFUSED, State.EXPIRED}
    ends = {State.WITHDRAWN, State.EXPIRED, State.INVALIDATED, State.RECONFIRMED}
    assert TRANSITIONS[State.GIVEN] == TRANSITIONS[State.RECONFIRMED] == ends
    assert all(not TRANSITIONS[s] for s in (State.REFUSED, State.WITHDRAWN, State.EXPIRED, State.INVALIDATED))
    assert set(TRANSITIONS) == set(State)
    assert not IN_FORCE & NARROWING and {State.REQUESTED, State.GIVEN, State.REFUSED} == FIRST
