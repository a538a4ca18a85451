"""Cedar and the oracle answer alike on random facts: outcome and every rule by name."""

import random
import time
from functools import cache

import pytest

from tests.governance.policy.conftest import still_engine
from tests.governance.policy.mutators import coarse_mutants
from tests.governance.policy.randoms import request
from tests.oracles.policy_oracle import decide
from vemo_audit.governance.policy.facts import from_json
from vemo_audit.governance.policy.packs import PERMIT


def asked(engines, baseline, count, *, seed):
    """(facts, action, stage, our answer) for random requests; each day's rules have their own engine."""
    rng = random.Random(seed)
    for _ in range(count):
        plain, action, stage = request(rng, baseline)
        facts = from_json(plain)
        yield plain, action, stage, engines(facts.now.date()).decide(facts, action=action, stage=stage)


def differences(engines, baseline, count, *, seed):
    """(requests that differ, outcomes seen, rules seen, denials without a name)."""
    wrong, outcomes, rules, unnamed = [], set(), set(), 0
    for plain, action, stage, answer in asked(engines, baseline, count, seed=seed):
        names = {hit.rule_id for hit in answer.rules} - {PERMIT}
        if (answer.outcome, names) != decide(plain, action, stage):
            wrong.append((plain, action, stage, answer.outcome, names ^ decide(plain, action, stage)[1]))
        unnamed += answer.outcome != "allow" and (not names or "x.unnamed" in names)
        outcomes.add(str(answer.outcome))
        rules |= names
    return wrong, outcomes, rules, unnamed


def engines_of(bundle):
    return cache(lambda day: still_engine(bundle, as_of=day))


def test_cedar_and_oracle_agree_on_random_facts(bundle, baseline):
    wrong, outcomes, rules, unnamed = differences(engines_of(bundle), baseline, 2_000, seed=20261122)
    assert wrong[:1] == []
    assert unnamed == 0
    assert outcomes == {"allow", "deny", "mask"}
    unheard = {rule.id for rule in bundle.rules} - rules - {PERMIT, "o.vocabulary", "o.vocabulary-person"}
    assert unheard == set()


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("count", [1_000_000])
def test_cedar_and_oracle_agree_on_a_million(bundle, baseline, count):
    start = time.perf_counter()
    wrong, _, _, unnamed = differences(engines_of(bundle), baseline, count, seed=1)
    spent_s = time.perf_counter() - start
    print({"name": "policy_differential", "value": len(wrong), "unnamed": unnamed, "of": count, "bar": 0, "s": spent_s})
    assert wrong[:1] == [] and unnamed == 0


def test_twin_each_negated_rule_makes_them_differ(bundle, baseline):
    twins = [(rule, mutant) for rule, what, mutant in coarse_mutants(bundle) if what == "when negated"]
    sample = random.Random(7).sample([t for t in twins if "vocabulary" not in t[0]], 8)
    for rule_id, mutant in sample:
        wrong, *_ = differences(engines_of(mutant), baseline, 300, seed=3)
        assert wrong, rule_id
