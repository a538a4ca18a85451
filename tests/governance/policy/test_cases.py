"""Golden cases: they hold, they cover every rule, and they notice when a rule is broken."""

import pytest

from tests.governance.policy.mutators import coarse_mutants, fine_mutants, without
from vemo_audit.errors import BadInput
from vemo_audit.governance.policy.cases import coverage, load_cases, run_cases
from vemo_audit.governance.policy.packs import load_bundle
from vemo_audit.records.decision import Outcome


@pytest.fixture(scope="module")
def cases(bundle):
    return load_cases(bundle)


@pytest.fixture(scope="module")
def results(bundle, cases):
    return tuple(run_cases(bundle, cases))


def test_every_golden_case_holds(results):
    assert len(results) > 300
    assert [(r.case.name, r.failures) for r in results if not r.passed] == []


def test_every_rule_is_shown_to_bite_and_to_let_go(bundle, results):
    assert coverage(bundle, results) == ()


def test_the_official_examples_of_article_5_1_f_are_there(cases):
    names = " / ".join(case.name for case in cases if case.pack == "eu-ai-act/art05")
    for example in (
        "call centre listens to its employees", "call centre listens to its customers", "recruitment", "probation",
        "trainees, volunteers and contractors", "hybrid meetings", "pupils and students", "supermarket", "keystrokes",
        "text alone", "personal training", "stress, burnout", "property and fraud", "pain and fatigue", "bare smile",
        "intentions at work",
    ):  # fmt: skip
        assert example in names


def test_three_uses_are_refused_worldwide_before_any_pixel(engine, facts):
    for purpose, rule in (
        ("employment_screening", "h.employment"), ("student_monitoring", "h.education"),
        ("criminal_justice", "h.criminal-justice"),
    ):  # fmt: skip
        answer = engine.decide(facts(purpose=purpose), action="infer_emotion", stage="screen")
        assert answer.outcome is Outcome.DENY
        assert rule in {hit.rule_id for hit in answer.rules}
        assert all(hit.ref and hit.message for hit in answer.rules)


def survivors(mutants, cases):
    """(mutants made, those that no case noticed). A mutant that no engine accepts is not counted."""
    made, alive = 0, []
    for rule_id, what, mutant in mutants:
        pack = next((r.pack for r in mutant.rules if r.id == rule_id), None)
        near = sorted(cases, key=lambda case: (rule_id not in case.rules, case.pack != pack))
        try:
            noticed = any(not result.passed for result in run_cases(mutant, near))
        except BadInput:
            continue
        made += 1
        alive += [] if noticed else [f"{rule_id}: {what}"]
    return made, alive


def test_a_rule_that_is_removed_negated_or_widened_is_noticed(bundle, cases):
    made, alive = survivors(coarse_mutants(bundle), cases)
    assert made > 90
    assert alive == []


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_finer_faults_in_rules_are_noticed(bundle, cases):
    made, alive = survivors(fine_mutants(bundle), cases)
    print({"name": "rule_mutants_killed", "value": 1 - len(alive) / made, "made": made, "alive": alive, "bar": 0.95})
    assert len(alive) <= 0.05 * made


def test_twin_empty_cases_notice_nothing(bundle, cases):
    few = [case for case in cases if case.expect is Outcome.ALLOW and case.pack == "base/permit"]
    made, alive = survivors(((i, w, m) for i, w, m in coarse_mutants(bundle) if w == "removed"), few)
    assert len(alive) == made > 40


def test_a_removed_rule_shows_up_in_the_coverage_of_its_pack(bundle, cases):
    broken = without(bundle, "c.epoch")
    assert any(not r.passed for r in run_cases(broken, [c for c in cases if "c.epoch" in c.rules]))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "no cases"),
        ("- {name: x, source: y}", "expect"),
        ("- {name: x, source: y, expect: deny, colour: red}", "colour"),
        ("- {name: x, source: y, expect: allow, stage: dawn}", "dawn"),
        ("- {name: x, source: y, expect: allow, facts: {moon: full}}", "moon"),
        ("- {name: x, source: y, expect: allow, facts: {purpose: fun}}", "fun"),
        ("- name: [", "not YAML"),
    ],
)
def test_a_malformed_case_is_refused_with_its_place(copy, text, said):
    (copy / "base/consent/cases.yaml").write_text(text)
    with pytest.raises(BadInput, match=said) as caught:
        load_cases(load_bundle(copy))
    assert "base/consent/cases.yaml" in caught.value.where or "cases.yaml" in str(caught.value)
