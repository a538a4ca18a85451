"""AffectNet in its folders of annotated pictures: eight classes, valence and arousal, one NumPy file for each.

Source: Mollahosseini, Hasani and Mahoor 2019, doi:10.1109/TAFFC.2017.2740923. Layout after public readers of the set:
`{train,val}_set/images/NAME.jpg` and `{train,val}_set/annotations/NAME_{exp,val,aro}.npy`, each one number or its text.
"""

import io
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vemo_audit.datasets.published_media import Item, PublishedMedia, choice, files_by_stem, folder, inside
from vemo_audit.errors import BadInput
from vemo_audit.records.card import DatasetCard
from vemo_audit.records.labels import LabelMapping, LabelSet

LABELS = LabelSet(("neutral", "happy", "sad", "surprise", "fear", "disgust", "anger", "contempt"))
"""In the order of the published numbers, from 0."""
NO_CLASS = (8, 9, 10)
"""None, uncertain, no face: left out and counted."""
TO_EKMAN = LabelMapping((
    ("neutral", "neutral"), ("happy", "happiness"), ("sad", "sadness"), ("surprise", "surprise"), ("fear", "fear"),
    ("disgust", "disgust"), ("anger", "anger"),
), dropped=("contempt",))  # fmt: skip
LARGEST_BYTES = 4096
"""Of a file that holds one number."""
NOT_STATED = -2
"""What the dataset writes for a valence or arousal that nobody gave."""
CARD = DatasetCard(
    name="affectnet", version="manually annotated, folders", kind="in the wild",
    source="Mollahosseini, Hasani and Mahoor 2019, doi:10.1109/TAFFC.2017.2740923",
    licence="by request, for non-commercial research only; pictures belong to their owners",
    consent_basis="photographs collected from the web: no consent of the people is documented",
    label_basis="perceived by one annotator in most pictures", language="none: still pictures", traits=(),
    limits=(
        "Who is seen is not published: each picture counts as a subject of its own, so intervals are too narrow.",
        "No age, sex or race is published, so nothing can be said of groups.",
        "Still pictures: nothing can be said of expressions over time.",
    ),
)  # fmt: skip


class AffectNet(PublishedMedia):
    """One split; `path` holds `train_set` and `val_set`. The test set was never published."""

    label_set, ekman = LABELS, TO_EKMAN

    def __init__(self, path: Path, *, split: str = "val") -> None:
        choice("split", split, ("train", "val"))
        root = path / f"{split}_set"
        pictures = files_by_stem(folder(root / "images", holds="the pictures"), (".jpg", ".jpeg", ".png"))
        self._notes = folder(root / "annotations", holds="the annotations")
        notes = {file.name.removesuffix("_exp.npy") for file in self._notes.glob("*_exp.npy")}
        items, outside = [], 0
        for stem in sorted(notes & set(pictures)):
            number = stored(self._notes / f"{stem}_exp.npy")
            if number in NO_CLASS:
                outside += 1
                continue
            if number != int(number) or not 0 <= number < len(LABELS):
                raise BadInput(f"the class {number:g} of {stem}", where=str(self._notes), expected="0 to 10")
            items.append(Item(stem, pictures[stem], LABELS.names[int(number)], stem))
        other = [
            f"The {split} part.", f"{outside} pictures without a class are left out.",
            f"{len(set(pictures) - notes)} pictures without annotation are left out.",
        ]  # fmt: skip
        missing = sorted(notes - set(pictures))
        self.settle(CARD, items, missing=missing, other=other, where=root)

    def valence_arousal(self) -> NDArray[np.float32]:
        """Valence and arousal `[N, 2]` in [-1, 1] in the order of `items`; NaN where nobody gave them."""
        rows = [[self._affect(item.name, kind) for kind in ("val", "aro")] for item in self.items]
        return np.array(rows, np.float32).reshape(-1, 2)

    def _affect(self, name: str, kind: str) -> float:
        file = self._notes / f"{name}_{kind}.npy"
        if not file.is_file():
            return math.nan
        value = stored(file)
        if value == NOT_STATED:
            return math.nan
        if not -1 <= value <= 1:
            raise BadInput(f"{value:g}", where=str(file), expected="-1 to 1, or -2 for not stated")
        return value


def stored(path: Path) -> float:
    """The one number in a NumPy file, which may be written as text. Nothing that could run code is ever loaded.

    Raises BadInput for an object array, more than one number, or a text that is no number.
    """
    inside(path.parent, path)
    try:
        if path.stat().st_size > LARGEST_BYTES:  # its header could ask for any amount of memory
            raise ValueError
        array = np.lib.format.read_array(io.BytesIO(path.read_bytes()), allow_pickle=False)
        value = float(array.reshape(-1)[0].item()) if array.size == 1 else math.inf
    except (OSError, ValueError, TypeError, EOFError, MemoryError):
        raise BadInput("it is not one plain number", where=str(path), expected="a number in NumPy's format") from None
    if not math.isfinite(value):
        raise BadInput(f"{value:g}", where=str(path), expected="one finite number")
    return value
