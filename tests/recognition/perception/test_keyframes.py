"""Tests of the policy between keyframes, on rendered people: who enters is covered, who crosses keeps a number."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from vemo_audit.governance.masking import FILL, fill
from vemo_audit.recognition.perception.boxes import overlap
from vemo_audit.recognition.perception.faces import FaceDetector
from vemo_audit.recognition.perception.tracks import BRIDGED_BELOW, FaceTracker, TrackerSettings
from vemo_audit.recognition.perception.watch import WatchSettings

RATE_HZ = 25.0
BLIND = TrackerSettings(watch=WatchSettings(on=False))
WHOLE = (0.0, 0.0, 480.0, 270.0)
"""As if the region of who agreed were the whole picture: only a stranger's own fill can cover a stranger."""


@pytest.fixture(scope="module")
def detector():
    return FaceDetector()


def film(room, count: int, draw: Callable[[np.ndarray, int], list[np.ndarray | None]]):
    """Frames [N, H, W, 3] with camera noise, and what `draw` says of each."""
    rng = np.random.default_rng(3)
    images, told = [], []
    for k in range(count):
        canvas = room.copy()
        told.append(draw(canvas, k))
        noise = rng.normal(0, 1.5, (*canvas.shape[:2], 1))
        images.append(np.clip(canvas + noise + 0.5, 0, 255).astype(np.uint8))
    return np.stack(images), told


def follow(detector, images, settings=None, chunk=1000):
    tracker = FaceTracker(detector, settings)
    time_s = np.arange(len(images)) / RATE_HZ
    return [f for k in range(0, len(images), chunk) for f in tracker.find(images[k : k + chunk], time_s[k : k + chunk])]


def at(result, box):
    """The reported face that overlaps a true box most, and the overlap."""
    if not result:
        return None, 0.0
    found = overlap(np.array([box], np.float32), np.array([f.box for f in result], np.float32))[0]
    return result[int(found.argmax())], float(found.max())


ENTRIES = {
    "at once": lambda k: (300, 60) if k >= 5 else None,
    "from the side": lambda k: (480 - 12 * (k - 3), 60) if k >= 3 else None,
    "slowly": lambda k: (425 - 4 * k, 60),  # nearly all of the face is out of the picture at first
    "from below": lambda k: (290, 270 - 14 * (k - 2)) if k >= 2 else None,
}


def _shown_uncovered(detector, heads, room, entry, settings, count=12) -> list[int]:
    """Frames, all before the second keyframe, whose guarded picture still shows a stranger that a search finds."""

    def draw(canvas, k):
        mine = heads[0].on(canvas, 40, 60)
        where = ENTRIES[entry](k)
        return [mine, None if where is None else heads[1].on(canvas, *where)]

    images, told = film(room, count, draw)
    result, bad = follow(detector, images, settings), []
    for k, (mine, stranger) in enumerate(told):
        me, _ = at(result[k], mine)
        others = [face.box for face in result[k] if face is not me]
        if stranger is None or at_search(detector, images[k], stranger) < 0.5:
            continue
        guarded = images[k].copy()
        fill(guarded, [WHOLE], others)
        x0, y0, x1, y1 = np.clip(stranger, 0, [480, 270, 480, 270]).astype(int)
        if np.any(guarded[y0:y1, x0:x1] != FILL, axis=-1).mean() > 0.05:
            bad.append(k)
    return bad


def at_search(detector, image, box) -> float:
    found = detector.detect(image[None]).box
    return float(overlap(np.array([box], np.float32), found).max()) if len(found) else 0.0


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_stranger_who_enters_between_keyframes_is_never_shown(detector, heads, room, entry):
    assert _shown_uncovered(detector, heads, room, entry, None) == []


@pytest.mark.parametrize("entry", ENTRIES)
def test_twin_without_the_watch_a_stranger_is_shown(detector, heads, room, entry):
    assert len(_shown_uncovered(detector, heads, room, entry, BLIND)) >= 2


def test_a_still_picture_is_searched_on_keyframes_alone(detector, heads, room):
    searches = {"whole": 0, "part": 0}

    class Counting(FaceDetector):
        def detect(self, images):
            searches["whole"] += 1
            return super().detect(images)

        def _detect(self, images, tiles, **more):
            searches["part"] += bool(tiles) and more.get("followed") is not None
            return super()._detect(images, tiles, **more)

    images, _ = film(room, 30, lambda canvas, k: [heads[0].on(canvas, 40, 60)])
    result = follow(Counting(), images)
    assert searches == {"whole": 3, "part": 0}  # at 0, 0.5 and 1.0 s
    assert [[f.track for f in faces] for faces in result] == [[0]] * 30


def test_two_who_cross_keep_their_numbers(detector, heads, room):
    def draw(canvas, k):
        behind = heads[1].on(canvas, 330 - 8 * k, 64)
        return [heads[0].on(canvas, 8 * k, 60), behind]

    images, told = film(room, 41, draw)
    result = follow(detector, images)
    first, last = ([at(result[k], box)[0].track for box in told[k]] for k in (4, 40))
    assert first == last == [0, 1], (first, last)
    assert all(at(result[k], told[k][0])[0].track == 0 for k in range(41)), "who is in front is never another"
    assert {f.track for faces in result for f in faces if f.track >= 0} == {0, 1}


@pytest.mark.parametrize("step_px", [0, 3, 7])
def test_a_person_behind_a_bar_for_most_of_a_second_is_the_same(detector, heads, room, step_px):
    hidden = range(15, 35)  # 0.8 s

    def draw(canvas, k):
        box = heads[0].on(canvas, 60 + step_px * k, 60)
        if k in hidden:
            x0, x1 = int(box[0]) - 30, int(box[2]) + 30
            canvas[:, max(0, x0) : x1] = (60, 70, 80)
        return [box]

    images, told = film(room, 45, draw)
    result = follow(detector, images)
    assert {f.track for faces in result for f in faces if f.score >= BRIDGED_BELOW} == {0}
    face, found = at(result[44], told[44][0])
    assert face.track == 0 and found > 0.4
    assert not any(f.score >= BRIDGED_BELOW for k in list(hidden)[1:] for f in result[k])


def test_twin_a_tracker_that_forgets_sooner_takes_them_for_another(detector, heads, room):
    forgetful = replace(TrackerSettings(), max_gap_s=0.5, shown_gap_s=0.3)

    def draw(canvas, k):
        if not 15 <= k < 35:
            heads[0].on(canvas, 60, 60)
        return []

    images, _ = film(room, 45, draw)
    assert {f.track for faces in follow(detector, images, forgetful) for f in faces if f.track >= 0} == {0, 1}


@pytest.mark.parametrize("chunk", [1, 7, 64])
def test_chunks_change_nothing_to_the_last_bit(detector, heads, room, chunk):
    def draw(canvas, k):
        heads[2].on(canvas, 330 - 9 * k, 70)
        heads[1].on(canvas, 200, 300 - 11 * k)
        return [heads[0].on(canvas, 6 * k, 60)]

    images, _ = film(room, 30, draw)
    whole, parts = follow(detector, images), follow(detector, images, chunk=chunk)
    assert [[(f.track, f.box, f.score) for f in faces] for faces in parts] == [
        [(f.track, f.box, f.score) for f in faces] for faces in whole
    ]
    assert all(np.array_equal(f.points, g.points) for a, b in zip(whole, parts, strict=True)
               for f, g in zip(a, b, strict=True))  # fmt: skip
