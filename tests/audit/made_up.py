"""Criteria, gaps and levels by hand, and a plan measured without judging, for tests of what is said about them."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from vemo_audit.audit.answers import from_table, open_dataset
from vemo_audit.audit.measure import Known, Measured, measure, sketch_of
from vemo_audit.audit.plan import read_plan
from vemo_audit.records.finding import Criterion
from vemo_audit.records.measurement import Gap, Interval, Measurement, State

WITHIN = Criterion("gap", "accuracy", "gap_within", 0.05, "sex")
LEAST = Criterion("least", "accuracy", "at_least", 0.7, "overall")
MOST = Criterion("most", "ece", "at_most", 0.1, "overall")


def between(low: float, high: float) -> Interval:
    return Interval(low, high, 0.95, "cluster-t", 20.0)


def gap(low: float, high: float, **more: object) -> Gap:
    made = Gap(
        "r/d/accuracy/gap/sex/female-male", "r", "d", "accuracy", "sex", "female", "male", (low + high) / 2,
        between(low, high), (), 0.1, 0.05, 12, 12, State.OK,
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]


def level(low: float, high: float, **more: object) -> Measurement:
    made = Measurement(
        "r/d/accuracy/overall", "r", "d", "accuracy", "overall", (low + high) / 2, between(low, high), (), 100, 24,
        State.OK,
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]


def measured(plan_path: Path) -> Measured:
    """All numbers of the first recognizer of a plan of tables."""
    plan = read_plan(plan_path)
    dataset = open_dataset(plan.dataset, where="plan")
    choice = plan.recognizers[0]
    assert choice.table is not None
    answers = from_table(choice, choice.table, known=dataset.label_set, mapping=plan.dataset.mapping)
    known = Known(dataset.card.name, tuple(dataset.labels()), tuple(dataset.traits()), plan.dataset.mapping)
    sketch, unjoined = sketch_of(answers.table, known, recognizer="vendor", digest=answers.digest)
    return measure(
        sketch, plan, unjoined=unjoined, rng=np.random.default_rng(0), listener=lambda stage, done, total: None
    )
