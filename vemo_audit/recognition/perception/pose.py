"""Where a head is turned, from the five points of a face, and how near it has come."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput

HEAD = np.array([[-0.5, 0, 0], [0.5, 0, 0], [0, -0.57, 0.42], [-0.4, -1.1, 0.05], [0.4, -1.1, 0.05]])
"""A generic head [5, 3] in distances between the pupils: x to the person's left, y up, z out of the face.

Nobody's head, and flatter than most: `perception.faces` puts the points of a turned face nearer to those of a level one
than they are. On 350 FairFace photographs a nose 0.6 in front of the eyes read turns of 0.73 (yaw) and 0.68 (pitch) of
those of a face mesh; this one reads 0.93 and 0.94. Points that are exact therefore read some fifth too large. Whose
nose or mouth lies elsewhere reads with a constant error of some degrees in pitch.
"""
TO_CAMERA = np.diag([1.0, -1.0, -1.0])
"""From x right, y up, z to the viewer to the camera's x right, y down, z away."""
LEAST_SPREAD = 1e-3
"""Points that lie closer together than this share of the picture's width are one point."""


@dataclass(frozen=True, slots=True)
class LeanSettings:
    """How nearness is followed."""

    after_s: float = 1.0  # a person's usual size is not known before the face was seen for so long
    steepest_yaw_deg: float = 60.0  # a face turned further shows too little of the distance between the eyes
    bin_share: float = 0.005  # width of a bin of the histogram of sizes, as a share of the size
    step_s: float = 0.5  # a sight counts for the time since the last one, at most this

    def __post_init__(self) -> None:
        if not (self.after_s >= 0 and 0 < self.steepest_yaw_deg < 90 and self.bin_share > 0 and self.step_s > 0):
            raise BadInput("a lean that cannot be followed", expected="times and bins above 0, a yaw under 90 degrees")


def head_pose(
    points: NDArray[np.floating], size_px: tuple[int, int], *, focal_widths: float = 1.0
) -> NDArray[np.float64]:
    """Yaw, pitch and roll [T, 3] in degrees of faces with points [T, 5, 2] in pictures of `size_px` (width, height).

    Yaw is positive when the nose points to the person's left (the right of the picture), pitch when it points up, roll
    when the head leans to the person's left shoulder; all 0 for a head that looks along the camera's axis. The focal
    length is guessed as one picture width, and the head is a generic one: angles are approximate, changes of them are
    better than their level (a person's pitch is off by a constant of 7 degrees on average; a long lens, read as a
    short one, makes turns look larger). NaN where a point is missing or the points coincide; [0, 3] for no face.
    Source: Terzakis and Lourakis 2020, SQPnP (doi:10.1007/978-3-030-58452-8_28), as `cv2.solvePnP` has it.
    """
    points = np.asarray(points, np.float64)
    if points.ndim != 3 or points.shape[1:] != (5, 2):
        raise BadInput(f"face points of shape {points.shape}", expected="[T, 5, 2]")
    width, height = size_px
    focal_px = focal_widths * width
    camera = np.array([[focal_px, 0, width / 2], [0, focal_px, height / 2], [0, 0, 1]])
    turns = np.full((len(points), 3, 3), np.nan)
    spread = np.abs(points - points.mean(axis=1, keepdims=True)).max(axis=(1, 2))
    for k in np.flatnonzero(spread > LEAST_SPREAD * width):  # false for NaN, too
        found, turn, _ = cv2.solvePnP(HEAD, points[k], camera, None, flags=cv2.SOLVEPNP_SQPNP)
        if found:
            turns[k] = cv2.Rodrigues(turn)[0]
    return angles(TO_CAMERA @ turns)


def angles(turns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Yaw, pitch and roll [T, 3] in degrees of rotations [T, 3, 3]: roll about z first, then pitch, then yaw."""
    yaw = np.arctan2(turns[:, 0, 2], turns[:, 2, 2])
    pitch = np.arcsin(np.clip(turns[:, 1, 2], -1, 1))
    roll = -np.arctan2(turns[:, 1, 0], turns[:, 1, 1])
    return np.degrees(np.stack([yaw, pitch, roll], axis=1))


class Lean:
    """One person's distance from the camera against the usual one: a stream, in bounded memory.

    The usual size is the running median (by time, over all that was seen so far), kept as a histogram of log sizes.
    """

    def __init__(self, settings: LeanSettings | None = None) -> None:
        self.settings = settings or LeanSettings()
        self._time_in_bin: dict[int, float] = {}  # at most some hundred bins: sizes are 1 to 10,000 px
        self._total_s = 0.0
        self._last_s = math.nan

    def step(self, points: NDArray[np.floating], yaw_deg: float, *, time_s: float) -> float:
        """The log ratio of the distance between the eyes to its median so far; positive is nearer than usual.

        The distance is divided by the cosine of the yaw. NaN for missing points, a face turned away, and the first
        second. Times only grow.
        """
        rules = self.settings
        wide_px = float(np.linalg.norm(np.asarray(points[1], np.float64) - points[0]))
        if not (wide_px > 0 and abs(yaw_deg) <= rules.steepest_yaw_deg):
            return math.nan
        size = math.log(wide_px / math.cos(math.radians(yaw_deg)))
        # The first sight counts for nothing: how long it lasted is not known yet.
        lasted_s = 0.0 if math.isnan(self._last_s) else min(time_s - self._last_s, rules.step_s)
        self._last_s = time_s
        cell = round(size / rules.bin_share)
        self._time_in_bin[cell] = self._time_in_bin.get(cell, 0.0) + lasted_s
        self._total_s += lasted_s
        if self._total_s < rules.after_s:
            return math.nan
        return size - self._median() * rules.bin_share

    def _median(self) -> int:
        """The bin in which half of the time is reached."""
        half, passed = self._total_s / 2, 0.0
        for cell in sorted(self._time_in_bin):
            passed += self._time_in_bin[cell]
            if passed >= half:
                break
        return cell
