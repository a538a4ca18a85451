"""Keypoints of bodies by a model that the user gives, through one protocol; without one there is no posture."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput
from vemo_audit.recognition.perception.mediapipe_task import load_extra, open_task, picture, read_model

Skeleton = Literal["coco17", "blazepose33"]
COUNT = MappingProxyType({"coco17": 17, "blazepose33": 33})
BODY_FACES = (-3.5, -1.0, 3.5, 7.0)
"""Where a whole body may lie round a face box, in face widths from its middle and its top."""


@dataclass(frozen=True, slots=True, eq=False)
class Keypoints:
    """Keypoints of N persons. NaN and score 0 where a person was not found."""

    xy: NDArray[np.float64]  # [N, K, 2] pixels of the frame
    score: NDArray[np.float64]  # [N, K] 0-1
    skeleton: Skeleton

    def __post_init__(self) -> None:
        if self.skeleton not in COUNT:
            raise BadInput(f"the skeleton '{self.skeleton}'", expected=f"one of {', '.join(COUNT)}")
        shape = (len(self.xy), COUNT[self.skeleton])
        if self.xy.shape != (*shape, 2) or self.score.shape != shape:
            raise BadInput(
                f"keypoints {self.xy.shape} with scores {self.score.shape}", expected=f"{(*shape, 2)} with {shape}"
            )


class KeypointProvider(Protocol):
    """Whatever finds the body of a person whose face is known."""

    def keypoints(self, frames: NDArray[np.uint8], boxes: NDArray[np.float32]) -> Keypoints:
        """The bodies under the face boxes [N, 4] (x0, y0, x1, y1, pixels), one in each RGB frame [N, H, W, 3]."""
        ...


class MediapipeKeypoints:
    """A `KeypointProvider` that runs a user-given pose_landmarker task through the mediapipe extra."""

    def __init__(self, task: Path, *, least_score: float = 0.5) -> None:
        """Raises BadInput without the extra, without the file, and when the file is not a pose landmarker."""
        content = read_model(task, what="pose landmarker")
        self.sha256 = sha256(content).hexdigest()
        self._mediapipe = load_extra("mediapipe", "mediapipe")
        self._landmarker = open_task(
            self._mediapipe, "PoseLandmarker", content=content, where=str(task), num_poses=1,
            min_pose_detection_confidence=least_score, min_pose_presence_confidence=least_score,
        )  # fmt: skip

    def __enter__(self) -> "MediapipeKeypoints":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Gives the model's memory back."""
        self._landmarker.close()

    def keypoints(self, frames: NDArray[np.uint8], boxes: NDArray[np.float32]) -> Keypoints:
        """As `KeypointProvider.keypoints`; a body whose nose is not in the face box is somebody else's."""
        found = nobody(len(demand(frames, boxes)), "blazepose33")
        for k, (frame, box) in enumerate(zip(frames, boxes, strict=True)):
            x0, y0, x1, y1 = body_area(box, frame.shape)
            if x1 <= x0 or y1 <= y0:
                continue
            result = self._landmarker.detect(picture(self._mediapipe, frame[y0:y1, x0:x1]))
            if result.pose_landmarks:
                marks = result.pose_landmarks[0]
                xy = np.array([(x0 + mark.x * (x1 - x0), y0 + mark.y * (y1 - y0)) for mark in marks])
                keep(found, k, xy, np.array([mark.visibility for mark in marks]), box)
        return found


class RtmlibKeypoints:
    """A `KeypointProvider` that runs a user-given RTMPose ONNX file through the rtmlib extra.

    Models of 17, 26 or 133 keypoints will do: the first 17 are those of COCO.
    """

    def __init__(self, onnx: Path, *, input_px: tuple[int, int] = (192, 256), device: str = "cpu") -> None:
        """`input_px` is the width and height that the file was made for. Raises BadInput without extra or file."""
        self.sha256 = sha256(read_model(onnx, what="pose model")).hexdigest()  # rtmlib would download a missing one
        rtmlib = load_extra("rtmlib", "rtmlib")
        try:
            self._pose = rtmlib.RTMPose(str(onnx), model_input_size=input_px, backend="onnxruntime", device=device)
        except Exception as error:  # onnxruntime has exceptions of its own
            raise BadInput(f"not a pose model that rtmlib can run ({error})", where=str(onnx)) from error

    def keypoints(self, frames: NDArray[np.uint8], boxes: NDArray[np.float32]) -> Keypoints:
        """As `KeypointProvider.keypoints`; a body whose nose is not in the face box is somebody else's."""
        found = nobody(len(demand(frames, boxes)), "coco17")
        for k, (frame, box) in enumerate(zip(frames, boxes, strict=True)):
            area = body_area(box, frame.shape)
            if area[2] <= area[0] or area[3] <= area[1]:
                continue
            xy, score = self._pose(
                np.ascontiguousarray(frame[..., ::-1]), bboxes=[list(area)]
            )  # BGR, as it reads files
            if xy.shape[1] < COUNT["coco17"]:
                raise BadInput(f"a pose model of {xy.shape[1]} keypoints", expected="17, 26 or 133, COCO's first")
            keep(found, k, xy[0, : COUNT["coco17"]], score[0, : COUNT["coco17"]], box)
        return found


def demand(frames: NDArray[np.uint8], boxes: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The frames. Raises BadInput when these are not N RGB frames with N boxes."""
    if frames.ndim != 4 or frames.shape[3] != 3 or frames.dtype != np.uint8 or boxes.shape != (len(frames), 4):
        raise BadInput(
            f"frames {frames.shape} of {frames.dtype} with boxes {boxes.shape}",
            expected="[N, H, W, 3] of uint8 with [N, 4]",
        )
    return frames


def nobody(count: int, skeleton: Skeleton) -> Keypoints:
    """Keypoints of `count` persons of whom none was found."""
    return Keypoints(np.full((count, COUNT[skeleton], 2), np.nan), np.zeros((count, COUNT[skeleton])), skeleton)


def keep(
    found: Keypoints, k: int, xy: NDArray[np.float64], score: NDArray[np.float64], box: NDArray[np.float32]
) -> None:
    """Writes a body [K, 2] at k, if its nose lies in the face box and a third of a face round it."""
    x0, y0, x1, y1 = (float(side) for side in box)
    rim = (x1 - x0) / 3
    nose_x, nose_y = xy[0]  # in both skeletons
    if x0 - rim <= nose_x <= x1 + rim and y0 - rim <= nose_y <= y1 + rim:
        found.xy[k], found.score[k] = xy, np.clip(score, 0, 1)


def body_area(box: NDArray[np.float32], shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Where a body may lie, in whole pixels inside the frame, from the face box; empty for a box of NaN."""
    if not np.isfinite(box).all():
        return 0, 0, 0, 0
    x0, y0, x1, _ = (float(side) for side in box)
    middle, wide = (x0 + x1) / 2, x1 - x0
    left, top, right, bottom = BODY_FACES
    return (
        max(0, round(middle + left * wide)), max(0, round(y0 + top * wide)),
        min(shape[1], round(middle + right * wide)), min(shape[0], round(y0 + bottom * wide)),
    )  # fmt: skip
