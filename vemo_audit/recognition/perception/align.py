"""Turns a face upright into a crop of one size, framed as in the training data, and says how well it can be read."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput

TEMPLATE = np.array(
    [[0.311, 0.386], [0.689, 0.386], [0.5, 0.601], [0.343, 0.784], [0.657, 0.784]], np.float32
)  # fmt: skip
"""Where eyes, nose and mouth corners lie in a crop, in shares of its side.

Source: the median of our detector's points on 2,690 of 3,000 random FER+ training faces (crops of 48 px, enlarged to
144; in the other 310 it found none), made symmetric; half of all points lie within 0.03 to 0.05 of it.
"""
SIZE_PX = 48
BORDER = 127
"""What lies beyond the picture."""
FINEST = 8
"""A face is first drawn at most this many times larger than its crop, then averaged down."""
NOSE_DEPTH = 0.5
"""How far a nose stands out, in distances from eyes to mouth; a generic head, so yaw is rough."""
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Source: ITU-R BT.601."""

# Where a measure leaves the score alone (full) and where it brings it to 0 (none).
INTER_EYE_PX = (6.0, 20.0)
SHARPNESS = (0.001, 0.012)
EXPOSURE = (0.04, 0.14)
CLIPPED_SHARE = (0.6, 0.2)
YAW_DEG = (80.0, 40.0)
SOLID_SHARE = (0.5, 0.15)
SOLID_RANGE = 1
"""A patch of a crop whose luma differs by no more than this holds no structure at all; skin always does, by noise."""
PATCH_PX = 4


@dataclass(frozen=True, slots=True)
class Quality:
    """How well a face can be read. Every part is kept: it differs by light and skin tone, and auditors must see it."""

    sharpness: float  # variance of the Laplacian over variance of luma, so that low contrast is not called blur
    inter_eye_px: float  # in the picture, not in the crop
    exposure: float  # mean luma of the inner face, 0-1
    clipped_share: float  # its pixels that are nearly black or white
    yaw_deg: float  # to the side; positive when the nose points to the right of the picture; approximate
    pitch_ratio: float  # nose between eyes (0) and mouth (1); about 0.54 when level
    solid_share: float  # of the inner face without any structure: filled, behind a flat thing, or blown out
    confidence: float  # 0-1, of the detector; falls when hand, hair or mask hide parts, but not only then
    score: float  # 0-1: the weakest of the above, confidence left aside


def align(image: NDArray[np.uint8], points: NDArray[np.float32], *, size_px: int = SIZE_PX) -> NDArray[np.uint8]:
    """The face of an RGB picture [H, W, 3] with five points [5, 2], upright, as a crop [S, S, 3].

    What is smaller in the crop is averaged, not thinned. Raises BadInput when the points are one point or not finite.
    """
    matrix = similarity(points[None], TEMPLATE * size_px - 0.5)[0]
    scale = math.hypot(matrix[0, 0], matrix[1, 0])
    fine = min(FINEST, max(1, math.ceil(0.75 / scale)))
    # Pixel centres: a crop drawn `fine` times larger is shifted by half a pixel.
    larger = matrix * fine
    larger[:, 2] += (fine - 1) / 2
    side_px = size_px * fine
    crop = cv2.warpAffine(
        image,
        larger,
        (side_px, side_px),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(BORDER,) * 3,
    )
    if fine == 1:
        return crop
    return cv2.resize(crop, (size_px, size_px), interpolation=cv2.INTER_AREA)


def similarity(points: NDArray[np.float32], target: NDArray[np.float32]) -> NDArray[np.float64]:
    """The turn, size and shift that bring points [N, K, 2] nearest to a target [K, 2] in least squares: [N, 2, 3].

    Never a mirror image. Source: Umeyama 1991, eq. 40-43 (doi:10.1109/34.88573); in the plane, with points as complex
    numbers, the best turn and size is one quotient. Raises BadInput when points coincide or are not finite.
    """
    here = np.asarray(points, np.float64) @ np.array([1, 1j])
    there = np.asarray(target, np.float64) @ np.array([1, 1j])
    middle_here, middle_there = here.mean(axis=1, keepdims=True), there.mean()
    spread = (np.abs(here - middle_here) ** 2).sum(axis=1)
    if not np.all(spread > 1e-6):  # also true for NaN
        raise BadInput("a face whose points coincide or are not finite", expected="five different points")
    factor = ((here - middle_here).conj() * (there - middle_there)).sum(axis=1) / spread
    shift = middle_there - factor * middle_here[:, 0]
    rows = ((factor.real, -factor.imag, shift.real), (factor.imag, factor.real, shift.imag))
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=1)


def to_grey(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Luma [S, S] of an RGB crop [S, S, 3]."""
    return cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)


def quality(
    crop: NDArray[np.uint8], points: NDArray[np.float32], box: tuple[float, float, float, float], *,
    confidence: float = 1.0,
) -> Quality:  # fmt: skip
    """Measures an aligned crop [S, S, 3]; points [5, 2] and box are those in the picture.

    Occlusion is only seen in part: `solid_share` sees what is filled or flat, `confidence` is the detector's own doubt.
    A hand with the tone of the face shows in neither.
    """
    grey = to_grey(crop).astype(np.float32)
    spread = float(grey.var())
    sharpness = float(cv2.Laplacian(grey, cv2.CV_32F).var()) / spread / 16 if spread > 1 else 0.0
    inter_eye_px = float(np.linalg.norm(points[1] - points[0]))
    rim = len(grey) // 5
    inner = grey[rim : len(grey) - rim, rim : len(grey) - rim]  # skin, whatever the background is
    exposure = float(inner.mean()) / 255
    clipped_share = float(np.mean((inner <= 3) | (inner >= 252)))
    yaw_deg, pitch_ratio = head_turn(points)
    solid_share = solid(inner)
    parts = (
        ramp(inter_eye_px, *INTER_EYE_PX), ramp(sharpness, *SHARPNESS),
        ramp(min(exposure, 1 - exposure), *EXPOSURE), ramp(clipped_share, *CLIPPED_SHARE), ramp(abs(yaw_deg), *YAW_DEG),
        ramp(min(box[2] - box[0], box[3] - box[1]), 0.0, 1.0), ramp(solid_share, *SOLID_SHARE),
    )  # fmt: skip
    return Quality(
        sharpness, inter_eye_px, exposure, clipped_share, yaw_deg, pitch_ratio, solid_share, confidence, min(parts)
    )


def solid(grey: NDArray[np.float32]) -> float:
    """Share of the patches of a luma picture [h, w] in which nothing varies; 0 for one smaller than a patch."""
    rows, columns = (side // PATCH_PX for side in grey.shape)
    if not rows or not columns:
        return 0.0
    patches = grey[: rows * PATCH_PX, : columns * PATCH_PX].reshape(rows, PATCH_PX, columns, PATCH_PX)
    return float(np.mean(patches.max(axis=(1, 3)) - patches.min(axis=(1, 3)) <= SOLID_RANGE))


def head_turn(points: NDArray[np.float32]) -> tuple[float, float]:
    """Yaw in degrees and the place of the nose between eyes (0) and mouth (1), both from five points, so rough."""
    eyes, mouth, nose = (points[0] + points[1]) / 2, (points[3] + points[4]) / 2, points[2]
    axis = mouth - eyes
    length = float(axis @ axis)
    if length < 1e-6:
        return 90.0, math.nan
    along = float((nose - eyes) @ axis) / length
    sideways = float((nose - eyes)[0] * axis[1] - (nose - eyes)[1] * axis[0]) / math.sqrt(length)
    # The distance from eyes to mouth hardly shrinks when a head turns, that between the eyes does.
    return math.degrees(math.atan2(sideways, NOSE_DEPTH * math.sqrt(length))), along


def ramp(value: float, none: float, full: float) -> float:
    """0 at `none`, 1 at `full`, straight between, and flat outside; either may be the larger."""
    return float(np.clip((value - none) / (full - none), 0, 1))
