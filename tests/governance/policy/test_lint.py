"""Lint: each trap that Cedar accepts is found, and the checked-in packs have none."""

import json
from datetime import date

import cedarpy
import pytest

from vemo_audit.errors import BadInput
from vemo_audit.governance.policy.lint import facts_read, lint_bundle, lint_rules
from vemo_audit.governance.policy.packs import PERMIT, load_bundle, rule_of

DAY = date(2026, 11, 22)
NOTES = '@ref("r") @message("m") @verified("official") @applies_from("always") '


def rules_of(text):
    parsed = json.loads(cedarpy.policies_to_json_str(text))
    return [rule_of(body, pack="base/x", where="x") for body in parsed["staticPolicies"].values()]


def permit(name, condition=""):
    notes = f'@id("{name}") {NOTES} @effect("permit") @stage("screen")'
    return rules_of(f"{notes} permit (principal, action, resource) {condition};")


def bare():
    return rules_of(f'@id("x") {NOTES} @effect("deny") @stage("screen") forbid (principal, action, resource);')


def forbid(condition, *, notes='@effect("deny") @stage("screen")', scope="principal, action, resource"):
    return permit(PERMIT) + rules_of(f'@id("x.y") {NOTES} {notes} forbid ({scope}) when {{ {condition} }};')


def test_the_checked_in_packs_have_nothing_to_report(bundle):
    assert lint_bundle(bundle, today=DAY) == ()


def test_a_plain_rule_has_nothing_to_report():
    assert lint_rules(forbid("context.covert")) == ()


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("context.faces + 1 > 2", "'+'"),
        ("context.max_days * 2 > 3", "'*'"),
        ("-context.days > 3", "'neg'"),
        ('context.now < datetime("2026-01-01")', "'datetime'"),
        ('context.purpose like "emp*"', "'like'"),
        ("if context.covert then true else false", "'if-then-else'"),
        ('principal.role == "boss"', "principal or resource in a condition"),
        ('resource in Vemo::Track::"t"', "principal or resource in a condition"),
        ('["employe"].contains(context.subject_role)', "employe, which is in no list"),
        ('context.purpose == "emplyment_screening"', "emplyment_screening"),
        ('"fce" == context.binding', "fce"),
        ("context.bound", "reads bound, which is not known yet"),
        ("context has consent", "reads consent, which is not known yet"),
        ('context has exception && context.exception.lifts.contains("x.y")', "liftable without"),
    ],
)
def test_a_trap_is_found(condition, said):
    assert any(said in remark for remark in lint_rules(forbid(condition)))


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (lambda: forbid("context.covert", scope='principal == Vemo::Operator::"a", action, resource'), "absent"),
        (lambda: forbid("context.covert", scope='principal, action, resource is Vemo::Track'), "absent"),
        (lambda: forbid("context.covert", scope='principal, action == Vemo::Action::"dance", resource'), "action that"),
        (lambda: forbid("context has consent", notes='@effect("deny") @stage("consent")'), "ignores human"),
        (lambda: forbid("context.covert", notes='@effect("mask") @stage("screen")'), "before a face was seen"),
        (lambda: forbid("context.covert", notes='@effect("deny") @stage("screen") @liftable("yes")'), "liftable"),
        (lambda: forbid("context.bound", notes='@effect("deny") @stage("consent")'), "not known yet"),
        (lambda: forbid("context.covert")[1:], "exactly one"),
        (lambda: [*forbid("context.covert"), forbid("context.covert")[0]], "exactly one"),
        (lambda: permit("p"), "exactly one"),
        (lambda: permit(PERMIT, "when { true }"), "a permit with conditions"),
        (lambda: forbid("true")[:1] + bare(), "without a condition"),
    ],
)  # fmt: skip
def test_a_rule_of_the_wrong_shape_is_found(rules, said):
    assert any(said in remark for remark in lint_rules(rules()))


def test_a_rule_lifted_by_the_name_of_another_is_found():
    unless = 'context.covert } unless { context has exception && context.exception.lifts.contains("h.covert")'
    remarks = lint_rules(forbid(unless, notes='@effect("deny") @stage("screen") @liftable("yes")'))
    assert any("another rule" in remark for remark in remarks)


def test_facts_read_are_named_by_their_whole_path():
    (_, rule) = forbid('context.human && context has consent && context.consent.state == "given"')
    assert facts_read(rule) == {"human", "consent.state"}


@pytest.mark.parametrize(
    ("path", "old", "new", "said"),
    [
        ("base/consent/README.md", "not legal advice", "legal advice", "README.md is missing or does not say"),
        ("base/consent/pack.yaml", "not legal advice", "fine", "the disclaimer does not say"),
        ("base/consent/pack.yaml", "review_by: 2027-05-22", "review_by: 2026-11-21", "to be reviewed by 2026-11-21"),
        ("base/bystander/README.md", "`b.staff-excluded`", "`b.staff`", "does not list b.staff-excluded"),
        ("eu-ai-act/art05/README.md", "## Check with counsel", "## Ask", "does not list eu-ai-act"),
        ("eu-ai-act/art05/rules.cedar", "forbid (", "permit (", "effect 'deny'"),
    ],
)
def test_what_a_pack_owes_its_readers_is_demanded(copy, path, old, new, said):
    file = copy / path
    file.write_text(file.read_text().replace(old, new, 1))
    try:
        remarks = lint_bundle(load_bundle(copy), today=DAY)
    except BadInput as error:
        remarks = (str(error),)
    assert any(said in remark for remark in remarks)


def test_a_second_permit_in_a_pack_is_found(copy):
    with (copy / "eu-ai-act/art05/rules.cedar").open("a") as file:
        file.write(f'@id("sneak") {NOTES} @effect("permit") @stage("screen") permit (principal, action, resource);')
    remarks = lint_bundle(load_bundle(copy), today=DAY)
    assert any("may only forbid" in remark for remark in remarks)
    assert any("exactly one" in remark for remark in remarks)
