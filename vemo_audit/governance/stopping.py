"""The stop switch, and what a recorded decision says to a person."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vemo_audit.governance import manifest, refusals
from vemo_audit.governance.journal import Journal, Note
from vemo_audit.governance.policy.packs import Bundle
from vemo_audit.records.decision import Decision, Outcome, RuleHit


def stop_path(deployment: Path) -> Path:
    """Where the stop file of a deployment lies."""
    return deployment.parent / manifest.read(deployment).stores.stop_file


def stop(deployment: Path, *, by: str) -> Path:
    """Stops a deployment at once; works while a gate is open, and needs no key."""
    path = stop_path(deployment)
    path.write_text(f"stopped by {by}\n", "utf-8")
    return path


def log(journal: Journal, action: str, people: Sequence[str]) -> Decision:
    """Records a stop or a resumption."""
    outcome = Outcome.DENY if action == "stop" else Outcome.ALLOW
    rules = (refusals.hit("o.killswitch"),)
    return journal.write(
        Note(phase="override", action=action, outcome=outcome, rules=rules, more=(("people", sorted(people)),))
    )


def resume(deployment: Path, journal: Journal, *, approvers: Sequence[str]) -> Decision:
    """Lifts the stop once the resumption is durable."""
    decision = log(journal, "resume", approvers)
    stop_path(deployment).unlink(missing_ok=True)
    return decision


def rules_of(header: dict[str, Any], bundle: Bundle) -> list[dict[str, str]]:
    """The rules that a recorded decision names, with what they say and what can be done."""
    messages = {rule.id: rule.message for rule in bundle.rules}
    messages |= {rule_id: row[1] for rule_id, row in refusals.RULES.items() if rule_id not in messages}
    hits = [
        RuleHit(rule_id, ref, messages.get(rule_id, "This rule is not among the policies installed here."))
        for rule_id, ref in zip(header["rule_ids"], header["refs"], strict=False)
    ]
    return [
        {"rule_id": hit.rule_id, "ref": hit.ref, "message": hit.message, "next_step": refusals.advice((hit,))}
        for hit in hits
    ]
