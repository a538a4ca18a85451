"""Whose answers are audited: read from a table, taken from the dataset, or made now behind the gate."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vemo_audit.audit.plan import DatasetChoice, RecognizerChoice
from vemo_audit.datasets.interface import Answered, Dataset
from vemo_audit.errors import BadInput
from vemo_audit.recognition.recognizers import asking
from vemo_audit.recognition.recognizers.layouts.clips import foreign_table
from vemo_audit.records.digest import sha256_hex
from vemo_audit.records.labels import LabelMapping, LabelSet
from vemo_audit.records.prediction import RecognizerCard
from vemo_audit.resources import plugins
from vemo_audit.tables.read import read_predictions
from vemo_audit.tables.schema import PROBABILITY_PREFIX, PredictionTable

NOT_STATED = "not stated"
DATASET_SEAM = ("clips", "labels", "traits")
RECOGNIZER_SEAM = ("recognize",)
"""What a class must have before it is called."""


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers of one recognizer, its card, and the digest of the table that they stand in."""

    card: RecognizerCard
    table: PredictionTable
    digest: str


def open_dataset(choice: DatasetChoice, *, where: str) -> Dataset:
    """The dataset of a plan. Raises BadInput for an unknown plug-in or option, or for what the plug-in refuses."""
    made = plugins.load("dataset", choice.plugin)
    check_seam(made, DATASET_SEAM, f"the dataset '{choice.plugin}'", where=f"{where} [dataset]")
    try:
        dataset = made(choice.path, **choice.options)
    except TypeError as error:
        raise BadInput(
            f"options {dict(choice.options)} that '{choice.plugin}' does not take: {error}", where=f"{where} [dataset]",
            expected="the options that the plug-in names",
        ) from error  # fmt: skip
    if not isinstance(dataset, Dataset):
        raise BadInput(
            f"the dataset '{choice.plugin}' without {', '.join(_missing(dataset))}", where=f"{where} [dataset]",
            expected="card, label_set, clips, labels and traits",
        )  # fmt: skip
    _check_mapping(choice.mapping, dataset, where=where)
    return dataset


def _check_mapping(mapping: LabelMapping | None, dataset: Dataset, *, where: str) -> None:
    """Raises BadInput for a label that the mapping forgets, or that the dataset does not have."""
    if mapping is None:
        return
    there = ", ".join(dataset.label_set.names)
    stated = [source for source, _ in mapping.pairs] + list(mapping.dropped)
    for name in stated:
        if name not in dataset.label_set.names:
            raise BadInput(
                f"the label '{name}'", where=f"{where}, dataset.{'drop' if name in mapping.dropped else 'mapping'}",
                expected=f"labels of the dataset {dataset.card.name}: {there}",
            )  # fmt: skip
    for name in dataset.label_set.names:
        if name not in stated:
            raise BadInput(
                f"no new name for the label '{name}'", where=f"{where}, dataset.mapping",
                expected=f"every label of the dataset {dataset.card.name}: {there}",
                advice="Name it under [dataset.mapping], be it by itself, or drop it with dataset.drop.",
            )  # fmt: skip


def check_seam(made: Any, seam: tuple[str, ...], what: str, *, where: str) -> None:
    """Raises BadInput for what is no class of this seam, before it is called: a plan names code, and only plug-ins."""
    lacking = [name for name in seam if not callable(getattr(made, name, None))]
    if not isinstance(made, type) or lacking:
        found = f"{what}, which is no class" if not isinstance(made, type) else f"{what} without {', '.join(lacking)}"
        raise BadInput(found, where=where, expected=f"a class with {', '.join(seam)}")


def open_recognizer(choice: RecognizerChoice) -> Any:
    """The recognizer of a plan; options that it names in PATHS are relative to the plan.

    Raises BadInput for an unknown plug-in or option.
    """
    made = plugins.load("recognizer", choice.plugin)
    where = f"recognizer '{choice.name}'"
    check_seam(made, RECOGNIZER_SEAM, f"'{choice.plugin}'", where=where)
    options = dict(choice.options)
    for name in getattr(made, "PATHS", ()):
        if isinstance(options.get(name), str) and options[name]:
            options[name] = choice.folder / options[name]
    try:
        return asking.made(lambda: made(**options), name=choice.plugin, where=where)
    except TypeError as error:
        raise BadInput(
            f"options {dict(choice.options)} that '{choice.plugin}' does not take: {error}", where=where,
            expected="the options that the plug-in names",
        ) from error  # fmt: skip


def _missing(dataset: object) -> list[str]:
    return [name for name in ("card", "label_set", "clips", "labels", "traits") if not hasattr(dataset, name)]


def published(choice: RecognizerChoice, dataset: Dataset) -> Answers:
    """Answers that the dataset itself publishes. Raises BadInput when it publishes none, or none by this name."""
    if not isinstance(dataset, Answered):
        raise BadInput(
            f"published = '{choice.published}'", where=f"recognizer '{choice.name}'",
            expected=f"a table or a plugin: the dataset {dataset.card.name} publishes no answers",
        )  # fmt: skip
    table = dataset.predictions(choice.published)
    card = next(card for card in dataset.recognizers() if card.name == choice.published)
    return Answers(_renamed(card, choice), table, table.metadata.get("source_digest", dataset.card.digest))


def from_table(choice: RecognizerChoice, path: Path, *, known: LabelSet, mapping: LabelMapping | None) -> Answers:
    """Answers in a file. It must hold a probability for every label of the dataset, after renaming; it may hold more.

    With options, it is the table of another tool: one row for each person and clip, the mean of its frames.
    Raises BadInput for a faulty table or a label without a column.
    """
    foreign = foreign_table(path, choice.options) if choice.options else None
    table = foreign.table if foreign else read_predictions(path)
    check_labels(table, known=known, mapping=mapping)
    card = RecognizerCard(
        name=choice.name, version=choice.version or table.metadata.get("version", NOT_STATED), labels=table.labels,
        modalities=(), window="one row of a table", training_data=choice.training_data or NOT_STATED,
        licence=choice.licence or NOT_STATED, digest=table.metadata.get("digest", ""),
        limits=("Only its table of answers is known here.", *(foreign.limits if foreign else ())),
    )  # fmt: skip
    return Answers(card, table, foreign.digest if foreign else sha256_hex(path.read_bytes()))


def check_labels(table: PredictionTable, *, known: LabelSet, mapping: LabelMapping | None) -> None:
    """Raises BadInput for a label of the dataset that no column of the table can answer."""
    for name in known.names:
        renamed = name if mapping is None else mapping(name)
        if renamed is not None and renamed not in table.labels.names:
            raise BadInput(
                f"no column '{PROBABILITY_PREFIX}{renamed}' for the label '{name}'", where=table.source,
                expected=f"a probability for every label of the dataset; there are {', '.join(table.labels.names)}",
                advice="Name the label under [dataset.mapping], or drop it with dataset.drop.",
            )  # fmt: skip


def _renamed(card: RecognizerCard, choice: RecognizerChoice) -> RecognizerCard:
    return RecognizerCard(
        name=choice.name, version=choice.version or card.version, labels=card.labels, modalities=card.modalities,
        window=card.window, training_data=card.training_data, licence=card.licence, digest=card.digest,
        limits=card.limits,
    )  # fmt: skip
