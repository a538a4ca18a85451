"""Everything that one audit found, ready to be judged by a reader, drawn and sealed."""

from dataclasses import dataclass, field
from datetime import datetime

from vemo_audit.records.card import DatasetCard
from vemo_audit.records.finding import Finding, Verdict
from vemo_audit.records.measurement import Confusion, Gap, Measurement, Reliability
from vemo_audit.records.prediction import RecognizerCard


@dataclass(frozen=True, slots=True)
class RefusalCount:
    """Clips (or table rows) that one rule kept out."""

    rule_id: str
    ref: str
    message: str
    clips: int


@dataclass(frozen=True, slots=True)
class GateEvidence:
    """What the gate did for this audit. For a historic table `basis` says so and the counts are of rows."""

    basis: str  # 'gated inference', 'gated table', 'historic table: no decision stands behind these rows'
    deployment: str
    purpose: str
    packs: tuple[str, ...]  # active policy packs with version
    asked: int
    admitted: int
    masked: int  # admitted clips in which somebody was filled
    refusals: tuple[RefusalCount, ...]
    consents_in_force: int | None
    consents_withdrawn: int | None
    ledger_origin: str = ""
    ledger_size: int = 0
    ledger_root: str = ""  # hex
    checkpoint: str = ""  # the signed note, as text
    exceptions: tuple[str, ...] = ()  # signed exceptions in force, in words


@dataclass(frozen=True, slots=True)
class TraitCount:
    """How many subjects and clips carry a value; None when fewer than the disclosure limit."""

    trait: str
    value: str
    subjects: int | None
    rows: int | None


@dataclass(frozen=True, slots=True)
class DatasetPart:
    """One dataset in one audit: its card, who is in it, what did not join, and how labels were renamed."""

    card: DatasetCard
    subjects: int
    rows: int
    counts: tuple[TraitCount, ...]
    unjoined: tuple[tuple[str, int], ...]  # reason, rows
    mapping: tuple[tuple[str, str], ...] = ()  # label of the source, label here ('' when dropped)


@dataclass(frozen=True, slots=True)
class AuditRun:
    """One audit, from the plan to the verdicts. Holds aggregates only: no clip, no subject, no path."""

    title: str
    question: str  # the purpose of the audit in one sentence
    started: datetime
    plan_digest: str
    run_digest: str
    seed: int
    level: float
    versions: tuple[tuple[str, str], ...]  # package, version
    digests: tuple[tuple[str, str], ...]  # what, sha256
    recognizers: tuple[RecognizerCard, ...]
    datasets: tuple[DatasetPart, ...]
    gate: GateEvidence
    measurements: tuple[Measurement, ...]
    gaps: tuple[Gap, ...]
    confusions: tuple[Confusion, ...]
    reliabilities: tuple[Reliability, ...]
    findings: tuple[Finding, ...]
    limits: tuple[str, ...] = field(default=())  # sentences that this run's states give rise to

    def verdict(self, criterion_id: str) -> Verdict:
        """The verdict of a criterion over its whole family.

        Missed if any member is missed; else refused if all are; else undecided if any is undecided or refused; else
        met.
        """
        verdicts = {finding.verdict for finding in self.findings if finding.criterion.id == criterion_id}
        if not verdicts:
            raise KeyError(criterion_id)
        if Verdict.MISSED in verdicts:
            return Verdict.MISSED
        if verdicts == {Verdict.REFUSED}:
            return Verdict.REFUSED
        return Verdict.MET if verdicts == {Verdict.MET} else Verdict.UNDECIDED
