"""MAFW: clips from films and shows with eleven crowd labels, in five published folds.

Source: Liu et al. 2022, doi:10.1145/3503161.3548190. Layout after public readers of the set (HiCMAE and AVF-MAE
preprocessing): `data/clips/*.mp4` and `Train & Test Set/single/no_caption/set_K/{train,test}.txt`, a line for each
clip: file name, blank, label.
"""

import re
from pathlib import Path

from vemo_audit.datasets.published_media import (
    Item,
    PublishedMedia,
    choice,
    files_by_stem,
    folder,
    matched,
    text_lines,
)
from vemo_audit.errors import BadInput
from vemo_audit.records.card import DatasetCard
from vemo_audit.records.labels import EKMAN, LabelMapping, LabelSet

OWN = ("contempt", "anxiety", "helplessness", "disappointment")
LABELS = LabelSet(("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise", *OWN))
TO_EKMAN = LabelMapping(tuple((name, name) for name in EKMAN.names), dropped=OWN)
"""Seven stay; the four others have no counterpart among the seven and are dropped, counted, when these are wanted."""
FOLDS, SPLITS = (1, 2, 3, 4, 5), ("train", "test")
LISTINGS = ("Train & Test Set/single/no_caption", "Train_Test_Set/single/no_caption")
"""As published, and as some unpack it."""
LINE = re.compile(r"(\d{1,6})(?:\.mp4)?\s+(\S+)")
CARD = DatasetCard(
    name="mafw", version="single label", kind="in the wild", source="Liu et al. 2022, doi:10.1145/3503161.3548190",
    licence="by request, for non-commercial research only; films belong to their owners",
    consent_basis="scenes cut from films and shows: no consent of the people to this use is documented",
    label_basis="crowd perception, one label per clip", language="several", traits=(),
    limits=(
        "Who is seen is not published: each clip counts as a subject of its own, so intervals are too narrow.",
        "Folds are published by clip: the same face can be in training and test.",
        "Its table of gender has no published legend and is not used.",
    ),
)  # fmt: skip


class Mafw(PublishedMedia):
    """One split of one fold; `classes` is 'eleven' as published, or 'seven', which leaves the other four out."""

    ekman = TO_EKMAN

    def __init__(self, path: Path, *, fold: int = 1, split: str = "test", classes: str = "eleven") -> None:
        choice("fold", fold, FOLDS)
        choice("split", split, SPLITS)
        choice("classes", classes, ("eleven", "seven"))
        self.label_set = LABELS if classes == "eleven" else EKMAN
        files = files_by_stem(folder(path / "data" / "clips", holds="the clips of MAFW"), (".mp4",))
        base = next((path / name for name in LISTINGS if (path / name).is_dir()), path / LISTINGS[0])
        listing = base / f"set_{fold}" / f"{split}.txt"
        items, missing, outside = [], [], 0
        for number, line in enumerate(text_lines(listing), start=1):
            if not line.strip():
                continue
            where = f"{listing}, line {number}"
            stem, label = matched(LINE, line.strip(), where=where, expected="00001.mp4 happiness").groups()
            if label not in LABELS.names:
                raise BadInput(f"the label '{label}'", where=where, expected=", ".join(LABELS.names))
            if classes == "seven" and self.ekman(label) is None:
                outside += 1
            elif stem in files:
                items.append(Item(stem, files[stem], label, stem))
            else:
                missing.append(stem)
        other = [f"Fold {fold}, {split} part."]
        if classes == "seven":
            other.append(f"{outside} clips of {', '.join(OWN)} are left out.")
        self.settle(CARD, items, missing=missing, other=other, where=listing)
