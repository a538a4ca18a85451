"""Finds faces in frames: box, five points and score of each, batched over frames and candidates."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from vemo_audit.errors import BadInput
from vemo_audit.recognition.network import mtcnn
from vemo_audit.recognition.perception.boxes import BORDER, Crops, refined, squared, suppress

CELL_PX, STRIDE_PX = 12, 2
"""Window and step of the proposal network."""
MARGIN_PX = 6
"""Around every level, so that a face that is cut by the border, or fills the picture, can lie inside a window."""
TALL_PX = 32_000
"""Frames that are looked at together may be this tall when stacked: the resampler counts rows in 16 bits."""


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """Source of thresholds and factor: Zhang et al. 2016 and its public ports."""

    min_face_px: float = 40.0  # smallest face that is looked for; half of it makes four times the work
    factor: float = 0.709  # between two levels of the pyramid: half the area
    proposal_score: float = 0.6
    refine_score: float = 0.7
    output_score: float = 0.7
    candidates: int = 200  # strongest proposals that a level of a frame may hand on

    def __post_init__(self) -> None:
        if not (self.min_face_px >= CELL_PX and 0 < self.factor < 1 and self.candidates > 0):
            raise BadInput(
                f"a detector for faces of {self.min_face_px} px in steps of {self.factor}",
                expected=f"{CELL_PX} px or more, and a factor between 0 and 1",
            )


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """M faces in N frames, by frame and then by falling score. M may be 0."""

    box: NDArray[np.float32]  # [M, 4] x0, y0, x1, y1 in pixels; may reach beyond the picture
    points: NDArray[np.float32]  # [M, 5, 2] left eye, right eye (as seen), nose, left and right mouth corner, pixels
    score: NDArray[np.float32]  # [M] 0-1
    frame: NDArray[np.int64]  # [M] index of the frame


class FaceDetector:
    """MTCNN with its published weights, on any device that torch knows."""

    def __init__(self, device: str = "cpu", settings: DetectorSettings | None = None) -> None:
        self.device, self.settings = device, settings or DetectorSettings()
        self._proposal, self._refine, self._output = mtcnn.load_cascade(device)

    @torch.inference_mode()
    def detect(self, images: NDArray[np.uint8]) -> Detections:
        """The faces in RGB frames `[N, H, W, 3]`, each frame on its own. Raises BadInput for other arrays."""
        if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8:
            raise BadInput(f"frames of shape {images.shape}, {images.dtype}", expected="[N, H, W, 3] of uint8")
        room = max(1, TALL_PX // max(1, images.shape[1]))
        parts = [self._detect(np.ascontiguousarray(images[k : k + room])) for k in range(0, len(images), room)]
        if not parts:
            return _none()
        return Detections(
            np.concatenate([part.box for part in parts]), np.concatenate([part.points for part in parts]),
            np.concatenate([part.score for part in parts]),
            np.concatenate([part.frame + k * room for k, part in enumerate(parts)]),
        )  # fmt: skip

    def _detect(self, images: NDArray[np.uint8]) -> Detections:
        box, frame = self._propose(images)
        crops = Crops(images)
        box, frame = self._check(crops, box, frame)
        if not len(box):
            return _none()
        score, offset, points = (part.cpu().numpy() for part in self._output(self._cut(crops, box, frame, 48)))
        keep = score > self.settings.output_score
        box, frame, score, offset, points = box[keep], frame[keep], score[keep], offset[keep], points[keep]
        size = box[:, 2:] - box[:, :2]
        points = box[:, None, :2] + points.transpose(0, 2, 1) * size[:, None]
        points, box = on_grid(points), on_grid(refined(box, offset))
        kept = suppress(box, score, frame, limit=0.7, share_of_smaller=True)
        return Detections(box[kept], points[kept].astype(np.float32), score[kept], frame[kept])

    def _propose(self, images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Square boxes `[M, 4]` that may hold a face, and their frames `[M]`."""
        levels = []
        for number, level in enumerate(pyramid(images, self.settings)):
            score, offset = self._proposal(mtcnn.scaled(torch.from_numpy(level).to(self.device)))
            where = torch.nonzero(score > self.settings.proposal_score)
            frame, row, column = where.unbind(1)
            inner = np.array([level.shape[2], level.shape[1]] * 2, np.float32) - 2 * MARGIN_PX
            ratio = np.array([images.shape[2], images.shape[1]] * 2, np.float32) / inner
            corner = torch.stack((column, row, column, row), 1).cpu().numpy().astype(np.float32) * STRIDE_PX
            box = on_grid((corner + np.array([0, 0, CELL_PX, CELL_PX], np.float32) - MARGIN_PX) * ratio)
            level_of = np.full(len(box), number)
            levels.append((box, score[frame, row, column], offset[frame, :, row, column], frame, level_of))
        if not levels:
            return np.empty((0, 4), np.float32), np.empty(0, np.int64)
        box, level_of = (np.concatenate([level[k] for level in levels]) for k in (0, 4))
        score, offset, frame = (torch.cat([level[k] for level in levels]).cpu().numpy() for k in (1, 2, 3))
        kept = suppress(box, score, frame * len(levels) + level_of, limit=0.5, most=self.settings.candidates)
        box, score, offset, frame = box[kept], score[kept], offset[kept], frame[kept]
        kept = suppress(box, score, frame, limit=0.7, most=2 * self.settings.candidates)
        return on_grid(squared(refined(box[kept], offset[kept]))), frame[kept]

    def _check(
        self, crops: Crops, box: NDArray[np.float32], frame: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """The boxes that the refine network also takes for faces, moved and square again."""
        if not len(box):
            return box, frame
        score, offset = (part.cpu().numpy() for part in self._refine(self._cut(crops, box, frame, 24)))
        keep = score > self.settings.refine_score
        box, frame, score, offset = box[keep], frame[keep], score[keep], offset[keep]
        kept = suppress(box, score, frame, limit=0.7)
        return on_grid(squared(refined(box[kept], offset[kept]))), frame[kept]

    def _cut(self, crops: Crops, box: NDArray[np.float32], frame: NDArray[np.int64], side_px: int) -> torch.Tensor:
        return mtcnn.scaled(torch.from_numpy(crops.cut(box, frame, side_px)).to(self.device))


def pyramid(images: NDArray[np.uint8], settings: DetectorSettings) -> list[NDArray[np.uint8]]:
    """The frames at falling sizes `[N, h, w, 3]`, each with a margin.

    The smallest face fills a window in the first, a face as large as the picture in the last.
    """
    count, height, width = images.shape[:3]
    scale, levels, previous = CELL_PX / settings.min_face_px, [], images
    while min(height, width) * scale >= CELL_PX * settings.factor:
        across, down = math.ceil(width * scale), math.ceil(height * scale)
        level = np.full((count, down + 2 * MARGIN_PX, across + 2 * MARGIN_PX, 3), BORDER, np.uint8)
        inner = level[:, MARGIN_PX:-MARGIN_PX, MARGIN_PX:-MARGIN_PX]
        for image, small in zip(previous, inner, strict=True):
            small[...] = cv2.resize(image, (across, down), interpolation=cv2.INTER_AREA)
        levels.append(level)
        previous, scale = inner, scale * settings.factor
    return levels


def on_grid(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Positions in sixteenths of a pixel: the last digits of a network depend on the batch that a frame came in."""
    return np.round(pixels * 16) / 16


def _none() -> Detections:
    return Detections(
        np.empty((0, 4), np.float32), np.empty((0, 5, 2), np.float32), np.empty(0, np.float32), np.empty(0, np.int64)
    )
