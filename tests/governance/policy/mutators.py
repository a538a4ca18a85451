"""Breaks one rule at a time, in Cedar's JSON form: what golden cases must notice."""

import copy
from dataclasses import replace

from vemo_audit.governance.policy.packs import PERMIT

FLIPS = {"<": ("<=",), "<=": ("<",), ">": (">=",), ">=": (">",), "==": ("!=",), "!=": ("==",)}
FLIPS |= {"containsAll": ("containsAny",), "contains": ()}


def without(bundle, rule_id):
    packs = (replace(pack, rules=tuple(r for r in pack.rules if r.id != rule_id)) for pack in bundle.packs)
    return replace(bundle, packs=tuple(packs))


def swapped(bundle, rule):
    packs = (replace(p, rules=tuple(rule if r.id == rule.id else r for r in p.rules)) for p in bundle.packs)
    return replace(bundle, packs=tuple(packs))


def coarse_mutants(bundle):
    """(rule id, what was done, bundle): each rule removed, and each of its conditions negated or dropped."""
    for rule in bundle.rules:
        if rule.id == PERMIT:
            continue
        yield rule.id, "removed", without(bundle, rule.id)
        for k, condition in enumerate(rule.body["conditions"]):
            body = copy.deepcopy(rule.body)
            body["conditions"][k] = condition | {"body": {"!": {"arg": condition["body"]}}}
            yield rule.id, f"{condition['kind']} negated", swapped(bundle, replace(rule, body=body))
            if condition["kind"] == "unless":
                body = copy.deepcopy(rule.body)
                del body["conditions"][k]
                yield rule.id, "unless dropped", swapped(bundle, replace(rule, body=body))


def fine_mutants(bundle):
    """(rule id, what was done, bundle): operands dropped, comparisons turned, words and actions taken from lists."""
    for rule in bundle.rules:
        if rule.id.startswith("o.vocabulary"):
            continue  # its lists are held equal to the vocabulary by test_vocabulary
        for what, body in _fine(rule.body):
            yield rule.id, what, swapped(bundle, replace(rule, body=body))


def _fine(body):
    for where, node in _nodes(body["conditions"]):
        for operator in ("&&", "||"):
            for side in ("left", "right") if operator in node else ():
                yield f"{operator} keeps {side} alone", _replaced(body, where, node[operator][side])
        for operator, others in FLIPS.items():
            for other in others if operator in node else ():
                yield f"{operator} to {other}", _replaced(body, where, {other: node[operator]})
        if "!" in node:
            yield "! dropped", _replaced(body, where, node["!"]["arg"])
        for k in range(len(node.get("Set", ()))):
            if len(node["Set"]) > 1:
                shorter = node["Set"][:k] + node["Set"][k + 1 :]
                yield f"without {node['Set'][k]['Value']}", _replaced(body, where, {"Set": shorter})
    listed = body["action"].get("entities", [])
    for k in range(len(listed)):
        shorter = copy.deepcopy(body)
        del shorter["action"]["entities"][k]
        yield f"without action {listed[k]['id']}", shorter


def _nodes(value, where=()):
    if isinstance(value, dict):
        if "kind" not in value:
            yield where, value
        for key, inner in value.items():
            if key not in ("Value", "kind"):
                yield from _nodes(inner, (*where, key))
    elif isinstance(value, list):
        for k, inner in enumerate(value):
            yield from _nodes(inner, (*where, k))


def _replaced(body, where, node):
    changed = copy.deepcopy(body)
    at = changed["conditions"]
    for key in where[:-1]:
        at = at[key]
    at[where[-1]] = copy.deepcopy(node)
    return changed
