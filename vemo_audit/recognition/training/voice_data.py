"""The voices that a recipe names: utterances with speaker, sex and label, and in words how they are held out."""

from dataclasses import dataclass
from pathlib import Path

from vemo_audit.datasets import emodb, ravdess_speech
from vemo_audit.datasets.emodb import Utterance
from vemo_audit.datasets.ravdess import LABELS
from vemo_audit.records.labels import EKMAN

ALONE = "leave one speaker out: every speaker is answered by a model that never heard them, nor was chosen by them"


@dataclass(frozen=True, slots=True)
class Voices:
    """Utterances of one data set. `labels` are in the order of every probability."""

    dataset: str
    split: str
    labels: tuple[str, ...]
    utterances: tuple[Utterance, ...]


def voices(source: str, folder: Path) -> Voices:
    """The utterances of 'emodb' or 'ravdess' in `folder`. Raises BadInput when they are missing."""
    if source == "ravdess":
        spoken = tuple(
            Utterance(one.path, one.name, one.actor, ravdess_speech.sex_of(one.actor), one.emotion)
            for one in ravdess_speech.spoken(folder / "speech" if (folder / "speech").is_dir() else folder)
        )
        actors = len({one.speaker for one in spoken})
        return Voices("RAVDESS speech", f"{ALONE}; {actors} of the 24 actors", LABELS.names, spoken)
    spoken = tuple(emodb.utterances(folder))
    labels = tuple(name for name in EKMAN.names if any(one.emotion == name for one in spoken))
    return Voices("EmoDB", f"{ALONE}; every file is cut to 2 s", labels, spoken)
