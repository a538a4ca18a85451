"""EmoDB utterances as an auditable dataset: acted German sentences by ten speakers, with documented sex."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from vemo_audit.datasets.published import columns_of
from vemo_audit.errors import BadInput
from vemo_audit.records.card import DatasetCard, TraitCard
from vemo_audit.records.labels import LabelSet
from vemo_audit.records.subject import SubjectTraits
from vemo_audit.records.truth import DatasetClip, Truth

FILE = "utterances.parquet"
LABELS = LabelSet(("anger", "boredom", "disgust", "fear", "happiness", "sadness", "neutral"))
CONSENT = "10 actors recorded 1997-1999 for the published Berlin database."
CARD = DatasetCard(
    name="emodb",
    version="1",
    kind="acted",
    source="Burkhardt et al. 2005, doi:10.21437/Interspeech.2005-446",
    licence="CC0-1.0",
    consent_basis=CONSENT,
    label_basis="acted intent, kept where at least 80 % of 20 listeners recognized it",
    language="German",
    traits=(TraitCard("sex", "documented by the dataset, in its corrected table"),),
    limits=(
        "Ten actors speak ten sentences; acted expression is stronger and cleaner than everyday expression.",
        "This copy is cut or padded to 2 s and scaled to one peak: duration and loudness mean nothing in it.",
        "It was filtered to utterances that listeners recognized, so figures are higher than on unfiltered speech.",
        "No race or ethnicity is published, so nothing can be said of them.",
    ),
)


class EmoDbSpeech:
    """535 utterances; `path` is the folder that holds `utterances.parquet` and the files that it names."""

    label_set = LABELS

    def __init__(self, path: Path) -> None:
        self._folder = path
        self._columns = columns_of(path / FILE, ("file", "utterance", "speaker", "sex", "emotion"))
        self.card = replace(CARD, digest=self._columns.digest)

    def clips(self) -> Iterable[DatasetClip]:
        """The sound files. Raises BadInput when one that the table names is missing."""
        found = []
        for file, name, speaker in zip(*(self._columns[c] for c in ("file", "utterance", "speaker")), strict=True):
            path = self._folder / file
            if not path.is_file():
                raise BadInput("no such sound file", where=str(path), expected="the file that the table names")
            found.append(DatasetClip(name, path, speaker))
        return tuple(found)

    def labels(self) -> Iterable[Truth]:
        """The intended emotion of each utterance; boredom is one of them."""
        rows = zip(*(self._columns[c] for c in ("utterance", "emotion", "speaker")), strict=True)
        return tuple(Truth(name, emotion, speaker) for name, emotion, speaker in rows)

    def traits(self) -> Iterable[SubjectTraits]:
        """Sex by speaker. Raises BadInput for a speaker with two."""
        found: dict[str, str] = {}
        for speaker, sex in zip(self._columns["speaker"], self._columns["sex"], strict=True):
            if found.setdefault(speaker, sex) != sex:
                raise BadInput(f"speaker {speaker} as {sex}", where=str(self._folder / FILE), expected=found[speaker])
        return tuple(SubjectTraits(CARD.name, who, MappingProxyType({"sex": found[who]})) for who in sorted(found))
