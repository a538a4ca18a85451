"""Tests of the tracker: one person is one track however the clip is cut, and nobody unconfirmed is hidden."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from vemo_audit.errors import BadInput
from vemo_audit.recognition.perception.boxes import overlap
from vemo_audit.recognition.perception.faces import Detections, DetectorSettings, FaceDetector
from vemo_audit.recognition.perception.halves import Halves
from vemo_audit.recognition.perception.tracks import BRIDGED_BELOW, FaceTracker, TrackerSettings

HAND = json.loads((Path(__file__).parent / "boxes.json").read_text())
SIDE = 40.0


EVERY_FRAME = TrackerSettings(keyframe_every_s=0)


class Script:
    """A detector that sees what the test says: (x, y, score) by frame; the first pixel of a frame is its number."""

    settings = DetectorSettings()

    def __init__(self, frames: list[list[tuple[float, float, float]]]) -> None:
        self.frames = frames

    def detect(self, images: Halves) -> Detections:
        rows = [(k, *face) for k, image in enumerate(images.level(0)) for face in self.frames[int(image[0, 0, 0])]]
        box = np.array([[x, y, x + SIDE, y + SIDE] for _, x, y, _ in rows], np.float32).reshape(-1, 4)
        points = box[:, None, :2] + np.array([[12, 15], [28, 15], [20, 24], [14, 31], [26, 31]], np.float32)
        return Detections(
            box, points, np.array([s for *_, s in rows], np.float32), np.array([k for k, *_ in rows], np.int64), box
        )


def run(script, *, rate_hz=25.0, chunk=1000, settings=None, size=(180, 320)):
    """The faces of every frame of a script."""
    tracker = FaceTracker(Script(script), settings or EVERY_FRAME)
    images = np.zeros((len(script), *size, 3), np.uint8)
    images[:, 0, 0, 0] = np.arange(len(script))
    time_s = np.arange(len(script)) / rate_hz
    return [
        faces
        for k in range(0, len(script), chunk)
        for faces in tracker.find(images[k : k + chunk], time_s[k : k + chunk])
    ]


def numbers(result):
    return [[face.track for face in faces] for faces in result]


def walk(n, x=20.0, y=60.0, step=3.0, score=0.99):
    return [[(x + step * k, y, score)] for k in range(n)]


def test_a_walking_person_is_one_track():
    assert numbers(run(walk(60))) == [[0]] * 60


def test_new_people_are_numbered_from_left_to_right():
    assert numbers(run([[(200, 60, 0.99), (20, 60, 0.98)]] * 3)) == [[0, 1]] * 3


def test_a_short_gap_is_bridged_along_the_motion_and_said_so():
    script = walk(40)
    for k in range(20, 26):
        script[k] = []
    result = run(script)
    assert numbers(result) == [[0]] * 40
    for k in range(20, 26):
        (face,) = result[k]
        assert face.score < BRIDGED_BELOW and face.box[0] > result[19][0].box[0]
        assert face.box[0] == pytest.approx(20 + 3 * k, abs=9) and face.points.shape == (5, 2)
    assert all(face.score > BRIDGED_BELOW for k in (19, 26) for face in result[k])


def test_a_gap_over_one_second_is_another_track():
    near = run([*walk(10, step=0), *[[]] * 24, *walk(5, step=0)])
    far = run([*walk(10, step=0), *[[]] * 26, *walk(5, step=0)])
    assert numbers(near)[-1] == [0] and numbers(far)[-1] == [1]
    shown = [k for k in range(10, 36) if far[k]]
    assert shown == list(range(10, 22)), "a lost face is shown for half a second"


def test_somebody_far_away_is_somebody_else():
    assert numbers(run([[(20, 60, 0.99)]] * 5 + [[(220, 60, 0.99)]]))[-1] == [1, 0]


def test_a_face_that_left_the_picture_is_not_shown_outside():
    result = run([[(280 + 8.0 * k, 60, 0.99)] for k in range(4)] + [[]] * 4)
    for faces in result[4:]:
        assert all((face.box[0] + face.box[2]) / 2 < 320 for face in faces)
    assert result[-1] == ()


def test_two_who_pass_each_other_keep_their_numbers():
    script = [[(20 + 5.0 * k, 40, 0.99), (220 - 5.0 * k, 85, 0.99)] for k in range(40)]
    result = run(script)
    for k, faces in enumerate(result):
        by_number = {face.track: face.box[1] for face in faces}
        assert by_number == {0: 40, 1: 85}, k


def _the_unsure_is_reported_unconfirmed(settings=None):
    """Whoever covers strangers must see a doubtful face in its very first frame."""
    result = run([[]] * 3 + [[(60, 60, 0.8)]] * 4 + [[]] * 5 + [[(150, 60, 0.75)]] + [[]] * 5, settings=settings)
    assert numbers(result)[3:7] == [[-1], [-1], [0], [0]]
    assert [n for n in numbers(result)[12] if n < 0] == [-2]
    assert all(face.score > 0.5 for face in result[12] if face.track < 0)


def test_the_unsure_is_reported_unconfirmed():
    _the_unsure_is_reported_unconfirmed()


def test_twin_a_tracker_that_trusts_every_face_fails_that():
    with pytest.raises(AssertionError):
        _the_unsure_is_reported_unconfirmed(TrackerSettings(sure_score=0.0, keyframe_every_s=0))


def _scene(level: int, seed: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 16, 1), dtype=np.uint8)
    image = np.repeat(np.repeat(np.repeat(coarse, 20, 0), 20, 1), 3, 2)
    return np.clip(image.astype(int) // 2 + level, 0, 255).astype(np.uint8)


def _track_after(images):
    class Still(Script):
        def detect(self, images):
            return super().detect(Halves(np.zeros_like(images.level(0))))

    tracker = FaceTracker(Still([[(60, 60, 0.99)]]), EVERY_FRAME)
    return [f[0].track for f in tracker.find(np.stack(images), np.arange(len(images)) / 25)]


def test_a_cut_ends_the_track_and_a_flash_does_not():
    assert _track_after([_scene(0, 1), _scene(0, 1), _scene(0, 2), _scene(0, 2)]) == [0, 0, 1, 1]
    assert _track_after([_scene(0, 1), _scene(90, 1), _scene(0, 1)]) == [0, 0, 0]


def test_time_may_not_run_backwards():
    tracker = FaceTracker(Script([[]]), EVERY_FRAME)
    image = np.zeros((1, 90, 160, 3), np.uint8)
    tracker.find(image, np.array([1.0]))
    with pytest.raises(BadInput, match="new FaceTracker"):
        tracker.find(image, np.array([0.5]))
    with pytest.raises(BadInput):
        FaceTracker(Script([[]]), EVERY_FRAME).find(image, np.array([np.nan]))


@pytest.mark.parametrize("chunk", [1, 3, 7, 64])
def test_chunks_do_not_change_a_script(chunk):
    rng = np.random.default_rng(4)
    script = [
        [(float(x), 60.0, float(s)) for x, s in rng.uniform((0, 0.7), (280, 1), (rng.integers(0, 3), 2))]
        for _ in range(90)
    ]
    whole, parts = run(script), run(script, chunk=chunk)
    assert numbers(parts) == numbers(whole)
    assert [[f.box for f in faces] for faces in parts] == [[f.box for f in faces] for faces in whole]


@pytest.fixture(scope="module")
def detector():
    return FaceDetector()


def follow(detector, images, time_s, chunk):
    tracker = FaceTracker(detector)
    return [
        faces
        for k in range(0, len(images), chunk)
        for faces in tracker.find(images[k : k + chunk], time_s[k : k + chunk])
    ]


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["single_face.mp4", "WolfgangLanger_Pexels.mp4"])
def test_one_person_is_one_track_where_the_hand_drew_it(shared_data, detector, raw_frames, name):
    images, time_s = raw_frames(shared_data / "video" / name)
    result = follow(detector, images, time_s, 64)
    seen = [faces for faces in result if any(face.score >= BRIDGED_BELOW for face in faces)]
    assert {face.track for faces in result for face in faces} == {0}
    assert len(seen) >= 0.99 * len(images)
    drawn = [row for row in HAND["people"] if row["file"] == name]
    assert len(drawn) == 10
    for row in drawn:
        k = int(np.argmin(np.abs(time_s - row["time_s"])))
        assert time_s[k] == pytest.approx(row["time_s"], abs=1e-4)
        (face,) = result[k]
        assert overlap(np.array([face.box]), np.array([row["box"]], float))[0, 0] >= 0.5, row


@pytest.mark.real_data
@pytest.mark.parametrize("chunk", [1, 7])
def test_chunks_do_not_change_a_real_clip(shared_data, detector, raw_frames, chunk):
    images, time_s = raw_frames(shared_data / "video" / "facenet_street.mp4")
    images, time_s = images[:15, 450:900, 600:1300], time_s[:15]
    whole, parts = follow(detector, images, time_s, 64), follow(detector, images, time_s, chunk)
    assert numbers(parts) == numbers(whole)
    assert len({face.track for faces in whole for face in faces}) > 2
    for a, b in zip(parts, whole, strict=True):
        assert [f.box for f in a] == [f.box for f in b], "to the last bit"
        assert all(np.array_equal(f.points, g.points) for f, g in zip(a, b, strict=True))


@pytest.mark.real_data
def test_an_empty_room_holds_nobody(shared_data, detector, raw_frames):
    images, time_s = raw_frames(shared_data / "video" / "no_face.mp4")
    assert all(faces == () for faces in follow(detector, images, time_s, 64))


@pytest.mark.real_data
def test_a_cut_between_face_and_room_leaves_no_ghost(shared_data, detector, raw_frames):
    images, time_s = raw_frames(shared_data / "video" / "face_noface.mov")
    shown = [bool(faces) for faces in follow(detector, images, time_s, 64)]
    assert sum(shown) == 72 and shown == sorted(shown, key=lambda s: s != shown[0])


def test_hand_drawn_boxes_are_numbers_only(root):
    assert len(HAND["people"]) == 20 and len(HAND["street"]) == 3
    tracked = subprocess.run(
        ["git", "ls-files", "tests/recognition"], cwd=root, capture_output=True, text=True, check=False
    ).stdout
    assert not any(line.endswith((".png", ".jpg", ".npy", ".mp4")) for line in tracked.splitlines())
