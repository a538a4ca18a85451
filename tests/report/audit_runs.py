"""Whole audit runs, with aggregates only: a historic table of four recognizers, and a gated run on rendered people."""

import math
import random
from dataclasses import replace
from datetime import UTC, datetime

from tests.report.made_up import confused, curve, difference, hidden, measured, recognizer_card
from vemo_audit.records.audit_run import AuditRun, DatasetPart, GateEvidence, RefusalCount, TraitCount
from vemo_audit.records.card import DatasetCard, TraitCard
from vemo_audit.records.finding import Criterion, Finding, Verdict
from vemo_audit.records.measurement import Gap, Measurement, State

STARTED = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
LEVELS = {"voice": 0.819, "static face": 0.604, "temporal face": 0.624, "fusion": 0.867}


def ravdess_run() -> AuditRun:
    """Four recognizers on 24 actors: a historic table, one undecided gap, one missed floor, one hidden group."""
    name = "RAVDESS"
    card = DatasetCard(
        name,
        "1.0.0",
        "acted",
        "zenodo.org/records/1188976",
        "CC BY-NC-SA 4.0",
        "actors agreed to research use",
        "acted intent",
        "North American English",
        (TraitCard("sex", "declared by the dataset"), TraitCard("accent", "declared by the dataset")),
        ("Two sentences only",),
        "cd" * 32,
    )
    counts = (
        TraitCount("sex", "female", 12, 720),
        TraitCount("sex", "male", 12, 720),
        TraitCount("accent", "western", 21, 1260),
        TraitCount("accent", "eastern", None, None),
    )
    measurements: list[Measurement] = []
    gaps: list[Gap] = []
    findings: list[Finding] = []
    floor = Criterion("floor", "accuracy", "at_least", 0.55, "overall")
    within = Criterion("sex-gap", "accuracy", "gap_within", 0.05, "sex")
    accents = Criterion("accent-floor", "accuracy", "at_least", 0.5, "accent", ("fusion",))
    for who, level in LEVELS.items():
        overall = measured(who, name, "accuracy", "overall", level, rows=1440, subjects=24, half=0.035)
        gap = difference(who, name, "accuracy", "sex", "female", "male", 0.06 if who == "fusion" else 0.025, 0.071)
        measurements += [
            overall,
            measured(who, name, "uar", "overall", level - 0.01, rows=1440, subjects=24),
            measured(who, name, "ece", "overall", 0.021, rows=1440, subjects=24, half=0.012, state=State.APPROXIMATE),
            measured(who, name, "tpr:anger", "overall", level + 0.02, rows=192, subjects=24),
            measured(who, name, "accuracy", "sex=female", level + 0.03),
            measured(who, name, "accuracy", "sex=male", level - 0.03),
            measured(who, name, "accuracy", "accent=western", level, rows=1260, subjects=21),
            hidden(who, name, "accuracy", "accent=eastern"),
        ]
        gaps.append(gap)
        verdict = Verdict.MET if level > 0.65 else Verdict.UNDECIDED
        findings.append(Finding(floor, who, name, verdict, overall.id, f"The accuracy is {100 * level:.1f} %."))
        findings.append(
            Finding(
                within,
                who,
                name,
                Verdict.UNDECIDED,
                gap.id,
                f"Undecided. The difference between female and male in accuracy is {100 * gap.value:+.1f} points; "
                "with 24 people the data allow anything from -1.1 to +13.1.",
                70,
            )
        )
    findings.append(
        Finding(
            accents,
            "fusion",
            name,
            Verdict.REFUSED,
            f"fusion/{name}/accuracy/accent=eastern",
            "The accuracy of the group eastern is hidden: fewer than 5 people.",
        )
    )
    return AuditRun(
        title="Four recognizers on acted speech",
        question="Do published recognizers serve women and men alike on acted speech?",
        started=STARTED,
        plan_digest="11" * 32,
        run_digest="22" * 32,
        seed=20261123,
        level=0.95,
        versions=(("numpy", "2.4.6"), ("vemo-audit", "0.1.0")),
        digests=(("predictions", "33" * 32), ("labels", "44" * 32)),
        recognizers=tuple(recognizer_card(who) for who in LEVELS),
        datasets=(
            DatasetPart(
                card, 24, 1440, counts, (("no label", 7),), (("calm", "neutral"), ("angry", "anger"), ("boredom", ""))
            ),
        ),
        gate=GateEvidence(
            "historic table: no decision stands behind these rows",
            "",
            "dataset_audit",
            (),
            1440,
            1440,
            0,
            (),
            None,
            None,
        ),
        measurements=tuple(measurements),
        gaps=tuple(gaps),
        confusions=tuple(confused(who, name, level) for who, level in LEVELS.items()),
        reliabilities=tuple(
            curve("fusion", name, s, seed=k) for k, s in enumerate(("overall", "sex=female", "sex=male"))
        ),
        findings=tuple(findings),
        limits=("The table holds one answer per clip; nothing is known about time within a clip.",),
    )


def gated_run() -> AuditRun:
    """One recognizer on rendered people behind the gate: refusals by rule, many traits, intersections, a miss."""
    name, who = "rendered people", "temporal_multimodal"
    traits = {
        "sex": {"female": 18, "male": 18},
        "age": {"child": 3, "young": 13, "middle": 11, "old": 9},
        "skin tone": {"light": 14, "medium": 12, "dark": 10},
    }
    card = DatasetCard(
        name,
        "0.1",
        "rendered",
        "drawn by this package",
        "CC0 1.0",
        "consent records of the demo",
        "rendered truth",
        "none",
        tuple(TraitCard(trait, "rendered") for trait in traits),
    )
    counts = tuple(
        TraitCount(t, v, n if n >= 5 else None, 6 * n if n >= 5 else None)
        for t, values in traits.items()
        for v, n in values.items()
    )
    rng = random.Random(7)
    measurements = [
        measured(who, name, metric, "overall", value, rows=216, subjects=36)
        for metric, value in (("accuracy", 0.612), ("uar", 0.604), ("macro_f1", 0.589))
    ]
    measurements += [
        measured(who, name, metric, "overall", value, rows=216, subjects=36, half=0.02)
        for metric, value in (("ece", 0.084), ("brier", 0.512))
    ]
    gaps: list[Gap] = []
    for trait, values in traits.items():
        for value, n in values.items():
            slice_ = f"{trait}={value}"
            level = 0.45 if value == "dark" else 0.6 + rng.uniform(-0.05, 0.05)
            shown = measured(who, name, "accuracy", slice_, level, rows=6 * n, subjects=n, half=0.3 / math.sqrt(n))
            measurements.append(shown if n >= 5 else hidden(who, name, "accuracy", slice_))
        first, *others = [v for v, n in values.items() if n >= 5]
        for other in others:
            value = 0.21 if other == "dark" else rng.uniform(-0.03, 0.03)
            gaps.append(
                difference(
                    who,
                    name,
                    "accuracy",
                    trait,
                    first,
                    other,
                    value,
                    0.09,
                    subjects_a=values[first],
                    subjects_b=values[other],
                )
            )
    for a in traits["sex"]:
        for b, n in traits["skin tone"].items():
            measurements.append(
                measured(who, name, "accuracy", f"sex={a} & skin tone={b}", 0.6, rows=3 * n, subjects=n // 2, half=0.12)
            )
    judged = []
    for trait in traits:
        criterion = Criterion(f"{trait}-gap", "accuracy", "gap_within", 0.1, trait)
        for gap in (g for g in gaps if g.trait == trait):
            low, high = gap.interval.low, gap.interval.high
            verdict = Verdict.MISSED if low > 0.1 else Verdict.MET if high < 0.1 and low > -0.1 else Verdict.UNDECIDED
            text = (
                f"The difference between {gap.a} and {gap.b} in accuracy is {100 * gap.value:+.1f} points; "
                f"the data allow anything from {100 * low:+.1f} to {100 * high:+.1f}."
            )
            judged.append(
                Finding(criterion, who, name, verdict, gap.id, text, 41 if verdict is Verdict.UNDECIDED else None)
            )
    return AuditRun(
        title="Demonstration on rendered people",
        question="Is the accuracy alike for rendered people of different sex, age and skin tone?",
        started=STARTED,
        plan_digest="55" * 32,
        run_digest="66" * 32,
        seed=1,
        level=0.95,
        versions=(("vemo-audit", "0.1.0"),),
        digests=(("weights of the expression head", "77" * 32), ("policy bundle", "88" * 32)),
        recognizers=(recognizer_card(who),),
        datasets=(DatasetPart(card, 36, 216, counts, ()),),
        gate=GateEvidence(
            "gated inference",
            "demo",
            "fairness_research",
            ("base 1.0.0", "eu-ai-act/art05 1.0.0"),
            252,
            216,
            0,
            (
                RefusalCount("c.withdrawn", "base promise 5", "The consent was withdrawn.", 14),
                RefusalCount("c.expired", "GDPR art. 7", "The consent has ended.", 12),
                RefusalCount("c.purpose", "GDPR art. 5(1)(b)", "The consent is for another purpose.", 6),
                RefusalCount("c.guardian", "GDPR art. 8", "A minor without the consent of a guardian.", 4),
            ),
            36,
            2,
            "vemo-audit.example/demo",
            540,
            "99" * 32,
            "vemo-audit.example/demo\n540\nmZmZmZmZ\n\n— demo AAAA",
        ),
        measurements=tuple(measurements),
        gaps=tuple(gaps),
        confusions=(confused(who, name, 0.61),),
        reliabilities=(curve(who, name, "overall", seed=9), curve(who, name, "sex=female", seed=4)),
        findings=tuple(judged),
        limits=("The people are drawn; no conclusion about human beings follows.",),
    )


def with_names(run: AuditRun, payload: str) -> AuditRun:
    """The same run with a hostile string as title and as the name of a recognizer, a dataset and a trait value."""
    old = run.recognizers[0].name
    part = run.datasets[0]

    def renamed(text: str) -> str:
        return payload if text in (old, part.card.name) else text.replace("=female", f"={payload}")

    def fact(one):
        return replace(one, recognizer=renamed(one.recognizer), dataset=renamed(one.dataset), id=one.id + payload)

    return replace(
        run,
        title=payload,
        question=payload,
        limits=(payload,),
        recognizers=(replace(run.recognizers[0], name=payload, limits=(payload,)), *run.recognizers[1:]),
        datasets=(replace(part, card=replace(part.card, name=payload, licence=payload)),),
        measurements=tuple(replace(fact(m), slice=renamed(m.slice)) for m in run.measurements),
        gaps=tuple(replace(fact(g), a=payload) for g in run.gaps),
        confusions=tuple(replace(c, recognizer=renamed(c.recognizer), dataset=payload) for c in run.confusions),
        reliabilities=tuple(replace(r, recognizer=renamed(r.recognizer), dataset=payload) for r in run.reliabilities),
        findings=tuple(
            replace(f, recognizer=renamed(f.recognizer), dataset=payload, fact=f.fact + payload, sentence=payload)
            for f in run.findings
        ),
        gate=replace(
            run.gate, purpose=payload, exceptions=(payload,), refusals=(RefusalCount(payload, payload, payload, 9),)
        ),
    )
