"""RAF-DB, basic emotions: web photographs with crowd labels, aligned by its authors.

Source: Li, Deng and Du 2017, doi:10.1109/CVPR.2017.277. Layout after public readers of the set: `basic/EmoLabel/
list_patition_label.txt` (its own spelling; name, blank, 1-7), `basic/Image/aligned/NAME_aligned.jpg`, and
`basic/Annotation/manual/NAME_manu_attri.txt`: five points, then gender, race and age group, one a line.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from vemo_audit.datasets.published_media import Item, PublishedMedia, choice, folder, inside, matched, text_lines
from vemo_audit.errors import BadInput
from vemo_audit.records.card import DatasetCard, TraitCard
from vemo_audit.records.labels import EKMAN, LabelMapping, LabelSet
from vemo_audit.records.subject import SubjectTraits

LABELS = LabelSet(("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral"))
"""In the order of the published numbers, from 1."""
LINE = re.compile(r"((train|test)_\d{1,6})\.jpg\s+([1-9]\d*)")
POINTS = 5
GENDER, RACE = ("male", "female", None), ("Caucasian", "African-American", "Asian")
AGE = ("0 to 3", "4 to 19", "20 to 39", "40 to 69", "70 and over")
TRAITS = tuple(TraitCard(name, "perceived in the picture by annotators") for name in ("gender", "race", "age"))
CARD = DatasetCard(
    name="raf-db", version="basic", kind="in the wild", source="Li, Deng and Du 2017, doi:10.1109/CVPR.2017.277",
    licence="by request, for non-commercial research only; pictures belong to their owners",
    consent_basis="photographs collected from the web: no consent of the people is documented",
    label_basis="crowd perception, about 40 annotators per picture", language="none: still pictures", traits=(),
    limits=(
        "Who is seen is not published: each picture counts as a subject of its own, so intervals are too narrow.",
        "Still pictures: nothing can be said of expressions over time.",
    ),
)  # fmt: skip


class RafDb(PublishedMedia):
    """One split of the aligned pictures; `path` is the folder `basic`, or the one that holds it."""

    label_set, ekman = LABELS, LabelMapping(tuple((name, name) for name in EKMAN.names))

    def __init__(self, path: Path, *, split: str = "test") -> None:
        choice("split", split, ("train", "test"))
        root = path / "basic" if (path / "basic").is_dir() else path
        pictures = folder(root / "Image" / "aligned", holds="the aligned pictures of RAF-DB")
        listing = root / "EmoLabel" / "list_patition_label.txt"
        items, missing = [], []
        for number, line in enumerate(text_lines(listing), start=1):
            if not line.strip():
                continue
            where = f"{listing}, line {number}"
            stem, part, label = matched(LINE, line.strip(), where=where, expected="train_00001.jpg 5").groups()
            if int(label) > len(LABELS):
                raise BadInput(f"the label {label}", where=where, expected="1 to 7")
            if part != split:
                continue
            file = pictures / f"{stem}_aligned.jpg"
            if file.is_file():
                items.append(Item(stem, inside(root, file), LABELS.names[int(label) - 1], stem))
            else:
                missing.append(stem)
        manual = root / "Annotation" / "manual"
        self._manual = manual if manual.is_dir() else None
        card = replace(CARD, traits=TRAITS) if self._manual else CARD
        self.settle(card, items, missing=missing, other=[f"The {split} part."], where=listing)

    def traits(self) -> Iterable[SubjectTraits]:
        """Gender, race and age group as annotators perceived them in each picture; none without their folder."""
        if self._manual is None:
            return ()
        return tuple(
            SubjectTraits(self.card.name, item.subject, perceived(self._manual / f"{item.name}_manu_attri.txt"))
            for item in self.items
        )


def perceived(path: Path) -> MappingProxyType[str, str | None]:
    """What annotators perceived; all unknown when the picture has no file. Raises BadInput for an unknown number."""
    if not path.is_file():
        return MappingProxyType(dict.fromkeys(("gender", "race", "age")))
    lines = [line.strip() for line in text_lines(path) if line.strip()][POINTS:]
    known = (("gender", GENDER), ("race", RACE), ("age", AGE))
    found: dict[str, str | None] = {}
    for k, (name, values) in enumerate(known):
        if k >= len(lines) or not lines[k].isdecimal() or int(lines[k]) >= len(values):
            got = lines[k] if k < len(lines) else "nothing"
            raise BadInput(f"{name} = {got}", where=str(path), expected=f"0 to {len(values) - 1} after five points")
        found[name] = values[int(lines[k])]
    return MappingProxyType(found)
