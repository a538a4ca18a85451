"""Tests of the detector: batches change nothing, empty is normal, and on real pictures it finds who is there."""

import itertools

import cv2
import numpy as np
import pytest

from vemo_audit.errors import BadInput
from vemo_audit.recognition.perception import faces, mosaic
from vemo_audit.recognition.perception.faces import DetectorSettings, FaceDetector


@pytest.fixture(scope="module")
def detector():
    return FaceDetector()


def test_nothing_to_look_at_is_a_normal_answer(detector):
    for shape in ((0, 90, 160, 3), (3, 90, 160, 3), (1, 5, 5, 3), (1, 1, 300, 3)):
        found = detector.detect(np.full(shape, 90, np.uint8))
        assert found.box.shape == (0, 4) and found.points.shape == (0, 5, 2)
        assert found.score.shape == (0,) and found.frame.shape == (0,)


def test_other_arrays_are_refused(detector):
    for wrong in (np.zeros((90, 160, 3), np.uint8), np.zeros((1, 90, 160, 3), np.float32)):
        with pytest.raises(BadInput, match="uint8"):
            detector.detect(wrong)
    with pytest.raises(BadInput, match="12 px or more"):
        DetectorSettings(min_face_px=5)


def test_the_pyramid_reaches_from_the_smallest_face_to_the_whole_picture():
    sizes = mosaic.levels(200, 120, 24, 0.709)
    assert (sizes[0].across, sizes[0].down, sizes[0].face_px) == (100, 60, 24)
    assert sizes[-1].down <= 12 and all(a.face_px < b.face_px for a, b in itertools.pairwise(sizes))


@pytest.mark.real_data
def test_five_faces_in_a_group_picture(shared_data, detector, raw_frames):
    images, _ = raw_frames(shared_data / "video" / "multi_face.jpg")
    found = detector.detect(images)
    assert len(found.score) == 5 and np.all(found.score > 0.99)
    left_eye, right_eye, nose, left_mouth, right_mouth = found.points.transpose(1, 0, 2)
    assert np.all(left_eye[:, 0] < right_eye[:, 0]) and np.all(left_mouth[:, 0] < right_mouth[:, 0])
    assert np.all(left_eye[:, 1] < nose[:, 1]) and np.all(nose[:, 1] < left_mouth[:, 1])


@pytest.mark.real_data
def test_batches_do_not_change_a_frame(shared_data, detector, raw_frames, monkeypatch):
    images, _ = raw_frames(shared_data / "video" / "single_face.mp4")
    images = images[:9]
    whole = detector.detect(images)
    assert whole.frame.tolist() == list(range(9))
    for k in range(9):
        alone = detector.detect(images[k : k + 1])
        assert alone.box[0] == pytest.approx(whole.box[k], abs=0.1)
        assert alone.points[0] == pytest.approx(whole.points[k], abs=0.1)
    monkeypatch.setattr(faces, "TALL_PX", 800)  # two frames at a time
    parts = detector.detect(images)
    assert parts.frame.tolist() == whole.frame.tolist() and parts.box == pytest.approx(whole.box, abs=0.1)


@pytest.mark.real_data
def test_a_face_that_fills_a_small_picture_is_found(shared_data, detector, raw_frames):
    images, _ = raw_frames(shared_data / "video" / "WolfgangLanger_Pexels.mp4")
    small = np.stack([cv2.resize(i[:, 140:500], (128, 128), interpolation=cv2.INTER_AREA) for i in images[:320:16]])
    assert set(detector.detect(small).frame) == set(range(len(small)))
