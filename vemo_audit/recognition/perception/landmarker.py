"""Action units of a face by a model that the user gives, instead of our own: one interface, one provider."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput
from vemo_audit.recognition.perception.mediapipe_task import load_extra, open_task, picture, read_model
from vemo_audit.records.units import FACE_UNITS, UNITS

POINTS = (468, 473, 1, 61, 291)
"""Landmarks that are our five points: iris centres, nose tip, mouth corners, from left to right in the picture.
Source: MediaPipe face landmark numbering (478 points)."""
SIDES = ("", "Left", "Right")
BLIND = ("au6", "au9")
"""Units that face_landmarker.task does not read: its scores for cheekSquint and noseSneer stay under .01 at the 99th
percentile of 10,500 faces, and a constant 0 is no observation."""


class UnitProvider(Protocol):
    """Whatever estimates the 20 action units of faces."""

    def units(self, images: NDArray[np.uint8], points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Estimates [N, 20] in 0-1, in the order of `UNITS`, of faces with points [N, 5, 2] in RGB images [N, H, W, 3].

        NaN where the face was not found, and for a unit that the provider does not read.
        """
        ...


@dataclass(frozen=True, slots=True)
class LandmarkerSettings:
    """How a face is framed for the landmarker, and when what it found is that face."""

    margin: float = 4.0  # side of the square that is cut out, in distances from eyes to mouth
    side_px: int = 256
    least_score: float = 0.5
    farthest: float = 0.35  # mean distance of five points found from those given, in the same distances
    blind: tuple[str, ...] = BLIND

    def __post_init__(self) -> None:
        if not (self.margin > 1 and self.side_px >= 64 and 0 < self.least_score < 1 and self.farthest > 0):
            raise BadInput("a landmarker that sees no face", expected="a margin over 1, a side of 64 px or more")
        if not set(self.blind) <= set(UNITS):
            raise BadInput(f"units {self.blind}", expected=f"names of {', '.join(UNITS)}")


class FaceLandmarkerUnits:
    """A `UnitProvider` that runs a user-given face_landmarker.task through the mediapipe extra."""

    def __init__(self, task: Path, settings: LandmarkerSettings | None = None) -> None:
        """Raises BadInput without the extra, without the file, and when the file is not a face landmarker."""
        self.settings = settings or LandmarkerSettings()
        content = read_model(task, what="face landmarker")
        self.sha256 = sha256(content).hexdigest()
        self._mediapipe = load_extra("mediapipe", "mediapipe")
        score = self.settings.least_score
        self._landmarker = open_task(
            self._mediapipe, "FaceLandmarker", content=content, where=str(task), output_face_blendshapes=True,
            num_faces=1, min_face_detection_confidence=score, min_face_presence_confidence=score,
        )  # fmt: skip

    def __enter__(self) -> "FaceLandmarkerUnits":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Gives the model's memory back."""
        self._landmarker.close()

    def units(self, images: NDArray[np.uint8], points: NDArray[np.float32]) -> NDArray[np.float32]:
        """As `UnitProvider.units`; a face that lies elsewhere than the given points is not this face."""
        if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8 or points.shape != (len(images), 5, 2):
            raise BadInput(
                f"images {images.shape} of {images.dtype} with points {points.shape}",
                expected="[N, H, W, 3] of uint8 with [N, 5, 2]",
            )
        found = np.full((len(images), len(UNITS)), np.nan, np.float32)
        for k, image in enumerate(images):
            scores = self._scores(image, points[k].astype(np.float64))
            if scores is not None:
                found[k] = estimates(scores)
        found[:, [UNITS.index(name) for name in self.settings.blind]] = np.nan
        return found

    def _scores(self, image: NDArray[np.uint8], points: NDArray[np.float64]) -> dict[str, float] | None:
        """The face units of the face at five points [5, 2]; None when it is not found there."""
        tall_px = reach_px(points)
        if not tall_px > 0:
            return None
        rules = self.settings
        crop, there = framed(image, points, wide_px=rules.margin * tall_px, side_px=rules.side_px)
        result = self._landmarker.detect(picture(self._mediapipe, crop))
        if not result.face_blendshapes:
            return None
        seen = np.array([(result.face_landmarks[0][k].x, result.face_landmarks[0][k].y) for k in POINTS])
        off_px = float(np.linalg.norm(seen * rules.side_px - there, axis=1).mean())
        if off_px > rules.farthest * rules.side_px / rules.margin:
            return None
        return {one.category_name: float(one.score) for one in result.face_blendshapes[0]}


def estimates(scores: Mapping[str, float]) -> NDArray[np.float32]:
    """Action units [20] from the 52 face units by name: the largest of those that stand for it, each the mean of its
    sides. Raises BadInput when one is missing."""
    values = []
    for names in FACE_UNITS.values():
        each = []
        for name in names:
            sides = [scores[name + side] for side in SIDES if name + side in scores]
            if not sides:
                raise BadInput(f"no score for the face unit '{name}'", expected="the 52 face units of ARKit by name")
            each.append(math.fsum(sides) / len(sides))
        values.append(max(each))
    return np.array(values, np.float32)


def reach_px(points: NDArray[np.float64]) -> float:
    """Distance from the middle of the eyes to that of the mouth, or between the eyes if that is more; NaN for NaN."""
    down = points[3:].mean(axis=0) - points[:2].mean(axis=0)
    return float(np.maximum(np.hypot(*down), np.hypot(*(points[1] - points[0]))))


def framed(
    image: NDArray[np.uint8], points: NDArray[np.float64], *, wide_px: float, side_px: int
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """A square of `wide_px` round a face as a picture [side, side, 3], and its points [5, 2] there.

    What lies beyond the picture is grey: a face that fills its picture is found better with a border.
    """
    scale = side_px / wide_px
    middle = (points[:2].mean(axis=0) + points[3:].mean(axis=0)) / 2
    shift = side_px / 2 - scale * middle
    turn = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    crop = cv2.warpAffine(
        image, turn, (side_px, side_px), flags=method, borderMode=cv2.BORDER_CONSTANT, borderValue=(127, 127, 127)
    )
    return crop, points * scale + shift
