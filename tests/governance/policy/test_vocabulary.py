"""The closed lists, the schema and the record of facts say the same."""

import re
from dataclasses import fields

import pytest

from vemo_audit.governance.policy import vocabulary as words
from vemo_audit.governance.policy.facts import ConsentFacts, ExceptionFacts, Facts, ReleaseFacts
from vemo_audit.governance.policy.lint import CONSENT_FACTS, FACE_FACTS
from vemo_audit.records import consent_terms


def lists_in(bundle, rule_id):
    """Fact -> the words that a rule compares it with."""
    rule = next(rule for rule in bundle.rules if rule.id == rule_id)
    found, stack = {}, [rule.body["conditions"]]
    while stack:
        node = stack.pop()
        stack += node if isinstance(node, list) else []
        if isinstance(node, dict):
            stack += [inner for inner in node.values() if isinstance(inner, dict | list)]
            for operator in ("contains", "containsAll"):
                if operator in node:
                    fact = node[operator]["right"]["."]["attr"]
                    found[fact] = {item["Value"] for item in node[operator]["left"]["Set"]}
    return found


def test_the_vocabulary_rules_list_exactly_our_words(bundle):
    assert lists_in(bundle, "o.vocabulary") == {
        "use_area": set(words.UseArea), "subject_role": set(consent_terms.Role), "purpose": set(words.Purpose),
        "inference_kind": set(words.InferenceKind), "outputs": set(words.Output), "modalities": set(words.Modality),
        "match_mode": set(words.MatchMode),
    }  # fmt: skip
    assert lists_in(bundle, "o.vocabulary-person") == {
        "age_band": set(consent_terms.AgeBand),
        "binding": set(words.Binding),
    }


def schema_fields(schema, name):
    """Field -> (Cedar type, whether it may be absent)."""
    body = re.search(rf"type {name} = {{(.*?)}};", re.sub("//.*", "", schema), re.S).group(1)
    pairs = [pair.strip().split(":") for pair in body.split(",") if pair.strip()]
    return {key.strip().rstrip("?"): (kind.strip(), key.strip().endswith("?")) for key, kind in pairs}


@pytest.mark.parametrize(
    ("name", "kind"),
    [("Facts", Facts), ("Consent", ConsentFacts), ("Release", ReleaseFacts), ("Exception", ExceptionFacts)],
)
def test_schema_and_record_have_the_same_fields(bundle, name, kind):
    cedar = schema_fields(bundle.schema, name)
    optional = {field.name for field in fields(kind) if "None" in str(field.type)}
    derived = {"power_imbalance"} if kind is Facts else set()
    assert set(cedar) == {field.name for field in fields(kind)} | derived
    assert {key for key, (_, absent) in cedar.items() if absent} == optional
    flags = {field.name for field in fields(kind) if field.type in (bool, "bool")} | derived
    assert {key for key, (type_, _) in cedar.items() if type_ == "Bool"} == flags


def test_the_stages_of_facts_are_facts(bundle):
    assert set(schema_fields(bundle.schema, "Facts")) >= CONSENT_FACTS | FACE_FACTS


def test_every_action_of_the_schema_is_ours(bundle):
    text = re.sub("//.*", "", bundle.schema)
    listed = re.findall(r"action ([a-z_, ]+?)\s+appliesTo \{ principal: \[Operator\], resource: \[(\w+)\]", text)
    found = {name.strip(): resource for names, resource in listed for name in names.split(",")}
    assert found == {str(action): resource for action, resource in words.RESOURCE.items()}
