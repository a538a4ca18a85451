"""What one guarded frame shows of each admitted face: place, upright crop, and every part of its quality."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vemo_audit.recognition.perception import align
from vemo_audit.recognition.perception.tracks import BRIDGED_BELOW
from vemo_audit.records.clip import GuardedFrame


@dataclass(frozen=True, slots=True, eq=False)
class FaceObservation:
    """One person's face in one frame. There is none where a face was only led by motion: nothing was seen there."""

    track: int
    time_s: float
    box: tuple[float, float, float, float]  # pixels
    points: NDArray[np.float32]  # [5, 2] pixels
    crop: NDArray[np.uint8]  # [S, S, 3] RGB, upright
    quality: align.Quality


def observed(frame: GuardedFrame, *, size_px: int = align.SIZE_PX) -> tuple[FaceObservation, ...]:
    """The admitted faces that were seen in this frame, whatever their quality; confirmed tracks only."""
    rows = []
    for face in frame.faces:
        if face.track < 0 or face.score < BRIDGED_BELOW:
            continue
        crop = align.align(frame.image, face.points, size_px=size_px)
        quality = align.quality(crop, face.points, face.box, confidence=face.score)
        rows.append(FaceObservation(face.track, frame.time_s, face.box, face.points, crop, quality))
    return tuple(rows)
