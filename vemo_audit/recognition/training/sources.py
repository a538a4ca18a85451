"""Where faces to learn from come from: each source gives crops to learn from, and faces that are kept apart."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from vemo_audit.datasets import fairface, ferplus
from vemo_audit.datasets.published import read_parquet
from vemo_audit.errors import BadInput
from vemo_audit.recognition.perception.faces import FaceDetector
from vemo_audit.recognition.training import crops
from vemo_audit.recognition.training.corpus import Corpus, labelled, with_units
from vemo_audit.records.units import UNITS

UNIT_TABLE = "ferplus-units.parquet"
"""Scores of the FaceLandmarker on the FER+ training images; `models/recipes/landmarker.py` writes it."""
FER_ZOOM, FER_BORDER = 3, 1 / 6
"""The detector looks for faces of 40 px and more: pictures of 48 px are enlarged first."""

Told = Callable[[str, int, int], None]
"""A listener of the preparation: what, how many are done, how many in all."""
Rendered = Iterable[tuple[int, NDArray[np.uint8], NDArray[np.float32]]]
"""Rendered people, one after another: number, pictures `[T, H, W, 3]` and units `[T, 20]`."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelledFaces:
    """Faces with one true label each."""

    ids: tuple[str, ...]
    subjects: tuple[str, ...]  # one per face; the id itself where nobody knows
    faces: NDArray[np.uint8]  # [N, S, S]
    truth: NDArray[np.int64]  # [N]
    traits: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """What a source gives: faces to learn from, and, where it has labels, those kept back and those held out."""

    learn: Corpus
    kept_back: LabelledFaces | None = None  # of the training part: selection and temperature
    held_out: LabelledFaces | None = None  # the official validation part: scored, never fitted
    split: str = ""  # in words: what was held out from what
    dataset: str = ""


@dataclass(frozen=True, slots=True)
class FaceData:
    """Which faces are learned from, and how some are kept apart."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}
    sources: tuple[str, ...] = ("ferplus",)  # the first one that has labels is held out from and scored
    align: bool = True  # faces that our detector finds are turned upright, as the recognizer does
    unit_table: str = ""  # of the teacher's scores on FER+; '': FER+ teaches classes only
    least_votes: int = 6  # of ten, among the seven classes
    held_back_share: float = 0.1  # of the training split: selection and temperature
    split_seed: int = 1


def demand_files(data: FaceData, folder: Path) -> None:
    """Raises BadInput for a file that is not there, before the first face is looked for."""
    files = {
        "ferplus": ("ferplus/train.parquet", "ferplus/valid.parquet", *filter(None, [data.unit_table])),
        "fairface": (f"fairface/{fairface.SPLITS['train'][0]}", f"fairface/{fairface.TEACHER}"),
    }
    for source in data.sources:
        for file in files.get(source, ()):
            demand_file(folder / file, source=source)


def demand_file(path: Path, *, source: str) -> None:
    """Raises BadInput when the file is not there."""
    if not path.is_file():
        advice = f"models/recipes/landmarker.py writes {UNIT_TABLE}." if path.name == UNIT_TABLE else ""
        raise BadInput(
            f"no table of '{source}'", where=str(path), expected="it in the folder given as --data", advice=advice
        )


def ferplus_source(
    folder: Path, data: FaceData, detector: FaceDetector, *, size_px: int, told: Told = lambda *_: None
) -> Source:
    """FER+ votes, and units where the teacher's table is named. Raises BadInput when a file is missing."""
    both = ferplus.load(folder / "ferplus", "train"), ferplus.load(folder / "ferplus", "valid")
    train, valid = (_upright(faces, data, detector, size_px=size_px, told=told) for faces in both)
    units = np.full((len(train), len(UNITS)), np.nan, np.float32)
    if data.unit_table:
        units = _taught(folder / data.unit_table, train.ids)
    classes = train.shares.shape[1]
    rows = np.flatnonzero((train.majority < classes) & (train.votes[:, :classes].sum(axis=1) >= data.least_votes))
    order = np.random.default_rng(data.split_seed).permutation(len(rows))
    count = int(len(rows) * data.held_back_share)
    kept, learn = rows[order[:count]], rows[order[count:]]
    corpus = labelled(train.images[learn], train.shares[learn])
    corpus = Corpus(corpus.faces, corpus.shares, units[learn])
    scored = ferplus.seven_classes(valid)
    return Source(
        corpus, _as_labelled(train.where(kept)), _as_labelled(scored),
        "the official validation split; majority label, seven classes; nothing is fitted on it", "FER+",
    )  # fmt: skip


def fairface_source(
    folder: Path, data: FaceData, detector: FaceDetector, *, size_px: int, told: Told = lambda *_: None
) -> Source:
    """FairFace photographs with the teacher's units. No labels. Raises BadInput when a file is missing."""
    faces = fairface.load(folder / "fairface", "train")
    pictures = [faces.image(row) for row in range(len(faces))]
    points = crops.points_in(pictures, detector, listener=lambda done: told("FairFace", done, len(pictures)))
    cut = [crops.aligned(picture, five, size_px=size_px) for picture, five in zip(pictures, points, strict=True)]
    targets = faces.targets
    good = [k for k, crop in enumerate(cut) if crop is not None and np.isfinite(targets[k]).any()]
    return Source(with_units(np.stack([cut[k] for k in good]), targets[good]))


def rendered_source(people: Rendered, detector: FaceDetector, *, size_px: int, hold_out_from: int) -> Source:
    """Rendered faces with their planted units; people from `hold_out_from` on are left out."""
    faces, units = [], []
    for number, pictures, planted in people:
        if number >= hold_out_from:
            break
        points = crops.points_in(list(pictures), detector, border_share=0.0)
        for picture, five, row in zip(pictures, points, planted, strict=True):
            crop = crops.aligned(picture, five, size_px=size_px)
            if crop is not None:
                faces.append(crop)
                units.append(row)
    if not faces:
        raise BadInput("no rendered face that the detector finds", expected="people to learn from")
    return Source(with_units(np.stack(faces), np.stack(units)))


def _upright(
    faces: ferplus.VotedFaces, data: FaceData, detector: FaceDetector, *, size_px: int, told: Told
) -> ferplus.VotedFaces:
    """The faces, upright where the detector finds them; the others stay as they were cropped upstream."""
    if not data.align:
        return faces
    points = crops.points_in(
        faces.images, detector, border_share=FER_BORDER, zoom=FER_ZOOM,
        listener=lambda done: told("FER+", done, len(faces)),
    )  # fmt: skip
    images = faces.images.copy()
    for row, five in enumerate(points):
        crop = crops.aligned(faces.images[row], five, size_px=size_px, margin_share=FER_BORDER)
        if crop is not None:
            images[row] = crop
    return ferplus.VotedFaces(faces.ids, images, faces.votes)


def _taught(path: Path, ids: tuple[str, ...]) -> NDArray[np.float32]:
    """The teacher's units `[N, 20]` of the images, in their order."""
    if not path.is_file():
        raise BadInput("no table of the teacher's units", where=str(path), expected=f"{UNIT_TABLE}",
                       advice="models/recipes/landmarker.py writes it.")  # fmt: skip
    table = read_parquet(path, ("image_id",))
    row_of = {name: row for row, name in enumerate(table["image_id"].to_pylist())}
    lacking = [name for name in ids if name not in row_of]
    if lacking:
        raise BadInput(f"no row for the image {lacking[0]}", where=str(path), expected="one for each image")
    units = fairface.units_of(table, where=path)[[row_of[name] for name in ids]]
    return np.where(fairface.seen_by_teacher(units)[None], units, np.nan).astype(np.float32)


def _as_labelled(faces: ferplus.VotedFaces) -> LabelledFaces:
    return LabelledFaces(faces.ids, faces.ids, faces.images, faces.majority)
