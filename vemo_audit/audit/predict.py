"""Takes clips through the gate one by one, and what the recognizer says of those let in to a prediction table."""

import re
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from vemo_audit.audit.answers import Answers, check_labels, open_recognizer
from vemo_audit.audit.consents import ConsentFiles
from vemo_audit.audit.measure import Listener
from vemo_audit.audit.plan import AuditPlan, RecognizerChoice
from vemo_audit.datasets.interface import Dataset
from vemo_audit.errors import BadInput, Refused
from vemo_audit.governance.gate import Gate
from vemo_audit.governance.screening import Case
from vemo_audit.media.probe import probe
from vemo_audit.recognition.recognizers import asking
from vemo_audit.records.audit_run import GateEvidence, RefusalCount
from vemo_audit.records.clip import AdmittedClip
from vemo_audit.records.decision import Decision, RuleHit
from vemo_audit.records.digest import sha256_hex
from vemo_audit.records.prediction import Prediction, RecognizerCard
from vemo_audit.tables.read import read_predictions
from vemo_audit.tables.write import write_predictions

ANY = frozenset({"face", "voice"})
"""What a table is taken to rest on when it does not say."""
FOLDER = "predictions"


@dataclass(frozen=True, slots=True)
class Tally:
    """Clips that were admitted and then stopped while they were looked at, by rule."""

    stopped: Counter[tuple[str, str, str]]

    def added_to(self, evidence: GateEvidence) -> GateEvidence:
        """The gate's evidence with the stopped clips among the refused ones, as nothing of them was let out."""
        if not self.stopped:
            return evidence
        counts = Counter({(r.rule_id, r.ref, r.message): r.clips for r in evidence.refusals}) + self.stopped
        refusals = tuple(RefusalCount(*rule, clips) for rule, clips in counts.most_common())
        return replace(evidence, admitted=evidence.admitted - self.stopped.total(), refusals=refusals)


def predict(
    plan: AuditPlan, choice: RecognizerChoice, dataset: Dataset, *, gate: Gate, tally: Tally, folder: Path,
    listener: Listener,
) -> Answers:  # fmt: skip
    """Asks the gate for each clip, lets the recognizer see those admitted, and writes what may leave.

    Raises Refused when not one clip was let in, and BadInput for a dataset without clips.
    """
    clips = tuple(dataset.clips())
    if not clips:
        raise BadInput(
            f"no clips for '{choice.name}' to see", where=f"dataset {dataset.card.name}", expected="media files"
        )
    recognizer = open_recognizer(choice)
    card: RecognizerCard = replace(recognizer.card, name=choice.name)
    consents = ConsentFiles(plan.gate.consents)
    rows: list[Prediction] = []
    refused: Counter[tuple[str, str, str]] = Counter()
    for done, item in enumerate(clips):
        listener(f"watching with {choice.name}", done, len(clips))
        clip = probe(item.path, name=item.name)
        case = Case(
            purpose=plan.gate.purpose, modalities=frozenset(card.modalities) or ANY, outputs=plan.gate.outputs,
            consents=consents.of(item), release=consents.release_of(clip.sha256), model_digest=card.digest,
        )  # fmt: skip
        answer = gate.admit(clip, case)
        if isinstance(answer, Decision):
            refused[_rule(answer.rules[0])] += 1
            continue
        said = _look(gate, recognizer, answer)
        if isinstance(said, tuple):
            tally.stopped[said] += 1
            refused[said] += 1
        else:
            rows += said
    listener(f"watching with {choice.name}", len(clips), len(clips))
    if not rows:
        (rule_id, ref, message), count = refused.most_common(1)[0]
        raise Refused(
            f"not one of {len(clips)} clips was let in; {count} times: {message}", rule_id=rule_id, ref=ref,
            where=f"recognizer '{choice.name}'", advice="Nothing was measured.",
        )  # fmt: skip
    return _written(rows, card, plan, dataset, folder=folder)


class Recognizes(Protocol):
    """The part of the recognizer seam that is used here."""

    card: RecognizerCard

    def recognize(self, clip: AdmittedClip) -> Any: ...


def _look(gate: Gate, recognizer: Recognizes, clip: AdmittedClip) -> list[Prediction] | tuple[str, str, str]:
    """What may leave of the recognizer's answers, or the rule that stopped it on the way."""
    try:
        kept = gate.emit(clip, asking.answers(recognizer, clip))
    except Refused as stopped:
        return stopped.rule_id, stopped.ref, stopped.message
    return kept or (
        "p.not-emitted",
        "base promise 1",
        "Consent ended while the clip was looked at; nothing was let out.",
    )


def _rule(hit: RuleHit) -> tuple[str, str, str]:
    return hit.rule_id, hit.ref, hit.message


def _written(
    rows: list[Prediction], card: RecognizerCard, plan: AuditPlan, dataset: Dataset, *, folder: Path
) -> Answers:
    """Writes the prediction table and reads it again: what is measured is what lies in the file."""
    path = folder / FOLDER / (re.sub(r"[^\w.-]+", "_", card.name) + ".parquet")
    metadata = {"recognizer": card.name, "version": card.version, "digest": card.digest}
    write_predictions(path, rows, labels=card.labels, dataset=dataset.card.name, metadata=metadata)
    table = read_predictions(path, labels=card.labels)
    check_labels(table, known=dataset.label_set, mapping=plan.dataset.mapping)
    return Answers(card, table, sha256_hex(path.read_bytes()))


def table_through_gate(plan: AuditPlan, answers: Answers, *, gate: Gate) -> Answers:
    """Lets the gate decide on a table by its digest. Raises Refused, with the rule, when it says no."""
    consents = ConsentFiles(plan.gate.consents)
    modalities = frozenset(answers.card.modalities) or ANY
    case = Case(
        purpose=plan.gate.purpose, modalities=modalities, outputs=plan.gate.outputs, consents=consents.of_all(),
        release=consents.release_of(answers.digest), model_digest=answers.card.digest,
    )  # fmt: skip
    decision = gate.admit_table(answers.digest, case)
    if not decision.allowed:
        rule_id, ref, message = _rule(decision.rules[0])
        raise Refused(message, rule_id=rule_id, ref=ref, where=answers.table.source, advice=decision.advice)
    return answers
