"""FairFace photographs with perceived groups, and what a face-landmarker teacher read on them: no emotion labels.

Images and groups: Kärkkäinen and Joo 2021 (doi:10.1109/WACV48630.2021.00159), CC BY 4.0. Race, sex and age are what
annotators perceived, never what the people shown said of themselves: they serve balance and measuring, nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from vemo_audit.datasets.published import read_parquet
from vemo_audit.errors import BadInput
from vemo_audit.records.units import FACE_UNITS

SPLITS = {"train": ("train_128.parquet", "image"), "val": ("val_224.parquet", "jpeg")}
"""Split -> file and the column that holds the encoded images."""
TEACHER = "blendshapes.parquet"
TEACHER_PX = 224.0
"""Side of the images on which the teacher's points and boxes are given."""
POINTS = ("right_eye", "left_eye", "nose_tip", "mouth_right", "mouth_left")
"""The teacher's points, by the sides of the person; the right eye lies on the left of the picture."""
LEAST_P99 = 0.10
"""A unit whose 99th percentile lies below this is one that the teacher cannot see. Source: ../shared/data/README.md."""
MOST_YAW_DEG, MOST_ROLL_DEG = 45.0, 30.0
"""Beyond these the teacher's scores are no target. Source: as above."""


@dataclass(frozen=True, slots=True, eq=False)
class FairFaces:
    """N photographs of one split. `units` are the teacher's scores, in 0-1, in the order of `records.units.UNITS`."""

    split: str
    ids: tuple[str, ...]
    encoded: tuple[bytes, ...]  # WebP or JPEG
    size_px: int  # of the square images
    race: NDArray[np.object_]  # [N], perceived
    sex: NDArray[np.object_]  # [N], perceived
    age_band: NDArray[np.object_]  # [N], perceived
    found: NDArray[np.bool_]  # [N], whether the teacher found a face
    found_first: NDArray[np.bool_]  # [N], on the plain image, without a border around it
    units: NDArray[np.float32]  # [N, 20], NaN where the teacher found no face
    seen: NDArray[np.bool_]  # [20], the units that the teacher can see at all, decided on the training split
    points: NDArray[np.float32]  # [N, 5, 2] px of these images, eyes, nose, mouth corners as seen from the left; or NaN
    box: NDArray[np.float32]  # [N, 4] px of these images, x0 y0 x1 y1 around all mesh points; NaN without a face
    angles_deg: NDArray[np.float32]  # [N, 3] yaw (right is > 0), pitch (down is > 0), roll; NaN without a face

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def frontal(self) -> NDArray[np.bool_]:
        """Whether a face was found, and turned by no more than MOST_YAW_DEG and MOST_ROLL_DEG `[N]`."""
        yaw, roll = np.abs(self.angles_deg[:, 0]), np.abs(self.angles_deg[:, 2])
        return self.found & (yaw <= MOST_YAW_DEG) & (roll <= MOST_ROLL_DEG)

    @property
    def targets(self) -> NDArray[np.float32]:
        """What may be learned or compared `[N, 20]`: NaN for faces that are not frontal and for units not seen."""
        kept = np.where(self.frontal[:, None] & self.seen[None, :], self.units, np.nan)
        return kept.astype(np.float32)

    def image(self, row: int) -> NDArray[np.uint8]:
        """One photograph, RGB `[S, S, 3]`. Raises BadInput when it cannot be read."""
        found = cv2.imdecode(np.frombuffer(self.encoded[row], np.uint8), cv2.IMREAD_COLOR)
        if found is None or found.shape != (self.size_px, self.size_px, 3):
            raise BadInput(
                "an image that cannot be read", where=f"FairFace, {self.ids[row]}",
                expected=f"{self.size_px} x {self.size_px} pixels in colour",
            )  # fmt: skip
        return np.ascontiguousarray(found[:, :, ::-1])

    def images(self) -> NDArray[np.uint8]:
        """All photographs, RGB `[N, S, S, 3]`: 49,152 bytes each in the training split, three times that in 'val'."""
        return np.stack([self.image(row) for row in range(len(self))]) if len(self) else np.zeros(
            (0, self.size_px, self.size_px, 3), np.uint8
        )  # fmt: skip

    def where(self, keep: NDArray[np.bool_] | NDArray[np.int64]) -> "FairFaces":
        """The chosen photographs, in order."""
        index = np.flatnonzero(keep) if keep.dtype == bool else keep
        return FairFaces(
            self.split, tuple(self.ids[k] for k in index), tuple(self.encoded[k] for k in index), self.size_px,
            self.race[index], self.sex[index], self.age_band[index], self.found[index], self.found_first[index],
            self.units[index], self.seen, self.points[index], self.box[index], self.angles_deg[index],
        )  # fmt: skip


def load(folder: Path, split: str) -> FairFaces:
    """All photographs of a split ('train' or 'val') with the teacher's scores, in the order of the image table.

    Raises BadInput for an unknown split, a missing file or column, or an image without a row of the teacher.
    """
    if split not in SPLITS:
        raise BadInput(f"the split '{split}'", where="FairFace", expected=f"one of {', '.join(SPLITS)}")
    file, column = SPLITS[split]
    groups = ("race", "sex", "age_band")
    pictures = _table(folder / file, ("image_id", *groups, column))
    teacher = _table(folder / TEACHER, None)
    ids = tuple(pictures["image_id"].to_pylist())
    row_of = {name: row for row, name in enumerate(teacher["image_id"].to_pylist())}
    lacking = [name for name in ids if name not in row_of]
    if lacking:
        raise BadInput(f"no row for the image {lacking[0]}", where=str(folder / TEACHER), expected="one for each image")
    rows = np.array([row_of[name] for name in ids], dtype=np.int64)
    encoded = tuple(pictures[column].to_pylist())
    size_px = _side(encoded, folder / file)
    units = units_of(teacher, where=folder / TEACHER)
    learning = np.array([name == "train" for name in teacher["split"].to_pylist()], dtype=bool)
    scale = size_px / TEACHER_PX
    found = teacher["face_found"].to_numpy().astype(bool)[rows]
    passed = _floats(teacher, ["detect_pass"])[rows, 0]
    points = _floats(teacher, [f"{point}_{axis}" for point in POINTS for axis in "xy"])[rows].reshape(-1, 5, 2)
    box = _floats(teacher, ["box_x0", "box_y0", "box_x1", "box_y1"])[rows]
    angles = _floats(teacher, ["yaw_deg", "pitch_deg", "roll_deg"])[rows]
    race, sex, age = (np.array(pictures[name].to_pylist(), dtype=object) for name in groups)
    return FairFaces(
        split, ids, encoded, size_px, race, sex, age, found, found & (passed == 1), units[rows],
        seen_by_teacher(units[learning]), points * np.float32(scale), box * np.float32(scale), angles,
    )  # fmt: skip


def units_of(teacher: pa.Table, *, where: Path) -> NDArray[np.float32]:
    """The 52 scores of the teacher as the 20 units of FACE_UNITS `[N, 20]`: the largest of the face units that stand
    for one, each the mean of its two sides; NaN without a face. Raises BadInput for a missing score.
    """
    columns = []
    for names in FACE_UNITS.values():
        sides = [_sides(teacher, name, where=where) for name in names]
        columns.append(np.max(sides, axis=0))
    return np.stack(columns, axis=1).astype(np.float32)


def seen_by_teacher(units: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which columns of `[N, 20]` reach LEAST_P99 at their 99th percentile `[20]`; none when no face was found."""
    read = units[np.isfinite(units).all(axis=1)]
    if not len(read):
        return np.zeros(units.shape[1], dtype=bool)
    return np.asarray(np.percentile(read.astype(np.float64), 99, axis=0) >= LEAST_P99)


def _sides(teacher: pa.Table, name: str, *, where: Path) -> NDArray[np.float32]:
    """The score of a face unit: itself, or the mean of its left and its right side."""
    there = set(teacher.column_names)
    for columns in ([f"bs_{name}"], [f"bs_{name}Left", f"bs_{name}Right"]):
        if there.issuperset(columns):
            return _floats(teacher, columns).mean(axis=1)
    raise BadInput(f"no score '{name}'", where=str(where), expected=f"bs_{name}, or bs_{name}Left and bs_{name}Right")


def _floats(table: pa.Table, columns: Sequence[str]) -> NDArray[np.float32]:
    """Columns `[N, C]` as floats; an empty cell is NaN."""
    arrays = [np.asarray(table[name].to_numpy(), dtype=np.float32) for name in columns]
    return np.stack(arrays, axis=1)


def _side(encoded: Sequence[Any], path: Path) -> int:
    """The side of the square images, read from the first one; 0 for an empty table."""
    if not encoded:
        return 0
    first = cv2.imdecode(np.frombuffer(encoded[0], np.uint8), cv2.IMREAD_COLOR)
    if first is None or first.shape[0] != first.shape[1]:
        raise BadInput("an image that cannot be read", where=f"{path}, row 1", expected="a square photograph")
    return int(first.shape[0])


def _table(path: Path, columns: Sequence[str] | None) -> pa.Table:
    if not path.is_file():
        raise BadInput("no FairFace table", where=str(path), expected="the folder with images and teacher scores")
    return read_parquet(path, columns or ())
