"""DFEW: clips from films with seven crowd labels, in five published folds.

Source: Jiang et al. 2020, doi:10.1145/3394171.3413620. Layout after public readers of the set: `EmoLabel_DataSplit/
{train,test}(single-labeled)/set_K.csv` with video_name and label 1-7 (MAE-DFER and HiCMAE preprocessing, S2D), films
under `Clip/original`, by number.
"""

import re
from pathlib import Path

from vemo_audit.datasets.published_media import Item, PublishedMedia, choice, files_by_stem, folder, matched, table
from vemo_audit.errors import BadInput
from vemo_audit.records.card import DatasetCard
from vemo_audit.records.labels import LabelMapping, LabelSet

LABELS = LabelSet(("happy", "sad", "neutral", "angry", "surprise", "disgust", "fear"))
"""In the order of the published numbers, from 1."""
TO_EKMAN = LabelMapping((
    ("happy", "happiness"), ("sad", "sadness"), ("neutral", "neutral"), ("angry", "anger"), ("surprise", "surprise"),
    ("disgust", "disgust"), ("fear", "fear"),
))  # fmt: skip
FOLDS, SPLITS = (1, 2, 3, 4, 5), ("train", "test")
NUMBER = re.compile(r"0*(\d{1,6})")
SUFFIXES = (".mp4", ".avi", ".mov", ".mkv")
CARD = DatasetCard(
    name="dfew", version="single-labelled", kind="in the wild", source="Jiang et al. 2020, doi:10.1145/3394171.3413620",
    licence="by request, for academic research only; films belong to their owners",
    consent_basis="scenes cut from films: no consent of the actors to this use is documented",
    label_basis="crowd perception, one label per clip", language="several", traits=(),
    limits=(
        "Who is seen is not published: each clip counts as a subject of its own, so intervals are too narrow.",
        "Folds are published by clip, not by actor or film: the same face can be in training and test.",
        "No age, sex or race is published, so nothing can be said of groups.",
    ),
)  # fmt: skip


class Dfew(PublishedMedia):
    """One split of one fold; `path` holds `Clip` and `EmoLabel_DataSplit`."""

    label_set, ekman = LABELS, TO_EKMAN

    def __init__(self, path: Path, *, fold: int = 1, split: str = "test") -> None:
        choice("fold", fold, FOLDS)
        choice("split", split, SPLITS)
        media = folder(path / "Clip" / "original", holds="the clips of DFEW")
        listing = path / "EmoLabel_DataSplit" / f"{split}(single-labeled)" / f"set_{fold}.csv"
        files: dict[int, Path] = {}
        for stem, file in files_by_stem(media, SUFFIXES).items():
            number = int(matched(NUMBER, stem, where=str(media), expected="clips named by number")[1])
            if number in files:
                raise BadInput(f"clip {number} twice", where=str(media), expected="one file for each number")
            files[number] = file
        items, missing = [], []
        for name, label in table(listing, ("video_name", "label")):
            number = int(matched(NUMBER, name, where=str(listing), expected="the number of a clip")[1])
            if label not in {str(k + 1) for k in range(len(LABELS))}:
                raise BadInput(f"the label '{label}' of clip {name}", where=str(listing), expected="1 to 7")
            key = f"{number:05d}"
            if number in files:
                items.append(Item(key, files[number], LABELS.names[int(label) - 1], key))
            else:
                missing.append(key)
        self.settle(CARD, items, missing=missing, other=[f"Fold {fold}, {split} part."], where=listing)
