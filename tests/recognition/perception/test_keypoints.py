"""Keypoints by models that a user gives: whose body it is, where it lies in the frame, and what is missing."""

import sys
from pathlib import Path
from types import ModuleType

import fake_mediapipe
import numpy as np
import pytest

from vemo_audit.errors import BadInput
from vemo_audit.recognition.perception.keypoints import Keypoints, MediapipeKeypoints, RtmlibKeypoints, body_area

BOX = np.array([[100.0, 40, 140, 90]], np.float32)
FRAME = np.zeros((1, 240, 320, 3), np.uint8)


@pytest.fixture
def script(monkeypatch):
    script = fake_mediapipe.Script()
    monkeypatch.setitem(sys.modules, "mediapipe", fake_mediapipe.module(script))
    return script


@pytest.fixture
def task(tmp_path: Path) -> Path:
    path = tmp_path / "pose.task"
    path.write_bytes(b"PK\x03\x04")
    return path


def test_a_body_is_looked_for_round_its_face_and_inside_the_frame() -> None:
    assert body_area(BOX[0], (240, 320, 3)) == (0, 0, 260, 240)
    assert body_area(np.array([100.0, 100, 110, 112]), (240, 320, 3)) == (70, 90, 140, 170)
    assert body_area(np.full(4, np.nan), (240, 320, 3)) == (0, 0, 0, 0)


def test_mediapipe_marks_come_back_in_pixels_of_the_frame(script, task) -> None:
    marks = np.full((33, 2), 0.5)
    marks[0] = 120 / 260, 60 / 240  # the nose, in shares of the part that was shown
    stranger = marks.copy()
    stranger[0] = 250 / 260, 60 / 240
    sure = np.linspace(0, 1, 33)
    script.poses = [(marks, sure), (stranger, sure), None]
    with MediapipeKeypoints(task) as provider:
        found = provider.keypoints(np.repeat(FRAME, 3, axis=0), np.repeat(BOX, 3, axis=0))
    assert found.skeleton == "blazepose33" and script.asked[0].shape == (240, 260, 3) and script.closed == 1
    assert found.xy[0, 0] == pytest.approx([120, 60]) and found.xy[0, 1] == pytest.approx([130, 120])
    assert found.score[0] == pytest.approx(sure)
    assert np.isnan(found.xy[1:]).all() and (found.score[1:] == 0).all()  # a stranger's body, and nobody's


def test_a_box_of_nan_and_no_frames_have_no_body(script, task) -> None:
    provider = MediapipeKeypoints(task)
    assert np.isnan(provider.keypoints(FRAME, np.full((1, 4), np.nan, np.float32)).xy).all()
    assert provider.keypoints(FRAME[:0], BOX[:0]).xy.shape == (0, 33, 2) and not script.asked
    with pytest.raises(BadInput, match="uint8"):
        provider.keypoints(FRAME.astype(float), BOX)


@pytest.fixture
def rtmlib(monkeypatch):
    """The surface of rtmlib 0.0.16's RTMPose: BGR in, boxes as x0 y0 x1 y1, keypoints and scores out."""
    fake = ModuleType("rtmlib")
    fake.asked, fake.points = [], 17

    class RTMPose:
        def __init__(
            self, onnx_model, model_input_size=(192, 256), mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375),
            to_openpose=False, backend="onnxruntime", device="cpu",
        ):  # fmt: skip
            if Path(onnx_model).read_bytes() != b"onnx":
                raise RuntimeError("INVALID_PROTOBUF")

        def __call__(self, image, bboxes=()):
            fake.asked.append((image.copy(), bboxes))
            return np.tile([[[120.0, 60.0]]], (1, fake.points, 1)), np.full((1, fake.points), 1.3)

    fake.RTMPose = RTMPose
    monkeypatch.setitem(sys.modules, "rtmlib", fake)
    return fake


def test_rtmlib_is_shown_blue_first_and_the_first_17_are_taken(rtmlib, tmp_path) -> None:
    onnx = tmp_path / "pose.onnx"
    onnx.write_bytes(b"onnx")
    provider = RtmlibKeypoints(onnx)
    red = FRAME.copy()
    red[..., 0] = 255
    rtmlib.points = 133
    found = provider.keypoints(red, BOX)
    image, boxes = rtmlib.asked[0]
    assert (image[..., 2] == 255).all() and (image[..., 0] == 0).all() and boxes == [[0, 0, 260, 240]]
    assert found.skeleton == "coco17" and found.xy.shape == (1, 17, 2) and (found.score == 1).all()
    rtmlib.points = 5
    with pytest.raises(BadInput, match="5 keypoints"):
        provider.keypoints(red, BOX)


def test_what_is_missing_is_said_and_nothing_is_downloaded(rtmlib, script, tmp_path, monkeypatch) -> None:
    with pytest.raises(BadInput, match="no pose model"):
        RtmlibKeypoints(tmp_path / "not-here.onnx")
    assert not rtmlib.asked
    wrong = tmp_path / "wrong"
    wrong.write_bytes(b"text")
    with pytest.raises(BadInput, match="rtmlib can run"):
        RtmlibKeypoints(wrong)
    with pytest.raises(BadInput, match="not a task file"):
        MediapipeKeypoints(wrong)
    for package, provider in (("rtmlib", RtmlibKeypoints), ("mediapipe", MediapipeKeypoints)):
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(BadInput, match=rf"vemo-audit\[{package}\]"):
            provider(wrong)


def test_keypoints_of_the_wrong_shape_or_skeleton_are_refused() -> None:
    with pytest.raises(BadInput, match="17"):
        Keypoints(np.zeros((1, 33, 2)), np.zeros((1, 33)), "coco17")
    with pytest.raises(BadInput, match="one of"):
        Keypoints(np.zeros((1, 33, 2)), np.zeros((1, 33)), "stick")
