"""Asks Cedar, and trusts its answer only when every part of it says allow: all else denies, by name."""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from typing import Any, Literal

import cedarpy

from vemo_audit.errors import BadInput
from vemo_audit.governance.policy.facts import MAX_CONTEXT_BYTES, Facts, to_cedar
from vemo_audit.governance.policy.lint import lint_rules
from vemo_audit.governance.policy.packs import BASE_PACKS, PERMIT, Bundle, Rule, Selection, select
from vemo_audit.governance.policy.vocabulary import RESOURCE, Action, Stage
from vemo_audit.records.decision import Outcome, RuleHit

MAX_CALL_MS = 50
STAGES = tuple(Stage)
CLOSED = "base promise 9: everything fails closed"
NAMED = "base promise 6: every denial names its rule"
OWN_RULES = {
    "x.engine-error": (CLOSED, "The policy engine reported an error, so nothing was allowed."),
    "x.unnamed": (NAMED, "The policy engine denied without naming a rule. Report this: it must not happen."),
    "x.timeout": (CLOSED, f"The policy engine took longer than {MAX_CALL_MS} ms."),
    "x.too-large": (CLOSED, f"The facts are larger than {MAX_CONTEXT_BYTES} bytes."),
    "x.place": (CLOSED, "The facts name a place that these rules were not selected for."),
    "x.stale-rules": (CLOSED, "Other rules are in force by now than when this engine was made. Make it anew."),
}
"""Denials of the wrapper itself: id -> the promise behind it, and what it says to a person."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. `rules` holds the permit alone on allow, else every rule that denied."""

    outcome: Outcome
    rules: tuple[RuleHit, ...]
    errors: tuple[str, ...]
    obligations: tuple[str, ...]  # 'warn:<rule id>' of rules that are not yet, or never, more than a warning


class Engine:
    """The rules for some places on one day, checked strictly when made and parsed once."""

    def __init__(
        self,
        bundle: Bundle,
        *,
        places: Iterable[str],
        as_of: date,
        timer_ns: Callable[[], int] = time.thread_time_ns,  # our own time: a busy machine is no bad policy
    ) -> None:
        """Raises BadInput when the rules do not pass strict validation and lint with nothing to report."""
        self.bundle_digest, self.schema_digest = bundle.digest, bundle.schema_digest
        self.places, self.as_of = frozenset(places), as_of
        self.selection: Selection = select(bundle, self.places, as_of)
        self._rules = {rule.id: rule for rule in (*self.selection.active, *self.selection.advisory)}
        self._timer_ns = timer_ns
        self._schema = cedarpy.Schema.from_str(bundle.schema)
        self._entities = cedarpy.Entities.from_json_str("[]", self._schema)
        remarks = lint_rules(bundle.rules) + validation_remarks(bundle.rules, bundle.schema)
        missing = BASE_PACKS - {rule.pack for rule in self.selection.active}
        remarks += tuple(f"no active rule of the pack {pack}" for pack in sorted(missing))
        if remarks:
            raise BadInput(f"policy rules with {len(remarks)} remarks: {'; '.join(remarks)}", where=str(bundle.folder))
        permit = [rule for rule in self.selection.active if rule.id == PERMIT]
        self._deciding = {stage: _policies(_up_to(self.selection.active, stage)) for stage in STAGES}
        warnings = {stage: _up_to(self.selection.advisory, stage) for stage in STAGES}
        self._warning = {stage: _policies([*permit, *rules]) for stage, rules in warnings.items() if rules}

    @property
    def active_packs(self) -> tuple[str, ...]:
        """Id and version of each pack that speaks here."""
        return self.selection.packs

    @property
    def name(self) -> str:
        """The engine and its version, for the decision record."""
        return f"cedarpy {version('cedarpy')}"

    def decide(self, facts: Facts, *, action: str, stage: Literal["screen", "consent", "face"]) -> Answer:
        """The answer for one request. Never raises for anything that the engine does: it denies instead.

        Raises BadInput for an action or stage that does not exist.
        """
        day = facts.now.date()
        if not self.selection.since <= day <= self.selection.until:
            return _own("x.stale-rules")
        if self.selection_differs_for(facts.places):
            return _own("x.place")
        return self.decide_context(to_cedar(facts), action=action, stage=stage)

    def selection_differs_for(self, places: frozenset[str]) -> bool:
        """Whether the facts name a place that this engine was not made for."""
        return not places <= self.places

    def decide_context(self, context: Mapping[str, Any], *, action: str, stage: str) -> Answer:
        """The answer for a Cedar context as it is: `decide` without the record in front. For tests and replay."""
        if action not in set(Action) or stage not in set(Stage):
            raise BadInput(f"action {action!r} at stage {stage!r}", expected=f"one of {', '.join(Action)}")
        try:
            text = json.dumps(context, allow_nan=False)
        except (TypeError, ValueError) as error:
            return _own("x.engine-error", f"facts that are no JSON: {error}")
        if len(text.encode()) > MAX_CONTEXT_BYTES:
            return _own("x.too-large")
        answer = self._judge(*self._ask(self._deciding[Stage(stage)], text, Action(action)))
        warned = self._warned(text, Action(action), Stage(stage))
        return Answer(answer.outcome, answer.rules, answer.errors, warned)

    def _ask(self, policies: cedarpy.PolicySet, context: str, action: Action) -> tuple[str, list[str], list[str]]:
        """Decision, reasons and errors of one call; an exception or a slow call is an error."""
        request = {
            "principal": {"type": "Vemo::Operator", "id": "gate"},
            "action": {"type": "Vemo::Action", "id": str(action)},
            "resource": {"type": f"Vemo::{RESOURCE[action]}", "id": "this"},
            "context": context,
        }
        start_ns = self._timer_ns()
        try:
            result = cedarpy.is_authorized(request, policies, self._entities, self._schema)
            found = (result.decision.value, list(result.diagnostics.reasons), list(result.diagnostics.errors))
        except Exception as error:  # whatever the engine throws, the answer is no
            return "NoDecision", [], [f"exception {type(error).__name__}"]
        if self._timer_ns() - start_ns > MAX_CALL_MS * 1_000_000:
            return "NoDecision", [], ["timeout"]
        return found

    def _judge(self, decision: str, reasons: list[str], errors: list[str]) -> Answer:
        """The contract: allow if and only if Cedar allows, without an error, for the one permit alone."""
        if decision == "Allow" and errors == [] and reasons == [PERMIT]:
            return Answer(Outcome.ALLOW, (self._hit(PERMIT),), (), ())
        if "timeout" in errors:
            return _own("x.timeout", *errors)
        named = sorted(name for name in reasons if name in self._rules and name != PERMIT)
        hits = [self._hit(name) for name in named]
        if errors or decision == "NoDecision":
            hits.append(_own_hit("x.engine-error"))
        elif decision != "Deny" or not named or len(named) != len(reasons):
            hits.append(_own_hit("x.unnamed"))
        masks = len(hits) == len(named) and all(self._rules[name].effect == "mask" for name in named)
        return Answer(Outcome.MASK if masks else Outcome.DENY, tuple(hits), tuple(errors), ())

    def _warned(self, context: str, action: Action, stage: Stage) -> tuple[str, ...]:
        if stage not in self._warning:
            return ()
        decision, reasons, errors = self._ask(self._warning[stage], context, action)
        names = [name for name in reasons if name != PERMIT]
        if errors or decision == "NoDecision":
            names.append("x.engine-error")
        return tuple(f"warn:{name}" for name in sorted(names))

    def _hit(self, rule_id: str) -> RuleHit:
        rule = self._rules[rule_id]
        return RuleHit(rule.id, rule.ref, rule.message)


def validation_remarks(rules: Iterable[Rule], schema: str) -> tuple[str, ...]:
    """What Cedar's strict validator says of these rules; empty when it has nothing to say."""
    text = cedarpy.policies_from_json_str(json.dumps(_policy_json(rules)))
    result = cedarpy.validate_policies(text, schema)
    remarks = tuple(str(error) for error in result.errors)
    return remarks or (() if result.validation_passed else ("validation did not pass",))


def _up_to(rules: Iterable[Rule], stage: Stage) -> list[Rule]:
    return [rule for rule in rules if STAGES.index(rule.stage) <= STAGES.index(stage)]


def _policies(rules: Iterable[Rule]) -> cedarpy.PolicySet:
    return cedarpy.PolicySet.from_json_str(json.dumps(_policy_json(rules)))


def _policy_json(rules: Iterable[Rule]) -> dict[str, Any]:
    """Cedar names each policy by our rule id, so that its reasons are rule ids."""
    return {"templates": {}, "templateLinks": [], "staticPolicies": {rule.id: rule.body for rule in rules}}


def _own_hit(rule_id: str) -> RuleHit:
    return RuleHit(rule_id, *OWN_RULES[rule_id])


def _own(rule_id: str, *errors: str) -> Answer:
    return Answer(Outcome.DENY, (_own_hit(rule_id),), errors, ())
