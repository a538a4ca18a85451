"""RAVDESS speech clips and what four published recognizers answered on them: tables only, no sound and no picture."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from vemo_audit.datasets.published import Columns, columns_of
from vemo_audit.errors import BadInput
from vemo_audit.records.card import DatasetCard, TraitCard
from vemo_audit.records.labels import LabelSet
from vemo_audit.records.prediction import RecognizerCard
from vemo_audit.records.subject import SubjectTraits
from vemo_audit.records.truth import DatasetClip, Truth
from vemo_audit.tables.schema import PredictionTable

FILE = "recognizers.parquet"
LABELS = LabelSet(("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised"))
"""The dataset's own eight classes; calm is one of them and is not merged into neutral."""
SEX_OF_ODD_ACTORS = "male"
MODALITIES = MappingProxyType(
    {
        "wav2vec_voice": ("voice",),
        "au_mlp_face": ("face",),
        "au_bilstm_face": ("face",),
        "fusion_av": ("face", "voice"),
    }
)
CARD = DatasetCard(
    name="ravdess",
    version="1.0 (speech)",
    kind="acted",
    source="Livingstone & Russo 2018, doi:10.1371/journal.pone.0196391",
    licence="CC BY-NC-SA 4.0: evaluation only, never in a product",
    consent_basis="24 professional actors recorded for the published set; no individual consent document was seen",
    label_basis="acted intent",
    language="North American English",
    traits=(TraitCard("sex", "declared by the dataset, coded by the actor's number"),),
    limits=(
        "24 actors speak two sentences in a studio; acted expression is stronger and cleaner than everyday expression.",
        "The recognizers' fold models may have been chosen on their own test fold: their accuracies are optimistic.",
        "Neutral has no strong intensity, so it has 96 clips where each other class has 192.",
        "No age, race or ethnicity is published, so nothing can be said of them.",
    ),
)


class Ravdess:
    """1,440 clips of 24 actors; `path` is the folder that holds `recognizers.parquet`."""

    label_set = LABELS

    def __init__(self, path: Path) -> None:
        self._file = path / FILE
        self._columns: Columns = columns_of(
            self._file, ("clip", "actor", "sex", "emotion", "recognizer", *(f"p_{name}" for name in LABELS.names))
        )
        self.card = replace(CARD, digest=self._columns.digest)

    def clips(self) -> Iterable[DatasetClip]:
        """None: the published tables come without media."""
        return ()

    def labels(self) -> Iterable[Truth]:
        """The intended emotion of each clip. Raises BadInput when the recognizers' rows disagree on it."""
        found: dict[str, Truth] = {}
        rows = zip(*(self._columns[name] for name in ("clip", "emotion", "actor")), strict=True)
        for k, (clip, emotion, actor) in enumerate(rows, start=1):
            truth = found.setdefault(clip, Truth(clip, emotion, str(actor)))
            if (truth.label, truth.subject) != (emotion, str(actor)):
                raise BadInput(
                    f"clip '{clip}' as {emotion} of actor {actor}", where=f"{self._file}, row {k}",
                    expected=f"{truth.label} of actor {truth.subject}, as in its first row",
                )  # fmt: skip
        return tuple(found.values())

    def traits(self) -> Iterable[SubjectTraits]:
        """Sex by actor. Raises BadInput when it is not what the actor's number says."""
        pairs = sorted(set(zip(self._columns["actor"], self._columns["sex"], strict=True)))
        for actor, sex in pairs:
            if (sex == SEX_OF_ODD_ACTORS) != (int(actor) % 2 == 1):
                raise BadInput(
                    f"actor {actor} as {sex}", where=str(self._file), expected="odd actors male, even actors female"
                )
        return tuple(SubjectTraits(CARD.name, str(a), MappingProxyType({"sex": sex})) for a, sex in pairs)

    def recognizers(self) -> tuple[RecognizerCard, ...]:
        """The four recognizers whose test-fold answers are published."""
        return tuple(_recognizer_card(name, modalities) for name, modalities in MODALITIES.items())

    def predictions(self, recognizer: str) -> PredictionTable:
        """The answers of one recognizer, one row for each clip, from the fold that did not train on the actor."""
        chosen = np.array([name == recognizer for name in self._columns["recognizer"]], dtype=bool)
        if not chosen.any():
            raise BadInput(
                f"no answers by '{recognizer}'", where=str(self._file), expected=f"one of {', '.join(MODALITIES)}"
            )
        probability = np.stack([self._columns[f"p_{name}"][chosen] for name in LABELS.names], axis=1)
        return self._columns.answers(
            chosen, labels=LABELS, dataset=CARD.name, probability=probability, metadata={"recognizer": recognizer}
        )


def _recognizer_card(name: str, modalities: tuple[str, ...]) -> RecognizerCard:
    return RecognizerCard(
        name=name, version="as published", labels=LABELS, modalities=modalities, window="one prediction for each clip",
        training_data="RAVDESS, subject-wise 5-fold: each clip is answered by a model that did not see its actor",
        licence="outputs: CC BY-NC-SA 4.0", digest="",
        limits=("Only its answers are known here, not its weights.",),
    )  # fmt: skip
