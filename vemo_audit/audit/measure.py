"""From answers, labels and traits to numbers: one sketch for each recognizer, and all that is measured on it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator

from vemo_audit.audit.plan import AuditPlan
from vemo_audit.errors import BadInput
from vemo_audit.evaluation.across import protect_all
from vemo_audit.evaluation.disparity import gaps
from vemo_audit.evaluation.displays import confusion, reliability
from vemo_audit.evaluation.join import join
from vemo_audit.evaluation.levels import levels
from vemo_audit.evaluation.metrics import named
from vemo_audit.evaluation.resample import draws
from vemo_audit.evaluation.sketch import Sketch
from vemo_audit.evaluation.slices import OVERALL, Protection, Slice, slices
from vemo_audit.evaluation.withheld import coarse_gap
from vemo_audit.records.labels import LabelMapping
from vemo_audit.records.measurement import Confusion, Gap, Measurement, Reliability, State, conditions
from vemo_audit.records.subject import SubjectTraits
from vemo_audit.records.truth import Truth
from vemo_audit.tables.schema import PROBABILITY_PREFIX, PredictionTable

CALIBRATION = frozenset({"ece", "debiased_ece", "brier", "nll", "overconfidence"})
"""Metrics of stated probabilities; reliability is drawn when the plan asks for one of them."""

Listener = Callable[[str, int, int], None]
"""Is told of progress: what is done, how many of it, of how many (0 when nobody knows)."""


@dataclass(frozen=True, slots=True)
class Measured:
    """All numbers of one recognizer on one dataset, and the sketch they came from."""

    sketch: Sketch
    protection: Protection  # of all its slices together
    unjoined: tuple[tuple[str, int], ...]
    measurements: tuple[Measurement, ...]
    gaps: tuple[Gap, ...]
    confusion: Confusion
    reliabilities: tuple[Reliability, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """What a dataset states: labels after renaming, and traits."""

    name: str
    truths: tuple[Truth, ...]
    traits: tuple[SubjectTraits, ...]
    mapping: LabelMapping | None


def sketch_of(
    table: PredictionTable, known: Known, *, recognizer: str, digest: str
) -> tuple[Sketch, tuple[tuple[str, int], ...]]:
    """The sketch of one recognizer's answers, and how many rows did not join and why.

    A table with weights is one of votes. Raises BadInput when rows of another dataset stand in the table.
    """
    foreign = sorted({name for name in table.dataset.tolist() if name not in ("", known.name)})
    if foreign:
        raise BadInput(
            f"rows of the dataset '{foreign[0]}'", where=table.source, expected=f"rows of '{known.name}' only"
        )
    joined = join(
        predictions=_prediction_columns(table), labels=_label_columns(known), subjects=_subject_columns(known),
        traits=_traits(known.traits), label_set=table.labels, recognizer=recognizer, dataset=known.name,
        unit="clip" if table.weight is None else "vote",
    )  # fmt: skip
    return Sketch.of(joined.scored, shard=digest), joined.unjoined


def measure(
    sketch: Sketch, plan: AuditPlan, *, unjoined: tuple[tuple[str, int], ...], rng: Generator, listener: Listener
) -> Measured:
    """Every metric of the plan on every slice, the gaps of every trait, the confusion and the reliabilities.

    Raises BadInput for a metric or trait that the data do not have.
    """
    metrics = [named(name, sketch.labels) for name in plan.metrics]
    resamples = draws(len(sketch.subjects), plan.draws, rng)
    all_slices = slices(sketch, plan.traits, plan.depth)
    protection = protect_all(sketch, all_slices, k=plan.k)
    done = 0

    def on_progress(name: str) -> None:
        nonlocal done
        done += 1
        listener(f"measuring {sketch.recognizer}", done, len(all_slices))

    found = levels(
        sketch, all_slices, metrics, draws=resamples, level=plan.level, k=plan.k, protection=protection,
        on_progress=on_progress,
    )  # fmt: skip
    between = tuple(
        gap
        for trait in plan.traits
        for gap in gaps(sketch, trait, *metrics, draws=resamples, level=plan.level, k=plan.k, protection=protection)
    )
    drawn = [one for one in all_slices if len(one.conditions) <= 1] if CALIBRATION & set(plan.metrics) else []
    return Measured(
        sketch, protection, unjoined, _listed(found), tuple(_told(gap, sketch) for gap in between),
        confusion(sketch, k=plan.k),
        tuple(reliability(sketch, one, level=plan.level, k=plan.k, protection=protection) for one in drawn),
    )  # fmt: skip


def _listed(found: Sequence[Measurement]) -> tuple[Measurement, ...]:
    """The measurements without the parts of hidden groups: a list of them alone would tell how many people there are.

    Where everybody is hidden, the groups are listed, as each of them is refused.
    """
    hidden = {frozenset(conditions(m.slice)) for m in found if m.state is State.HIDDEN} - {frozenset()}
    return tuple(m for m in found if not any(whole < set(conditions(m.slice)) for whole in hidden))


def _told(gap: Gap, sketch: Sketch) -> Gap:
    """The gap, coarse where the size of one of its groups is withheld."""
    if gap.state is State.HIDDEN or None not in (gap.subjects_a, gap.subjects_b):
        return gap
    sides = ((gap.a, gap.subjects_a), (gap.b, gap.subjects_b))
    sizes = [rows_of(sketch, Slice(((gap.trait, value),))) for value, count in sides if count is None]
    return coarse_gap(gap, rows=min(sizes))


def _prediction_columns(table: PredictionTable) -> dict[str, Any]:
    columns: dict[str, Any] = {
        "clip": table.clip, "person": table.person, "start_s": table.start_s, "end_s": table.end_s,
        "abstained": table.abstained,
    }  # fmt: skip
    columns |= {PROBABILITY_PREFIX + name: table.probability[:, i] for i, name in enumerate(table.labels.names)}
    if table.weight is not None:
        columns["weight"] = table.weight
    return columns


def _label_columns(known: Known) -> dict[str, Any]:
    label = [truth.label if known.mapping is None else known.mapping(truth.label) for truth in known.truths]
    return {"clip": [t.clip for t in known.truths], "person": [t.person for t in known.truths], "label": label}


def _subject_columns(known: Known) -> dict[str, Any]:
    return {
        "clip": [t.clip for t in known.truths],
        "person": [t.person for t in known.truths],
        "subject": [t.subject for t in known.truths],
    }


def _traits(rows: Sequence[SubjectTraits]) -> Mapping[str, Mapping[str, str | None]]:
    """Traits by subject. Raises BadInput for a subject with two rows, as nobody has two values of a trait."""
    found: dict[str, Mapping[str, str | None]] = {}
    for row in rows:
        if row.subject in found:
            raise BadInput(
                f"the subject '{row.subject}' twice", where=f"traits of {row.dataset}",
                expected="one row, and so one value of a trait, for each subject",
            )  # fmt: skip
        found[row.subject] = row.traits
    return found


def rows_of(sketch: Sketch, one: Slice = OVERALL) -> int:
    """How many rows (clips, or votes) stand in a sketch, or in a slice of it."""
    width = len(sketch.labels) * (len(sketch.labels) + 1)
    return int(np.sum(sketch.counts[one.mask(sketch), :width]))
