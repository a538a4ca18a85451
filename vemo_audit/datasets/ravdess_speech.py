"""RAVDESS speech as sound files named by the published scheme: acted English speech, for evaluation only."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from vemo_audit.datasets.ravdess import CARD, LABELS, SEX_OF_ODD_ACTORS
from vemo_audit.errors import BadInput
from vemo_audit.records.digest import sha256_hex
from vemo_audit.records.labels import LabelSet
from vemo_audit.records.subject import SubjectTraits
from vemo_audit.records.truth import DatasetClip, Truth

NAME = re.compile(r"^03-01-(0[1-8])-(0[12])-(0[12])-(0[12])-(0[1-9]|1[0-9]|2[0-4])$")
"""Sound only, speech, then emotion, intensity, sentence, repetition, actor. Source: Livingstone & Russo 2018."""
SUFFIXES = (".flac", ".wav")
CONSENT = "24 professional actors recorded for the published RAVDESS set; no individual consent document seen."


@dataclass(frozen=True, slots=True)
class Spoken:
    """One sound file and what its name says."""

    path: Path
    name: str
    emotion: str
    actor: str
    sentence: str
    intensity: str


class RavdessSpeech:
    """The speech clips below `path`: `speech/*.flac`, or the published `Actor_XX/*.wav`."""

    label_set: LabelSet = LABELS

    def __init__(self, path: Path) -> None:
        self.spoken = spoken(path)
        digests = "".join(sha256_hex(one.path.read_bytes()) for one in self.spoken)
        limits = (
            f"{len({one.actor for one in self.spoken})} of the 24 actors, who speak two sentences in a studio.",
            "Neutral has no strong intensity, so it has half as many clips as any other class.",
            "No age, race or ethnicity is published, so nothing can be said of them.",
        )
        self.card = replace(
            CARD, name="ravdess_speech", consent_basis=CONSENT, digest=sha256_hex(digests.encode()), limits=limits
        )

    def clips(self) -> Iterable[DatasetClip]:
        """The sound files, by name."""
        return tuple(DatasetClip(one.name, one.path, one.actor) for one in self.spoken)

    def labels(self) -> Iterable[Truth]:
        """The intended emotion of each clip."""
        return tuple(
            Truth(
                one.name, one.emotion, one.actor,
                conditions=MappingProxyType({"sentence": one.sentence, "intensity": one.intensity}),
            )
            for one in self.spoken
        )  # fmt: skip

    def traits(self) -> Iterable[SubjectTraits]:
        """Sex by actor, as the number says."""
        actors = sorted({one.actor for one in self.spoken})
        return tuple(SubjectTraits(self.card.name, a, MappingProxyType({"sex": sex_of(a)})) for a in actors)


def sex_of(actor: str) -> str:
    """Odd actors are male. Source: Livingstone & Russo 2018."""
    return SEX_OF_ODD_ACTORS if int(actor) % 2 else "female"


def spoken(path: Path) -> tuple[Spoken, ...]:
    """The speech files below a folder, by name. Raises BadInput for none, for a stray sound file, or for two alike."""
    found: dict[str, Spoken] = {}
    for file in sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES):
        told = NAME.match(file.stem)
        if told is None:
            raise BadInput(
                f"the sound file '{file.name}'", where=str(path),
                expected="names like 03-01-05-01-02-01-12: sound only, speech, emotion, ..., actor",
            )  # fmt: skip
        if file.stem in found:
            raise BadInput(f"the clip '{file.stem}' twice", where=str(path), expected="each clip once")
        emotion, intensity, sentence, _, actor = told.groups()
        strength = "strong" if intensity == "02" else "normal"
        found[file.stem] = Spoken(file, file.stem, LABELS.names[int(emotion) - 1], actor, sentence, strength)
    if not found:
        raise BadInput("no sound files", where=str(path), expected="RAVDESS speech, one file for each clip")
    return tuple(found.values())
