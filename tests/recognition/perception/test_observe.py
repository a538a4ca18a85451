"""Tests of observe: who was seen gives one row with all parts of quality, who was only expected gives none."""

import numpy as np
import pytest

from vemo_audit.recognition.perception import align
from vemo_audit.recognition.perception.faces import FaceDetector
from vemo_audit.recognition.perception.observe import observed
from vemo_audit.records.clip import FoundFace, GuardedFrame


def frame_of(image, *faces):
    return GuardedFrame(0, 1.5, image, faces, ())


def test_only_who_was_seen_and_confirmed_is_observed(heads, room):
    image = room.copy()
    heads[0].on(image, 40, 60)
    found = FaceDetector().detect(image[None])
    box, points = tuple(found.box[0].tolist()), found.points[0]
    seen, bridged, doubtful = (FoundFace(n, box, points, s) for n, s in ((0, 0.99), (1, 0.3), (-1, 0.8)))
    (row,) = observed(frame_of(image, seen, bridged, doubtful), size_px=64)
    assert (row.track, row.time_s, row.box) == (0, 1.5, box) and row.crop.shape == (64, 64, 3)
    assert row.quality.confidence == pytest.approx(0.99) and row.quality.score > 0.5


def test_a_filled_face_is_seen_as_solid(heads, room):
    image = room.copy()
    box = heads[0].on(image, 40, 60)
    found = FaceDetector().detect(image[None])
    face = FoundFace(0, tuple(found.box[0].tolist()), found.points[0], 0.99)
    (clear,) = observed(frame_of(image, face))
    middle = int((box[1] + box[3]) / 2)
    image[middle:] = 128
    (covered,) = observed(frame_of(image, face))
    assert clear.quality.solid_share < 0.1 < 0.2 < covered.quality.solid_share
    assert covered.quality.score < clear.quality.score


def test_nobody_gives_nothing():
    assert observed(frame_of(np.zeros((9, 9, 3), np.uint8))) == ()
    assert align.solid(np.zeros((0, 0), np.float32)) == 0
