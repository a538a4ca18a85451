"""The dataset seam: a card, clips, labels and traits; a plug-in implements `Dataset` and nothing else.

A plug-in is a class that is called as `Name(path, **options)`: `path` is the folder named in the plan (already resolved
against the plan file), the options are the plan's `[dataset.options]`. An unknown option raises BadInput. It is found
by entry point (`vemo_audit.datasets`) or as `module:Name`. It need not import this file: the records are enough.
"""

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from vemo_audit.records.card import DatasetCard
from vemo_audit.records.labels import LabelSet
from vemo_audit.records.prediction import RecognizerCard
from vemo_audit.records.subject import SubjectTraits
from vemo_audit.records.truth import DatasetClip, Truth
from vemo_audit.tables.schema import PredictionTable


@runtime_checkable
class Dataset(Protocol):
    """People in clips, with labels and traits that they or the dataset stated; nothing here is inferred."""

    card: DatasetCard
    """Printed as the data sheet of every report. `card.name` is the `dataset` column of every table."""
    label_set: LabelSet
    """The dataset's own classes, in the order of every probability."""

    def clips(self) -> Iterable[DatasetClip]:
        """The media files, in a fixed order; they exist when this returns. Empty for a dataset of tables only."""
        ...

    def labels(self) -> Iterable[Truth]:
        """One row for each labelled subject of a clip. `Truth.label` is one of `label_set`."""
        ...

    def traits(self) -> Iterable[SubjectTraits]:
        """One row for each subject; every row names every trait of the card, None where nobody stated it."""
        ...


@runtime_checkable
class Answered(Protocol):
    """A dataset that also publishes what recognizers (or a crowd) answered on it."""

    def recognizers(self) -> tuple[RecognizerCard, ...]:
        """Whose answers there are; `RecognizerCard.name` is what the plan names."""
        ...

    def predictions(self, recognizer: str) -> PredictionTable:
        """The published answers. Raises BadInput, listing the names, when there are none by this one."""
        ...
