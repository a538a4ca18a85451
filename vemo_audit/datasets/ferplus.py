"""FER+ faces with ten votes each, as training and validation data for the face expert.

Labels: Barsoum et al. 2016 (doi:10.1145/2993148.2993165), MIT. Images: FER2013, scraped from the web, rights unclear:
they are read in place and never shipped.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vemo_audit.datasets.published import read_parquet
from vemo_audit.errors import BadInput
from vemo_audit.records.labels import EKMAN

OTHER = ("contempt", "unknown", "nf")
"""Columns of votes that are none of the seven classes; nf is 'not a face'."""


@dataclass(frozen=True, slots=True, eq=False)
class VotedFaces:
    """N grey faces with their votes: seven classes in the order of EKMAN, then OTHER."""

    ids: tuple[str, ...]
    images: NDArray[np.uint8]  # [N, 48, 48]
    votes: NDArray[np.int64]  # [N, 10]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def majority(self) -> NDArray[np.int64]:
        """Index of the winning column `[N]`; a tie goes to the earlier column."""
        return self.votes.argmax(axis=1)

    @property
    def shares(self) -> NDArray[np.float32]:
        """Vote shares over the seven classes `[N, 7]`, other votes left out."""
        seven = self.votes[:, : len(EKMAN)].astype(np.float32)
        return seven / np.maximum(seven.sum(axis=1, keepdims=True), 1)

    def where(self, keep: NDArray[np.bool_] | NDArray[np.int64]) -> "VotedFaces":
        """The chosen faces, in order."""
        index = np.flatnonzero(keep) if keep.dtype == bool else keep
        return VotedFaces(tuple(self.ids[k] for k in index), self.images[index], self.votes[index])


def load(folder: Path, split: str) -> VotedFaces:
    """All faces of a split ('train' or 'valid'). Raises BadInput when the file or a column is missing."""
    path = folder / f"{split}.parquet"
    if not path.is_file():
        raise BadInput("no FER+ table", where=str(path), expected="train.parquet and valid.parquet in the folder")
    columns = [f"votes_{name}" for name in (*EKMAN.names, *OTHER)]
    table = read_parquet(path, ("image_id", "image", *columns))
    votes = np.stack([table[name].to_numpy().astype(np.int64) for name in columns], axis=1)
    images = [cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_GRAYSCALE) for raw in table["image"].to_pylist()]
    for row, image in enumerate(images):
        if image is None or image.shape != (48, 48):
            raise BadInput(
                "an image that cannot be read", where=f"{path}, row {row + 1}", expected="48 x 48 grey pixels"
            )
    return VotedFaces(tuple(table["image_id"].to_pylist()), np.stack(images), votes)


def seven_classes(faces: VotedFaces, *, least_votes: int = 0) -> VotedFaces:
    """The faces whose winning vote is one of the seven classes, with at least so many of ten votes among them."""
    votes = faces.votes[:, : len(EKMAN)].sum(axis=1)
    return faces.where((faces.majority < len(EKMAN)) & (votes >= least_votes))
