"""The strict wrapper: it allows on one kind of answer alone, and names every denial."""

import copy as copies
import random
from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace

import cedarpy
import pytest

from tests.governance.policy.conftest import DAY, still_engine
from tests.governance.policy.randoms import broken_contexts, request
from vemo_audit.errors import BadInput
from vemo_audit.governance.policy import engine as engine_module
from vemo_audit.governance.policy.engine import OWN_RULES, Answer, Engine
from vemo_audit.governance.policy.facts import ExceptionFacts, from_json, to_cedar
from vemo_audit.governance.policy.packs import PERMIT
from vemo_audit.records.decision import Outcome

ASK = {"action": "infer_emotion", "stage": "face"}


def names(answer):
    return {hit.rule_id for hit in answer.rules}


def test_an_allowed_request_names_the_one_permit(engine, facts):
    answer = engine.decide(facts(), **ASK)
    assert (answer.outcome, names(answer), answer.errors, answer.obligations) == (Outcome.ALLOW, {PERMIT}, (), ())


def test_a_mask_needs_every_rule_to_mask(engine, facts):
    assert engine.decide(facts(bound=False), **ASK).outcome is Outcome.MASK
    assert engine.decide(facts(bound=False, covert=True), **ASK).outcome is Outcome.DENY


def test_each_stage_asks_the_rules_of_those_before(engine, facts):
    all_wrong = facts(covert=True, bound=False, consent={"state": "withdrawn"})
    asked = {s: names(engine.decide(all_wrong, action="infer_emotion", stage=s)) for s in ("screen", "consent", "face")}
    assert asked == {
        "screen": {"h.covert"},
        "consent": {"h.covert", "c.state-given"},
        "face": {"h.covert", "c.state-given", "b.unbound-mask"},
    }


def result(decision, reasons=(), errors=()):
    diagnostics = SimpleNamespace(reasons=list(reasons), errors=list(errors))
    return SimpleNamespace(decision=SimpleNamespace(value=decision), diagnostics=diagnostics)


FAULTS = {
    "allow with an error": result("Allow", [PERMIT], ["a forbid was skipped"]),
    "allow without a reason": result("Allow"),
    "allow for another reason": result("Allow", ["c.present"]),
    "allow for one reason too many": result("Allow", [PERMIT, "c.present"]),
    "allow for the permit twice": result("Allow", [PERMIT, PERMIT]),
    "no decision": result("NoDecision", [], ["the request does not fit the schema"]),
    "no decision and no error": result("NoDecision"),
    "a decision that nobody knows": result("Perhaps", [PERMIT]),
    "deny without a reason": result("Deny"),
    "deny for an unknown reason": result("Deny", ["policy7"]),
    "deny for the permit": result("Deny", [PERMIT]),
    "nothing at all": None,
}


def check_injected_faults_deny(engine, facts, monkeypatch):
    for what, fault in FAULTS.items():
        monkeypatch.setattr(engine_module.cedarpy, "is_authorized", lambda *_, fault=fault: fault)
        answer = engine.decide(facts(), **ASK)
        assert answer.outcome is Outcome.DENY, what
        assert names(answer) & set(OWN_RULES), what
        assert all(
            hit.ref.startswith("base promise") and hit.message for hit in answer.rules if hit.rule_id in OWN_RULES
        )


def check_a_skipped_forbid_denies(engine, facts):
    """Cedar's own trap: a forbid whose sum overflows is skipped, and the answer is Allow with an error."""
    forbid = "forbid (principal, action, resource) when { context.log_retention_days * 9223372036854775807 > 0 };"
    text = f'@id("{PERMIT}") permit (principal, action, resource); @id("c.epoch") {forbid}'
    parsed = cedarpy.PolicySet.from_str(text)
    raw = cedarpy.is_authorized(
        {"principal": 'Vemo::Operator::"a"', "action": 'Vemo::Action::"infer_emotion"', "resource": 'Vemo::Track::"t"',
         "context": to_cedar(facts())}, parsed, [], None,
    )  # fmt: skip
    assert raw.decision is cedarpy.Decision.Allow and raw.diagnostics.errors, "the trap itself"
    answer = engine._judge("Allow", [PERMIT], raw.diagnostics.errors)
    assert answer.outcome is Outcome.DENY and names(answer) == {"x.engine-error"}


def test_every_injected_fault_denies_by_name(engine, facts, monkeypatch):
    check_injected_faults_deny(engine, facts, monkeypatch)


def test_a_forbid_that_cedar_skips_denies(engine, facts):
    check_a_skipped_forbid_denies(engine, facts)


def test_an_exception_in_the_engine_denies(engine, facts, monkeypatch):
    def fail(*_):
        raise RuntimeError("the engine fell over")

    monkeypatch.setattr(engine_module.cedarpy, "is_authorized", fail)
    answer = engine.decide(facts(), **ASK)
    assert names(answer) == {"x.engine-error"} and answer.errors == ("exception RuntimeError",)


class IgnoresErrors(Engine):
    """The twin: a wrapper that believes Allow."""

    def _judge(self, decision, reasons, errors):
        if decision == "Allow":
            return Answer(Outcome.ALLOW, (self._hit(PERMIT),), (), ())
        return super()._judge(decision, reasons, errors)


def test_twin_a_wrapper_that_ignores_errors_is_caught(bundle, facts, monkeypatch):
    twin = still_engine(bundle, IgnoresErrors)
    with pytest.raises(AssertionError):
        check_a_skipped_forbid_denies(twin, facts)
    with pytest.raises(AssertionError):
        check_injected_faults_deny(twin, facts, monkeypatch)


def accepted(engine, context):
    changed = list(broken_contexts(context))
    assert len(changed) > 500
    return [what for what, broken in changed if engine.decide_context(broken, **ASK).outcome is Outcome.ALLOW]


NOT_ASKED = ("overseer =", "dpia_age_days", "places =", "staff_excluded =")
"""Changes that are no fault here: any overseer will do, and no rule in force reads the others for this request."""


def test_no_broken_request_is_accepted(engine, facts):
    let_in = accepted(engine, to_cedar(facts()))
    assert [what for what in let_in if not what.startswith(NOT_ASKED)] == []


def let_in_from_elsewhere(engine, baseline, count):
    """How many of `count` broken forms of other allowed requests about humans come in; expected: none."""
    rng, tried, let_in = random.Random(11), 0, []
    while tried < count:
        plain, _, _ = request(rng, baseline)
        context = to_cedar(from_json(plain))
        if not plain["human"] or engine.decide_context(context, **ASK).outcome is not Outcome.ALLOW:
            continue
        changed = [(what, broken) for what, broken in broken_contexts(context) if not what.startswith(OPTIONAL)]
        for what, broken in rng.sample(changed, min(100, count - tried)):
            tried += 1
            let_in += [what] if engine.decide_context(broken, **ASK).outcome is Outcome.ALLOW else []
    return let_in


OPTIONAL = (*NOT_ASKED, "exception", "release", "no exception", "no release", "no dpia", "no audit", "audit_age_days")
"""Facts that a request may do without, and exceptions and releases that this one may not need."""


def test_no_broken_form_of_another_allowed_request_is_accepted(engine, baseline):
    assert let_in_from_elsewhere(engine, baseline, 1_000) == []


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_no_broken_form_among_a_hundred_thousand_is_accepted(engine, baseline):
    assert let_in_from_elsewhere(engine, baseline, 100_000) == []


def test_twin_without_a_schema_broken_requests_come_in(bundle, facts):
    twin = still_engine(bundle)
    twin._schema = None
    assert [what for what in accepted(twin, to_cedar(facts())) if what.endswith("too many")]


def test_no_json_and_too_much_of_it_deny(bundle, engine, facts):
    context = to_cedar(facts())
    assert names(engine.decide_context(context | {"now": object()}, **ASK)) == {"x.engine-error"}
    assert names(engine.decide_context(context | {"now": float("nan")}, **ASK)) == {"x.engine-error"}
    assert names(engine.decide_context(context | {"overseer": "x" * 17_000}, **ASK)) == {"x.too-large"}
    many = frozenset(f"{'p' * 190}{k}" for k in range(64))
    lifts = ExceptionFacts(
        kind="other", scope="other", lifts=many, evidence=True, approvers=2, expires_at=facts().now + timedelta(days=1)
    )
    wide = still_engine(bundle, places=many)
    assert names(wide.decide(facts(places=many, exception=lifts), **ASK)) == {"x.too-large"}


def test_a_slow_call_denies(bundle, facts):
    for spent_ms, outcome in ((50, Outcome.ALLOW), (51, Outcome.DENY)):
        ticks = iter([0, spent_ms * 1_000_000])
        answer = still_engine(bundle, timer_ns=lambda ticks=ticks: next(ticks)).decide(facts(), **ASK)
        assert answer.outcome is outcome
    assert names(answer) == {"x.timeout"}


def test_a_place_beyond_the_selection_denies(engine, facts):
    assert names(engine.decide(facts(places=frozenset({"EU", "US-IL"})), **ASK)) == {"x.place"}


def test_rules_that_started_since_deny_until_the_engine_is_made_anew(bundle, facts):
    old = still_engine(bundle, as_of=date(2025, 2, 1))
    assert names(old.decide(facts(), **ASK)) == {"x.stale-rules"}
    assert still_engine(bundle, as_of=date(2025, 2, 2)).decide(facts(), **ASK).outcome is Outcome.ALLOW


def test_a_rule_not_yet_in_force_only_warns(bundle, facts):
    old = still_engine(bundle, as_of=date(2025, 2, 1))
    before = facts(now=facts().now.replace(year=2025, month=1), subject_role="employee")
    answer = old.decide(before, **ASK)
    assert "warn:eu-ai-act.5.1.f.workplace" in answer.obligations
    assert not any(name.startswith("eu-ai-act") for name in names(answer))


def test_unknown_actions_and_stages_are_bad_input(engine, facts):
    for wrong in ({"action": "dance", "stage": "face"}, {"action": "infer_emotion", "stage": "dawn"}):
        with pytest.raises(BadInput):
            engine.decide(facts(), **wrong)


def test_no_engine_without_the_base_packs(bundle):
    for pack in bundle.packs:
        if pack.id.startswith("base/"):
            fewer = replace(bundle, packs=tuple(p for p in bundle.packs if p is not pack))
            with pytest.raises(BadInput, match=pack.id if pack.id != "base/permit" else "permit"):
                still_engine(fewer)


def test_no_engine_from_rules_that_do_not_validate(bundle):
    """Reading an optional fact without `has` is what Cedar's validator refuses, and so do we."""
    rule = next(r for r in bundle.rules if r.id == "c.epoch")
    body = copies.deepcopy(rule.body)
    consent = {".": {"left": {"Var": "context"}, "attr": "consent"}}
    body["conditions"] = [{"kind": "when", "body": {"&&": {
        "left": {".": {"left": {"Var": "context"}, "attr": "human"}},
        "right": {".": {"left": consent, "attr": "explicit"}}}}}]  # fmt: skip
    packs = tuple(
        replace(p, rules=tuple(replace(r, body=body) if r is rule else r for r in p.rules)) for p in bundle.packs
    )
    with pytest.raises(BadInput, match="optional attribute `consent`"):
        still_engine(replace(bundle, packs=packs))


def test_the_engine_says_what_it_is_for_the_record(engine, bundle):
    assert (engine.bundle_digest, engine.schema_digest) == (bundle.digest, bundle.schema_digest)
    assert engine.as_of == DAY and engine.name.startswith("cedarpy ")
    assert {p.split()[0] for p in engine.active_packs} == {p.id for p in bundle.packs}
