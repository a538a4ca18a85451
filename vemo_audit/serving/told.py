"""What is told of one inference: the facts of its page, its summary and its receipt."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vemo_audit.governance.screening import Case
from vemo_audit.recognition.dynamics.micro import shows_new
from vemo_audit.recognition.dynamics.sentiment import CARD as SENTIMENT_RULE
from vemo_audit.records.clip import Clip
from vemo_audit.records.decision import Decision, Permit, RuleHit
from vemo_audit.records.digest import digest
from vemo_audit.records.prediction import Prediction, RecognizerCard
from vemo_audit.report.inference import CoveredCount, InferenceFacts, PersonTimeline
from vemo_audit.report.inferred.movement import brief_words
from vemo_audit.report.inferred.shown import BriefMovements, PersonShown, Wanted
from vemo_audit.serving import beside
from vemo_audit.serving.annotate import Seen

NOT_FEELING = "Estimates of displayed expressions. They do not say what a person feels."


@dataclass(frozen=True, slots=True)
class Beside:
    """What is told beside the expression: of each person, of what was asked for, and of brief movements."""

    people: tuple[PersonShown, ...] = ()
    wanted: Wanted = field(default_factory=Wanted)
    brief: BriefMovements | None = None
    permit: Permit | None = None


def look(
    predictions: Sequence[Prediction], *, case: Case, permit: Permit, seen: Seen | None, followed_hz: float
) -> Beside:
    """What there is to tell beside the expression, of predictions that were cut to the permit."""
    found = beside.people(predictions)
    spoken = any(beside.WORDS in row.modality.split("+") for row in predictions)
    wanted = Wanted(
        tuple(sorted(case.outputs)), tuple(sorted(case.outputs - permit.outputs)),
        tuple(sorted(case.modalities - permit.modalities)),
    )  # fmt: skip
    brief = None
    if seen is not None:
        new_s = np.array(seen.time_s, np.float64)[shows_new(np.array(seen.change, np.float64))]
        brief = beside.brief(predictions, permit, new_s=new_s, followed_hz=followed_hz)
    people = tuple(beside.shown(called(person), rows, spoken=spoken) for person, rows in found.items())
    return Beside(people, wanted, brief, permit)


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
        labels = tuple(row.decided_label for row in rows) if any(row.decided_label for row in rows) else ()
        reasons: dict[str, int] = {}
        for row in rows:
            if row.reason:
                reasons[row.reason] = reasons.get(row.reason, 0) + 1
        found.append(PersonTimeline(called(person), time_s, probability, tuple(reasons.items()), labels))
    return tuple(found)


def facts(
    clip: Clip, decision: Decision, card: RecognizerCard, *, purpose: str, deployment: str,
    predictions: Sequence[Prediction] = (), seen: Seen | None = None, rules: Mapping[str, RuleHit] | None = None,
    receipt: str = "", decoded: int | None = None, more: Beside = Beside(),
) -> InferenceFacts:  # fmt: skip
    """The facts of the page of one clip, admitted or refused."""
    covered = []
    for rule, frames in (seen.covered_frames if seen else {}).items():
        hit = (rules or {}).get(rule, RuleHit(rule, "", ""))
        covered.append(CoveredCount(rule, hit.ref, hit.message, frames, seen.covered_s[rule] if seen else 0.0))
    notes = tuple(dict.fromkeys(one.reason for one in predictions if one.reason and not one.person))
    return InferenceFacts(
        clip.name, decision, purpose, deployment, card, clip.duration_s, timelines(predictions, len(card.labels)),
        tuple(covered), notes, receipt, seen.frames if seen else decoded, more.people, more.wanted,
        beside.declared(more.permit) if more.permit else (), more.brief, SENTIMENT_RULE,
    )  # fmt: skip


def key(
    clip: Clip, card: RecognizerCard, case: Case, *, consents: Sequence[str], manifest: str, files: Sequence[str] = ()
) -> str:
    """What an inference depends on: with the same key, it need not be made again. `files`: digests of a transcript."""
    return digest(
        {
            "clip": clip.sha256, "recognizer": card.digest, "purpose": case.purpose, "consents": sorted(consents),
            "manifest": manifest, "modalities": sorted(case.modalities), "outputs": sorted(case.outputs),
        } | ({"files": sorted(files)} if files else {})
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
    seen: Seen | None, traces: Mapping[str, Any], more: Beside = Beside(),
) -> dict[str, Any]:  # fmt: skip
    """The inference in short, for a script: people, labels by share of their windows, what moved and was covered."""
    people = []
    shown = {one.person: in_short(one) for one in more.people}
    for timeline in timelines(predictions, len(card.labels)):
        answered = np.isfinite(timeline.probability).all(axis=1)
        told = Counter(said for said in timeline.said(card.labels.names) if said)
        mean = timeline.probability[answered].mean(axis=0) if answered.any() else None
        people.append(
            {
                "person": timeline.person, "windows": len(timeline.time_s), "answered": int(answered.sum()),
                "mean_probability": None
                if mean is None
                else {label: round(float(p), 4) for label, p in zip(card.labels.names, mean, strict=True)},
                "top_share": {
                    name: round(told[name] / told.total(), 4) for name in card.labels.names if told[name]
                },
            }
            | shown.get(timeline.person, {})
        )  # fmt: skip
    return {
        "clip": clip.name, "clip_sha256": clip.sha256, "duration_s": round(clip.duration_s, 3), "purpose": purpose,
        "decision": decision.decision_id, "outcome": decision.outcome.value, "recognizer": card.name,
        "recognizer_digest": card.digest, "meaning": NOT_FEELING, "people": people,
        "nobody": not people, "notes": [one.reason for one in predictions if one.reason and not one.person],
        "frames": seen.frames if seen else None, "frames_with_admitted_faces": seen.with_faces if seen else None,
        "covered_frames": dict(seen.covered_frames) if seen else {}, "outputs_withheld": list(more.wanted.withheld),
        "modalities_not_read": list(more.wanted.unread),
        "micro_expressions": brief_words(more.brief) if more.brief else "", "traces": dict(traces),
    }  # fmt: skip


def in_short(one: PersonShown) -> dict[str, Any]:
    """A person's movements, reading and states as plain numbers; what is not known is left out."""
    return {
        "units": {name: level for name, values in one.units.items() if (level := mean_and_peak(values))},
        "events": dict(sorted(Counter(event.kind for event in one.events).items())),
        "quality": {part.name: round(part.mean, 4) for part in one.quality},
        "held_down_by": {part.name: part.limiting for part in one.quality if part.limiting},
        "modalities": {
            share.name: {"windows": share.windows, "windows_against": share.against}
            | ({} if math.isnan(share.contribution) else {"log_odds": round(share.contribution, 4)})
            for share in one.modalities
        },
        "affect": {name: round(float(np.nanmean(v)), 4) for name, v in one.affect.items() if np.isfinite(v).any()},
        "states": {name: level for name, values in one.indices.items() if (level := mean_and_peak(values))},
        "sentiment_windows": dict(one.sentiment),
    }  # fmt: skip


def mean_and_peak(values: NDArray[np.float64]) -> dict[str, float]:
    """Mean and highest of the windows that are known; empty where none is."""
    if not np.isfinite(values).any():
        return {}
    return {"mean": round(float(np.nanmean(values)), 4), "peak": round(float(np.nanmax(values)), 4)}
