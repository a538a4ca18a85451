"""Says what is wrong with the rules themselves: the traps that Cedar accepts, and promises a pack must keep."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from vemo_audit.governance.policy import vocabulary as words
from vemo_audit.governance.policy.packs import PERMIT, Bundle, Pack, Rule
from vemo_audit.governance.policy.vocabulary import Action, Stage
from vemo_audit.records import consent_terms

CONSENT_FACTS = frozenset({"age_band", "binding", "consent", "release"})
FACE_FACTS = frozenset({"bound", "track_whole", "faces_in_view", "max_faces"})
FORBIDDEN_FACTS = {Stage.SCREEN: CONSENT_FACTS | FACE_FACTS, Stage.CONSENT: FACE_FACTS, Stage.FACE: frozenset()}
"""Stage -> facts that are not known yet when its rules are asked."""

COMPARISONS = frozenset({"==", "!=", "contains", "containsAll", "containsAny"})
OPERATORS = (
    frozenset({"Var", "Value", "Set", ".", "has", "&&", "||", "!", "<", "<=", ">", ">=", "isEmpty"}) | COMPARISONS
)
"""All that a rule may be made of: no arithmetic, no extension calls, no entity lookups, nothing that can fail."""

WORDS: Mapping[str, type[StrEnum]] = {
    "use_area": words.UseArea, "subject_role": consent_terms.Role, "inference_kind": words.InferenceKind,
    "purpose": words.Purpose, "outputs": words.Output, "modalities": words.Modality, "age_band": consent_terms.AgeBand,
    "binding": words.Binding, "match_mode": words.MatchMode, "exception.kind": words.ExceptionKind,
    "exception.scope": words.ExceptionScope, "release.purposes": words.Purpose, "consent.purposes": words.Purpose,
    "consent.outputs": words.Output, "consent.modalities": words.Modality,
}  # fmt: skip
"""Fact -> its closed list: a misspelt word in a rule would never match, and the rule would never speak."""

DISCLAIMER = "not legal advice"
COUNSEL_HEADING = "check with counsel"


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing that is wrong, and where."""

    where: str
    found: str

    def __str__(self) -> str:
        return f"{self.where}: {self.found}"


def lint_bundle(bundle: Bundle, *, today: date) -> tuple[str, ...]:
    """Remarks on rules and packs; empty when all is well. What the cases say is in `cases.coverage`."""
    remarks = [Remark(pack.id, found) for pack in bundle.packs for found in _pack_remarks(pack, today)]
    return lint_rules(bundle.rules) + tuple(map(str, remarks))


def lint_rules(rules: Iterable[Rule]) -> tuple[str, ...]:
    """Remarks on the rules alone: cheap, and asked again whenever an engine is made."""
    rules = list(rules)
    remarks = [Remark(rule.id, found) for rule in rules for found in _rule_remarks(rule)]
    permits = [rule.id for rule in rules if rule.effect == "permit"]
    if permits != [PERMIT]:
        remarks.append(Remark("bundle", f"the permits {permits}: exactly one, {PERMIT}, may exist"))
    return tuple(map(str, remarks))


def facts_read(rule: Rule) -> frozenset[str]:
    """The facts that a rule looks at, nested ones with a dot: `consent.state`."""
    paths = {_path(node) for node in _walk(rule.body["conditions"])}
    return frozenset(path for path in paths if path and not any(other.startswith(f"{path}.") for other in paths))


def _rule_remarks(rule: Rule) -> Iterator[str]:
    nodes = list(_walk(rule.body["conditions"]))
    if rule.effect == "permit" and (rule.body["conditions"] or rule.body["action"] != {"op": "All"}):
        yield "a permit with conditions: those belong into forbids, which have a name each"
    if rule.effect != "permit" and not rule.body["conditions"]:
        yield "a forbid without a condition"
    if rule.body["principal"] != {"op": "All"} or rule.body["resource"] != {"op": "All"}:
        yield "reads principal or resource: Cedar skips a forbid whose entity is absent"
    actions = rule.body["action"].get("entities", [rule.body["action"].get("entity")])
    if any(one and one["id"] not in set(Action) for one in actions):
        yield "an action that does not exist"
    for name in sorted({key for node in nodes for key in node if key not in OPERATORS | {"left", "right", "attr"}}):
        if name not in ("arg", "kind", "body"):
            yield f"the operation {name!r}: rules compare facts and do nothing else"
    if any(node.get("Var", "context") not in ("context", "action") for node in nodes):
        yield "reads principal or resource in a condition"
    top = {path.split(".")[0] for path in facts_read(rule)}
    for name in sorted(top & FORBIDDEN_FACTS[rule.stage]):
        yield f"a {rule.stage} rule reads {name}, which is not known yet"
    if top & {"consent", "release"} and "human" not in top:
        yield "a consent rule that ignores human"
    if rule.effect == "mask" and rule.stage is not Stage.FACE:
        yield "masks before a face was seen"
    yield from _lifting_remarks(rule, nodes)
    yield from _word_remarks(nodes)


def _lifting_remarks(rule: Rule, nodes: list[Mapping[str, Any]]) -> Iterator[str]:
    lifted = [_literals(node["contains"]["right"]) for node in nodes if _compares(node, "contains", "exception.lifts")]
    if rule.liftable != bool(lifted):
        yield "liftable without a condition on exception.lifts, or the reverse"
    if any(names != {rule.id} for names in lifted):
        yield "is lifted by the id of another rule"


def _word_remarks(nodes: list[Mapping[str, Any]]) -> Iterator[str]:
    for node in nodes:
        for operator in COMPARISONS & set(node):
            sides = node[operator]["left"], node[operator]["right"]
            for fact, other in (sides, sides[::-1]):
                unknown = _literals(other) - set(WORDS[_path(fact)]) if _path(fact) in WORDS else set()
                if unknown:
                    yield f"compares {_path(fact)} with {', '.join(sorted(unknown))}, which is in no list"


def _pack_remarks(pack: Pack, today: date) -> Iterator[str]:
    if pack.id != "base/permit" and any(rule.effect == "permit" for rule in pack.rules):
        yield "a pack may only forbid"
    if pack.review_by < today:
        yield f"was to be reviewed by {pack.review_by}"
    if DISCLAIMER not in pack.disclaimer.lower():
        yield f"the disclaimer does not say {DISCLAIMER!r}"
    if not pack.about["sources"]:
        yield "names no source"
    readme = pack.folder / "README.md"
    text = readme.read_text(encoding="utf-8") if readme.is_file() else ""
    if DISCLAIMER not in text.lower():
        yield f"README.md is missing or does not say {DISCLAIMER!r}"
    _, _, after = text.lower().partition(COUNSEL_HEADING)
    for rule in pack.rules:
        if rule.verified == "counsel" and rule.id.lower() not in after:
            yield f"README.md does not list {rule.id} under {COUNSEL_HEADING!r}"
        if rule.applies_from and rule.applies_to and rule.applies_to < rule.applies_from:
            yield f"{rule.id} ends before it begins"


def _walk(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every object inside a Cedar JSON expression."""
    if isinstance(value, dict):
        yield value
        for key, item in value.items():
            if key != "Value":
                yield from _walk(item)
    elif isinstance(value, list):
        for item in value:
            yield from _walk(item)


def _path(node: Any) -> str:
    """'consent.state' for `context.consent.state`, 'consent' for `context has consent`, else ''."""
    if not isinstance(node, dict):
        return ""
    inner = node.get(".") or node.get("has")
    if not isinstance(inner, dict) or "attr" not in inner:
        return ""
    before = _path(inner["left"])
    return f"{before}.{inner['attr']}" if before else str(inner["attr"])


def _literals(node: Any) -> set[str]:
    return {each["Value"] for each in _walk(node) if isinstance(each.get("Value"), str)}


def _compares(node: Mapping[str, Any], operator: str, fact: str) -> bool:
    return operator in node and _path(node[operator]["left"]) == fact
