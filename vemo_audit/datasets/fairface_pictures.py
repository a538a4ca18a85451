"""FairFace photographs as media files with perceived groups, for audits that need no emotion label: there is none."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from vemo_audit.datasets.fairface import SPLITS, load
from vemo_audit.errors import BadInput
from vemo_audit.records.card import DatasetCard, TraitCard
from vemo_audit.records.digest import sha256_hex
from vemo_audit.records.labels import EKMAN
from vemo_audit.records.subject import SubjectTraits
from vemo_audit.records.truth import DatasetClip, Truth

PERCEIVED = "perceived by annotators from the photograph; nobody was asked"
ADULT_BANDS = ("20-29", "30-39", "40-49", "50-59", "60-69", "more than 70")
"""Perceived ages that count as adult here. Below 20 a person may be a minor, and an unknown age counts as one."""
CONSENT = "Public photographs collected by the FairFace authors; people shown were not asked individually."
NOT_ASKED = (
    "The gate asks that a dataset state how its people consented; this one states that they were not asked. It opened "
    "by the letter of that rule, for an offline audit only; and who is adult is what annotators perceived."
)
CARD = DatasetCard(
    name="fairface",
    version="2021",
    kind="in the wild",
    source="Kärkkäinen & Joo 2021, doi:10.1109/WACV48630.2021.00159",
    licence="CC BY 4.0",
    consent_basis=CONSENT,
    label_basis="no emotion labels at all",
    language="none: still pictures",
    traits=tuple(TraitCard(trait, PERCEIVED) for trait in ("race", "sex", "age")),
    limits=(
        NOT_ASKED,
        "There are no emotion labels: nothing here says whether an estimate is right.",
        "Race, sex and age are what annotators perceived; they are not what the people shown say of themselves.",
        "The crops are tight: whether a face is found is as much about framing as about groups.",
        "Groups may display different expressions on these photographs: a difference of scores is no error by itself.",
        "Images of one person may recur under two names, so rows are not strictly independent.",
    ),
)


class FairFacePictures:
    """The photographs of a split; `path` holds the FairFace tables.

    Options: `split` ('val' or 'train') and `unpacked`, the folder into which the photographs are written as files, as
    the gate reads files. Without it there are no clips. Every photograph is a subject of its own.
    """

    label_set = EKMAN

    def __init__(self, path: Path, *, split: str = "val", unpacked: str = "") -> None:
        self.faces = load(path, split)
        self._unpacked = Path(unpacked) if unpacked else None
        self.card = replace(CARD, digest=sha256_hex((path / SPLITS[split][0]).read_bytes()))

    def clips(self) -> Iterable[DatasetClip]:
        """The photographs as files, written on first use and kept; none without `unpacked`.

        Raises BadInput for a file that is there with other bytes.
        """
        return tuple(self._unpack()) if self._unpacked is not None else ()

    def labels(self) -> Iterable[Truth]:
        """None: the dataset states no emotion."""
        return ()

    def traits(self) -> Iterable[SubjectTraits]:
        """Perceived race, sex and age band of each photograph."""
        rows = zip(self.faces.ids, self.faces.race, self.faces.sex, self.faces.age_band, strict=True)
        return tuple(
            SubjectTraits(CARD.name, name, MappingProxyType({"race": race, "sex": sex, "age": age}))
            for name, race, sex, age in rows
        )

    def _unpack(self) -> Iterable[DatasetClip]:
        assert self._unpacked is not None  # noqa: S101 - for the type checker; `clips` has looked
        self._unpacked.mkdir(parents=True, exist_ok=True)
        suffix = ".jpg" if self.faces.split == "val" else ".webp"
        for name, content in zip(self.faces.ids, self.faces.encoded, strict=True):
            file = self._unpacked / (name.replace("/", "-").rsplit(".", 1)[0] + suffix)
            if not file.is_file():
                file.write_bytes(content)
            elif file.read_bytes() != content:
                raise BadInput("another picture", where=str(file), expected=name, advice="Remove the folder.")
            yield DatasetClip(name, file, name)
