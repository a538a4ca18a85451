"""Whether a plan fits the dataset and the tables that it names, before anything is measured."""

from vemo_audit.audit.answers import RECOGNIZER_SEAM, check_seam, from_table, published
from vemo_audit.audit.plan import AuditPlan
from vemo_audit.datasets.interface import Dataset
from vemo_audit.errors import BadInput
from vemo_audit.evaluation.metrics import named
from vemo_audit.evaluation.slices import UNKNOWN_NAME
from vemo_audit.records.labels import LabelSet
from vemo_audit.resources import plugins
from vemo_audit.tables.schema import PredictionTable


def check_answers(plan: AuditPlan, dataset: Dataset) -> None:
    """Opens every table and published answer of a plan without measuring. Raises BadInput for what does not fit."""
    check_traits(plan, dataset)
    for choice in plan.recognizers:
        if choice.plugin:
            made = plugins.load("recognizer", choice.plugin)
            check_seam(made, RECOGNIZER_SEAM, f"'{choice.plugin}'", where=f"recognizer '{choice.name}'")
            check_metrics(plan, dataset.label_set)
            continue
        answers = (
            published(choice, dataset)
            if choice.table is None
            else from_table(choice, choice.table, known=dataset.label_set, mapping=plan.dataset.mapping)
        )
        check_metrics(plan, answers.table.labels)
        check_clips(answers.table, dataset)
    files = [] if plan.gate.deployment is None else [plan.gate.deployment, *plan.gate.consents]
    for path in files:
        if not path.exists():
            raise BadInput("no such file or folder", where=str(path), expected="what [gate] of the plan names")


def check_clips(table: PredictionTable, dataset: Dataset) -> None:
    """Raises BadInput, naming the file, when a table speaks of no clip that the dataset labels."""
    clips = {truth.clip for truth in dataset.labels()}
    if clips.isdisjoint(table.clip.tolist()):
        raise BadInput(
            f"no clip of the dataset {dataset.card.name}", where=table.source,
            expected=f"names of clips as in the dataset, such as '{min(clips, default='')}'",
        )  # fmt: skip


def check_metrics(plan: AuditPlan, labels: LabelSet) -> None:
    """Raises BadInput, naming the plan, for a metric that there is not, or not for these labels."""
    for name in plan.metrics:
        try:
            named(name, labels)
        except BadInput as error:
            raise BadInput(error.found, where=f"{plan.source}, metrics", expected=error.expected) from None


def check_traits(plan: AuditPlan, dataset: Dataset) -> None:
    """Raises BadInput for a trait that the dataset does not state, or by which a criterion has no two groups."""
    rows = tuple(dataset.traits())
    stated = sorted({name for row in rows for name in row.traits})
    missing = [trait for trait in plan.traits if trait not in stated]
    if missing:
        raise BadInput(
            f"the trait '{missing[0]}'", where=f"{plan.source}, slices.traits",
            expected=f"one that the dataset {dataset.card.name} states: {', '.join(stated) or 'none'}",
        )  # fmt: skip
    for criterion in plan.criteria:
        values = {str(row.traits.get(criterion.over) or UNKNOWN_NAME) for row in rows}
        known = sorted(value for value in values if value.casefold() != UNKNOWN_NAME)
        if criterion.kind == "gap_within" and len(known) < 2:
            raise BadInput(
                f"nobody to compare by '{criterion.over}'; its values are: {', '.join(known) or 'none'}",
                where=f"{plan.source}, criterion '{criterion.id}'", expected="two groups with known values",
                advice="Look at the values of this trait in the dataset.",
            )  # fmt: skip
