"""How a body is held, from keypoints; without keypoints nothing is said, and never anything from a face alone."""

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from vemo_audit.recognition.perception.keypoints import Keypoints, nobody

PLACES = MappingProxyType({
    "coco17": (0, 3, 4, 5, 6, 7, 8, 9, 10),
    "blazepose33": (0, 7, 8, 11, 12, 13, 14, 15, 16),
})  # fmt: skip
"""Nose, ears, shoulders, elbows, wrists; the person's left first. Source: COCO 2017 keypoints; BlazePose topology."""
NOSE, EAR_L, EAR_R, SHOULDER_L, SHOULDER_R, ELBOW_L, ELBOW_R, WRIST_L, WRIST_R = range(9)
HAND_TO_FACE = 0.6
"""A wrist nearer to the nose than this, in shoulder widths: about the length of a hand and half a face."""
CROSSED_BY = 0.1
"""So far past the middle, in shoulder widths, must each wrist lie."""
ARMS_BELOW = (0.1, 1.6)
"""Where crossed wrists lie under the shoulder line, in shoulder widths."""


@dataclass(frozen=True, slots=True, eq=False)
class Posture:
    """N persons; NaN where the keypoints that a column needs were not seen."""

    shoulder_slope_deg: NDArray[np.float64]  # [N], positive when the person's left shoulder is the lower
    head_height: NDArray[np.float64]  # [N], ears over the shoulder line in shoulder widths: low is forward or sunk
    arms_crossed: NDArray[np.float64]  # [N], 0 or 1
    hand_to_face: NDArray[np.float64]  # [N], 0 or 1
    openness: NDArray[np.float64]  # [N], breadth of elbows and wrists in shoulder widths

    @staticmethod
    def unobserved(count: int) -> "Posture":
        """What is known without a keypoint provider: nothing."""
        return posture(nobody(count, "coco17"))


def posture(keypoints: Keypoints, *, least_score: float = 0.5) -> Posture:
    """Posture of N persons that face the camera; a view from the side is not told apart, so mind the head's yaw.

    A forward head and a sunk one look alike from the front, hence one column for both. N may be 0.
    """
    places = list(PLACES[keypoints.skeleton])
    seen = keypoints.score[:, places] >= least_score
    at = np.where(seen[..., None], keypoints.xy[:, places], np.nan)
    across = at[:, SHOULDER_L] - at[:, SHOULDER_R]
    wide = np.hypot(*across.T)
    wide = np.where(wide > 0, wide, np.nan)
    middle = (at[:, SHOULDER_L] + at[:, SHOULDER_R]) / 2
    # Everything else is measured along and under the shoulder line, so a slanted body or camera changes nothing.
    along = across / wide[:, None]
    under = np.stack([-along[:, 1], along[:, 0]], axis=1)  # down the picture for a person who faces it
    offset = (at - middle[:, None]) / wide[:, None, None]
    beside = (offset * along[:, None]).sum(axis=2)
    below = (offset * under[:, None]).sum(axis=2)
    return Posture(
        shoulder_slope_deg=np.degrees(np.arctan2(across[:, 1], across[:, 0])),
        head_height=-(below[:, EAR_L] + below[:, EAR_R]) / 2,
        arms_crossed=_crossed(beside, below),
        hand_to_face=_hand_to_face(at, wide),
        openness=beside[:, [ELBOW_L, ELBOW_R, WRIST_L, WRIST_R]].max(axis=1)
        - beside[:, [ELBOW_L, ELBOW_R, WRIST_L, WRIST_R]].min(axis=1),
    )


def _crossed(beside: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 when each wrist lies past the middle, in front of the trunk; NaN unless both are seen."""
    high, low = ARMS_BELOW
    left, right = beside[:, WRIST_L], beside[:, WRIST_R]
    before = (below[:, [WRIST_L, WRIST_R]] > high) & (below[:, [WRIST_L, WRIST_R]] < low)
    crossed = (left < -CROSSED_BY) & (right > CROSSED_BY) & before.all(axis=1)
    return np.where(np.isfinite(left + right), crossed.astype(np.float64), np.nan)


def _hand_to_face(at: NDArray[np.float64], wide: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 when a wrist is at the face; 0 only when both are seen and neither is; else NaN."""
    far = np.linalg.norm(at[:, [WRIST_L, WRIST_R]] - at[:, NOSE][:, None], axis=2) / wide[:, None]
    near = (far < HAND_TO_FACE).any(axis=1)  # a comparison with NaN is false
    return np.where(near, 1.0, np.where(np.isfinite(far).all(axis=1), 0.0, np.nan))
