"""What is told of one inference: the facts of its page, its summary and its receipt."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vemo_audit.governance.screening import Case
from vemo_audit.records.clip import Clip
from vemo_audit.records.decision import Decision, Permit, RuleHit
from vemo_audit.records.digest import digest
from vemo_audit.records.prediction import Prediction, RecognizerCard
from vemo_audit.report.inference import CoveredCount, InferenceFacts, PersonTimeline
from vemo_audit.serving.annotate import Seen

NOT_FEELING = "Estimates of displayed expressions. They do not say what a person feels."


def called(person: str) -> str:
    """What a page calls a track."""
    return f"Person {person}" if person.isdigit() else person.capitalize()


def timelines(predictions: Sequence[Prediction], classes: int) -> tuple[PersonTimeline, ...]:
    """Each person's probabilities at the middle of each window; NaN where there is no answer, with the reasons."""
    people: dict[str, list[Prediction]] = {}
    for one in predictions:
        if one.person:
            people.setdefault(one.person, []).append(one)
    found = []
    for person, rows in people.items():
        time_s = np.array([(row.span.start_s + row.span.end_s) / 2 for row in rows])
        missing = np.full(classes, np.nan, np.float32)
        probability = np.stack([missing if row.probability is None else row.probability for row in rows])
        reasons: dict[str, int] = {}
        for row in rows:
            if row.reason:
                reasons[row.reason] = reasons.get(row.reason, 0) + 1
        found.append(PersonTimeline(called(person), time_s, probability, tuple(reasons.items())))
    return tuple(found)


def facts(
    clip: Clip, decision: Decision, card: RecognizerCard, *, purpose: str, deployment: str,
    predictions: Sequence[Prediction] = (), seen: Seen | None = None, rules: Mapping[str, RuleHit] | None = None,
    receipt: str = "", decoded: int | None = None,
) -> InferenceFacts:  # fmt: skip
    """The facts of the page of one clip, admitted or refused."""
    covered = []
    for rule, frames in (seen.covered_frames if seen else {}).items():
        hit = (rules or {}).get(rule, RuleHit(rule, "", ""))
        covered.append(CoveredCount(rule, hit.ref, hit.message, frames, seen.covered_s[rule] if seen else 0.0))
    notes = tuple(dict.fromkeys(one.reason for one in predictions if one.reason and not one.person))
    return InferenceFacts(
        clip.name, decision, purpose, deployment, card, clip.duration_s, timelines(predictions, len(card.labels)),
        tuple(covered), notes, receipt, seen.frames if seen else decoded,
    )  # fmt: skip


def key(clip: Clip, card: RecognizerCard, case: Case, *, consents: Sequence[str], manifest: str) -> str:
    """What an inference depends on: with the same key, it need not be made again."""
    return digest(
        {
            "clip": clip.sha256, "recognizer": card.digest, "purpose": case.purpose, "consents": sorted(consents),
            "manifest": manifest, "modalities": sorted(case.modalities), "outputs": sorted(case.outputs),
        }
    )  # fmt: skip


def receipt(
    clip: Clip, decision: Decision, *, run: str, purpose: str, files: Mapping[str, str], proof: str,
    permit: Permit | None = None,
) -> dict[str, Any]:  # fmt: skip
    """What the person or an auditor needs to check this decision later: ids, digests and the proof from the ledger."""
    told = {
        "schema": "vemo.receipt/1", "run": run, "decision_id": decision.decision_id, "outcome": decision.outcome.value,
        "at": decision.at.isoformat(), "clip": clip.name, "clip_sha256": clip.sha256, "purpose": purpose,
        "rules": [{"id": r.rule_id, "ref": r.ref, "message": r.message} for r in decision.rules],
        "next_step": decision.advice, "ledger": {"origin": decision.log_origin, "index": decision.log_index},
        "files": dict(files), "proof": proof,
    }  # fmt: skip
    if permit is not None:
        told["permit"] = {
            "modalities": sorted(permit.modalities), "outputs": sorted(permit.outputs), "binding": permit.binding,
            "expires_at": permit.expires_at.isoformat(),
        }  # fmt: skip
    return told


def summary(
    clip: Clip, decision: Decision, card: RecognizerCard, *, purpose: str, predictions: Sequence[Prediction],
    seen: Seen | None, traces: Mapping[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """The inference in short, for a script: people, their most probable classes, what was covered."""
    people = []
    for timeline in timelines(predictions, len(card.labels)):
        answered = np.isfinite(timeline.probability).all(axis=1)
        top = timeline.probability[answered].argmax(axis=1) if answered.any() else np.zeros(0, int)
        mean = timeline.probability[answered].mean(axis=0) if answered.any() else None
        people.append(
            {
                "person": timeline.person, "windows": len(timeline.time_s), "answered": int(answered.sum()),
                "mean_probability": None
                if mean is None
                else {label: round(float(p), 4) for label, p in zip(card.labels.names, mean, strict=True)},
                "top_share": {
                    card.labels.names[k]: round(float((top == k).mean()), 4) for k in sorted(set(top.tolist()))
                },
            }
        )  # fmt: skip
    return {
        "clip": clip.name, "clip_sha256": clip.sha256, "duration_s": round(clip.duration_s, 3), "purpose": purpose,
        "decision": decision.decision_id, "outcome": decision.outcome.value, "recognizer": card.name,
        "recognizer_digest": card.digest, "meaning": NOT_FEELING, "people": people,
        "nobody": not people, "notes": [one.reason for one in predictions if one.reason and not one.person],
        "frames": seen.frames if seen else None, "frames_with_admitted_faces": seen.with_faces if seen else None,
        "covered_frames": dict(seen.covered_frames) if seen else {}, "traces": dict(traces),
    }  # fmt: skip
