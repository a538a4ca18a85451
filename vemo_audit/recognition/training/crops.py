"""From pictures of one face each to aligned crops, with our own detector, as the recognizer makes them."""

from collections.abc import Callable, Iterable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from vemo_audit.recognition.perception import align
from vemo_audit.recognition.perception.faces import Detections, FaceDetector

BATCH = 64


def points_in(
    pictures: Iterable[NDArray[np.uint8]], detector: FaceDetector, *, border_share: float = 0.125, zoom: int = 1,
    listener: Callable[[int], None] = lambda done: None,
) -> NDArray[np.float32]:  # fmt: skip
    """Five points `[N, 5, 2]` of the largest face of each picture (RGB or grey, all of one size); NaN where none is.

    A border of so large a share of the side is put around first, so that a face that fills its picture is found.
    """
    points: list[NDArray[np.float32]] = []
    for batch in _batches(pictures):
        border = round(border_share * batch[0].shape[0] * zoom)
        found = detector.detect(np.stack([_framed(picture, border, zoom) for picture in batch]))
        points += [(largest(found, frame) - border) / zoom for frame in range(len(batch))]
        listener(len(points))
    return np.stack(points) if points else np.zeros((0, 5, 2), np.float32)


def largest(found: Detections, frame: int) -> NDArray[np.float32]:
    """The points `[5, 2]` of the largest face of a frame; NaN when there is none."""
    of = np.flatnonzero(found.frame == frame)
    if not len(of):
        return np.full((5, 2), np.nan, np.float32)
    area = (found.box[of, 2:] - found.box[of, :2]).prod(axis=1)
    return found.points[of[int(area.argmax())]]


def aligned(
    picture: NDArray[np.uint8], points: NDArray[np.float32], *, size_px: int, margin_share: float = 0.0
) -> NDArray[np.uint8] | None:
    """The upright luma crop `[S, S]` of a picture (RGB or grey); None when there are no points.

    With a margin, the edge of the picture is repeated around it first: for pictures that are themselves tight crops.
    """
    if not np.isfinite(points).all():
        return None
    if picture.ndim == 2:
        picture = cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB)
    margin = round(picture.shape[0] * margin_share)
    wider = cv2.copyMakeBorder(picture, margin, margin, margin, margin, cv2.BORDER_REPLICATE)
    return align.to_grey(align.align(wider, points + margin, size_px=size_px))


def _framed(picture: NDArray[np.uint8], border: int, zoom: int) -> NDArray[np.uint8]:
    if picture.ndim == 2:
        picture = cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB)
    if zoom != 1:
        side = (picture.shape[1] * zoom, picture.shape[0] * zoom)
        picture = cv2.resize(picture, side, interpolation=cv2.INTER_CUBIC)
    return cv2.copyMakeBorder(picture, border, border, border, border, cv2.BORDER_REPLICATE)


def _batches(pictures: Iterable[NDArray[np.uint8]]) -> Iterator[list[NDArray[np.uint8]]]:
    batch: list[NDArray[np.uint8]] = []
    for picture in pictures:
        batch.append(picture)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
