"""One audit, from the plan to a run ready to be sealed."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version

from numpy.random import Generator

from vemo_audit.audit.answers import Answers, from_table, open_dataset, published
from vemo_audit.audit.export import sealed
from vemo_audit.audit.fitting import check_clips, check_metrics, check_traits
from vemo_audit.audit.judge import judge
from vemo_audit.audit.limits import Outcome, limits_of
from vemo_audit.audit.measure import Known, Listener, Measured, measure, rows_of, sketch_of
from vemo_audit.audit.plan import AuditPlan, RecognizerChoice
from vemo_audit.audit.predict import Tally, predict, table_through_gate
from vemo_audit.datasets.interface import Dataset
from vemo_audit.errors import BadInput
from vemo_audit.evaluation.slices import counts
from vemo_audit.governance.gate import Gate
from vemo_audit.records.audit_run import AuditRun, DatasetPart, GateEvidence, TraitCount
from vemo_audit.records.finding import Finding

PACKAGES = ("vemo-audit", "numpy", "scipy", "pyarrow", "torch", "av", "opencv-python", "cedarpy")
HISTORIC = "historic table: no decision stands behind these rows"


def run_audit(
    plan: AuditPlan, *, gate: Gate | None, folder: Path, now: datetime, rng: Generator, listener: Listener
) -> AuditRun:
    """Predicts where the plan asks for it, joins, measures and judges. Prediction tables are written below `folder`.

    `gate` is an open gate, or None when the plan says historic. Raises BadInput for what does not fit together, and
    Refused when the gate lets nothing in.
    """
    dataset = open_dataset(plan.dataset, where=str(plan.source))
    known = _known(plan, dataset)
    check_traits(plan, dataset)
    measured: list[Measured] = []
    answered: list[Answers] = []
    findings: list[Finding] = []
    tally = Tally(Counter())
    for choice in plan.recognizers:
        answers = _answers(plan, choice, dataset, gate=gate, tally=tally, folder=folder, listener=listener)
        check_metrics(plan, answers.table.labels)
        check_clips(answers.table, dataset)
        sketch, unjoined = sketch_of(answers.table, known, recognizer=choice.name, digest=answers.digest)
        one = measure(sketch, plan, unjoined=unjoined, rng=rng, listener=listener)
        findings += judge(plan.criteria_of(choice.name), measurements=one.measurements, gaps=one.gaps)
        answered.append(answers)
        measured.append(one)
    evidence = _historic(plan, measured) if gate is None else tally.added_to(_evidence(plan, gate))
    part = _part(plan, dataset, measured)
    outcome = Outcome(dataset.card, tuple(measured), tuple(findings), evidence, plan.traits, plan.level, plan.k)
    return sealed(
        AuditRun(
            title=plan.title, question=plan.question, started=now, plan_digest=plan.digest, run_digest="",
            seed=plan.seed, level=plan.level, versions=_versions(), digests=_digests(plan, dataset, answered),
            recognizers=tuple(answers.card for answers in answered), datasets=(part,), gate=evidence,
            measurements=tuple(m for one in measured for m in one.measurements),
            gaps=tuple(g for one in measured for g in one.gaps),
            confusions=tuple(one.confusion for one in measured),
            reliabilities=tuple(r for one in measured for r in one.reliabilities),
            findings=tuple(findings), limits=limits_of(outcome),
        )
    )  # fmt: skip


def _known(plan: AuditPlan, dataset: Dataset) -> Known:
    truths = tuple(dataset.labels())
    if not truths:
        raise BadInput("no labels", where=f"dataset {dataset.card.name}", expected="at least one labelled clip")
    return Known(dataset.card.name, truths, tuple(dataset.traits()), plan.dataset.mapping)


def _answers(
    plan: AuditPlan, choice: RecognizerChoice, dataset: Dataset, *, gate: Gate | None, tally: Tally, folder: Path,
    listener: Listener,
) -> Answers:  # fmt: skip
    if choice.plugin:
        if gate is None:
            raise BadInput(
                f"the recognizer '{choice.name}' without a gate", expected="an open gate: clips are seen behind it"
            )
        return predict(plan, choice, dataset, gate=gate, tally=tally, folder=folder, listener=listener)
    if choice.table is not None:
        answers = from_table(choice, choice.table, known=dataset.label_set, mapping=plan.dataset.mapping)
    else:
        answers = published(choice, dataset)
    return answers if gate is None else table_through_gate(plan, answers, gate=gate)


def _part(plan: AuditPlan, dataset: Dataset, measured: Sequence[Measured]) -> DatasetPart:
    """Who is in the dataset, counted on the recognizer whose answers cover the most people."""
    most = max(measured, key=lambda one: (len(one.sketch.subjects), rows_of(one.sketch)))
    widest = most.sketch
    several = len(measured) > 1
    mapping = plan.dataset.mapping
    return DatasetPart(
        dataset.card, subjects=len(widest.subjects), rows=rows_of(widest),
        counts=tuple(
            TraitCount(trait, value, subjects, rows)
            for trait in plan.traits
            for value, subjects, rows in counts(widest, trait, k=plan.k, protection=most.protection)
        ),
        unjoined=tuple(
            (f"{one.sketch.recognizer}: {reason}" if several else reason, rows)
            for one in measured
            for reason, rows in one.unjoined
        ),
        mapping=() if mapping is None else (*mapping.pairs, *((name, "") for name in mapping.dropped)),
    )  # fmt: skip


def _evidence(plan: AuditPlan, gate: Gate) -> GateEvidence:
    gated = any(choice.plugin for choice in plan.recognizers)
    return gate.evidence(purpose=plan.gate.purpose, basis="gated inference" if gated else "gated table")


def _historic(plan: AuditPlan, measured: Sequence[Measured]) -> GateEvidence:
    rows = sum(rows_of(one.sketch) for one in measured)
    return GateEvidence(
        basis=HISTORIC, deployment="", purpose=plan.gate.purpose, packs=(), asked=rows, admitted=rows, masked=0,
        refusals=(), consents_in_force=None, consents_withdrawn=None,
    )  # fmt: skip


def _versions() -> tuple[tuple[str, str], ...]:
    found = [("python", python_version())]
    for package in PACKAGES:
        try:
            found.append((package, version(package)))
        except PackageNotFoundError:
            continue
    return tuple(found)


def _digests(plan: AuditPlan, dataset: Dataset, answered: Sequence[Answers]) -> tuple[tuple[str, str], ...]:
    """What went in, by SHA-256: the plan, the dataset's tables, each table of answers and each recognizer."""
    found = [("plan", plan.digest), ("labels", dataset.label_set.digest)]
    if dataset.card.digest:
        found.append((f"dataset {dataset.card.name}", dataset.card.digest))
    for answers in answered:
        found.append((f"predictions of {answers.card.name}", answers.digest))
        if answers.card.digest:
            found.append((f"recognizer {answers.card.name}", answers.card.digest))
    return tuple(found)
