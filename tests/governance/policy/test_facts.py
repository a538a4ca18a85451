"""Facts: checked when made, closed by default, and the same after a round trip."""

import random
from dataclasses import MISSING, fields, replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from tests.governance.policy.randoms import request
from vemo_audit.errors import BadInput
from vemo_audit.governance.policy.facts import ExceptionFacts, Facts, from_json, to_cedar, to_json
from vemo_audit.governance.policy.vocabulary import UseArea
from vemo_audit.records.consent_terms import Role


def test_a_fact_that_nobody_stated_opens_nothing(engine, facts):
    known = facts()
    for stage, rule in (("consent", "c.present"), ("face", "b.unbound-mask")):
        required = {f.name: getattr(known, f.name) for f in fields(Facts) if f.default is MISSING}
        answer = engine.decide(Facts(**required), action="infer_emotion", stage=stage)
        assert rule in {hit.rule_id for hit in answer.rules}
        assert answer.outcome != "allow"


def test_json_goes_there_and_back(baseline):
    rng = random.Random(5)
    for _ in range(200):
        made = from_json(request(rng, baseline)[0])
        assert from_json(to_json(made)) == made


def test_cedar_sees_no_key_for_an_absent_fact(facts):
    context = to_cedar(facts(consent=None, overseer=None))
    assert {"consent", "overseer", "release", "exception", "audit_age_days"} & set(context) == set()
    assert context["now"] == {"__extn": {"fn": "datetime", "arg": "2026-11-22T12:00:00.000Z"}}


def test_times_are_utc_in_milliseconds(facts):
    east = datetime(2026, 11, 22, 14, 0, 0, 1999, tzinfo=timezone(timedelta(hours=2)))
    assert facts(now=east).now == datetime(2026, 11, 22, 12, 0, 0, 1000, tzinfo=UTC)


def test_power_imbalance_is_derived_and_cannot_be_set(facts, baseline):
    assert not facts().power_imbalance
    for changes in ({"subject_role": Role.STUDENT}, {"use_area": UseArea.WORKPLACE}):
        assert facts(**changes).power_imbalance and to_cedar(facts(**changes))["power_imbalance"]
    with pytest.raises(BadInput, match="unknown fact 'power_imbalance'"):
        from_json(baseline | {"power_imbalance": False})


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("human", 1), ("human", "true"), ("human", None), ("now", "yesterday"), ("now", "2026-11-22T12:00:00"),
        ("now", 7), ("purpose", "fun"), ("purpose", "Research"), ("purpose", None), ("use_area", ""),
        ("outputs", []), ("outputs", ["horoscope"]), ("outputs", "expression_label"), ("modalities", ["face", "face"]),
        ("places", []), ("places", ["EU\n"]), ("places", [f"P{k}" for k in range(65)]), ("places", ["x" * 201]),
        ("log_retention_days", True), ("log_retention_days", -1), ("log_retention_days", 1.0), ("audit_age_days", "3"),
        ("overseer", ""), ("consent", True), ("consent", {}), ("exception", []), ("faces_in_view", 10**9),
        ("binding", "template_1toN"), ("binding", "template_1to1"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused_with_its_place(baseline, name, wrong):
    with pytest.raises(BadInput) as caught:
        from_json(baseline | {name: wrong})
    assert caught.value.where.startswith("facts")


def test_a_missing_or_unknown_field_is_refused(baseline):
    for field in fields(Facts):
        if field.default is MISSING:
            with pytest.raises(BadInput, match=f"no {field.name}"):
                from_json({name: value for name, value in baseline.items() if name != field.name})
    with pytest.raises(BadInput, match="mood"):
        from_json(baseline | {"mood": "fine"})
    with pytest.raises(BadInput, match="mood"):
        from_json(baseline | {"consent": baseline["consent"] | {"mood": "fine"}})
    with pytest.raises(BadInput, match="an object"):
        from_json([])


def test_an_exception_lasts_at_most_ninety_days(facts):
    now = facts().now
    lasting = ExceptionFacts(
        kind="other", scope="other", lifts={"h.covert"}, evidence=True, approvers=2, expires_at=now + timedelta(days=90)
    )
    assert facts(exception=lasting).exception == lasting
    with pytest.raises(BadInput, match="too long"):
        replace(facts(), exception=replace(lasting, expires_at=now + timedelta(days=90, milliseconds=1)))
