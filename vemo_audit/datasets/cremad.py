"""CREMA-D and its crowd: every vote of a rater is one answer, so people are audited as a recognizer would be."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from vemo_audit.datasets.published import Columns, columns_of
from vemo_audit.errors import BadInput
from vemo_audit.records.card import DatasetCard, TraitCard
from vemo_audit.records.digest import sha256_hex
from vemo_audit.records.labels import LabelSet
from vemo_audit.records.prediction import RecognizerCard
from vemo_audit.records.subject import SubjectTraits
from vemo_audit.records.truth import DatasetClip, Truth
from vemo_audit.tables.schema import PredictionTable

CLIPS, ACTORS = "clips.parquet", "actors.parquet"
LABELS = LabelSet(("anger", "disgust", "fear", "happy", "neutral", "sad"))
CROWDS = MappingProxyType({"crowd_voice": "voice", "crowd_face": "face", "crowd_audio_visual": "audio_visual"})
"""Name of the recognizer -> what the raters were shown."""
AGE_BANDS = ((30, "under 30"), (50, "30 to 49"), (200, "50 and over"))
"""Upper ends, exclusive, in years."""
STATED_AS_UNKNOWN = "Unknown"
CARD = DatasetCard(
    name="crema-d",
    version="1658cd34",
    kind="crowd votes",
    source="Cao et al. 2014, doi:10.1109/TAFFC.2014.2336244",
    licence="ODbL 1.0, contents DbCL 1.0: name the source, publish derived tables under ODbL",
    consent_basis="91 actors recorded for the published study; crowd raters anonymous and not individually present",
    label_basis="acted intent",
    language="English, 12 sentences",
    traits=(
        TraitCard("sex", "self-reported by the actor"),
        TraitCard("race", "stated by the dataset"),
        TraitCard("ethnicity", "stated by the dataset"),
        TraitCard("age", "years at recording stated by the dataset, in three bands"),
    ),
    limits=(
        "The clips are acted; the answers are votes of raters, one row for each vote.",
        "The table has no row for each rater, so how far raters agree with themselves cannot be taken into account.",
        "The upstream authors note four clips that were faulty for raters; they are kept, as in the published figures.",
        "The level of an expression is stated for one sentence only and is not used.",
    ),
)


class CremaD:
    """7,442 clips of 91 actors in three presentations; `path` holds `clips.parquet` and `actors.parquet`."""

    label_set = LABELS

    def __init__(self, path: Path) -> None:
        self._votes: Columns = columns_of(
            path / CLIPS, ("clip", "modality", "actor", "intended", *(f"votes_{name}" for name in LABELS.names))
        )
        self._actors: Columns = columns_of(path / ACTORS, ("actor", "age", "sex", "race", "ethnicity"))
        self.card = replace(CARD, digest=sha256_hex((self._votes.digest + self._actors.digest).encode()))

    def clips(self) -> Iterable[DatasetClip]:
        """None: the published tables come without media."""
        return ()

    def labels(self) -> Iterable[Truth]:
        """The intended emotion of each clip, the same in every presentation."""
        found: dict[str, Truth] = {}
        rows = zip(*(self._votes[name] for name in ("clip", "intended", "actor")), strict=True)
        for clip, intended, actor in rows:
            truth = found.setdefault(clip, Truth(clip, intended, str(actor)))
            if (truth.label, truth.subject) != (intended, str(actor)):
                raise BadInput(
                    f"clip '{clip}' as {intended} of actor {actor}", where=self._votes.source,
                    expected=f"{truth.label} of actor {truth.subject}, as in its first row",
                )  # fmt: skip
        return tuple(found.values())

    def traits(self) -> Iterable[SubjectTraits]:
        """Sex, race, ethnicity and age band of each actor; a race stated as Unknown is unknown."""
        rows = zip(*(self._actors[name] for name in ("actor", "age", "sex", "race", "ethnicity")), strict=True)
        return tuple(
            SubjectTraits(
                CARD.name, str(actor),
                MappingProxyType({
                    "sex": _stated(sex), "race": _stated(race), "ethnicity": _stated(ethnicity), "age": _age_band(age),
                }),
            )
            for actor, age, sex, race, ethnicity in rows
        )  # fmt: skip

    def recognizers(self) -> tuple[RecognizerCard, ...]:
        """The crowd, once for each presentation."""
        return tuple(_crowd_card(name, shown) for name, shown in CROWDS.items())

    def predictions(self, recognizer: str) -> PredictionTable:
        """One row for each clip and voted emotion; `weight` says how many raters voted so."""
        if recognizer not in CROWDS:
            raise BadInput(
                f"no answers by '{recognizer}'", where=self._votes.source, expected=f"one of {', '.join(CROWDS)}"
            )
        shown = np.array([name == CROWDS[recognizer] for name in self._votes["modality"]], dtype=bool)
        votes = np.stack([self._votes[f"votes_{name}"] for name in LABELS.names], axis=1)
        votes[~shown] = 0
        row, emotion = np.nonzero(votes)
        return self._votes.answers(
            row, labels=LABELS, dataset=CARD.name, probability=np.eye(len(LABELS), dtype=np.float32)[emotion],
            metadata={"recognizer": recognizer}, weight=votes[row, emotion].astype(np.int64),
        )  # fmt: skip


def _stated(value: str) -> str | None:
    return None if value in ("", STATED_AS_UNKNOWN) else value.lower() if value in ("Male", "Female") else value


def _age_band(years: int) -> str:
    return next(name for end, name in AGE_BANDS if years < end)


def _crowd_card(name: str, shown: str) -> RecognizerCard:
    return RecognizerCard(
        name=name, version="as published", labels=LABELS,
        modalities=("face", "voice") if shown == "audio_visual" else (shown,),
        window="one vote of one rater on one clip", training_data="none: these are people",
        licence="votes: ODbL 1.0", digest="",
        limits=("A vote carries no probability: its confidence is always 1, so its calibration means nothing.",),
    )  # fmt: skip
