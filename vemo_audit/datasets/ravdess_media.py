"""RAVDESS with its media: acted speech or song of 24 actors, named by the published scheme.

Source: Livingstone and Russo 2018, doi:10.1371/journal.pone.0196391, and its record (zenodo 1188976): files
`Actor_XX/MM-VV-EE-II-SS-RR-AA.{mp4,wav}`, odd actors male.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from vemo_audit.datasets import ravdess
from vemo_audit.datasets.published_media import Item, PublishedMedia, choice, files_by_stem, folder
from vemo_audit.errors import BadInput
from vemo_audit.records.labels import LabelMapping
from vemo_audit.records.subject import SubjectTraits

NAME = re.compile(r"(0[1-3])-(0[12])-(0[1-8])-(0[12])-(0[12])-(0[12])-(0[1-9]|1\d|2[0-4])")
ACTOR = re.compile(r"(?:\w+_)?Actor_(\d\d)")
MEDIA = MappingProxyType(
    {"audio_visual": ("01", ".mp4"), "video": ("02", ".mp4"), "audio": ("03", ".wav")}
)  # fmt: skip
CHANNELS = MappingProxyType({"speech": "01", "song": "02"})
INTENSITY, SENTENCE = ("normal", "strong"), ("kids", "dogs")
TO_EKMAN = LabelMapping((
    ("neutral", "neutral"), ("happy", "happiness"), ("sad", "sadness"), ("angry", "anger"), ("fearful", "fear"),
    ("disgust", "disgust"), ("surprised", "surprise"),
), dropped=("calm",))  # fmt: skip
LIMITS = (
    "24 actors speak two sentences in a studio; acted expression is stronger and cleaner than everyday expression.",
    "Neutral has no strong intensity, so it has half as many clips as any other class.",
    "No age, race or ethnicity is published, so nothing can be said of them.",
)


class RavdessMedia(PublishedMedia):
    """The clips below `path`. `media`: 'audio_visual', 'video' or 'audio'; `channel`: 'speech' or 'song'.

    `actors` chooses numbers, none of them means all; calm is a class of its own, dropped only on the way to seven.
    """

    label_set, ekman = ravdess.LABELS, TO_EKMAN

    def __init__(
        self, path: Path, *, media: str = "audio_visual", channel: str = "speech", actors: Iterable[int] = ()
    ) -> None:
        choice("media", media, tuple(MEDIA))
        choice("channel", channel, tuple(CHANNELS))
        modality, suffix = MEDIA[media]
        wanted = {f"{number:02d}" for number in actors}
        items, others = [], 0
        for stem, file in files_by_stem(folder(path, holds="folders Actor_XX"), (suffix,)).items():
            found = NAME.fullmatch(stem)
            if found is None:
                raise BadInput(f"the name '{file.name}'", where=str(path), expected="MM-VV-EE-II-SS-RR-AA")
            kind, voice, emotion, intensity, sentence, repetition, actor = found.groups()
            home = ACTOR.fullmatch(file.parent.name)
            if home is None or home[1] != actor:
                raise BadInput(f"a clip of actor {actor}", where=str(file), expected=f"it in Actor_{actor}")
            if (kind, voice) != (modality, CHANNELS[channel]) or (wanted and actor not in wanted):
                others += 1
                continue
            conditions = {
                "intensity": INTENSITY[int(intensity) - 1], "sentence": SENTENCE[int(sentence) - 1],
                "repetition": str(int(repetition)),
            }  # fmt: skip
            label = self.label_set.names[int(emotion) - 1]
            items.append(Item(stem, file, label, str(int(actor)), MappingProxyType(conditions)))
        told = f"{len({item.subject for item in items})} of 24 actors; {others} files of other kinds are not used."
        card = replace(ravdess.CARD, name="ravdess_media", version=f"1.0 ({channel}, {media})", limits=LIMITS)
        self.settle(card, items, other=[told], where=path)

    def traits(self) -> Iterable[SubjectTraits]:
        """Sex by the actor's number, as the dataset declares it."""
        actors = sorted({int(item.subject) for item in self.items})
        return tuple(
            SubjectTraits(self.card.name, str(a), MappingProxyType({"sex": "male" if a % 2 else "female"}))
            for a in actors
        )
