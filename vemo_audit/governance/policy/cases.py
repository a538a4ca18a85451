"""Runs the golden cases of each pack: what must be refused, by which rule, and what must stay open."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from vemo_audit.errors import BadInput
from vemo_audit.governance.policy.engine import Engine
from vemo_audit.governance.policy.facts import Facts, from_json, to_cedar
from vemo_audit.governance.policy.packs import PERMIT, Bundle, Pack
from vemo_audit.governance.policy.vocabulary import Action, Stage
from vemo_audit.records.decision import Outcome

BASELINE_FILE = "baseline.yaml"
REQUIRED = frozenset({"name", "source", "expect"})
OPTIONAL = frozenset({"action", "stage", "scope", "facts", "vary", "rules", "flip", "warns", "raw"})
SCOPES = ("pack", "all")


@dataclass(frozen=True, slots=True)
class Case:
    """One question with its answer. In scope `pack` only the rules of its own pack count, in `all` every rule."""

    pack: str
    name: str
    source: str  # the paragraph or official example behind it
    action: str
    stage: Any  # screen, consent or face
    scope: str
    facts: Facts
    expect: Outcome
    rules: frozenset[str]  # exactly those that must speak
    warns: frozenset[str]
    flip: Facts | None  # the same facts without the cause: must be allowed
    raw: Mapping[str, Any]  # slipped past the record of facts into what Cedar reads; a flip drops it


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What came out of one case."""

    case: Case
    outcome: Outcome
    rules: frozenset[str]
    failures: tuple[str, ...]  # empty when the case passed

    @property
    def passed(self) -> bool:
        return not self.failures


def load_cases(bundle: Bundle) -> tuple[Case, ...]:
    """The cases of every pack. Raises BadInput for a pack without cases, an unknown key or facts that do not parse."""
    baseline = _yaml(bundle.folder / BASELINE_FILE)
    if not isinstance(baseline, dict):
        raise BadInput(
            "no facts", where=str(bundle.folder / BASELINE_FILE), expected="the facts that every case starts from"
        )
    return tuple(case for pack in bundle.packs for case in _pack_cases(pack, baseline))


def run_cases(bundle: Bundle, cases: Iterable[Case], *, engine: Callable[..., Engine] = Engine) -> Iterator[CaseResult]:
    """Asks every case of an engine made for its own place and day, one by one."""

    @cache
    def engine_for(places: frozenset[str], as_of: Any) -> Engine:
        return engine(bundle, places=places, as_of=as_of)

    def ask(facts: Facts, case: Case) -> tuple[Outcome, frozenset[str], frozenset[str]]:
        asked = engine_for(facts.places, facts.now.date())
        if case.raw and facts is not case.flip:
            answer = asked.decide_context({**to_cedar(facts), **case.raw}, action=case.action, stage=case.stage)
        else:
            answer = asked.decide(facts, action=case.action, stage=case.stage)
        return _scoped(
            answer.outcome, {hit.rule_id for hit in answer.rules}, case, bundle, frozenset(answer.obligations)
        )

    return (_judged(case, ask) for case in cases)


def coverage(bundle: Bundle, results: Iterable[CaseResult]) -> tuple[str, ...]:
    """Remarks on rules that no case shows to bite, or that no flip shows to let go again."""
    bites: set[str] = set()
    lets_go: set[str] = set()
    for result in results:
        if result.passed and result.case.expect is not Outcome.ALLOW:
            bites |= result.rules
            lets_go |= result.rules if result.case.flip else frozenset()
    forbids = [rule.id for rule in bundle.rules if rule.id != PERMIT]
    remarks = [f"{name}: no case shows that it denies" for name in forbids if name not in bites]
    return tuple(remarks + [f"{name}: no flip shows that it lets go" for name in forbids if name not in lets_go])


def _judged(case: Case, ask: Callable[[Facts, Case], tuple[Outcome, frozenset[str], frozenset[str]]]) -> CaseResult:
    outcome, rules, warns = ask(case.facts, case)
    failures = []
    if outcome is not case.expect:
        failures.append(f"expected {case.expect}, found {outcome}")
    if rules != case.rules:
        failures.append(f"expected the rules {sorted(case.rules)}, found {sorted(rules)}")
    if warns != case.warns:
        failures.append(f"expected the warnings {sorted(case.warns)}, found {sorted(warns)}")
    if case.flip:
        flipped, still, _ = ask(case.flip, case)
        if flipped is not Outcome.ALLOW:
            failures.append(f"without its cause it is still {flipped}, by {sorted(still)}")
    return CaseResult(case, outcome, rules, tuple(failures))


def _scoped(
    outcome: Outcome, hits: set[str], case: Case, bundle: Bundle, warns: frozenset[str]
) -> tuple[Outcome, frozenset[str], frozenset[str]]:
    """The answer as the pack alone would give it: rules of other packs are left out, the wrapper's own never."""
    effects = {rule.id: rule.effect for rule in bundle.rules}
    if case.scope == "all":
        return outcome, frozenset(hits - {PERMIT}), warns
    of_pack = {rule.id for pack in bundle.packs if pack.id == case.pack for rule in pack.rules}
    kept = frozenset(name for name in hits - {PERMIT} if name in of_pack or name not in effects)
    if not kept:
        return Outcome.ALLOW, kept, warns
    masks = all(effects.get(name) == "mask" for name in kept)
    return (Outcome.MASK if masks else Outcome.DENY), kept, warns


def _pack_cases(pack: Pack, baseline: Mapping[str, Any]) -> Iterator[Case]:
    path = pack.folder / "cases.yaml"
    entries = _yaml(path)
    if not isinstance(entries, list) or not entries:
        raise BadInput("no cases", where=str(path), expected="a list of cases")
    for number, entry in enumerate(entries, start=1):
        where = f"{path}: case {number}"
        if not isinstance(entry, dict) or not set(entry) >= REQUIRED or set(entry) - REQUIRED - OPTIONAL:
            raise BadInput(
                f"the case {entry!r}", where=where, expected=f"{sorted(REQUIRED)} and any of {sorted(OPTIONAL)}"
            )
        yield from _variants(pack, entry, baseline, where)


def _variants(pack: Pack, entry: Mapping[str, Any], baseline: Mapping[str, Any], where: str) -> Iterator[Case]:
    given = _merged(baseline, entry.get("facts", {}))
    varied = [(key, value) for key, values in entry.get("vary", {}).items() for value in values]
    for key, value in varied or [("", None)]:
        action = value if key == "action" else entry.get("action", "infer_emotion")
        stage, scope = entry.get("stage", "face"), entry.get("scope", "pack")
        if action not in set(Action) or stage not in set(Stage) or scope not in SCOPES:
            raise BadInput(f"action {action}, stage {stage}, scope {scope}", where=where, expected="words of the lists")
        facts = given if key in ("", "action") else _merged(given, _nested(key, value))
        flip = _merged(facts, entry["flip"]) if "flip" in entry else None
        yield Case(
            pack=pack.id, name=entry["name"] + (f" [{key}: {value}]" if key else ""), source=entry["source"],
            action=action, stage=stage, scope=scope, facts=from_json(facts, where=where),
            expect=Outcome(entry["expect"]), rules=frozenset(entry.get("rules", ())),
            warns=frozenset(f"warn:{name}" for name in entry.get("warns", ())), raw=entry.get("raw", {}),
            flip=from_json(flip, where=f"{where}, flip") if flip is not None else None,
        )  # fmt: skip


def _merged(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """The base with changes; an object inside is merged field by field, anything else replaced."""
    result = dict(base)
    for key, value in change.items():
        inner = result.get(key)
        result[key] = _merged(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return result


def _nested(path: str, value: Any) -> dict[str, Any]:
    """`a.b` and 1 become {'a': {'b': 1}}."""
    first, _, rest = path.partition(".")
    return {first: _nested(rest, value) if rest else value}


def _yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_bytes())
    except OSError as error:
        raise BadInput(f"no readable file ({error.strerror})", where=str(path)) from error
    except yaml.YAMLError as error:
        raise BadInput(f"not YAML: {' '.join(str(error).split())}", where=str(path)) from error
