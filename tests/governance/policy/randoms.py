"""Random facts and broken requests: near the baseline, so that single rules speak, and far from it."""

import copy

from vemo_audit.governance.policy import vocabulary as words
from vemo_audit.records import consent_terms

TIMES = ["2026-11-22T11:59:59.999Z", "2026-11-22T12:00:00Z", "2026-11-22T12:00:00.001Z", "2026-12-24T12:00:00Z"]
NOWS = ["2026-11-22T12:00:00Z"] * 4 + ["2025-02-01T23:59:59.999Z", "2025-02-02T00:00:00Z", "2026-11-24T00:00:00Z"]
STATES = ["requested", "given", "refused", "expired", "withdrawn", "invalidated", "reconfirmed"]
LIFTABLE = ["h.employment", "h.education", "h.criminal-justice", "h.covert", "h.lie-detection", "h.insurance-credit"]
LIFTABLE += ["b.match-default", *(f"eu-ai-act.5.1.f.{place}" for place in ("workplace", "candidate", "education"))]
WORDS = {
    "use_area": words.UseArea, "subject_role": consent_terms.Role, "inference_kind": words.InferenceKind,
    "purpose": words.Purpose, "age_band": consent_terms.AgeBand, "binding": words.Binding,
    "match_mode": words.MatchMode,
}  # fmt: skip
SETS = {"outputs": words.Output, "modalities": words.Modality}
NUMBERS = {"log_retention_days": (182, 183, 400), "faces_in_view": (0, 1, 2), "max_faces": (0, 1, 2, 9)}
ACTIONS = [*words.Action, *[words.Action.INFER_EMOTION] * 6, words.Action.STORE_OUTPUT]


def some(rng, items, *, least=0):
    items = sorted(items)
    return rng.sample(items, rng.randint(least, min(3, len(items))))


def request(rng, baseline):
    """(facts as JSON, action, stage): 0 to 6 fields changed, each a coin for what is inside."""
    facts = copy.deepcopy(baseline)
    for name in rng.sample(sorted(facts), rng.randint(0, 6)):
        facts[name] = value(rng, name, facts)
    if rng.random() < 0.15:
        facts |= {"binding": "dataset_release", "purpose": "dataset_audit", "release": release(rng)}
    if rng.random() < 0.1:
        role = rng.choice(["employee", "trainee", "volunteer", "contractor", "candidate", "student"])
        facts |= {"subject_role": role, "inference_kind": rng.choice(["intention", "expression", "physical_state"])}
    if rng.random() < 0.03:
        facts |= {"use_area": rng.choice(["law_enforcement", "border_control"]), "inference_kind": "identity"}
    if rng.random() < 0.3:
        facts["exception"] = exception(rng)
    if facts["binding"].startswith("template"):
        facts["match_mode"] = facts["binding"][-4:]
    if facts["exception"] and facts["now"] < "2026":
        facts["exception"]["expires_at"] = "2025-02-02T00:00:00Z"
    return facts, rng.choice(ACTIONS), rng.choice([*words.Stage, words.Stage.FACE])


def value(rng, name, facts):
    if name in WORDS:
        return str(rng.choice(list(WORDS[name])))
    if name in SETS:
        return [str(item) for item in some(rng, SETS[name], least=1)]
    if name in NUMBERS:
        return rng.choice(NUMBERS[name])
    others = {
        "now": lambda: rng.choice(NOWS), "places": lambda: ["EU"], "overseer": lambda: rng.choice([None, "someone"]),
        "audit_age_days": lambda: rng.choice([None, 0, 180, 181]), "dpia_age_days": lambda: rng.choice([None, 3]),
        "consent": lambda: consent(rng, facts["consent"]), "release": lambda: rng.choice([None, release(rng)]),
        "exception": lambda: rng.choice([None, exception(rng)]),
    }  # fmt: skip
    return others.get(name, lambda: rng.random() < 0.5)()


def consent(rng, before):
    if before is None or rng.random() < 0.25:
        return None
    after = dict(before)
    for name in rng.sample(sorted(after), rng.randint(1, 3)):
        if name == "state":
            after[name] = rng.choice(STATES)
        elif name in ("not_before", "expires_at"):
            after[name] = rng.choice(TIMES)
        elif isinstance(after[name], list):
            kind = {"purposes": words.Purpose, "outputs": words.Output, "modalities": words.Modality}[name]
            after[name] = [str(item) for item in some(rng, kind)]
        else:
            after[name] = rng.random() < 0.5
    return after


def release(rng):
    flags = {name: rng.random() < 0.8 for name in ("listed", "consent_statement", "guardian_ok", "single_speaker")}
    return flags | {"purposes": rng.choice([["dataset_audit"], ["dataset_audit", "research"], ["research"]])}


def exception(rng):
    return {
        "kind": str(rng.choice(list(words.ExceptionKind))), "scope": str(rng.choice(list(words.ExceptionScope))),
        "lifts": rng.sample(LIFTABLE, rng.randint(0, len(LIFTABLE))), "evidence": rng.random() < 0.8,
        "approvers": rng.choice([0, 1, 2, 3, 2]), "expires_at": rng.choice(TIMES),
    }  # fmt: skip


def broken_contexts(context):
    """(what was done, context): every field missing, of every wrong type, or an unknown word; and keys too many."""
    wrong = [
        None,
        True,
        7,
        -7,
        0.5,
        "x" * 20,
        [],
        ["odd word"],
        [7],
        {},
        {"a": 1},
        {"__extn": {"fn": "ip", "arg": "1"}},
    ]
    for path, holder in _holders(context):
        for name in list(holder):
            yield f"no {path}{name}", _with(context, path, lambda at, name=name: at.pop(name))
            for bad in wrong:
                if type(bad) is not type(holder[name]) or isinstance(bad, str | list):
                    yield f"{path}{name} = {bad!r}", _with(context, path, lambda at, n=name, b=bad: at.update({n: b}))
            yield (
                f"{path}{name} as a key of another case",
                _with(context, path, lambda at, n=name: at.update({n.upper(): at.pop(n)})),
            )
        yield f"{path} with a key too many", _with(context, path, lambda at: at.update(extra=True))


def _holders(context):
    yield "", context
    for name, value in context.items():
        if isinstance(value, dict) and "__extn" not in value:
            yield f"{name}.", value


def _with(context, path, change):
    changed = copy.deepcopy(context)
    change(changed[path[:-1]] if path else changed)
    return changed
